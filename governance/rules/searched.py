"""The names of files that a search of text is about, where an argument says so by globs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from attrs import evolve

from governance.calls import ToolCall
from governance.rules.fact_table import NAME_GLOBS
from governance.rules.globs import PatternError, expand_braces
from governance.rules.notable import NOTABLE, names_hit
from governance.values import Json

NAMES_MAX = 500
NAMES_CHARACTERS_MAX = 1_000_000
"""Names that the globs of one search may stand for, and the characters of these."""

_ONE_OF = re.compile(r"\[!?\^?(.)[^\]]*\]")


def files_searched(call: ToolCall) -> tuple[ToolCall, ...]:
    """
    The search of files by name to which a search of a folder comes, by its argument for that.

    A name stands for each glob, as it would be without its signs and with a letter for them, and
    the names that rules look for and that it would hit.
    Globs that give more than `NAMES_MAX` names, or longer ones than `NAMES_CHARACTERS_MAX` in all,
    are taken for the names that rules look for.

    >>> [one.own["path"] for one in files_searched(ToolCall("grep", args={"glob": "*.{ts,en?}"}))]
    [['.ts', 'x.ts', '.enx', 'x.enx', '.env', 'x.env']]
    """
    given = call.own.get("path")
    folders = given if isinstance(given, (list, tuple)) else (given,)
    starts = [f"{one}/" if isinstance(one, str) and one else "" for one in folders]
    names: dict[str, None] = {}
    for name in chain.from_iterable(_instances(one) for one in _globs(call)):
        names[name] = None
        if len(names) > NAMES_MAX:
            break
    if not names:
        return ()
    characters = sum(len(start) + len(one) for start in starts for one in names)
    if len(names) * len(starts) > NAMES_MAX or characters > NAMES_CHARACTERS_MAX:
        names = dict.fromkeys(NOTABLE)
    own: Mapping[str, Json] = {
        **call.own,
        "path": [start + one for start in starts for one in names],
    }
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
        # One alternative alone, or more than are told apart: each piece, and any of them.
        alternatives = tuple(re.split(r"[{}]", glob))
        if "," in glob:
            yield from NOTABLE
    for one in alternatives:
        for part in re.split(r"[\s,]+", one):
            if part and not part.startswith("!"):
                plain = part.replace("**/", "")
                yield from _plainly(plain)
                folder, slash, name = plain.rpartition("/")
                if "*" in name or "?" in name or "[" in name:
                    for hit in names_hit(name):
                        yield from _plainly(f"{folder}{slash}{hit}")


def _plainly(glob: str) -> Iterator[str]:
    """*glob* as the name that it is without its signs, and with a letter for each."""
    closed, end, rest = glob.rpartition("]")
    plain = _ONE_OF.sub(r"\1", closed + end) + rest
    for sign in ("", "x"):
        name = plain.replace("**", sign).replace("*", sign).replace("?", "x")
        yield from [name] if name.strip("/") else ()
