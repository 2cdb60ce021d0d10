"""
What a command puts into files that were there before it, as far as its own words tell.

`sed -i`, `ed`, `patch` and their like leave a file of which the line has a part. Where the line
then runs that file, it runs that part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from governance.shell.codes import understand_code
from governance.shell.draft import Draft
from governance.shell.literals import RUNS_MAX, is_command
from governance.shell.values import Word

FRAGMENTS_MAX: Final = 64
"""Texts that are put into one file and looked at."""

FRAGMENT_MAX: Final = 4_096
"""Characters of one text that are looked at."""

_WORD_MAX: Final = 65_536
_SPLIT: Final = ("aa", "ab", "ac", "ad", "00", "01", "02", "03")
_EDITS: Final = re.compile(r"(?<![A-Za-z])s([^\w\s\\])")
_ADDED: Final = re.compile(r"(?m)(?:^|[;{}/\d$])[ \t]*[aic](?:\\\n?|[ \t])[ \t]*([^\n]+)")
_TYPED: Final = re.compile(r"norm(?:al)?!?[ \t]+[^\n]*?[aAiIoOcCsS]([^\n]+)")
_PIECES: Final = re.compile(r"['\"/|#,{}\n]")
_ESCAPED: Final = re.compile(r"\\(.)", re.S)
_SIGNS: Final = {"n": "\n", "t": "\t"}
_REPLACING: Final = frozenset({"sed", "perl", "ruby", "ex", "vi", "vim", "nvim", "ed", "red"})
_TYPING: Final = frozenset({"ed", "red", "ex", "vi", "vim", "nvim"})
_PLACED: Final = {"sd": 1, "rpl": 1}
"""Programs that are given what to put in the place of something as this operand."""


def inserted(draft: Draft) -> list[str]:
    """Texts that *draft* may put into what it writes; one more than are looked at, at most."""
    return [one[:FRAGMENT_MAX] for one in islice(_inserted(draft), FRAGMENTS_MAX + 1)]


def run_parts(draft: Draft, language: str, parts: Sequence[str]) -> None:
    """Note what *parts* of a script in *language* do, which *draft* runs."""
    parts = draft.first(parts, FRAGMENTS_MAX, "texts that a line puts into a script")
    commands = [one for one in dict.fromkeys(parts) if is_command(one)]
    for one in draft.first(commands, RUNS_MAX, "commands that a line puts into a script"):
        draft.run_text(one, stdin=False)
    if language not in {"", "sh"}:
        understand_code(draft, language, "\n".join(parts))


def _inserted(draft: Draft) -> Iterator[str]:
    program = draft.program
    if program in _PLACED:
        yield from (_plain(one) for one in draft.words[_PLACED[program] :][:1])
        return
    if program == "patch" or (program == "git" and draft.subcommand in {"apply", "am"}):
        text = draft.stdin_text or ""
        yield from (one[1:] for one in text.split("\n") if one[:1] == "+" and one[:3] != "+++")
        return
    if program in _REPLACING:
        text = "\n".join(draft.code)
        yield from _replaced(text)
        yield from map(_plain, _ADDED.findall(text))
        if program in _TYPING:
            yield from _TYPED.findall(text)
            yield from text.split("\n")
    for word in (*draft.arguments, *draft.code) if program != "sed" else ():
        # What an edit looks for is taken out, and not put in.
        if program not in _REPLACING or _EDITS.search(word) is None:
            yield from _PIECES.split(_plain(word[:_WORD_MAX]))


def pieces_of(draft: Draft) -> list[Word]:
    """The first files that `split` and `csplit` make, by the endings that they give them."""
    named = draft.value("--prefix") or (draft.words[1:2] if draft.program == "split" else [])
    begin = named[0] if named else Word("x" if draft.program == "split" else "xx")
    more = "".join(draft.value("--additional-suffix")[:1])
    return [Word(f"{begin}{one}{more}") for one in _SPLIT]


def _replaced(text: str) -> Iterator[str]:
    """What each `s/x/y/` of *text* puts in the place of something."""
    for start in islice(_EDITS.finditer(text), FRAGMENTS_MAX):
        sign = re.escape(start[1])
        behind = text[start.end() : start.end() + 2 * FRAGMENT_MAX]
        parts = re.split(rf"(?<!\\){sign}", behind, maxsplit=2)
        if len(parts) > 1:
            whole = _plain(parts[1])
            yield from (whole,) if is_command(whole) else _PIECES.split(whole)


def _plain(text: str) -> str:
    """*text* as an editor puts it down."""
    return _ESCAPED.sub(lambda found: _SIGNS.get(found[1], found[1]), text)
