"""
Prefix rules of Codex: `prefix_rule(pattern = […], decision = "…", match = […])`.

The files are Starlark, which is Python in its literals. They are read as a syntax tree of
calls with literal arguments; nothing in them is run, and what is no literal is refused.
Source: the README of `codex-rs/execpolicy`.
"""

from __future__ import annotations

import ast
import shlex
import warnings
from collections.abc import Mapping

from governance.importing import commands
from governance.importing.commands import Words
from governance.importing.values import (
    SAID,
    Entry,
    Reading,
    Rule,
    Source,
    Table,
    message_of,
    text_of,
    unreadable,
)

BYTES_MAX = 1_000_000
BRACKETS_MAX = 50
WORDS_MAX = 64

_ACTIONS: Mapping[str, str] = {"allow": "allow", "prompt": "ask", "forbidden": "deny"}
_KEYS = ("pattern", "decision", "justification", "match", "not_match")


class _NoLiteral(ValueError):
    """A value that is not written out, and where it stands."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def read(source: Source, reading: Reading) -> None:
    """
    Read one file of prefix rules.

    Raises:
        DefinitionError: GOV670, it is no Starlark that consists of calls.
    """
    for node in _tree(source).body:
        entry = Entry(source.file, node.lineno, _shown(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a text alone is a comment
        if not (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
        ):
            message = "there is more in it than calls, and none of it is run"
            raise unreadable(source.file, node.lineno, message, "keep the calls alone")
        reading.count(entry)
        call = node.value
        name = node.value.func.id
        try:
            given = _arguments(call)
        except _NoLiteral as error:
            reading.leave(Entry(source.file, error.line, entry.text), str(error))
            continue
        if name == "prefix_rule":
            _prefix_rule(reading, entry, given)
        elif name == "network_rule":
            _network_rule(reading, entry, given)
        elif name == "host_executable":
            reading.leave(entry, "a program is known here by its name in whatever folder it lies")
        else:
            reading.leave(entry, f"no rule is called `{name}`")


def _tree(source: Source) -> ast.Module:
    text = text_of(source, BYTES_MAX)
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > BRACKETS_MAX:
        raise unreadable(source.file, 0, f"brackets stand more than {BRACKETS_MAX} deep")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        message = f"no Starlark: {error.msg}"
        raise unreadable(source.file, error.lineno or 0, message, "mend the file") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise unreadable(source.file, 0, f"no Starlark: {type(error).__name__}") from None


def _shown(node: ast.stmt) -> str:
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):
        return type(node).__name__


def _arguments(call: ast.Call) -> dict[str, object]:
    if call.args:
        raise _NoLiteral(call.lineno, "arguments are given by name")
    made: dict[str, object] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise _NoLiteral(call.lineno, "`**` is not run")
        made[keyword.arg] = _literal(keyword.value)
    return made


def _literal(node: ast.expr) -> object:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bool, int)):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_literal(one) for one in node.elts]
    raise _NoLiteral(node.lineno, "a value is not written out, and nothing of the file is run")


def _prefix_rule(reading: Reading, entry: Entry, given: Mapping[str, object]) -> None:
    pattern = _pattern(given.get("pattern"))
    decision = given.get("decision", "allow")
    unknown = [key for key in given if key not in _KEYS]
    if unknown:
        reading.leave(entry, f"`{unknown[0]}` is no argument of `prefix_rule` that is known here")
        return
    if pattern is None:
        reading.leave(entry, "`pattern` is no array of words, each a text or an array of texts")
        return
    if not isinstance(decision, str) or decision not in _ACTIONS:
        reading.leave(entry, f"`{decision}` is no decision; `allow`, `prompt`, `forbidden` are")
        return
    action = _ACTIONS[decision]
    words = Words(pattern)
    name = f"{action} {words.spelled}"
    if action == "allow":
        _allow(reading, entry, words, name)
        return
    said = given.get("justification")
    text = said if isinstance(said, str) and said.strip() else ""
    matchers, reach = commands.begins_with(words)
    table: Table = {
        "tools": ["shell"],
        "when": matchers,
        "action": action,
        "message": message_of(
            text or f"`{words.spelled}` {SAID[action]}: {entry.file}, line {entry.line}."
        ),
    }
    good = _examples(given.get("match"))
    bad = _examples(given.get("not_match"))
    own = (commands.shell(words.spelled),)
    near = commands.shell_misses(words.near)
    matches = (good, own) if good else (own,)
    misses = ((*bad, *near[0]), bad, *near) if bad else near
    reading.rules.append(Rule(entry=entry, name=name, table=table, matches=matches, misses=misses))
    reading.tell(entry, reach)


def _allow(reading: Reading, entry: Entry, words: Words, name: str) -> None:
    if not reading.carries_allow:
        reading.tell(
            entry,
            "what no rule refuses is let be, so it needs no rule",
            "`--allow` carries it, for a project whose `[defaults] tool` is stricter",
        )
        return
    table: Table = {"tools": ["shell"], "when": commands.alone(words, ""), "action": "allow"}
    reading.rules.append(Rule(entry=entry, name=name, table=table))
    reading.tell(entry, commands.ALONE)


def _pattern(value: object) -> tuple[tuple[str, ...], ...] | None:
    if not isinstance(value, list) or not value or len(value) > WORDS_MAX:
        return None
    made: list[tuple[str, ...]] = []
    for one in value:
        spellings = one if isinstance(one, list) else [one]
        texts = tuple(each for each in spellings if isinstance(each, str) and each)
        if not texts or len(texts) != len(spellings):
            return None
        made.append(texts)
    return tuple(made)


def _examples(value: object) -> tuple[Table, ...]:
    listed = value if isinstance(value, list) else []
    made: list[Table] = []
    for one in listed:
        if isinstance(one, str) and one.strip():
            made.append(commands.shell(one))
        elif isinstance(one, list) and one and all(isinstance(word, str) for word in one):
            made.append(commands.shell(shlex.join(one)))
    return tuple(made)


def _network_rule(reading: Reading, entry: Entry, given: Mapping[str, object]) -> None:
    host, decision = given.get("host"), given.get("decision")
    names = {"deny": "deny", "forbidden": "deny", "prompt": "ask"}
    action = names.get(decision) if isinstance(decision, str) else None
    if not isinstance(host, str) or not host:
        reading.leave(entry, "`host` is no text")
        return
    if action is None:
        reading.leave(entry, "a host that is let be needs no rule here")
        return
    said = given.get("justification")
    text = said if isinstance(said, str) and said.strip() else f"`{host}` {SAID[action]}."
    table: Table = {
        "tools": ["fetch"],
        "when": {"domains": {"domain_in": [host]}},
        "action": action,
        "message": message_of(text),
    }
    sample = host.replace("*", "a")
    reading.rules.append(
        Rule(
            entry=entry,
            name=f"{action} {host}",
            table=table,
            matches=(({"tool": "fetch", "url": f"https://{sample}/"},),),
            misses=(({"tool": "fetch", "url": "https://nobody.invalid/"},),),
        )
    )
    reading.tell(entry, "the source watches a proxy; what a shell command fetches passes it here")
