"""Rules on transitions hold at every event that is asked, and nothing of what they refuse stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from governance.calls import ToolCall
from governance.engine import Engine
from governance.errors import DefinitionError
from governance.formats import body_of
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.states import ASKED_EVENTS, State
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

HOUR_MS = 3_600_000
PACK = """
format = 1
[pack]
name = "moves"
version = "1.0.0"
summary = "What a session may be asked to do."
[[rule]]
id = "moves.rule"
on = "transition"
{when}
action = "{action}"
severity = "high"
message = "Not {{event}} from {{from}} to {{to}}."
{examples}
"""
EXAMPLES = """
must_match = [{{ {0} }}]
must_not_match = [{{ event = "{1}", from = "compacted", to = "ended", reason = "other" }}]
"""
CALL = ToolCall("shell", "bash", {"command": "ls"}, {"command": "ls"}, call_id="1")
LEGAL: dict[str, dict[str, Any]] = {
    "tool_before": {"call": CALL},
    "child_start": {"data": {"child_id": "s/c"}},
    "command": {"data": {"name": "deploy", "arguments": []}},
}


@contextmanager
def governed(
    when: str, example: str, action: str = "deny", other: str = "start"
) -> Iterator[tuple[Engine, ManualClock]]:
    examples = EXAMPLES.format(example, other) if action in ("deny", "halt") else ""
    pack = PACK.format(when=when, action=action, examples=examples)
    clock = ManualClock()
    with memory_engine(pack, clock=clock) as engine:
        yield engine, clock


def told(engine: Engine, event: str, **more: Any) -> Reply:
    return engine.handle(Command(event=event, session="s", **{**LEGAL.get(event, {}), **more}))


def kinds(engine: Engine) -> list[str]:
    return [one.kind for one in engine.journal.read("s", limit=1000)]


def other_than(event: str) -> str:
    return "compacting" if event == "start" else "start"


@pytest.mark.parametrize("event", ASKED_EVENTS)
def test_each_asked_event_is_refused_by_its_rule(event: str) -> None:
    """Also one after which the state is the same: what a rule names is what it holds."""
    with governed(f'when.event = "{event}"', f'event = "{event}"', other=other_than(event)) as (
        engine,
        _,
    ):
        if event != "start":
            assert told(engine, "start").action == "allow"
            assert event == "turn_start" or told(engine, "turn_start").action == "allow"
        before = engine.state("s")

        reply = told(engine, event)

        assert reply.denied
        assert f"Not {event} from {before.state} to " in reply.message
        assert reply.rules == ("moves.rule",)
        after = engine.state("s")
        assert after.registers == before.registers
        assert after.ledger.count_by("rule") == {"moves.rule": 1}
        assert reply.counts == after.ledger.counts
        rows = kinds(engine)[before.head :]
        told_as = "tool.decided" if event == "tool_before" else "event.refused"
        assert rows == [told_as, "violation.counted"]
        assert told(engine, event).denied, "it is no less refused the second time"


@pytest.mark.parametrize("event", sorted(set(ASKED_EVENTS) - {"start"}))
def test_no_other_event_is_refused_by_it(event: str) -> None:
    """A rule that names one event leaves all others alone."""
    with governed('when.event = "start"', 'event = "start"', other="command") as (engine, _):
        assert not told(engine, event).denied
        assert engine.state("s").ledger.total == 0


def test_a_refused_call_stands_in_the_journal_as_one() -> None:
    """With its tool, and known again if it runs all the same."""
    with governed('when.event = "tool_before"', 'event = "tool_before"') as (engine, _):
        told(engine, "turn_start")
        told(engine, "tool_before")
        engine.handle(Command(event="tool_after", session="s", call=CALL, data={"outcome": "ok"}))
        (decided,) = [
            body_of(r)["data"] for r in engine.journal.read("s") if r.kind == "tool.decided"
        ]
        assert (decided["tool"], decided["action"]) == ("shell", "deny")
        assert decided["rules"] == ["moves.rule"]
        assert "guard.bypassed" in kinds(engine)


@pytest.mark.parametrize(
    ("leave", "event", "when", "example"),
    [
        ("interrupt", "turn_start", 'from = "interrupted"', 'from = "interrupted"'),
        ("interrupt", "tool_before", 'from = "interrupted"', 'from = "interrupted"'),
        ("end", "start", 'from = "ended"', 'from = "ended"'),
        ("end", "turn_start", "gap_seconds = { gte = 7200 }", "gap_seconds = 7200"),
        ("interrupt", "turn_start", 'to = "resumed"', 'to = "resumed"'),
    ],
)
def test_a_session_that_was_left_is_not_gone_on_with(
    leave: str, event: str, when: str, example: str
) -> None:
    """What would have to come first does not come: it stays as it was, however often one asks."""
    with governed(f"when = {{ {when} }}", example) as (engine, clock):
        told(engine, "start")
        told(engine, "turn_start")
        told(engine, "turn_end")
        told(engine, leave)
        clock.advance(2 * HOUR_MS)
        before = engine.state("s")

        for _ in range(2):
            assert told(engine, event).denied
            assert engine.state("s").registers == before.registers
        assert "session.resumed" not in kinds(engine)
        assert engine.state("s").ledger.total == 2


@pytest.mark.parametrize("event", ["turn_start", "tool_before"])
def test_a_session_that_nobody_knew_is_not_adopted(event: str) -> None:
    """What it would be begun by is refused, and no session is there."""
    with governed('when.from = "absent"', 'from = "absent", event = "start"', other="command") as (
        engine,
        _,
    ):
        assert told(engine, event).denied
        assert engine.state("s").state is State.ABSENT
        assert "session.created" not in kinds(engine)


@pytest.mark.parametrize("event", ["turn_start", "tool_before", "child_start"])
def test_a_warning_is_told_and_counted_and_holds_nothing_up(event: str) -> None:
    """Beside what else there is to say."""
    with governed(f'when.event = "{event}"', "", "warn") as (engine, _):
        told(engine, "start")

        reply = told(engine, event)

        assert not reply.denied
        assert f"Not {event} from " in reply.message
        assert "moves.rule" in reply.rules
        assert engine.state("s").ledger.count_by("rule") == {"moves.rule": 1}
        assert reply.counts == engine.state("s").ledger.counts
        assert (reply.action == "warn") is (event == "tool_before")


def test_a_halt_stays() -> None:
    """Nobody works after it, whatever is asked."""
    with governed('when.event = "child_start"', 'event = "child_start"', "halt") as (engine, _):
        told(engine, "start")
        told(engine, "turn_start")
        assert told(engine, "child_start").halted
        assert told(engine, "tool_before").denied


def test_what_comes_to_nothing_is_no_transition() -> None:
    """A second start, and what the machine or a listener refuses already, break no rule."""
    with governed('when.event = "start"', 'event = "start"', other="command") as (engine, _):
        told(engine, "turn_start")
        assert told(engine, "start").action == "allow"
        assert engine.state("s").ledger.total == 0


def test_reasons_of_hosts_are_seen() -> None:
    """`reason` is what the host gives with the event."""
    with governed('when.reason = "retry"', 'reason = "retry"') as (engine, _):
        told(engine, "start")
        assert told(engine, "turn_start", data={"reason": "retry"}).denied
        assert not told(engine, "turn_start", data={"reason": "new"}).denied


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (
            'on = "model"\nwhen.depth = 9\naction = "deny"\n'
            "must_match = [{ depth = 9 }]\nmust_not_match = [{ depth = 1 }]",
            "GOV257",
        ),
        ('on = "model"\nwhen.depth = 9\naction = "warn"', "GOV257"),
        ('on = "model"\nwhen.depth = 9\naction = "allow"\nlabels = ["a"]', "GOV257"),
        ('on = "transition"\nwhen.event = "start"\naction = "warn"\nlabels = ["a"]', "GOV235"),
        ('on = "session"\nwhen.depth = 9\naction = "warn"\nlabels = ["a"]', "GOV235"),
    ],
)
def test_what_would_hold_nothing_is_no_rule(lines: str, code: str) -> None:
    """No host asks before it calls a model, and these events set no labels."""
    pack = PACK.partition("[[rule]]")[0] + f'[[rule]]\nid = "a.b"\n{lines}\nmessage = "M."\n'
    with pytest.raises(DefinitionError, match=code), memory_engine(pack, clock=ManualClock()):
        pass
