"""
What `sed` and `awk` print of a known text, where their programs are no more than is written here.

`None` says that the output is not known.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.filters import ended_as, joined, known_lines
from governance.shell.parameters import REPLACED_MAX, affordable
from governance.shell.printing import TEXT_MAX
from governance.shell.quoting import FORMAT, decode_printed
from governance.shell.values import HOLE

_EDITS_MAX: Final = 16
"""Commands of `sed` that are followed."""

_PATTERN_MAX: Final = 256

_SIGNS: Final = frozenset("/|#,@:!")
"""What may part the pattern of `s/a/b/` from what is put in its place."""

_SPECIAL: Final = re.compile(r"[\\\[\]&]|\A\^?\*|\*\*|.\^|\$.|\A\Z", re.S)
"""What stands in a pattern for more than itself, `.` or `*`; or nothing, which is the last one."""

_EXTENDED: Final = re.compile(r"[+?|(){}]")

_TOLD: Final = re.compile(
    r"\s*BEGIN\s*\{\s*print(f?)\s*(\(?)\s*\"((?:[^\"%\\\n]|\\[nt\\])*)\"\s*(\)?)\s*;?\s*\}\s*"
)
_FIELD: Final = re.compile(r"\s*\{\s*print\s+\$(\d{1,3}|NF)\s*;?\s*\}\s*", re.A)
_SEPARATOR: Final = re.compile(r"[:,;/=@#%~!_A-Za-su-z0-9-]")
"""A separator that every awk takes for itself."""


def sed(words: list[str], given: str | None) -> str | None:
    """`sed s/a/b/` of plain texts."""
    extended = any(one in ("-E", "-r") for one in words)
    words = [one for one in words if one not in ("-r", "-E", "-u")]
    words = words[1:] if words[:1] == ["-e"] else words
    lines = known_lines(given)
    if lines is None or given is None or len(words) != 1 or HOLE in words[0]:
        return None
    edits = re.split(r";\s*", words[0], maxsplit=_EDITS_MAX)
    for one in edits:
        made = _substituted(one, lines, extended=extended)
        if made is None or len(edits) > _EDITS_MAX:
            return None
        lines = made
    return ended_as(given, lines) if given else ""


def _substituted(edit: str, lines: list[str], *, extended: bool) -> list[str] | None:
    """*lines* after one `s/a/b/`."""
    edit = edit.strip(" \t")
    parts = edit[2:].split(edit[1:2], 3) if edit[:1] == "s" and edit[1:2] in _SIGNS else []
    if len(parts) != 3 or parts[2] not in ("", "g") or "\n" in edit:
        return None
    before, after, every = parts
    if len(before) > _PATTERN_MAX or re.search(r"[\\&]", after):
        return None
    if _SPECIAL.search(before) or (extended and _EXTENDED.search(before)):
        return None
    text = "\n".join(lines)
    if not affordable(text, before) or ("." in before and not text.isascii()):
        return None
    if (len(text) + 1) * len(after) > REPLACED_MAX:
        return None
    pattern = re.compile(re.sub(r"[^.*^$\w]", lambda one: re.escape(one[0]), before))
    if every and pattern.fullmatch("") is not None:
        return None  # where nothing is replaced everywhere, programs differ
    made = [pattern.sub(lambda _: after, line, count=0 if every else 1) for line in lines]
    return made if sum(map(len, made)) <= TEXT_MAX else None


def awk(words: list[str], given: str | None) -> str | None:
    """`awk '{print $2}'`, `awk 'BEGIN{print "x"}'`."""
    shape, sign = words[-1] if words else "", " "
    if words[:1] == ["-F"]:
        words = [f"-F{words[1]}", *words[2:]] if len(words) > 2 else []
    if len(words) == 2 and words[0][:2] == "-F":
        sign = words[0][2:]
        if sign != " " and _SEPARATOR.fullmatch(sign) is None:
            return None
    elif len(words) != 1:
        return None
    told = _TOLD.fullmatch(shape)
    if told is not None and len(told[2]) == len(told[4]):
        return decode_printed(told[3], FORMAT)[0] + ("" if told[1] else "\n")
    found, lines = _FIELD.fullmatch(shape), known_lines(given)
    if found is None or lines is None:
        return None
    return joined([_field(line, sign, found[1]) for line in lines])


def _field(line: str, sign: str, wanted: str) -> str:
    """One field of a line; a blank stands for any number of blanks."""
    parts = re.findall(r"[^ \t]+", line) if sign == " " else line.split(sign)
    if wanted == "NF":
        return parts[-1] if parts else line
    at = int(wanted)
    return line if at == 0 else parts[at - 1] if at <= len(parts) else ""
