"""The lines of a JSON document: where each value stands."""

from __future__ import annotations

import re
from bisect import bisect_right

from governance.importing.values import Source, text_of, unreadable
from governance.values import Json, ValueRefused, load_json

JSON_BYTES_MAX = 2_000_000

Path = tuple[str | int, ...]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_LINE = re.compile(r"line (\d+)")


def read_json(source: Source) -> tuple[Json, dict[Path, int]]:
    """
    The value of *source*, and the line of every value in it, by path.

    Raises:
        DefinitionError: GOV670, it is no strict JSON; with the line where that is known.
    """
    text = text_of(source, JSON_BYTES_MAX)
    try:
        value = load_json(text)
    except ValueRefused as error:
        line = _LINE.search(error.message)
        number = int(line.group(1)) if line else 0
        raise unreadable(source.file, number, error.message, "mend the file") from None
    return value, _lines(text)


def _lines(text: str) -> dict[Path, int]:
    breaks = [found.start() for found in re.finditer("\n", text)]
    known: dict[Path, int] = {}
    stack: list[list[str | int]] = []
    here: list[str | int] = []
    key: str | None = None
    for token in _TOKEN.finditer(text):
        sign = token.group()
        line = bisect_right(breaks, token.start()) + 1
        match sign:
            case "{" | "[":
                known.setdefault(tuple(here), line)
                stack.append(here)
                here = [*here, "" if sign == "{" else 0]
                key = None
            case "}" | "]":
                here = stack.pop()
                key = None
            case ",":
                last = here[-1]
                here = [*here[:-1], last + 1 if isinstance(last, int) else ""]
                key = None
            case ":":
                key = None
            case _:
                if here and here[-1] == "" and key is None and sign.startswith('"'):
                    key = str(load_json(sign))
                    here = [*here[:-1], key]
                    known.setdefault(tuple(here), line)
                else:
                    known.setdefault(tuple(here), line)
    return known
