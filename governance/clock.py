"""Time is an input: whoever needs it is given a `Clock`, so that everything replays."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the present moment."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC; may go back, and what reads it copes."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds of a clock that never goes back, for deadlines."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000
