"""
From text to a skeleton that the grammar reads without doubt, and what stands behind it.

The grammar knows commands well and words badly: quotes in quotes, here-documents, `$"…"`,
`<>`, `;&` and co-processes lead it astray, at worst without a sign. So words are found here,
each is covered by a plain word of the same length, each redirection by one plain redirection,
and the grammar decides on what is left: lists, pipes, groups, branches, loops, functions.

Positions in the skeleton are positions in the text, and it is ASCII, so that bytes are
characters.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import field

from governance._attrs import define, frozen
from governance.shell.boundaries import (
    ASSIGNMENT,
    BLANK,
    NAME,
    TooLong,
    Unclosed,
    arithmetic_end,
    bracket_end,
    regex_end,
    skip_blank,
    skip_lines,
    word_end,
)
from governance.shell.quoting import unquoted

_OPERATOR: Final = re.compile(r";;&|;;|;&|;|&&|&|\|\||\|&|\||\(|\)")
_REDIRECT: Final = re.compile(
    r"(?:[0-9]+|\{[A-Za-z_]\w*\})?(?:<<<|<<-|<<|<>|<&|<|>>|>\||>&|>)|&>>|&>"
)
_ARRAY_ITEM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[")
_OPENING: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "{"})
_CLOSING: Final = frozenset({"fi", "done", "esac", "}"})
RESERVED: Final = _OPENING | _CLOSING | {"for", "select", "case", "function", "in"}
_BLOCKS: Final = frozenset({"{", "if", "while", "until", "for", "select", "case"})
_SEPARATED: Final = _CLOSING | {"then", "do", "elif", "else"}
_COMPOUND: Final = frozenset({"{", "if", "while", "until", "for", "select", "case", "[["})
_BETWEEN: Final = frozenset({"word", "pattern"})
DECLARING: Final = frozenset({"declare", "export", "local", "readonly", "typeset"})


TOKENS_MAX: Final = 5_000
"""Words and signs of one text that are looked at."""

OPEN_MAX: Final = 200
"""Groups, branches and loops that may be open at once."""

PROBLEMS_MAX: Final = 64
"""Problems after which a text is given up: the grammar's time grows with their square."""

TRIES_MAX: Final = 8
"""Double parentheses that are tried as expressions; each try may read to the end."""


@define
class Redirection:
    """A redirection as written: operator, descriptor, where its target stands, its document."""

    operator: str
    fd: str
    start: int
    end: int
    document: str | None = None
    literal: bool = False


@frozen
class Skeleton:
    """
    What the grammar is to read, and what it is not to see.

    Attributes:
        plain: ASCII of the same length as the text.

        redirections: By the position at which they start.

        tests: The words of `[[ … ]]`, by the position of `[[`.

        arithmetic: The ends of `((…))`, by its position.

        background: The commands that `coproc` starts, by their position, with its name for each.

        problems: What cannot be right, in a few words.
    """

    text: str
    plain: bytes
    redirections: dict[int, Redirection]
    tests: dict[int, tuple[tuple[int, int], ...]]
    arithmetic: dict[int, int]
    background: dict[int, str]
    problems: tuple[str, ...]
    tokens: int = 0
    cut: bool = False  # the text goes on behind what is looked at


@define(eq=False)
class _Scanner:
    """Walks over commands, from one word and operator to the next."""

    text: str
    at: int
    depth: int = 0
    nested: bool = False
    plain: bytearray | None = None
    redirections: dict[int, Redirection] = field(factory=dict)
    tests: dict[int, tuple[tuple[int, int], ...]] = field(factory=dict)
    arithmetic: dict[int, int] = field(factory=dict)
    background: dict[int, str] = field(factory=dict)
    problems: list[str] = field(factory=list)
    stack: list[str] = field(factory=list)  # "(", or a case: "word", "pattern", "body"
    awaited: list[Redirection] = field(factory=list)  # here-documents whose lines come
    commanding: bool = True  # a reserved word would be one here
    assigning: bool = True
    declaring: bool = False  # `declare` and its like: what follows may be assignments
    expected: str = ""  # "loop" or "function" before its name, "in" behind that of a loop
    blocks: list[str] = field(factory=list)  # what is written where each open one is closed
    closed: bool = False  # a group, branch or loop has just ended
    bodied: str = ""  # a body is to come: of a "loop" over words, of a "function"
    edits: list[tuple[int, int, str]] = field(factory=list)
    tokens: int = 0
    tried: int = 0  # parentheses that might have been expressions, and were none

    def run(self) -> int:
        """To the end of the text, or behind the parenthesis that closes this part."""
        text, length = self.text, len(self.text)
        while self.at < length:
            self.tokens += 1
            if self.tokens > TOKENS_MAX or len(self.stack) + len(self.blocks) > OPEN_MAX:
                raise TooLong
            if len(self.problems) > PROBLEMS_MAX:
                raise TooLong
            sign = text[self.at]
            if sign in " \t\\" and (blank := BLANK.match(text, self.at)) is not None:
                self.at = blank.end()
            elif sign == "\n":
                self.newline()
            elif sign == "#":
                end = text.find("\n", self.at)
                self.at = length if end < 0 else end
            elif self.redirection():
                continue
            elif sign in ";&|()":
                if self.operator():
                    return self.at
            else:
                self.word()
        if self.nested:
            raise Unclosed("$(")
        self.documents()
        return self.at

    def cover(self, start: int, end: int, first: bytes = b"x") -> None:
        """Put a plain word of the same length there."""
        if self.plain is not None and end > start:
            self.plain[start:end] = first + b"x" * (end - start - 1)

    def keep(self, start: int, end: int) -> None:
        """Leave the text there as it is."""
        if self.plain is not None:
            self.plain[start:end] = self.text[start:end].encode("ascii")

    # Operators, lines

    def newline(self) -> None:
        """The end of a line, behind which awaited here-documents stand."""
        between = self.expected == "in" or bool(self.stack and self.stack[-1] in _BETWEEN)
        if (
            self.plain is not None
            and not (self.commanding or between)
            # Once for all lines of a run: behind the first one a command is awaited.
            and not self.text.startswith((";", "esac"), skip_lines(self.text, self.at))
        ):
            # The grammar reads over the end of a line behind longer pipes, but over no `;`.
            self.plain[self.at] = 0x3B
        else:
            self.keep(self.at, self.at + 1)
        self.at += 1
        self.closed = False
        self.documents()
        if not between:
            self.commanding = self.assigning = True
            self.declaring = False

    def documents(self) -> None:
        """Take the lines of the here-documents that the last line announced."""
        for one in self.awaited:
            delimiter = self.text[one.start : one.end].replace("\\\n", "")
            one.literal = any(sign in delimiter for sign in "'\"\\")
            if one.literal:
                delimiter = unquoted(delimiter)
            tabs = one.operator == "<<-"
            one.document, self.at = self.document(delimiter, tabs=tabs, joined=not one.literal)
        self.awaited = []

    def document(self, delimiter: str, *, tabs: bool, joined: bool) -> tuple[str, int]:
        """
        The lines up to *delimiter*, and where the text goes on.

        A line is *joined* to the next one where a backslash stands at its end.
        """
        lines: list[str] = []
        at = self.at
        while at < len(self.text):
            line, end = self.document_line(at, joined)
            if tabs:
                line = line.lstrip("\t")
            if line == delimiter:
                return "".join(lines), min(end + 1, len(self.text))
            if self.nested and delimiter and line.startswith(delimiter + ")"):
                return "".join(lines), end - len(line) + len(delimiter)
            lines.append(line + ("\n" if end < len(self.text) else ""))
            at = end + 1
        return "".join(lines), len(self.text)

    def document_line(self, at: int, joined: bool) -> tuple[str, int]:
        """The line of a here-document at *at*, and where it ends."""
        parts: list[str] = []
        while True:
            end = self.text.find("\n", at)
            end = len(self.text) if end < 0 else end
            line = self.text[at:end]
            slashes = len(line) - len(line.rstrip("\\")) if joined else 0
            if slashes % 2 == 0 or end >= len(self.text):
                return "".join((*parts, line)) if parts else line, end
            parts.append(line[:-1])
            at = end + 1

    def operator(self) -> bool:
        """One of `; & | ( )`; whether it closes this part."""
        found = _OPERATOR.match(self.text, self.at)
        assert found is not None
        start, self.at, sign = self.at, found.end(), found.group()
        top = self.stack[-1] if self.stack else ""
        double = sign == "(" and self.commanding and self.text.startswith("((", start)
        if double and self.tried < TRIES_MAX:
            self.tried += 1
            end = arithmetic_end(self.text, start + 2, self.depth)
            if end > 0:
                self.cover(start, end)
                self.arithmetic[start] = end
                if self.bodied == "function":
                    self.edits.append((start, start, "{ "))
                self.compound_end(end)
                return False
        if double:
            self.edits.append((start + 1, start + 1, " "))  # two groups, no expression
        if sign == ")" and self.nested and not self.stack:
            return True
        self.closed, self.declaring = sign == ")", False
        if (
            sign == "("
            and not self.commanding
            and self.text.startswith(")", skip_blank(self.text, self.at))
        ):
            self.bodied = "function"
        elif sign not in (";", ")"):
            self.bodied = ""
        if sign in (";;", ";&", ";;&"):
            if self.plain is not None:
                self.plain[start : start + 2] = b";;"
            if top == "body":
                self.stack[-1] = "pattern"
                self.commanding = self.assigning = False
                return False
            self.problems.append(f"`{sign}` outside of a case")
        else:
            self.keep(start, self.at)
        if sign == "(" and top != "pattern" and not self.commanding and self.bodied != "function":
            self.problems.append("`(` behind a word")
        if sign == "(" and top != "pattern":
            self.stack.append("(")
        elif sign == ")" and top == "pattern":
            self.stack[-1] = "body"
        elif sign == ")" and top == "(":
            self.stack.pop()
        if not (top == "pattern" and sign in ("|", "(")):
            self.commanding = self.assigning = True
        self.expected = ""
        return False

    def compound_end(self, end: int) -> None:
        """Behind `]]` and `))`: a reserved word may follow without a separator."""
        self.at = end
        self.commanding, self.assigning, self.closed = True, False, True
        if self.bodied == "function":
            self.edits.append((end, end, "; }"))
        self.bodied = ""

    # Redirections

    def redirection(self) -> bool:
        """A redirection with its target, if one stands here."""
        text = self.text
        found = _REDIRECT.match(text, self.at)
        if found is None:
            return False
        written = found.group()
        if written[-1] in "<>" and text.startswith("(", found.end()) and written in ("<", ">"):
            return False  # the file of a process
        digits = len(written) - len(written.lstrip("0123456789"))
        fd, operator = written[:digits], written[digits:]
        if operator.startswith("{"):
            fd, operator = operator[: operator.index("}") + 1], operator[operator.index("}") + 1 :]
        start = self.at
        blank = BLANK.match(text, found.end())
        begin = blank.end() if blank is not None else found.end()
        end = word_end(text, begin, self.depth)
        self.cover(start, end, b">")
        if end == begin:
            if self.plain is not None:
                self.plain[start : found.end()] = b">" * (found.end() - start)
            self.problems.append(f"`{written}` without a target")
        made = Redirection(operator, fd, begin, end)
        self.redirections[start] = made
        if operator in ("<<", "<<-") and end > begin:
            self.awaited.append(made)
        self.at = end
        return True

    # Words

    def word(self) -> None:
        """A word, reserved or not."""
        start, text = self.at, self.text
        end = self.assigned_item(start) if self.assigning else start
        end = word_end(text, end, self.depth, assigning=self.assigning)
        if end == start:  # nothing can begin like this
            self.problems.append(f"`{text[start]}` where a command should be")
            self.at += 1
            return
        self.at = end
        written = text[start:end]
        top = self.stack[-1] if self.stack else ""
        if self.expected == "in" or top == "word":
            if self.between(written, start, end, top):
                return
        elif top == "pattern":
            if written == "esac":
                self.keep(start, end)
                self.block(written, start, end)
                self.closed = True
                self.stack.pop()
                self.commanding = self.assigning = True
                return
        elif self.expected in ("loop", "function"):
            self.cover(start, end)
            loop = self.expected == "loop"
            self.expected = "in" if loop else ""
            self.bodied = "loop" if loop else "function"
            self.commanding = not loop
            return
        elif self.commanding and self.reserved(written, start, end):
            return
        self.cover(start, end)
        self.declaring = self.declaring or (self.assigning and written in DECLARING)
        assignment = ASSIGNMENT.match(written) is not None
        self.assigning = self.declaring or (self.assigning and assignment)
        self.commanding = self.closed = False

    def assigned_item(self, start: int) -> int:
        """Behind `name[…]` where an assignment to it stands, else *start*."""
        found = _ARRAY_ITEM.match(self.text, start)
        if found is None:
            return start
        end = bracket_end(self.text, found.end(), self.depth)
        return end if self.text.startswith(("=", "+="), end) else start

    def between(self, written: str, start: int, end: int, top: str) -> bool:
        """What stands between `for`, `case` and the lists that follow; whether it was that."""
        if top == "word":
            if written == "in" and self.expected == "in":
                self.keep(start, end)
                self.stack[-1] = "pattern"
                self.expected = ""
            else:
                self.cover(start, end)
                self.expected = "in"
            return True
        self.expected = ""
        if written == "in":
            empty = self.text[skip_blank(self.text, end) :][:1] in (";", "\n")
            if not empty:
                self.keep(start, end)
            self.commanding = self.assigning = False
            return True
        if written == "do":
            self.separate(start)
        return written in ("do", "{") and self.reserved(written, start, end)

    def reserved(self, written: str, start: int, end: int) -> bool:
        """Treat a reserved word; whether it was one."""
        if written in _SEPARATED and self.closed:
            self.separate(start)
        self.block(written, start, end)
        self.closed = written in _CLOSING
        if written == "!":
            # Left out: the grammar takes it before few commands, and the order stays the same.
            return self.text[skip_blank(self.text, end) :][:1] not in ("", "\n", ";", "&")
        if written in _OPENING or written in _CLOSING:
            self.keep(start, end)
            if written == "esac":
                if self.stack and self.stack[-1] == "body":
                    self.stack.pop()
                else:
                    self.problems.append("`esac` outside of a case")
            self.assigning = True
            return True
        if written in ("for", "select"):
            self.keep(start, end)
            if not self.counted_loop(end):
                self.expected = "loop"
        elif written == "case":
            self.keep(start, end)
            self.stack.append("word")
            self.expected = ""
            self.commanding = self.assigning = False
        elif written == "function":
            self.keep(start, end)
            self.expected = "function"
        elif written == "[[":
            self.test(start, end)
        elif written == "time":
            return self.timed(end)
        elif written == "coproc":
            return self.coprocess(end)
        else:
            return False
        return True

    def separate(self, start: int) -> None:
        """The grammar wants a separator before the reserved word at *start*; bash does not."""
        if self.plain is not None and start and self.plain[start - 1 : start] == b" ":
            self.plain[start - 1 : start] = b";"
        else:
            self.edits.append((start, start, "; "))

    def block(self, written: str, start: int, end: int) -> None:
        """
        Groups, branches and loops that open and close. Bodies that the grammar does not take
        are put in braces, and a loop in braces is written with `do`.
        """
        if written in _BLOCKS or written == "[[":
            closing = ""
            if self.bodied == "function" and written not in ("{", "if"):
                self.edits.append((start, start, "{ "))
                closing = "; }"
            elif self.bodied == "loop" and written == "{":
                self.edits.append((start, end, "do"))
                closing = "done"
            if written != "[[":
                self.blocks.append(closing)
                self.bodied = ""
        elif written == "do":
            self.bodied = ""
        elif written in _CLOSING and self.blocks:
            closing = self.blocks.pop()
            if closing == "done":
                self.edits.append((start, end, closing))
            elif closing:
                self.edits.append((end, end, closing))

    def counted_loop(self, at: int) -> bool:
        """`for ((…;…;…))`: its inside is covered but for the two separators."""
        at = skip_lines(self.text, at)
        if not self.text.startswith("((", at):
            return False
        end = arithmetic_end(self.text, at + 2, self.depth)
        if end < 0:
            return False
        self.arithmetic[at] = end
        inside = self.text[at + 2 : end - 2]
        if self.plain is not None:
            parts = inside.split(";")
            if len(parts) != 3:
                self.problems.append("a counted loop has three parts")
            shape = b"x" * len(inside) if len(inside) < 5 else b"x;x;x" + b" " * (len(inside) - 5)
            shape = shape if len(inside) >= 5 else b";;" + b" " * (len(inside) - 2)
            self.plain[at : at + 2] = b"(("
            self.plain[at + 2 : end - 2] = shape[: len(inside)]
            self.plain[end - 2 : end] = b"))"
        self.at = end
        self.commanding = self.assigning = True
        return True

    def timed(self, end: int) -> bool:
        """`time` and its options before a command are covered by blanks."""
        text = self.text
        at = end
        while True:
            blank = BLANK.match(text, at)
            at = blank.end() if blank is not None else at
            option = re.compile(r"(?:-p|--)(?=[ \t\n;&|)]|$)").match(text, at)
            if option is None:
                break
            at = option.end()
        if at >= len(text) or text[at] in ";&|)\n#-":
            return False  # with other options it is a program, but in bash
        self.at = at
        return True

    def coprocess(self, end: int) -> bool:
        """`coproc` and the name before a group are covered by blanks."""
        text = self.text
        at = skip_blank(text, end)
        name_end = word_end(text, at, self.depth)
        follow = skip_blank(text, name_end)
        next_end = word_end(text, follow, self.depth)
        name = "COPROC"
        grouped = text[follow:next_end] in _COMPOUND or text.startswith("(", follow)
        if grouped and NAME.fullmatch(text[at:name_end]) and text[at:name_end] not in RESERVED:
            name, at = text[at:name_end], follow
        if at >= len(text) or text[at] in ";&|\n":
            self.problems.append("`coproc` without a command")
            return False
        self.background[at] = name
        self.at = at
        self.assigning = True
        return True

    def test(self, start: int, end: int) -> None:
        """`[[ … ]]` as one word; its own words are noted."""
        text, words, at = self.text, [(start, end)], end
        while True:
            at = skip_lines(text, at)
            if at >= len(text):
                raise Unclosed("[[")
            begin = at
            if words[-1] != (start, end) and text[words[-1][0] : words[-1][1]] == "=~":
                at = regex_end(text, at, self.depth)
            elif (sign := re.compile(r"&&|\|\||[()<>](?!\()|\(").match(text, at)) is not None:
                at = sign.end()
            else:
                at = word_end(text, at, self.depth)
            if at == begin:
                self.problems.append(f"`{text[at]}` in a test")
                at += 1
            words.append((begin, at))
            if text[begin:at] == "]]":
                break
        self.tests[start] = tuple(words)
        self.cover(start, at)
        self.compound_end(at)


def commands_end(text: str, start: int, depth: int) -> int:
    """Behind the parenthesis that closes the commands from *start*."""
    return _Scanner(text, start, depth=depth, nested=True).run()


def skeleton_of(text: str, rounds: int = 4) -> Skeleton:
    """
    The skeleton of *text*. What is not closed is covered to its end, and said.

    What the grammar has no words for (`((a); (b))`, a loop in braces) is written in another
    way first; after *rounds* of that it is left as it is.

    Raises:
        TooDeep: Quotes and substitutions stand deeper in each other than `DEPTH_MAX`.
    """
    scanner = _Scanner(text, 0, plain=bytearray(b" ") * len(text))
    cut = False
    try:
        scanner.run()
    except Unclosed as error:
        scanner.problems.append(f"`{error}` is not closed")
        scanner.cover(scanner.at, len(text))
    except TooLong:
        cut = True
    if scanner.edits and rounds and not cut:
        return skeleton_of(_edited(text, scanner.edits), rounds - 1)
    assert scanner.plain is not None
    return Skeleton(
        text,
        bytes(scanner.plain[: scanner.at] if cut else scanner.plain),
        scanner.redirections,
        scanner.tests,
        scanner.arithmetic,
        scanner.background,
        tuple(scanner.problems[:8]),
        scanner.tokens,
        cut,
    )


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    made: list[str] = []
    at = 0
    for start, end, put in sorted(edits):
        made += (text[at:start], put)
        at = end
    return "".join(made) + text[at:]
