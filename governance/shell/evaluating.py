"""
Words that bash evaluates a second time: subscripts of names, and what a prompt runs.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.boundaries import TooDeep, Unclosed
from governance.shell.expanding import Expander
from governance.shell.fields import shown
from governance.shell.lexing import DECLARING
from governance.shell.substituting import Around
from governance.shell.values import HOLE

_NAMING: Final = frozenset({"unset", "read", "mapfile", "readarray", "wait", "getopts"})
"""Builtins of which each word may be a name, with a subscript."""

_TESTING: Final = frozenset({"test", "[", "[["})
_CALCULATING: Final = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"})
_PROMPTS: Final = frozenset({"PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT", "RPROMPT"})
_RUNNING: Final = "PROMPT_COMMAND"

EVALUATING: Final = _NAMING | _TESTING | DECLARING | {"let", "printf"}
"""Builtins whose words may be evaluated once more."""


def evaluated(around: Around, plain: list[str], assigned: list[str]) -> None:
    """Read what the words of a builtin, and what is *assigned*, run when they are evaluated."""
    name, words = plain[0] if plain else "", plain[1:]
    expander = Expander(around.state, around)
    try:
        if name == "let" or (name in _TESTING and not _CALCULATING.isdisjoint(words)):
            for one in words:
                if name == "let" or one not in _CALCULATING:
                    expander.arithmetic(one)
        if name == "printf":
            words = words[1:2] if words[:1] == ["-v"] else []
        if name not in _TESTING:
            for one in words:
                _running(around, expander, one)
        for one in assigned:
            _running(around, expander, one)
    except (Unclosed, TooDeep):
        around.walker.notes.note("syntax", "a word that is evaluated and is not closed")
    if "-C" in words and name in ("mapfile", "readarray"):
        around.walker.text(words[words.index("-C") + 1], around.state.copy(), around.flow)


def _running(around: Around, expander: Expander, word: str) -> None:
    """What a name with a subscript, or a value, runs when it is evaluated."""
    name, equals, value = word.partition("=")
    if equals and name.partition("[")[0] == _RUNNING and value.replace(HOLE, "").strip():
        text = re.sub(r"^\((.*)\)$", r"\1", shown(value, around.state.cwd), flags=re.S)
        around.walker.text(text, around.state.copy(), around.flow)
    elif "$(" in word or "`" in word:
        if equals and name in _PROMPTS:
            expander.document(value)
        else:
            expander.subscripts(word)
