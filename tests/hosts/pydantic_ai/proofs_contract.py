"""Pydantic AI keeps the contract of adapters."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests
from pydantic_ai.messages import CompactionPart, TextPart, ToolCallPart
from pydantic_core import PydanticSerializationError

from governance.engine import Session
from governance.errors import GovernanceError
from governance.hosts.pydantic_ai import capability, start
from governance.hosts.pydantic_ai.profile import PROFILE
from governance.testing.host_contract import EngineHost, Host, HostContract, Seen
from governance.tools import governing
from tests.hosts.pydantic_ai.proofs_runs import Script

TOOLS = {"sh": "shell", "ask": "delegate"}


def calling(command: str, call: str) -> ToolCallPart:
    return ToolCallPart("sh", {"command": command}, tool_call_id=call)


class PydanticAI(EngineHost):
    """An agent with a shell, whose program takes approvals; each run is a turn."""

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Session] = {}
        self.ran: list[str] = []
        self.capability = capability(TOOLS)

    def start(self, session: str) -> Seen:
        self.sessions[session] = start(self.engine, session, approvals=True)
        return Seen()

    def _agent(self, script: Script, output: str, *tools: Any) -> Agent[Any, Any]:
        def sh(command: str) -> str:
            """Run a command."""
            self.ran.append(command)
            return output

        answers: Any = [str, DeferredToolRequests]
        return Agent(
            script.model(),
            tools=[sh, *tools],
            capabilities=[self.capability],
            name="main",
            output_type=answers,
        )

    def _run(self, session: str, agent: Agent[Any, Any], text: str) -> Any:
        """What the run gives; the text of what refused it."""
        self.ran.clear()
        try:
            with governing(self.sessions[session]):
                return asyncio.run(agent.run(text)).output
        except (GovernanceError, PydanticSerializationError) as error:
            # Pydantic itself breaks off at arguments that are no Unicode.
            return error

    def prompt(self, session: str, text: str) -> Seen:
        script = Script([[TextPart("hi")]])
        refused = self._run(session, self._agent(script, ""), text)
        return Seen(text, script.told[0]) if script.asked else Seen(None, str(refused))

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        script = Script([[calling(command, call)], [TextPart("done")]])
        given = self._run(session, self._agent(script, output), "use the tool")
        if isinstance(given, DeferredToolRequests):
            return Seen(None, str(given.metadata[given.approvals[0].tool_call_id]), asked=True)
        if isinstance(given, Exception):
            return Seen(self.ran[0] if self.ran else None, str(given))
        read = [str(getattr(one, "content", "")) for one in script.asked[-1][-1].parts]
        return Seen(self.ran[0] if self.ran else None, "".join(read))

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """A governed agent that a tool runs is a sub-session, by its agent's name."""
        inner = Script([[calling(command, "k1")], [TextPart("inner done")]])
        helper = self._agent(inner, "done")

        async def ask(prompt: str) -> str:
            """Ask the helper."""
            return str((await helper.run(prompt)).output)

        asking = ToolCallPart("ask", {"prompt": "do this"}, tool_call_id="a1")
        outer = Script([[asking], [TextPart("done")]])
        refused = self._run(session, self._agent(outer, "", ask), "have it done")
        read = inner.read() if inner.asked else str(refused)
        return f"{session}/1-main", Seen(self.ran[0] if self.ran else None, read)

    def compact(self, session: str) -> Seen:
        """The provider makes a summary."""
        script = Script([[CompactionPart("a summary"), TextPart("hi")]])
        self._run(session, self._agent(script, ""), "hello")
        return Seen(told=script.told[0])

    def reset(self, session: str) -> str:
        self.sessions[session].reset()
        return session

    def end(self, session: str) -> None:
        self.sessions.pop(session).end()


class TestPydanticAI(HostContract):
    def open_host(self, folder: Path) -> Host:
        return PydanticAI()
