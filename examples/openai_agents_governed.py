"""
Agents of the OpenAI Agents SDK, governed without a change to them.

`run` takes the place of ``Runner.run``: the agent is told what governs it, a tool that a rule
denies answers with the reason, and the agent that it hands to is a session below its own.

The model is the SDK's own scripted one, so that no key is needed; any model goes in its
place. Needs ``pip install 'openai-agents>=0.24,<0.25'``. Run it in a project that
``governance init`` has made::

    python examples/openai_agents_governed.py path/to/project
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from agents import Agent, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from governance import Engine
from governance.hosts.openai_agents import run, start


@function_tool
def shell(command: str) -> str:
    """Run a command."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


MODEL = ScriptedModel(
    [
        [function_call("shell", {"command": "wc -l governance.toml"}, call_id="1")],
        [function_call("transfer_to_publisher", "{}", call_id="2")],
        [function_call("shell", {"command": "git push --force origin main"}, call_id="3")],
        [assistant_message("It could not be published.")],
    ]
)

PUBLISHER = Agent(name="publisher", instructions="Publish.", model=MODEL, tools=[shell])
WRITER = Agent(
    name="writer", instructions="Write.", model=MODEL, tools=[shell], handoffs=[PUBLISHER]
)


def main(directory: str) -> None:
    with Engine.open(directory) as engine, start(engine, "agents-1") as session:
        result = asyncio.run(
            run(WRITER, "Write it and publish it", session=session, tools={"shell": "shell"})
        )
        for item in result.new_items:
            if item.type == "tool_call_output_item":
                print(item.output)
        told = len(MODEL.calls[0].system_instructions or "")
        print(f"the model was told {told} characters")
        print(result.final_output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
