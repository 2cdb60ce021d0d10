"""A journal in memory that takes its time, for what must not wait for it."""

from __future__ import annotations

import time
from typing import Any

from attrs import define

from governance.journal.memory import MemoryJournal


@define(eq=False)
class SlowJournal(MemoryJournal):
    """
    As `MemoryJournal`, once it is told to later.

    Attributes:
        seconds: How long each append takes from now on.
    """

    seconds: float = 0.0

    def append(self, *given: Any, **named: Any) -> Any:
        time.sleep(self.seconds)
        return super().append(*given, **named)
