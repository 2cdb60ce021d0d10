"""
Patterns over command lines, as other systems write them, in matchers of this one.

The others compare the text of a command, after some splitting of their own. Here a pattern
is looked for wherever a command can begin.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from attrs import frozen

from governance.importing.values import Table

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
    "it is looked for behind `sudo`, `env` and other wrappers and after a folder too, which the "
    "source did not look behind"
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


def begins_with(words: Words) -> Table:
    """Matchers of commands that begin with *words*."""
    first, *rest = (_one_of(one) for one in words.words)
    source = _START + _FOLDER + first + "".join(rf"\s+{one}" for one in rest)
    return {"command": {"regex": source + (_CLOSED if words.closed else _END)}}


def _one_of(spellings: Sequence[str]) -> str:
    listed = [re.escape(one).replace("/", "/") for one in spellings]
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
