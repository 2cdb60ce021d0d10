"""
A session's own rows as one file, and back: JSON lines under zstd, or under gzip.

The first line is a header with the head, each further line a row with its hash. Rows go in
and out as they are stored: what is encrypted stays so, bodies are the same bytes, and the
chain proves the file against its own header. zstd comes with Python 3.14, before with the
extra ``zstd``; where there is none the file is gzip, which every Python reads, so that a
session can be archived wherever one can be governed. Both are read by their first bytes.
"""

from __future__ import annotations

import base64
import contextlib
import glob
import gzip
import json
import os
import secrets
import struct
import time
import zlib
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

from attrs import frozen

from governance.errors import JournalError
from governance.journal.chain import ZERO_HASH, record_hash
from governance.journal.faults import RowsRefused
from governance.journal.records import (
    BODY_BYTES_MAX,
    Conflict,
    Head,
    Journal,
    Origin,
    Record,
)
from governance.values import ValueRefused

FORMAT = "governance-archive"
VERSION = 1

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


class ArchiveRefused(JournalError):
    """An archive that cannot be written, or a file that is no whole archive."""

    code = "GOV525"


@frozen
class Archived:
    """
    One archive.

    Attributes:
        base_hash: Hash of the row before the first one in the file.

        rows: How many rows it holds, all of them the session's own.
    """

    path: Path
    head: Head
    origin: Origin | None
    base_hash: bytes
    rows: int
    made_at_ms: int


def write_archive(journal: Journal, head: Head, folder: Path, made_at_ms: int) -> Archived:
    """
    The rows that *journal* has of the session of *head* as a file in *folder*.

    Private (0600), written beside its place, read back and checked, synced and then named:
    under its name there is never less than the whole. One of the same head is taken as it is.

    Raises:
        ArchiveRefused: It cannot be written, or the rows are not those of *head*.
    """
    origin = journal.origin(head.session)
    first = origin.seq if origin is not None else 0
    base_hash = _hash_at(journal, origin)
    zstd = _zstd()
    suffix = "zst" if zstd is not None else "gz"
    final = folder / f"{_file_name(head)}.jsonl.{suffix}"
    made = Archived(final, head, origin, base_hash, head.seq - first, made_at_ms)
    try:
        folder.mkdir(mode=_PRIVATE_DIR, parents=True, exist_ok=True)
        _clear(folder, final.name)
        if final.exists():
            return check_archive(final, head)
        beside = folder / f".{final.name}.{secrets.token_hex(4)}.tmp"
        try:
            _write(journal, made, beside)
            check_archive(beside, head)
            beside.rename(final)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(folder)
    except OSError as error:
        raise ArchiveRefused(
            f"`{final}` cannot be written: {(error.strerror or str(error)).lower()}",
            remedy="name another folder with `--to`; nothing was removed",
        ) from None
    return made


def _write(journal: Journal, made: Archived, beside: Path) -> None:
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        with _packing(file) as stream:
            stream.write(_line(_header(made)))
            after = made.head.seq - made.rows
            while page := journal.read(made.head.session, after=after, limit=PAGE_ROWS):
                for record in page:
                    if record.seq <= made.head.seq:
                        stream.write(_line(_row(record)))
                after = page[-1].seq
        file.flush()
        os.fsync(file.fileno())


def read_archive(file: Path) -> tuple[Archived, Iterator[Record]]:
    """
    The header of *file*, and its rows one after the other, each checked by the chain.

    Nothing beyond the next row is unpacked.

    Raises:
        ArchiveRefused: Also while the rows are read: the file is cut, changed or none of
            ours, or there is nothing here to unpack it with.
    """
    lines = _lines(file)
    made = _archived(file, next(lines, b""))
    return made, _records(made, lines)


def check_archive(file: Path, head: Head | None = None) -> Archived:
    """
    What *file* holds, after all of it was read and found whole.

    Raises:
        ArchiveRefused: It is not, or it is not that of *head*.
    """
    made, records = read_archive(file)
    for _ in records:
        pass
    if head is not None and made.head != head:
        raise _refused(file, f"it ends with row {made.head.seq} of `{made.head.session}`")
    return made


def restore_archive(journal: Journal, file: Path) -> Archived:
    """
    Put the rows of *file* back into *journal*, which then has the same head; again: no change.

    Raises:
        ArchiveRefused: *file* is no whole archive; nothing was put back.
        RowsRefused: The store has another session of that name, or not the row that this
            one branched off.
    """
    made = check_archive(file)
    if journal.head(made.head.session) == made.head:
        return made
    _, records = read_archive(file)
    page: list[Record] = []
    size = 0
    for record in records:
        page.append(record)
        size += len(record.body)
        if len(page) == PAGE_ROWS or size >= PAGE_BYTES_MAX:
            _put_back(journal, made, page)
            page, size = [], 0
    _put_back(journal, made, page)
    return made


def _put_back(journal: Journal, made: Archived, page: list[Record]) -> None:
    if not page:
        return
    answer = journal.restore(made.head, page, origin=made.origin)
    if isinstance(answer, Conflict) and answer.actual[0] != made.head:
        found = answer.actual[0]
        raise RowsRefused(
            f"the store has `{found.session}` with row {found.seq} as its last, and the archive "
            f"of `{made.head.session}` does not fit that",
            remedy="put back the session that it branched off first, or use another store",
        )


# -- lines -----------------------------------------------------------------------------


def _header(made: Archived) -> dict[str, object]:
    origin = made.origin
    return {
        "format": FORMAT,
        "version": VERSION,
        "session": made.head.session,
        "seq": made.head.seq,
        "hash": made.head.hash.hex(),
        "origin": None if origin is None else [origin.parent, origin.seq],
        "base_hash": made.base_hash.hex(),
        "rows": made.rows,
        "made_at_ms": made.made_at_ms,
    }


def _row(record: Record) -> dict[str, object]:
    made: dict[str, object] = {
        "seq": record.seq,
        "kind": record.kind,
        "at_ms": record.at_ms,
        "durable": record.durable,
        "key": record.key,
        "hash": record.hash.hex(),
    }
    try:
        return made | {"body": record.body.decode("utf-8")}
    except UnicodeDecodeError:
        return made | {"body64": base64.b64encode(record.body).decode("ascii")}


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _archived(file: Path, line: bytes) -> Archived:
    try:
        told = cast("dict[str, Any]", json.loads(line))
        if told["format"] != FORMAT:
            raise _refused(file, f"it is of the format `{told['format']}`")
        if told["version"] != VERSION:
            raise _refused(file, f"version {told['version']} of the format is not known here")
        origin = told["origin"]
        head = Head(str(told["session"]), int(told["seq"]), bytes.fromhex(told["hash"]))
        return Archived(
            path=file,
            head=head,
            origin=None if origin is None else Origin(str(origin[0]), int(origin[1])),
            base_hash=bytes.fromhex(told["base_hash"]),
            rows=int(told["rows"]),
            made_at_ms=int(told["made_at_ms"]),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise _refused(file, "it does not begin with a header") from None


def _records(made: Archived, lines: Iterator[bytes]) -> Iterator[Record]:
    """The rows, as long as each continues the chain; at the end the head must be reached."""
    previous, seq = made.base_hash, made.head.seq - made.rows
    for line in lines:
        seq += 1
        record = _record(made, line)
        if record.seq != seq or seq > made.head.seq:
            raise _refused(made.path, f"row {record.seq} stands where row {seq} belongs")
        if not _continues(previous, record):
            raise _refused(made.path, f"row {seq} is not the one that was written")
        previous = record.hash
        yield record
    if seq != made.head.seq or previous != made.head.hash:
        raise _refused(made.path, f"it ends after row {seq} of {made.head.seq}")


def _continues(previous: bytes, record: Record) -> bool:
    try:
        return record_hash(previous, record) == record.hash
    except (struct.error, TypeError, AttributeError, ValueError):
        # A column of another type than the writer's: nothing that was ever hashed.
        return False


def _record(made: Archived, line: bytes) -> Record:
    try:
        told = cast("dict[str, Any]", json.loads(line))
        body = told.get("body")
        plain = base64.b64decode(told["body64"]) if body is None else body.encode()
        return Record(
            session=made.head.session,
            seq=told["seq"],
            kind=told["kind"],
            at_ms=told["at_ms"],
            body=plain,
            durable=told["durable"],
            key=told["key"],
            hash=bytes.fromhex(told["hash"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ValueRefused):
        raise _refused(made.path, "a line of it is no row") from None


def _lines(file: Path) -> Iterator[bytes]:
    """Lines of *file*, unpacked one at a time, each no longer than a row can be."""
    try:
        with file.open("rb") as raw, _unpacking(file, raw) as stream:
            limit = HEADER_BYTES_MAX
            while line := stream.readline(limit):
                if not line.endswith(b"\n"):
                    raise _refused(file, "a line of it is cut, or longer than a row can be")
                yield line
                limit = LINE_BYTES_MAX
    except OSError as error:
        raise _refused(file, (error.strerror or str(error)).lower()) from None
    except (EOFError, zlib.error):
        raise _refused(file, "it is damaged or cut") from None
    except Exception as error:
        # The error class of zstd is only known where there is zstd.
        if type(error).__name__ != "ZstdError":
            raise
        raise _refused(file, "it is damaged or cut") from None


# -- packing ---------------------------------------------------------------------------


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
        raise _refused(file, "it is neither zstd nor gzip")
    zstd = _zstd()
    if zstd is None:
        raise ArchiveRefused(
            f"`{file}` is packed with zstd, and nothing here unpacks it",
            remedy="install `session-governance[zstd]`, or use Python 3.14 or later",
        )
    return cast("IO[bytes]", zstd.ZstdFile(raw, "rb"))


# -- places ----------------------------------------------------------------------------


def _file_name(head: Head) -> str:
    """A name that every file system takes, and that no other head has."""
    name = quote(head.session, safe="")[:_NAME_CHARACTERS_MAX]
    mark = sha256(head.session.encode() + head.hash).hexdigest()[:16]
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(file: Path, why: str) -> ArchiveRefused:
    return ArchiveRefused(f"`{file}` is no archive to go by: {why}", remedy="take another copy")
