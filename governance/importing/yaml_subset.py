"""
The small part of YAML that rule files use: tables and lists by indentation, plain texts.

Read strictly: anchors, aliases, tags, merge keys, flow tables, several documents and texts
that go on without a sign for it are refused, each with its line, for a guess about a rule
is worse than none.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.importing.values import Source, text_of, unreadable

BYTES_MAX = 1_000_000
DEPTH_MAX = 12

Node: TypeAlias = "Scalar | list[Node] | dict[str, Node]"

_KEY = re.compile(r"""(?P<key>"[^"\\]*"|'[^']*'|[A-Za-z0-9_.@/*-]+)\s*:(?:\s+(?P<rest>.*))?$""")
_REFUSED = ("&", "*", "!", "{", "%", "@", "`", "?")
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "/": "/"}


@frozen
class Scalar:
    """A text, or nothing, and the line on which it stands."""

    text: str
    line: int
    quoted: bool = False


@frozen
class Yaml:
    """A document, and the line of every key in it by the table that holds it."""

    root: dict[str, Node]
    lines: dict[tuple[int, str], int] = field(repr=False)

    def line_of(self, table: dict[str, Node], key: str) -> int:
        """The line of *key* in *table*, or 0."""
        return self.lines.get((id(table), key), 0)


@frozen
class _Line:
    number: int
    indent: int
    text: str


def read_yaml(source: Source) -> Yaml:
    """
    The table that *source* holds.

    Raises:
        DefinitionError: GOV670, it is no text, or uses more of YAML than is understood.
    """
    reader = _Reader(source, _lines(source))
    if not reader.lines:
        raise unreadable(source.file, 1, "there is nothing in it but comments")
    root = reader.block(reader.lines[0].indent, 0)
    if reader.at < len(reader.lines):
        raise reader.refused(reader.lines[reader.at], "it stands further out than what it follows")
    if not isinstance(root, dict):
        raise unreadable(source.file, 1, "it is no table of rules")
    return Yaml(root, reader.known)


def _lines(source: Source) -> list[_Line]:
    made: list[_Line] = []
    for number, line in enumerate(text_of(source, BYTES_MAX).splitlines(), 1):
        text = line.strip()
        if text in ("---", "...") or text.startswith("%"):
            if made:
                raise unreadable(source.file, number, "a second document is not understood")
            continue
        indent = len(line) - len(line.lstrip(" "))
        if line[indent : indent + 1] == "\t":
            raise unreadable(source.file, number, "a tab in the indentation")
        made.append(_Line(number, indent, text))
    # Comments and empty lines count inside a text of several lines alone.
    first = next((at for at, one in enumerate(made) if one.text and one.text[0] != "#"), None)
    return [] if first is None else made[first:]


@define(eq=False)
class _Reader:
    source: Source
    lines: list[_Line]
    at: int = 0
    known: dict[tuple[int, str], int] = field(factory=dict)

    def refused(self, line: _Line, why: str) -> Exception:
        return unreadable(self.source.file, line.number, f"`{line.text[:60]}`: {why}")

    def _next(self) -> _Line | None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.text and not line.text.startswith("#"):
                return line
            self.at += 1
        return None

    def block(self, indent: int, depth: int) -> Node:
        line = self._next()
        if depth > DEPTH_MAX and line is not None:
            raise self.refused(line, f"it is nested deeper than {DEPTH_MAX} levels")
        if line is None or line.indent < indent:
            return Scalar("", line.number if line is not None else 0)
        if line.text == "-" or line.text.startswith("- "):
            return self._list(line.indent, depth)
        return self._table(line.indent, depth)

    def _list(self, indent: int, depth: int) -> list[Node]:
        made: list[Node] = []
        while (line := self._next()) is not None and line.indent == indent:
            if line.text != "-" and not line.text.startswith("- "):
                break
            rest = line.text[1:].lstrip()
            inner = indent + len(line.text) - len(rest) if rest else indent + 1
            if not rest or rest.startswith("#"):
                self.at += 1
                made.append(self.block(indent + 1, depth + 1))
            elif _KEY.match(rest) and not rest.startswith(('"', "'")):
                # The item is a table that begins on this line.
                self.lines[self.at] = _Line(line.number, inner, rest)
                made.append(self._table(inner, depth + 1))
            else:
                self.at += 1
                made.append(self._scalar(_Line(line.number, inner, rest), rest, indent))
        self._check_end(indent)
        return made

    def _table(self, indent: int, depth: int) -> dict[str, Node]:
        made: dict[str, Node] = {}
        while (line := self._next()) is not None and line.indent == indent:
            found = _KEY.match(line.text)
            if found is None:
                raise self.refused(line, "it is not of the form `key: value`")
            key = found["key"].strip("\"'")
            if key in made:
                raise self.refused(line, f"the key `{key}` stands twice")
            if key == "<<":
                raise self.refused(line, "merge keys are not understood")
            self.known[id(made), key] = line.number
            self.at += 1
            rest = (found["rest"] or "").strip()
            if rest and not rest.startswith("#"):
                made[key] = self._scalar(line, rest, indent)
                continue
            below = self._next()
            beside = below is not None and below.indent == indent and below.text[:2] in ("-", "- ")
            made[key] = self.block(indent if beside else indent + 1, depth + 1)
        self._check_end(indent)
        return made

    def _check_end(self, indent: int) -> None:
        line = self._next()
        if line is not None and line.indent > indent:
            raise self.refused(line, "it goes on with nothing that is understood")

    def _scalar(self, line: _Line, rest: str, indent: int) -> Node:
        if rest[0] in "|>":
            return self._several_lines(line, rest, indent)
        if rest[0] == "[":
            return self._flow(line, rest)
        if rest[0] in "\"'":
            text, left = self._quoted(line, rest)
            if left and not left.startswith("#"):
                raise self.refused(line, "something follows the quoted text")
            return Scalar(text, line.number, quoted=True)
        if rest.startswith(_REFUSED):
            raise self.refused(line, "only plain and quoted texts are understood")
        plain = re.split(r"\s#", rest, maxsplit=1)[0].strip()
        if ": " in plain or plain.endswith(":"):
            raise self.refused(line, "a text with `: ` in it needs quotes")
        return Scalar(plain, line.number)

    def _quoted(self, line: _Line, rest: str) -> tuple[str, str]:
        quote, made, at = rest[0], [], 1
        while at < len(rest):
            sign = rest[at]
            if sign == quote:
                if quote == "'" and rest[at + 1 : at + 2] == "'":
                    made.append("'")
                    at += 2
                    continue
                return "".join(made), rest[at + 1 :].strip()
            if sign == "\\" and quote == '"':
                escape = rest[at + 1 : at + 2]
                if escape not in _ESCAPES:
                    raise self.refused(line, f"the escape `\\{escape}` is not understood")
                made.append(_ESCAPES[escape])
                at += 2
                continue
            made.append(sign)
            at += 1
        raise self.refused(line, "the quoted text does not end on its line")

    def _flow(self, line: _Line, rest: str) -> list[Node]:
        made: list[Node] = []
        left = rest[1:].strip()
        while True:
            if left.startswith("]"):
                tail = left[1:].strip()
                if tail and not tail.startswith("#"):
                    raise self.refused(line, "something follows the list")
                return made
            if not left:
                raise self.refused(line, "the list does not end on its line")
            if left[0] in "\"'":
                text, left = self._quoted(line, left)
                made.append(Scalar(text, line.number, quoted=True))
            else:
                found = re.match(r"[^,\[\]{}#&*!|>'\"%@`]+", left)
                if found is None:
                    raise self.refused(line, "only texts are understood in a list of one line")
                made.append(Scalar(found.group().strip(), line.number))
                left = left[found.end() :].strip()
            if left.startswith(","):
                left = left[1:].strip()
            elif not left.startswith("]"):
                raise self.refused(line, "members of a list are divided by `,`")

    def _several_lines(self, line: _Line, rest: str, indent: int) -> Scalar:
        if rest not in ("|", "|-", ">", ">-"):
            raise self.refused(line, f"`{rest}` is not understood; `|` and `>` are")
        parts: list[str] = []
        first: int | None = None
        while self.at < len(self.lines):
            below = self.lines[self.at]
            if below.text and below.indent <= indent:
                break
            if below.text:
                first = below.indent if first is None else first
                parts.append(" " * max(0, below.indent - first) + below.text)
            else:
                parts.append("")
            self.at += 1
        joined = ("\n" if rest[0] == "|" else " ").join(parts)
        return Scalar(joined.strip("\n"), line.number, quoted=True)
