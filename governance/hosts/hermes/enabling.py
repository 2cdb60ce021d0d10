"""
The list ``plugins.enabled`` of Hermes' ``config.yaml``, changed line by line.

Every other byte of the file stays, comments and order among them; so this reads no YAML but
the few shapes that such a list has, and refuses all others by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from governance._attrs import frozen

SECTION = "plugins"
LIST = "enabled"
OFF = "disabled"

_TOP = re.compile(r"""^(?!- )(?:[^\s#&*!|>%@`{}\[\],'"][^#]*?|"[^"]*"|'[^']*') *:(?: |$)""")
_ITEM = re.compile(r"""^( *)- +(?P<q>["']?)([^"'#]+?)(?P=q) *(?:#.*)?$""")
_EMPTY = ("", "{}", "~", "null")


class Unreadable(ValueError):
    """The file has a shape that is not changed here; the text says which."""


@frozen
class _Found:
    """
    Where the list is, by numbers of lines.

    Attributes:
        section: The line ``plugins:``, or -1.

        at: The line ``enabled:`` below it, or -1.

        indent: How far the members of the section are indented.

        items: The lines of the list's items.
    """

    section: int = -1
    at: int = -1
    indent: int = 2
    items: tuple[int, ...] = ()


def is_enabled(text: str, name: str) -> bool:
    """
    Whether *name* stands in the list.

    Raises:
        Unreadable: Nobody can say.
    """
    lines = text.splitlines(keepends=True)
    found = _find(lines, LIST)
    return name in _names(lines, found)


def enabled(text: str, name: str) -> str:
    """
    *text* with *name* in the list.

    Raises:
        Unreadable: The list has another shape, or ``plugins.disabled`` holds *name*, which wins.
    """
    lines = text.splitlines(keepends=True)
    if name in _names(lines, _find(lines, OFF)):
        raise Unreadable(f"`{SECTION}.{OFF}` holds `{name}`, and that wins")
    found = _find(lines, LIST)
    if name in _names(lines, found):
        return text
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    made = _added(lines, found, name, end)
    return "".join(made)


def has_section(text: str) -> bool:
    """Whether the file has a section ``plugins``, whatever is in it."""
    return any(_key(line, 0) == SECTION for line in text.splitlines())


def disabled(text: str, name: str, *, made: bool = False) -> str:
    """
    *text* without *name* in the list; as it is where nobody can say where that stands.

    Args:
        made: The section was not there before us; it goes if nothing else is in it.
    """
    lines = text.splitlines(keepends=True)
    try:
        found = _find(lines, LIST)
    except Unreadable:
        return text
    flow = _flow(lines[found.at]) if found.at >= 0 else None
    if flow is not None:
        head, names, tail = flow
        kept = ", ".join(one for one in names if _plain(one) != name)
        lines[found.at] = f"{head}[{kept}]{tail}"
        return "".join(lines)
    gone = [at for at in found.items if _name(lines[at]) == name]
    ours = [found.section, found.at, *gone]
    if made and gone and sorted(ours[1:]) == _below(lines, found.section, 0):
        return "".join(line for at, line in enumerate(lines) if at not in ours)
    if gone and len(gone) == len(found.items):
        lines[found.at] = re.sub(r":( *)", ": []\\1", lines[found.at], count=1)
    return "".join(line for at, line in enumerate(lines) if at not in gone)


def _added(lines: list[str], found: _Found, name: str, end: str) -> list[str]:
    if found.section < 0:
        return [*lines, f"{SECTION}:{end}", f"  {LIST}:{end}", f"    - {name}{end}"]
    space = " " * found.indent
    if found.at < 0:
        head = _without_value(lines[found.section])
        new = [f"{space}{LIST}:{end}", f"{space}  - {name}{end}"]
        return [*lines[: found.section], head, *new, *lines[found.section + 1 :]]
    flow = _flow(lines[found.at])
    if flow is not None:
        head, names, tail = flow
        listed = ", ".join([*names, name])
        return [*lines[: found.at], f"{head}[{listed}]{tail}", *lines[found.at + 1 :]]
    if found.items:
        first = lines[found.items[0]]
        space = " " * (len(first) - len(first.lstrip(" ")))
    else:
        space += "  "
    head = _without_value(lines[found.at])
    return [*lines[: found.at], head, f"{space}- {name}{end}", *lines[found.at + 1 :]]


def _find(lines: Sequence[str], member: str) -> _Found:
    """Where the *member* of the section is; raises `Unreadable` where that is in doubt."""
    _check(lines)
    sections = [at for at, line in enumerate(lines) if _key(line, 0) == SECTION]
    if len(sections) > 1:
        raise Unreadable(f"`{SECTION}` stands there twice")
    if not sections:
        return _Found()
    section = sections[0]
    if _value(lines[section]) not in _EMPTY:
        raise Unreadable(f"`{SECTION}` in line {section + 1} is no table of lines")
    inside = _below(lines, section, 0)
    indent = min((_indent(lines[at]) for at in inside), default=2)
    if any(_indent(lines[at]) == 0 for at in inside):
        raise Unreadable(f"`{SECTION}` in line {section + 1} is a list")
    found = [
        at for at in inside if _indent(lines[at]) == indent and _key(lines[at], indent) == member
    ]
    if len(found) > 1:
        raise Unreadable(f"`{SECTION}.{member}` stands there twice")
    if not found:
        return _Found(section, indent=indent)
    at = found[0]
    if _flow(lines[at]) is not None:
        return _Found(section, at, indent)
    if _value(lines[at]) not in ("", "~", "null"):
        raise Unreadable(f"`{SECTION}.{member}` in line {at + 1} is no list that is known here")
    items = tuple(one for one in inside if one > at and _is_item_of(lines, at, one, indent))
    if any(_name(lines[one]) is None for one in items):
        raise Unreadable(f"`{SECTION}.{member}` in line {at + 1} holds more than names")
    return _Found(section, at, indent, items)


def _is_item_of(lines: Sequence[str], at: int, one: int, indent: int) -> bool:
    """Whether line *one* is in the list that begins at *at*: no other key stands between."""
    between = range(at + 1, one + 1)
    return all(
        _blank(lines[n]) or _indent(lines[n]) > indent or lines[n].lstrip(" ").startswith("- ")
        for n in between
    ) and not _blank(lines[one])


def _check(lines: Sequence[str]) -> None:
    """Refuse what is no plain mapping of keys at its top."""
    for at, line in enumerate(lines):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise Unreadable(f"line {at + 1} is indented by tabs")
        bare = line.rstrip("\r\n")
        if _blank(line) or line.startswith((" ", "- ")) or (at == 0 and bare == "---"):
            continue
        if not _TOP.match(bare):
            raise Unreadable(f"line {at + 1} is no key of a table")


def _below(lines: Sequence[str], section: int, indent: int) -> list[int]:
    inside = []
    for at in range(section + 1, len(lines)):
        if _blank(lines[at]):
            continue
        if _indent(lines[at]) <= indent and not lines[at].startswith("- "):
            break
        inside.append(at)
    return inside


def _names(lines: Sequence[str], found: _Found) -> list[str]:
    flow = _flow(lines[found.at]) if found.at >= 0 else None
    if flow is not None:
        return [_plain(one) for one in flow[1]]
    return [name for at in found.items if (name := _name(lines[at])) is not None]


def _name(line: str) -> str | None:
    match = _ITEM.match(line.rstrip("\r\n"))
    return match[3].strip() if match and ": " not in match[3] else None


def _flow(line: str) -> tuple[str, list[str], str] | None:
    """What stands before, in and behind ``[…]`` in one line; ``None`` where there is none."""
    match = re.match(r"^( *[^:#]+: *)\[([^\[\]{}#]*)\]( *(?:#.*)?[\r\n]*)$", line)
    if match is None:
        return None
    names = [one.strip() for one in match[2].split(",") if one.strip()]
    return match[1], names, match[3]


def _plain(name: str) -> str:
    return name.strip("\"'")


def _key(line: str, indent: int) -> str:
    match = re.match(r"^( *)([^\s:#][^:#]*?) *:(?:\s|$)", line)
    return match[2].strip("\"'") if match and len(match[1]) == indent else ""


def _value(line: str) -> str:
    return re.sub(r"(?:^|\s)#.*", "", line.split(":", 1)[1]).strip()


def _without_value(line: str) -> str:
    """*line* with nothing behind its key but a comment: an empty table or list is opened."""
    return re.sub(r"^([^:#]+:) *(?:\{\}|~|null)", r"\1", line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _blank(line: str) -> bool:
    return not line.strip() or line.lstrip(" ").startswith("#")
