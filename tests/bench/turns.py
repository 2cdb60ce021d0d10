"""Two kinds of work in turn within one process, so that whatever else goes on meets both."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, frozen

from governance._shipped import pack_texts
from governance.engine import Engine, Session
from governance.journal.records import Journal
from governance.testing.engines import law_of, memory_engine

FAST_DISK_SECONDS = 80e-6
"""What a durable step may cost beyond its yardstick where a disk syncs faster than this shows."""


@frozen
class Turns:
    """
    What came of it.

    Attributes:
        ratio: The median over the rounds of the first work's time over the second's, each the
            lower quartile of its times in the round: what else the machine does only adds.

        yard_seconds: The median over the rounds of the second's time.
    """

    ratio: float
    yard_seconds: float

    @property
    def durable_bound(self) -> float:
        """1.5, or what `FAST_DISK_SECONDS` more than the yardstick are where that is more."""
        return max(1.5, 1 + FAST_DISK_SECONDS / self.yard_seconds)


def in_turn(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    between: Callable[[], object] | None = None,
    rounds: int = 20,
    per_round: int = 40,
) -> Turns:
    """
    One of each in turn, in rounds; the first round warms up.

    A disk has moods, and answers a caller that does nothing but sync sooner than one that
    also works: so neither is done twice in a row.

    Args:
        between: Called after each turn, and not measured.
    """
    ratios: list[float] = []
    yards: list[float] = []
    for _ in range(rounds + 1):
        own: list[float] = []
        other: list[float] = []
        for _ in range(per_round):
            other.append(seconds_of(theirs))
            own.append(seconds_of(ours))
            if between is not None:
                between()
        yards.append(_quartile(other))
        ratios.append(_quartile(own) / yards[-1])
    return Turns(statistics.median(ratios[1:]), statistics.median(yards[1:]))


def _quartile(taken: list[float]) -> float:
    return sorted(taken)[len(taken) // 4]


def seconds_of(work: Callable[[], object]) -> float:
    """How long *work* takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate_of(work: Callable[[int, float], int], callers: int, seconds: float) -> float:
    """
    What threads get done a second, all together.

    Args:
        work: Is called with a number and the moment until which it is to work, and gives how
            often it has done so.
    """
    counts = [0] * callers
    start = time.perf_counter()

    def run(place: int) -> None:
        counts[place] = work(place, start + seconds)

    workers = [threading.Thread(target=run, args=(place,)) for place in range(callers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - start)


def gain_of(rate: Callable[[str, int], float], callers: int, *, turns: int) -> float:
    """
    The rate of so many *callers* over that of one, in turn; the median of the turns.

    Args:
        rate: Is called with a name that is new each time, and how many callers.
    """
    gains: list[float] = []
    for turn in range(turns):
        alone = rate(f"{turn}-alone", 1)
        gains.append(rate(f"{turn}-together", callers) / alone)
    return statistics.median(gains)


@contextmanager
def engine_on(journal: Journal) -> Iterator[Engine]:
    """An engine on *journal* that decides by the shipped packs; both are closed afterwards."""
    with memory_engine(law=law_of(*pack_texts().values()), journal=journal) as engine:
        yield engine


def briefed(engine: Engine, name: str) -> Session:
    """A session in a turn, so that a call of it is decided and not only refused."""
    session = engine.start(name)
    session.turn("go")
    return session


@define
class Calls:
    """
    Calls of a tool in one session, each with a number of its own.

    Attributes:
        body: The bytes that the rows of a decision have.
    """

    session: Session
    body: bytes = b""
    _number: int = 0

    def decide(self) -> object:
        """Have the next one decided, durably."""
        self._number += 1
        command = {"command": f"ls -l {self._number}"}
        return self.session.tool("shell", command, call_id=str(self._number))

    def finish(self) -> object:
        """Report it as run, as hosts do before the next one."""
        return self.session.tool_finished(str(self._number), outcome="ok")

    def over(self, theirs: Callable[[], object], *, rounds: int = 20, per_round: int = 40) -> Turns:
        """Decisions in turn with *theirs*."""
        return in_turn(self.decide, theirs, between=self.finish, rounds=rounds, per_round=per_round)


@contextmanager
def deciding(journal: Journal) -> Iterator[Calls]:
    """Calls of a session on *journal*, which is closed afterwards."""
    with engine_on(journal) as engine:
        calls = Calls(briefed(engine, "s"))
        head = engine.state("s").head
        calls.decide()
        calls.body = b"".join(record.body for record in journal.read("s", after=head))
        calls.finish()
        yield calls
