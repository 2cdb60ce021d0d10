"""
Statements of a text of SQL, each alone, without comments.

Clients of databases are given several statements at once, and a word in a comment or a string
is no statement. Here a text is cut where a statement ends; dialects are not told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from governance.shell.values import Word

CHARACTERS_MAX: Final = 100_000
"""Characters of one text that are looked at; what follows them stands as it is."""

STATEMENTS_MAX: Final = 1_000
"""Statements that one text is cut into; what follows them stands as one."""

_PLAIN: Final = re.compile(r"[^\s;'\"`/*$\-]+")
_END: Final = re.compile(r";|\$\w*\$|(?<![^\n])[ \t]*(?:go|/)[ \t]*(?:\n|\Z)", re.I)
# What stands in a comment with a sign of exclamation is run by MySQL.
_GAP: Final = re.compile(r"--[^\n]*|/\*!\d*|\*/|\s+")
_WHOLE: Final = {
    "'": re.compile(r"'(?:[^'\\]|''|\\.)*'", re.S),
    "''": re.compile(r"'[^']*'"),  # where a backslash is a sign as any other
    '"': re.compile(r'"[^"]*"'),
    "`": re.compile(r"`[^`]*`"),
    "/*": re.compile(r"/\*.*?\*/", re.S),
}
_META: Final = re.compile(r"\s*(?:[\\.][a-zA-Z!?][^\n]*|(?:use|source)\s[^\n;]+(?=\n))", re.I)
_BEFORE: Final = re.compile(
    r"(?:(?:begin|then|else|loop|execute|immediate|explain\s+analy[sz]e(?:\s+verbose)?)\s+"
    r"(?!(?:transaction|work|tran|isolation|read|deferred|exclusive)\b)|\()+",
    re.I,
)


def statements(text: str) -> list[Word]:
    """
    The statements of *text* in order: comments left out, white space outside strings one space.

    A command of the client itself (`\\dt`, `.tables`, `use app`) ends with its line. What is
    not SQL comes back as it is, but for its spaces.

    >>> statements("select 'drop table x'; DELETE/**/FROM t -- all; of it")
    ["select 'drop table x'", 'DELETE FROM t']
    """
    found = [made for made in map(_plain, _cut(text)) if made]
    if len(found) > STATEMENTS_MAX:
        found[STATEMENTS_MAX:] = ["; ".join(found[STATEMENTS_MAX:])]
    return [Word(one) for one in found]


def _plain(text: str) -> str:
    """A statement without what only leads in to it."""
    text = text.strip()
    before = _BEFORE.match(text)
    return text if before is None else text[before.end() :].strip() or text


def _cut(text: str) -> Iterator[str]:
    kept: list[str] = []
    endless: set[str] = set()
    at = 0
    while at < min(len(text), CHARACTERS_MAX):
        meta = _META.match(text, at) if not kept else None
        if meta is not None:
            yield meta[0]
            at = meta.end()
            continue
        part, at = _next(text, at, endless)
        if not part:
            yield "".join(kept)
            kept = []
        elif part != " " or (kept and kept[-1] != " "):
            kept.append(part)
    yield "".join(kept) + text[at:]


def _next(text: str, at: int, endless: set[str]) -> tuple[str, int]:
    """
    What stands at a place, and where it ends: ``" "`` for a gap, ``""`` for an end.

    Args:
        endless: Signs that open what nothing closes; such a sign is one as any other.
    """
    found = _END.match(text, at)
    if found is not None:
        return "", found.end()
    found = _PLAIN.match(text, at)
    if found is not None:
        return found[0], found.end()
    sign = "/*" if text.startswith("/*", at) and text[at + 2 : at + 3] != "!" else text[at]
    for one in ("'", "''") if sign == "'" else (sign,):
        whole = None if one in endless else _WHOLE.get(one)
        found = None if whole is None else whole.match(text, at)
        if found is not None:
            return " " if sign == "/*" else found[0], found.end()
        endless.add(one)
    found = _GAP.match(text, at)
    return (text[at], at + 1) if found is None else (" ", found.end())
