"""
The one way to read TOML: every problem has a line, every key can be found again.

`tomllib` tells a line for errors of syntax alone. What is wrong with the *meaning* of a
file is found later, by path (``("rule", 2, "when", "path")``), and `Document.line_of` turns
such a path into a line. The map behind it is built when the first line is asked for, so a
file without a problem never pays for it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from attrs import field

from governance._attrs import frozen
from governance.errors import DefinitionError, Diagnostic, Problem, sign_of

Path: TypeAlias = "tuple[str | int, ...]"

BYTES_MAX = 4_000_000
DEPTH_MAX = 32
INTEGER_MAX = 2**63 - 1
WORDS_CHARACTERS_MAX = 4_000
"""What is said of one problem, and of how to mend it; a key may be as long as its file."""

CODES: Mapping[str, str] = {
    "GOV101": "the file is no TOML 1.0",
    "GOV102": "the file is no text that can be read",
    "GOV103": "a number does not fit 64 bits",
    "GOV104": "the file is nested too deep",
}


@frozen
class Document:
    """
    A TOML file that was read, and where each of its keys stands.

    Attributes:
        data: What `tomllib` made of it.

        file: The path as the user gave it, for messages.

        text: The text, as it was read.
    """

    data: Mapping[str, object] = field(eq=False)
    file: str
    text: str = field(repr=False)
    _known: dict[Path, int] = field(factory=dict, init=False, eq=False, repr=False)

    def line_of(self, path: Path) -> int:
        """
        The 1-based line of the key, table or array element at *path*.

        An unknown path gives the line of its nearest known parent, and 1 at the root:
        a missing key is reported where it should have stood.
        """
        known = self._lines
        for end in range(len(path), 0, -1):
            line = known.get(path[:end])
            if line is not None:
                return line
        return 1

    @property
    def _lines(self) -> dict[Path, int]:
        if not self._known:
            self._known.update(_Scan(self.text).run())
        return self._known


def read_toml(text: str | bytes, file: str, *, bytes_max: int = BYTES_MAX) -> Document:
    """
    *text* as a `Document`; *file* only names it in messages.

    Raises:
        DefinitionError: GOV101 (syntax, with line and column), GOV102 (not UTF-8, with a
            byte order mark, empty, larger than *bytes_max* bytes), GOV103 (an integer
            beyond 64 bits) or GOV104 (deeper than 32 levels). Nothing is given then.
    """
    plain = _decode(text, file, bytes_max)
    _refuse_long_keys(plain, file)
    document = Document(_parse(plain, file), file, plain)
    problems = [place(document, one) for one in _bounds(document.data)]
    if problems:
        raise DefinitionError(tuple(problems))
    return document


def parsed_document(data: Mapping[str, object], text: str | bytes, file: str) -> Document:
    """
    The document of a text of which it is known that `read_toml` makes *data* of it.

    Raises:
        UnicodeDecodeError: It cannot be known: these bytes are no text.
    """
    return Document(data, file, text.decode("utf-8") if isinstance(text, bytes) else text)


def place(document: Document, problem: Problem) -> Diagnostic:
    """
    *problem* as a diagnostic, with the file and the line where its path stands.

    Its words stay in one line each, bounded: what a file holds must not write lines of ours.
    """
    return Diagnostic(
        code=problem.code,
        message=_in_one_line(problem.message),
        file=document.file,
        line=document.line_of(problem.path),
        path=problem.path,
        suggestion=_in_one_line(problem.suggestion),
        severity=problem.severity,
    )


def _in_one_line(text: str) -> str:
    if len(text) > WORDS_CHARACTERS_MAX:
        text = text[: WORDS_CHARACTERS_MAX - 1] + "…"
    return text.replace("\n", "␊").replace("\r", "␍")


def _refusal(code: str, message: str, file: str, line: int, suggestion: str) -> DefinitionError:
    return DefinitionError((Diagnostic(code, message, file, line, (), suggestion),))


def _decode(text: str | bytes, file: str, bytes_max: int) -> str:
    if len(text) > bytes_max:
        # How many more it has nobody has looked: reading ends there.
        raise _refusal(
            "GOV102",
            f"the file has more than {bytes_max} bytes, which is the most that is read",
            file,
            0,
            "split it into several files",
        )
    if isinstance(text, bytes):
        _refuse_utf16(text, file)
        try:
            plain = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line = text.count(b"\n", 0, error.start) + 1
            message = f"byte `0x{text[error.start]:02x}` is no UTF-8"
            raise _refusal("GOV102", message, file, line, "save the file as UTF-8") from None
    else:
        plain = text
    if plain.startswith("\ufeff"):
        message = "the file starts with a byte order mark"
        raise _refusal("GOV102", message, file, 1, "save it as UTF-8 without one")
    if not plain.strip():
        raise _refusal("GOV102", "the file is empty", file, 1, "write at least its first table")
    spoilt = _SPOILT.search(plain)
    if spoilt:
        line = plain.count("\n", 0, spoilt.start()) + 1
        sign = "a NUL" if spoilt.group() == "\x00" else "half of a surrogate pair"
        raise _refusal("GOV102", f"the text holds {sign}", file, line, "take it out")
    return plain


def _refuse_utf16(text: bytes, file: str) -> None:
    head = text[:64]
    # Of plain letters every second byte is a NUL.
    nuls = len(head) >= 4 and not (any(head[::2]) and any(head[1::2]))
    if nuls or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        mend = "save the file as UTF-8"
        raise _refusal("GOV102", "the file is UTF-16, not UTF-8", file, 1, mend)


_SPOILT = re.compile("[\x00\ud800-\udfff]")


# tomllib needs time that grows with the square of a dotted key's length: a pack of a
# stranger's repository could hold a hook up until the host goes on without it.
# No group is possessive: before 3.11.5 Python's `re` loses its place after one. Alternatives
# that never begin alike are as fast, for there is nothing to go back to.
_NAME = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*+'|[A-Za-z0-9_-]+)"""
# These and those below are texts, which `re` compiles and keeps at their first use: a file
# in which nothing is wrong needs none of them.
_LONG_KEY = rf"(?:^|[\[{{,])[ \t]*+(?:{_NAME}[ \t]*+\.[ \t]*+){{{DEPTH_MAX}}}"


def _refuse_long_keys(plain: str, file: str) -> None:
    for number, line in enumerate(plain.split("\n"), 1):
        if line.count(".") >= DEPTH_MAX and re.search(_LONG_KEY, line):
            message = f"a dotted key has more than {DEPTH_MAX} parts"
            raise _refusal("GOV104", message, file, number, "shorten it")


_POSITION = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"


def _parse(plain: str, file: str) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(plain)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(plain, file, str(error)) from None
    except RecursionError:
        message = f"arrays or tables are nested deeper than {DEPTH_MAX} levels"
        raise _refusal("GOV104", message, file, 0, "flatten them") from None
    except ValueError as error:
        # The interpreter refuses to read integers of thousands of digits, and dates that
        # do not exist, with errors of its own that name no place.
        digits = re.search(r"\d{4000,}", plain)
        line = plain.count("\n", 0, digits.start()) + 1 if digits else 0
        text = "a number has thousands of digits" if digits else f"a value is refused: {error}"
        raise _refusal("GOV101", text, file, line, "correct the value") from None


def _syntax(plain: str, file: str, words: str) -> DefinitionError:
    found = re.search(_POSITION, words)
    what = re.sub(_POSITION, "", words)
    if found is None or found.group(1) is None:
        # At the end of the document: the last line that holds something is nearest.
        line = plain.rstrip().count("\n") + 1
        where = "at the end of the file"
        rest = ""
    else:
        line, column = int(found.group(1)), int(found.group(2))
        where = f"at column {column}"
        lines = plain.replace("\r\n", "\n").split("\n")
        rest = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    alone = re.search(r"\r(?!\n)", plain)
    if alone is not None:
        line = plain.count("\n", 0, alone.start()) + 1
        text, mend = "a line ends with a carriage return alone", "end lines with a line feed"
        return _refusal("GOV101", text, file, line, mend)
    message, mend = _foreign(plain, rest) or _plainly(what, rest)
    return _refusal("GOV101", f"{message}, {where}", file, line, mend)


_MERGE_MARKS = ("<<<<<<<", "=======", ">>>>>>>")
_FOREIGN: tuple[tuple[str, str, str], ...] = (
    ("{", "this is JSON, and no TOML", "write `[table]` headers and `key = value` lines"),
    ("<", "this is HTML or XML, and no TOML", "get the file itself, not the page about it"),
    ("---", "this is YAML, and no TOML", "write `[table]` headers and `key = value` lines"),
)


def _foreign(plain: str, rest: str) -> tuple[str, str] | None:
    """What stands where TOML ends: a mark of a merge, another language, another script's sign."""
    if rest.startswith(_MERGE_MARKS):
        return "a merge was not finished here", "choose one side, and take the marks out"
    for start, words, mend in _FOREIGN:
        if rest.startswith(start) and plain.lstrip().startswith(rest.split("\n", 1)[0]):
            return words, mend
    sign = rest.lstrip(" \t")[:1]
    if sign and not sign.isascii():
        return f"{sign_of(sign)} cannot stand here", "type it anew, as a plain sign"
    return None


_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        "Cannot overwrite a value",
        "a key stands twice in one table",
        "keep one of the two (a key after a `[table]` header belongs to that table)",
    ),
    ("Cannot declare", "a table is declared twice", "join the two"),
    (
        "Cannot mutate immutable namespace",
        "a table that was written in braces cannot be added to",
        "write all of its keys inside the braces, or dotted keys everywhere",
    ),
    ("Duplicate inline table key", "a key stands twice in one table", "keep one of the two"),
    (
        "Invalid value",
        "a value is missing or is no TOML",
        "strings stand in quotes; booleans are `true` and `false`",
    ),
    (
        "Expected newline or end of document after a statement",
        "something follows a value on its line",
        "begin a new line, or close the string before it",
    ),
    ("Expected '=' after a key", "a key has no `=` after it", "write `key = value`"),
    ("Unclosed array", "an array is not closed", "add `]`, and a comma between the values"),
    (
        "Unclosed inline table",
        "a table in braces is not closed",
        "add `}`, and a comma between the keys; it has to stay on one line",
    ),
    ("Unterminated string", "a string is not closed", "add the closing quotes"),
    (
        "Unescaped '\\' in a string",
        "a backslash in a string means nothing known",
        "write the string in single quotes, or the backslash twice",
    ),
    (
        "Expected ']' at the end of a table declaration",
        "the header of a table is not closed",
        "write `[table]`",
    ),
    (
        "Escaped character is not a Unicode scalar value",
        "an escape names half of a surrogate pair",
        "write the sign itself",
    ),
    ("Invalid statement", "this is neither a key nor a header", "write `key = value` or `[table]`"),
    ("Invalid hex value", "an escape names no character", "write the backslash twice"),
)


def _plainly(what: str, rest: str) -> tuple[str, str]:
    if what.startswith("Invalid initial character for a key part"):
        if rest.strip() == "":
            return "a key was expected", "a table in braces stays on one line, without a last comma"
        return f"`{rest[0]}` cannot begin a key", "quote the key, or remove what is before it"
    if what.startswith("Expected '=' after a key") and rest.startswith(":"):
        return "a key has no `=` after it", "write `key = value`, for TOML has no colon"
    if what.startswith("Illegal character"):
        sign = what.removeprefix("Illegal character").strip()
        if "\\n" in sign:
            return "a string is not closed on its line", 'add the closing quote, or use `"""`'
        return f"character {sign} cannot stand here", "take it out, or write it as `\\u....`"
    for start, words, mend in _WORDS:
        if what.startswith(start):
            return words, mend
    return what[:1].lower() + what[1:], "see https://toml.io/en/v1.0.0"


def _bounds(data: Mapping[str, object]) -> list[Problem]:
    """Nesting and integers out of bounds; what passes can be walked by recursion."""
    problems: list[Problem] = []
    stack: list[tuple[object, Path]] = [(data, ())]
    while stack:
        value, path = stack.pop()
        if isinstance(value, int):
            if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
                problems.append(
                    Problem("GOV103", "an integer does not fit 64 bits", path, "use a smaller one")
                )
            continue
        pairs: Iterable[tuple[str | int, object]]
        if isinstance(value, dict):
            pairs = value.items()
        elif isinstance(value, list):
            pairs = enumerate(value)
        else:
            continue
        if len(path) > DEPTH_MAX:
            message = f"nested deeper than {DEPTH_MAX} levels"
            return [Problem("GOV104", message, path[:DEPTH_MAX], "flatten it")]
        stack.extend((one, (*path, key)) for key, one in pairs if type(one) is not str)
    return problems


_GAP = r"(?:[ \t\r\n]|#[^\n]*+)*"
_DOT = r"[ \t]*+\.[ \t]*+"
_KEY = rf"[ \t]*+({_NAME})"
_STRING = (
    r'''(?s)"""(?:[^"\\]++|\\.|"{1,2}(?!"))*"{3,5}'''
    r"""|'{3}(?:[^']++|'{1,2}(?!'))*'{3,5}"""
    r"""|"(?:[^"\\\n]++|\\.)*"|'[^'\n]*+'"""
)
_SCALAR = r"[^,\]}\n#]*+"


class _Scan:
    """One walk over a text that `tomllib` has found to be right, noting where keys stand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}
        self.breaks = [one.start() for one in re.finditer("\n", text)]

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._gap() < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _gap(self) -> int:
        return self._eat(_GAP).end()

    def _eat(self, pattern: str) -> re.Match[str]:
        found = re.compile(pattern).match(self.text, self.at)
        # INVARIANT: tomllib has read this text, so what the grammar demands stands here.
        assert found is not None, f"no {pattern!r} at offset {self.at}"
        self.at = found.end()
        return found

    def _line(self) -> int:
        return bisect_right(self.breaks, self.at - 1) + 1

    def _keys(self) -> list[str]:
        names = [_name(self._eat(_KEY).group(1))]
        while (dot := re.compile(_DOT).match(self.text, self.at)) is not None:
            self.at = dot.end()
            names.append(_name(self._eat(_KEY).group(1)))
        return names

    def _header(self) -> Path:
        line = self._line()
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        names = self._keys()
        self.at = self.text.index("]", self.at) + (2 if many else 1)
        path: Path = ()
        for name in names[:-1]:
            path = (*path, name)
            self.lines.setdefault(path, line)
            if path in self.tables:  # a table below the newest element of an array
                path = (*path, self.tables[path])
        path = (*path, names[-1])
        if many:
            self.lines.setdefault(path, line)
            self.tables[path] = self.tables.get(path, -1) + 1
            path = (*path, self.tables[path])
        self.lines[path] = line
        return path

    def _pair(self, table: Path) -> None:
        path = table
        self._gap()
        line = self._line()
        for name in self._keys():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.lines[path] = line
        self.at = self.text.index("=", self.at) + 1
        self._gap()
        self._value(path)

    def _value(self, path: Path) -> None:
        sign = self.text[self.at]
        if sign in "\"'":
            self._eat(_STRING)
        elif sign == "[":
            self.at += 1
            index = 0
            while self.text[self._gap()] != "]":
                self.lines[(*path, index)] = self._line()
                self._value((*path, index))
                index += 1
                if self.text[self._gap()] == ",":
                    self.at += 1
            self.at += 1
        elif sign == "{":
            self.at += 1
            while self.text[self._gap()] != "}":
                self._pair(path)
                if self.text[self._gap()] == ",":
                    self.at += 1
            self.at += 1
        else:
            self._eat(_SCALAR)


def _name(token: str) -> str:
    if token[0] == '"':
        if "\\" not in token:
            return token[1:-1]
        import tomllib

        return str(tomllib.loads(f"key = {token}")["key"])
    return token[1:-1] if token[0] == "'" else token
