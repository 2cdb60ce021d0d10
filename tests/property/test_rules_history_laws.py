"""Laws of rules that look back: sessions, simulations and the plain reading agree."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.rules import watching
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.simulation import Happening, Past, simulate
from governance.rules.verdicts import RuleEvent
from governance.temporal import CONTEXT_BEGAN, EPOCH_BEGAN, TURN_BEGAN, carried
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine

PACK = """
format = 1
[pack]
name = "laws"
version = "1.0.0"
summary = "Rules that look back, and refuse nothing."

[[rule]]
id = "laws.read"
tools = ["edit"]
requires = { tools = ["read"], same = ["path"], within = "context" }
action = "warn"
message = "Read it."

[[rule]]
id = "laws.written"
tools = ["edit"]
forbids = { tools = ["write"], outcome = "failed", within = "turn" }
action = "warn"
message = "A write failed."

[[rule]]
id = "laws.thrice"
tools = ["read"]
limit.max = 2
limit.per = "epoch"
limit.same = ["path"]
limit.not_since = { tools = ["write"] }
action = "warn"
message = "Twice."

[[rule]]
id = "laws.window"
tools = ["fetch"]
limit = { max = 2, per = "1m" }
action = "warn"
message = "Too fast."

[[rule]]
id = "laws.said"
tools = ["fetch"]
requires = { on = "prompt", when = { prompt = { contains = "yes" } }, within = "turn" }
action = "warn"
message = "Ask."
"""

LAW = law_of(PACK)
PATHS = ("/project/a", "/project/b")
outcomes = st.sampled_from(["ok", "failed", "unknown"])
calls = st.tuples(st.sampled_from(["read", "write", "edit"]), st.sampled_from(PATHS), outcomes)
fetches = st.tuples(st.just("fetch"), st.just("https://a.b/"), outcomes)
prompts = st.tuples(st.just("prompt"), st.sampled_from(["yes", "go"]), st.just("ok"))
begins = st.tuples(st.sampled_from(["compact", "reset"]), st.just(""), st.just("ok"))
steps = st.lists(calls | fetches | prompts | begins, max_size=14)


def event_of(tool: str, what: str) -> RuleEvent:
    own = {"url": what} if tool == "fetch" else {"path": what}
    call = ToolCall(tool, own=own, call_id="x")
    return RuleEvent("tool", session_facts(turn=1) | facts_of_call(call, LAW.places), call)


def happenings(done: list[tuple[str, str, str]], start_ms: int) -> list[Happening]:
    told, now = [Happening(at_ms=start_ms, begins=TURN_BEGAN)], start_ms
    for kind, what, outcome in done:
        now += 20_000
        if kind == "prompt":
            facts = {"prompt": what, "prompt_source": "user"}
            told.append(Happening(event=RuleEvent("prompt", facts), at_ms=now, begins=TURN_BEGAN))
        elif kind in ("compact", "reset"):
            begun = CONTEXT_BEGAN if kind == "compact" else EPOCH_BEGAN
            told.append(Happening(at_ms=now, begins=begun))
            told.append(Happening(at_ms=now, begins=TURN_BEGAN))
        else:
            told.append(Happening(event=event_of(kind, what), outcome=outcome, at_ms=now))
    return told


def lived(done: list[tuple[str, str, str]], clock: ManualClock):
    """What a session of the engine remembers after the same."""
    engine = memory_engine(law=LAW, clock=clock)
    session = engine.start("s")
    session.turn("go")
    for number, (kind, what, outcome) in enumerate(done):
        clock.advance(20_000)
        if kind == "prompt":
            session.turn(what)
        elif kind == "compact":
            session.compact()
            session.turn("go on")
        elif kind == "reset":
            session.reset()
            session.turn("go on")
        else:
            arguments = {"url": what} if kind == "fetch" else {"path": what}
            session.tool(kind, arguments, call_id=str(number))
            session.tool_finished(str(number), outcome=outcome)
    return engine.state("s")


@given(steps)
def test_a_session_remembers_what_a_simulation_does(done: list[tuple[str, str, str]]) -> None:
    """The two ways to the registers, by rows and by happenings, come to the same."""
    clock = ManualClock()
    start_ms = clock.now_ms()

    state = lived(done, clock)
    past = simulate(LAW.rules, happenings(done, start_ms))

    assert LAW.rules.watch is not None
    names = LAW.rules.watch.monitors.names
    assert carried(state.past, names) == carried(past.registers, names)


def broken(done: list[Happening], tool: str, what: str, now_ms: int) -> set[str]:
    """The rules that fire on a call, by a plain reading of the whole past."""

    def since(bit: int) -> list[Happening]:
        at = max((n for n, one in enumerate(done) if one.begins & bit), default=0)
        return done[at:]

    def of(one: Happening, kind: str, path: str | None = None) -> bool:
        facts = one.event.facts if one.event else {}
        return facts.get("tool") == kind and (path is None or facts.get("path") == path)

    fired: set[str] = set()
    if tool == "edit":
        if not any(of(one, "read", what) and one.outcome == "ok" for one in since(2)):
            fired.add("laws.read")
        if any(of(one, "write") and one.outcome == "failed" for one in since(1)):
            fired.add("laws.written")
    if tool == "read":
        epoch = since(4)
        at = max((n for n, one in enumerate(epoch) if of(one, "write")), default=-1)
        if sum(of(one, "read", what) for one in epoch[at + 1 :]) >= 2:
            fired.add("laws.thrice")
    if tool == "fetch":
        if sum(of(one, "fetch") and one.at_ms >= now_ms - 60_000 for one in done) >= 2:
            fired.add("laws.window")
        turn = since(1)
        said = [one.event.facts.get("prompt", "") for one in turn if one.event is not None]
        if not any("yes" in str(text) for text in said):
            fired.add("laws.said")
    return fired


@given(steps, calls | fetches)
def test_what_fires_is_what_a_plain_reading_says(
    done: list[tuple[str, str, str]], call: tuple[str, str, str]
) -> None:
    """Each demand is broken exactly where the whole past, read again, says so."""
    told = happenings(done, 1_000_000)
    now_ms = told[-1].at_ms + 20_000
    past: Past = simulate(LAW.rules, told)
    event = event_of(call[0], call[1])
    event = RuleEvent("tool", {**event.facts, "at_ms": now_ms}, event.call)

    decision = LAW.rules.decide(event, past.history())

    assert {one.rule for one in decision.verdicts} == broken(told, call[0], call[1], now_ms)


TOOLS = ("read", "write", "edit", "delete", "fetch", "mcp:files:read", "other")


@given(st.lists(st.sampled_from(TOOLS), max_size=30))
def test_how_many_tools_are_remembered_changes_no_mark(tools: list[str]) -> None:
    """A watch that remembers few tools gives the marks of one that has seen none before."""
    watch = LAW.rules.watch
    assert watch is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "MEMO_MAX", 3)
        seen = evolve(watch)
        for tool in tools:
            event = event_of(tool, PATHS[0])

            assert seen.marks(event) == evolve(watch).marks(event)
            assert len(seen._about) <= 3
