"""Histories of one session that Hypothesis makes up, for the laws of the heart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import attrs
from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.machine import Registers
from governance.session.commands import Command, HostTraits
from governance.session.decide import decide
from governance.session.draft import DraftRow, Outcome
from governance.session.law import Gathered, HostSettings, Law
from governance.session.replies import Injection
from governance.session.state import Identity, SessionState
from governance.states import State
from governance.testing.engines import law_of, settings_with
from governance.values import Json


def _rule(name: str, command: str, action: str, more: str = "") -> str:
    return f"""
[[rule]]
id = "heart.{name}"
tools = ["shell"]
when.command = "{command}"
action = "{action}"
message = "It is {name}."
must_match = [{{ tool = "shell", command = "{command}" }}]
must_not_match = [{{ tool = "shell", command = "fine" }}]
{more}
"""


PACK = (
    """
format = 1
[pack]
name = "heart"
version = "1.0.0"
summary = "One rule for each action."

[[role]]
name = "reader"
agents = ["scout"]
tools = ["read", "shell"]

[[role]]
name = "writer"
tools = ["read", "shell", "edit"]

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."

[[rule]]
id = "heart.prompt"
on = "prompt"
when.prompt = "bad"
action = "deny"
message = "Not that word."
must_match = [{ prompt = "bad" }]
must_not_match = [{ prompt = "good" }]
"""
    + _rule("warned", "careless", "warn")
    + _rule("asked", "publish", "ask")
    + _rule("denied", "forbidden", "deny")
    + _rule("halted", "stop everything", "halt", 'halt.scope = "session"')
    + """
[[rule]]
id = "heart.result"
on = "tool-result"
tools = ["shell"]
when.exit_code = 3
action = "deny"
message = "Not for you."
must_match = [{ tool = "shell", command = "x", exit_code = 3 }]
must_not_match = [{ tool = "shell", command = "x", exit_code = 0 }]

[[rule]]
id = "heart.pushed"
tools = ["shell"]
when.command = { starts_with = "push" }
action = "warn"
message = "Others see it."
"""
    + '\n[[rule]]\nid = "heart.changed"\ntools = ["shell"]\nwhen.command = "push --force"\n'
    'action = "rewrite"\nrewrite.command = "push --force-with-lease"\n'
)


@cache
def law() -> Law:
    hosts = {"other": HostSettings(roles={"scout": "writer"})}
    return law_of(PACK, settings=settings_with(stall_repeats_max=2, hosts=hosts))


def role_of(command: Command) -> str:
    """The role of the only agent: by the table of the one host, else by the pack."""
    return {"other": "writer"}.get(command.host, "reader") if command.agent else ""


SESSION = "s-1"
NOW = -1
"""For the time at which a text was rendered: as the session stands when it is reported."""
START_MS = 1_000_000_000
STEPS_MS = tuple(1000 * n for n in (0, 1, 59, 3599, 3600, 172_799, 172_800, 604_800, -5, -9))
COMMANDS = ("fine", "fine too", "careless", "publish", "forbidden", "push --force")
ACTIONS_COUNTED = {
    "allow": "tools_allowed", "warn": "tools_warned", "rewrite": "tools_rewritten",
    "ask": "tools_questioned", "deny": "tools_denied", "halt": "tools_denied",
}  # fmt: skip


def _call(tool: str, text: str, number: int) -> ToolCall:
    own: dict[str, Json] = {"path": f"/project/{text}"}
    if tool in ("shell", "delegate"):
        own = {"command" if tool == "shell" else "agent": text}
    return ToolCall(tool, native=tool, own=own, args=own, call_id=f"c{number}" if number else "")


CALLS = st.builds(
    _call,
    st.sampled_from(["shell", "shell", "shell", "read", "edit", "delegate"]),
    st.sampled_from((*COMMANDS, *COMMANDS, "stop everything")),
    st.integers(0, 4),
)
OUTCOMES: st.SearchStrategy[dict[str, Json]] = st.fixed_dictionaries(
    {"outcome": st.sampled_from(["ok", "ok", "failed", "refused", "unknown"])},
    optional={
        "duration_ms": st.integers(0, 999),
        "error": st.just("no such file"),
        "exit_code": st.sampled_from([0, 3]),
        "task_title": st.just("It is done"),
    },
)
DATA: dict[str, st.SearchStrategy[dict[str, Json]]] = {
    "turn_start": st.fixed_dictionaries(
        {"prompt": st.sampled_from(["good", "bad", "go on"])},
        optional={"prompt_source": st.sampled_from(["user", "agent", "host"])},
    ),
    "tool_after": OUTCOMES,
    "command": st.fixed_dictionaries({"name": st.sampled_from(["help", "clear"])}),
    "child_start": st.fixed_dictionaries({"child_id": st.sampled_from(["s-1/a", "s-1/b"])}),
    "child_end": st.fixed_dictionaries({"child_id": st.sampled_from(["s-1/a", "s-1/b"])}),
    "interrupt": st.fixed_dictionaries({"reason": st.sampled_from(["idle", "abort"])}),
    "brief": st.sampled_from([{}, {}, {"refresh": True}, {"refresh": True, "rendered_at": NOW}]),
    "compact": st.sampled_from([{}, {"trigger": "manual", "summary": "so far"}]),
    "lapse": st.sampled_from([{}, {"why": "packs"}]),
    "end": st.sampled_from([{}, {"reason": "logout"}]),
    "start": st.sampled_from([{}, {"language": "German"}, {"document_language": "French"}]),
}
EVENTS = (
    "start", "turn_start", "turn_start", "turn_end", "tool_before", "tool_before", "tool_before",
    "tool_after", "tool_after", "command", "compacting", "compact", "lapse", "interrupt",
    "resume", "reset", "end", "child_start", "child_end", "brief", "brief",
)  # fmt: skip

ASKED = ("start", "turn_start", "tool_before", "command", "compacting", "child_start")
REFUSALS: list[tuple[str, ...]] = [()] * 9 + [("a listener says no",)]
WRITTEN: list[dict[str, dict[str, Json]]] = [{}, {}, {"mine": {"prompt": "other words"}}]
FAILURES: list[tuple[dict[str, Json], ...]] = [(), (), ({"listener": "mine"},)]


@st.composite
def commands(draw: st.DrawFn) -> Command:
    event = draw(st.sampled_from(EVENTS))
    return Command(
        event=event,
        session=SESSION,
        host=draw(st.sampled_from(["python", "other"])),
        run=draw(st.sampled_from(["", "one", "one", "two"])),
        history=draw(st.sampled_from(["kept", "kept", "lost", "unknown"])),
        agent=draw(st.sampled_from(["", "", "scout"])),
        actor=draw(st.sampled_from([None, "ann"])),
        parent=draw(st.sampled_from([None, None, "boss", "gone"])),
        call=draw(CALLS) if event in ("tool_before", "tool_after") else None,
        late=draw(st.sampled_from([False] * 7 + [True])),
        delivery=draw(st.sampled_from(["answer", "answer", "after_flush", "none"])),
        traits=HostTraits(
            inject=draw(st.sampled_from(["transcript", "request", "none"])),
            call_ids=draw(st.booleans()),
            rewrites=draw(st.sampled_from([True, True, False])),
        ),
        written=draw(st.sampled_from(WRITTEN)) if event in ASKED else {},
        data=draw(DATA.get(event, st.just({}))),
        refused=draw(st.sampled_from(REFUSALS)) if event in ASKED else (),
        failures=draw(st.sampled_from(FAILURES)) if event in ASKED else (),
    )


HAPPENED = st.lists(st.tuples(commands(), st.sampled_from(STEPS_MS)), min_size=8, max_size=24)
Happened = list[tuple[Command, int]]


TOP = SessionState("top", registers=Registers(State.BEGINNING), identity=Identity(role="owner"))
BOSS = SessionState(
    "boss",
    registers=Registers(State.BEGINNING),
    identity=Identity(role="chief", depth=1, parent="top", parent_roles=("owner",)),
)


def gathered(command: Command, at_ms: int) -> Gathered:
    """What the shell would have looked up; of one of the parents nothing is known any more."""
    return Gathered(at_ms=at_ms, parents=(BOSS, TOP) if command.parent == "boss" else ())


def steps(happened: Happened) -> Iterator[tuple[SessionState, Command, int, Outcome]]:
    """State before, command, time and outcome of each, one after the other."""
    state, at_ms, rendered = SessionState(SESSION), START_MS, Injection("", "0", "briefing", (), 0)
    for command, waits_ms in happened:
        at_ms += waits_ms
        if command.event == "brief":
            report = {**reported(rendered), **command.data}
            if report["rendered_at"] == NOW:
                report["rendered_at"] = state.head
            command = attrs.evolve(command, data=report)
        outcome = decide(law(), state, command, gathered(command, at_ms))
        yield state, command, at_ms, outcome
        state, rendered = outcome.state, outcome.reply.injection or rendered


def reported(injection: Injection) -> dict[str, Json]:
    """What an adapter reports of *injection* once it was flushed."""
    return {
        "blocks": list(injection.blocks), "characters": len(injection.text),
        "sha256": injection.sha256, "why": injection.why, "rendered_at": injection.rendered_at,
    }  # fmt: skip


def data_of(row: DraftRow) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", row.body["data"])


def to_of(row: DraftRow) -> Mapping[str, Any]:
    """What *row* sets of the session."""
    return cast("Mapping[str, Any]", row.body.get("to") or {})
