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

from attrs import define, field, frozen

DEPTH_MAX: Final = 32
"""How deep `$(…)`, `"…"` and `${…}` may stand in each other; bash's own bound is its stack."""

_BLANK: Final = re.compile(r"(?:[ \t]|\\\n)+")
_PLAIN: Final = re.compile(r"[^ \t\n\\'\"$`<>()|&;]+")
_OPERATOR: Final = re.compile(r";;&|;;|;&|;|&&|&|\|\||\|&|\||\(|\)")
_REDIRECT: Final = re.compile(
    r"(?:[0-9]+|\{[A-Za-z_]\w*\})?(?:<<<|<<-|<<|<>|<&|<|>>|>\||>&|>)|&>>|&>"
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[(?:[^\]\\'\"$`]|\\.)*\])?(\+?=)", re.S)
_ARRAY_ITEM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[")
_DOUBLE: Final = re.compile(r"[^\"\\$`]+")
_BRACES: Final = re.compile(r"[^\"'\\$`}]+")
_ARITH: Final = re.compile(r"[^\"'\\$`()]+")
_BRACKET: Final = re.compile(r"[^\"'\\$`\[\]]+")
_TICKS: Final = re.compile(r"[^\\`]+")

_OPENING: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "{", "!"})
_CLOSING: Final = frozenset({"fi", "done", "esac", "}"})
RESERVED: Final = _OPENING | _CLOSING | {"for", "select", "case", "function", "in"}
_COMPOUND: Final = frozenset({"{", "if", "while", "until", "for", "select", "case", "[["})
DECLARING: Final = frozenset({"declare", "export", "local", "readonly", "typeset"})


class Unclosed(ValueError):
    """A quote, bracket or substitution has no end; the text is what was opened."""


class TooDeep(ValueError):
    """More nesting than this engine looks at."""


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

        background: Positions of commands that `coproc` starts.

        problems: What cannot be right, in a few words.
    """

    text: str
    plain: bytes
    redirections: dict[int, Redirection]
    tests: dict[int, tuple[tuple[int, int], ...]]
    arithmetic: dict[int, int]
    background: frozenset[int]
    problems: tuple[str, ...]


def single_end(text: str, start: int) -> int:
    """Behind the quote that closes the one at *start*."""
    end = text.find("'", start + 1)
    if end < 0:
        raise Unclosed("'")
    return end + 1


def ansi_end(text: str, start: int) -> int:
    """Behind the end of `$'…'` at *start*."""
    at = start + 2
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "'":
            return at + 1
        else:
            at += 1
    raise Unclosed("$'")


def ticks_end(text: str, start: int) -> int:
    """Behind the end of the backticks at *start*."""
    at = start + 1
    while at < len(text):
        if (plain := _TICKS.match(text, at)) is not None:
            at = plain.end()
        elif text[at] == "`":
            return at + 1
        else:
            at += 2
    raise Unclosed("`")


def double_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the quote that closes the one at *start*."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at = start + 1
    while at < len(text):
        if (plain := _DOUBLE.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == '"':
            return at + 1
        if sign == "\\":
            at += 2
        elif sign == "`":
            at = ticks_end(text, at)
        else:
            at = dollar_end(text, at, depth + 1, quoted=True)
    raise Unclosed('"')


def braces_end(text: str, start: int, depth: int = 0, *, quoted: bool = False) -> int:
    """Behind the end of `${…}` at *start*; in double quotes a single quote is plain text."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at = start + 2
    while at < len(text):
        if (plain := _BRACES.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == "}":
            return at + 1
        if sign == "'":
            at = at + 1 if quoted else single_end(text, at)
        elif sign == "\\":
            at += 2
        else:
            at = _quoting_end(text, at, depth)
    raise Unclosed("${")


def arithmetic_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the `))` that closes the `((` ending before *start*; -1: it is none."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at, open_ = start, 0
    while at < len(text):
        if (plain := _ARITH.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == "(":
            open_ += 1
            at += 1
        elif sign == ")":
            if open_ == 0:
                return at + 2 if text.startswith("))", at) else -1
            open_ -= 1
            at += 1
        elif sign == "\\":
            at += 2
        elif sign == "'":
            at = single_end(text, at)
        else:
            at = _quoting_end(text, at, depth)
    return -1


def bracket_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the `]` that closes the `[` ending before *start*."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at, open_ = start, 0
    while at < len(text):
        if (plain := _BRACKET.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == "[":
            open_ += 1
            at += 1
        elif sign == "]":
            at += 1
            if open_ == 0:
                return at
            open_ -= 1
        elif sign == "\\":
            at += 2
        elif sign == "'":
            at = single_end(text, at)
        else:
            at = _quoting_end(text, at, depth)
    raise Unclosed("[")


def parens_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the parenthesis that closes the one before *start*; commands stand between."""
    if depth > DEPTH_MAX:
        raise TooDeep
    return _Scanner(text, start, depth=depth, nested=True).run()


def dollar_end(text: str, start: int, depth: int = 0, *, quoted: bool = False) -> int:
    """Behind what the `$` at *start* begins; behind the sign alone where it begins nothing."""
    following = text[start + 1 : start + 2]
    if following == "(":
        if text.startswith("((", start + 1):
            end = arithmetic_end(text, start + 3, depth + 1)
            if end > 0:
                return end
        return parens_end(text, start + 2, depth + 1)
    if following == "{":
        return braces_end(text, start, depth + 1, quoted=quoted)
    if following == "[":
        return bracket_end(text, start + 2, depth + 1)
    if following == "'" and not quoted:
        return ansi_end(text, start)
    if following == '"' and not quoted:
        return double_end(text, start + 1, depth + 1)
    if (name := _NAME.match(text, start + 1)) is not None:
        return name.end()
    return start + 2 if following and following in "@*#?-$!0123456789" else start + 1


def _quoting_end(text: str, at: int, depth: int) -> int:
    """Behind the double quote, backtick or dollar construct at *at*."""
    sign = text[at]
    if sign == '"':
        return double_end(text, at, depth + 1)
    if sign == "`":
        return ticks_end(text, at)
    return dollar_end(text, at, depth + 1)


def word_end(text: str, start: int, depth: int = 0, *, assigning: bool = False) -> int:
    """Behind the word at *start*; *start* itself where no word stands."""
    at = start
    while at < len(text):
        if (plain := _PLAIN.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == "\\":
            at = min(at + 2, len(text))
        elif sign == "'":
            at = single_end(text, at)
        elif sign in '"`$':
            at = _quoting_end(text, at, depth)
        elif sign in "<>" and text.startswith("(", at + 1):
            at = parens_end(text, at + 2, depth + 1)
        elif sign == "(" and at > start and text[at - 1] in "@?*+!":
            at = _pattern_end(text, at + 1, depth + 1)
        elif sign == "(" and assigning and _is_assignment(text[start:at]):
            at = _array_end(text, at + 1, depth + 1)
        else:
            break
    return at


def _is_assignment(text: str) -> bool:
    found = ASSIGNMENT.match(text)
    return found is not None and found.end() == len(text)


def _pattern_end(text: str, start: int, depth: int) -> int:
    """Behind the parenthesis that closes an extended pattern."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at, open_ = start, 0
    while at < len(text):
        sign = text[at]
        if sign == "(":
            open_ += 1
            at += 1
        elif sign == ")":
            at += 1
            if open_ == 0:
                return at
            open_ -= 1
        elif sign in "|&;<> \t\n":
            at += 1
        else:
            end = word_end(text, at, depth + 1)
            at = end if end > at else at + 1
    raise Unclosed("(")


def _array_end(text: str, start: int, depth: int) -> int:
    """Behind the parenthesis that closes the words of an array."""
    at = start
    for _, _, at in array_words(text, start, depth):
        pass
    at = _skip_lines(text, at)
    if not text.startswith(")", at):
        raise Unclosed("(")
    return at + 1


def _skip_lines(text: str, at: int) -> int:
    """Behind blanks, line ends and comments."""
    while at < len(text):
        if (blank := _BLANK.match(text, at)) is not None:
            at = blank.end()
        elif text[at] == "\n":
            at += 1
        elif text[at] == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        else:
            break
    return at


def array_words(text: str, start: int, depth: int = 0) -> list[tuple[int, int, int]]:
    """Start, end and end again of each word of an array, up to its closing parenthesis."""
    if depth > DEPTH_MAX:
        raise TooDeep
    found: list[tuple[int, int, int]] = []
    at = _skip_lines(text, start)
    while at < len(text):
        begin = at
        if text[at] == "[":
            end = bracket_end(text, at + 1, depth + 1)
            at = end + 1 if text.startswith("=", end) else at
        end = word_end(text, at, depth + 1)
        if end == begin:
            break
        found.append((begin, end, end))
        at = _skip_lines(text, end)
    return found


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
    background: set[int] = field(factory=set)
    problems: list[str] = field(factory=list)
    stack: list[str] = field(factory=list)  # "(", or a case: "word", "pattern", "body"
    awaited: list[Redirection] = field(factory=list)  # here-documents whose lines come
    commanding: bool = True  # a reserved word would be one here
    assigning: bool = True
    expected: str = ""  # "name" of a loop or function, "in" behind it

    def run(self) -> int:
        """To the end of the text, or behind the parenthesis that closes this part."""
        text, length = self.text, len(self.text)
        while self.at < length:
            sign = text[self.at]
            if sign in " \t\\" and (blank := _BLANK.match(text, self.at)) is not None:
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
        self.keep(self.at, self.at + 1)
        self.at += 1
        self.documents()
        if self.expected != "in" and not (self.stack and self.stack[-1] in ("word", "pattern")):
            self.commanding = self.assigning = True

    def documents(self) -> None:
        """Take the lines of the here-documents that the last line announced."""
        for one in self.awaited:
            delimiter = self.text[one.start : one.end]
            one.literal = any(sign in delimiter for sign in "'\"\\")
            if one.literal:
                delimiter = _unquoted(delimiter)
            one.document, self.at = self.document(delimiter, tabs=one.operator == "<<-")
        self.awaited = []

    def document(self, delimiter: str, *, tabs: bool) -> tuple[str, int]:
        """The lines up to *delimiter*, and where the text goes on."""
        lines: list[str] = []
        at = self.at
        while at < len(self.text):
            end = self.text.find("\n", at)
            end = len(self.text) if end < 0 else end
            line = self.text[at:end]
            if tabs:
                line = line.lstrip("\t")
            if line == delimiter:
                return "".join(lines), min(end + 1, len(self.text))
            if self.nested and delimiter and line.startswith(delimiter + ")"):
                return "".join(lines), end - len(line) + len(delimiter)
            lines.append(line + ("\n" if end < len(self.text) else ""))
            at = end + 1
        return "".join(lines), len(self.text)

    def operator(self) -> bool:
        """One of `; & | ( )`; whether it closes this part."""
        found = _OPERATOR.match(self.text, self.at)
        assert found is not None
        start, self.at, sign = self.at, found.end(), found.group()
        top = self.stack[-1] if self.stack else ""
        if sign == "(" and self.commanding and self.text.startswith("((", start):
            end = arithmetic_end(self.text, start + 2, self.depth)
            if end > 0:
                self.cover(start, end)
                self.arithmetic[start] = self.at = end
                self.compound_end(end)
                return False
        if sign == ")" and self.nested and not self.stack:
            return True
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
        self.commanding, self.assigning = True, False
        following = _BLANK.match(self.text, end)
        at = following.end() if following is not None else end
        name = _NAME.match(self.text, at)
        word = name.group() if name is not None else self.text[at : at + 1]
        if self.plain is not None and (word in ("then", "do", "}") or word in _CLOSING):
            self.plain[end - 1 : end] = b";"

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
        blank = _BLANK.match(text, found.end())
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
                self.stack.pop()
                self.commanding = self.assigning = True
                return
        elif self.expected in ("loop", "function"):
            self.cover(start, end)
            loop = self.expected == "loop"
            self.expected = "in" if loop else ""
            self.commanding = not loop
            return
        elif self.commanding and self.reserved(written, start, end):
            return
        self.cover(start, end)
        if self.assigning and written not in DECLARING:
            self.assigning = (self.commanding and ASSIGNMENT.match(written) is not None) or (
                not self.commanding and ASSIGNMENT.match(written) is not None
            )
        self.commanding = False

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
            self.keep(start, end)
            self.commanding = self.assigning = False
            return True
        return written in ("do", "{") and self.reserved(written, start, end)

    def reserved(self, written: str, start: int, end: int) -> bool:
        """Treat a reserved word; whether it was one."""
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

    def counted_loop(self, at: int) -> bool:
        """`for ((…;…;…))`: its inside is covered but for the two separators."""
        at = _skip_lines(self.text, at)
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
            blank = _BLANK.match(text, at)
            at = blank.end() if blank is not None else at
            option = re.compile(r"(?:-p|--)(?=[ \t\n;&|)]|$)").match(text, at)
            if option is None:
                break
            at = option.end()
        if at >= len(text) or text[at] in ";&|)\n#":
            return False
        self.at = at
        return True

    def coprocess(self, end: int) -> bool:
        """`coproc` and the name before a group are covered by blanks."""
        text = self.text
        at = _skip_blank(text, end)
        name_end = word_end(text, at, self.depth)
        follow = _skip_blank(text, name_end)
        next_end = word_end(text, follow, self.depth)
        if _NAME.fullmatch(text[at:name_end]) and text[at:name_end] not in RESERVED:
            if text[follow:next_end] in _COMPOUND or text.startswith("(", follow):
                at = follow
        if at >= len(text) or text[at] in ";&|\n":
            return False
        self.background.add(at)
        self.at = at
        self.assigning = True
        return True

    def test(self, start: int, end: int) -> None:
        """`[[ … ]]` as one word; its own words are noted."""
        text, words, at = self.text, [(start, end)], end
        while True:
            at = _skip_lines(text, at)
            if at >= len(text):
                raise Unclosed("[[")
            begin = at
            if words[-1] != (start, end) and text[words[-1][0] : words[-1][1]] == "=~":
                at = _regex_end(text, at, self.depth)
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
        if len(words) < 3:
            self.problems.append("an empty test")
        self.tests[start] = tuple(words)
        self.cover(start, at)
        self.at = at
        self.compound_end(at)


def _skip_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _regex_end(text: str, start: int, depth: int) -> int:
    """Behind the expression on the right of `=~`: parentheses and bars belong to it."""
    at, open_ = start, 0
    while at < len(text):
        sign = text[at]
        if sign == "(":
            open_ += 1
            at += 1
        elif sign == ")":
            if open_ == 0:
                break
            open_ -= 1
            at += 1
        elif sign == "|" and (open_ or not text.startswith("||", at)):
            at += 1
        elif sign in " \t\n" and open_ == 0:
            break
        elif sign in "&;<> \t\n|":
            if open_ == 0:
                break
            at += 1
        else:
            end = word_end(text, at, depth)
            at = end if end > at else at + 1
    return at


def _unquoted(text: str) -> str:
    """The delimiter of a here-document without its quotes."""
    made: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and at + 1 < len(text):
            made.append(text[at + 1])
            at += 2
        elif sign in "'\"":
            end = text.find(sign, at + 1)
            end = len(text) if end < 0 else end
            made.append(text[at + 1 : end])
            at = end + 1
        else:
            made.append(sign)
            at += 1
    return "".join(made)


def skeleton_of(text: str) -> Skeleton:
    """
    The skeleton of *text*. What is not closed is covered to its end, and said.

    Raises:
        TooDeep: Quotes and substitutions stand deeper in each other than `DEPTH_MAX`.
    """
    scanner = _Scanner(text, 0, plain=bytearray(b" ") * len(text))
    try:
        scanner.run()
    except Unclosed as error:
        scanner.problems.append(f"`{error}` is not closed")
        scanner.cover(scanner.at, len(text))
    assert scanner.plain is not None
    return Skeleton(
        text,
        bytes(scanner.plain),
        scanner.redirections,
        scanner.tests,
        scanner.arithmetic,
        frozenset(scanner.background),
        tuple(scanner.problems),
    )
