"""
Storage that fails on purpose: a SQLite VFS that records, refuses and forgets writes.

Everything really is written to the files below; the recording says what a disk could have
kept of it had the power failed at a given moment.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
from attrs import Factory, define

SECTOR_BYTES = 512
_numbers = itertools.count()

Hook = Callable[[str, int], None]
"""Called with the file's path and the number of bytes, before it is done; may raise."""


@define(eq=False)
class DiskFile:
    """What is surely on the disk of one file, and what was written since the last sync."""

    synced: bytearray
    loose: list[tuple[int, bytes | None]] = Factory(list)  # (offset, data), or (size, None)

    def sync(self) -> None:
        for offset, data in self.loose:
            _apply(self.synced, offset, data)
        self.loose.clear()

    def after_power_cut(self, chance: random.Random) -> bytes:
        """The synced bytes, and of each write since then some sectors, or none, or all."""
        image = bytearray(self.synced)
        keep = chance.choice((0.0, 0.3, 0.7, 1.0))
        for offset, data in self.loose:
            if data is None:
                if chance.random() < keep:
                    _apply(image, offset, None)
                continue
            for start in range(0, len(data), SECTOR_BYTES):
                if chance.random() < keep:
                    _apply(image, offset + start, data[start : start + SECTOR_BYTES])
        return bytes(image)


def _apply(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


@define(eq=False)
class Disk:
    """A VFS under a name of its own, with what its files went through."""

    name: str
    files: dict[str, DiskFile] = Factory(dict)
    on_write: Hook | None = None
    on_sync: Hook | None = None
    written_bytes: int = 0

    def images(self, chance: random.Random) -> dict[str, bytes]:
        """Each file, by its name, as a power cut at this moment could leave it."""
        return {Path(path).name: one.after_power_cut(chance) for path, one in self.files.items()}


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: object, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        there = Path(self.path)
        disk.files.setdefault(
            self.path, DiskFile(bytearray(there.read_bytes() if there.exists() else b""))
        )

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self.disk.on_write is not None:
            self.disk.on_write(self.path, len(data))
        super().xWrite(data, offset)
        self.disk.written_bytes += len(data)
        self.disk.files[self.path].loose.append((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self.disk.files[self.path].loose.append((size, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self.disk.on_sync is not None:
            self.disk.on_sync(self.path, 0)
        super().xSync(flags)
        self.disk.files[self.path].sync()


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        super().__init__(disk.name, "")
        self.disk = disk

    def xOpen(self, name: object, flags: list[int]) -> _File:  # noqa: N802
        return _File(self.disk, name, flags)

    def xDelete(self, filename: str, sync_dir: bool) -> None:  # noqa: N802
        super().xDelete(filename, sync_dir)
        self.disk.files.pop(filename, None)


@contextmanager
def disk() -> Iterator[Disk]:
    """A disk whose VFS is registered while the block runs."""
    made = Disk(f"disk-{next(_numbers)}")
    vfs = _Vfs(made)
    try:
        yield made
    finally:
        vfs.unregister()
