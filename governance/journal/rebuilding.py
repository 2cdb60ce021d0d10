"""
A new store out of what was gathered of a damaged one, and a file for what fits nowhere.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from governance._attrs import define
from governance.errors import JournalError
from governance.journal.chain import ZERO_HASH, tombstone_digest
from governance.journal.faults import folder_error, store_error
from governance.journal.gaps import damaged_row
from governance.journal.mirror import Mirror
from governance.journal.reassembling import Facts, Kept, Lost, reassemble, woven
from governance.journal.records import Head, Record, VerifyReport
from governance.journal.sqlite_connection import Patience, connect
from governance.journal.sqlite_lineage import hash_at
from governance.journal.sqlite_rows import INSERT_SQL
from governance.journal.sqlite_schema import check_store, create_store
from governance.journal.sqlite_verify import verify_store
from governance.journal.staging import Staging, Unused
from governance.project import FILE_MODE

if TYPE_CHECKING:
    import apsw

_PATIENCE_MS = 5_000


class NotMended(JournalError):
    """What was put together does not hold by its own chain; the store was left as it was."""

    code = "GOV543"


def build_store(
    draft: Path,
    staging: Staging,
    facts_of: Callable[[str], Facts],
    store_id: str,
    now_ms: int,
) -> None:
    """
    Make a store at *draft* with the id *store_id* and all that *staging* has; synced.

    Every head gets a new position, so that whoever follows the moves looks at it again.

    Raises:
        JournalError: It could not be written.
    """
    import apsw

    create_store(draft)
    try:
        connection = apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            # One file without a log, which can be put in a place by one rename.
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA synchronous=OFF")
            if store_id:
                connection.execute("UPDATE store SET value = ? WHERE name = 'id'", (store_id,))
            # Beyond all that a store which is gone may have given to whoever follows it: more
            # moves than one a microsecond there were not.
            position = max(staging.position, now_ms * 1_000)
            for session in staging.sessions():
                position += 1
                with connection:
                    _build_session(
                        connection, staging, session, facts_of(session), position, now_ms
                    )
            with connection:
                position = _build_rest(connection, staging, facts_of, position)
                connection.execute(
                    "UPDATE store SET value = ? WHERE name = 'position'", (str(position),)
                )
        finally:
            connection.close()
        sync_file(draft)
    except apsw.Error as error:
        raise store_error(error, draft) from None
    except OSError as error:
        raise folder_error(error, draft) from None


def _build_session(
    connection: apsw.Connection,
    staging: Staging,
    session: str,
    facts: Facts,
    position: int,
    now_ms: int,
) -> None:
    origin = staging.origin(session)
    # Parents were built before.
    own = hash_at(connection, origin.parent, origin.seq) if origin is not None else ZERO_HASH
    if own is None:
        raise NotMended(
            f"session `{session}` begins with a row of `{origin}` that is nowhere",
            remedy="name a copy of the store with `--from`",
        )
    head = Head(session, facts.base, own)
    lost: list[tuple[int, int]] = []

    def parts() -> Iterator[Kept | Lost]:
        for part in reassemble(staging.slots(session), facts):
            if isinstance(part, Lost):
                lost.append((part.first, part.last))
            yield part

    for row in woven(parts(), session, own, now_ms):
        _insert(connection, row)
        head = Head(session, row.seq, row.hash)
    if any(staging.stated(session, a, b) <= b - a for a, b in lost):
        # Said at the end as well: an acceptance of earlier losses must not cover these.
        row = damaged_row(session, head.seq + 1, now_ms, head.hash, lost)
        _insert(connection, row)
        head = Head(session, row.seq, row.hash)
    if not head.seq:
        return  # nothing that was found of it is believed
    parent, base = (origin.parent, origin.seq) if origin is not None else (None, 0)
    connection.execute(
        "INSERT INTO session (id, head, hash, parent, base, position, echo)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, -?6)",
        (session, head.seq, head.hash, parent, base, position),
    )


def _build_rest(
    connection: apsw.Connection,
    staging: Staging,
    facts_of: Callable[[str], Facts],
    position: int,
) -> int:
    """Tombstones with the rows that were being put back, and the values; the last position."""
    for head, origin in staging.tombstones():
        position += 1
        parent, base = (origin.parent, origin.seq) if origin is not None else (None, 0)
        digest = tombstone_digest(head, origin, position)
        connection.execute(
            "INSERT INTO removed (id, head, hash, parent, base, position, digest)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (head.session, head.seq, head.hash, parent, base, position, digest),
        )
        for part in reassemble(staging.slots(head.session), facts_of(head.session)):
            if isinstance(part, Lost) or not part.proven or part.record.seq >= head.seq:
                break
            _insert(connection, part.record)
    for entry in staging.entries():
        connection.execute(
            "INSERT INTO shelf (shelf, name, version, value, digest) VALUES (?, ?, ?, ?, ?)", entry
        )
    return position


def _insert(connection: apsw.Connection, r: Record) -> None:
    values = (r.session, r.seq, r.kind, r.at_ms, r.body, r.durable, r.key, r.hash)
    connection.execute(INSERT_SQL, values)


def sync_file(path: Path) -> None:
    """Make what was written to *path* survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def proven_draft(draft: Path) -> None:
    """
    Return quietly if the store at *draft* holds by its chain, but for losses that it states.

    Raises:
        NotMended: It does not.
    """
    report = judge(draft, None)
    wrong = [one for one in report.findings if one.what != "lost"]
    if wrong:
        raise NotMended(
            f"what was put together does not hold: session `{wrong[0].session}` row "
            f"{wrong[0].seq}: {wrong[0].message}",
            remedy="keep the damaged store and its backups, and report this",
        )


def judge(path: Path, mirror: Mirror | None) -> VerifyReport:
    """
    What `verify` says of the file at *path*, which nobody else uses; an older one is migrated.

    Raises:
        JournalError: It cannot be opened.
    """
    import apsw

    patience = Patience()
    patience.allow(_PATIENCE_MS)
    try:
        connection = connect(path, patience)
        try:
            check_store(connection, path)
            return verify_store(connection, path, mirror)
        finally:
            connection.close()
    except apsw.Error as error:
        raise store_error(error, path) from None


@define(eq=False, repr=False)
class Quarantine:
    """
    A file of what was read and fits nowhere: one JSON object a line, what is binary in base64.

    As a context it keeps the file where all went well. There is none while nothing was put.

    Attributes:
        path: A name that is free.

        rows, values: How many of each were put.
    """

    path: Path
    rows: int = 0
    values: int = 0
    _file: TextIO | None = None

    @property
    def file(self) -> Path | None:
        """Where it is, if anything is in it."""
        return self.path if self.rows or self.values else None

    def put_unused(self, staging: Staging, draft: Path) -> None:
        """Put every row of *staging* that is not in the store at *draft*."""
        self.rows += staging.each_unused(draft, lambda one: self._put(_row_json(one)))

    def put_value(self, columns: tuple[object, ...]) -> None:
        """Put the value that lies as *columns*: its shelf, name, version, bytes and digest."""
        shelf, name, version, value, digest = columns
        self.values += 1
        self._put(
            {
                "shelf": shelf,
                "name": name,
                "version": version,
                "digest": digest.hex() if isinstance(digest, bytes) else None,
                "value_base64": b64encode(value).decode() if isinstance(value, bytes) else None,
            }
        )

    def _put(self, line: Mapping[str, object]) -> None:
        if self._file is None:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            self._file = os.fdopen(handle, "w", encoding="utf-8")
        self._file.write(json.dumps(line) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        whole = False
        try:
            with self._file:
                if error is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    whole = True
        finally:
            if not whole:
                self.path.unlink(missing_ok=True)


def _row_json(one: Unused) -> dict[str, object]:
    r = one.record
    return {
        "session": r.session,
        "seq": r.seq,
        "kind": r.kind,
        "at_ms": r.at_ms,
        "durable": r.durable,
        "key": r.key,
        "hash": r.hash.hex(),
        "body_base64": b64encode(r.body).decode("ascii"),
        "found_in": one.source,
    }
