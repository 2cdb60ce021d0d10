"""
An agent of LangChain, governed by one middleware.

It asks before each tool, puts what governs the agent into each request, and answers the model
with the reason where a rule denies. Graphs of LangGraph that hold such an agent are governed
with it.

The model is LangChain's own scripted one, so that no key is needed; any model goes in its
place. Needs ``pip install 'langchain>=1.5,<2'``. Run it in a project that ``governance init``
has made::

    python examples/langchain_governed.py path/to/project
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage

from governance import Engine
from governance.hosts.langchain import middleware, start

TOLD: list[str] = []


class ScriptedModel(GenericFakeChatModel):
    """Asks for one command after the other, and keeps what it was told."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:  # noqa: ARG002
        return self

    def _generate(self, messages: list[BaseMessage], *given: Any, **named: Any) -> Any:
        TOLD.append(str(messages[0].content))
        return super()._generate(messages, *given, **named)


def shell(command: str) -> str:
    """Run a command."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def calling(command: str, call_id: str) -> AIMessage:
    call = {"name": "shell", "args": {"command": command}, "id": call_id}
    return AIMessage("", tool_calls=[call])


def main(directory: str) -> None:
    script = [
        calling("wc -l governance.toml", "1"),
        calling("git push --force origin main", "2"),
        AIMessage("It could not be published."),
    ]
    with Engine.open(directory) as engine, start(engine, "chain-1") as session:
        agent = create_agent(
            ScriptedModel(messages=iter(script)),
            [shell],
            middleware=[middleware(session, tools={"shell": "shell"})],
        )
        for message in agent.invoke({"messages": [("user", "Publish it")]})["messages"]:
            if message.content:
                print(f"{message.type}: {message.content}")
        print(f"the model was told {len(TOLD[0])} characters")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
