"""
A command line taken apart into simple commands, words expanded as far as they are known.
"""

from __future__ import annotations

import re
from typing import Final

from governance._attrs import frozen
from governance.shell.boundaries import TooDeep, Unclosed
from governance.shell.flowing import Flow
from governance.shell.live_signs import KEPT, kept
from governance.shell.notes import Bounded, Notes
from governance.shell.plain import read_plain
from governance.shell.state import HERE, HOME, State
from governance.shell.values import HOLE, Opaque, Simple, Word
from governance.shell.walking import Walker

TEXT_MAX: Final = 200_000
"""Characters of a command line that are read."""

TEXTS_MAX: Final = 8
"""How deep texts that are handed to a shell may stand in each other."""

_HERE: Final = Word("")
_OURS: Final = f"\ud800-\udfff{HOME}{HERE}{KEPT}"
_ODD: Final = re.compile(f"[\0\u2400\r\ufeff{_OURS}]")
_NUL: Final = re.compile("[\0\u2400]")
"""NUL, and the sign that stands for it in what was recorded."""


@frozen
class Reading:
    """
    The simple commands of a text in order, and what is not known of the text.
    """

    simples: tuple[Simple, ...] = ()
    opaque: tuple[Opaque, ...] = ()


def _cleaned(text: str) -> str:
    """
    The text with what no shell reads taken out: line ends of other systems, NUL, a mark of
    byte order. Halves of characters are not known.
    """
    if _ODD.search(text) is None:
        return text
    text = _NUL.sub("", text.replace("\r\n", "\n")).replace("\ufeff", "")
    return re.sub(f"[{_OURS}]", HOLE, text)


def _depends(text: str) -> bool:
    """Whether it makes a difference that bash takes the `\\r` as a character of a word."""
    return "\\\r\n" in text or ("<<" in text and text.count("\n") > text.count("\r\n"))


def read_simples(
    text: str, *, cwd: Word = _HERE, assigns: tuple[Word, ...] = (), depth: int = 0
) -> Reading:
    """
    The simple commands of *text*, as bash would run them.

    Every text has a reading: what is wrong or not known stands in `opaque`, beside what was
    found. Nothing is run and no file is looked at.

    Args:
        text: A command line, or a script.

        cwd: Where it runs.

        assigns: ``NAME=value`` in its environment.

        depth: How many texts it stands in that were handed to a shell.
    """
    notes = Notes()
    if depth > TEXTS_MAX:
        return Reading((), (Opaque("bound", f"more than {TEXTS_MAX} texts in each other"),))
    if len(text) > TEXT_MAX:
        notes.note("bound", f"more than {TEXT_MAX} characters")
        text = text[:TEXT_MAX]
    state = State(cwds=(_internal(cwd),))
    for one in assigns:
        name, _, value = one.partition("=")
        state.assign(name, HOME + value[1:] if value[:1] == "~" else value)
        state.exported[name] = None
    if _NUL.search(text) is not None:
        # bash leaves it out, others end the line there or refuse it.
        notes.note("syntax", "a NUL stands in the text")
    if "\r\n" in text and _depends(text):
        notes.note("syntax", "line ends of two kinds where they make a difference")
    _run(_cleaned(text), state, notes)
    return Reading(tuple(one.simple() for one in notes.records), tuple(notes.opaque))


def _internal(cwd: Word) -> str:
    text = kept(cwd) if cwd.glob else str(cwd)
    return HOME + text[1:] if text.startswith("~") else text.removeprefix("./")


def _run(text: str, state: State, notes: Notes) -> None:
    if read_plain(text, state, notes):
        return
    try:
        skeleton, root = notes.tree(text)
        Walker(notes, skeleton, 0).sequence(root.children, state, Flow())
        unreached(notes, state)
    except (Bounded, TooDeep, RecursionError) as error:
        notes.note("bound", str(error) or "quotes and substitutions stand too deep in each other")
    except Unclosed as error:
        notes.note("syntax", f"`{error}` is not closed")


def unreached(notes: Notes, state: State) -> None:
    """Read the functions that nothing calls, for something else may."""
    words = {part for one in notes.records for word in one.argv[:] for part in word.split()}
    for name, functions in state.functions.items():
        if name in notes.called:
            continue
        flow = Flow(calls=(name,), reached=name in words)
        for one in functions:
            inner = state.copy()
            inner.given = None
            Walker(notes, one.skeleton, 1).statement(one.body, inner, flow, one.end)
