"""Disks that stores are measured on: the one that is there, and one whose syncs take their time."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
from attrs import frozen

from governance.journal.sqlite import SqliteJournal

SLOW_SYNC_SECONDS = 1e-3
"""What a sync takes longer on the slow disk: a round figure."""

_numbers = itertools.count()


@frozen
class Disk:
    """
    Where stores lie, and what a sync takes there.

    Attributes:
        sync_seconds: What each sync takes longer than on the disk that is there.

        vfs: The name of the SQLite VFS that takes as long; none where nothing is added.
    """

    sync_seconds: float = 0.0
    vfs: str | None = None

    def store(self, folder: Path) -> SqliteJournal:
        """A new store in *folder*, with mirrored heads as an engine has them."""
        path = folder / "journal.db"
        return SqliteJournal.open(path, create=True, mirror=folder / "heads", vfs=self.vfs)

    def sync(self, handle: int) -> None:
        """`fdatasync` of *handle*, as long as it takes here."""
        os.fdatasync(handle)
        if self.sync_seconds:
            time.sleep(self.sync_seconds)


AS_IT_IS = Disk()


class _File(apsw.VFSFile):
    def __init__(self, name: object, flags: list[int]) -> None:
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        super().xSync(flags)
        time.sleep(SLOW_SYNC_SECONDS)


class _Vfs(apsw.VFS):
    def xOpen(self, name: object, flags: list[int]) -> _File:  # noqa: N802
        return _File(name, flags)


@contextmanager
def slow_disk() -> Iterator[Disk]:
    """One whose syncs take `SLOW_SYNC_SECONDS` more, while the block runs."""
    name = f"slow-{next(_numbers)}"
    vfs = _Vfs(name, "")
    try:
        yield Disk(SLOW_SYNC_SECONDS, name)
    finally:
        vfs.unregister()
