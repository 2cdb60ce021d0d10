"""`context`: named values of sessions, of the project and of users."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import click

from governance._attrs import frozen
from governance.cli.frame import (
    FINE,
    FOUND,
    ROW_MAX,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.opening import behind_guard, require_session
from governance.cli.output import Tone, print_json, print_line
from governance.cli.recording import person_name, recording_engine
from governance.cli.tables import print_table
from governance.cli.values import require_unset
from governance.engine.contexts import Contexts, ContextsFound
from governance.errors import MisuseError, number_of
from governance.journal.searching import HITS_MAX
from governance.scopes import PROJECT, Grant, Reader, Refusal, Scope, Stale, Value
from governance.scopes.state import Name
from governance.scopes.values import KINDS
from governance.values import Json, ValueRefused, dump_json, load_json

TEXT_CHARS_MAX = 2_000
"""Characters of a value that a list shows."""

EVERYWHERE = "all"
"""What stands for all scopes in a search; a scope of that name there is none."""

_DIGITS_MAX = 15

_TAKES: Mapping[str, tuple[str, ...]] = {
    "list": (),
    "get": ("KEY",),
    "set": ("KEY", "VALUE"),
    "unset": ("KEY",),
    "search": ("WORDS",),
    "merge": ("SCOPE",),
    "reset": ("ROW",),
    "prune": ("BYTES",),
    "repair": (),
    "validate": (),
    "grant": ("WHO", "KEYS"),
    "revoke": ("WHO", "KEYS"),
    "grants": (),
}
"""What can be done → the words that it takes."""

_LOOKS = frozenset({"list", "get", "search", "validate", "grants"})
"""What of it writes nothing."""

_GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "kind": ("get", "set", "unset", "grant", "revoke"),
    "expect": ("set", "unset"),
    "right": ("grant", "revoke"),
    "hidden": ("list", "search"),
    "ranked": ("search",),
    "limit": ("search",),
    "after": ("search",),
}
"""Option → what it is for."""


@frozen
class Asked:
    """What a person asked for."""

    contexts: Contexts
    scope: Scope
    kind: str
    words: Sequence[str]
    by: Reader
    expect: int | None
    right: str

    @property
    def grant(self) -> Grant:
        """The leave that is given or taken back."""
        return Grant(self.words[0], self.kind, self.words[1], self.right)


@command(
    "context",
    examples=[
        Example(
            """governance context set entry '{"file": "app.py"}' --kind code""",
            "A value that all sessions of the project share.",
        ),
        Example("governance context get entry --kind code", "What it is."),
        Example("governance context list --scope session:demo", "What a session keeps."),
        Example(
            """governance context search '"rate limit"' --ranked --limit 5""", "What speaks of it."
        ),
        Example(
            "governance context search style --scope all",
            "In all scopes, as far as they are yours to see.",
        ),
        Example(
            "governance context search style --after WzAsMSwicHJvamVjdCIsMSwiY29kZSIsImEiXQ",
            "The next page, by the mark that stands below the one before.",
        ),
        Example(
            "governance context grant user:ada 'style.*' --scope session:demo",
            "Leave for somebody to read a part of it.",
        ),
        Example("governance context reset 0 --scope session:demo", "Back to the beginning."),
        Example(
            'governance context set entry \'{"file": "main.py"}\' --kind code --expect 1',
            "Only over the version that was read.",
        ),
        Example(
            "governance context grant user:ada 'style.*' --scope session:demo --right write",
            "To change them as well.",
        ),
    ],
    exits="0 done, 1 refused or something was found, 2 could not do what was asked",
)
@click.argument("what", type=click.Choice(list(_TAKES)), metavar="WHAT")
@click.argument("words", nargs=-1)
@click.option("--scope", "scope_", default="project", show_default=True,
              help="Whose it is: project, session:ID, user:NAME; to search also: all.")  # fmt: skip
@click.option("--kind", type=click.Choice(KINDS), default="project", show_default=True,
              help="Which kind of context.")  # fmt: skip
@click.option("--expect", type=click.IntRange(0, ROW_MAX), default=None,
              help="The version that the value must have now; 0: there must be none.")  # fmt: skip
@click.option("--right", type=click.Choice(["read", "write"]), default="read", show_default=True,
              help="What leave is given for.")  # fmt: skip
@click.option("--hidden", is_flag=True, help="List or search what was pruned as well.")
@click.option("--ranked", is_flag=True, help="Search: the best first, not the newest.")
@click.option("--limit", type=click.IntRange(1, HITS_MAX), default=20, show_default=True,
              help="Search: how many at most.")  # fmt: skip
@click.option("--after", default="", help="Search: go on behind the mark that the answer gave.")
@format_option()
@dir_option
def context(
    what: str,
    words: tuple[str, ...],
    scope_: str,
    kind: str,
    expect: int | None,
    right: str,
    hidden: bool,
    ranked: bool,
    limit: int,
    after: str,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Show and change named values that outlive a context window.

    WHAT is list, get, set, unset, search, merge, reset, prune, repair, validate, grant, revoke
    or grants. A value has a scope, a kind and a key. You act under your user's name, and of a
    session as that session: other users' values are not yours to see unless they gave leave.
    VALUE is JSON, and a text where it does not begin like JSON. Everything is a row of the
    journal, so `reset` leads back to any row. `search` finds values of any kind that hold all
    WORDS, a phrase in double quotes; with `--scope all` in everything that you may see.
    """
    for option, goes_with in _GOES_WITH.items():
        if what not in goes_with:
            require_unset([option], f"does not go with `context {what}`")
    takes = _TAKES[what]
    if what == "search" and words:
        words = (" ".join(words),)
    if len(words) != len(takes):
        raise MisuseError(
            f"`context {what}` takes {number_of(len(takes), 'word')}, not {len(words)}",
            code="GOV560",
            remedy=f"governance context {' '.join((what, *takes))}",
        )
    everywhere = scope_ == EVERYWHERE
    if everywhere and what != "search":
        raise MisuseError(
            f"`--scope {EVERYWHERE}` goes with `context search` alone, not with `context {what}`",
            code="GOV560",
            remedy="name one scope: `project`, `session:ID` or `user:NAME`",
        )
    scope = PROJECT if everywhere else Scope.of(scope_)
    by = Reader(person_name(), scope.name if scope.kind == "session" else "")
    with recording_engine(project_of(directory), for_reading=what in _LOOKS) as engine:
        for one in (scope, Scope.of(words[0])) if what == "merge" else (scope,):
            if one.kind == "session":
                require_session(behind_guard(engine.journal), one.name)
        if what == "list":
            found = engine.contexts.find(scope, by=by, hidden=hidden)
            return _print_values(found, format_name)
        if what == "search":
            hits = engine.contexts.search(
                words[0],
                by=by,
                scopes=None if everywhere else (scope,),
                hidden=hidden,
                ranked=ranked,
                limit=limit,
                after=after,
            )
            return _print_found(hits, format_name)
        done = _DOES[what](Asked(engine.contexts, scope, kind, words, by, expect, right))
    return _print(done, format_name)


_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number of JSON, however large."""


def _get(asked: Asked) -> object:
    return asked.contexts.get(asked.scope, asked.kind, asked.words[0], by=asked.by)


def _set(asked: Asked) -> object:
    key, text = asked.words
    value: Json
    try:
        value = load_json(text)
    except ValueRefused as error:
        if text.lstrip()[:1] in ("{", "[", '"') or _NUMBER.fullmatch(text.strip()):
            # Meant as JSON: kept as a text, it would be another value than was given.
            raise MisuseError(
                f"the value is no JSON that can be kept: {error.message}",
                code="GOV560",
                remedy="mend it, or write a text as JSON: in double quotes",
            ) from None
        value = text
    return asked.contexts.set(
        asked.scope, asked.kind, key, value, by=asked.by, expected_version=asked.expect
    )


def _unset(asked: Asked) -> object:
    done = asked.contexts.unset(
        asked.scope, asked.kind, asked.words[0], by=asked.by, expected_version=asked.expect
    )
    return done if isinstance(done, (Refusal, Stale)) else {"unset": done}


def _merge(asked: Asked) -> object:
    done = asked.contexts.merge(asked.scope, Scope.of(asked.words[0]), by=asked.by)
    if isinstance(done, Refusal):
        return done
    names = {"taken": done.taken, "dropped": done.dropped, "conflicts": done.conflicts}
    return {"row": done.seq, **{word: _names(found) for word, found in names.items()}}


def _reset(asked: Asked) -> object:
    return _row(asked.contexts.reset(asked.scope, by=asked.by, to_seq=_number(asked.words[0])))


def _prune(asked: Asked) -> object:
    done = asked.contexts.prune(asked.scope, by=asked.by, bytes_max=_number(asked.words[0]))
    return done if isinstance(done, Refusal) else {"hidden": _names(done)}


def _repair(asked: Asked) -> object:
    done = asked.contexts.repair(asked.scope, by=asked.by)
    if isinstance(done, Refusal):
        return done
    return {"repaired": [[*name, seq] for name, seq in done.items()]}


def _validate(asked: Asked) -> object:
    done = asked.contexts.validate(asked.scope, by=asked.by)
    if isinstance(done, Refusal):
        return done
    return {"wrong": [[*name, *problems] for name, problems in done.items()]}


def _grant(asked: Asked) -> object:
    return _row(asked.contexts.grant(asked.scope, asked.grant, by=asked.by))


def _revoke(asked: Asked) -> object:
    return _row(asked.contexts.revoke(asked.scope, asked.grant, by=asked.by))


def _grants(asked: Asked) -> object:
    done = asked.contexts.grants(asked.scope, by=asked.by)
    if isinstance(done, Refusal):
        return done
    return {"grants": [[one.to, one.right, one.kind, one.keys] for one in done]}


_DOES: Mapping[str, Callable[[Asked], object]] = {
    "get": _get,
    "set": _set,
    "unset": _unset,
    "merge": _merge,
    "reset": _reset,
    "prune": _prune,
    "repair": _repair,
    "validate": _validate,
    "grant": _grant,
    "revoke": _revoke,
    "grants": _grants,
}


def _row(done: int | Refusal) -> object:
    return done if isinstance(done, Refusal) else {"row": done}


def _names(found: Sequence[Name]) -> list[Json]:
    return [list(name) for name in found]


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= _DIGITS_MAX):
        raise MisuseError(f"`{word}` is no number", code="GOV560")
    return int(word)


def _print(done: object, format_name: str) -> int:
    """What came of it; 1 where it was refused, or something is wrong with values."""
    match done:
        case Refusal(code=code, reasons=reasons):
            told: dict[str, Json] = {"refused": code, "reasons": list(reasons)}
        case Stale(actual_version=version):
            told = {"refused": "stale", "reasons": [f"the value has version {version} now"]}
        case Value():
            return _print_values((done,), format_name)
        case None:
            told = {"refused": "none", "reasons": ["there is no such value"]}
        case _:
            assert isinstance(done, dict), "a verb gives a table"
            told = done
    if format_name == "json":
        print_json(told)
    else:
        for line, tone in _lines(told):
            print_line(line, tone)
    return FOUND if "refused" in told or told.get("wrong") else FINE


def _lines(told: Mapping[str, Json]) -> Iterator[tuple[str, Tone]]:
    """What a verb gave, for people: a refusal by its reasons, names as `kind key`."""
    if "refused" in told:
        reasons = told["reasons"]
        assert isinstance(reasons, list), "a refusal says why"
        code = str(told["refused"])
        start = f"{code} " if code.startswith("GOV") else ""
        for reason in reasons:
            yield f"{start}{reason}", "bad"
        return
    for name, value in told.items():
        tone: Tone = "bad" if name == "wrong" and value else "plain"
        if not isinstance(value, list):
            yield f"{name}: {_text(value)}", tone
            continue
        yield f"{name}: {len(value) or 'none'}", tone
        for one in value:
            words = one if isinstance(one, list) else [one]
            yield "  " + " ".join(map(_text, words)), tone


def _print_found(found: ContextsFound, format_name: str) -> int:
    """What was found; 1 where some of it could not be searched."""
    unread = [name for _, name in found.unread]
    if format_name == "json":
        hits = [
            {"scope": str(hit.scope), **attrs.asdict(hit.value), "score": hit.score}
            for hit in found.hits
        ]
        damaged: list[Json] = [str(scope) for scope in found.damaged]
        told: dict[str, Json] = {"found": hits, "unread": _names(unread), "mark": found.mark}
        print_json({**told, "damaged": damaged})
    elif found.hits:
        _print_table([(str(hit.scope), hit.value) for hit in found.hits])
        if found.mark:
            print_line(f"there is more: --after {found.mark}", "quiet")
    else:
        print_line("nothing was found", "quiet")
    if unread and format_name != "json":
        names = ", ".join(key for _, key in unread)
        print_line(f"not searched, for their content is lost: {names}", "bad")
    if found.damaged and format_name != "json":
        scopes = ", ".join(map(str, found.damaged))
        print_line(f"not searched, for their rows do not hold: {scopes}", "bad")
    return FOUND if unread or found.damaged else FINE


def _print_values(found: Sequence[Value], format_name: str) -> int:
    if format_name == "json":
        print_json([attrs.asdict(one) for one in found])
        return FINE
    if not found:
        print_line("no values; `governance context set KEY VALUE` makes one", "quiet")
        return FINE
    _print_table([("", one) for one in found])
    return FINE


def _print_table(found: Sequence[tuple[str, Value]]) -> None:
    """Values; with the scope of each, where it is not the one that was asked for."""
    named = any(scope for scope, _ in found)
    rows = [
        (one.kind, one.key, str(one.version), _text(one.value), one.actor, str(one.seq))
        for _, one in found
    ]
    columns: tuple[str, ...] = ("kind", "key", "version", "value", "by", "row")
    if named:
        columns = ("scope", *columns)
        print_table(
            columns,
            [(scope, *row) for (scope, _), row in zip(found, rows, strict=True)],
            whole=("kind", "version", "row"),
        )
        return
    print_table(columns, rows, whole=("kind", "version", "row"))


def _text(value: Json) -> str:
    text = value if isinstance(value, str) else dump_json(value).decode()
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]} …"


COMMANDS = {"context": context}
