"""
Makes the stores of `tests/quality/stores`: one of every schema version that was ever released.

``python -m tests.quality.make_stores`` makes the files that are missing. It never writes over
one: a file stands for what an engine of its time wrote, whatever the code says today.
"""

from __future__ import annotations

import sys
from pathlib import Path

import apsw

from governance.journal.chain import (
    ZERO_HASH,
    chain_rows,
    entry_digest,
    snapshot_digest,
    tombstone_digest,
)
from governance.journal.records import Entry, Head, Record, Row, Snapshot
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


def main() -> int:
    """Make what is missing, and name it."""
    FOLDER.mkdir(exist_ok=True)
    for version in range(1, VERSION + 1):
        path = FOLDER / f"schema-{version}.db"
        if not path.exists():
            make(version, path)
            sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
