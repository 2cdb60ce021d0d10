"""
From a word as written to the words that a program is given, as far as they are known.

The order is the shell's: braces, then tilde, parameters, commands and arithmetic from left to
right, then splitting. What is not known stands as `HOLE`, with what is known around it.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from governance._attrs import define
from governance.shell.boundaries import (
    TooDeep,
    Unclosed,
    array_words,
    bracket_end,
    dollar_end,
    double_end,
    parens_end,
    single_end,
    ticks_end,
)
from governance.shell.fields import (
    LIVE,
    Fields,
    first_of,
    halves,
    is_arithmetic,
    size_of,
    split_into,
    transformed,
)
from governance.shell.live_signs import holds, kept, lost
from governance.shell.parameters import (
    calculated,
    cased,
    items_of,
    replaced,
    slice_of,
    stripped,
)
from governance.shell.quoting import TooMany, braces, decode_ansi
from governance.shell.state import HERE, HOME, State, Value
from governance.shell.values import HOLE

ITEMS_MAX: Final = 256
"""Elements of an array that are followed."""

SIMPLE_WORD: Final = re.compile(r"[A-Za-z0-9_./:,@%+=^-]+")
"""Words that stand for themselves, but for the `=` and `:` behind which a `~` may stand."""

_PLAIN: Final = re.compile(r"[^\\'\"$`<>~*?\[\](){}@+!:=]+")
_INNER: Final = re.compile(r"[^\\$`\"]+")
_PARAMETER: Final = re.compile(r"[A-Za-z_]\w*|[0-9]+|[@*#?$!-]", re.A)
_OPERATOR: Final = re.compile(r":[-=+?]|[-=+?]|##?|%%?|/[/#%]?|\^\^?|,,?|~~?|:|@[A-Za-z]$", re.A)
_TILDE: Final = re.compile(r"~([A-Za-z_][\w.-]*|[+-])?(?=[/:]|$)", re.A)
_IN_ARITHMETIC: Final = re.compile(r"\$\{?([A-Za-z_]\w*)\}?|(?<![\w$])([A-Za-z_]\w*)", re.A)
_NAMED: Final = re.compile(r"([A-Za-z_]\w*|[0-9]+|[@*])(\[[^]]*\])?", re.A)
"""What `${!name}` may lead to."""

_SUBSCRIPTED: Final = re.compile(r"\b[A-Za-z_]\w*+\[", re.A)
"""Where a subscript begins: bash runs the commands in it when it looks the name up."""

_TICKED: Final = re.compile(r"\\([`\\$])")


class Surroundings(Protocol):
    """What a word needs of the reading that it stands in."""

    def substituted(self, text: str) -> str:
        """What the commands of `$(…)` print, without the last line ends."""
        ...

    def shown(self, text: str) -> None:
        """What *text* prints stands in the word, unless the command only asks whether it is so."""
        ...

    def process(self, text: str, sign: str) -> str:
        """The file of `<(…)` or `>(…)`."""
        ...

    def spend(self, cost: int) -> None:
        """Work was done, in units of which a reading has a bounded number."""
        ...

    def used(self, name: str) -> None:
        """A variable was read."""
        ...


@define(eq=False)
class Expander:
    """Expands words in one state."""

    state: State
    around: Surroundings

    def words(self, raw: str) -> list[tuple[str, bool]]:
        """The words that *raw* gives, each with whether it holds a live pattern."""
        if SIMPLE_WORD.fullmatch(raw) is not None:
            return [(raw, False)]
        made = Fields()
        for one in braces(raw):
            self.scan(one, made)
            made.end()
        return made.done

    def text(self, raw: str, *, assigned: bool = False) -> tuple[str, bool]:
        """The one text that *raw* gives where nothing is split: values and targets."""
        if SIMPLE_WORD.fullmatch(raw) is not None:
            return raw, False
        made = Fields()
        self.scan(raw, made, split=False, assigned=assigned)
        made.end()
        return (" ".join(text for text, _ in made.done), any(live for _, live in made.done))

    def document(self, text: str) -> str:
        """A here-document with what stands in it expanded."""
        made = Fields()
        self.double(text, made, document=True)
        made.end()
        return " ".join(one for one, _ in made.done)

    def array(self, raw: str) -> tuple[str, ...]:
        """
        The elements of `(…)`; an index before one is dropped.

        Raises:
            TooMany: They are more than `ITEMS_MAX`.
        """
        found: list[str] = []
        for start, end in array_words(raw, 1)[: ITEMS_MAX + 1]:
            item = raw[start:end]
            indexed = re.match(r"\[[^\]]*\]=", item)
            if indexed is not None:
                found.append(self.text(item[indexed.end() :])[0])
            else:
                found += [kept(text) if live else text for text, live in self.words(item)]
        if len(found) > ITEMS_MAX:
            raise TooMany
        return tuple(found)

    # From left to right

    def scan(self, raw: str, made: Fields, *, split: bool = True, assigned: bool = False) -> None:
        """Expand *raw*, outside of double quotes, into *made*."""
        at = 0
        while at < len(raw):
            if (plain := _PLAIN.match(raw, at)) is not None:
                made.add(plain.group())
                at = plain.end()
                continue
            sign = raw[at]
            if sign == "\\":
                if raw[at + 1 : at + 2] != "\n":
                    made.add(raw[at + 1 : at + 2] or "\\")
                at += 2
            elif sign == "'":
                end = single_end(raw, at)
                made.add(raw[at + 1 : end - 1])
                at = end
            elif sign == '"':
                at = self.quoted(raw, at, made)
            elif sign == "$":
                at = self.dollar(raw, at, made, split=split)
            elif sign == "`":
                end = ticks_end(raw, at)
                self.put(self.ticks(raw[at + 1 : end - 1]), made, split)
                at = end
            elif sign in "<>" and raw.startswith("(", at + 1):
                end = parens_end(raw, at + 2)
                made.add(self.around.process(raw[at + 2 : end - 1], sign))
                at = end
            elif sign == "~" and (at == 0 or (assigned and raw[at - 1] in ":=")):
                at = self.tilde(raw, at, made)
            else:
                live = (sign in "*?" or (sign == "[" and "]" in raw[at + 2 : at + 256])) or (
                    sign in "@+!" and raw.startswith("(", at + 1)
                )
                made.add(sign, live=live)
                at += 1

    def quoted(self, raw: str, at: int, made: Fields) -> int:
        """Expand the double quotes at *at*; where they end."""
        end = double_end(raw, at)
        inside = raw[at + 1 : end - 1]
        before = len(made.done)
        begun = made.begun
        self.double(inside, made)
        if not made.begun and len(made.done) == before and not _LISTED.fullmatch(inside):
            made.add("")
        elif begun:
            made.begun = True
        return end

    def double(self, text: str, made: Fields, *, document: bool = False) -> None:
        """Expand what stands in double quotes or a here-document."""
        at = 0
        while at < len(text):
            if (plain := _INNER.match(text, at)) is not None:
                made.add(plain.group())
                at = plain.end()
                continue
            sign = text[at]
            if sign == "\\":
                following = text[at + 1 : at + 2]
                if following and following in ("\\$`" if document else '\\$`"'):
                    made.add(following)
                elif following != "\n":
                    made.add(text[at : at + 2])
                at += 2
            elif sign == "$":
                at = self.dollar(text, at, made, split=False, quoted=True)
            elif sign == "`":
                end = ticks_end(text, at)
                made.add(self.ticks(text[at + 1 : end - 1]))
                at = end
            else:
                made.add(sign)
                at += 1

    def tilde(self, raw: str, at: int, made: Fields) -> int:
        """A tilde that may stand for a folder."""
        found = _TILDE.match(raw, at)
        if found is None:
            made.add("~")
            return at + 1
        if found[1] == "+":
            made.add(self.state.folder)
        elif found[1] == "-":
            made.add(HOLE)
        else:
            made.add(HOME + (found[1] or ""))
        return found.end()

    def ticks(self, text: str) -> str:
        return self.around.substituted(_TICKED.sub(r"\1", text))

    def put(self, value: str, made: Fields, split: bool) -> None:
        """Add a value, split where it stands outside of quotes."""
        if not split:
            made.add(value, live=LIVE.search(value) is not None)
            return
        separators = self.state.value("IFS")
        if not isinstance(separators, str) or HOLE in separators:
            separators = " \t\n"
        if not separators:
            if value:
                made.add(value, live=LIVE.search(value) is not None)
            return
        split_into(value, separators, made)

    # What a dollar begins

    def dollar(self, raw: str, at: int, made: Fields, *, split: bool, quoted: bool = False) -> int:
        """Expand what the `$` at *at* begins; where it ends."""
        end = dollar_end(raw, at, quoted=quoted)
        self.around.spend(1)
        body = raw[at:end]
        kind = body[1:2]
        live = not quoted
        if kind == "'" and not quoted:
            made.add(decode_ansi(body[2:-1]))
        elif kind == '"' and not quoted:
            self.quoted(raw, at + 1, made)
        elif body.startswith("$((") and body.endswith("))") and is_arithmetic(raw, at, end):
            made.add(self.arithmetic(body[3:-2]))
        elif kind == "(":
            self.put_value(self.around.substituted(body[2:-1]), made, split, live)
        elif kind == "[":
            made.add(self.arithmetic(body[2:-1]))
        elif kind == "{":
            self.parameter(body[2:-1], made, split=split, quoted=quoted)
        elif len(body) == 1:
            made.add("$")
        elif kind in "@*":
            self.listed(self.given(), kind, made, split=split, quoted=quoted)
        else:
            value = self.simple(body[1:])
            text = first_of(value)
            self.around.spend(len(text) // 256)
            self.put_value(text, made, split, live)
        return end

    def put_value(self, value: str, made: Fields, split: bool, live: bool) -> None:
        """Add a value; patterns in it live only outside of quotes."""
        if live:
            self.put(value, made, split)
        else:
            made.add(value)

    def given(self) -> Value:
        return HOLE if self.state.given is None else self.state.given

    def simple(self, name: str) -> Value:
        """The value of a plain `$name`."""
        if name.isdigit():
            if name == "0":
                return "bash"
            given = self.state.given
            if given is None:
                return HOLE
            return given[int(name) - 1] if int(name) <= len(given) else None
        if name == "#" and self.state.given is not None:
            return str(len(self.state.given))
        if not (name[0].isalpha() or name[0] == "_"):
            return HOLE
        self.around.used(name)
        return self.state.value(name)

    def listed(self, value: Value, sign: str, made: Fields, *, split: bool, quoted: bool) -> None:
        """`$@`, `$*` and all elements of an array."""
        values = (value,) if isinstance(value, str) else (value or ())
        if not split and not (quoted and sign == "@"):
            if values:
                made.add(" ".join(values))
            return
        for number, one in enumerate(values):
            if number:
                made.end()
            if quoted:
                made.add(one)
            else:
                self.put(one, made, split)

    def arithmetic(self, text: str) -> str:
        """The value of an expression, where all in it is known."""
        inner = Fields()
        self.double(text, inner)
        inner.end()
        plain = "".join(one for one, _ in inner.done)

        def known(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            self.around.used(name)
            value = self.state.value(name)
            value = first_of(value) if not isinstance(value, str) else value
            self.subscripts(value)
            return value if re.fullmatch(r"-?[0-9]{1,15}", value) else ("0" if not value else HOLE)

        return calculated(_IN_ARITHMETIC.sub(known, plain))

    def subscripts(self, text: str) -> None:
        """Run what stands in the subscripts of *text*, which is evaluated."""
        found = _SUBSCRIPTED.search(text)
        inside = "" if found is None else text[found.end() : max(text.rfind("]"), 0)]
        if "$(" in inside or "`" in inside:
            self.document(inside)

    def parameter(self, body: str, made: Fields, *, split: bool, quoted: bool) -> None:
        """`${…}`."""
        counted = len(body) > 1 and body[0] == "#" and _PARAMETER.match(body, 1) is not None
        indirect = len(body) > 1 and body[0] == "!"
        found = _PARAMETER.match(body, 1 if counted or indirect else 0)
        if body[:1] in (" ", "\t", "\n", "|"):  # `${ command; }`: as in `$(…)`
            printed = self.around.substituted(body[1:])
            self.put_value(HOLE if body[0] == "|" else printed, made, split, not quoted)
            return
        if found is None:
            self.effects(body)
            made.add(HOLE)
            return
        name, rest = found.group(), body[found.end() :]
        value, rest, sign = self.chosen(name, rest)
        if indirect and sign and name not in "@*" and not rest:
            value = self.state.keys(name)
        elif indirect:
            self.named_elsewhere(body[1 : len(body) - len(rest)], value, rest)
            value, sign = self.indirect(value, rest), ""
        if counted:
            self.effects(rest)
            made.add(size_of(value, sign))
            return
        operation = _OPERATOR.match(rest)
        if not rest:
            self.emit(value, sign, made, split, quoted)
        elif operation is None:
            self.effects(rest)
            made.add(HOLE)
        else:
            self.around.spend(1 + len(first_of(value)) // 16)
            self.operate(name, value, sign, operation.group(), rest[operation.end() :],
                         made, split=split, quoted=quoted)  # fmt: skip

    def chosen(self, name: str, rest: str) -> tuple[Value, str, str]:
        """The value of a name with its index, what follows, and `@` or `*` for all."""
        if name in "@*":
            return self.given(), rest, name
        value = self.simple(name)
        if not rest.startswith("["):
            return value, rest, ""
        try:
            end = bracket_end(rest, 1)
        except (Unclosed, TooDeep):
            self.effects(rest)
            return HOLE, "", ""
        index, rest = rest[1 : end - 1], rest[end:]
        if index in ("@", "*"):
            return self.state.elements(name, value), rest, index
        if name in self.state.keyed:
            return self.state.item(name, self.text(index)[0], self.arithmetic(index)), rest, ""
        place = self.arithmetic(index)
        elements = (value,) if isinstance(value, str) else (value or ())
        if not re.fullmatch(r"-?[0-9]+", place) or value == HOLE:
            return HOLE, rest, ""
        number = int(place)
        inside = -len(elements) <= number < len(elements)
        return (elements[number] if inside else None), rest, ""

    def indirect(self, value: Value, rest: str) -> Value:
        """`${!name}`: the value of the variable that it names."""
        named = value if isinstance(value, str) else ""
        found = _NAMED.fullmatch(named)
        if rest or found is None:
            return HOLE
        return self.chosen(found[1], found[2] or "")[0]

    def named_elsewhere(self, name: str, value: Value, rest: str) -> None:
        """
        Note what `${!name}` and `${!prefix*}` come to where that is not known: a variable that
        something else names, as `printenv` prints it, and the names that `compgen` lists.
        """
        if rest in ("*", "@"):
            self.around.shown(f"compgen -v {name}")
        elif rest[:1] != "+" and rest[:2] != ":+" and HOLE in first_of(value):
            self.around.shown(f'printenv "${{{name}}}"')

    def emit(self, value: Value, sign: str, made: Fields, split: bool, quoted: bool) -> None:
        """Add a value as `$name` does."""
        if sign:
            self.listed(value, sign, made, split=split, quoted=quoted)
        else:
            self.put_value(first_of(value), made, split, not quoted)

    def operate(
        self,
        name: str,
        value: Value,
        all_: str,
        sign: str,
        rest: str,
        made: Fields,
        *,
        split: bool,
        quoted: bool,
    ) -> None:
        """`${name<sign>rest}`; the commands in *rest* are read wherever bash may come by them."""
        if sign.lstrip(":")[:1] in ("-", "=", "+", "?") and sign[-1] in "-=+?":
            absent = value is None or value == () or (sign[0] == ":" and value == "")
            if sign[-1] == "?" or (sign[-1] == "+") == absent:
                if HOLE in first_of(value) or (absent and sign[-1] == "?"):
                    self.effects(rest)
                if sign[-1] != "+":
                    self.emit(value, all_, made, split, quoted)
                return
            if sign[-1] == "=":
                self.state.assign(name, self.text(rest)[0])
            self.default(rest, made, split=split, quoted=quoted)
            return
        if sign == ":":
            self.part(name, value, all_, rest, made, split=split, quoted=quoted)
            return
        values = (value,) if isinstance(value, str) else (value or ())
        if not all_:
            values = values[:1]
        pattern, text = self.operands(sign, rest)
        changed = tuple(self.changed(one, sign, pattern, text) for one in values)
        self.emit(changed if all_ else (changed[0] if changed else ""), all_, made, split, quoted)

    def part(
        self, name: str, value: Value, all_: str, rest: str, made: Fields, *,
        split: bool, quoted: bool,
    ) -> None:  # fmt: skip
        """`${name:offset:length}`."""
        begin, separated, length = rest.partition(":")
        offset = self.arithmetic(begin)
        size = self.arithmetic(length) if separated else None
        if all_:
            part = items_of(value, offset, size, given=name in "@*")
            self.listed(part, all_, made, split=split, quoted=quoted)
            return
        known = lost(first_of(value))
        text = "" if rest.endswith(":0") else HOLE
        if text and not any(one in known for one in (HOLE, HOME, HERE)):
            text = slice_of(known, offset, size)
        self.put_value(text, made, split, not quoted)

    def operands(self, sign: str, rest: str) -> tuple[str, str]:
        """The pattern that stands behind *sign*, and the text that takes the place of it."""
        if sign[0] in "#%":
            return self.pattern(rest), ""
        if sign[0] == "/":
            pattern, text = halves(rest)
            return self.pattern(pattern), self.text(text)[0] if text else ""
        self.effects(rest)
        return rest, ""

    def changed(self, value: str, sign: str, pattern: str, text: str) -> str:
        """One value after `#`, `%`, `/`, `^`, `,`, `@`."""
        if holds(value):
            return _cut(value, sign, pattern)
        if (HOME in value or HERE in value) and (sign, pattern) not in (("##", "*/"), ("%", "/*")):
            if sign in ("%", "%%") and pattern == "/" and not value.endswith("/"):
                return value  # a home and a folder have no `/` at their end
            return HOLE  # its characters are not known
        if sign[0] in "^,~":
            return cased(value, sign) if not pattern else HOLE
        if sign == "@P":
            return self.document(value) if HOLE not in value else HOLE
        if sign[0] == "@":
            return transformed(value, sign[1])
        if sign[0] in "#%":
            return stripped(value, sign, pattern)
        return replaced(value, sign, pattern, text)

    def effects(self, raw: str) -> None:
        """Read the commands that stand in *raw*, of which the text is not asked."""
        if any(sign in raw for sign in ("$", "`", "<(", ">(")):
            Expander(self.state.copy(), self.around).text(raw)

    def pattern(self, raw: str) -> str:
        """A pattern, quoted parts of it taken as they are."""
        if not any(one in raw for one in "\\'\"$`"):
            return raw
        if "$" not in raw and "`" not in raw:
            made: list[str] = []
            for part in re.findall(r"\\.|'[^']*'|\"[^\"]*\"|.", raw, re.S):
                text = part[1:-1] if part[0] in "'\"" and len(part) > 1 else part
                quoted = part[0] in "'\"" and len(part) > 1
                made.append(re.sub(r"([*?\[\]\\])", r"\\\1", text) if quoted else text)
            return "".join(made)
        return self.text(raw)[0]

    def default(self, raw: str, made: Fields, *, split: bool, quoted: bool) -> None:
        """The word behind `:-` and its like."""
        if quoted:
            inner = Fields()
            self.double(raw, inner)
            inner.end()
            made.add(" ".join(text for text, _ in inner.done).replace('"', ""))
        elif not split or any(sign in raw for sign in "'\"\\"):
            self.scan(raw, made, split=split)
        else:
            inner = Fields()
            self.scan(raw, inner, split=False)
            inner.end()
            for text, _ in inner.done:
                self.put(text, made, split)


def _cut(value: str, sign: str, pattern: str) -> str:
    """A value with a pattern of files in it, cut where that is not: at a `/`, at a known end."""
    if sign == "##" and pattern == "*/":
        return lost(value.rpartition("/")[2])
    if sign == "%" and pattern == "/*":
        return value.rpartition("/")[0] if "/" in value else value
    if sign in ("%", "%%") and not LIVE.search(pattern) and value.endswith(pattern):
        return lost(value.removesuffix(pattern))
    return HOLE


_LISTED: Final = re.compile(r"\$@|\$\{@\}|\$\{[A-Za-z_]\w*\[@\]\}")
