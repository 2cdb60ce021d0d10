"""
What this process costs: how long its sessions took to load and to save, its memory, its CPU.

These are figures of a process and not of a journal: they begin with it, are gone with it, and
take a fixed number of counts. Nothing is measured before somebody wants it (`PROCESS.on`), so
that a hook, which loads one session and ends, pays for one look at a flag.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque

from governance.values import Json

BOUNDS_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip
"""Where one step of a duration ends and the next begins; the last has no end."""

NEWEST_MAX = 1_000
"""Durations that wait to be taken one by one; the oldest are counted and no more."""

_STATM = "/proc/self/statm"
_PAGE_BYTES = "SC_PAGE_SIZE"


# Plain classes: every hook imports this module, and what makes classes would cost it more.
class Durations:
    """
    How long one thing took each time. Thread-safe.

    Attributes:
        counts: How often it fell into each step of `BOUNDS_SECONDS`, and beyond the last.

        seconds: All of it together.
    """

    __slots__ = ("_lock", "_newest", "counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.seconds = 0.0
        self._newest: deque[float] = deque(maxlen=NEWEST_MAX)
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """It took *seconds* once more."""
        step = 0
        for bound in BOUNDS_SECONDS:
            if seconds <= bound:
                break
            step += 1
        with self._lock:
            self.counts[step] += 1
            self.seconds += seconds
            self._newest.append(seconds)

    def take(self) -> tuple[float, ...]:
        """The durations since the last call, each given once; at most `NEWEST_MAX`."""
        with self._lock:
            taken = tuple(self._newest)
            self._newest.clear()
        return taken

    def as_json(self) -> dict[str, Json]:
        """Counts and sum as they are at one moment."""
        with self._lock:
            return {"counts": list(self.counts), "seconds": self.seconds}


class ProcessMetrics:
    """
    The figures of one process.

    Attributes:
        on: Somebody wants them: engines add to them from now on.

        load: Sessions that were not in memory, from their snapshot and rows.

        save: Steps that were written, until they were durable or it was known that they are not.
    """

    __slots__ = ("load", "on", "save")

    def __init__(self) -> None:
        self.on = False
        self.load = Durations()
        self.save = Durations()

    def as_json(self) -> dict[str, Json]:
        """All of them, with memory and CPU as they are now."""
        user, system = cpu_seconds()
        return {
            "cpu_user_seconds": user,
            "cpu_system_seconds": system,
            "memory_bytes": memory_bytes(),
            "load": self.load.as_json(),
            "save": self.save.as_json(),
        }


PROCESS = ProcessMetrics()
"""Those of this process; every engine in it adds to them."""


def cpu_seconds() -> tuple[float, float]:
    """CPU time that this process has taken for itself, and that the system took for it."""
    times = os.times()
    return times.user, times.system


def memory_bytes() -> int:
    """Resident memory of this process; the most it has been, where no more is told."""
    try:
        with open(_STATM, "rb") as stream:  # noqa: PTH123 -- `pathlib` would cost a hook more
            return int(stream.read().split()[1]) * os.sysconf(_PAGE_BYTES)
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
