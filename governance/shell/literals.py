"""
Commands among the texts in a program that runs what it puts together.

`for c in ["a", "b"]: os.system(c)` names no command where it runs one. A text in such a program
that reads as a command of a program that the tables list is taken for one that it runs.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from governance.shell.draft import Draft, basename
from governance.shell.programs import canonical, spec_for
from governance.shell.quoting import decode_ansi
from governance.shell.values import HOLE, Word

LITERALS_MAX: Final = 128
"""Texts of one program that are looked at."""

CHARACTERS_MAX: Final = 2_000
"""Characters of one text that may be a command."""

RUNS_MAX: Final = 32
"""Commands that are taken out of one program in this way."""

_LITERAL: Final = re.compile(
    r"\\.|'''(.{0,2000}?)'''|\"\"\"(.{0,2000}?)\"\"\"|'((?:[^'\\\n]++|\\.)*+)'"
    r"|\"((?:[^\"\\\n]++|\\.)*+)\"|`([^`]{1,2000})`|\[\[((?:[^\][]++|\[(?!\[))++)\]\]",
    re.S,
)
_BETWEEN: Final = re.compile(r"[^'\"`;\n]{1,24}")
_NUMBERS: Final = re.compile(r"(?:\b\d{1,3}\s*,\s*){3,400}\d{1,3}\b")
_NAME: Final = re.compile(r"[\w./+-]{1,64}")
_PARTS: Final = re.compile(r"[;&|\n]+")
_PARTS_MAX: Final = 16
_QUOTED: Final = re.compile(r"['\"`]")
_CODED: Final = re.compile(r"[A-Za-z0-9+/]{12,2000}={0,2}")
_ENCODED: Final = re.compile(r"(?:[0-9a-fA-F]{2}){6,1000}")

_RUNNER: Final = (
    r"system2?|popen\w*|Popen|exec\w*|spawn\w*|getoutput|check_\w+|run|call|rmtree|remove|unlink"
)
_INDIRECT: Final[dict[str, re.Pattern[str]]] = {
    "python": re.compile(
        rf"\b(?:os|subprocess|sp|pty|shutil)\s*\.\s*(?:{_RUNNER})\b(?!\()|\bgetattr\(|\b__dict__\b"
        r"|\b(?:vars|globals|locals|CDLL|LoadLibrary|communicate|__import__|eval)\s*\("
        r"|\b(?:sys\.modules|import_module|attrgetter|methodcaller|ctypes|executable\s*=)"
        r"|\binput\s*=|stdin\.write|\b(?:pexpect|plumbum|invoke|fabric|builtins)\b"
        r"|\b(?:platform|shutil)\.os\b|\bimport\s+sh\b|\bos\s+\."
    ),
    "node": re.compile(r"process\.binding|\bDeno\.|\bBun\.spawn|\bWorker\(|\bFunction\("),
    "perl": re.compile(
        r"\bopen[23]\b|\bsystem\s*\{|\bmap\s+chr\b|\b(?:tr|y)/|\bsub\b|\bjoin\b|-\|"
    ),
    "ruby": re.compile(
        r"\b(?:public_)?send\b|__send__|\bmethod\s*\(|\bsh\b|(?:system|exec|spawn)\s*+\(?\s*+\*|\.tr\b"
        r"|&:chr|\.pack\("
    ),
    "php": re.compile(
        r"(?i)call_user_func|array_(?:map|walk|filter)|\busort\b|\$\w+\s*\(|@\w+\s*\(|Reflection"
        r"|pcntl_exec|\bimplode\b|\\system|\bsystem\("
    ),
    "lua": re.compile(r"\bos\s*\[|=\s*(?:os\.execute|io\.popen)|_G\b|string\.char|reverse|\[\["),
}
"""Ways of each language to run something by a name that stands elsewhere."""

_BUILDING: Final[dict[str, tuple[re.Pattern[str], re.Pattern[str], int]]] = {
    "python": (
        re.compile(rf"\b(?:{_RUNNER})\s*\("),
        re.compile(r"['\"](?:[ \t]++['\"]|\s*+%\s*\()|\.replace\(|\*\[|\.extend\("),
        2_000,
    ),
    "node": (
        re.compile(r"\b(?:child_process|execa|shelljs|zx)\b"),
        re.compile(
            r"\]\s*\(|\.(?:call|apply|bind)\s*\(|\?\.|promisify|/\*"
            r"|(?:exec|spawn)\w{0,32}\s*[);,\n]|\.fork\(|=>|Worker|Function|\bmap\("
        ),
        4_000,
    ),
}
"""What runs something, what puts a text together, and how many characters behind that it stands."""

_RUNNING: Final = re.compile(
    r"\b(?:system2?|popen|exec\w*|spawn\w*|run|cmd|callCommand|run-program|call-process[\w-]*"
    r"|shell-command[\w-]*|ProcessBuilder|Runtime|Command|process|sh|shell)\b"
)
"""Names under which any other language runs a command."""


def indirect(text: str, language: str, *, seen: bool) -> bool:
    """
    Whether *text* may run a command by a name that does not stand where it is run.

    Args:
        seen: A command that it runs was found.
    """
    known = _INDIRECT.get(language)
    if known is None:
        return not seen and _RUNNING.search(text) is not None
    if known.search(text) is not None:
        return True
    return language in _BUILDING and followed(text, *_BUILDING[language])


def followed(text: str, first: re.Pattern[str], later: re.Pattern[str], within: int) -> bool:
    """Whether something *later* stands at most *within* characters behind something *first*."""
    ends = [one.end() for one in first.finditer(text)]
    for found in later.finditer(text, ends[0]) if ends else ():
        at = bisect_right(ends, found.start())
        if at and found.start() - ends[at - 1] <= within:
            return True
    return False


def read_literals(draft: Draft, text: str, more: Iterable[str] = ()) -> None:
    """Note the commands that the literals of *text* are, and those that stand in *more*."""
    literals = _first_literals(draft, text)
    more = tuple(more)
    texts = dict.fromkeys(more)
    for value, _, _ in literals:
        texts.update(dict.fromkeys(_decoded(value)))
        if _QUOTED.search(value) is not None:
            texts.update(dict.fromkeys(one for one, _, _ in _first_literals(draft, value)))
    for found in _NUMBERS.finditer(text):
        texts["".join(chr(int(one) % 256) for one in found.group().split(","))] = None
    lists: dict[tuple[str, ...], None] = {}
    for group, joined in _groups(text, literals):
        if joined:
            texts.update(dict.fromkeys("".join(group[at:]) for at in range(min(len(group), 3))))
        if len(group) > 2 and group[1]:
            texts[group[0].replace(group[1], group[2])] = None
        lists.update(dict.fromkeys(group[at:] for at in range(min(len(group) - 1, 4))))
    runs = 0
    given = {one for one in more if len(one) <= CHARACTERS_MAX and " " in one.strip()}
    for one in texts:
        if one in given or is_command(one):
            runs += 1
            if runs <= RUNS_MAX:
                draft.run_text(one, stdin=False)
    for words in lists:
        if _is_program(words[0]):
            runs += 1
            if runs <= RUNS_MAX:
                draft.run([Word(one) for one in words], stdin=False)
    if runs > RUNS_MAX:
        draft.blind("bound", f"more than {RUNS_MAX} commands in one program")


def _first_literals(draft: Draft, text: str) -> Sequence[tuple[str, int, int]]:
    """The literals of *text*, with where they begin and end; that there are more is said."""
    found = list(islice(_literals(text), LITERALS_MAX + 1))
    return draft.first(found, LITERALS_MAX, "texts in one program")


def _literals(text: str) -> Iterator[tuple[str, int, int]]:
    for found in _LITERAL.finditer(text):
        if found.lastindex is None:
            continue  # a sign behind a backslash, which begins no text
        value = found[found.lastindex]
        yield (decode_ansi(value) if "\\" in value else value), found.start(), found.end()


def _groups(
    text: str, literals: Sequence[tuple[str, int, int]]
) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Literals that stand in a row, and whether they may be one text."""
    group: list[str] = []
    joined, last = True, -1
    for value, start, end in literals:
        between = text[last:start] if group else ""
        if group and between and _BETWEEN.fullmatch(between) is None:
            yield tuple(group), joined
            group, joined = [], True
        elif group:
            joined = joined and not between.strip("+. ,%(\t\n")
        group.append(value)
        last = end
    if group:
        yield tuple(group), joined


def _decoded(value: str) -> Iterator[str]:
    """What a literal may stand for: itself, turned round, out of base64 or hexadecimal digits."""
    yield value
    yield value[::-1]
    yield codecs.encode(value, "rot13")
    try:
        if _ENCODED.fullmatch(value) is not None:
            yield bytes.fromhex(value).decode()
        elif _CODED.fullmatch(value) is not None:
            yield base64.b64decode(value + "=" * (-len(value) % 4)).decode()
    except (ValueError, binascii.Error):
        return


def is_command(text: str) -> bool:
    """Whether *text* has a command of a listed program in it, with words."""
    if len(text) > CHARACTERS_MAX or HOLE in text[:1]:
        return False
    for part in _PARTS.split(text)[:_PARTS_MAX]:
        words = part.split(None, 1)
        if len(words) > 1 and _is_program(words[0]):
            return True
    return False


def _is_program(word: str) -> bool:
    return _NAME.fullmatch(word) is not None and spec_for(canonical(basename(word) or word)).known
