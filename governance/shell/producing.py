"""
What programs print that only pass text on: known in, known out.

Only what depends on nothing but its words and its input is here. `None` says that the output
is not known.
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Final

from governance.shell import editing, filters
from governance.shell.printing import TEXT_MAX, echoed, printed
from governance.shell.values import HOLE

_CODED_WIDTH: Final = 76
"""Characters after which `base64` begins a new line."""

_UNDECODABLE: Final = "\ufffd"
_NAME: Final = re.compile(r"[A-Za-z0-9_.+%@:][A-Za-z0-9_.+%@:-]*")
_ENDING: Final = re.compile(r"[^/]\.[A-Za-z0-9]{1,8}$")
_DOTTED: Final = re.compile(r"(?:^|/)\.(?!venv)\w*(?:env|rc)(?:\.\w+)?$")
_PROGRAM: Final = re.compile(r"/(?:usr/)?s?bin/[A-Za-z0-9_.+-]+")
_DECODING: Final = frozenset({"-d", "-D", "--decode", "-i", "--ignore-garbage", "-di", "-id"})
_UNWRAPPED: Final = (["-w0"], ["-w", "0"], ["--wrap=0"], ["--wrap", "0"])


def output_of(argv: Sequence[str], given: str | None) -> str | None:
    """What *argv* prints if its input is *given*; ``None``: not known."""
    if given is not None and len(given) > TEXT_MAX:
        return None
    while len(argv) > 1 and argv[0] in _BEFORE and argv[1][:1] != "-":
        argv = argv[1:]
    if not argv:
        return None
    program = argv[0].rpartition("/")[2]
    known = _PRODUCERS.get(program)
    made = None if known is None else known(list(argv[1:]), given)
    return None if made is None or len(made) > TEXT_MAX or _UNDECODABLE in made else made


def _base64(words: list[str], given: str | None) -> str | None:
    if given is None or HOLE in given:
        return None
    words = [one for one in words if one != "-"]
    if words and set(words) <= _DECODING and set(words) - {"-i", "--ignore-garbage"}:
        if any("i" in one for one in words if one != "--decode"):
            given = re.sub(r"[^A-Za-z0-9+/=]", "", given)
        return _decoded(given)
    coded = base64.b64encode(given.encode("utf-8", "replace")).decode()
    if words in _UNWRAPPED:
        return coded
    return filters.joined(textwrap.wrap(coded, _CODED_WIDTH)) if not words else None


def _decoded(given: str) -> str | None:
    """A text of base64, in lines; a padding that is missing is taken for granted."""
    packed = given.replace("\n", "")
    packed += "=" * (-len(packed) % 4)
    try:
        return base64.b64decode(packed, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _openssl(words: list[str], given: str | None) -> str | None:
    coded = words[:1] == ["base64"] or (
        words[:1] == ["enc"] and any(one in words for one in ("-base64", "-a"))
    )
    if not coded or given is None or HOLE in given or "-d" not in words:
        return None
    return _decoded(given) if set(words[1:]) <= {"-d", "-A", "-base64", "-a"} else None


def _xxd(words: list[str], given: str | None) -> str | None:
    if given is None or HOLE in given or set(words) not in ({"-r", "-p"}, {"-r", "-ps"}, {"-rp"}):
        return None
    try:
        return bytes.fromhex("".join(given.split())).decode("utf-8", "replace")
    except ValueError:
        return None


def _which(words: list[str], _: str | None) -> str | None:
    """`which rm`: where a program of that name lies."""
    known = len(words) == 1 and _NAME.fullmatch(words[0]) is not None
    return f"/usr/bin/{words[0]}\n" if known else None


def _named(words: list[str], given: str | None) -> str | None:
    """`command -v rm`."""
    return _which(words[1:], given) if words[:1] in (["-v"], ["-pv"]) else None


def _type(words: list[str], given: str | None) -> str | None:
    """`type -P rm`."""
    return _which(words[1:], given) if words[:1] in (["-p"], ["-P"]) else None


def _base(words: list[str], _: str | None) -> str | None:
    """`basename a/b.sh .sh`."""
    if not words or words[0][:1] == "-" or len(words) > 2 or not words[0].strip("/"):
        return None
    name = words[0].rstrip("/").rpartition("/")[2]
    return (name.removesuffix(words[1]) if len(words) > 1 and name != words[1] else name) + "\n"


def _folder(words: list[str], _: str | None) -> str | None:
    """`dirname a/b`."""
    if len(words) != 1 or words[0][:1] == "-" or not words[0].strip("/"):
        return None
    above, slash, _name = words[0].rstrip("/").rpartition("/")
    return (above.rstrip("/") or (slash or ".")) + "\n"


def _resolved(words: list[str], _: str | None) -> str | None:
    """`readlink -f /bin/rm`: a program is most likely no link to another."""
    named = [one for one in words if one[:1] != "-"]
    known = len(named) == 1 and _PROGRAM.fullmatch(named[0]) is not None
    return f"{named[0]}\n" if known else None


def _listed(words: list[str], _: str | None) -> str | None:
    """`ls *.toml`: a name with an ending is most likely a file's, and listed as it is."""
    options = [one for one in words if one[:1] == "-"]
    named = [one for one in words if one[:1] != "-"]
    whole = any("d" in one for one in options if one[:2] != "--")
    if not all(re.fullmatch(r"-[1adA]+|--all|--directory|--", one) for one in options):
        return None
    if not named or not (whole or all(_ENDING.search(one) or _DOTTED.search(one) for one in named)):
        return None
    return filters.joined(named)


_BEFORE: Final = frozenset({"command", "builtin", "exec"})
"""Builtins that run what stands behind them."""

NAMES_ON: Final = frozenset({"echo", "printf", "ls", "cat", "tee"})
"""Programs that print the names of files as they were given."""

PASSING: Final = frozenset(
    {"cat", "head", "tail", "sort", "uniq", "base64", "xxd", "rev", "cut", "sed", "grep", "awk"}
)
"""Programs that print what is in the file that they are given last."""

_PRODUCERS: Final[dict[str, Callable[[list[str], str | None], str | None]]] = {
    "echo": lambda words, _: echoed(words),
    "printf": lambda words, _: None if words[:1] == ["-v"] else printed(words),
    "command": _named,
    "which": _which,
    "type": _type,
    "ls": _listed,
    "basename": _base,
    "dirname": _folder,
    "readlink": _resolved,
    "realpath": _resolved,
    "base64": _base64,
    "openssl": _openssl,
    "xxd": _xxd,
    "tee": filters.copied,
    "cat": filters.same,
    "dd": filters.converted,
    "head": filters.head,
    "tail": filters.tail,
    "cut": filters.cut,
    "grep": filters.grep,
    "paste": filters.paste,
    "fold": filters.fold,
    "sort": filters.sort,
    "uniq": filters.unique,
    "rev": filters.reverse,
    "tr": filters.tr,
    "sed": editing.sed,
    "gsed": editing.sed,
    "awk": editing.awk,
    "gawk": editing.awk,
    "mawk": editing.awk,
}
