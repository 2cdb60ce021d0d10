"""
What a call means beyond its own facts: the files, commands and addresses that it names.

Tools of MCP servers, and whatever else a host has, reach files, shells and hosts too, under
names of their own. Their arguments are read by what they are called: the calls that they come
to are decided beside the call itself, so that a rule on ``write`` holds for every tool that
writes. What cannot be told apart is taken for both: a tool that may read or write does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from attrs import define, evolve, field

from governance.calls import ToolCall
from governance.rules.fact_table import NAME_GLOBS, tool_class
from governance.rules.globs import PatternError, expand_braces
from governance.rules.meant_words import (
    ADDRESSES,
    COMMANDS,
    CONTENTS,
    COPIES,
    DATABASES,
    FOLDERS,
    LANGUAGES,
    LISTS,
    MOVES,
    PATHS,
    PATTERNS,
    PLACES,
    PROSE,
    READS,
    REMOVES,
    SEARCHES,
    SOURCES,
    STATING,
    TARGETS,
    TERMINALS,
    TOLD,
    TYPED,
    VERBS,
    WRITES,
)
from governance.rules.notable import NOTABLE
from governance.values import Json

DEPTH_MAX = 16
NAMES_MAX = 500
NAMES_CHARACTERS_MAX = 1_000_000
"""Names that the globs of one search may stand for, and the characters of these."""

COMMANDS_MAX = 100
"""Command lines of one call that are read."""

TEXTS_MAX = 1_000
"""Texts of one call that are looked at; of a call with more it is not known what it names."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLAIN = re.compile(r"[^\s@:]{1,1024}")
_TYPED_NAME = re.compile(r"\.[A-Za-z]\w{0,7}\Z")
_ONE_OF = re.compile(r"\[!?\^?(.)[^\]]*\]")
_ADDRESS = re.compile(r"\s*(?:https?|wss?|ftps?|file):", re.IGNORECASE)
_PATCHED = re.compile(
    r"^(?:\*\*\* (?:(?:Add|Update|Delete) File|Move to): |(?:\+\+\+|---) (?:[ab]/)?)([^\t\r\n]+)",
    re.MULTILINE,
)


@define(eq=False)
class _Named:
    """What the arguments of one call name, in the order in which they stand; *moving*: whither."""

    moving: bool = False
    texts: int = 0
    sources: list[Json] = field(factory=list)
    targets: list[Json] = field(factory=list)
    paths: list[Json] = field(factory=list)
    urls: list[Json] = field(factory=list)
    commands: list[str] = field(factory=list)
    contents: list[str] = field(factory=list)
    patterns: list[str] = field(factory=list)
    folder: str = ""


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
    named = _Named(moving=not verbs.isdisjoint(MOVES | COPIES))
    _walk(call.args, (), named, 0)
    if named.texts > TEXTS_MAX or len(named.commands) > COMMANDS_MAX:
        # Rules on files and commands meet a path and a command that nobody can tell.
        unknown: list[Json] = [""] * (TEXTS_MAX + 1)
        return tuple(_made(call, tool, {"path": unknown}) for tool in ("read", "write"))
    named.commands += _programs(call, words_of(call.tool.replace(":", " ")) | verbs)
    place = evolve(call, cwd=named.folder or call.cwd)
    return tuple(_made(place, tool, own) for tool, own in _meant(named, verbs))


def says_what_it_does(call: ToolCall) -> bool:
    """Whether the name of the tool, or an argument, tells reading from writing."""
    return not _verbs_of(call).isdisjoint(TOLD)


def _verbs_of(call: ToolCall) -> set[str]:
    name = call.tool.split(":", 2)[-1] if tool_class(call.tool) == "mcp" else call.native
    verbs = words_of(name) | _verbs(call.args, 0)
    # What is added to a commit is read.
    return (verbs - {"add"}) | {"read"} if {"git", "add"} <= verbs else verbs


def files_searched(call: ToolCall) -> tuple[ToolCall, ...]:
    """
    The search of files by name to which a search of a folder comes, by its argument for that.

    A name stands for each glob, as it would be without its signs and with a letter for them.
    Globs that give more than `NAMES_MAX` names, or longer ones than `NAMES_CHARACTERS_MAX` in all,
    are taken for the names that rules look for.

    >>> [one.own["path"] for one in files_searched(ToolCall("grep", args={"glob": "*.{pem,key}"}))]
    [['.pem', 'x.pem', '.key', 'x.key']]
    """
    folder = call.own.get("path")
    start = f"{folder}/" if isinstance(folder, str) and folder else ""
    names: dict[str, None] = {}
    for name in chain.from_iterable(_instances(one) for one in _globs(call)):
        names[name] = None
        if len(names) > NAMES_MAX:
            break
    if not names:
        return ()
    if len(names) > NAMES_MAX or sum(len(start) + len(one) for one in names) > NAMES_CHARACTERS_MAX:
        names = dict.fromkeys(NOTABLE)
    own: Mapping[str, Json] = {**call.own, "path": [start + one for one in names]}
    return (evolve(call, own=own, fields={}),)


def _globs(call: ToolCall) -> Iterator[str]:
    for key in NAME_GLOBS:
        given = call.args.get(key)
        several = given if isinstance(given, (list, tuple)) else [given]
        yield from (one for one in several if isinstance(one, str))


def _instances(glob: str) -> Iterator[str]:
    try:
        alternatives = expand_braces(glob)
    except PatternError:
        alternatives = (glob,)
    for one in alternatives:
        for part in re.split(r"[\s,]+", one):
            if part and not part.startswith("!"):
                closed, end, rest = part.replace("**/", "").rpartition("]")
                plain = _ONE_OF.sub(r"\1", closed + end) + rest
                for sign in ("", "x"):
                    name = plain.replace("**", sign).replace("*", sign).replace("?", "x")
                    yield from [name] if name.strip("/") else ()


def words_of(name: str) -> set[str]:
    """The words of *name*, lower case, however they are joined: ``createOrUpdate``, ``mv-file``."""
    return {one.lower() for one in _WORD.findall(name)}


def _made(call: ToolCall, tool: str, own: Mapping[str, Json]) -> ToolCall:
    return evolve(call, tool=tool, own=own, fields={})


def _meant(named: _Named, verbs: set[str]) -> Iterator[tuple[str, Mapping[str, Json]]]:
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
    named: _Named,
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


def _walk(value: Json, key: tuple[str, ...], named: _Named, depth: int) -> None:
    if named.texts > TEXTS_MAX or depth > DEPTH_MAX:
        named.texts = TEXTS_MAX + 1
        return
    if isinstance(value, str):
        named.texts += 1
        _sort(value, key, named)
    elif isinstance(value, Mapping):
        _pair(value, named)
        for name, one in value.items():
            if isinstance(one, (str, Mapping)) and "." in name and _is_named(name):
                named.paths.append(name)  # a table of files by their names
            _walk(one, tuple(_WORD.findall(name)), named, depth + 1)
    elif isinstance(value, (list, tuple)):
        for one in value:
            _walk(one, key, named, depth + 1)


def _pair(table: Mapping[str, Json], named: _Named) -> None:
    """What two arguments of one table say together: a folder and a name, a program and words."""
    by_name = {"".join(_WORD.findall(name)).lower(): one for name, one in table.items()}
    name = by_name.get("name") or by_name.get("filename") or by_name.get("basename")
    folder = by_name.get("dir") or by_name.get("directory") or by_name.get("folder")
    folder = folder or by_name.get("path")
    if isinstance(name, str) and isinstance(folder, str) and _PLAIN.fullmatch(name):
        named.paths.append(f"{folder}/{name}")
    for key in ("cwd", *FOLDERS):
        one = by_name.get(key)
        if isinstance(one, str) and not named.folder:
            named.folder = one
    for key in COMMANDS:
        program = by_name.get(key)
        words = by_name.get("args") or by_name.get("arguments") or by_name.get("argv")
        if isinstance(program, (list, tuple)) and words is None:
            program, words = "", program
        if isinstance(program, str) and isinstance(words, (list, tuple)):
            import shlex

            quoted = shlex.join(str(one) for one in words)
            named.commands.append(f"{program} {quoted}".strip())


def _sort(text: str, key: tuple[str, ...], named: _Named) -> None:
    if not text:
        return
    words = [one.lower() for one in key]
    joined, last = "".join(words), words[-1] if words else ""
    if joined in COMMANDS:
        named.commands.append(text)
        return
    if joined in ("patch", "diff", "patchtext", "input"):
        named.paths.extend(one.strip() for one in _PATCHED.findall(text) if one != "/dev/null")
        named.contents.append(text)
        return
    if joined in PATTERNS:
        named.patterns.append(text)
    if joined in CONTENTS or last in CONTENTS:
        named.contents.append(text)
        return
    if joined in FOLDERS or joined in PROSE:
        return
    if last in ADDRESSES or _ADDRESS.match(text):
        if _ADDRESS.match(text):
            named.urls.append(text)
            named.paths.extend(_file_of(text))
        return
    if not PLACES.intersection(words):
        told = _is_path(text)
    else:
        # Elsewhere than where something is moved, a word alone is a language or a branch.
        told = _PLAIN.fullmatch(text) is not None if named.moving else _is_named(text)
    if last in PATHS or told:
        of = set(words)
        into = named.sources if of & SOURCES else named.targets if of & TARGETS else named.paths
        into.append(text)


def _is_named(text: str) -> bool:
    """Whether *text* can be the name of a file: it has a folder, or an ending."""
    plain = _PLAIN.fullmatch(text) is not None
    return plain and ("/" in text or _TYPED_NAME.search(text) is not None)


def _is_path(text: str) -> bool:
    """Whether *text* can be nothing but a path, whatever its argument is called."""
    if not _PLAIN.fullmatch(text):
        return False
    if text.startswith(("/", "~/", "./", "../")):
        return True
    return any(one[:1] == "." and one[1:2].isalpha() for one in text.split("/"))


def _file_of(address: str) -> Iterator[str]:
    """The path of a ``file:`` address."""
    scheme, _, rest = address.strip().partition(":")
    if scheme.lower() != "file":
        return
    from urllib.parse import unquote

    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    yield unquote(rest.partition("?")[0].partition("#")[0], errors="replace")


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


def _programs(call: ToolCall, words: set[str]) -> Iterator[str]:
    """Command lines that stand for code, for what is typed, and for statements of a database."""
    for name, one in call.args.items():
        if not isinstance(one, str) or not one.strip():
            continue
        key = name.lower()
        if key in ("sql", "statement") or (key == "query" and words & DATABASES):
            yield f"psql -c {_quoted(one)}"
        elif key in ("code", "script", "source"):
            runs = next((LANGUAGES[word] for word in sorted(words) if word in LANGUAGES), "")
            if runs:
                yield f"{runs} {_quoted(one)}"
        elif key in TYPED and words & TERMINALS:
            yield one


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
