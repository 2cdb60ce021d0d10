"""
How a table of ``governance.toml`` becomes a typed value: key by key, all problems at once.

Each field of a table class says under ``metadata`` what it takes; the functions here make
that metadata (`text`, `whole`, `choice` …) and read by it. There is no library between,
so that every message can name the key, what was found and what was expected, and so that
a process that answers one hook loads nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar

from attrs import fields_dict

from governance.errors import Problem, did_you_mean

Path: TypeAlias = "tuple[str | int, ...]"
Report: TypeAlias = Callable[[Problem], None]
Read: TypeAlias = Callable[[object, Path, Report], object]
Meta: TypeAlias = dict[str, dict[str, object]]
T = TypeVar("T")

KEY: Final = "key"
TEXT_CHARS_MAX: Final = 1_000
LIST_MAX: Final = 1_000

_UNQUOTED: Final = "write a whole number without quotes; its unit stands in the name of the key"

CODES: Mapping[str, str] = {
    "GOV301": "a key or table that `governance.toml` does not have",
    "GOV302": "a value of another type than the key takes",
    "GOV303": "a value that the key does not take",
    "GOV304": "bounds of a gap that do not rise",
    "GOV305": "an idle time-out above the first bound of a gap",
    "GOV306": "a time zone that is not known",
    "GOV307": "a host that no adapter is shipped for",
    "GOV308": "a listener that could never be called, or not told from another",
    "GOV309": "a key that belongs in another layer's file",
    "GOV310": "a key that must be there",
    "GOV311": "a role that nobody described, or an action that there is none of",
    "GOV312": "a pattern of redaction that cannot be used",
}


class Bad:
    """The type of `BAD`."""

    __slots__ = ()


BAD: Final = Bad()
"""What a reader gives for a value that it reported: the key then keeps its default."""


def _meta(kind: str, doc: str, read: Read, values: tuple[str, ...] | None = None) -> Meta:
    return {KEY: {"type": kind, "doc": doc, "read": read, "values": values}}


def required(meta: Meta) -> Meta:
    """*meta* of a key that must be there."""
    return {KEY: {**meta[KEY], "required": True}}


def text(doc: str, *, empty: bool = True) -> Meta:
    """A key that takes text of at most 1,000 characters, without control characters."""

    def read(value: object, path: Path, report: Report) -> object:
        return read_text(value, path, report, empty=empty)

    return _meta("str", doc, read)


def whole(doc: str, *, low: int, high: int) -> Meta:
    """A key that takes an integer from *low* to *high*."""

    def read(value: object, path: Path, report: Report) -> object:
        if type(value) is not int:
            return wrong_type(value, "an integer", path, report, _UNQUOTED)
        if not low <= value <= high:
            message = f"{name_of(path)} is {value}, expected {low} to {high}"
            return refuse("GOV303", message, path, report)
        return value

    return _meta("int", doc, read)


def flag(doc: str) -> Meta:
    """A key that takes true or false."""

    def read(value: object, path: Path, report: Report) -> object:
        return value if type(value) is bool else wrong_type(value, "true or false", path, report)

    return _meta("bool", doc, read)


def choice(doc: str, values: tuple[str, ...]) -> Meta:
    """A key that takes one of a few words."""

    def read(value: object, path: Path, report: Report) -> object:
        return read_choice(value, values, path, report)

    return _meta("str", doc, read, values)


def texts(doc: str, *, values: tuple[str, ...] | None = None) -> Meta:
    """A key that takes an array of texts, none empty and none twice."""

    def read(value: object, path: Path, report: Report) -> object:
        return read_texts(value, path, report, values=values, unique=True)

    return _meta("list[str]", doc, read, values)


def words(doc: str, *, none: bool = False) -> Meta:
    """
    A key that takes an array of one text or more, repeated or empty ones among them.

    Args:
        none: An empty array is taken as well.
    """

    def read(value: object, path: Path, report: Report) -> object:
        found = read_texts(value, path, report, empty=True)
        if found == ():
            if none:
                return found
            return refuse("GOV303", f"{name_of(path)} is empty", path, report)
        if isinstance(found, tuple) and not found[0]:
            return refuse("GOV303", f"{name_of(path)} names no program", path, report)
        return found

    return _meta("list[str]", doc, read)


def text_map(doc: str) -> Meta:
    """A key that takes a table of texts."""

    def read(value: object, path: Path, report: Report) -> object:
        if not isinstance(value, Mapping):
            return wrong_type(value, "a table", path, report)
        made = {
            key: read_text(one, (*path, key), report, empty=False) for key, one in value.items()
        }
        return BAD if any(one is BAD for one in made.values()) else made

    return _meta("table", doc, read)


def texts_map(doc: str, *, values: tuple[str, ...] | None = None) -> Meta:
    """A key that takes a table of arrays of texts, each as `texts`."""

    def read(value: object, path: Path, report: Report) -> object:
        if not isinstance(value, Mapping):
            return wrong_type(value, "a table", path, report)
        made = {
            key: read_texts(one, (*path, key), report, values=values, unique=True)
            for key, one in value.items()
        }
        return BAD if any(one is BAD for one in made.values()) else made

    return _meta("table", doc, read, values)


def read_text(value: object, path: Path, report: Report, *, empty: bool = True) -> object:
    """*value* if it is text that may stand in a line of a log, else `BAD`."""
    if type(value) is not str:
        return wrong_type(value, "a string", path, report)
    if not value.strip() and not (empty and not value):
        return refuse("GOV303", f"{name_of(path)} is empty", path, report)
    if len(value) > TEXT_CHARS_MAX:
        message = f"{name_of(path)} has {len(value)} characters, expected {TEXT_CHARS_MAX} at most"
        return refuse("GOV303", message, path, report)
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        return refuse("GOV303", f"{name_of(path)} holds a control character", path, report)
    return value


def read_choice(value: object, values: tuple[str, ...], path: Path, report: Report) -> object:
    """*value* if it is one of *values*, else `BAD`."""
    if type(value) is not str:
        return wrong_type(value, "a string", path, report)
    if value not in values:
        message = f"{name_of(path)} is `{value}`, expected {' or '.join(f'`{v}`' for v in values)}"
        report(Problem("GOV303", message, path, did_you_mean(value, values)))
        return BAD
    return value


def read_texts(
    value: object,
    path: Path,
    report: Report,
    *,
    values: tuple[str, ...] | None = None,
    unique: bool = False,
    empty: bool = False,
) -> object:
    """*value* as a tuple if it is an array of texts, else `BAD` with every wrong element."""
    if not isinstance(value, list):
        return wrong_type(value, "an array of strings", path, report)
    if len(value) > LIST_MAX:
        message = f"{name_of(path)} has {len(value)} elements, expected {LIST_MAX} at most"
        return refuse("GOV303", message, path, report)
    made = []
    for index, one in enumerate(value):
        place = (*path, index)
        if values is not None:
            found = read_choice(one, values, place, report)
        else:
            found = read_text(one, place, report, empty=empty)
        if unique and found is not BAD and found in made:
            found = refuse("GOV303", f"{name_of(place)} stands there twice", place, report)
        made.append(found)
    return BAD if BAD in made else tuple(made)


def read_table(
    table: type[T], raw: object, path: Path, report: Report, preset: Mapping[str, object]
) -> T:
    """
    A *table* from *raw*; every problem goes to *report*, and the key keeps its default.

    *preset* stands in place of the class's own defaults for keys that are not written.
    """
    given: dict[str, object] = dict(preset)
    if not isinstance(raw, Mapping):
        wrong_type(raw, "a table", path, report)
        raw = {}
    known = keys_of(table)
    unknown_keys(raw, known, path, report)
    for name, meta in known.items():
        if name in raw:
            read: Read = meta["read"]  # type: ignore[assignment]
            value = read(raw[name], (*path, name), report)
            if value is not BAD:
                given[name] = value
        elif meta.get("required"):
            message = f"{name_of(path)} has no `{name}`"
            report(Problem("GOV310", message, path, f"add `{name} = …`: {meta['doc']}"))
    return table(**given)


def keys_of(table: type) -> dict[str, dict[str, object]]:
    """The keys that *table* takes, each with what its field says of it."""
    return {
        name: one.metadata[KEY] for name, one in fields_dict(table).items() if KEY in one.metadata
    }


def unknown_keys(
    raw: Mapping[str, object], known: Mapping[str, object], path: Path, report: Report
) -> None:
    """Report every key of *raw* that is not *known*."""
    for key in raw:
        if key not in known:
            place = f"{name_of(path)} has no key" if path else "there is no table"
            hint = did_you_mean(key, known) or f"known are {', '.join(sorted(known))}"
            report(Problem("GOV301", f"{place} `{key}`", (*path, key), hint))


def wrong_type(
    value: object, expected: str, path: Path, report: Report, suggestion: str = ""
) -> Bad:
    """Report that *value* is no *expected*."""
    message = f"{name_of(path)} is {_kind(value)}, expected {expected}"
    return refuse("GOV302", message, path, report, suggestion)


def refuse(code: str, message: str, path: Path, report: Report, suggestion: str = "") -> Bad:
    """Report a problem, and give `BAD`."""
    report(Problem(code, message, path, suggestion))
    return BAD


def name_of(path: Path) -> str:
    """*path* as an author would write it, in backticks: ```listener[1].mode```."""
    made = ""
    for part in path:
        made += f"[{part}]" if isinstance(part, int) else f".{part}" if made else part
    return f"`{made}`" if made else "the file"


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    kind = names.get(type(value))
    if kind is not None:
        shown = str(value).lower() if isinstance(value, bool) else str(value)[:40]
        return f"{kind}, `{shown}`"
    if isinstance(value, Mapping):
        return "a table"
    return "an array" if isinstance(value, list) else "a date or time"
