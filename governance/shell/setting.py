"""
What builtins do to the shell that runs them: folders, variables, aliases, the words given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from governance.shell.flowing import joined
from governance.shell.printing import printed
from governance.shell.state import HOME, State, Value
from governance.shell.values import HOLE, lines_of

_LINES_MAX: Final = 256
"""Lines that are followed into an array."""

_LINES: Final = re.compile(r"[^-].*|-t|-t?u\d*", re.S)
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.A)
_SET: Final = re.compile(r"([A-Za-z_]\w*)(\[[^\]]*\])?(\+?)=(.*)", re.A | re.S)


def apply(
    argv: list[str],
    state: State,
    *,
    given: str | None,
    origins: Iterable[int],
    prefixed: dict[str, str],
) -> None:
    """Do to *state* what the builtin *argv* does; *given* is its input, where that is known."""
    name, words = argv[0], argv[1:]
    if name in _SIMPLE:
        _SIMPLE[name](words, state)
    elif name in ("export", "declare", "typeset", "local", "readonly"):
        _declare(name, words, state, tuple(origins))
    elif name == "read":
        _read(words, state, given, tuple(origins), prefixed)
    elif name in ("mapfile", "readarray"):
        names = [one for one in words if _NAME.fullmatch(one)]
        plain = given is not None and all(_LINES.fullmatch(one) for one in words)
        lines = tuple(lines_of(given or "")) if plain else ()
        followed = plain and len(lines) <= _LINES_MAX
        state.assign(names[-1] if names else "MAPFILE", lines if followed else HOLE, origins)
    elif name == "printf" and words[:1] == ["-v"] and len(words) > 2:
        made = printed(words[2:])
        target = re.fullmatch(r"([A-Za-z_]\w*)\[(.*)\]", words[1], re.A | re.S)
        value = HOLE if made is None else made
        if target is None:
            state.assign(words[1], value, origins)
        elif target[2] == "0" and not isinstance(state.variables.get(target[1], (HOLE,))[0], tuple):
            state.assign(target[1], value, origins)
        else:
            known = {**(state.keyed.get(target[1]) or {}), target[2]: value}
            state.assign(target[1], HOLE, origins)
            state.keyed[target[1]] = known


def _cd(words: list[str], state: State) -> None:
    targets = [one for one in words if one == "-" or not re.fullmatch(r"-[LPe@]*|--", one)]
    target = targets[0] if targets else HOME
    if target == "-":
        state.cwds = (HOLE,)
    else:
        state.cwds = (joined(state.cwd, target),)


def _pushd(words: list[str], state: State) -> None:
    targets = [one for one in words if not one.startswith(("-", "+"))]
    if "-n" in words:
        return
    state.folders += (state.cwd,)
    state.cwds = (joined(state.cwd, targets[0]) if targets else HOLE,)


def _popd(words: list[str], state: State) -> None:
    if words or not state.folders:
        state.cwds = (HOLE,)
        return
    state.cwds = (state.folders[-1],)
    state.folders = state.folders[:-1]


def _end(_: list[str], state: State) -> None:
    state.ended = True


def _alias(words: list[str], state: State) -> None:
    for one in words:
        name, sign, text = one.partition("=")
        if sign and HOLE not in one:
            state.aliases[name] = (text.replace(HOME, "~"),)


def _unalias(words: list[str], state: State) -> None:
    for one in words:
        if one == "-a":
            state.aliases.clear()
        state.aliases.pop(one, None)


def _unset(words: list[str], state: State) -> None:
    if "-f" in words:
        return
    for one in words:
        if _NAME.fullmatch(one):
            state.assign(one, None)
            state.exported.pop(one, None)
        elif (item := _NAME.match(one)) is not None and one.endswith("]"):
            state.assign(item.group(), HOLE)


def _set(words: list[str], state: State) -> None:
    for at, one in enumerate(words):
        if one in ("--", "-") or one[:1] not in ("-", "+"):
            break
        if "a" in one[1:] or (one[1:] == "o" and words[at + 1 : at + 2] == ["allexport"]):
            state.exporting = one[0] == "-"
    if "--" in words:
        state.given = tuple(words[words.index("--") + 1 :])
        return
    at = 0
    while at < len(words) and words[at][:1] in ("-", "+") and len(words[at]) > 1:
        at += 2 if words[at][1:] == "o" else 1
    if at < len(words):
        state.given = tuple(words[at:])


def _shift(words: list[str], state: State) -> None:
    if state.given is None:
        return
    count = words[0] if words else "1"
    if not count.isdigit() or len(count) > 4:
        state.given = None
    elif int(count) <= len(state.given):
        state.given = state.given[int(count) :]


def _unknown(words: list[str], state: State) -> None:
    """`let`, `getopts`: the names are set to what is not known."""
    for one in words:
        found = _NAME.match(one)
        if found is not None:
            state.assign(found.group(), HOLE)


def _declare(name: str, words: list[str], state: State, origins: tuple[int, ...]) -> None:
    flags = "".join(one[1:] for one in words if re.fullmatch(r"-[A-Za-z]+", one))
    for word in words:
        if word[:1] in ("-", "+"):
            continue
        found = _SET.match(word)
        plain = found[1] if found is not None else word
        if _NAME.fullmatch(plain) is None:
            continue
        if (
            name in ("local", "declare", "typeset")
            and state.locals is not None
            and "g" not in flags
        ):
            state.locals.setdefault(plain, state.variables.get(plain, (HOLE,)))
        if found is not None:
            state.references.pop(plain, None)
            if "n" in flags and name != "export" and _NAME.fullmatch(found[4]):
                state.references[plain] = found[4]
                continue
            keys = state.keyed.pop(f"({plain}", None)
            state.assign(plain, _declared(found, state, flags), origins)
            if keys is not None:
                state.keyed[plain] = keys
        elif "n" in flags and name != "export":
            state.assign(plain, HOLE)
        elif "A" in flags:
            state.keyed[plain] = {}
        if name == "export" or "x" in flags:
            if "n" in flags:
                state.exported.pop(plain, None)
            else:
                state.exported[plain] = None


def _declared(found: re.Match[str], state: State, flags: str) -> Value:
    """The value that a declaration gives a name."""
    items = state.variables.pop(f"({found[1]}", None)
    if items is not None:
        return items[0] if "A" not in flags else HOLE
    if found[2] or "n" in flags:
        return HOLE
    value = found[4]
    if found[3]:
        before = state.value(found[1])
        value = (before if isinstance(before, str) else HOLE) + value
    if "i" in flags and not value.isdigit():
        return HOLE
    return value.upper() if "u" in flags else value.lower() if "l" in flags else value


def _read(
    words: list[str],
    state: State,
    given: str | None,
    origins: tuple[int, ...],
    prefixed: dict[str, str],
) -> None:
    """`read`: names get the words of one line, the last the rest; unknown where that is."""
    names: list[str] = []
    array, raw, at, delimiter = "", False, 0, "\n"
    while at < len(words):
        word = words[at]
        at += 1
        if names or word[:1] != "-" or len(word) == 1:
            names.append(word)
            continue
        for place, sign in enumerate(word[1:], 2):
            raw = raw or sign == "r"
            if sign in "adinNptu":
                value = word[place:] or (words[at] if at < len(words) else "")
                at += 0 if word[place:] else 1
                array = value if sign == "a" else array
                delimiter = value[:1] if sign == "d" else delimiter
                given = None if sign in "inNt" else given
                break
    names = [one for one in names if _NAME.fullmatch(one)] or ["REPLY"]
    line = None if given is None else given.partition(delimiter)[0] if delimiter else given
    if line is not None and "\\" in line and not raw:
        line = None
    separators = prefixed.get("IFS")
    ifs = separators if separators is not None else state.value("IFS")
    ifs = " \t\n" if ifs is None else ifs
    if not isinstance(ifs, str) or HOLE in ifs:
        line, ifs = None, " "
    if array:
        state.assign(array, HOLE if line is None else tuple(_parts(line, ifs, 256)), origins)
        return
    parts = [HOLE] * len(names) if line is None else _parts(line, ifs, len(names))
    for number, one in enumerate(names):
        state.assign(one, parts[number] if number < len(parts) else "", origins)


def _parts(line: str, ifs: str, count: int) -> list[str]:
    """*line* split at the characters of *ifs* into *count* parts at most."""
    blank = "".join(one for one in ifs if one in " \t\n")
    line = line.strip(blank) if blank else line
    if not ifs or count == 1:
        return [line]
    return (
        re.split(f"[{re.escape(ifs)}]", line, maxsplit=count - 1)
        if set(ifs) - set(" \t\n")
        else (re.split(f"[{re.escape(ifs)}]+", line, maxsplit=count - 1))
    )


_SIMPLE: Final[dict[str, Callable[[list[str], State], None]]] = {
    "cd": _cd,
    "chdir": _cd,
    "pushd": _pushd,
    "popd": _popd,
    "exit": _end,
    "return": _end,
    "break": _end,
    "continue": _end,
    "alias": _alias,
    "unalias": _unalias,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "let": _unknown,
    "getopts": _unknown,
}

CHANGING: Final = frozenset(_SIMPLE) | {
    "export", "declare", "typeset", "local", "readonly", "read", "mapfile", "readarray", "printf",
}  # fmt: skip
"""Builtins that change the shell that they run in."""

SILENT: Final = frozenset(_SIMPLE) - {"alias", "popd", "pushd"} | {
    "export", "local", "readonly", "read", "mapfile", "readarray", ":", "true", "false", "[",
    "[[", "test", "sleep", "wait", "trap", "umask", "ulimit", "shopt", "mkdir", "touch",
}  # fmt: skip
"""Programs that print nothing, so that what others print is all there is."""

_LISTING: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("export", "readonly", "local", "trap"), ("-p",)),
    "set": ("-o", "+o"),
    "shopt": ("-p", "-s", "-u", "-o"),
    "umask": ("-S", "-p"),
    "ulimit": ("-a", "-n", "-u", "-s", "-c", "-f", "-m", "-v", "-t"),
}
"""Those of them that print what is set, where they are given nothing or one of these alone."""


def silent(words: list[str]) -> bool:
    """Whether *words* call a program that prints nothing."""
    lists = _LISTING.get(words[0])
    if lists is None:
        return words[0] in SILENT
    return len(words) > 2 or words[1:] not in ([], *([one] for one in lists))
