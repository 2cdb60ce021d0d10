"""LangChain keeps the contract of adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from governance.engine import Session
from governance.errors import GovernanceError
from governance.hosts.langchain import middleware, start
from governance.hosts.langchain.profile import PROFILE
from governance.testing.host_contract import EngineHost, Host, HostContract, Seen
from tests.hosts.langchain.proofs_runs import Model


class LangChain(EngineHost):
    """An agent with a shell; each run of it is a turn."""

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Session] = {}

    def start(self, session: str) -> Seen:
        self.sessions[session] = start(self.engine, session)
        return Seen()

    def _run(self, session: str, text: str, output: str, *answers: AIMessage) -> Any:
        ran: list[str] = []

        @tool
        def sh(command: str) -> str:
            """Run a command."""
            ran.append(command)
            return output

        model = Model(messages=iter(answers))
        governed = middleware(self.sessions[session], tools={"sh": "shell"})
        agent = create_agent(model, [sh], middleware=[governed])
        try:
            agent.invoke({"messages": [("user", text)]})
        except GovernanceError as error:
            return str(error), ran, model._asked
        return "", ran, model._asked

    def prompt(self, session: str, text: str) -> Seen:
        refused, _, asked = self._run(session, text, "", AIMessage("hi"))
        return Seen(text, str(asked[0][0].content)) if asked else Seen(None, refused)

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        wanted = {"name": "sh", "args": {"command": command}, "id": call}
        answers = AIMessage("", tool_calls=[wanted]), AIMessage("done")
        refused, ran, asked = self._run(session, "use the tool", output, *answers)
        told = refused or str(asked[-1][-1].content)
        return Seen(ran[0] if ran else None, told)

    def end(self, session: str) -> None:
        self.sessions.pop(session).end()


class TestLangChain(HostContract):
    def open_host(self, folder: Path) -> Host:
        return LangChain()
