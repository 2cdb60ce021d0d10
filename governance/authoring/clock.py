"""A clock that is moved by hand, so that what takes an hour is played in no time."""

from __future__ import annotations

from governance._attrs import define
from governance.errors import MisuseError


@define(eq=False)
class ManualClock:
    """
    A clock that stands still until it is moved.

    >>> clock = ManualClock()
    >>> clock.advance(1_500)
    >>> clock.skew(-60_000)
    >>> clock.now_ms() - ManualClock().now_ms(), clock.monotonic_ms()
    (-58500, 1500)
    """

    wall_ms: int = 1_700_000_000_000
    elapsed_ms: int = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC, as far as this clock was moved."""
        return self.wall_ms

    def monotonic_ms(self) -> int:
        """Milliseconds that went by; never goes back."""
        return self.elapsed_ms

    def advance(self, milliseconds: int) -> None:
        """
        Let time go by.

        Raises:
            MisuseError: *milliseconds* is below 0; `skew` sets the wall back.
        """
        if milliseconds < 0:
            raise MisuseError(f"time does not go by {milliseconds} ms", remedy="use `skew`")
        self.wall_ms += milliseconds
        self.elapsed_ms += milliseconds

    def skew(self, milliseconds: int) -> None:
        """Set the wall forward or back, as a person or a time server would; no time goes by."""
        self.wall_ms += milliseconds
