"""
An agent of a framework that speaks agent-hooks, governed by one interceptor.

The framework here is a few lines: it emits the interception points of the contract and uses what
comes back. Any framework that does so is governed alike, and none of it is changed.

Needs ``pip install agent-hooks-sdk``. Run it in a project that ``governance init`` has made::

    python examples/agent_hooks_governed.py path/to/project
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

from agent_hooks import AgentContextBuilder, InterceptionBlocked, InterceptionEmitter

from governance import Engine
from governance.hosts.agent_hooks import Governance

SCRIPT = ("wc -l governance.toml", "git push --force origin main")


def shell(command: str) -> str:
    """Run *command*."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


async def turn(emitter: InterceptionEmitter, build: AgentContextBuilder, prompt: str) -> None:
    """What a framework does: ask its model, and run the tools that it wants."""
    await emitter.emit(build.agent_startup(tools_registered=["sh"]))
    await emitter.emit(build.input(content=prompt))
    said: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    for number, command in enumerate(SCRIPT):
        request = await emitter.emit(build.pre_model_call(model_id="m", messages=said))
        print(f"the model was told {len(str(request.target[0]['content']))} characters")
        wanted = {"id": str(number), "name": "sh", "args": {"command": command}}
        await emitter.emit(
            build.post_model_call(
                model_id="m", content=None, tool_calls=[wanted], finish_reason="tool_calls"
            )
        )
        said.append({"role": "tool", "content": await called(emitter, build, str(number), command)})
        print(said[-1]["content"])
    await emitter.emit(build.output(content="It could not be published."))
    await emitter.emit(build.agent_shutdown(reason="completed"))


async def called(
    emitter: InterceptionEmitter, build: AgentContextBuilder, call: str, command: str
) -> str:
    """What the model reads of one call."""
    given = {"command": command}
    try:
        leave = await emitter.emit(build.pre_tool_call(call_id=call, name="sh", args=given))
        output = shell(leave.target["command"])
        told = build.post_tool_call(call_id=call, name="sh", args=leave.target, value=output)
        return str((await emitter.emit(told)).target)
    except InterceptionBlocked as blocked:
        return str(blocked.result.verdict.message)


def main(directory: str) -> None:
    build = AgentContextBuilder(agent_id="publisher", framework="example", session_id="hooks-1")
    with Engine.open(directory) as engine:
        emitter = InterceptionEmitter()
        emitter.register(Governance(engine, tools={"sh": "shell"}), name="governance")
        asyncio.run(turn(emitter, build, "Publish it"))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
