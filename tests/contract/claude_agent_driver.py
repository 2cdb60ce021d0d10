"""The hooks of the Claude Agent SDK as the SDK calls them; `tests/hosts` has the SDK itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from governance.hosts.claude_agent_sdk.adapter import ADAPTER
from governance.hosts.claude_agent_sdk.seat import Seat
from governance.testing.host_contract_driver import Seen
from tests.contract.hook_drivers import ClaudeCode


class ClaudeAgentSdk(ClaudeCode):
    """
    One client of the SDK a session; it is told of no start, and calls functions.

    Attributes:
        seats: Session → what its client's hooks call.
    """

    adapter = ADAPTER

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seats: dict[str, Seat] = {}

    def start(self, session: str) -> Seen:
        self.seats[session] = Seat(self.engine, None, "")
        return Seen()

    def resume(self, session: str) -> Seen:
        return self.start(session)

    def reset(self, session: str) -> str:
        """One client goes on with a new id."""
        after = f"{session}-next"
        self.seats[after] = self.seats[session]
        self.send("clear_start", after)
        return after

    def end(self, session: str) -> None:
        self.seats.pop(session).close()

    def answer(self, event: str, data: bytes, *, call_id: str = "") -> bytes:
        del call_id
        given = json.loads(data)
        made = asyncio.run(self.seats[given["session_id"]].hook(given, None, None))
        return json.dumps(made).encode() if made else b""
