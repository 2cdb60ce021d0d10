"""
Power cuts: what was acknowledged as durable is there, and there is never a hole.

`power_cuts` says what a disk could hold at any moment of a run. The control proves that the
simulation can find a loss at all.
"""

from __future__ import annotations

from pathlib import Path

from governance.journal.records import Append, Row
from governance.journal.sqlite import SqliteJournal
from tests.quality.journal_storage import Disk, disk
from tests.quality.power_cuts import CUTS, cuts_of, lost_by


def test_a_power_cut_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    """Durable rows survive, observations leave no hole, the mirror raises no false alarm."""
    for seed in (1, 2, 3):
        home = tmp_path / f"run-{seed}"
        home.mkdir()
        cuts = cuts_of(home, seed, power_safe=True)
        assert len(cuts) == CUTS
        for number, cut in enumerate(cuts):
            assert lost_by(home / f"cut-{number}", cut) == ""


def test_without_syncs_the_same_cuts_do_lose(tmp_path: Path) -> None:
    """Negative control: at `synchronous=OFF` most of the same cuts lose what was promised."""
    cuts = cuts_of(tmp_path, 1, power_safe=False)
    lost = [number for number, cut in enumerate(cuts) if lost_by(tmp_path / f"cut-{number}", cut)]
    assert len(lost) > len(cuts) // 2


def test_an_observation_alone_may_belost_by(tmp_path: Path) -> None:
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
