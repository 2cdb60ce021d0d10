"""
What the journal costs, as ratios measured in turn within one process.

Each function gives ``(measured, bound)``; `tests.bench.rows` says which side of it is a miss.
All files lie in *folder*, which should be on the kind of disk that stores are kept on.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from governance.journal.encrypted import encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.records import Append, Appended, Journal, Row
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault
from tests.bench.disks import AS_IT_IS, Disk
from tests.bench.projects import held_folder
from tests.bench.turns import gain_of, in_turn, rate_of

BODY = b'{"tool":"shell","action":"allow","reason":"' + b"x" * 330 + b'"}'


def row(durable: bool = True) -> Row:
    """A row as decisions write them."""
    return Row("tool.decided", 1_700_000_000_000, BODY, durable)


def median_seconds(work: Callable[[], None], times: int) -> float:
    """How long *work* takes, the median of so many *times*."""
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def durable_append(folder: Path, *, rounds: int = 40, per_round: int = 40) -> tuple[float, float]:
    """
    A durable append of one row, over `write` + `fdatasync` of the same bytes.

    On a disk that syncs so fast that 80 µs are more than half of it, those are the bound.
    """
    journal = AS_IT_IS.store(folder / "append")
    handle = os.open(folder / "yardstick", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    seq = 0

    def append() -> None:
        nonlocal seq
        answer = journal.append([Append("s", seq, (row(),))])
        assert isinstance(answer, Appended)
        seq += 1

    def write() -> None:
        os.write(handle, BODY)
        AS_IT_IS.sync(handle)

    found = in_turn(append, write, rounds=rounds, per_round=per_round)
    journal.close()
    os.close(handle)
    return found.ratio, found.durable_bound


def encrypted_append(folder: Path, *, rounds: int = 30, per_round: int = 40) -> tuple[float, float]:
    """A durable append of one row to an encrypted store, over one to a plain store, in turn."""
    plain = SqliteJournal.open(folder / "plain" / "journal.db", create=True)
    inner = SqliteJournal.open(folder / "sealed" / "journal.db", create=True)
    journals: tuple[Journal, ...] = (
        plain,
        encrypted(inner, Vault.open(inner.shelf, KeyEncryptionKey.of(os.urandom(32)))),
    )

    def writing(journal: Journal) -> Callable[[], object]:
        seqs = itertools.count()
        return lambda: journal.append([Append("s", next(seqs), (row(),))])

    found = in_turn(writing(journals[1]), writing(plain), rounds=rounds, per_round=per_round)
    for journal in journals:
        journal.close()
    return found.ratio, 1.3


def group_commit(
    folder: Path, *, disk: Disk = AS_IT_IS, threads: int = 32, seconds: float = 1.0
) -> tuple[float, float]:
    """Durable rows a second of 32 threads on sessions of their own, over those of one caller."""
    journal = disk.store(folder / "group")

    def rate(name: str, callers: int) -> float:
        return rate_of(partial(appended_until, journal, name), callers, seconds)

    found = gain_of(rate, threads, turns=5)
    journal.close()
    return found, 2.5


def appended_until(journal: Journal, name: str, place: int, until: float) -> int:
    """Append to a session of its own until that moment; how many rows it got."""
    session, seq = f"{name}-{place}", 0
    while time.perf_counter() < until:
        assert isinstance(journal.append([Append(session, seq, (row(),))]), Appended)
        seq += 1
    return seq


def append_at_length(
    folder: Path, *, events: int = 1_000_000, early: int = 1_000, rounds: int = 60
) -> tuple[float, float]:
    """
    An append to a session of *events* rows, over one to a session of *early* rows.

    Both stores are written without syncs, in turn, so that the length alone is compared.
    Building the long one takes about 15 µs a row; pass fewer *events* for a quick look.
    """
    early_store = _filled(folder / "early" / "journal.db", early)
    found = over_length(_long(events), early_store, rounds=rounds)
    early_store.close()
    return found, 1.2


def over_length(long: Journal, short: Journal, *, rounds: int = 60) -> float:
    """An append to the session of *long*, over one to that of *short*, in turn."""

    def append(journal: Journal) -> Callable[[], None]:
        seq = journal.head("s").seq

        def one() -> None:
            nonlocal seq
            answer = journal.append([Append("s", seq, (row(),))])
            assert isinstance(answer, Appended)
            seq += 1

        return one

    few, many = append(short), append(long)
    ratios: list[float] = []
    for _ in range(rounds):
        base = median_seconds(few, 50)
        ratios.append(median_seconds(many, 50) / base)
    return statistics.median(ratios)


def first_page(_folder: Path, *, events: int = 1_000_000, pages: int = 200) -> tuple[float, float]:
    """
    The newest fifty rows of a session of *events* rows, over reading all of them.

    All of it is read once, which takes about 10 µs a row; the page is the median of *pages*.
    """
    journal = _long(events)

    def whole() -> None:
        seq = 0
        while page := journal.read("s", after=seq):
            seq = page[-1].seq

    base = median_seconds(whole, 1)
    page = median_seconds(lambda: _read_newest(journal), pages)
    return page / base, 0.01


def _read_newest(journal: SqliteJournal) -> None:
    assert len(journal.read("s", limit=50, reverse=True)) == 50


@cache
def _long(events: int) -> SqliteJournal:
    """A store with a session of so many *events*, made once."""
    return _filled(held_folder() / "journal.db", events)


def _filled(path: Path, events: int) -> SqliteJournal:
    journal = SqliteJournal.open(path, create=True, power_safe=False)
    fill(journal, events)
    return journal


def fill(journal: Journal, events: int) -> None:
    """Give the session of *journal* so many rows."""
    rows = (row(),) * min(events, 5_000)
    for seq in range(0, events, len(rows)):
        journal.append([Append("s", seq, rows[: events - seq])])


def restore_from_snapshot(
    folder: Path, *, events: int = 10_000, rounds: int = 7
) -> tuple[float, float]:
    """
    Reading a snapshot and the hundred rows after it, over reading and folding them all.

    The fold here is the cheapest there is (a count of bytes), so the ratio flatters nobody:
    the engine's own fold makes the full one dearer still.
    """
    from governance.journal.records import Snapshot

    journal = _filled(folder / "restore" / "journal.db", events)
    record = journal.read("s", after=events - 101, limit=1)[0]
    journal.snapshot_put(Snapshot("s", record.seq, record.hash, 1, b"{}" * 500))

    def fold(after: int) -> int:
        total, seq = 0, after
        while page := journal.read("s", after=seq):
            total += sum(len(one.body) for one in page)
            seq = page[-1].seq
        return total

    def restore() -> None:
        kept = journal.snapshot_get("s", version=1)
        assert kept is not None
        fold(kept.seq)

    ratios = []
    for _ in range(rounds):
        full = median_seconds(lambda: fold(0) and None, 1)
        ratios.append(median_seconds(restore, 9) / full)
    journal.close()
    return statistics.median(ratios), 1 / 20
