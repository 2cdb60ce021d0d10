"""
Power cuts: a run of appends, the files as cuts could leave them, and what they have kept.

A recording VFS says what a disk could hold at any moment of a run; each such image is opened
by the real journal.
"""

from __future__ import annotations

import random
from pathlib import Path

from attrs import define

from governance.errors import JournalError
from governance.journal.records import Append, Appended, Row
from governance.journal.sqlite import SqliteJournal
from tests.quality.journal_storage import disk

_APPENDS = 60
CUTS = 120
SESSIONS = ("a", "b")


@define
class Cut:
    """One power cut: the files as they could be, and what had been promised by then."""

    images: dict[str, bytes]
    mirror: bytes
    promised: dict[str, int]
    written: dict[str, list[bytes]]


def cuts_of(folder: Path, seed: int, *, power_safe: bool) -> list[Cut]:
    """A run of appends of both kinds, with the cuts that were taken at random moments of it."""
    chance = random.Random(seed)
    cuts: list[Cut] = []
    promised = dict.fromkeys(SESSIONS, 0)
    written: dict[str, list[bytes]] = {name: [] for name in SESSIONS}
    path, mirror = folder / "journal.db", folder / "heads"
    SqliteJournal.open(path, create=True, mirror=mirror).close()

    with disk() as under:

        def maybe_cut(_path: str, _size: int) -> None:
            if chance.random() < 0.3:
                images = under.images(chance)
                held = {name: list(bodies) for name, bodies in written.items()}
                cuts.append(Cut(images, mirror.read_bytes(), dict(promised), held))

        journal = SqliteJournal.open(
            path, create=False, mirror=mirror, vfs=under.name, power_safe=power_safe
        )
        # Small enough that the log is folded back, and begun again, within the run.
        journal._writer.connection.execute("PRAGMA wal_autocheckpoint=12")
        under.on_write = under.on_sync = maybe_cut
        for n in range(_APPENDS):
            name = chance.choice(SESSIONS)
            durable = chance.random() < 0.5
            body = f"{n}".encode() * chance.randint(1, 900)
            seq = len(written[name])
            written[name].append(body)
            answer = journal.append([Append(name, seq, (Row("k", n, body, durable),))])
            assert isinstance(answer, Appended)
            if durable:
                # One synced commit carries everything before it, in every session.
                promised.update({one: len(bodies) for one, bodies in written.items()})
            maybe_cut("", 0)
        under.on_write = under.on_sync = None
        journal.close()
    return chance.sample(cuts, min(CUTS, len(cuts)))


def opened(folder: Path, cut: Cut) -> SqliteJournal:
    """The store that *cut* has left, put into *folder*, which is made; raises as the journal."""
    folder.mkdir()
    for name, data in cut.images.items():
        (folder / name).write_bytes(data)
    (folder / "heads").write_bytes(cut.mirror)
    return SqliteJournal.open(folder / "journal.db", create=False, mirror=folder / "heads")


def lost_by(folder: Path, cut: Cut) -> str:
    """What the files of *cut* have lost or broken, opened by the journal itself; or ``""``."""
    try:
        journal = opened(folder, cut)
    except JournalError as error:
        return f"cannot be opened: {error}"
    try:
        report = journal.verify()
        if not report.ok:
            return f"verify: {report.findings}"
        for name in SESSIONS:
            bodies = [row.body for row in journal.read(name)]
            if bodies != cut.written[name][: len(bodies)]:
                return f"{name}: other rows than were written"
            if len(bodies) < cut.promised[name]:
                return f"{name}: {len(bodies)} rows where {cut.promised[name]} were promised"
        head = journal.head("a")
        again = journal.append([Append("a", head.seq, (Row("k", 0, b"{}"),))])
        return "" if isinstance(again, Appended) else f"cannot go on: {again}"
    except JournalError as error:
        return f"cannot be read: {error}"
    finally:
        journal.close()
