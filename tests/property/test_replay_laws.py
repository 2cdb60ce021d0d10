"""Replaying what was recorded: the same rules say the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governance.cli.replayed import Replay
from governance.journal.memory import MemoryJournal
from governance.session.commands import Command
from governance.session.law import Law
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine, settings_with
from governance.values import load_json

HEAD = """
format = 1
[pack]
name = "law"
version = "1.0.0"
summary = "Rules for the law."
"""
RULES = {
    "deny": """
[[rule]]
id = "law.deny"
tools = ["shell"]
when.command = { contains = "a" }
action = "deny"
message = "No."
must_match = [{ tool = "shell", command = "a" }]
must_not_match = [{ tool = "shell", command = "b" }]
""",
    "ask": """
[[rule]]
id = "law.ask"
tools = ["read", "shell"]
when.turn = { gte = 2 }
action = "ask"
message = "Sure?"
must_match = [{ tool = "read", path = "a", turn = 2 }]
must_not_match = [{ tool = "read", path = "a", turn = 1 }]
""",
    "rewrite": """
[[rule]]
id = "law.rewrite"
tools = ["shell"]
when.command = "b"
action = "rewrite"
rewrite.command = "c"
""",
    "prompt": """
[[rule]]
id = "law.prompt"
on = "prompt"
when.prompt = { contains = "a" }
action = "deny"
message = "No."
must_match = [{ prompt = "a" }]
must_not_match = [{ prompt = "b" }]
""",
    "ladder": """
[[escalation]]
id = "law.ladder"
count = 2
within = "1h"
of = { severity = ["medium"] }
action = "deny"
tools = ["read"]
lasts = "10m"
message = "Reading is off."
""",
    "requires": """
[[rule]]
id = "law.requires"
tools = ["write"]
requires = { tools = ["read"], same = ["path"], within = "context" }
action = "deny"
message = "Read it first."
must_match = [{ tool = "write", path = "a", content = "" }]
must_not_match = [
  { tool = "write", path = "a", content = "", after = [{ tool = "read", path = "a" }] },
]
""",
    "limit": """
[[rule]]
id = "law.limit"
tools = ["todo"]
limit = { max = 2, per = "turn" }
action = "deny"
message = "Enough."
must_match = [{ tool = "todo", after = [{ tool = "todo" }, { tool = "todo" }] }]
must_not_match = [{ tool = "todo" }]
""",
    "labels": """
[[rule]]
id = "law.taints"
tools = ["read"]
when.path = { glob = "**/b" }
action = "allow"
labels = ["tainted"]

[[rule]]
id = "law.labels"
tools = ["write"]
forbids = { label = "tainted", within = "context" }
action = "ask"
message = "Tainted."
must_match = [{ tool = "write", path = "a", content = "", after = [{ tool = "read", path = "b" }] }]
must_not_match = [{ tool = "write", path = "a", content = "" }]
""",
    "role": """
[[role]]
name = "reader"
agents = ["agent"]
tools = ["read", "todo"]
first = ["todo"]
""",
}
TEXTS = st.sampled_from(["a", "b", "c", "ab", "password=hunter2hunter2"])
EVENTS = st.one_of(
    st.tuples(
        st.just("tool"), st.sampled_from(["shell", "read", "todo", "write", "nameless"]), TEXTS
    ),
    st.tuples(st.just("finish"), st.sampled_from(["ok", "failed", "refused"]), TEXTS),
    st.tuples(st.just("turn"), st.just(""), TEXTS),
    st.tuples(st.sampled_from(["turn_end", "compact", "interrupt", "end"]), st.just(""), TEXTS),
    st.tuples(st.just("wait"), st.just(""), TEXTS),
)
PAST_EVENTS = st.one_of(
    st.tuples(st.just("used"), st.sampled_from(["read", "todo"]), st.sampled_from(["a", "b"])),
    st.tuples(
        st.just("tool"), st.sampled_from(["read", "write", "todo"]), st.sampled_from(["a", "b"])
    ),
    st.tuples(st.sampled_from(["turn", "compact", "turn_end"]), st.just(""), st.just("x")),
)
"""Events that rules which look back tell apart; ``used`` is a call that was ok."""

PACKS = st.sets(st.sampled_from(sorted(RULES)))


def recorded(packs: set[str], events: list[tuple[str, str, str]]) -> MemoryJournal:
    """The journal of a session in which *events* have happened under *packs*."""
    journal = MemoryJournal()
    law = law_of(HEAD + "".join(RULES[one] for one in sorted(packs)))
    play(events, law, journal, role="reader" if "role" in packs else None)
    return journal


def play(
    events: list[tuple[str, str, str]], law: Law, journal: MemoryJournal, *, role: str | None
) -> None:
    """Let *events* happen in a session of an engine on *journal*."""
    clock = ManualClock()
    engine = memory_engine(law=law, journal=journal, clock=clock)
    session = engine.session("s-1", role=role)
    calls = 0
    for what, kind, text in events:
        if what in ("tool", "used"):
            calls += 1
            argument = {"shell": "command", "read": "path"}.get(kind, "content")
            given_text = {"path": text} if kind == "write" else {}
            session.tool(kind, {argument: text, **given_text}, call_id=f"c{calls}")
            if what == "used":
                session.tool_finished(f"c{calls}", outcome="ok")
        elif what == "finish" and calls:
            session.tool_finished(f"c{calls}", outcome=kind)
        elif what == "turn":
            session.turn(text)
        elif what == "wait":
            clock.advance(1_800_000)
        elif what != "finish":
            engine.handle(Command(event=what, session="s-1"))


@given(PACKS, st.lists(st.one_of(EVENTS, PAST_EVENTS), max_size=25))
def test_the_same_rules_make_no_difference(
    packs: set[str], events: list[tuple[str, str, str]]
) -> None:
    """Every decision that can be taken again comes out as it was recorded."""
    journal = recorded(packs, events)
    law = law_of(HEAD + "".join(RULES[one] for one in sorted(packs)))

    found = list(Replay(law, journal).run(["s-1"]))

    assert [one for one in found if one.change not in ("same", "unknown")] == []


@given(st.lists(PAST_EVENTS, min_size=5, max_size=25))
def test_a_past_is_told_to_rules_that_were_not_there_then(
    events: list[tuple[str, str, str]],
) -> None:
    """What a session without rules remembers for new ones is what they would have seen live."""
    packs = HEAD + "".join(RULES[one] for one in ("requires", "limit"))
    law = law_of(packs.replace('action = "', 'mode = "shadow"\naction = "'))
    blind, seeing = recorded(set(), events), MemoryJournal()
    play(events, law, seeing, role=None)

    told = [one.shadows for one in Replay(law, blind).run(["s-1"]) if one.event == "tool"]

    rows = [load_json(row.body)["data"] for row in seeing.read("s-1") if row.kind == "tool.decided"]
    assert told == [tuple(one.get("shadows", ())) for one in rows]


@given(PACKS, PACKS, st.lists(EVENTS, max_size=25))
def test_what_becomes_stricter_one_way_is_laxer_the_other(
    packs: set[str], others: set[str], events: list[tuple[str, str, str]]
) -> None:
    """A decision that two rule sets take alike is no change; else each says its side."""
    journal = recorded(packs, events)
    law = law_of(HEAD + "".join(RULES[one] for one in sorted(others)))

    for one in Replay(law, journal).run(["s-1"]):
        if one.change in ("stricter", "laxer"):
            assert one.then.action != one.now.action
            assert one.by or not one.then.rules


def test_settings_are_part_of_the_law() -> None:
    """What the configuration demands besides rules is asked again as well."""
    journal = MemoryJournal()
    memory_engine(HEAD, journal=journal).session("s-1").tool("nameless", {})
    law = law_of(HEAD, settings=settings_with())

    (found,) = Replay(law, journal).run(["s-1"])

    assert (found.then.action, found.change) == ("ask", "same")
