"""A glance at the store tells of a session what its fold tells."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.hosts.claude_code.glance import look
from governance.hosts.claude_code.status import standing_of
from governance.journal.records import Append, Row, Snapshot
from governance.journal.sqlite import SqliteJournal
from governance.session.evolve import evolve
from governance.session.snapshot import state_bytes
from governance.session.state import FOLD_VERSION, SessionState
from governance.values import dump_json, load_json
from tests.profiles import examples
from tests.property.session_histories import HAPPENED, SESSION, Happened, steps

PARDONS = st.lists(st.sampled_from(["", "heart.denied", "heart.warned"]), max_size=2)


def _rows(happened: Happened, pardons: list[str]) -> list[Row]:
    """The rows of a history, with a pardon after its first half and one at its end."""
    rows = [
        Row(row.kind, row.at_ms, dump_json(row.body))
        for *_, outcome in steps(happened)
        for row in outcome.rows
    ]
    for rule, place in zip(pardons, (len(rows) // 2, len(rows) + 1), strict=False):
        rows.insert(place, Row("violation.pardoned", 0, dump_json({"data": {"rule": rule}})))
    return rows


@given(HAPPENED, PARDONS, st.integers(0, 60))
@settings(max_examples=examples(30))
def test_a_glance_tells_what_the_fold_tells(
    happened: Happened, pardons: list[str], cut: int
) -> None:
    """Whatever happened, and wherever a state was kept on the way."""
    rows = _rows(happened, pardons)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "governance.toml").touch()
        store = folder / ".governance" / "journal.db"
        journal = SqliteJournal.open(store, create=True)
        journal.append([Append(SESSION, 0, tuple(rows))])
        state = SessionState(SESSION)
        for record in journal.read(SESSION, limit=10_000):
            state = evolve(state, record.seq, record.kind, record.at_ms, load_json(record.body))
            if record.seq == cut:
                kept = state_bytes(state)
                journal.snapshot_put(Snapshot(SESSION, cut, record.hash, FOLD_VERSION, kept))
        journal.close()

        found = look(str(folder), SESSION)

    wanted = standing_of(state)
    assert found.line() == wanted.line()
    assert found.violations == wanted.violations
