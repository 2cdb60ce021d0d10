"""The catalogue holds every event with its fields, and finds what does not fit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.events import (
    ATTRIBUTES,
    CATALOGUE,
    ENVELOPE,
    TYPES,
    Event,
    check_data,
    event_json,
    event_table,
)
from governance.testing import strategies

# Event → when, fields; `W` may be written, `?` may be absent: the contract with listeners.
PROMISED = """
session.creating before backend_name model_id:W model_options:W context_type
session.created after model_id context language phase style adopted
session.started after source
turn.started after turn prompt_source
turn.ended after turn stats
tool.asked before tool facts arguments:W
tool.decided after tool action rules message
tool.finished after outcome duration_ms:? error:?
command.asked before name arguments:W source
command.executed after name arguments source
task.completed after title outcome
file.changed after path operation
style.changed after style
governance.injected after blocks characters sha256 why
governance.lapsed after why
governance.paused after until_ms by reason
rules.changed after packs before
rules.refused after packs before problems count
session.compacting before trigger context:W?
session.compacted after trigger context_size_tokens:? summary:? compaction_count
session.idle after reason idle_seconds:? open_calls stats
session.interrupted after reason idle_seconds:? open_calls stats
session.resumed after gap_seconds:? stale from previous_state
session.resetting before previous_context
session.reset after epoch
session.ending before context interaction_count exception:?
session.ended after reason stats
violation.counted after rule severity intent counts
violation.pardoned after rule count by reason
session.escalated after step
session.halted after by
approval.asked after action expires_at_ms
approval.settled after by decision
permission.asked after id permission patterns
permission.replied after id reply
session.stalled after kind evidence
child.started after child_id role
child.ended after child_id stats
child.counted after child_id
guard.gap after host from to missed
environment.overruled after host places
guard.bypassed after tool action rules message intent why arguments
event.late after event why
event.duplicate after event why
event.unmatched after event why
event.refused after event reasons
rules.shadowed after on shadows shadow_actions
session.branched after parent at carried by
session.merged after source source_seq source_hash target_seq target_hash base base_seq \
  set unset conflicts by
merge.conflicted after id kind key source sides
merge.resolved after id kind key take set unset by
session.archived after session head hash rows path why by
session.removed after session head hash rows why by
session.unarchived after session head hash path by
retention.pruned after archived removed kept by problem:?
session.gap after what from to rows
session.damaged after what rows
session.repaired after what rows
listener.failed after listener event why error count disabled
anchor.added after id type priority text
usage.reported after input_tokens:? output_tokens:? cost_usd:? context_ratio:? whole:?
session.skewed after back_seconds
message.added after id role parts said_at_ms:? said_by:? said_in_epoch:? reply_to:? origin:? about:?
context.set after set
context.unset after unset
context.merged after source source_seq set unset conflicts
context.pruned after hide
context.reset after to_seq
context.migrated after set
context.repaired after set unset rows
context.granted after to kind keys right
context.revoked after to kind keys right
trust.granted after file sha256 loosens by
trust.withdrawn after files by
session.erased after session rows asked_for by reason
keys.rotated after key by
data.accessed after action session outcome through reasons:?
"""
LINES = [line.split() for line in PROMISED.strip().splitlines()]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_every_promised_event_has_its_fields(line: list[str]) -> None:
    """Name, kind, fields, and what may be written or absent are as promised to listeners."""
    name, when, *fields = line

    spec = CATALOGUE[name]

    assert spec.when == when
    for one in fields:
        field, _, marks = one.partition(":")
        assert spec.fields[field].writable == ("W" in marks), field
        assert spec.fields[field].optional == ("?" in marks), field


def test_nothing_else_is_in_the_catalogue() -> None:
    """An event that is in the catalogue is promised, and so is every field that must be there."""
    assert set(CATALOGUE) == {line[0] for line in LINES}
    for name, _, *fields in LINES:
        promised = {one.partition(":")[0] for one in fields}
        needed = {one.name for one in CATALOGUE[name].fields.values() if not one.optional}
        # The rows of some events need an id of their own; listeners were promised the rest.
        assert needed - promised <= {"id", "tool"}, name


def test_every_event_and_field_has_a_sentence_and_a_known_type() -> None:
    """The docs table has no empty cell."""
    for spec in CATALOGUE.values():
        assert re.fullmatch(r"[A-Z].*\.", spec.doc), spec.name
        for one in spec.fields.values():
            assert re.fullmatch(r"[A-Z].*\.", one.doc), (spec.name, one.name)
            assert one.type in TYPES


def test_only_before_events_can_be_written() -> None:
    """What has happened cannot be changed."""
    for spec in CATALOGUE.values():
        assert spec.when == "before" or not spec.writable


def test_the_machine_emits_only_what_is_in_the_catalogue() -> None:
    """The table of states and the catalogue agree on every name."""
    text = (Path(__file__).parents[2] / "states" / "session.toml").read_text(encoding="utf-8")
    names = set(re.findall(r'"([a-z]+\.[a-z]+)"', text))

    assert names
    assert names <= set(CATALOGUE)


def test_the_table_names_every_field() -> None:
    """The table of the docs is made from the catalogue, and is whole."""
    table = event_table()

    for spec in CATALOGUE.values():
        assert f"| `{spec.name}` | {spec.when} |" in table
        for one in spec.fields.values():
            assert f"| `{one.name}` | {one.type}" in table


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        ("tool.askd", {}, "GOV430", "did you mean `tool.asked`?"),
        ("style.changed", {"style": "x", "stile": "y"}, "GOV431", "did you mean `style`?"),
        ("style.changed", {}, "GOV432", "`style` is missing"),
        ("style.changed", {"style": None}, "GOV432", "`style` is missing"),
        ("style.changed", {"style": 3}, "GOV433", "must be str, not int"),
        ("session.reset", {"epoch": True}, "GOV433", "must be int, not bool"),
        ("session.reset", {"epoch": 1.0}, "GOV433", "must be int, not float"),
        ("turn.started", {"turn": 1, "prompt_source": "usr"}, "GOV433", "did you mean `user`?"),
        (
            "event.refused",
            {"event": "start", "reasons": ["a", 1]},
            "GOV433",
            "must be list[str], not list",
        ),
        ("session.resetting", {}, "GOV432", "`previous_context` is missing"),
        ("usage.reported", {"context_ratio": 1.5}, "GOV433", "is 1.5, expected 0 to 1"),
        ("usage.reported", {"cost_usd": -1}, "GOV433", "is -1, expected 0 or more"),
    ],
)
def test_what_does_not_fit_is_named(
    name: str, data: dict[str, object], code: str, said: str
) -> None:
    """Exactly the one thing that is wrong is reported, with its code and a hint."""
    problems = check_data(name, data)  # type: ignore[arg-type]

    assert [one.code for one in problems] == [code]
    assert said in f"{problems[0].message} {problems[0].suggestion}"


def test_all_problems_are_reported_at_once() -> None:
    """Nobody has to mend one field to hear of the next."""
    problems = check_data("turn.started", {"turn": "1", "who": 2})

    assert sorted(one.code for one in problems) == ["GOV431", "GOV432", "GOV433"]


def test_a_field_of_any_value_may_be_null_but_not_absent() -> None:
    """A host that has no context says so."""
    assert check_data("session.resetting", {"previous_context": None}) == ()


@given(st.data())
def test_what_the_strategies_make_fits(data: st.DataObject) -> None:
    """The published strategies make events that the catalogue takes."""
    event = data.draw(strategies.events())

    assert check_data(event.name, event.data) == ()


def test_an_event_cannot_be_changed() -> None:
    """A listener cannot change what the next one sees, however deep it reaches."""
    given_data = {"tool": "shell", "facts": {"paths": ["a"]}, "arguments": {"x": {"y": 1}}}
    event = Event(name="tool.asked", session_id="s", data=given_data)  # type: ignore[arg-type]

    with pytest.raises(AttributeError):
        event.host = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        event.data["tool"] = "read"  # type: ignore[index]
    with pytest.raises(TypeError):
        event.data["arguments"]["x"]["y"] = 2  # type: ignore[index, call-overload]
    with pytest.raises(AttributeError):
        event.data["facts"]["paths"].append("b")  # type: ignore[index, call-overload, union-attr]
    given_data["facts"]["paths"].append("b")  # type: ignore[index, attr-defined]
    assert event.data["facts"]["paths"] == ("a",)  # type: ignore[index, call-overload]


@given(strategies.events())
def test_the_json_form_is_whole(event: Event) -> None:
    """Every part of the envelope stands in the JSON form, which is plain JSON."""
    form = event_json(event)
    again = json.loads(json.dumps(form))

    assert tuple(form) == tuple(ENVELOPE)
    assert again["event"] == event.name
    assert again["when"] == CATALOGUE[event.name].when
    assert Event(name=event.name, session_id="s", data=again["data"]).data == event.data


@pytest.mark.parametrize("name", ["tool.asked", "tool.decided"])
def test_a_listener_in_python_has_what_one_in_json_has(name: str) -> None:
    """Each field by its attribute, with the same value."""
    event = Event(name=name, session_id="s", seq=3, host="python", role="builder")
    form = event_json(event)

    assert set(ATTRIBUTES) == set(form)
    told = {field: getattr(event, attribute) for field, attribute in ATTRIBUTES.items()}
    assert told == form
