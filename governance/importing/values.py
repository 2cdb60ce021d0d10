"""What readers of other formats give: rules in the making, and what became of the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.errors import WARNING, DefinitionError, Diagnostic
from governance.rules.reading import INFO

FORMATS = ("claude-code", "gemini-cli", "codex", "hookify", "idumb")
"""The formats that can be read, as `--from` names them."""

ENTRIES_MAX = 5_000
"""Entries that all files of one import may have."""

TEXT_CHARACTERS_MAX = 2_000
"""Characters of one pattern, or one text for a model, that are carried."""


CODES: Mapping[str, str] = {
    "GOV670": "a file that cannot be read as the format it is taken for",
    "GOV671": "a file whose format is not plain",
    "GOV672": "an entry that could not be carried",
    "GOV673": "an entry that reaches otherwise than it did, or needs no rule",
    "GOV674": "a file that an import would write over",
}

Table: TypeAlias = dict[str, object]
"""A table as TOML will have it."""

EXAMPLES: Mapping[str, Table] = {
    "shell": {"command": "ls"},
    "read": {"path": "a.txt"},
    "write": {"path": "a.txt", "content": "a"},
    "edit": {"path": "a.txt", "content": "a", "removed": "b"},
    "delete": {"path": "a.txt"},
    "grep": {"path": "a", "pattern": "b"},
    "glob": {"path": "a", "pattern": "b"},
    "fetch": {"url": "https://example.com/"},
    "search": {"query": "a"},
    "delegate": {"agent": "a", "prompt": "b"},
    "todo": {},
}
"""Canonical tool → the facts of a plain call of it."""

SAID: Mapping[str, str] = {"ask": "is asked about", "deny": "is refused"}
"""What a rule does, for a message where the file gives none."""

_SHOWN_MAX = 120
_SLUG_MAX = 48


@frozen
class Source:
    """
    One file to import.

    Attributes:
        file: The path as the user gave it, for messages.

        data: What it holds, at most one byte more than is read.
    """

    file: str
    data: bytes = field(repr=False)


@frozen
class Entry:
    """One entry of a source: where it stands, and how it is written there."""

    file: str
    line: int
    text: str

    @property
    def shown(self) -> str:
        """Its text for messages, in one line."""
        text = " ".join(self.text.split())
        return f"{text[:_SHOWN_MAX]} …" if len(text) > _SHOWN_MAX else text


@frozen(kw_only=True)
class Rule:
    """
    A rule in the making.

    Attributes:
        name: What its id is made of.

        table: Its keys but for `id` and examples.

        matches: Groups of calls that it must match; the first group is tried first.

        misses: Groups of calls that it must not match, likewise.
    """

    entry: Entry
    name: str
    table: Table = field(repr=False)
    matches: tuple[tuple[Table, ...], ...] = ()
    misses: tuple[tuple[Table, ...], ...] = ()


@frozen
class Role:
    """A role in the making: the keys of its table."""

    entry: Entry
    table: Table


@define(eq=False)
class Reading:
    """
    Collects what comes of the files of one import.

    Attributes:
        carries_allow: Entries that let something be become rules as well, for a project
            whose `[defaults] tool` is stricter than ``allow``.
    """

    carries_allow: bool = False
    rules: list[Rule] = field(factory=list)
    roles: list[Role] = field(factory=list)
    diagnostics: list[Diagnostic] = field(factory=list)
    _entries: int = 0

    def count(self, entry: Entry) -> None:
        """
        Take note of one more entry.

        Raises:
            DefinitionError: GOV670, there are more than `ENTRIES_MAX`.
        """
        self._entries += 1
        if self._entries > ENTRIES_MAX:
            message = f"there are more than {ENTRIES_MAX} entries"
            raise unreadable(entry.file, entry.line, message, "import the files one by one")

    def leave(self, entry: Entry, why: str, mend: str = "") -> None:
        """Say that *entry* is not carried."""
        self._say("GOV672", entry, f"`{entry.shown}` is not carried: {why}", mend, WARNING)

    def tell(self, entry: Entry, what: str, mend: str = "") -> None:
        """Say how *entry* reaches otherwise than it did."""
        self._say("GOV673", entry, f"`{entry.shown}`: {what}", mend, INFO)

    def _say(self, code: str, entry: Entry, message: str, mend: str, severity: str) -> None:
        one = Diagnostic(code, message, entry.file, entry.line, suggestion=mend, severity=severity)
        if one not in self.diagnostics[-8:]:
            self.diagnostics.append(one)


def unreadable(file: str, line: int, message: str, mend: str = "") -> DefinitionError:
    """The error of a file that is not what it is taken for."""
    return DefinitionError((Diagnostic("GOV670", message, file, line, suggestion=mend),))


def text_of(source: Source, bytes_max: int) -> str:
    """
    The text of *source*.

    Raises:
        DefinitionError: GOV670, it is empty, too large, binary or no UTF-8.
    """
    data = source.data
    if len(data) > bytes_max:
        message = f"the file has more than {bytes_max} bytes"
        raise unreadable(source.file, 0, message, "split it")
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte `0x{data[error.start]:02x}` is no UTF-8"
        raise unreadable(source.file, line, message, "give a text file") from None
    if not text.strip():
        raise unreadable(source.file, 1, "the file is empty", "give a file with rules")
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise unreadable(source.file, line, "the text holds a NUL", "give a text file")
    return text


def slug(*words: str) -> str:
    """
    *words* as the last part of a rule's id.

    >>> slug("deny", "git push:*")
    'deny-git-push'
    """
    made = "-".join(re.findall(r"[a-z0-9]+", " ".join(words).lower()))
    return made[:_SLUG_MAX].strip("-") or "rule"


def message_of(text: str) -> str:
    """*text* as the message of a rule, in which a brace is a brace."""
    cut = text.strip()[:TEXT_CHARACTERS_MAX]
    return cut.replace("{", "{{").replace("}", "}}")


def one_or_all(values: Sequence[str]) -> object:
    """A single value for itself, several as an array."""
    return values[0] if len(values) == 1 else list(values)
