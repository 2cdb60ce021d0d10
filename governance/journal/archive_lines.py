"""
What the lines of an archive say: a header, the values of the session, and its rows.

The header has the head, how many rows and values follow, and the hash of all values; rows
prove themselves by their chain. Versions of the format that are read: 1, which has no
values, and 2.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from attrs import evolve

from governance._attrs import frozen
from governance.errors import JournalError, MisuseError
from governance.journal.chain import ZERO_HASH, entry_digest, record_hash
from governance.journal.limits import check_entry, check_value
from governance.journal.records import Entry, Head, Origin, Record
from governance.journal.session_values import BLOB_SHELF, session_of
from governance.values import ValueRefused

FORMAT = "governance-archive"
VERSION = 2
VERSIONS = (1, 2)

ARCHIVED_SHELVES = (BLOB_SHELF,)
"""Shelves whose values go along; what can be made anew from rows does not."""


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

        values: How many values it holds: what of the session was too big for a row.

        values_hash: Over all of them, in their order.
    """

    path: Path
    head: Head
    origin: Origin | None
    base_hash: bytes
    rows: int
    made_at_ms: int
    values: int = 0
    values_hash: bytes = ZERO_HASH


def refused(file: Path, why: str) -> ArchiveRefused:
    """The error for *file*, which is none that can be gone by."""
    return ArchiveRefused(f"`{file}` is no archive to go by: {why}", remedy="take another copy")


def hash_of_values(hash_: bytes, entry: Entry) -> bytes:
    """The hash of some values, which is *hash_*, and *entry* behind them; of what it counts."""
    return sha256(hash_ + entry_digest(evolve(entry, version=1))).digest()


# -- to lines ---------------------------------------------------------------------------


def header_line(made: Archived) -> bytes:
    """The first line of *made*."""
    origin = made.origin
    return _line(
        {
            "format": FORMAT,
            "version": VERSION,
            "session": made.head.session,
            "seq": made.head.seq,
            "hash": made.head.hash.hex(),
            "origin": None if origin is None else [origin.parent, origin.seq],
            "base_hash": made.base_hash.hex(),
            "rows": made.rows,
            "values": made.values,
            "values_hash": made.values_hash.hex(),
            "made_at_ms": made.made_at_ms,
        }
    )


def value_line(entry: Entry) -> bytes:
    """The line of one value, as it is stored."""
    value = base64.b64encode(entry.value).decode("ascii")
    return _line({"shelf": entry.shelf, "name": entry.name, "value": value})


def row_line(record: Record) -> bytes:
    """The line of one row, as it is stored."""
    made: dict[str, object] = {
        "seq": record.seq,
        "kind": record.kind,
        "at_ms": record.at_ms,
        "durable": record.durable,
        "key": record.key,
        "hash": record.hash.hex(),
    }
    try:
        return _line(made | {"body": record.body.decode("utf-8")})
    except UnicodeDecodeError:
        return _line(made | {"body64": base64.b64encode(record.body).decode("ascii")})


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


# -- from lines -------------------------------------------------------------------------

_WRONG = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


def archived_of(file: Path, line: bytes) -> Archived:
    """
    What the first line of *file* says.

    Raises:
        ArchiveRefused: It is no header, or that of another format or version.
    """
    try:
        told = cast("dict[str, Any]", json.loads(line))
        if told["format"] != FORMAT:
            raise refused(file, f"it is of the format `{told['format']}`")
        if told["version"] not in VERSIONS:
            raise refused(file, f"version {told['version']} of the format is not known here")
        origin = told["origin"]
        head = Head(str(told["session"]), int(told["seq"]), bytes.fromhex(told["hash"]))
        made = Archived(
            path=file,
            head=head,
            origin=None if origin is None else Origin(str(origin[0]), int(origin[1])),
            base_hash=bytes.fromhex(told["base_hash"]),
            rows=int(told["rows"]),
            made_at_ms=int(told["made_at_ms"]),
        )
        if told["version"] == 1:
            return made
        hash_ = bytes.fromhex(told["values_hash"])
        return evolve(made, values=int(told["values"]), values_hash=hash_)
    except _WRONG:
        raise refused(file, "it does not begin with a header") from None


def parts_of(made: Archived, lines: Iterable[bytes]) -> Iterator[Entry | Record]:
    """
    The values of *made*, then its rows, each checked before it is given.

    Raises:
        ArchiveRefused: One is not what was written, or there are fewer or more of them.
    """
    rest = iter(lines)
    hash_ = ZERO_HASH
    for _ in range(made.values):
        entry = _entry(made, next(rest, b""))
        hash_ = hash_of_values(hash_, entry)
        yield entry
    if hash_ != made.values_hash:
        raise refused(made.path, "its values are not those that were written")
    yield from _records(made, rest)


def _records(made: Archived, lines: Iterator[bytes]) -> Iterator[Record]:
    """The rows, as long as each continues the chain; at the end the head must be reached."""
    previous, seq = made.base_hash, made.head.seq - made.rows
    for line in lines:
        seq += 1
        record = _record(made, line)
        if record.seq != seq or seq > made.head.seq:
            raise refused(made.path, f"row {record.seq} stands where row {seq} belongs")
        if not _continues(previous, record):
            raise refused(made.path, f"row {seq} is not the one that was written")
        previous = record.hash
        yield record
    if seq != made.head.seq or previous != made.head.hash:
        raise refused(made.path, f"it ends after row {seq} of {made.head.seq}")


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
    except (*_WRONG, ValueRefused):
        raise refused(made.path, "a line of it is no row") from None


def _entry(made: Archived, line: bytes) -> Entry:
    """A value of the session of *made*; whoever wrote the file, no other one can be put by it."""
    try:
        told = cast("dict[str, Any]", json.loads(line))
        shelf, name = told["shelf"], told["name"]
        value = base64.b64decode(told["value"], validate=True)
        check_entry(shelf, name)
        check_value(value)
    except (*_WRONG, ValueRefused, MisuseError):
        raise refused(made.path, "a line of it is no value") from None
    if shelf not in ARCHIVED_SHELVES or session_of(name) != made.head.session:
        raise refused(made.path, f"the value `{name}` is none of `{made.head.session}`")
    return Entry(shelf, name, 1, value)
