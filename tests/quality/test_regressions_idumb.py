"""
Defects that were reproduced in iDumb, the plugin that first had these session states.

The name of each test says the defect; the docstring says what must hold instead. The page
`docs/defects.md` lists them all, also those whose test stands elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from governance.context import Budget
from governance.engine import Engine, EngineOptions
from governance.errors import DefinitionError
from governance.session.commands import Command, HostTraits
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine, settings_with

HOUR_MS = 3_600_000

PACK = """
format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Rules for these tests."

[[role]]
name = "coordinator"
agents = ["high-governance"]
tools = ["read", "shell", "delegate", "write"]

[[role]]
name = "planner"
agents = ["planner"]
tools = ["read", "todo"]
first = ["todo"]

[[rule]]
id = "house.allow-first"
action = "warn"
severity = "info"
message = "Seen first."

[[rule]]
id = "house.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "Not that."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[escalation]]
id = "house.third"
count = 3
within = "10m"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "Three serious violations."

[[context]]
id = "top"
at = ["beginning", "compacted", "resumed", "due"]
when.role = "coordinator"
text = "You lead the others."

[[context]]
id = "all"
at = ["beginning", "compacted", "resumed", "due"]
text = "Be governed."
"""


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="engine")
def _engine(clock: ManualClock) -> Iterator[Engine]:
    with memory_engine(PACK, clock=clock) as engine:
        yield engine


def kinds(engine: Engine, session: str) -> list[str]:
    return [record.kind for record in engine.journal.read(session, limit=1000)]


def test_a_new_session_gets_the_briefing_and_the_reminder(engine: Engine) -> None:
    """A first request carries one injection, the briefing, and the next carries none."""
    session = engine.start("s")

    first = session.turn("one")
    second = session.turn("two")

    assert first.injection is not None
    assert first.injection.why == "briefing"
    assert first.text.count("Be governed.") == 1
    assert second.text == ""
    assert kinds(engine, "s").count("governance.injected") == 1


def test_an_unknown_role_is_told_that_it_leads(engine: Engine) -> None:
    """What is for one role is told to that role alone, and an unknown role may do nothing."""
    leads = engine.start("a", role="coordinator").turn("go").text
    plans = engine.start("b", role="planner").turn("go").text
    engine.handle(Command(event="start", session="c", agent="stranger"))
    nobody = engine.session("c")
    told = nobody.turn("go").text

    assert "You lead" in leads
    assert "You lead" not in plans + told
    assert nobody.tool("write", {"path": "a", "content": ""}).denied


def test_the_text_is_gone_from_the_second_request_of_a_turn(engine: Engine) -> None:
    """Where context lives for one request, a request without it is known, and it comes again."""
    session = engine.start("s", traits=HostTraits(inject="request"))

    first = session.turn("one").text
    session.lapse("the second request went out without it")
    after = session.governance_injected
    again = session.turn("two").text

    assert first == again != ""
    assert not after
    assert session.governance_injected


def test_the_compaction_context_grows_without_bound(clock: ManualClock) -> None:
    """Forty anchors of 900 characters give a text within the budget, the critical ones in it."""
    settings = settings_with(budget=Budget(4_000, None))
    with memory_engine(PACK, clock=clock, settings=settings) as engine:
        session = engine.start("s")
        session.turn("go")
        for number in range(40):
            critical = number == 0
            data = {
                "id": f"anchor-{number}",
                "type": "decision",
                "priority": "critical" if critical else "high",
                "text": "the first decision" if critical else "x" * 900,
            }
            engine.record("s", "anchor.added", data, actor="person")
        text = session.compacting().message

    assert "the first decision" in text
    assert len(text) <= 4_000


def test_compaction_and_idling_reach_another_map(clock: ManualClock) -> None:
    """What is told of a session changes the very state that decides about it."""
    options = EngineOptions(run="test", idle_ms_max=HOUR_MS // 2)
    with memory_engine(PACK, clock=clock, options=options) as engine:
        session, other = engine.start("s"), engine.start("other")
        session.turn("go")
        session.compact()
        compacted = session.state.state, session.governance_injected
        session.turn("on")
        session.turn_ended()
        clock.advance(HOUR_MS)
        other.turn("somebody works elsewhere")

        assert compacted == (State.COMPACTED, False)
        assert engine.state("s").state is State.INTERRUPTED
        assert "session.idle" in kinds(engine, "s")


def test_idle_time_is_counted_from_the_creation(engine: Engine, clock: ManualClock) -> None:
    """A session that works for three hours in steps of ten minutes was never away."""
    session = engine.start("s")
    for number in range(18):
        session.turn(f"step {number}")
        clock.advance(HOUR_MS // 6)

    assert "session.resumed" not in kinds(engine, "s")
    assert session.turn("still here").text == ""


def test_a_role_is_known_only_if_its_name_is_typed(engine: Engine) -> None:
    """The role comes from the host's agent field; the prompt need not name it."""
    engine.handle(
        Command(event="turn_start", session="s", agent="high-governance", data={"prompt": "hello"})
    )

    assert engine.state("s").identity.role == "coordinator"


def test_a_name_in_the_prompt_changes_the_role(engine: Engine) -> None:
    """Prose that names another role, in a prompt or a delegation, changes nobody's role."""
    session = engine.start("s", role="planner")
    session.turn("you are planner, report to coordinator, the high-governance")

    assert session.state.identity.role == "planner"
    assert session.tool("write", {"path": "a", "content": ""}).denied


def test_the_role_is_lost_by_a_compaction(engine: Engine) -> None:
    """After a compaction the role is what it was, and its own reminder comes."""
    session = engine.start("s", role="coordinator")
    session.turn("go")
    session.compact()

    assert session.state.identity.role == "coordinator"
    assert "You lead" in session.turn("on").text


def test_phrases_in_the_history_start_a_storm_of_recoveries(engine: Engine) -> None:
    """Sixty turns that speak of lost context inject nothing and crowd out no record."""
    session = engine.start("s")
    session.turn("go")
    session.tool("read", {"path": "a.py"}, call_id="1")
    session.tool_finished("1", outcome="ok")
    recent = session.state.recent

    texts = [session.turn("I'm not sure, the context window was reset").text for _ in range(60)]

    assert set(texts) == {""}
    assert kinds(engine, "s").count("governance.injected") == 1
    assert session.state.recent == recent
    assert "a.py" in recent


def test_a_threshold_reads_a_field_that_nobody_writes(engine: Engine) -> None:
    """A step of the ladder is taken at its count, and a fact nobody fills is a load error."""
    session = engine.start("s")
    session.turn("go")
    fine = []
    for _ in range(3):
        session.tool("shell", {"command": "forbidden"})
        fine.append(not session.tool("shell", {"command": "fine"}).denied)

    assert fine == [True, True, False]
    assert "session.halted" in kinds(engine, "s")
    with pytest.raises(DefinitionError, match=r"GOV220.*did you mean `usage\.context_"):
        law_of(PACK.replace("when.command", "when.usage.context_level"))


def test_a_denial_leaks_to_an_innocent_tool(engine: Engine) -> None:
    """A refused call changes neither the next call of another tool nor its result."""
    session = engine.start("s", role="coordinator")
    session.turn("go")

    refused = session.tool("shell", {"command": "forbidden"}, call_id="1")
    innocent = session.tool("read", {"path": "a.py"}, call_id="2")
    result = session.tool_finished("2", outcome="ok", output="the text of a.py")

    assert refused.denied
    assert not innocent.denied
    assert "house.deny" not in (*innocent.rules, *result.rules)
    assert result.action in ("allow", "warn")


@pytest.mark.parametrize("tool", ["thread_delete", "overwrite_readme", "multi-task-runner"])
def test_a_tool_is_allowed_because_its_name_holds_an_allowed_one(engine: Engine, tool: str) -> None:
    """Tools of a role are compared whole: a name that contains one of them is another tool."""
    session = engine.start("s", role="coordinator")
    session.turn("go")

    assert session.tool(tool, {}).denied
    assert not session.tool("read", {"path": "a.py"}).denied


def test_metrics_are_shared_and_wiped_by_every_new_session(engine: Engine) -> None:
    """A child's start leaves the parent's figures, and its work is added at its end."""
    session = engine.start("s", role="coordinator")
    session.turn("go")
    session.tool("read", {"path": "a.py"}, call_id="1")
    before = session.state.metrics
    child = session.child("c", role="coordinator")
    child.turn("go")
    child.tool("read", {"path": "b.py"}, call_id="2")
    engine.start("stranger").turn("go")

    during = session.state.metrics
    child.end()

    assert before.tools_asked == during.tools_asked == session.state.metrics.tools_asked == 1
    assert child.state.metrics.tools_asked == 1
    assert during.children_tools == 0
    assert session.state.metrics.children_tools == 1


@pytest.mark.parametrize("name", ["phase-1-setup", "a/b", "..", "a b", "ä", "-", "x" * 200])
def test_an_id_with_a_dash_cannot_be_loaded(engine: Engine, name: str) -> None:
    """An id is one opaque text: what was kept under it comes back, whatever signs it has."""
    session = engine.start(name)
    session.turn("go")
    before = session.state
    engine.live.drop(name)

    assert engine.state(name) == before
    assert before.state is State.BETWEEN_TURN


def test_a_violator_is_never_asked_again_for_its_first_action(engine: Engine) -> None:
    """A refused first call does not use up the rule: it holds until one of them is ok."""
    session = engine.start("s", role="planner")
    session.turn("go")
    refused = [session.tool("read", {"path": "a.py"}).denied for _ in range(2)]
    session.tool("todo", {}, call_id="1")
    still = session.tool("read", {"path": "a.py"}).denied
    session.tool_finished("1", outcome="ok")

    assert refused == [True, True]
    assert still
    assert not session.tool("read", {"path": "a.py"}).denied


def test_the_first_rule_that_matches_hides_the_others(engine: Engine) -> None:
    """A milder rule that stands first takes nothing away from a stricter one behind it."""
    session = engine.start("s")
    session.turn("go")
    reply = session.tool("shell", {"command": "forbidden"})

    assert reply.action == "deny"
    assert reply.rules == ("house.deny", "house.allow-first")


def test_a_snapshot_that_cannot_be_read_is_an_empty_session(engine: Engine) -> None:
    """A cache that is broken is passed over: the rows give the state that stood there."""
    from governance.journal.records import Snapshot
    from governance.session.state import FOLD_VERSION

    session = engine.start("s")
    session.turn("go")
    before = session.state
    head = engine.journal.head("s")
    engine.journal.snapshot_put(Snapshot("s", head.seq, head.hash, FOLD_VERSION, b'{"id": "s"'))
    engine.live.drop("s")

    assert engine.state("s") == before
