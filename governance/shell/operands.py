"""
The words behind a text of another language: `sys.argv[1]`, `$ARGV[0]`, `process.argv.slice(1)`.

They are put in their place in the text before that is looked at, so that what it opens, removes
or runs by them is what the line says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from governance._attrs import frozen
from governance.shell.draft import Draft
from governance.shell.values import HOLE, Word

WORDS_MAX: Final = 64
"""Words behind a text that are followed."""

CHARACTERS_MAX: Final = 1_000
"""Characters of one of them that are followed."""

PLACES_MAX: Final = 32
"""Places of one text in which they are put."""


@frozen
class _Given:
    """
    How a language names the words that it is given.

    Attributes:
        named: What names them, with `at` for a number, `begin` where those from one on are
            meant, `first` and `last` for one of both ends, or all.

        before: How many words stand before those behind the text.

        read: What reads them as files, without a name.
    """

    named: re.Pattern[str]
    before: int = 0
    read: re.Pattern[str] | None = None


_INDEX: Final = r"\[\s{0,9}(?:(?P<at>\d{1,3})|(?P<last>-1))\s{0,9}\]"
_SLICE: Final = r"\[\s{0,9}(?P<begin>\d{1,3})\s{0,9}(?::|\.\.\.?-?1?)\s{0,9}\]"
_GIVEN: Final[dict[str, _Given]] = {
    "python": _Given(
        re.compile(
            rf"(?P<spread>(?<=[(,\s])\*)?(?<![\w.])(?:sys\.)?argv\b(?:{_INDEX}|{_SLICE}|(?P<last2>\.pop\(\)))?(?!\s*=[^=])"
        ),
        1,
        re.compile(r"\bfileinput\b"),
    ),
    "node": _Given(
        re.compile(
            rf"(?P<spread>\.\.\.)?\bprocess\.argv\b(?:{_INDEX}|\.slice\(\s{{0,9}}(?P<begin>\d{{1,3}})\s{{0,9}}\)"
            r"|(?P<last2>\.pop\(\)|\.at\(-1\)))?"
        ),
        1,
    ),
    "perl": _Given(
        re.compile(
            r"\"\$ARGV\[(?P<at>\d{1,3})\]\"|\$ARGV\[(?:(?P<at2>\d{1,3})|(?P<last>-1))\]|@ARGV\b"
            r"|(?<![\w$@%&-])(?:(?P<first>shift)|(?P<last2>pop))\b(?!\s*\(?\s*[@$(])(?:\s*\(\s*\))?"
        ),
        0,
        re.compile(r"<(?:ARGV|>)?>|<>"),
    ),
    "ruby": _Given(
        re.compile(
            rf"(?P<spread>(?<=[(,\s])\*)?(?:\bARGV\b|\$\*)(?:{_INDEX}|{_SLICE}|(?P<first>\.(?:first|shift)\b)"
            r"|(?P<last2>\.(?:last|pop)\b))?"
        ),
        0,
        re.compile(r"\bARGF\b|\$<|(?<![\w.])(?:gets|readlines?)\b"),
    ),
    "php": _Given(re.compile(rf"\$argv\b(?:{_INDEX})?"), 1),
    "lua": _Given(re.compile(rf"\barg\b{_INDEX}"), 1),
}


def filled(draft: Draft, language: str, text: str, words: Sequence[str]) -> str:
    """*text* with *words*, which stand behind it, in the place of their names."""
    known = _GIVEN.get(language)
    if known is None or not words:
        return text
    if known.read is not None and known.read.search(text) is not None:
        draft.read(*(Word(one) for one in words if one[:1] != "-"))
    if known.named.search(text) is None:
        return text
    draft.within(len(words), WORDS_MAX, "words behind a text")
    literals = [_literal(one) for one in words[:WORDS_MAX]]
    makes = _maker(language, ["''"] * known.before + literals)
    draft.within(len(known.named.findall(text)), PLACES_MAX, "uses of the words behind a text")
    return known.named.sub(makes, text, count=PLACES_MAX)


def named_in(language: str, text: str) -> bool:
    """Whether *text* names the words that it is given."""
    known = _GIVEN.get(language)
    return known is not None and known.named.search(text) is not None


def _maker(language: str, literals: list[str]) -> Callable[[re.Match[str]], str]:
    """What stands for one use of the words that *literals* are."""

    def made(found: re.Match[str]) -> str:
        groups = {name.rstrip("2"): one for name, one in found.groupdict().items() if one}
        if "at" in groups:
            at = int(groups["at"])
            return literals[at] if at < len(literals) else found[0]
        if "first" in groups or "last" in groups:
            return literals[0 if "first" in groups else -1]
        rest = literals[int(groups.get("begin", "0")) :]
        several = ", ".join(rest)
        return several if rest and (language == "perl" or "spread" in groups) else f"[{several}]"

    return made


def _literal(word: str) -> str:
    """A literal that every language here reads as *word*."""
    if len(word) > CHARACTERS_MAX or "\n" in word:
        word = HOLE
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
