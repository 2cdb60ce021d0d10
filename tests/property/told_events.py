"""Events of a session and its child in any order, and what a journal has of them."""

from __future__ import annotations

from functools import cache
from typing import cast

from attrs import evolve, frozen
from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.formats import body_of
from governance.journal.records import Journal
from governance.session.commands import Command
from governance.session.law import Law
from governance.testing.engines import law_of
from governance.values import Json

PACK = """
format = 1
[pack]
name = "told"
version = "1.0.0"
summary = "Rules for events that are told."

[[rule]]
id = "told.denied"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "No."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "told.asked"
tools = ["shell"]
when.command = "publish"
action = "ask"
message = "Sure?"
must_match = [{ tool = "shell", command = "publish" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""

PARENT, CHILD = "s", "s/c"


@frozen
class Told:
    """What is told: an event of a session, some time after the last one."""

    event: str
    session: str
    data: dict[str, Json]
    call: str = ""
    command: str = ""
    after_ms: int = 0


@cache
def law() -> Law:
    return law_of(PACK)


BARE: dict[str, dict[str, Json]] = {
    "start": {},
    "turn_start": {"prompt": "go", "prompt_source": "user"},
    "turn_end": {},
    "command": {"name": "clear", "arguments": [], "source": "user"},
    "compacting": {"trigger": "auto"},
    "compact": {"trigger": "auto"},
    "lapse": {"why": "not_delivered"},
    "interrupt": {"reason": "interrupted"},
    "resume": {},
    "reset": {},
    "end": {"reason": "ended"},
}
bare = st.sampled_from(sorted(BARE)).flatmap(
    lambda name: st.builds(
        Told,
        event=st.just(name),
        session=st.sampled_from([PARENT, CHILD]),
        data=st.just(BARE[name]),
    )
)
calls = st.builds(
    Told,
    event=st.just("tool_before"),
    session=st.sampled_from([PARENT, CHILD]),
    data=st.just({}),
    call=st.sampled_from("123"),
    command=st.sampled_from(["fine", "forbidden", "publish"]),
)
outcomes = st.builds(
    Told,
    event=st.just("tool_after"),
    session=st.sampled_from([PARENT, CHILD]),
    data=st.sampled_from([{"outcome": one} for one in ("ok", "failed", "refused")]),
    call=st.sampled_from("123"),
)
children = st.builds(
    Told,
    event=st.sampled_from(["child_start", "child_end"]),
    session=st.just(PARENT),
    data=st.just({"child_id": CHILD}),
)
told = st.builds(
    evolve,
    st.one_of(bare, calls, calls, outcomes, children),
    after_ms=st.sampled_from([0, 1, 60_000, 7_200_000, 200_000_000]),
)


OPENING = (
    Told("turn_start", PARENT, BARE["turn_start"]),
    Told("child_start", PARENT, {"child_id": CHILD}),
    Told("turn_start", CHILD, BARE["turn_start"]),
)
"""Both at work: most of what can go wrong begins there."""


def command_of(one: Told, at_ms: int) -> Command:
    call = None
    if one.call:
        args = {"command": one.command} if one.command else {}
        call = ToolCall("shell", args=cast("dict[str, Json]", args), call_id=one.call)
    return Command(
        event=one.event,
        session=one.session,
        at_ms=at_ms,
        parent=PARENT if one.session == CHILD else None,
        call=call,
        history="kept",
        data=one.data,
    )


def rows(journal: Journal, *sessions: str) -> dict[str, list[tuple[str, int, object]]]:
    """What the journal tells of *sessions*, by default of both."""
    return {
        name: [
            (one.kind, one.at_ms, body_of(one)["data"]) for one in journal.read(name, limit=1000)
        ]
        for name in sessions or (PARENT, CHILD)
    }
