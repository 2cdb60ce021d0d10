"""
What the commands print: tables and colour for people, JSON for programs.

Much of what is shown was written by an agent, so no text reaches a terminal before its
control characters are made visible, and none of it is read as markup.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from governance.errors import ERROR, WARNING, DefinitionError, Diagnostic, GovernanceError
from governance.values import Json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Tone = Literal["good", "bad", "wary", "quiet", "plain"]

_STYLES: Mapping[str, str] = {
    "good": "green",
    "bad": "bold red",
    "wary": "yellow",
    "quiet": "dim",
    "plain": "",
}
_ACTION_TONES: Mapping[str, Tone] = {
    "allow": "good",
    "warn": "wary",
    "rewrite": "wary",
    "ask": "wary",
    "deny": "bad",
    "halt": "bad",
}
_SEVERITY_TONES: Mapping[str, Tone] = {ERROR: "bad", WARNING: "wary"}
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_WIDTH_WITHOUT_TERMINAL = 120


def visible(text: str) -> str:
    """
    *text* with every control character, and every sign that turns writing, made visible.

    Newlines and tabs stay.

    >>> visible("a\\x1b[2Jb")
    'a␛[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(_visible_sign(sign) for sign in text)


def _visible_sign(sign: str) -> str:
    if sign in "\n\t":
        return sign
    number = ord(sign)
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "\u2421"
    if sign in _BIDI or unicodedata.category(sign) in ("Cc", "Cs"):
        return f"<U+{number:04X}>"
    return sign


def console(*, stderr: bool = False) -> Console:
    """
    A console on standard output (or error), without colour where none is wanted.

    ``NO_COLOR`` and a stream that is no terminal switch colour off; ``COLUMNS`` sets the
    width, and where there is no terminal lines have 120 columns.
    """
    from rich.console import Console, ConsoleDimensions

    class Ours(Console):
        """A console that leaves a reader who has gone to the frame: its exit code is no 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    stream = sys.stderr if stderr else sys.stdout
    made = Ours(file=stream, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and not _columns():
        made.width = _WIDTH_WITHOUT_TERMINAL
    elif made.is_dumb_terminal:
        # One that can only append is as wide as it is, too.
        made.size = ConsoleDimensions(_columns() or _columns_of(stream) or made.width, made.height)
    return made


def _columns_of(stream: TextIO) -> int:
    import os

    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def _columns() -> int:
    import os

    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isascii() and given.isdigit() else 0


def styled(text: str, tone: Tone = "plain") -> Text:
    """*text*, made visible, in the colour of *tone*."""
    from rich.text import Text

    made = Text(visible(text))
    # A style of the whole would colour what is appended later, too.
    made.stylize(_STYLES[tone])
    return made


def action_text(action: str) -> Text:
    """The name of an action in its colour: green lets through, red does not."""
    return styled(action, _ACTION_TONES.get(action, "plain"))


def print_line(text: str, tone: Tone = "plain", *, stderr: bool = False) -> None:
    """Print one line; it is folded to the width of the terminal."""
    console(stderr=stderr).print(styled(text, tone), soft_wrap=not sys.stdout.isatty())


def print_json(value: Json, *, lines: bool = False) -> None:
    """Print *value* as JSON in ASCII, on one line when *lines* are asked for."""
    text = json.dumps(value, indent=None if lines else 2, default=_plain)
    sys.stdout.write(text + "\n")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"`{type(value).__name__}` is no JSON value")


def value_text(value: Json, chars_max: int) -> str:
    """
    *value* on one line for people: a text as it is, a table as ``name: value, …``.

    >>> value_text({"text": "a  b", "tags": ["x", 1]}, 100), value_text("abcdef", 4)
    ('text: a b, tags: [x, 1]', 'ab …')
    """
    text = " ".join(_value_words(value, 0).split())
    return text if len(text) <= chars_max else f"{text[: chars_max - 2]} …"


def _value_words(value: Json, depth: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name}: {_value_words(one, depth + 1)}" for name, one in value.items())
        return f"{{{inner}}}" if depth else inner
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_value_words(one, depth + 1) for one in value)
        return f"[{inner}]" if depth else inner
    return json.dumps(value)


def diagnostic_json(one: Diagnostic) -> dict[str, Json]:
    """*one* as programs read it."""
    return {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "file": one.file,
        "line": one.line,
        "suggestion": one.suggestion,
    }


def print_diagnostics(found: Sequence[Diagnostic], *, stderr: bool = False) -> None:
    """Print each problem on its own lines: place, code, message; below it how to mend."""
    out = console(stderr=stderr)
    for one in found:
        line = styled(f"{one.file}:{one.line}: " if one.line else f"{one.file}: ", "quiet")
        if not one.file:
            line = styled("")
        line.append_text(styled(f"{one.code} ", _SEVERITY_TONES.get(one.severity, "quiet")))
        line.append_text(styled(one.message))
        out.print(line, soft_wrap=True)
        if one.suggestion:
            out.print(styled(f"    {one.suggestion}", "good"), soft_wrap=True)


def print_error(error: GovernanceError, *, as_json: bool) -> None:
    """Say why a command could not do what was asked: JSON on standard output, or text."""
    if isinstance(error, DefinitionError):
        found: tuple[Diagnostic, ...] = error.diagnostics
    else:
        found = (Diagnostic(error.code, error.message, suggestion=error.remedy),)
    if as_json:
        print_json({"ok": False, "diagnostics": [diagnostic_json(one) for one in found]})
    else:
        print_diagnostics(found, stderr=True)


def span(milliseconds: int) -> str:
    """
    A length of time in its two largest units.

    >>> span(93_784_000), span(0), span(61_500)
    ('1 d 2 h', '0 s', '1 min 1 s')
    """
    seconds = abs(milliseconds) // 1000
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    sign = "-" if milliseconds < 0 else ""
    return sign + (" ".join(parts[:2]) or "0 s")


def moment(at_ms: int) -> str:
    """*at_ms* (milliseconds since 1970 UTC) as ISO 8601 in UTC, to the second."""
    import time

    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms / 1000))
    except (OverflowError, OSError, ValueError):
        return f"{at_ms} ms"
