"""
Hypothesis strategies for what goes into the engine, for tests of whoever embeds it.

This module imports hypothesis, so it is for tests only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.events import CATALOGUE, Event, FieldSpec
from governance.journal.records import Append, Row
from governance.session.commands import Command
from governance.states import State
from governance.values import INTEGER_MAX, Json, dump_json

TOOLS = (
    "shell", "read", "write", "edit", "delete", "grep", "glob", "fetch", "search", "delegate",
    "todo", "mcp:server:tool", "other",
)  # fmt: skip
"""Canonical names of tools, one of each kind."""

MACHINE_EVENTS = (
    "start", "brief", "turn_start", "turn_end", "tool_before", "tool_after", "command",
    "compacting", "compact", "lapse", "interrupt", "resume", "reset", "end", "child_start",
    "child_end",
)  # fmt: skip
"""Every event of the session's machine."""

_LATEST_MS = 4_102_444_800_000  # the year 2100


def texts(*, min_size: int = 0, max_size: int = 40) -> st.SearchStrategy[str]:
    """Text that a journal may hold: any character but surrogates, NUL among them."""
    alphabet = st.characters(codec="utf-8")
    return st.text(alphabet, min_size=min_size, max_size=max_size)


def json_values(*, leaves_max: int = 10) -> st.SearchStrategy[Json]:
    """Any value that `governance.values.check_json` takes."""
    leaf: st.SearchStrategy[Json] = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-INTEGER_MAX - 1, INTEGER_MAX),
        st.floats(allow_nan=False, allow_infinity=False),
        texts(),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(texts(max_size=12), inner, max_size=4)
        ),
        max_leaves=leaves_max,
    )


def json_objects(*, leaves_max: int = 10) -> st.SearchStrategy[Mapping[str, Json]]:
    """JSON objects of any such values."""
    return st.dictionaries(texts(max_size=12), json_values(leaves_max=leaves_max), max_size=5)


def session_ids() -> st.SearchStrategy[str]:
    """Ids as hosts make them, those of children and strange ones among them."""
    plain = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", fullmatch=True)
    child = st.builds("/".join, st.lists(plain, min_size=2, max_size=3))
    return st.one_of(plain, child, st.uuids().map(str), texts(min_size=1))


def moments_ms() -> st.SearchStrategy[int]:
    """Times between 1970 and 2100, in milliseconds."""
    return st.integers(0, _LATEST_MS)


def field_values(spec: FieldSpec) -> st.SearchStrategy[Json]:
    """Values that fit one field of the catalogue."""
    if spec.values is not None:
        return st.sampled_from(spec.values)
    objects: st.SearchStrategy[Json] = json_objects(leaves_max=4)
    number = st.integers(0, INTEGER_MAX if spec.most is None else spec.most)
    known: Mapping[str, st.SearchStrategy[Json]] = {
        "str": texts(),
        "int": number,
        "number": st.one_of(number, st.floats(0, 1e12 if spec.most is None else spec.most)),
        "bool": st.booleans(),
        "object": objects,
        "list[str]": st.lists(texts(), max_size=3),
        "list[object]": st.lists(objects, max_size=3),
        "json": json_values(leaves_max=4),
    }
    return known[spec.type]


@st.composite
def event_data(draw: st.DrawFn, name: str) -> dict[str, Json]:
    """Own fields of the event *name* that fit the catalogue; optional ones come and go."""
    made: dict[str, Json] = {}
    for spec in CATALOGUE[name].fields.values():
        if not spec.optional or draw(st.booleans()):
            made[spec.name] = draw(field_values(spec))
    return made


@st.composite
def events(draw: st.DrawFn, names: Sequence[str] = tuple(CATALOGUE)) -> Event:
    """Events of the catalogue, one of *names*, with all that they carry."""
    name = draw(st.sampled_from(tuple(names)))
    states = [state.value for state in State]
    return Event(
        name=name,
        session_id=draw(session_ids()),
        data=draw(event_data(name)),
        event_id=draw(st.uuids().map(str)),
        epoch=draw(st.integers(1, 9)),
        seq=draw(st.integers(0, 10_000)),
        at_ms=draw(moments_ms()),
        host=draw(st.sampled_from(("python", "claude-code"))),
        state_before=draw(st.sampled_from(states)),
        state_after=draw(st.sampled_from(states)),
    )


_OWN: Mapping[str, tuple[str, ...]] = {
    "shell": ("command",),
    "read": ("path",),
    "write": ("path", "content"),
    "edit": ("path", "content", "removed"),
    "delete": ("path",),
    "grep": ("path", "pattern"),
    "glob": ("path", "pattern"),
    "fetch": ("url",),
    "search": ("query",),
    "delegate": ("agent", "prompt"),
}


@st.composite
def tool_calls(draw: st.DrawFn, tools: Sequence[str] = TOOLS) -> ToolCall:
    """Calls of *tools*, whose native arguments are their own facts."""
    tool = draw(st.sampled_from(tuple(tools)))
    own: dict[str, Json] = {name: draw(texts()) for name in _OWN.get(tool, ())}
    return ToolCall(
        tool=tool,
        native=tool,
        own=own,
        args=own or draw(json_objects(leaves_max=4)),
        cwd=draw(st.none() | st.just("/project")),
        call_id=draw(st.sampled_from(("", "c1", "c2", "c3"))),
        fields={name: name for name in own},
    )


@st.composite
def commands(
    draw: st.DrawFn,
    *,
    session: str = "s-1",
    event_names: Sequence[str] = MACHINE_EVENTS,
    tools: Sequence[str] = TOOLS,
) -> Command:
    """One command of *session*, legal just then or not, with what its event needs."""
    event = draw(st.sampled_from(tuple(event_names)))
    call = draw(tool_calls(tools)) if event in ("tool_before", "tool_after") else None
    return Command(
        event=event,
        session=session,
        at_ms=draw(moments_ms()),
        run=draw(st.sampled_from(("", "run-1", "run-2"))),
        history=draw(st.sampled_from(("kept", "lost", "unknown"))),
        late=draw(st.booleans()),
        delivery=draw(st.sampled_from(("answer", "after_flush", "none"))),
        call=call,
        data=draw(_command_data(event)),
    )


def _command_data(event: str) -> st.SearchStrategy[Mapping[str, Json]]:
    needed: Mapping[str, Mapping[str, st.SearchStrategy[Json]]] = {
        "start": {"source": st.sampled_from(("startup", "resume", "clear"))},
        "brief": {
            "blocks": st.lists(texts(), max_size=2),
            "characters": st.integers(0, 9_000),
            "sha256": st.just("0" * 64),
            "why": st.sampled_from(("briefing", "reminder", "resume", "refresh")),
            "rendered_at": st.integers(0, 50),
        },
        "turn_start": {
            "prompt": texts(),
            "prompt_source": st.sampled_from(("user", "agent", "host")),
        },
        "tool_after": {"outcome": st.sampled_from(("ok", "failed", "refused", "unknown"))},
        "command": {"name": texts(min_size=1), "arguments": st.lists(texts(), max_size=3)},
        "compacting": {"trigger": st.sampled_from(("manual", "auto"))},
        "compact": {"trigger": st.sampled_from(("manual", "auto"))},
        "lapse": {"why": st.just("packs changed")},
        "interrupt": {"reason": st.sampled_from(("idle", "abort", "error"))},
        "end": {"reason": texts()},
        "child_start": {"child_id": st.just("s-1/child")},
        "child_end": {"child_id": st.just("s-1/child")},
    }
    return st.fixed_dictionaries(dict(needed.get(event, {})))


def event_sequences(
    *, session: str = "s-1", max_size: int = 30, event_names: Sequence[str] = MACHINE_EVENTS
) -> st.SearchStrategy[list[Command]]:
    """What a host might report of one session, one command after the other, in order of time."""

    def in_order(made: list[Command]) -> list[Command]:
        return sorted(made, key=lambda one: one.at_ms or 0)

    one = commands(session=session, event_names=event_names)
    return st.lists(one, max_size=max_size).map(in_order)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Rows as the engine writes them: a kind of the catalogue, a JSON object as body."""
    kind = draw(st.sampled_from(tuple(CATALOGUE)))
    body: Json = {"data": draw(event_data(kind))}
    return Row(kind, draw(moments_ms()), dump_json(body), draw(st.booleans()))


@st.composite
def appends(draw: st.DrawFn, *, session: str = "s-1", expected_seq: int = 0) -> Append:
    """Rows for one journal whose head is at *expected_seq*."""
    made = draw(st.lists(rows(), min_size=1, max_size=5))
    return Append(session, expected_seq, tuple(made))
