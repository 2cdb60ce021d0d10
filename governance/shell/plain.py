"""
Plain lines, which are read without the grammar: most lines that an agent writes are such.

A plain line is commands joined by `&&`, `||`, `;`, `|` and line ends, of words that stand for
themselves or are quoted as a whole, with the usual redirections. What such a line does is said
by the same functions as of any other; only how it falls into parts is seen at once. Whatever else
it may be is left to the grammar.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import evolve, field

from governance._attrs import define
from governance.shell.commanding import execute
from governance.shell.flowing import Flow, Pipe
from governance.shell.lexing import DECLARING, RESERVED, Redirection, Skeleton
from governance.shell.notes import Notes
from governance.shell.redirecting import Opened, redirect, standing
from governance.shell.setting import CHANGING
from governance.shell.state import State
from governance.shell.substituting import Around
from governance.shell.walking import Walker

CHARACTERS_MAX: Final = 2_000
"""Characters of a line that may be plain: within them no other bound is ever reached."""

_QUOTED: Final = r"""'[^'\n]*'|"[^"$`\\\n]*\""""
_WORD: Final = rf"(?:[A-Za-z0-9_./:,@%+=^-]|{_QUOTED})+"
_TOKEN: Final = re.compile(
    rf"""[ \t]*(?:
        (?P<fd>[0-9]*)(?P<operator>>>(?!>)|>&|>(?![>|&(])|<(?![<>&(])|(?<![0-9])&>>?)[ \t]*
        (?P<target>{_WORD})
        |(?P<word>{_WORD})
        |(?P<sign>&&|\|\||;(?![;&])|\|(?![|&])|\n[ \t\n]*)
    )""",
    re.X,
)
_PIECE: Final = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_LEADING: Final = RESERVED | DECLARING | {"time", "coproc", "[[", "!", "command", "builtin"}
"""Words that begin more than a command, or one that is not what it seems."""

_NOTHING: Final = Skeleton("", b"", {}, {}, {}, {}, ())
_ALONE: Final = Flow()


@define
class _Command:
    """A command as written: its words with what they stand for, and its redirections."""

    words: list[tuple[str, bool]] = field(factory=list)
    redirections: list[Redirection] = field(factory=list)


@define
class _Pipeline:
    """
    Commands of which each reads what the one before writes.

    Attributes:
        joined, joining: It stands behind `&&` or `||`, or before.
    """

    commands: list[_Command]
    joined: bool = False
    joining: bool = False


def read_plain(text: str, state: State, notes: Notes) -> bool:
    """Read *text* if it is plain, and say whether it is: if not, nothing was done."""
    pipelines = _pipelines(text)
    if pipelines is None:
        return False
    walker = Walker(notes, _NOTHING, 0)
    for one in pipelines:
        if len(one.commands) == 1:
            _run(walker, text, one.commands[0], state, _ALONE)
        else:
            _piped(walker, text, one.commands, state)
    return True


def _pipelines(text: str) -> list[_Pipeline] | None:
    """The commands of *text*, in the pipelines that they form; ``None``: it is not plain."""
    text = text.rstrip(" \t\n")
    length = len(text)
    if length > CHARACTERS_MAX or not text.isascii():
        return None
    command = _Command()
    pipeline = _Pipeline([command])
    made = [pipeline]
    at = 0
    while at < length:
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        at = found.end()
        kind = found.lastgroup
        if kind == "word":
            raw = found["word"]
            if not command.words and (raw in _LEADING or "=" in raw):
                return None
            command.words.append((_unquoted(raw), False))
        elif not command.words:
            return None
        elif kind == "target":
            span = found.span("target")
            command.redirections.append(Redirection(found["operator"], found["fd"], *span))
        else:
            command = _Command()
            sign = found["sign"]
            if sign == "|":
                pipeline.commands.append(command)
            else:
                pipeline.joining = sign in ("&&", "||")
                pipeline = _Pipeline([command], joined=pipeline.joining)
                made.append(pipeline)
    if not command.words or any(_is_doubtful(one) or _moves(one, text) for one in made):
        return None
    return made


def _is_doubtful(pipeline: _Pipeline) -> bool:
    """Whether the grammar has another reading of it, in which more of the line is piped."""
    if pipeline.joining and len(pipeline.commands) > 2:
        return True
    return pipeline.joined and any(one.redirections for one in pipeline.commands[:-1])


def _moves(pipeline: _Pipeline, text: str) -> bool:
    """Whether it leaves the shell as another one, other than in one folder that is known."""
    for one in pipeline.commands:
        name = one.words[0][0]
        if name in ("exec", "command", "builtin") and one.redirections:
            return True
        if name in CHANGING and (name != "cd" or len(pipeline.commands) > 1 or "||" in text):
            return True
    return False


def _unquoted(raw: str) -> str:
    if "'" not in raw and '"' not in raw:
        return raw
    return _PIECE.sub(lambda one: one[1] or one[2] or "", raw)


def _piped(walker: Walker, text: str, commands: list[_Command], state: State) -> None:
    """As `Walker.piped`; no command changes the shell that it runs in."""
    source: Pipe | None = None
    for number, one in enumerate(commands):
        pipe = Pipe() if number < len(commands) - 1 else None
        _run(walker, text, one, state, evolve(_ALONE, source=source, sink=pipe))
        if source is not None:
            walker.notes.link(source.writers, source.readers)
        source = pipe


def _run(walker: Walker, text: str, command: _Command, state: State, flow: Flow) -> None:
    around = Around(walker, state, standing(state, flow) if state.channels else flow)
    opened = Opened()
    for one in command.redirections:
        redirect(around, text, one, opened)
    execute(around, command.words, [], opened)
