"""What a model has used: told by a host, added up, and a fact for rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.engine import Session
from governance.errors import MisuseError
from governance.hosts import HOSTS, profile_of
from governance.journal.memory import MemoryJournal
from governance.rules.check import check_rules
from governance.rules.fact_table import FACTS
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary
from governance.session.commands import HostTraits
from governance.session.evolve import evolve
from governance.session.snapshot import state_bytes, state_of_bytes
from governance.session.usage import LEVELS, Usage, usage_problem
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from governance.values import Json

DAY_MS = 86_400_000
BUDGET = """
format = 1
[pack]
name = "team"
version = "1.0.0"
summary = "A budget."
[[rule]]
id = "team.budget"
tools = ["shell"]
when.usage.cost_usd = { gt = 5 }
action = "deny"
severity = "info"
message = "The budget is used up."
must_match = [{ tool = "shell", command = "ls", usage = { cost_usd = 6 } }]
must_not_match = [{ tool = "shell", command = "ls", usage = { cost_usd = 4 } }]
[[rule]]
id = "team.full"
tools = ["delegate"]
when.usage = { context_ratio = { gt = 0.8 }, tokens = { gt = 1000 } }
action = "deny"
severity = "info"
message = "Compact first."
must_match = [{ tool = "delegate", usage = { context_ratio = 0.9, tokens = 2000 } }]
must_not_match = [{ tool = "delegate", usage = { context_ratio = 0.9, tokens = 10 } }]
"""

_figures = st.none() | st.integers(0, 10**6)
_told = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": _figures | st.floats(0, 10),
        "output_tokens": _figures,
        "cost_usd": _figures | st.floats(0, 100),
        "context_tokens": _figures,
        "context_ratio": st.floats(0, 1),
        "whole": st.booleans(),
    },
)


def session_of(journal: MemoryJournal | None = None, clock: ManualClock | None = None) -> Session:
    engine = memory_engine(BUDGET, journal=journal, clock=clock)
    session = engine.start("s")
    session.turn("go on")
    return session


def denied(session: Session, tool: str = "shell") -> bool:
    arguments = {"command": "ls"} if tool == "shell" else {"agent": "x", "prompt": "y"}
    return session.tool(tool, arguments).denied


def test_a_budget_holds_once_it_is_used_up() -> None:
    """What is reported is added up, and stands in the journal."""
    journal = MemoryJournal()
    session = session_of(journal)
    assert not denied(session)
    for _ in range(2):
        session.used(input_tokens=100, output_tokens=10, cost_usd=2.5)
        assert not denied(session)
    session.used(cost_usd=0.01)

    assert denied(session)
    assert session.state.usage == Usage(200, 20, 5.01)
    again = memory_engine(BUDGET, journal=journal).session("s")
    assert denied(again)


def test_what_the_context_holds_is_no_more_known_once_it_was_compacted() -> None:
    """Levels stand as they were told last, and go with the context; its size is kept."""
    journal = MemoryJournal()
    session = session_of(journal)
    session.used(input_tokens=1500, context_tokens=900, context_ratio=0.9)
    assert denied(session, "delegate")

    session.compact()
    session.turn("go on")

    assert not denied(session, "delegate")
    assert session.state.usage == Usage(input_tokens=1500)
    (row,) = (one for one in journal.read("s") if one.kind == "session.compacted")
    assert b'"context_size_tokens":900' in row.body


def test_a_new_epoch_has_used_nothing() -> None:
    """A history that was cleared, or a gap of weeks, begins anew."""
    clock = ManualClock(10 * DAY_MS)
    session = session_of(clock=clock)
    session.used(cost_usd=9)
    assert denied(session)
    session.reset()
    session.turn("go on")
    assert not denied(session)

    session.used(cost_usd=9)
    session.interrupt()
    clock.advance(30 * DAY_MS)
    session.turn("go on")
    assert not denied(session)


def test_a_report_of_the_whole_takes_nothing_back() -> None:
    """A lower figure makes no room; the same figure writes no row."""
    session = session_of()
    session.used(cost_usd=9, whole=True)
    head = session.state.head
    session.used(cost_usd=9, whole=True)
    assert session.state.head == head
    session.used(cost_usd=1, whole=True)

    assert session.state.head == head
    assert denied(session)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"input_tokens": 0.5},
        {"cost_usd": float("inf")},
        {"cost_usd": -1},
        {"context_ratio": 45},
        {"context_ratio": -0.1},
        {"cost_usd": float("nan")},
        {"input_tokens": "7"},
        {"output_tokens": True},
    ],
)
def test_nonsense_is_refused_and_changes_nothing(told: dict[str, float]) -> None:
    """The error names the figure; nothing was written."""
    session = session_of()
    head = session.state.head
    with pytest.raises(MisuseError) as refused:
        session.used(**told)  # type: ignore[arg-type]

    assert refused.value.code == "GOV402"
    assert all(f"`{name}`" in str(refused.value) for name in told)
    assert session.state.head == head


def test_what_an_earlier_version_took_is_folded_as_it_was() -> None:
    """A row that would be refused today breaks no journal that has it."""
    before = session_of().state

    ratio = evolve(before, 2, "usage.reported", 0, {"data": {"context_ratio": 45}, "to": {}})
    late: dict[str, Json] = {"tool": "x", "outcome": "ok", "duration_ms": -5}
    took = evolve(before, 2, "tool.finished", 0, {"data": late, "to": {}})

    assert ratio.usage.context_ratio == 45
    assert took.metrics.tool_ms == 0


def test_of_an_archived_session_it_is_said_that_it_is(tmp_path: Path) -> None:
    """It was begun, whatever is left of it here."""
    session = session_of()
    session.end()
    session.engine.archive("s", tmp_path)

    with pytest.raises(MisuseError, match=r"GOV402.*archived or removed.*governance unarchive"):
        session.used(cost_usd=1)


def test_nobody_uses_anything_in_a_session_that_is_not_there() -> None:
    """A name that was misspelt is an error, and no row of a session that nobody began."""
    engine = memory_engine(BUDGET)
    with pytest.raises(MisuseError, match="never begun"):
        engine.session("s").used(cost_usd=1)
    assert engine.journal.head("s").seq == 0


@given(st.lists(_told))
def test_usage_comes_back_as_it_was(reports: list[dict[str, float]]) -> None:
    """Packed, in a snapshot and from rows: whatever was told, in whatever order."""
    usage, session = Usage(), memory_engine(BUDGET).start("s")
    for told in reports:
        before, usage = usage, usage.plus(told)
        assert Usage.unpacked(usage.packed()) == usage
        for name in ("input_tokens", "output_tokens", "cost_usd"):
            assert (getattr(usage, name) or 0) >= (getattr(before, name) or 0)
        if not usage_problem(told):
            session.used(**told)  # type: ignore[arg-type]
        else:
            usage = before
    assert session.state.usage == usage
    session.compact()
    assert state_of_bytes(state_bytes(session.state)) == session.state


@pytest.mark.parametrize("host", sorted(HOSTS))
@pytest.mark.parametrize("fact", ["usage.cost_usd", "usage.tokens", "model_options.temperature"])
def test_a_rule_on_what_no_host_in_use_tells_is_told_of(host: str, fact: str) -> None:
    """It would stand there, pass its examples and never fire."""
    traits = profile_of(host).traits
    untold = {fact, fact.partition(".")[0]} & traits.untold

    assert bool(_idle(fact, {host: traits})) is bool(untold)
    assert not _idle(fact, {host: traits, "our-harness": HostTraits()})
    assert not _idle(fact, {})


def _idle(fact: str, hosts: dict[str, HostTraits]) -> list[str]:
    family, _, name = fact.partition(".")
    on = '"session"' if family == "model_options" else '"tool"\ntools = ["shell"]'
    call = "" if family == "model_options" else 'tool = "shell", command = "ls", '
    text = (
        BUDGET.partition("[[rule]]")[0]
        + f"""
[[rule]]
id = "team.high"
on = {on}
when.{fact} = {{ gt = 1 }}
action = "warn"
message = "High."
must_match = [{{ {call}{family} = {{ {name} = 2 }} }}]
must_not_match = [{{ {call}{family} = {{ {name} = 1 }} }}]
"""
    )
    source = PackSource("p", text, "p.toml", "project")
    found = check_rules([source], default_vocabulary(), settings=LoadSettings(hosts=hosts))
    assert not [one for one in found if one.severity == "error"]
    return [one.message for one in found if one.code == "GOV257"]


def test_what_a_host_does_not_tell_is_a_fact() -> None:
    """A name that is misspelt there would hide that nobody tells it."""
    known = {one.name for one in FACTS} | {"usage", "model_options"}
    for host in HOSTS:
        assert profile_of(host).traits.untold <= known
    assert set(LEVELS) <= {one.name.removeprefix("usage.") for one in FACTS}
