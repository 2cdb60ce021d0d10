"""
Agents of Pydantic AI, governed by a capability.

Each agent has the capability; `governing` says whose runs are made. An agent is told what
governs it, a tool that a rule denies fails with the reason, and the agent that a tool runs is a
session below the one that ran it.

The model is Pydantic AI's own scripted one, so that no key is needed; any model goes in its
place. Needs ``pip install 'session-governance[pydantic-ai]'``. Run it in a project that
``governance init`` has made::

    python examples/pydantic_ai_governed.py path/to/project
"""

from __future__ import annotations

import subprocess
import sys

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from governance import Engine, governing
from governance.hosts.pydantic_ai import capability, start
from governance.rules.host_tools import ToolMap

TOLD: list[str] = []


def scripted(*calls: ToolCallPart) -> FunctionModel:
    """A model that makes *calls*, one after the other, and then says what came of the last."""
    left = list(calls)

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        TOLD.append(info.instructions or "")
        if left:
            return ModelResponse(parts=[left.pop(0)])
        last = messages[-1].parts[-1]
        return ModelResponse(parts=[TextPart(str(getattr(last, "content", "")))])

    return FunctionModel(answer)


def shell(command: str) -> str:
    """Run a command."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


async def publish(work: str) -> str:
    """Have *work* published by somebody else."""
    return str((await PUBLISHER.run(work)).output)


GOVERNED = capability({"shell": "shell", "publish": ToolMap("delegate", {"prompt": "work"})})

PUBLISHER = Agent(
    scripted(ToolCallPart("shell", {"command": "git push --force origin main"})),
    name="publisher",
    tools=[shell],
    capabilities=[GOVERNED],
)
WRITER = Agent(
    scripted(
        ToolCallPart("shell", {"command": "wc -l governance.toml"}),
        ToolCallPart("publish", {"work": "What was written"}),
    ),
    name="writer",
    tools=[shell, publish],
    capabilities=[GOVERNED],
)


def main(directory: str) -> None:
    with (
        Engine.open(directory) as engine,
        start(engine, "pydantic-1") as session,
        governing(session),
    ):
        result = WRITER.run_sync("Write it and publish it")
        print(f"the model was told {len(TOLD[0])} characters")
        print(result.output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
