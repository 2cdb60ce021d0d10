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
from tests.hosts.pydantic_ai.proofs_runs import Answer, Script


class PydanticAi(EngineHost):
    """An agent with a shell, that can ask another one; each run of it is a turn."""

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Session] = {}
        self.refused: dict[str, str] = {}

    def start(self, session: str) -> Seen:
        try:
            self.sessions[session] = start(self.engine, session, approvals=True)
        except GovernanceError as error:
            self.refused[session] = str(error)
        return Seen()

    def _agent(self, name: str, script: Script, *tools: Any) -> Agent[Any, Any]:
        return Agent(
            script.model(),
            name=name,
            tools=tools,
            capabilities=[capability({"sh": "shell"})],
            output_type=[str, DeferredToolRequests],
        )

    def _run(self, session: str, text: str, script: Script, *tools: Any) -> Any:
        with governing(self.sessions[session]):
            try:
                return asyncio.run(self._agent("main", script, *tools).run(text)).output
            except (GovernanceError, PydanticSerializationError) as error:
                # Pydantic itself breaks off at arguments that are no Unicode.
                return error

    def prompt(self, session: str, text: str) -> Seen:
        if session not in self.sessions:
            return Seen(None, self.refused[session])
        script = Script([[TextPart("hi")]])
        refused = self._run(session, text, script)
        return Seen(text, script.told[0]) if script.told else Seen(None, str(refused))

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        if session not in self.sessions:
            return Seen(None, self.refused[session])
        ran: list[str] = []
        script = _calling(command, call)
        made = self._run(session, "use the tool", script, _shell(ran, output))
        if isinstance(made, DeferredToolRequests):
            return Seen(None, str(made.metadata[call]["reason"]), asked=True)
        told = str(made) if isinstance(made, Exception) else _read(script)
        return Seen(ran[0] if ran else None, told)

    def compact(self, session: str) -> Seen:
        self._run(session, "go on", Script([[CompactionPart("a summary"), TextPart("hi")]]))
        return Seen()

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """An agent that is run within the run of another one is a sub-session."""
        ran: list[str] = []
        inner = _calling(command, "inner")

        async def work() -> None:
            async with self._agent("main", Script([])).iter("delegate") as run:
                await self._agent(name, inner, _shell(ran, "done")).run("do it")
                async for _ in run:
                    pass

        with governing(self.sessions[session]):
            try:
                asyncio.run(work())
            except GovernanceError as error:
                return f"{session}/1-{name}", Seen(None, str(error))
        return f"{session}/1-{name}", Seen(ran[0] if ran else None, _read(inner))

    def reset(self, session: str) -> str:
        self.sessions[session].reset()
        return session

    def end(self, session: str) -> None:
        self.sessions.pop(session).end()


def _calling(command: str, call: str) -> Script:
    wanted: Answer = [ToolCallPart("sh", {"command": command}, tool_call_id=call)]
    return Script([wanted, [TextPart("done")]])


def _shell(ran: list[str], output: str) -> Any:
    def sh(command: str) -> str:
        """Run a command."""
        ran.append(command)
        return output

    return sh


def _read(script: Script) -> str:
    """What the model read last."""
    return str(getattr(script.asked[-1][-1].parts[-1], "content", "")) if script.asked else ""


class TestPydanticAi(HostContract):
    def open_host(self, folder: Path) -> Host:
        return PydanticAi()
