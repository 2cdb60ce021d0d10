"""
How much of what was written survives faults, counted over many of them.

On a server `crashes` counts both of what follows, for its own files are its own to mend: all
of its processes are killed in the midst of appends, it starts again, and those who wrote go on.

`integrity` cuts the power: of the rows that were acknowledged as durable, how many are there
afterwards, proven and to the bit. `recovery` destroys parts of stores: in how many cases
`repair`, with a backup or without one, gives every row back that lies elsewhere, and says of
all others that they are lost. Each has its negative control, without which a figure of a
hundred percent would say nothing.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from governance.engine.restoring import settle_unknown
from governance.errors import JournalError, OutcomeUnknown
from governance.journal.backup import backup_store
from governance.journal.postgres import PostgresJournal
from governance.journal.records import Append, Appended, Row
from governance.journal.sources import FileSource
from tests.postgres_server import Server
from tests.quality.damaged_stores import NOW_MS, PAGE_BYTES, Damaged, copied, make_store
from tests.quality.power_cuts import Cut, cuts_of, opened

SEEDS = (1, 2, 3)
CASES = 96
CRASHES = 40


@frozen
class Share:
    """So many *of* so many."""

    held: int
    of: int

    @property
    def percent(self) -> float:
        return 100 * self.held / self.of


def integrity(folder: Path, *, power_safe: bool = True, seeds: tuple[int, ...] = SEEDS) -> Share:
    """
    Rows that survived power cuts, of those that were acknowledged as durable before.

    Args:
        power_safe: ``False`` for the control: nothing is synced.
    """
    held = of = 0
    for seed in seeds:
        home = folder / f"run-{seed}"
        home.mkdir(parents=True)
        for number, cut in enumerate(cuts_of(home, seed, power_safe=power_safe)):
            held += _held(home / f"cut-{number}", cut)
            of += sum(cut.promised.values())
    return Share(held, of)


def _held(folder: Path, cut: Cut) -> int:
    """Promised rows that the journal gives as they were written; it proves what it gives."""
    try:
        journal = opened(folder, cut)
    except JournalError:
        return 0
    held = 0
    try:
        for session, promised in cut.promised.items():
            rows = journal.read(session, limit=promised) if promised else ()
            wanted = cut.written[session][:promised]
            held += sum(row.body == body for row, body in zip(rows, wanted, strict=False))
    except JournalError:
        return held
    finally:
        journal.close()
    return held


Damage = Callable[[Damaged, random.Random], set[int]]
"""Damages a store, and gives the pages that it has touched."""


def _pages(store: Damaged, chance: random.Random) -> set[int]:
    pages = set(chance.sample(range(store.pages), chance.randint(1, 8)))
    store.overwrite(pages, chance)
    return pages


def _bits(store: Damaged, chance: random.Random) -> set[int]:
    image = bytearray(store.image)
    places = chance.sample(range(3 * PAGE_BYTES, len(image)), 6)
    for place in places:
        image[place] ^= 1 << chance.randrange(8)
    store.put(bytes(image))
    return {place // PAGE_BYTES for place in places}


def _first_pages(store: Damaged, chance: random.Random) -> set[int]:
    """The header, the list of tables and what stands behind them."""
    pages = set(range(chance.randint(1, 4)))
    store.overwrite(pages, chance)
    return pages


DAMAGES: tuple[Damage, ...] = (_pages, _bits, _first_pages)


def recovery(folder: Path, *, cases: int = CASES, repair: bool = True, seed: int = 0) -> Share:
    """
    Stores that came back from damage, of so many *cases*; every other one has a backup.

    Args:
        repair: ``False`` for the control: the store is opened as the damage left it.
    """
    sound = make_store(folder / "sound")
    backup = backup_store(sound.path, folder / "backups", now_ms=NOW_MS)
    back = 0
    for case in range(cases):
        chance = random.Random(f"{seed}-{case}")
        store = copied(sound, folder / f"case-{case}")
        lost = store.beyond_proof(DAMAGES[case % len(DAMAGES)](store, chance))
        with_backup = case % 2 == 1
        try:
            if repair:
                store.repair(*((FileSource(backup.path),) if with_backup else ()))
            back += _is_back(store, set() if with_backup else lost)
        except JournalError:
            continue
    return Share(back, cases)


def _is_back(store: Damaged, lost: set[tuple[str, int]]) -> bool:
    """Whether all rows but *lost* are there, and the store says of these that they are lost."""
    if not store.recovered() >= store.rows.keys() - lost:
        return False
    # Where the end of a session is lost, the mirror says so until a person accepts it.
    return {one.what for one in store.verify().findings} <= {"lost", "hash"}


# -- a server -----------------------------------------------------------------------------


def crashes(
    server: Server, folder: Path, *, rounds: int = CRASHES, durable: bool = True, seed: int = 0
) -> tuple[Share, Share]:
    """
    Rows that *rounds* crashes have left, of those acknowledged as durable before; and crashes
    after which the same journal goes on by itself, with each row once and every one proven.

    Args:
        durable: ``False`` for the control: rows are acknowledged before they are on a disk.
    """
    chance = random.Random(seed)
    journal = server.journal(mirror=folder / "heads")
    held = of = back = 0
    for number in range(rounds):
        written, promised, unknown = _until_it_dies(server, journal, f"s-{number}", chance, durable)
        server.start()
        found, goes_on = _after(journal, f"s-{number}", written, promised, unknown)
        held, of, back = held + found, of + promised, back + goes_on
    journal.close()
    return Share(held, of), Share(back, rounds)


def _until_it_dies(
    server: Server, journal: PostgresJournal, session: str, chance: random.Random, durable: bool
) -> tuple[list[bytes], int, list[Append] | None]:
    """
    Append until the server is gone: what was sent, how many of it was promised to stay, and
    the append of which nobody knows yet.
    """
    journal.append([Append(session, 0, (Row("k", 0, b"0"),))])
    written, promised = [b"0"], 1
    died = threading.Timer(chance.uniform(0.01, 0.1), server.stop)
    died.start()
    batch: list[Append] = []
    try:
        while True:
            body = f"{len(written)}".encode() * chance.randint(1, 900)
            counts = chance.random() < 0.5
            batch = [Append(session, len(written), (Row("k", 0, body, counts and durable),))]
            assert isinstance(journal.append(batch, deadline_ms=2_000), Appended)
            written.append(body)
            # One durable commit carries everything before it.
            promised = len(written) if counts else promised
    except OutcomeUnknown:
        return written, promised, batch
    except JournalError:
        return written, promised, None
    finally:
        died.join()


def _after(
    journal: PostgresJournal,
    session: str,
    written: list[bytes],
    promised: int,
    unknown: list[Append] | None,
) -> tuple[int, bool]:
    """Promised rows that are there to the bit, and whether *journal* goes on lawfully."""
    try:
        if unknown is not None and isinstance(settle_unknown(journal, unknown), Appended):
            written = [*written, unknown[0].rows[0].body]
        rows = journal.read(session, limit=len(written) + 1)
        held = sum(row.body == body for row, body in zip(rows, written[:promised], strict=False))
        lawful = held == promised and [row.body for row in rows] == written[: len(rows)]
        report = journal.verify(session)
        head = journal.head(session)
        again = journal.append([Append(session, head.seq, (Row("k", 0, b"{}"),))])
    except JournalError:
        return 0, False
    return held, lawful and not report.findings and isinstance(again, Appended)
