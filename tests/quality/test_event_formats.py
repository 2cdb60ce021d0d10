"""Rows of every format that there was: read as today's, and never guessed at when newer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.engine import Engine
from governance.engine.encoding import encode_rows
from governance.engine.restoring import fold
from governance.events import CATALOGUE
from governance.formats import UPCASTS, RowNewer, Upcast, Upcasts, body_of, stamped
from governance.journal.records import Append, Appended, Record, Row
from governance.journal.sqlite import SqliteJournal
from governance.session.draft import DraftRow
from governance.session.state import FOLD_VERSION
from governance.testing.engines import memory_engine
from governance.values import Json, ValueRefused, dump_json
from tests.quality.make_rows import (
    FORMAT,
    rows_file,
    rows_in,
    rows_of_today,
    states_file,
    states_of,
)
from tests.quality.make_stores import FOLDER

FORMATS = tuple(range(1, FORMAT + 1))
MAKE = "run `python -m tests.quality.make_rows` and commit what it makes"


def a_row(kind: str, body: Mapping[str, Json]) -> Record:
    return Record("s", 1, kind, 0, dump_json(body), True, None, b"")


# -- what was released -------------------------------------------------------------------


def test_every_format_has_its_rows() -> None:
    """A step that leads a kind on comes with rows that an engine of the new format wrote."""
    assert {file.name for file in FOLDER.glob("rows-*")} == {rows_file(n).name for n in FORMATS}
    assert [file.name for file in FOLDER.glob("states-*")] == [states_file(FOLD_VERSION).name], MAKE


@pytest.mark.parametrize("number", FORMATS)
def test_rows_of_the_format_come_to_the_same_states(number: int) -> None:
    """What an older engine wrote means what it meant; another meaning is another fold's."""
    kept = json.loads(states_file(FOLD_VERSION).read_text())[str(number)]

    assert states_of(number) == kept, f"if that is meant, `FOLD_VERSION` grows: {MAKE}"


@pytest.mark.parametrize("number", FORMATS)
def test_rows_of_the_format_tell_what_they_told(number: int) -> None:
    """Nothing that stood in a kind of row is gone from it or of another type, unless led on."""
    today = shapes(rows_of_today())
    then = shapes(rows_in(number))

    gone = {kind: then[kind] - today.get(kind, set()) for kind in then}
    assert {kind: paths for kind, paths in gone.items() if paths} == {}


def shapes(rows: Mapping[str, list[Record]]) -> dict[str, set[str]]:
    """By kind, each place that a row has something at, and of which type."""
    found: dict[str, set[str]] = {}
    for record in (one for records in rows.values() for one in records):
        found.setdefault(record.kind, set()).update(_paths(body_of(record), ""))
    return found


def _paths(value: Json, path: str) -> Iterator[str]:
    yield f"{path}: {type(value).__name__}"
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _paths(one, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from _paths(one, f"{path}[]")


def test_most_kinds_stand_in_the_rows() -> None:
    """What stands there nowhere is made by a person's commands, and folded by nobody."""
    from tests.integration.test_engine_events import ELSEWHERE

    stored = {name for name, spec in CATALOGUE.items() if spec.when == "after"}
    assert stored - set(shapes(rows_in(FORMAT))) <= set(ELSEWHERE)


# -- what is led on ----------------------------------------------------------------------


def _to_two(body: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**body, "data": {"spent_ms": body["data"]["ms"]}}  # type: ignore[index,call-overload]


def _to_three(body: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**body, "data": {**body["data"], "unit": "ms"}}  # type: ignore[dict-item]


STEPS: Upcasts = {"turn.ended": (_to_two, _to_three)}


@given(st.integers(0, 2**53), st.integers(1, 3))
def test_a_row_of_any_version_reads_as_one_of_today(ms: int, version: int) -> None:
    """Each step is taken that is left, from where the row stands, and once."""
    data: tuple[dict[str, Json], ...] = (
        {"ms": ms},
        {"spent_ms": ms},
        {"spent_ms": ms, "unit": "ms"},
    )
    body: dict[str, Json] = {"data": data[version - 1], "host": "h"}
    if version > 1:
        body["v"] = version

    read = body_of(a_row("turn.ended", body), STEPS)

    assert read["data"] == data[-1]
    assert read["host"] == "h"


def led_on(steps: Sequence[Upcast], body: Any) -> list[int]:
    """Lead *body* on by *steps*, each taken twice, and it the same after it; which were taken."""
    taken = [*range(body.get("v", 1) - 1, len(steps))]
    for at in taken:
        before = deepcopy(body)
        first, second = steps[at](body), steps[at](body)
        assert (body, first) == (before, second)
        body = first
    return taken


def test_steps_leave_what_they_are_given() -> None:
    """Those that were released are pure, each tried on what was written before it."""
    tried = {
        (record.kind, at)
        for number in FORMATS
        for rows in rows_in(number).values()
        for record in rows
        for at in led_on(UPCASTS.get(record.kind, ()), json.loads(record.body))
    }

    assert tried == {(kind, at) for kind, steps in UPCASTS.items() for at in range(len(steps))}


def test_a_step_that_changes_what_it_is_given_is_seen() -> None:
    """The control: of the two kinds of steps that are not pure, each fails."""
    told: list[int] = []

    def changing(body: Any) -> Any:
        body["data"]["ms"] += 1
        return body

    def counting(body: Any) -> Any:
        told.append(1)
        return {**body, "count": len(told)}

    assert led_on(STEPS["turn.ended"], {"data": {"ms": 1}}) == [0, 1]
    for step in (changing, counting):
        with pytest.raises(AssertionError):
            led_on((step,), {"data": {"ms": 1}})


def test_a_row_says_its_version() -> None:
    """What is written by an engine that knows of three formats is of the third, and reads back."""
    body = stamped("turn.ended", {"data": {}}, STEPS)

    assert body["v"] == 3
    assert body_of(a_row("turn.ended", body), STEPS) == body
    assert stamped("turn.started", {"data": {}}, STEPS) == {"data": {}}
    (row,) = encode_rows((DraftRow("turn.ended", 1, {"data": {}}, True),))
    assert b'"v"' not in row.body


@pytest.mark.parametrize("version", [0, -1, "2", 1.5, True, None, []])
def test_a_version_that_is_none_is_no_row(version: Json) -> None:
    """No engine has written it."""
    with pytest.raises(ValueRefused, match="version"):
        body_of(a_row("turn.ended", {"data": {}, "v": version}), STEPS)


# -- what is newer -----------------------------------------------------------------------

NEWER = {
    "a kind": Row("session.frozen", 5, b'{"data":{}}'),
    "a version": Row("turn.ended", 5, b'{"data":{},"v":2}'),
}


@pytest.fixture(name="engine", params=NEWER)
def _engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on a store where a newer one has written a row to one of two sessions."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True, mirror=None)
    with memory_engine(journal=journal) as first:
        for name in ("s", "t"):
            first.start(name).turn("go")
    journal = SqliteJournal.open(tmp_path / "journal.db", create=False, mirror=None)
    row = NEWER[request.param]
    assert isinstance(journal.append([Append("s", journal.head("s").seq, (row,))]), Appended)
    with memory_engine(journal=journal) as engine:
        yield engine


def test_nothing_is_decided_on_what_a_newer_engine_wrote(engine: Engine) -> None:
    """The call is denied by name, nothing is written, and all other sessions go on."""
    before = engine.journal.head("s")

    reply = engine.session("s").tool("read", {"path": "a"}, call_id="1")

    assert reply.denied
    assert "was written by a newer engine: this one does not know" in reply.message
    assert engine.journal.head("s") == before
    assert not engine.session("t").tool("read", {"path": "a"}, call_id="1").denied
    assert engine.journal.verify().ok
    with pytest.raises(RowNewer, match="row 5 of `s`"):
        engine.state("s")


def test_an_engine_that_holds_the_session_is_stopped_as_well(tmp_path: Path) -> None:
    """A newer engine writes while an older one has the session in memory."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True, mirror=None)
    with memory_engine(journal=journal) as engine:
        session = engine.start("s")
        session.turn("go")
        head = journal.head("s").seq
        assert isinstance(journal.append([Append("s", head, (NEWER["a kind"],))]), Appended)

        assert session.tool("read", {"path": "a"}, call_id="1").denied
        assert journal.head("s").seq == head + 1


def test_a_fold_of_what_is_newer_is_an_error() -> None:
    """Wherever rows are folded."""
    for row in NEWER.values():
        record = Record("s", 1, row.kind, row.at_ms, row.body, True, None, b"")
        with pytest.raises(RowNewer):
            fold([record], "s")
