"""
What programs print that only pass text on: known in, known out.

Only what depends on nothing but its words and its input is here. `None` says that the output
is not known.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final

from governance.shell.quoting import decode_echo
from governance.shell.values import HOLE

TEXT_MAX: Final = 65_536
"""Characters of output that are followed."""

_FORMAT: Final = re.compile(r"%(?:(%)|(-?0?\d{0,3}(?:\.\d{1,3})?)([sbqdiuxXoc]))")
_WIDE: Final = 10_000
"""More characters or fields than a line has that is followed."""

_SPECIAL: Final = re.compile(r"[\\\[\]&]")
_AWK_TOLD: Final = re.compile(r"\s*BEGIN\s*\{\s*printf?\s*\(?\s*\"([^\"%]*)\"\s*\)?\s*;?\s*\}\s*")
_AWK_FIELD: Final = re.compile(r"\s*\{\s*print\s+\$(\d{1,3}|NF)\s*;?\s*\}\s*")
_SETS: Final = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\v\f",
    "[:alpha:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}


def output_of(argv: Sequence[str], given: str | None) -> str | None:
    """What *argv* prints if its input is *given*; ``None``: not known."""
    if not argv:
        return None
    program = argv[0].rpartition("/")[2]
    if program == "command" and len(argv) > 2 and argv[1][:1] == "-":
        return _named(list(argv[1:]), given)
    if program in ("command", "builtin", "exec") and len(argv) > 1 and argv[1][:1] != "-":
        return output_of(argv[1:], given)
    known = _PRODUCERS.get(program)
    made = None if known is None else known(list(argv[1:]), given)
    return made if made is None or len(made) <= TEXT_MAX else None


def _echo(words: list[str], _: str | None) -> str | None:
    ending, escapes = "\n", False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for sign in words.pop(0)[1:]:
            ending = "" if sign == "n" else ending
            escapes = {"e": True, "E": False}.get(sign, escapes)
    text = " ".join(words)
    return (decode_echo(text) if escapes else text) + ending


def printed(words: list[str]) -> str | None:
    """What `printf` makes of its format and its words."""
    if words and words[0] == "--":
        words = words[1:]
    if not words:
        return None
    if HOLE in words[0]:
        return HOLE.join(words)
    shape, rest = words[0], words[1:]
    made: list[str] = []
    while True:
        before = len(rest)
        one = _formatted(shape, rest)
        if one is None:
            return None
        made.append(one)
        if not rest or len(rest) == before or len(made) > 256:
            return "".join(made)


def _formatted(shape: str, rest: list[str]) -> str | None:
    made: list[str] = []
    at = 0
    for found in _FORMAT.finditer(shape):
        between = shape[at : found.start()]
        if "%" in between:
            return None
        made.append(decode_echo(between))
        at = found.end()
        if found[1]:
            made.append("%")
            continue
        value = rest.pop(0) if rest else ""
        made.append(_converted(found[2], found[3], value))
    if "%" in shape[at:]:
        return None
    made.append(decode_echo(shape[at:]))
    return "".join(made)


def _converted(flags: str, kind: str, value: str) -> str:
    if kind in "sbq":
        value = decode_echo(value) if kind == "b" else value
        width, _, cut = flags.partition(".")
        value = value[: int(cut)] if cut else value
        wide = int(width.lstrip("-0") or 0)
        return value.ljust(wide) if width.startswith("-") else value.rjust(wide)
    if kind == "c":
        return value[:1]
    if HOLE in value:
        return HOLE
    try:
        number = ord(value[1]) if value[:1] in "'\"" and len(value) > 1 else int(value or "0", 0)
    except ValueError:
        return HOLE
    code = {"i": "d", "u": "d"}.get(kind, kind)
    return f"%{flags}{code}" % number


def _cat(words: list[str], given: str | None) -> str | None:
    files = [one for one in words if one == "-" or not one.startswith("-")]
    return given if all(one in ("-", "/dev/stdin") for one in files) else None


def _same(words: list[str], given: str | None) -> str | None:
    """One line comes out of `head`, `tail`, `sort`, `uniq` as it went in."""
    if given is None or given.rstrip("\n").count("\n") or any(one[:1] != "-" for one in words):
        return None
    return given if not any(re.match(r"-[cnkdDu]", one) for one in words) else None


def _tee(_: list[str], given: str | None) -> str | None:
    return given


def _base64(words: list[str], given: str | None) -> str | None:
    if given is None or HOLE in given:
        return None
    decoding = any(one in ("-d", "-D", "--decode", "-di", "-id") for one in words)
    if any(not one.startswith("-") and one != "-" for one in words):
        return None
    if not decoding:
        return base64.b64encode(given.encode("utf-8", "replace")).decode() + "\n"
    return _decoded(given)


def _decoded(given: str) -> str | None:
    packed = "".join(given.split())
    packed += "=" * (-len(packed) % 4)
    try:
        return base64.b64decode(packed, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _openssl(words: list[str], given: str | None) -> str | None:
    coded = words[:1] == ["base64"] or (words[:1] == ["enc"] and "-base64" in words)
    if not coded or given is None or HOLE in given or "-d" not in words:
        return None
    return None if "-in" in words else _decoded(given)


def _xxd(words: list[str], given: str | None) -> str | None:
    if given is None or HOLE in given:
        return None
    flags = "".join(one[1:] for one in words if one.startswith("-"))
    if "r" not in flags or "p" not in flags or any(one[:1] != "-" for one in words):
        return None
    try:
        return bytes.fromhex("".join(given.split())).decode("utf-8", "replace")
    except ValueError:
        return None


def _rev(words: list[str], given: str | None) -> str | None:
    if given is None or words:
        return None
    lines = given.split("\n")
    return "\n".join(one[::-1] for one in lines)


def _letters(text: str) -> str | None:
    """The characters of a set of `tr`."""
    for name, letters in _SETS.items():
        text = text.replace(name, letters)
    if "[:" in text or HOLE in text:
        return None
    text = decode_echo(text)

    def spread(found: re.Match[str]) -> str:
        first, last = ord(found[1]), ord(found[2])
        return "".join(map(chr, range(first, min(last, first + 256) + 1)))

    return re.sub(r"(.)-(.)", spread, text, flags=re.S)


def _tr(words: list[str], given: str | None) -> str | None:
    if given is None:
        return None
    flags = ""
    while words and words[0].startswith("-") and len(words[0]) > 1:
        flags += words.pop(0)[1:]
    sets = [_letters(one) for one in words]
    if not sets or any(one is None for one in sets):
        return None
    first, second = sets[0] or "", (sets[1] or "") if len(sets) > 1 else ""
    if flags == "d":
        return given.translate({ord(one): None for one in first})
    if flags or not second:
        return None
    second += second[-1] * max(0, len(first) - len(second))
    return given.translate({ord(a): b for a, b in zip(first, second, strict=False)})


def _which(words: list[str], _: str | None) -> str | None:
    """`which rm`, `type -P rm`: where a program of that name lies."""
    named = [one for one in words if one[:1] != "-"]
    if len(named) != 1 or re.fullmatch(r"[\w.+-]+", named[0]) is None:
        return None
    return f"/usr/bin/{named[0]}\n"


def _named(words: list[str], given: str | None) -> str | None:
    """`command -v rm`."""
    flags = [one for one in words if one[:1] == "-"]
    return _which(words, given) if set(flags) <= {"-v", "-p", "-pv"} and flags else None


def _type(words: list[str], given: str | None) -> str | None:
    return _which(words, given) if words[:1] in (["-p"], ["-P"]) else None


def _base(words: list[str], _: str | None) -> str | None:
    if not words or words[0][:1] == "-" or len(words) > 2 or not words[0].strip("/"):
        return None
    name = words[0].rstrip("/").rpartition("/")[2]
    return (name.removesuffix(words[1]) if len(words) > 1 and name != words[1] else name) + "\n"


def _folder(words: list[str], _: str | None) -> str | None:
    if len(words) != 1 or words[0][:1] == "-" or not words[0].strip("/"):
        return None
    above, slash, _name = words[0].rstrip("/").rpartition("/")
    return (above or (slash or ".")) + "\n"


def _resolved(words: list[str], _: str | None) -> str | None:
    """`readlink -f /bin/rm`: a program is most likely no link to another."""
    named = [one for one in words if one[:1] != "-"]
    known = len(named) == 1 and re.fullmatch(r"/(?:usr/)?s?bin/[\w.+-]+", named[0]) is not None
    return f"{named[0]}\n" if known else None


def _lines(given: str | None, words: list[str]) -> list[str] | None:
    """The lines of a known input, where no file is named."""
    return None if given is None or HOLE in given or words else given.splitlines()


def _cut(words: list[str], given: str | None) -> str | None:
    """`cut -d: -f2`, `cut -c3-`."""
    sign, shape, rest, at = "\t", "", [], 0
    while at < len(words):
        word = words[at]
        at += 1
        if word[:2] not in ("-d", "-f", "-c", "-b") or HOLE in word:
            rest.append(word)
            continue
        value = word[2:] or (words[at] if at < len(words) else "")
        at += 0 if word[2:] else 1
        if word[1] == "d":
            sign = value
        else:
            shape = word[1] + value
    lines = _lines(given, rest)
    found = re.fullmatch(r"([fcb])(\d{0,4})(-?)(\d{0,4})", shape)
    if lines is None or found is None or not sign:
        return None
    first = int(found[2] or 1) - 1
    last = int(found[4] or _WIDE) if found[3] else first + 1
    made = []
    for line in lines:
        if found[1] == "f":
            made.append(sign.join(line.split(sign)[first:last]) if sign in line else line)
        else:
            made.append(line[first:last])
    return "\n".join(made) + "\n"


def _sed(words: list[str], given: str | None) -> str | None:
    """`sed s/a/b/` of plain texts."""
    words = [one for one in words if one not in ("-e", "-r", "-E", "-u")]
    lines = _lines(given, words[1:])
    if lines is None or not words:
        return None
    for one in re.split(r";\s*", words[0]):
        found = re.fullmatch(r"\s*s([/|#,@:!])([^\n]*?)\1([^\n]*?)\1(g?)\s*", one)
        if found is None or found[1] in found[3] or _SPECIAL.search(found[2] + found[3]):
            return None
        pattern = re.compile(_bracketed(found[2]))
        change = found[3].replace("\\", "\\\\")
        lines = [pattern.sub(change, line, count=0 if found[4] else 1) for line in lines]
    return "\n".join(lines) + "\n"


def _bracketed(pattern: str) -> str:
    """A pattern of `sed` that has no more than texts, `.` and `*` in it."""
    return re.sub(r"[^.*^$\w]", lambda one: re.escape(one[0]), pattern)


def _awk(words: list[str], given: str | None) -> str | None:
    """`awk '{print $2}'`, `awk 'BEGIN{print "x"}'`."""
    shape, split = words[-1] if words else "", None
    if len(words) == 2 and words[0][:2] == "-F" and words[0][2:]:
        split = words[0][2:]
    elif len(words) != 1:
        return None
    told = _AWK_TOLD.fullmatch(shape)
    if told is not None:
        return decode_echo(told[1]) + "\n"
    found = _AWK_FIELD.fullmatch(shape)
    lines = _lines(given, [])
    if found is None or lines is None:
        return None
    made = []
    for line in lines:
        parts = line.split(split)
        at = len(parts) if found[1] == "NF" else int(found[1])
        made.append(line if at == 0 else parts[at - 1] if at <= len(parts) else "")
    return "\n".join(made) + "\n"


def _ends(words: list[str], given: str | None, *, first: bool) -> str | None:
    """`head -n1`, `tail -1`, `tail -n +2`."""
    if not words:
        return _same(words, given)
    found = re.fullmatch(r"-n?\s?(\+?)(\d{1,4})|-c.*", " ".join(words))
    if found is None or found[2] is None or given is None or HOLE in given:
        return _same(words, given)
    lines, count = given.splitlines(keepends=True), int(found[2])
    if first:
        return "".join(lines[:count])
    return "".join(lines[max(count - 1, 0) :] if found[1] else lines[-count:] if count else [])


def _grep(words: list[str], given: str | None) -> str | None:
    """`grep x`, `grep -v x` of a plain text."""
    flags = "".join(one[1:] for one in words if one[:1] == "-")
    sought = [one for one in words if one[:1] != "-"]
    lines = _lines(given, sought[1:])
    if lines is None or not sought or not re.fullmatch(r"[\w ]+", sought[0]) or set(flags) - {"v"}:
        return None
    return "".join(f"{one}\n" for one in lines if (sought[0] in one) != ("v" in flags))


def _folded(words: list[str], given: str | None) -> str | None:
    """`fold -w99` of what is no wider."""
    found = re.fullmatch(r"-w ?(\d{1,4})", " ".join(words))
    lines = _lines(given, [])
    wide = (
        lines is not None and found is not None and all(len(one) <= int(found[1]) for one in lines)
    )
    return given if wide else None


def _paste(words: list[str], given: str | None) -> str | None:
    """`paste -sd ''`."""
    lines = _lines(given, [])
    found = re.fullmatch(r"-sd ?(.?)(?: -)?", " ".join(words))
    return None if lines is None or found is None else found[1].strip("0").join(lines) + "\n"


PASSING: Final = frozenset(
    {"cat", "head", "tail", "sort", "uniq", "base64", "xxd", "rev", "cut", "sed", "grep", "awk"}
)
"""Programs that print what is in the file that they are given last."""

_PRODUCERS: Final[dict[str, Callable[[list[str], str | None], str | None]]] = {
    "echo": _echo,
    "printf": lambda words, _: None if words[:1] == ["-v"] else printed(words),
    "cat": _cat,
    "tee": _tee,
    "head": lambda words, given: _ends(words, given, first=True),
    "tail": lambda words, given: _ends(words, given, first=False),
    "which": _which,
    "type": _type,
    "basename": _base,
    "dirname": _folder,
    "readlink": _resolved,
    "realpath": _resolved,
    "cut": _cut,
    "sed": _sed,
    "gsed": _sed,
    "awk": _awk,
    "gawk": _awk,
    "mawk": _awk,
    "grep": _grep,
    "paste": _paste,
    "fold": _folded,
    "sort": _same,
    "uniq": _same,
    "base64": _base64,
    "openssl": _openssl,
    "xxd": _xxd,
    "rev": _rev,
    "tr": _tr,
    "dd": lambda words, given: given if all(one[:3] != "if=" for one in words) else None,
}
