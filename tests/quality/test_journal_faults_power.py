"""
Power cuts: what was acknowledged as durable is there, and there is never a hole.

A recording VFS says what a disk could hold at any moment of a run; each such image is opened
by the real journal. The control proves that the simulation can find a loss at all.
"""

from __future__ import annotations

import random
from pathlib import Path

from attrs import define

from governance.errors import JournalError
from governance.journal.records import Append, Appended, Row
from governance.journal.sqlite import SqliteJournal
from tests.quality.journal_storage import Disk, disk

_APPENDS = 60
_CUTS = 120
_SESSIONS = ("a", "b")


@define
class Cut:
    """One power cut: the files as they could be, and what had been promised by then."""

    images: dict[str, bytes]
    mirror: bytes
    promised: dict[str, int]
    written: dict[str, list[bytes]]


def _run(folder: Path, seed: int, *, power_safe: bool) -> list[Cut]:
    """A run of appends of both kinds, with the cuts that were taken at random moments of it."""
    chance = random.Random(seed)
    cuts: list[Cut] = []
    promised = dict.fromkeys(_SESSIONS, 0)
    written: dict[str, list[bytes]] = {name: [] for name in _SESSIONS}
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
            name = chance.choice(_SESSIONS)
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
    return chance.sample(cuts, min(_CUTS, len(cuts)))


def _lost(folder: Path, cut: Cut) -> str:
    """What the files of *cut* have lost or broken, opened by the journal itself; or ``""``."""
    folder.mkdir()
    for name, data in cut.images.items():
        (folder / name).write_bytes(data)
    (folder / "heads").write_bytes(cut.mirror)
    try:
        journal = SqliteJournal.open(folder / "journal.db", create=False, mirror=folder / "heads")
    except JournalError as error:
        return f"cannot be opened: {error}"
    try:
        report = journal.verify()
        if not report.ok:
            return f"verify: {report.findings}"
        for name in _SESSIONS:
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


def test_a_power_cut_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    """Durable rows survive, observations leave no hole, the mirror raises no false alarm."""
    for seed in (1, 2, 3):
        home = tmp_path / f"run-{seed}"
        home.mkdir()
        cuts = _run(home, seed, power_safe=True)
        assert len(cuts) == _CUTS
        for number, cut in enumerate(cuts):
            assert _lost(home / f"cut-{number}", cut) == ""


def test_without_syncs_the_same_cuts_do_lose(tmp_path: Path) -> None:
    """Negative control: at `synchronous=OFF` most of the same cuts lose what was promised."""
    cuts = _run(tmp_path, 1, power_safe=False)
    lost = [number for number, cut in enumerate(cuts) if _lost(tmp_path / f"cut-{number}", cut)]
    assert len(lost) > len(cuts) // 2


def test_an_observation_alone_may_be_lost(tmp_path: Path) -> None:
    """
    An observation is not synced: the disk holds none of it until a durable row follows.

    So the promise of the durable kind does not rest on syncing everything.
    """
    path = tmp_path / "journal.db"
    SqliteJournal.open(path, create=True).close()
    with disk() as under:
        syncs = _count_syncs(under)
        journal = SqliteJournal.open(path, create=False, vfs=under.name)
        journal.append([Append("s", 0, (Row("k", 0, b"{}", durable=False),))])
        base = len(syncs)
        for n in range(1, 10):
            journal.append([Append("s", n, (Row("k", n, b"{}", durable=False),))])
        assert len(syncs) == base
        journal.append([Append("s", 10, (Row("k", 10, b"{}"),))])
        assert len(syncs) == base + 1
        journal.close()


def _count_syncs(under: Disk) -> list[str]:
    seen: list[str] = []
    under.on_sync = lambda path, _: seen.append(path)
    return seen
