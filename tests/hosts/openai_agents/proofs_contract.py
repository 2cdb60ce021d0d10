"""The OpenAI Agents SDK keeps the contract of adapters."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from agents import Agent, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from governance.engine import Session
from governance.errors import GovernanceError
from governance.hosts.openai_agents import run, start
from governance.hosts.openai_agents.profile import PROFILE
from governance.testing.host_contract import EngineHost, Host, HostContract, Seen


class OpenAIAgents(EngineHost):
    """An agent with a shell, and one that it may hand over to; each run is a turn."""

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Session] = {}
        self.refused: dict[str, str] = {}
        self.ran: list[str] = []

    def start(self, session: str) -> Seen:
        try:
            self.sessions[session] = start(self.engine, session)
        except GovernanceError as error:
            self.refused[session] = str(error)
        return Seen()

    def _run(self, session: str, text: str, output: str, *answers: Any) -> tuple[str, Any]:
        model = ScriptedModel()
        model.extend([[one] for one in answers])
        self.ran.clear()

        @function_tool
        def sh(command: str) -> str:
            """Run a command."""
            self.ran.append(command)
            return output

        helper = Agent[Any](name="helper", model=model, tools=[sh])
        agent = Agent[Any](name="main", model=model, tools=[sh], handoffs=[helper])
        tools = {"sh": "shell"}
        try:
            asyncio.run(run(agent, text, session=self.sessions[session], tools=tools))
        except (GovernanceError, UnicodeError) as error:
            # The SDK itself breaks off at arguments that are no Unicode.
            return str(error), model
        return "", model

    def prompt(self, session: str, text: str) -> Seen:
        if session not in self.sessions:
            return Seen(None, self.refused[session])
        refused, model = self._run(session, text, "", assistant_message("hi"))
        if not model.calls:
            return Seen(None, refused)
        return Seen(text, model.calls[0].system_instructions or "")

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        if session not in self.sessions:
            return Seen(None, self.refused[session])
        calling = function_call("sh", {"command": command}, call_id=call)
        return self._used(session, output, calling)

    def _used(self, session: str, output: str, *calling: Any) -> Seen:
        answers = (*calling, assistant_message("done"))
        refused, model = self._run(session, "use the tool", output, *answers)
        told = refused or str(model.calls[-1].input[-1]["output"])
        return Seen(self.ran[0] if self.ran else None, told)

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """The agent that is handed over to is a sub-session."""
        handover = function_call(f"transfer_to_{name}", "{}", call_id="h1")
        calling = function_call("sh", {"command": command}, call_id="k1")
        return f"{session}/1-{name}", self._used(session, "done", handover, calling)

    def end(self, session: str) -> None:
        self.sessions.pop(session).end()


class TestOpenAIAgents(HostContract):
    def open_host(self, folder: Path) -> Host:
        return OpenAIAgents()
