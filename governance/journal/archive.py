"""
A session as one file, and back: JSON lines under zstd, or under gzip.

It holds what belongs to the session alone: its own rows, and the values on shelves that were
too big for one. They go in and out as they are stored: what is encrypted stays so, bodies are
the same bytes, and the chain proves the file against its own header. No key goes along, so
that erasing a session reaches its archives. zstd comes with Python 3.14, before with the
extra ``zstd``; where there is none the file is gzip, which every Python reads, so that a
session can be archived wherever one can be governed. Both are read by their first bytes.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import os
import secrets
import time
import zlib
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

from attrs import evolve

from governance.errors import StoreDamaged
from governance.journal.archive_lines import (
    ARCHIVED_SHELVES,
    Archived,
    ArchiveRefused,
    archived_of,
    hash_of_values,
    header_line,
    parts_of,
    refused,
    row_line,
    value_line,
)
from governance.journal.chain import ZERO_HASH
from governance.journal.faults import RowsRefused
from governance.journal.records import (
    BODY_BYTES_MAX,
    Conflict,
    Entry,
    Head,
    Journal,
    Origin,
    Record,
)
from governance.journal.session_values import values_of
from governance.project import plain_file
from governance.whole_file import sync_folder

__all__ = [
    "ArchiveRefused",
    "Archived",
    "check_archive",
    "read_archive",
    "restore_archive",
    "write_archive",
]

HEADER_BYTES_MAX = 64 * 1024
LINE_BYTES_MAX = 2 * BODY_BYTES_MAX + HEADER_BYTES_MAX
"""Bytes of one line: a body in which every character is escaped, and the other columns. A
file whose next line is longer is refused before more of it is unpacked."""

PAGE_ROWS = 1_000
PAGE_BYTES_MAX = 64 * 1024 * 1024
"""Rows and bytes that are put back with one call to the store."""

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_LEVEL = 3
_GZIP_LEVEL = 6
_NAME_CHARACTERS_MAX = 120
_LEFT_SECONDS_MIN = 3_600
_PRIVATE_FILE, _PRIVATE_DIR = 0o600, 0o700


def write_archive(journal: Journal, head: Head, folder: Path, made_at_ms: int) -> Archived:
    """
    What *journal* has of the session of *head* alone, as a file in *folder*.

    Private (0600), written beside its place, read back and checked, synced and then named:
    under its name there is never less than the whole. One of the same head with the same
    values is taken as it is.

    Raises:
        ArchiveRefused: It cannot be written, or the rows are not those of *head*.
    """
    origin = journal.origin(head.session)
    first = origin.seq if origin is not None else 0
    names, values_hash = _counted(journal, head.session)
    made = Archived(
        folder, head, origin, _hash_at(journal, origin), head.seq - first, made_at_ms,
        len(names), values_hash,
    )  # fmt: skip
    final = folder / f"{_file_name(made)}.jsonl.{'zst' if _zstd() is not None else 'gz'}"
    made = evolve(made, path=final)
    try:
        folder.mkdir(mode=_PRIVATE_DIR, parents=True, exist_ok=True)
        _clear(folder, final.name)
        if final.exists():
            return check_archive(final, head)
        beside = folder / f".{final.name}.{secrets.token_hex(4)}.tmp"
        try:
            _write(journal, made, names, beside)
            check_archive(beside, head)
            beside.rename(final)
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise ArchiveRefused(
            f"`{final}` cannot be written: {(error.strerror or str(error)).lower()}",
            remedy="name another folder with `--to`; nothing was removed",
        ) from None
    return made


def _counted(journal: Journal, session: str) -> tuple[list[tuple[str, str]], bytes]:
    """Which values *session* has, by shelf and name, and their hash."""
    names: list[tuple[str, str]] = []
    hash_ = ZERO_HASH
    for shelf in ARCHIVED_SHELVES:
        for entry in values_of(journal.shelf, shelf, session):
            names.append((shelf, entry.name))
            hash_ = hash_of_values(hash_, entry)
    return names, hash_


def _write(journal: Journal, made: Archived, names: list[tuple[str, str]], beside: Path) -> None:
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        with _packing(file) as stream:
            stream.write(header_line(made))
            for shelf, name in names:
                # One that has changed or gone since is found when the file is read back.
                entry = journal.shelf.get(shelf, name)
                if entry is not None:
                    stream.write(value_line(entry))
            after = made.head.seq - made.rows
            while page := journal.read(made.head.session, after=after, limit=PAGE_ROWS):
                for record in page:
                    if record.seq <= made.head.seq:
                        stream.write(row_line(record))
                after = page[-1].seq
        file.flush()
        os.fsync(file.fileno())


def read_archive(file: Path) -> tuple[Archived, Iterator[Entry | Record]]:
    """
    The header of *file*, its values and then its rows, one after the other, each checked.

    Nothing beyond the next one is unpacked.

    Raises:
        ArchiveRefused: Also while they are read: the file is cut, changed or none of ours, or
            there is nothing here to unpack it with.
    """
    lines = _lines(file)
    made = archived_of(file, next(lines, b""))
    return made, parts_of(made, lines)


def check_archive(file: Path, head: Head | None = None) -> Archived:
    """
    What *file* holds, after all of it was read and found whole.

    Raises:
        ArchiveRefused: It is not, or it is not that of *head*.
    """
    made, parts = read_archive(file)
    for _ in parts:
        pass
    if head is not None and made.head != head:
        raise refused(file, f"it ends with row {made.head.seq} of `{made.head.session}`")
    return made


def restore_archive(journal: Journal, file: Path) -> Archived:
    """
    Put what *file* holds back into *journal*, which then has the same head.

    The values come first: nobody sees a session whose contents are not there yet. Where the
    session is there already, what it lacks of its values is put back.

    Raises:
        ArchiveRefused: *file* is no whole archive; nothing was put back.
        RowsRefused: The store has another session of that name, or not the row that this
            one branched off; nothing was put back.
    """
    made = check_archive(file)
    live = journal.head(made.head.session) == made.head
    if not live:
        # Refused before a value is put that could be another session's.
        _put_back(journal, made, [])
    page: list[Record] = []
    size = 0
    for part in read_archive(file)[1]:
        if isinstance(part, Entry):
            _shelve(journal, part)
            continue
        if live:
            return made
        page.append(part)
        size += len(part.body)
        if len(page) == PAGE_ROWS or size >= PAGE_BYTES_MAX:
            _put_back(journal, made, page)
            page, size = [], 0
    if page:
        _put_back(journal, made, page)
    return made


def _shelve(journal: Journal, entry: Entry) -> None:
    """Put *entry* where it is not, or is damaged; one name never means two contents."""
    shelf, name = entry.shelf, entry.name
    try:
        there = journal.shelf.get(shelf, name)
    except StoreDamaged:
        there = None
    if there is None:
        journal.shelf.put(shelf, name, entry.value)


def _put_back(journal: Journal, made: Archived, page: list[Record]) -> None:
    answer = journal.restore(made.head, page, origin=made.origin)
    if isinstance(answer, Conflict) and answer.actual[0] != made.head:
        found = answer.actual[0]
        raise RowsRefused(
            f"the store has `{found.session}` with row {found.seq} as its last, and the archive "
            f"of `{made.head.session}` does not fit that",
            remedy="put back the session that it branched off first, or use another store",
        )


# -- packing ---------------------------------------------------------------------------


def _lines(file: Path) -> Iterator[bytes]:
    """Lines of *file*, unpacked one at a time, each no longer than a row can be."""
    try:
        with open(file, "rb", opener=plain_file) as raw, _unpacking(file, raw) as stream:
            limit = HEADER_BYTES_MAX
            while line := stream.readline(limit):
                if not line.endswith(b"\n"):
                    raise refused(file, "a line of it is cut, or longer than a row can be")
                yield line
                limit = LINE_BYTES_MAX
    except OSError as error:
        raise refused(file, (error.strerror or str(error)).lower()) from None
    except (EOFError, zlib.error):
        raise refused(file, "it is damaged or cut") from None
    except Exception as error:
        # The error class of zstd is only known where there is zstd.
        if type(error).__name__ != "ZstdError":
            raise
        raise refused(file, "it is damaged or cut") from None


def _zstd() -> Any:
    """The standard library's module, or the extra's, which is the same one; or ``None``."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _packing(file: IO[bytes]) -> IO[bytes]:
    zstd = _zstd()
    if zstd is not None:
        return cast("IO[bytes]", zstd.ZstdFile(file, "wb", level=_LEVEL))
    # Without a name and a time in it the same rows give the same file.
    made = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0)
    return cast("IO[bytes]", made)


def _unpacking(file: Path, raw: IO[bytes]) -> IO[bytes]:
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == _GZIP_MAGIC:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
    if magic != _ZSTD_MAGIC:
        raise refused(file, "it is neither zstd nor gzip")
    zstd = _zstd()
    if zstd is None:
        raise ArchiveRefused(
            f"`{file}` is packed with zstd, and nothing here unpacks it",
            remedy="install `session-governance[zstd]`, or use Python 3.14 or later",
        )
    return cast("IO[bytes]", zstd.ZstdFile(raw, "rb"))


# -- places ----------------------------------------------------------------------------


def _file_name(made: Archived) -> str:
    """A name that every file system takes, and that no other head or values have."""
    head = made.head
    name = quote(head.session, safe="")[:_NAME_CHARACTERS_MAX]
    values = made.values_hash if made.values else b""
    mark = sha256(head.session.encode() + head.hash + values).hexdigest()[:16]
    return f"{name}-{head.seq}-{mark}"


def _hash_at(journal: Journal, origin: Origin | None) -> bytes:
    if origin is None:
        return ZERO_HASH
    row = journal.read(origin.parent, after=origin.seq - 1, limit=1)
    return row[0].hash if row else ZERO_HASH


def _clear(folder: Path, name: str) -> None:
    """Take away what a process has left that died while it wrote."""
    for one in folder.glob(f".{glob.escape(name)}.*.tmp"):
        # Another archiver may finish its own meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - one.stat().st_mtime > _LEFT_SECONDS_MIN:
                one.unlink()
