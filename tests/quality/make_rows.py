"""
Makes the rows of `tests/quality/stores`: what engines of every format of rows have written.

``python -m tests.quality.make_rows`` makes the files that are missing: the rows of today's format,
never over older ones, and the states that all of them come to by today's fold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from governance.engine.restoring import fold
from governance.formats import UPCASTS
from governance.journal.records import Record
from governance.session.snapshot import state_bytes
from governance.session.state import FOLD_VERSION
from governance.testing import RecordingListener
from tests.integration.test_engine_events import eventful_engine
from tests.quality.make_stores import FOLDER

FORMAT = 1 + sum(map(len, UPCASTS.values()))
"""How many formats there have been: each step that leads a kind on makes one more."""

Rows = dict[str, list[Record]]
States = dict[str, dict[str, Any]]


def rows_file(number: int) -> Path:
    """Where the rows of format *number* stand."""
    return FOLDER / f"rows-{number}.jsonl"


def states_file(version: int) -> Path:
    """Where the states stand that all these rows come to by the fold of *version*."""
    return FOLDER / f"states-{version}.json"


def rows_of_today() -> Rows:
    """The rows of sessions that meet what a session can meet, by whose journal they are."""
    with eventful_engine(RecordingListener()) as engine:
        names = [head.session for head in engine.journal.sessions()]
        return {name: list(engine.journal.read(name, limit=10_000)) for name in names}


def lines_of(rows: Rows) -> Iterator[str]:
    """*rows*, a line each, without their places in a chain."""
    for name, records in rows.items():
        for one in records:
            body = json.loads(one.body)
            line = [name, one.session, one.seq, one.kind, one.at_ms, one.durable, body]
            yield json.dumps(line, separators=(",", ":")) + "\n"


def rows_in(number: int) -> Rows:
    """The rows of format *number*, by journal; those of a branch begin with its parent's."""
    found: Rows = {}
    for line in rows_file(number).read_text().splitlines():
        name, session, seq, kind, at_ms, durable, body = json.loads(line)
        record = Record(session, seq, kind, at_ms, json.dumps(body).encode(), durable, None, b"")
        found.setdefault(name, []).append(record)
    return found


def states_of(number: int) -> States:
    """What the rows of format *number* come to today, by session."""
    return {
        name: json.loads(state_bytes(fold(rows, name))) for name, rows in rows_in(number).items()
    }


def main() -> int:
    """Make what is missing, and name it."""
    rows, states = rows_file(FORMAT), states_file(FOLD_VERSION)
    if not rows.exists():
        rows.write_text("".join(lines_of(rows_of_today())))
        sys.stdout.write(f"{rows}\n")
    if not states.exists():
        made = {str(one): states_of(one) for one in range(1, FORMAT + 1)}
        states.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
        sys.stdout.write(f"{states}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
