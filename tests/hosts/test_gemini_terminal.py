"""The real Gemini CLI in a terminal: what only its terminal can do."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.hosts.gemini_client import node
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.proofs import proves
from tests.hosts.terminal import Terminal

pytestmark = pytest.mark.real_client


class GeminiTerminal(Terminal):
    """Gemini CLI in a pseudo-terminal."""

    READY: ClassVar[str] = "Type your message"
    LEAVE: ClassVar[str] = "/quit"

    def words(self) -> list[str]:
        return [node(), str(self.client.binary), "-m", "gemini-2.5-flash"]


@proves("clear keeps the ledger", "gemini-cli")
def test_clear_keeps_the_ledger(gemini: GeminiLab) -> None:
    """A cleared session has a new id, the counts of the old one, and is briefed anew."""
    gemini.govern()
    gemini.script(bad=gemini.steps("touch FORBIDDEN"), talk=[{"text": "hello-there"}])

    with GeminiTerminal(gemini.client) as terminal:
        terminal.type("SCENARIO:bad go")
        terminal.until("that was all")
        (old,) = gemini.client_sessions()
        terminal.type("/clear")
        gemini.until(lambda: len(gemini.client_sessions()) == 2)
        terminal.say("SCENARIO:talk go", "hello-there")

    (new,) = set(gemini.client_sessions()) - {old}
    assert gemini.state(new).identity.predecessor == old
    assert gemini.state(new).ledger.counts["high"] == 1
    assert "TRIAL-BRIEFING" in gemini.last_request()
