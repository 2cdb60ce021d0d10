"""
Patterns over command lines, as other systems write them, in matchers of this one.

The others compare the text of a command, after some splitting of their own. Here words that
a command begins with become a `shell` table, which asks what a command is, however it is
spelled; a pattern with stars in it stays a search, wherever a command can begin.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import product

from governance._attrs import frozen
from governance.importing.values import Table
from governance.shell.lines import read_line
from governance.shell.values import HOLE, Command

TABLES_MAX = 16
"""Spellings of one rule that are taken apart; more of them are searched for."""

PLAIN = re.compile(r"[A-Za-z0-9_./:=@%+,~^-]+")
"""A word that no shell changes."""

_START = (
    r"(?:^|[\n;&|(){`!]|\b(?:then|do|else)\s)[\s\"']*(?:\w+=\S*\s+)*"
    r"(?:(?:[\w.~/-]*/)?(?:sudo|doas|env|nohup|nice|time|timeout|xargs|exec|command|"
    r"(?:ba|z|da)?sh\s+-c)(?:\s+(?:-\S+|\w+=\S*|\d\S*))*[\s\"']+)*"
)
_FOLDER = r"(?:[\w.~/-]*/)?"
_END = r"(?:[\s;&|)}\"'`<>]|$)"
_CLOSED = r"\s*(?:[\n;&|)}\"'`]|$)"
_ANY = r"[^\n;&|]*"
_PLAIN_WORDS = r"(?: [A-Za-z0-9_./:=@%+,~^-]+)*"
_PLAIN_SIGNS = r"[A-Za-z0-9_./:=@%+,~^ -]*"
WIDER = (
    "it holds wherever a line runs that command, behind `sudo` and other wrappers too, with its "
    "words and flags in any order; a line that cannot be read is asked about"
)
TEXTUAL = "it is compared with the text of a command; other spellings of it pass"
ALONE = "it lets be a line of plain words alone, not one with an operator or a quote in it"
MISSES = ("true", "printf done", "cd build")
"""Commands that hardly any rule is about; the first that fits is taken as a near miss."""


@frozen
class Words:
    """
    The words that a command begins with.

    Attributes:
        words: By place, each one of several spellings.

        closed: Nothing else may follow.
    """

    words: tuple[tuple[str, ...], ...]
    closed: bool = False

    @property
    def spelled(self) -> str:
        """One command line that begins so."""
        return shlex.join(one[0] for one in self.words)

    @property
    def near(self) -> str:
        """A command line that nearly does: its last word is another."""
        return shlex.join([*(one[0] for one in self.words[:-1]), f"{self.words[-1][0]}x"])


def words_of(text: str, *, closed: bool = False) -> Words | None:
    """*text* as plain words; ``None`` where a shell would see more in it than words."""
    parts = text.split()
    if not parts or not all(map(PLAIN.fullmatch, parts)):
        return None
    return Words(tuple((part,) for part in parts), closed)


def begins_with(words: Words) -> tuple[Table, str]:
    """
    Matchers of commands that begin with *words*, and what is to be said of their reach.

    Words that no table says (options with values, more than two operands) are searched for.
    """
    tables: list[Table] = []
    for spelled in product(*words.words):
        table = _table(spelled, closed=words.closed)
        if table is None:
            return _searched_words(words), TEXTUAL
        if table not in tables:
            tables.append(table)
        if len(tables) > TABLES_MAX:
            return _searched_words(words), TEXTUAL
    return {"shell": _joined(tables)}, WIDER


def _table(spelled: Sequence[str], *, closed: bool) -> Table | None:
    """What the command of these words is, as a `shell` table; ``None``: no table says it."""
    line = read_line(shlex.join(spelled))
    command = line.commands[-1] if line.commands else None
    if command is None or line.opaque or not command.program or HOLE in command.program:
        return None
    if len(command.words) > 2 or len(command.options) > 1 or command.assigns:
        return None
    table: Table = {"program": command.program}
    if command.wrappers:
        table["wrappers"] = command.wrappers[-1]
    if command.subcommand:
        table["subcommand"] = command.subcommand
    flags = _as_written(command)
    if flags:
        table["flags_all"] = flags
    if command.options:
        table["options"] = str(command.options[0])
    arguments: Table = {"length": len(command.arguments)} if closed else {}
    for key, word in zip(("words", "arguments"), command.words, strict=False):
        if key == "words":
            table["words"] = str(word)
        else:
            arguments["equals"] = str(word)
    if arguments:
        table["arguments"] = arguments
    return table


def _as_written(command: Command) -> list[str]:
    """The flags of *command* by the names that stand in it; the others follow from them."""
    written = {str(one).partition("=")[0] for one in command.arguments}
    clusters = "".join(one[1:] for one in written if one[:1] == "-" and one[:2] != "--")
    return [
        one
        for one in command.flags
        if one in written or (len(one) == 2 and one[1] in clusters and one != "--")
    ]


def _joined(tables: list[Table]) -> object:
    """One table, or several of which one holds; what differs in one key alone is an array."""
    first = tables[0]
    keys = {key for one in tables for key in one if one.get(key) != first.get(key)}
    if len(tables) == 1:
        return first
    key = next(iter(keys))
    values = [one.get(key) for one in tables]
    if len(keys) == 1 and key in ("program", "subcommand", "words") and all(values):
        return {**first, key: values}
    return tables


def _searched_words(words: Words) -> Table:
    first, *rest = (_one_of(one) for one in words.words)
    source = _START + _FOLDER + first + "".join(rf"\s+{one}" for one in rest)
    return {"command": {"regex": source + (_CLOSED if words.closed else _END)}}


def _one_of(spellings: Sequence[str]) -> str:
    listed = [re.escape(one) for one in spellings]
    return listed[0] if len(listed) == 1 else f"(?:{'|'.join(listed)})"


def globbed(text: str) -> Table:
    """Matchers of commands that *text*, in which ``*`` is any run of signs, fits whole."""
    source = _ANY.join(re.escape(part) for part in text.split("*"))
    closed = "" if text.endswith("*") else _CLOSED
    return {"command": {"regex": _START + source + closed}}


def searched(source: str, *, from_start: bool, fold: bool = False) -> Table:
    """Matchers of commands that the pattern *source* fits, somewhere or from their start."""
    made = f"{_START}(?:{source})" if from_start else source
    return {"command": {"regex": f"(?i){made}" if fold else made}}


def alone(words: Words | None, text: str) -> Table:
    """
    Matchers of whole command lines that are one command of plain words.

    For rules that let be: a line with an operator, a quote or an expansion in it is not
    theirs, whatever it begins with.
    """
    if words is not None:
        source = " ".join(_one_of(one) for one in words.words)
        source += "" if words.closed else _PLAIN_WORDS
    else:
        source = _PLAIN_SIGNS.join(re.escape(part) for part in text.split("*"))
    return {"command": {"regex": f"^{source}$"}}


def shell(command: str, **more: object) -> Table:
    """The example of a shell call."""
    return {"tool": "shell", "command": command, **more}


def shell_misses(*commands: str) -> tuple[tuple[Table, ...], ...]:
    """Groups of near misses: *commands* first, then commands of no one's concern."""
    return tuple((shell(one),) for one in (*commands, *MISSES))
