"""How long what could not be done beside other work is let be."""

from __future__ import annotations

from governance._attrs import define

PAUSE_MS = 1_000


@define
class Pause:
    """
    Work that failed, and that no caller waits for.

    Attributes:
        until_ms: When it is tried again.
    """

    until_ms: int = 0

    def lasts(self, now_ms: int) -> bool:
        """Whether it is too early; a clock that went back puts nothing off for longer."""
        return 0 < self.until_ms - now_ms <= PAUSE_MS

    def begin(self, now_ms: int) -> None:
        """It has failed just now."""
        self.until_ms = now_ms + PAUSE_MS
