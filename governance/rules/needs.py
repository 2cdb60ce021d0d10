"""
What must be found in a fact before a matcher can hold: the keys of the index of rules.

A matcher says what it needs (`Need`), and `governance.rules.index` tries its rule only where
one of the keys is found. A need may be found where the matcher does not hold, for it only
chooses what is tried; the other way round a rule would silently never fire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from governance._attrs import frozen
from governance.rules.globs import PatternError, literal_pieces

Kind: TypeAlias = Literal["exact", "prefix", "suffix", "text", "pattern"]
"""The whole value, its beginning, its end, a text in it, an RE2 pattern in it."""

Key: TypeAlias = tuple[Kind, object]

Wanted: TypeAlias = tuple[Literal[Kind, "glob", "under", "domain"], Sequence[object]]
"""What one operator asks, any of the values: as the operator compares them, normalised."""


@frozen
class Look:
    """
    How the value of a fact is read before keys are looked up in it.

    Attributes:
        element: The type of the value, or of each element of a list, as in `FactSpec`.

        form: ``plain``; ``path``: as spelled and with links followed; ``hosts``: every host
            that the address may lead to.

        fold: How the file system folds a path; ``None``: not at all.
    """

    element: str = "str"
    is_list: bool = False
    form: Literal["plain", "path", "hosts"] = "plain"
    fold: Callable[[str], str] | None = None


@frozen
class Need:
    """At least one of *keys* is found in *fact*, read as *look* says, wherever a matcher holds."""

    fact: str
    look: Look
    keys: tuple[Key, ...]


def keys_of(wanted: Wanted) -> Iterable[tuple[Key, ...]]:
    """
    The needs of one operator, as keys: several where each of them is needed by itself.

    >>> list(keys_of(("glob", ["/project/**/.env"])))
    [(('suffix', '/.env'),), (('prefix', '/project/'),)]
    """
    kind, values = wanted
    if kind == "glob":
        pieces = [_pieces(str(one)) for one in values]
        for choose in (_tail, _head):
            found = [choose(one) for one in pieces]
            keys = tuple(one for one in found if one is not None)
            if len(keys) == len(found):
                yield keys
    elif kind == "under":
        yield tuple(key for one in values for key in _under(str(one)))
    elif kind == "domain":
        yield tuple(_domain(str(one)) for one in values)
    else:
        yield tuple((kind, one) for one in values)


def _pieces(glob: str) -> list[str | None]:
    try:
        return literal_pieces(glob)
    except PatternError:
        return [None]


def _tail(pieces: list[str | None]) -> Key | None:
    """The end of a glob; where it has none, the longest text between its stars."""
    if not pieces:
        return ("exact", "")
    if len(pieces) == 1:
        return None if pieces[0] is None else ("exact", pieces[0])
    if pieces[-1] is not None:
        return ("suffix", pieces[-1])
    inner = max((one for one in pieces[1:-1] if one is not None), key=len, default="")
    return ("text", inner) if inner.strip("/") else _head(pieces)


def _head(pieces: list[str | None]) -> Key | None:
    if len(pieces) == 1:
        return _tail(pieces)
    # Every path begins with a slash: that alone tells nothing.
    start = pieces[0] or ""
    return ("prefix", start) if start.strip("/") else None


def _under(folder: str) -> tuple[Key, ...]:
    if folder.endswith("/"):
        return (("prefix", folder),)
    return ("exact", folder), ("prefix", folder + "/")


def _domain(pattern: str) -> Key:
    return ("suffix", pattern) if pattern.startswith(".") else ("exact", pattern)
