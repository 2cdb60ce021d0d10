"""
What callers give to verbs and commands, looked at in one place before anything is written.

`checked` wraps a public verb; `ARGUMENTS` says what each of its arguments takes. Words with an
enumeration take it from the catalogue of events, so that nothing is journaled against it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import wraps
from itertools import chain
from operator import attrgetter
from os import PathLike
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar, cast, get_args

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.errors import MisuseError, Problem, did_you_mean
from governance.events import CATALOGUE, check_data, check_field
from governance.session.commands import Command, Delivery, History, HostTraits
from governance.values import INTEGER_MAX, Json

if TYPE_CHECKING:
    from governance.rules.roles import Roles

CODES: Mapping[str, str] = {"GOV403": "an argument that a verb or a command does not take"}

SHOWN_CHARS_MAX = 60
"""Characters of a wrong value that a message shows."""

CO_COROUTINE: Final = 0x80
"""The flag of a function that is awaited; `inspect`, which names it, is slow to import."""

P = ParamSpec("P")
T = TypeVar("T")


@frozen
class Takes:
    """
    What one argument takes.

    Attributes:
        what: In words.

        fits: Whether a value is so.

        values: The whole enumeration, or none.
    """

    what: str
    fits: Callable[[object], bool]
    values: tuple[str, ...] = ()


def _one_of(values: tuple[str, ...] | None) -> Takes:
    # INVARIANT: only fields with an enumeration are named here.
    assert values, "an enumeration has values"
    return Takes(f"one of {', '.join(values)}", values.__contains__, values)


def _or_none(takes: Takes) -> Takes:
    return evolve(takes, what=f"{takes.what} or None", fits=lambda v: v is None or takes.fits(v))


def _an(kind: type) -> Takes:
    return Takes(f"a `{kind.__name__}`", kind.__instancecheck__)


def _named(name: str) -> Takes:
    """An object of a class that nobody imports for this alone."""
    return Takes(
        f"a `{name}`", lambda one: any(kind.__name__ == name for kind in type(one).__mro__)
    )


def _is_whole(value: object) -> bool:
    # INTEGER_MAX: no row holds more.
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and -INTEGER_MAX - 1 <= value <= INTEGER_MAX
    )


def _is_count(value: object) -> bool:
    return _is_whole(value) and cast("int", value) >= 0


def _is_folder(value: object) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    return value.startswith(("/", "~", "\\")) or value[1:2] == ":"


def _is_rows(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and bool(value)
        and not isinstance(value, str)
        and all(isinstance(one, (tuple, list)) and _is_row(one) for one in value)
    )


def _is_row(value: Sequence[object]) -> bool:
    return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], Mapping)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def _is_said(value: object) -> bool:
    parts = value if isinstance(value, (list, tuple)) else (value,)
    return all(isinstance(one, (str, Mapping)) or PART.fits(one) for one in parts)


def _is_new(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


ANY = Takes("any value", lambda _: True)
TEXT = Takes("a text", str.__instancecheck__)
NAME = Takes("a text that is not empty", _is_new)
TEXTS = Takes("a list of texts", _is_texts)
WHOLE = Takes("a whole number", _is_whole)
COUNT = Takes("a whole number from 0 on", _is_count)
FOLDER = Takes("an absolute path", _is_folder)
ROWS = Takes("one row or more, each a kind and its own fields", _is_rows)
FLAG = Takes("true or false", bool.__instancecheck__)
TABLE = Takes("a mapping", Mapping.__instancecheck__)
LIST = Takes("a sequence", lambda one: isinstance(one, Sequence) and not isinstance(one, str))
PATH = Takes("a path", lambda one: isinstance(one, (str, PathLike)))
FILE = Takes("a `Path`", PathLike.__instancecheck__)
CALLABLE = Takes("a function", callable)
PART = _named("Part")
SAID = Takes("a text, a `Part`, or several of them", _is_said)
OUTCOME = _one_of(CATALOGUE["tool.finished"].fields["outcome"].values)
SPEAKER = _one_of(CATALOGUE["turn.started"].fields["prompt_source"].values)
TAKE = _one_of(CATALOGUE["merge.resolved"].fields["take"].values)
TRIGGER = _one_of(("manual", "auto", "unknown"))
HISTORY = _one_of(get_args(History))
DELIVERY = _one_of(get_args(Delivery))
TRAITS = _an(HostTraits)
SCOPE, READER = _named("Scope"), _named("Reader")

_WHO = {"actor": _or_none(TEXT)}
_PAGE = {"after": WHOLE, "before": _or_none(WHOLE), "limit": WHOLE, "reverse": FLAG}
_HANDLE = {"session": TEXT, "role": _or_none(NAME), "host": NAME, "traits": _or_none(TRAITS)} | _WHO
_CALL = {"tool": TEXT, "arguments": TABLE, "cwd": _or_none(FOLDER), "call_id": TEXT}
_ENDED = {
    "call_id": TEXT,
    "outcome": OUTCOME,
    "tool": TEXT,
    "output": _or_none(TEXT),
    "error": _or_none(TEXT),
    "exit_code": _or_none(WHOLE),
    "duration_ms": _or_none(COUNT),
}
_TURN = {"prompt": TEXT, "source": SPEAKER}
_ANSWER = {
    "ident": NAME,
    "by": NAME,
    "deny": FLAG,
    "lasts_ms": _or_none(WHOLE),
    "reason": TEXT,
}
_KEYED = {"scope": SCOPE, "kind": TEXT, "key": TEXT, "by": READER}
_OWNED = {"scope": SCOPE, "by": READER}
_GRANTED = {**_OWNED, "grant": _named("Grant")}

BORN: Mapping[str, Takes] = {
    "context_type": TEXT,
    "source": TEXT,
    "language": TEXT,
    "document_language": TEXT,
    "phase": TEXT,
    "style": TEXT,
    "predecessor": TEXT,
    "fields": TABLE,
    "backend_name": TEXT,
}
"""Further fields that a session is begun with."""

ARGUMENTS: Mapping[str, Mapping[str, Takes]] = {
    "Engine.open": {
        "directory": PATH,
        "clock": ANY,
        "journal": ANY,
        "listeners": _or_none(_named("Listeners")),
        "run": _or_none(TEXT),
        "tools": LIST,
        "actor": _or_none(TEXT),
        "authorize": _or_none(CALLABLE),
        "key": ANY,
    },
    "Engine.start": {
        **_HANDLE,
        "history": HISTORY,
        "model_id": TEXT,
        "model_options": _or_none(TABLE),
        **BORN,
    },
    "Engine.session": _HANDLE,
    "Engine.call": {"host": NAME, **_CALL},
    "Engine.state": {"session": TEXT, "audited": FLAG, **_WHO},
    "Engine.handle": {"command": _an(Command)},
    "Engine.record": {
        "session": TEXT,
        "kind": TEXT,
        "data": TABLE,
        "actor": TEXT,
        "host": NAME,
        "key": _or_none(TEXT),
    },
    "Engine.announce": {"records": LIST},
    "Engine.branch": {"session": TEXT, "at": _or_none(WHOLE), "name": _or_none(NAME), **_WHO},
    "Engine.switch": {"session": TEXT, "to": TEXT, **_WHO},
    "Engine.merge": {"target": TEXT, "source": TEXT, **_WHO},
    "Engine.resolve": {
        "session": TEXT,
        "conflict": TEXT,
        "take": TAKE,
        "value": ANY,
        "actor": TEXT,
    },
    "Engine.approve": {"session": TEXT, **_ANSWER},
    "Engine.events": {"session": TEXT, **_PAGE, **_WHO},
    "Engine.archive": {"session": TEXT, "to": FILE, **_WHO},
    "Engine.unarchive": {"file": FILE, **_WHO},
    "Engine.prune": {"policy": _named("RetentionPolicy"), "dry_run": FLAG, **_WHO},
    "Engine.preload": {"count": WHOLE},
    "Engine.record_all": {
        "session": TEXT,
        "rows": ROWS,
        "actor": TEXT,
        "durable": FLAG,
        "key": _or_none(TEXT),
        "expected_seq": _or_none(WHOLE),
    },
    "Engine.cursor": {},
    "Engine.follow": {"after": _or_none(_named("Cursor")), "session": _or_none(TEXT)},
    "Engine.health": {"limits": _or_none(_named("HealthLimits"))},
    "Engine.search": {"text": TEXT, "session": _or_none(TEXT), "ranked": FLAG, "limit": WHOLE},
    "Engine.close": {},
    "Session.approve": _ANSWER,
    "Session.turn": _TURN,
    "Session.turn_command": _TURN,
    "Session.turn_ended": {"failure": TEXT},
    "Session.tool": _CALL,
    "Session.tool_command": _CALL,
    "Session.tool_finished": _ENDED,
    "Session.finished_command": _ENDED,
    "Session.command": {"name": NAME, "arguments": TEXTS, "source": SPEAKER, "style": TEXT},
    "Session.message": {
        "role": TEXT,
        "said": SAID,
        "ident": TEXT,
        "reply_to": TEXT,
        "about": _or_none(TABLE),
        **_WHO,
    },
    "Session.messages": _PAGE,
    "Session.content": {"message": _named("Message"), "part": PART},
    "Session.compacting": {"trigger": TRIGGER},
    "Session.compact": {
        "trigger": TRIGGER,
        "summary": _or_none(TEXT),
        "context_size_tokens": _or_none(COUNT),
    },
    # Figures are looked at as figures: GOV402.
    "Session.used": {
        "input_tokens": ANY,
        "output_tokens": ANY,
        "cost_usd": ANY,
        "context_tokens": ANY,
        "context_ratio": ANY,
        "whole": FLAG,
    },
    "Session.lapse": {"why": TEXT},
    "Session.interrupt": {"reason": TEXT},
    "Session.resume": {"history": HISTORY},
    "Session.reset": {},
    "Session.child": {"name": NAME, "role": _or_none(NAME), "agent": TEXT},
    "Session.end": {"reason": TEXT, "exception": TEXT},
    "Contexts.declare": {"declaration": _named("Declaration")},
    "Contexts.get": _KEYED,
    "Contexts.find": {
        **_OWNED,
        "kind": _or_none(TEXT),
        "prefix": TEXT,
        "hidden": FLAG,
        "after": TEXT,
        "limit": WHOLE,
    },
    "Contexts.search": {
        "text": TEXT,
        "by": READER,
        "scopes": _or_none(LIST),
        "kind": _or_none(TEXT),
        "hidden": FLAG,
        "ranked": FLAG,
        "limit": WHOLE,
        "after": TEXT,
    },
    "Contexts.changes": {**_OWNED, "after": WHOLE},
    "Contexts.grants": _OWNED,
    "Contexts.set": {**_KEYED, "value": ANY, "expected_version": _or_none(WHOLE)},
    "Contexts.unset": {**_KEYED, "expected_version": _or_none(WHOLE)},
    "Contexts.prune": {**_OWNED, "bytes_max": WHOLE},
    "Contexts.reset": {**_OWNED, "to_seq": WHOLE},
    "Contexts.merge": {"target": SCOPE, "source": SCOPE, "by": READER},
    "Contexts.grant": _GRANTED,
    "Contexts.revoke": _GRANTED,
    "Contexts.validate": _OWNED,
    "Contexts.repair": _OWNED,
    "Contexts.migrate": _OWNED,
}
"""Verb → what each of its arguments takes."""

_ALIASES = {
    "SessionVerbs": "Engine",
    "StoreVerbs": "Engine",
    "AsyncEngine": "Engine",
    "AsyncSession": "Session",
    "AsyncContexts": "Contexts",
}

COMMAND: Mapping[str, Takes] = {
    "event": TEXT,
    "session": TEXT,
    "key": _or_none(TEXT),
    "host": TEXT,
    "traits": TRAITS,
    "run": TEXT,
    "history": HISTORY,
    "agent": TEXT,
    "role": _or_none(TEXT),
    "actor": _or_none(TEXT),
    "parent": _or_none(TEXT),
    "call": _or_none(_an(ToolCall)),
    "late": FLAG,
    "delivery": DELIVERY,
    "data": TABLE,
}
"""What the parts of a command take."""

TOLD_AS: Mapping[str, str] = {
    "start": "session.creating",
    "turn_start": "turn.started",
    "turn_end": "turn.ended",
    "tool_after": "tool.finished",
    "command": "command.executed",
    "compacting": "session.compacting",
    "compact": "session.compacted",
    "interrupt": "session.interrupted",
    "lapse": "governance.lapsed",
    "end": "session.ended",
    "brief": "governance.injected",
}
"""Event of the machine → the event of the catalogue that its fields stand in."""


def checked(verb: Callable[P, T]) -> Callable[P, T]:
    """*verb*, which raises `MisuseError` (GOV403) for arguments that it does not take."""
    owner, _, name = verb.__qualname__.rpartition(".")
    takes = ARGUMENTS[f"{_ALIASES.get(owner, owner)}.{name}"]
    code = verb.__code__
    places = code.co_varnames[1 : code.co_argcount]

    def check(args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        for place, value in chain(zip(places, args[1:], strict=False), kwargs.items()):
            one = takes.get(place)
            if one is None or not one.fits(value):
                given = {**dict(zip(places, args[1:], strict=False)), **kwargs}
                _refuse(f"`{name}`", tuple(_problems(takes, given)))

    @wraps(verb)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        check(args, kwargs)
        return verb(*args, **kwargs)

    @wraps(verb)
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> object:
        check(args, kwargs)
        return await cast("Awaitable[object]", verb(*args, **kwargs))

    return cast("Callable[P, T]", awaited) if code.co_flags & CO_COROUTINE else asked


_PARTS: Callable[[Command], tuple[object, ...]] = attrgetter(*COMMAND)
_FITS: tuple[Callable[[object], bool], ...] = tuple(one.fits for one in COMMAND.values())


def check_command(command: Command) -> None:
    """
    Return quietly if *command* has the parts that one must have, and fields of their types.

    Raises:
        MisuseError: GOV403, with everything that is wrong.
    """
    parts = _PARTS(command)
    # Each command comes by here: what is wrong is put into words only where something is.
    if all(fits(part) for fits, part in zip(_FITS, parts, strict=True)):
        problems = [*_data_problems(command)]
    else:
        problems = [*_problems(COMMAND, dict(zip(COMMAND, parts, strict=True)))]
    if command.event in ("tool_before", "tool_after") and command.call is None:
        problems.append(Problem("GOV403", "`call` is missing", ("call",)))
    _refuse(f"the command `{command.event}`", tuple(problems))


def check_role(roles: Roles, role: str | None) -> None:
    """
    Return quietly if something could be done in *role*.

    Raises:
        MisuseError: GOV403, by it nothing could ever be: most likely it is misspelled.
    """
    if role is None or roles.unknown != "deny" or not roles.by_name or role in roles.by_name:
        return
    raise MisuseError(
        f"no pack describes the role `{role}`, so every tool would be denied",
        code="GOV403",
        remedy=did_you_mean(role, roles.by_name) or f"one of {', '.join(sorted(roles.by_name))}",
    )


def check_row(kind: str, data: Mapping[str, Json]) -> None:
    """
    Return quietly if *data* are the own fields of *kind*, a row that can be written.

    Raises:
        MisuseError: GOV403, with everything that is wrong.
    """
    problems = check_data(kind, data)
    if not problems and CATALOGUE[kind].when == "before":
        hint = "after events alone are rows"
        problems = (Problem("GOV403", f"`{kind}` is of what has not happened yet", (), hint),)
    _refuse(f"a row `{kind}`", problems)


def _data_problems(command: Command) -> Iterator[Problem]:
    name = TOLD_AS.get(command.event)
    if name is None:
        return
    fields = CATALOGUE[name].fields
    for key, value in command.data.items():
        if value is not None and key in fields:
            yield from check_field(fields[key], value)


def _problems(takes: Mapping[str, Takes], given: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in given.items():
        one = takes.get(name)
        if one is None:
            hint = did_you_mean(name, takes) or f"it takes {', '.join(takes) or 'none'}"
            yield Problem("GOV403", f"there is no argument `{name}`", (name,), hint)
        elif not one.fits(value):
            hint = did_you_mean(value, one.values) if isinstance(value, str) else ""
            text = f"`{name}` is {_shown(value)}, expected {one.what}"
            yield Problem("GOV403", text, (name,), hint)


def _shown(value: object) -> str:
    """A wrong value in a message: a word as it is, anything else by its type."""
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN_CHARS_MAX else value[:SHOWN_CHARS_MAX] + "…"
        return f"`{cut}`" if cut.isprintable() and cut else f"the text {cut!r}"
    if isinstance(value, int) and not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
        return "a number beyond 64 bits"
    if value is None or isinstance(value, (bool, int, float)):
        return f"`{value}`"
    return f"a `{type(value).__name__}`"


def _refuse(what: str, problems: tuple[Problem, ...]) -> None:
    if not problems:
        return
    raise MisuseError(
        f"{what} cannot take this: {'; '.join(one.message for one in problems)}",
        code="GOV403",
        remedy="; ".join(one.suggestion for one in problems if one.suggestion),
    )
