"""How the Claude Agent SDK calls hooks in the program's process, for the contract of adapters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from governance.hosts.claude_agent_sdk.events import ADAPTER
from governance.hosts.claude_agent_sdk.seat import Seat
from governance.journal.memory import MemoryJournal
from governance.testing.engines import memory_engine
from governance.testing.fakes import FailingJournal
from governance.testing.host_contract_driver import Seen, contract_law
from governance.testing.host_contract_hook_driver import Act
from tests.contract.hook_drivers import ClaudeCode

UNCALLED = frozenset({"start", "resume", "clear_end", "end"})
"""What the client does without calling a hook of the SDK."""


class ClaudeAgentSdk(ClaudeCode):
    """The client of Claude Code, whose hooks are those of a seat: one seat a client."""

    adapter = ADAPTER
    ACTS: ClassVar[Mapping[Act, str]] = {
        act: event for act, event in ClaudeCode.ACTS.items() if act not in UNCALLED
    }

    def __init__(self, folder: Path) -> None:
        self.profile = self.adapter.profile
        self._journal = FailingJournal(MemoryJournal())
        self.engine = memory_engine(law=contract_law(self.profile.tools), journal=self._journal)
        self.seats: dict[str, Seat] = {}

    def start(self, session: str) -> Seen:
        """A new client; its first event is the first prompt."""
        self.seats[session] = Seat(self.engine, None, "")
        return Seen()

    def resume(self, session: str) -> Seen:
        """Another client, with the same session."""
        return self.start(session)

    def reset(self, session: str) -> str:
        """The start of the other session, in the same client."""
        after = f"{session}-next"
        self.seats[after] = self.seats.pop(session)
        self.send("clear_start", after)
        return after

    def end(self, session: str) -> None:
        """The client is left."""
        self.seats.pop(session).close()

    def answer(self, event: str, data: bytes, *, call_id: str = "") -> bytes:
        """What the seat of that session answers."""
        given: dict[str, Any] = json.loads(data)
        hook = self.seats[given["session_id"]].hook_of(event)
        return json.dumps(asyncio.run(hook(given, None, None))).encode()
