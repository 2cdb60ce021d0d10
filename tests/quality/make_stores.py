"""
Makes the stores of `tests/quality/stores`: one of every schema version that was ever released.

Of a store in a file the file, of one on a server the SQL that makes it.
``python -m tests.quality.make_stores`` makes the files that are missing. It never writes over
one: a file stands for what an engine of its time wrote, whatever the code says today.
"""

from __future__ import annotations

import sys
from pathlib import Path

import apsw
import attrs

from governance.journal import postgres_schema
from governance.journal.chain import (
    ZERO_HASH,
    chain_rows,
    entry_digest,
    snapshot_digest,
    tombstone_digest,
)
from governance.journal.records import Entry, Head, Origin, Record, Row, Snapshot
from governance.journal.sqlite_schema import APPLICATION_ID, MIGRATIONS, VERSION

FOLDER = Path(__file__).parent / "stores"
STORE_ID = "0123456789abcdef0123456789abcdef"
AT_MS = 1_700_000_000_000


def rows_of(session: str, count: int, after: int = 0, previous: bytes = ZERO_HASH) -> list[Record]:
    """Rows of *session* as they are in every one of these stores."""
    made = [
        Row("tool.decided", AT_MS + n, b'{"data":{"n":%d}}' % n, n % 3 != 1)
        for n in range(after + 1, after + count + 1)
    ]
    key = f"{session}:key"
    return chain_rows(previous, session, after, made, key)


def make(version: int, path: Path) -> None:
    """Write a store of schema *version* to *path*."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA page_size=1024")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    for step in MIGRATIONS[:version]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={version}")
    connection.execute("UPDATE store SET value = ? WHERE name = 'id'", (STORE_ID,))
    heads = [_fill(connection, rows_of(name, 7)) for name in ("s-1", "é")]
    if version >= 2:
        _snapshot(connection, heads[0])
    if version >= 3:
        _moves(connection, heads[0])
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _fill(connection: apsw.Connection, records: list[Record]) -> Head:
    for r in records:
        connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (r.session, r.seq, r.kind, r.at_ms, r.durable, r.key, r.body, r.hash),
        )
    last = records[-1]
    connection.execute(
        "INSERT INTO session (id, head, hash) VALUES (?, ?, ?)", (last.session, last.seq, last.hash)
    )
    return Head(last.session, last.seq, last.hash)


def _snapshot(connection: apsw.Connection, head: Head) -> None:
    kept = Snapshot(head.session, head.seq, head.hash, 1, b'{"of":"another version"}')
    connection.execute(
        "INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?)",
        (kept.session, kept.seq, kept.hash, kept.version, kept.body, snapshot_digest(kept)),
    )


def _moves(connection: apsw.Connection, parent: Head) -> None:
    """What came with branches, tombstones and values."""
    base = rows_of(parent.session, 7)[3]
    twig = _fill(connection, rows_of("twig", 2, base.seq, base.hash))
    connection.execute(
        "UPDATE session SET parent = ?, base = ? WHERE id = ?",
        (parent.session, base.seq, twig.session),
    )
    for number, name in enumerate(("s-1", "é", "twig"), start=1):
        connection.execute(
            "UPDATE session SET position = ?1, echo = -?1 WHERE id = ?2", (number, name)
        )
    gone = Head("gone", 5, rows_of("gone", 5)[-1].hash)
    connection.execute(
        "INSERT INTO removed VALUES (?, ?, ?, NULL, 0, 4, ?)",
        (gone.session, gone.seq, gone.hash, tombstone_digest(gone, None, 4)),
    )
    connection.execute("UPDATE store SET value = '1000' WHERE name = 'position'")
    entry = Entry("blob", "a", 1, b"a value")
    connection.execute(
        "INSERT INTO shelf VALUES (?, ?, ?, ?, ?)",
        (entry.shelf, entry.name, entry.version, entry.value, entry_digest(entry)),
    )


def postgres_text(version: int) -> str:
    """The SQL that makes a store of an engine with that schema *version*; ``@`` is the schema."""
    made = [
        "CREATE SCHEMA @",
        "CREATE TABLE @.store (name text PRIMARY KEY, value bigint NOT NULL)",
    ]
    made += [statement for step in postgres_schema.MIGRATIONS[:version] for statement in step]
    made.append(_insert("store", "version", version))
    parent, *others = (
        ("main", rows_of("s-1", 7), None, None),
        ("main", rows_of("é", 7), None, None),
        ("main", rows_of("twig", 2, 4, rows_of("s-1", 7)[3].hash), Origin("s-1", 4), None),
        ("main", rows_of("gone", 5), None, tombstone_digest),
        ("other", rows_of("s-1", 3), None, None),
    )
    for tenant, id_ in (("main", STORE_ID), ("other", STORE_ID[::-1])):
        made.append(_insert("tenant", tenant, id_, 0))
    made.append(_insert("member", "somebody", "other"))
    for position, (tenant, rows, origin, digest) in enumerate((parent, *others), start=1):
        head = Head(rows[-1].session, rows[-1].seq, rows[-1].hash)
        grave = None if digest is None else digest(head, origin, position)
        above = (None, 0) if origin is None else (origin.parent, origin.seq)
        made.append(_insert("session", tenant, *_columns(head), position, *above, grave))
        for r in rows if grave is None else ():
            columns = (r.session, r.seq, r.kind, r.at_ms, r.durable, r.key, r.body, r.hash)
            made.append(_insert("event", tenant, *columns))
            if r.key is not None:
                made.append(_insert("event_key", tenant, r.key, r.session, r.seq))
    last = parent[1][-1]
    kept = Snapshot("s-1", last.seq, last.hash, 1, b'{"of":"another version"}')
    made.append(_insert("snapshot", "main", *_columns(kept), snapshot_digest(kept)))
    entry = Entry("blob", "a", 1, b"a value")
    made.append(_insert("shelf", "main", *_columns(entry), entry_digest(entry)))
    return "".join(f"{one};\n" for one in made)


def _columns(value: Head | Snapshot | Entry) -> tuple[object, ...]:
    return attrs.astuple(value, recurse=False)


def _insert(table: str, *values: object) -> str:
    return f"INSERT INTO @.{table} VALUES ({', '.join(map(_literal, values))})"


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return str(value).lower()
        case bytes():
            return f"'\\x{value.hex()}'"
        case _:
            text = str(value).replace("'", "''")
            return f"'{text}'"


def main() -> int:
    """Make what is missing, and name it."""
    FOLDER.mkdir(exist_ok=True)
    for version in range(1, postgres_schema.VERSION + 1):
        path = FOLDER / f"schema-{version}.sql"
        if not path.exists():
            path.write_text(postgres_text(version), "utf-8")
            sys.stdout.write(f"{path}\n")
    for version in range(1, VERSION + 1):
        path = FOLDER / f"schema-{version}.db"
        if not path.exists():
            make(version, path)
            sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
