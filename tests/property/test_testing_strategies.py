"""What the published strategies make is what the engine takes."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given

from governance.journal import Append, Appended, Row
from governance.journal.memory import MemoryJournal
from governance.session.commands import Command
from governance.testing import strategies
from governance.values import Json, check_json, dump_json, load_json


@given(strategies.json_values())
def test_json_values_can_be_journaled(value: Json) -> None:
    """Each is taken, written and read back as it was."""
    check_json(value)

    assert load_json(dump_json(value)) == value


@given(strategies.json_objects())
def test_json_objects_are_objects(value: Mapping[str, Json]) -> None:
    """What a body must be."""
    assert isinstance(value, Mapping)
    check_json(value)


@given(strategies.appends(session="s", expected_seq=0))
def test_rows_are_taken_by_a_journal(append: Append) -> None:
    """Rows as the engine writes them fit the contract of every journal."""
    assert isinstance(MemoryJournal().append([append]), Appended)


@given(strategies.rows())
def test_rows_hold_objects(row: Row) -> None:
    """A body is a JSON object."""
    assert isinstance(load_json(row.body), Mapping)


@given(strategies.session_ids())
def test_session_ids_are_taken_by_a_journal(session: str) -> None:
    """Strange ids among them."""
    append = Append(session, 0, (Row("turn.started", 1, b"{}"),))

    assert isinstance(MemoryJournal().append([append]), Appended)


@given(strategies.event_sequences(session="s"))
def test_sequences_are_in_order_of_time(commands: list[Command]) -> None:
    """All of one session; tool events bring their call."""
    times = [one.at_ms or 0 for one in commands]

    assert times == sorted(times)
    for one in commands:
        assert one.session == "s"
        assert (one.call is not None) == (one.event in ("tool_before", "tool_after"))
