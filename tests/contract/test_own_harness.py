"""The example of a harness with an adapter keeps the contract of adapters."""

from __future__ import annotations

from pathlib import Path

from examples.own_harness import PROFILE, Governed, Harness, Message, Script, Stopped, start
from governance.engine import Session
from governance.testing.host_contract import EngineHost, Host, HostContract, Seen


class OwnHarness(EngineHost):
    """The harness on a scripted model; each verb is a turn of it."""

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Session] = {}

    def start(self, session: str) -> Seen:
        self.sessions[session] = start(self.engine, session)
        return Seen()

    def prompt(self, session: str, text: str) -> Seen:
        return self._turn(session, text, "", {"say": "hi"})[0]

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        steps: list[Message] = [{"run": command, "id": call}, {"say": "done"}]
        return self._turn(session, "use the tool", output, *steps)[1]

    def _turn(self, session: str, text: str, output: str, *steps: Message) -> tuple[Seen, Seen]:
        """What came of the prompt, and of the command."""
        ran: list[str] = []

        def run(command: str) -> str:
            ran.append(command)
            return output

        model = Script(list(steps))
        harness = Harness(model, Governed(self.sessions[session]), run)
        try:
            messages = harness.turn(text)
        except Stopped as why:
            return Seen(None, str(why)), Seen(None, str(why))
        read = [one["tool"] for one in messages if "tool" in one]
        told = model.told[0][0].get("system", "")
        return Seen(text, told), Seen(ran[0] if ran else None, "".join(read))

    def end(self, session: str) -> None:
        self.sessions.pop(session).end()


class TestOwnHarness(HostContract):
    def open_host(self, folder: Path) -> Host:
        return OwnHarness()
