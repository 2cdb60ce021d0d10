"""
What a call means beyond its own facts: the files, commands and addresses that it names.

Tools of MCP servers, and whatever else a host has, reach files, shells and hosts too, under
names of their own. Their arguments are read by what they are called: the calls that they come
to are decided beside the call itself, so that a rule on ``write`` holds for every tool that
writes. What cannot be told apart is taken for both: a tool that may read or write does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from attrs import evolve

from governance.calls import ToolCall, either_home
from governance.rules.fact_table import tool_class
from governance.rules.meant_arguments import DEPTH_MAX, TEXTS_MAX, Named, words_of
from governance.rules.meant_words import (
    COPIES,
    DATABASES,
    FETCHES,
    GIT_COMMANDS,
    LANGUAGES,
    LISTS,
    MOVES,
    PATHS,
    READS,
    REMOVES,
    RUNS,
    SEARCHES,
    STATING,
    TERMINALS,
    TOLD,
    VERBS,
    WRITES,
)
from governance.rules.searched import files_searched
from governance.values import Json

_SHELL = re.compile(
    r"(?:\s|#[^\n]*+\n)*+[\w./~-]++(?:[ \t]++(?!=)(?:[^(\n]|(?<=\$)\()*+)?(?:\n|\Z)"
)
"""Code whose first line reads as one of a shell: a word, and others behind it."""

_TRUE = ("true", "yes", "on")
_FLAGS = frozenset(
    {"args", "arguments", "extra-args", "flag", "flags", "option", "options", "opts"}
)
_FORCING = frozenset({"f", "force", "mirror", "delete", "prune", "hard"})

COMMANDS_MAX = 100
"""Command lines of one call that are read."""


def calls_meant(call: ToolCall) -> tuple[ToolCall, ...]:
    """
    The calls of tools that are known, to which *call* comes; none where it names nothing.

    Each has the native name, the id and the arguments of *call*, and no argument to put a
    changed fact back into.

    >>> [one.tool for one in calls_meant(ToolCall("mcp:fs:write_file", args={"path": "a"}))]
    ['write']
    >>> [one.own for one in calls_meant(ToolCall("mcp:sh:run", args={"command": "ls"}))]
    [{'command': 'ls'}]
    """
    verbs = _verbs_of(call)
    words = words_of(f"{call.tool.replace(':', ' ')} {call.native}") | verbs
    named = Named(
        moving=bool(verbs & (MOVES | COPIES)),
        fetching=bool(words & FETCHES),
        telling=bool(words & PATHS),
    )
    named.read(call.args)
    if named.texts > TEXTS_MAX or len(named.commands) > COMMANDS_MAX:
        # Rules on files and commands meet a path and a command that nobody can tell.
        unknown: list[Json] = [""] * (TEXTS_MAX + 1)
        return tuple(_made(call, tool, {"path": unknown}) for tool in ("read", "write"))
    named.commands += (*_programs(named, words), *_of_git(call))
    place = evolve(call, cwd=named.folder or call.cwd)
    found = [_made(place, tool, own) for tool, own in _meant(named, verbs)]
    searches = [one for one in found if one.tool == "grep"]
    return (*found, *(name for one in searches for name in files_searched(one)))


def says_what_it_does(call: ToolCall) -> bool:
    """Whether the name of the tool, or an argument, tells reading from writing."""
    return not _verbs_of(call).isdisjoint(TOLD)


def _verbs_of(call: ToolCall) -> set[str]:
    name = call.tool.split(":", 2)[-1] if tool_class(call.tool) == "mcp" else call.native
    verbs = words_of(name) | _verbs(call.args, 0)
    # What is added to a commit is read.
    return (verbs - {"add"}) | {"read"} if {"git", "add"} <= verbs else verbs


def _made(call: ToolCall, tool: str, own: Mapping[str, Json]) -> ToolCall:
    if "path" in own:
        own = {**own, "path": either_home(own["path"])}
    return evolve(call, tool=tool, own=own, fields={})


def _meant(named: Named, verbs: set[str]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    content: Mapping[str, Json] = {"content": "\n".join(named.contents)} if named.contents else {}
    moves, copies = bool(verbs & MOVES), bool(verbs & COPIES)
    paths, sources, targets = named.paths, named.sources, named.targets
    if not (sources and targets):
        paths, sources, targets = [*paths, *sources, *targets], [], []
    if sources:
        yield "read", {"path": sources}
        if moves or verbs & REMOVES:
            yield "delete", {"path": sources}
        yield "write", {"path": targets, **content}
    if paths:
        yield from _on_paths(paths, content, named, verbs, told=moves or copies)
    if named.urls:
        yield "fetch", {"url": named.urls}
    for command in named.commands:
        yield "shell", {"command": command}


def _on_paths(
    paths: list[Json],
    content: Mapping[str, Json],
    named: Named,
    verbs: set[str],
    *,
    told: bool,
) -> Iterator[tuple[str, Mapping[str, Json]]]:
    writes = bool(verbs & WRITES) or told
    removes = bool(verbs & (REMOVES | MOVES))
    searches, lists = bool(verbs & SEARCHES), bool(verbs & LISTS)
    reads = bool(verbs & READS) or bool(verbs & COPIES)
    if verbs.isdisjoint(TOLD):
        # A tool that does not say what it does may do either.
        writes = reads = True
    if writes:
        yield "write", {"path": paths, **content}
    if removes:
        yield "delete", {"path": paths}
    if searches and not writes:
        pattern = {"pattern": named.patterns[0]} if named.patterns else {}
        yield "grep", {"path": paths, **pattern}
    # Who gets the state of a file gets nothing of what is in it.
    if reads and not (lists and verbs.isdisjoint(READS - STATING)):
        yield "read", {"path": paths}


def _verbs(value: Json, depth: int) -> set[str]:
    """Single words under arguments that say what is to be done, such as ``{"op": "write"}``."""
    found: set[str] = set()
    if depth > DEPTH_MAX:
        return found
    if isinstance(value, Mapping):
        for name, one in value.items():
            if isinstance(one, str):
                if name.lower() in VERBS and len(one) <= 32 and " " not in one:
                    found |= words_of(one)
            else:
                found |= _verbs(one, depth + 1)
    elif isinstance(value, (list, tuple)):
        for one in value[:TEXTS_MAX]:
            found |= _verbs(one, depth + 1)
    return found


def _programs(named: Named, words: set[str]) -> Iterator[str]:
    """Command lines that stand for code, for what is typed, and for statements of a database."""
    yield from (f"psql -c {shlex.quote(one)}" for one in named.statements)
    if words & DATABASES:
        yield from (f"psql -c {shlex.quote(one)}" for one in named.queries)
    if words & TERMINALS:
        yield from (one for one in named.typed if one.strip())
    for code in named.codes:
        yield from (f"{one} {shlex.quote(code)}" for one in _languages(named, words, code))


def _of_git(call: ToolCall) -> Iterator[str]:
    """The line of git that a tool named after one of its commands stands for."""
    words = [one.lower() for one in re.findall(r"[A-Za-z]+", f"{call.tool} {call.native}")]
    at = next((at for at, one in enumerate(words) if one == "git"), None)
    command = next((one for one in words[at + 1 :] if one != "git"), "") if at is not None else ""
    if command not in GIT_COMMANDS:
        return
    line = ["git", command]
    for name, value in call.args.items():
        key = name.strip("-").replace("_", "-").lower()
        said = value.strip().lower() if isinstance(value, str) else value
        if said is True or said in _TRUE or (said in (1, "1") and key in _FORCING):
            line.append(f"--{key}" if len(key) > 1 else f"-{key}")
        elif key in _FLAGS and isinstance(value, (list, tuple)):
            line += [str(one) for one in value]
        elif key in _FLAGS and isinstance(value, str):
            line += value.split()
        elif key == "mode" and isinstance(value, str):
            line.append(f"--{value}")
        elif key in ("branch", "branch-name", "ref", "refspec", "remote", "target", "revision"):
            line.append(str(value))
    yield shlex.join(line)


def _languages(named: Named, words: set[str], code: str) -> tuple[str, ...]:
    """What runs the code of a call: as it says, or, where it runs some, each that it may be."""
    runs = bool(words & RUNS)
    told = [one for one in sorted(words) if one in LANGUAGES]
    if runs or not words & TOLD:
        told = [one for one in sorted(named.languages) if one in LANGUAGES] or told
    if told:
        return (LANGUAGES[told[0]],)
    maybe = ("python3 -c", "node -e")
    return (*maybe, "bash -c") if runs and _SHELL.match(code) else maybe if runs else ()
