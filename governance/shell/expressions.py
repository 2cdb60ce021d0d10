"""
Values in the code of other languages, as far as they are constants.

A small reader of expressions, common to Python, JavaScript, Perl, Ruby, PHP and their like:
literals and what joins them, the home folder, names that were set to one value before. All
else is `HOLE`. Nothing is evaluated by the language itself.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from itertools import chain, islice
from typing import Final, TypeAlias

from governance.shell.values import HOLE

Value: TypeAlias = "str | list[str]"

NAMES_MAX: Final = 200
"""Values given to names that are looked at."""

VARIANTS_MAX: Final = 8
"""Texts that one expression may stand for."""

DEPTH_MAX: Final = 12
CHARACTERS_MAX: Final = 100_000

VALUE_MAX: Final = 65_536
"""Characters of one value that are followed."""

ITEMS_MAX: Final = 1_024
"""Items of one list that are followed."""

TERMS_MAX: Final = 20_000
"""Literals, names and calls of one text that are looked at; what follows them is not known."""

_SPACE: Final = re.compile(r"(?:\s|\\\n)*")
_NAME: Final = re.compile(r"[$@%]?[A-Za-z_][\w]*(?:(?:\.|::|->|\?\.)\$?[A-Za-z_]\w*)*[?!]?")
_NUMBER: Final = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0o?[0-7]+|\d[\d_]*(?:\.\d+)?)")
_PREFIX: Final = re.compile(r"(?:[rRbBuUfF]{1,2})(?=['\"])")
_SET: Final = re.compile(
    r"(?:^|[\n;{(]|\b(?:const|let|var|my|our|local|for)\s)[ \t]*(?:my[ \t]+)?([$@]?[A-Za-z_]\w*)"
    r"(?:\s{0,9}:\s{0,9}\w+)?\s{0,9}(?:=(?![=~>])|\bin\b|\bof\b)"
)
_WALKED: Final = re.compile(
    r"\bfor\s{1,9}\(?\s{0,9}([A-Za-z_]\w*)\s{0,9},[^:\n\]]{1,60}?\bin\s{1,9}(?=os\.f?walk\()"
)
"""`for folder, folders, files in os.walk(x)`: what is deleted lies below x."""
_EVERY: Final = re.compile(
    r"(?:\bDir(?:\.(?:glob|children|entries|each_child))?\s{0,9}(?=[\[(])"
    r"|\b(?:fs\.)?(?:readdirSync|globSync|glob\.sync|fg\.sync|globbySync)\s{0,9}(?=\())"
)
_EVERY_NAME: Final = re.compile(
    r"(?:\s{0,9}\.\s{0,9}(?:each|map|select|reject|forEach|filter)\w{0,12})\s{0,9}"
    r"(?:(?:\{|do)\s{0,9}\|\s{0,9}(\w+)|\(\s{0,9}\(?\s{0,9}(\w+)\s{0,9}\)?\s{0,9}=>)"
)
"""`Dir["x/*"].each { |one|`, `globSync("x/*").forEach(one =>`."""
_EACH: Final = re.compile(r"\bforeach\s{0,9}\(")
_EACH_NAME: Final = re.compile(r"\s{0,9}as\s+(?:\$\w+\s{0,9}=>\s{0,9})?(\$\w+)")
_SET_MORE: Final = {
    "node": re.compile(r"[)\w'\"\]]\s{0,9},\s{0,9}([A-Za-z_$]\w*)\s{0,9}=(?![=~>])"),
    "go": re.compile(r"(?:^|[\n;{])[ \t]*([A-Za-z_]\w*)(?:\s{0,9},\s{0,9}\w+)?\s{0,9}:="),
}
"""How one language sets names besides: `const a = 1, b = 2`, `a, err := f()`."""
_HOME: Final = re.compile(
    r"(?:os\.environ(?:\.get\(\s*|\[)\s*['\"]HOME['\"]\s*(?:,[^)]*)?[\])]"
    r"|os\.[gG]etenv\(\s*['\"]HOME['\"]\s*\)|os\.UserHomeDir\(\)|NSHomeDirectory\(\)"
    r"|System\.(?:getProperty\(\s*\"user\.home\"\s*\)|getenv\(\s*\"HOME\"\s*\)|user_home!?(?:\(\))?)"
    r"|(?:std::)?env::var\(\s*\"HOME\"\s*\)(?:\.unwrap\(\))?|(?:pathlib\.)?Path\.home\(\)|process\.env\.HOME"
    r"|process\.env\[\s*['\"]HOME['\"]\s*\]|(?:require\(\s*['\"](?:node:)?os['\"]\s*\)|os)\.homedir\(\)"
    r"|\$ENV\{\s*['\"]?HOME['\"]?\s*\}|ENV\[\s*['\"]HOME['\"]\s*\]|ENV\.fetch\(\s*['\"]HOME['\"]\s*\)"
    r"|Dir\.home(?:\(\))?|getenv\(\s*['\"]HOME['\"]\s*\)|\$_(?:SERVER|ENV)\[\s*['\"]HOME['\"]\s*\]"
    r"|Deno\.env\.get\(\s*['\"]HOME['\"]\s*\)|homedir\(\))"
)
_CURRENT: Final = re.compile(
    r"(?:(?:pathlib\.)?Path\.cwd\(\)|os\.getcwd\(\)|process\.cwd\(\)|Deno\.cwd\(\)|Dir\.pwd|getcwd\(\))"
)
_THROUGH: Final = re.compile(
    r"(?:os\.path\.(?:expanduser|expandvars|abspath|realpath|normpath)|os\.fspath|str|String|(?:pathlib\.)?Path"
    r"|(?:pathlib\.)?Pure(?:Posix)?Path|PosixPath|path\.resolve|path\.normalize|File\.expand_path|realpath|shlex\.quote"
    r"|escapeshellarg|Pathname(?:\.new)?|new URL|URL|glob\.i?glob|glob|Dir\.glob|Dir|os\.f?walk"
    r"|os\.scandir)\s*[(\[]"
)
_JOINING: Final = re.compile(
    r"(?:os\.path\.join|path\.join|File\.join"
    r"|require\(['\"](?:node:)?path['\"]\)\.join)\s*\("
)
_DECODING: Final = re.compile(
    r"(?:base64\.(?:standard_|urlsafe_)?b64decode|base64\.decodebytes|atob|base64_decode|decode_base64"
    r"|Base64\.(?:strict_|urlsafe_)?decode64|bytes\.fromhex|binascii\.(?:unhexlify|a2b_hex|a2b_base64)"
    r"|codecs\.decode|hex2bin|Buffer\.from|MIME::Base64::decode(?:_base64)?)\s*\(?"
)
_METHOD: Final = re.compile(
    r"\s*\.\s*(decode|encode|strip|split|format|expanduser|resolve|absolute|toString|trim|joinpath"
    r"|join|as_posix|chomp|freeze|to_s|concat|parent)\s*(\()?"
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\n": "", "e": "\x1b", "a": "\a"}
_ESCAPE: Final = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|[0-7]{1,3}|.)", re.S
)
_HOLES: Final = re.compile(r"[$#]\{([^}]*+)(?:\}|\Z)")
_BRACED: Final = re.compile(r"\{([^{}]*)\}")
_SIGILLED: Final = re.compile(r"[$@]\{?(\w+)\}?")

_NOTHING: Final[Mapping[str, str]] = {}


class Source:
    """
    A text of code, and the names that it sets to constants.

    Attributes:
        joins: The sign that joins two texts: ``+``, or ``.`` of Perl and PHP.
    """

    __slots__ = ("_terms", "joins", "language", "names", "text")

    def __init__(self, text: str, language: str) -> None:
        self.text = text[:CHARACTERS_MAX]
        self.language = language
        self.joins = "." if language in {"perl", "php", "lua"} else "+"
        self.names: dict[str, Value] = {}
        self._terms = 0
        more = _SET_MORE.get(language)
        sets = chain(_SET.finditer(self.text), more.finditer(self.text) if more else ())
        for found in islice(sets, NAMES_MAX):
            value, _ = self.value(found.end())
            self._set(found[1], value)
        if language == "python":
            for found in islice(_WALKED.finditer(self.text), NAMES_MAX):
                value, _ = self.value(found.end())
                self._set(found[1], below(value, [HOLE]))
        if language in {"ruby", "node"}:
            for found in islice(_EVERY.finditer(self.text), NAMES_MAX):
                value, end = self._term(found.end(), 0)
                name = _EVERY_NAME.match(self.text, end)
                if name is not None:
                    self._set(name[1] or name[2], value)
        if language == "php":
            for found in islice(_EACH.finditer(self.text), NAMES_MAX):
                value, end = self.value(found.end())
                name = _EACH_NAME.match(self.text, end)
                if name is not None:
                    self._set(name[1], value)

    def _set(self, name: str, value: Value) -> None:
        known = self.names.get(name)
        if known is not None and known != value:
            both = [*_several(known), *_several(value)]
            value = both if len(both) <= VARIANTS_MAX else HOLE
        self.names[name] = value

    def arguments(self, at: int) -> tuple[list[Value], int]:
        """The values from *at* on that commas part, up to a bracket or the end of a statement."""
        found: list[Value] = []
        for _ in range(32):
            at = self._space(at)
            keyword = re.compile(r"[A-Za-z_]\w*\s*[=:](?![=:])\s*").match(self.text, at)
            value, at = self.value(keyword.end() if keyword is not None else at)
            if keyword is not None:
                name = keyword[0].rstrip().rstrip("=:").rstrip()
                value = [f"{name}=", *_several(value)]
            found.append(value)
            at = self._over(at)
            if self.text[at : at + 1] != ",":
                break
            at += 1
        return found, at

    def _over(self, at: int) -> int:
        """Skip what is left of an argument that is no constant."""
        depth = 0
        text = self.text
        end = min(len(text), at + 4_096)
        while at < end:
            sign = text[at]
            if sign in "([{":
                depth += 1
            elif sign in ")]}":
                if not depth:
                    return at
                depth -= 1
            elif sign in ",;\n" and not depth:
                return at
            elif sign in "'\"":
                at = self._quoted(at)[1]
                continue
            at += 1
        return at

    def value(self, at: int, depth: int = 0) -> tuple[Value, int]:
        """The value of the expression that begins at *at*, and where it ends."""
        value, at = self._term(at, depth)
        while depth < DEPTH_MAX and self._terms < TERMS_MAX:
            value = _kept(value)
            found = _METHOD.match(self.text, at)
            if found is not None and not (self.joins == "." and found[2] is None):
                value, at = self._method(value, found, depth)
                continue
            here = self._space(at)
            sign = self.text[here : here + 1]
            if self.language == "lua" and self.text.startswith("..", here):
                here += 1
            elif sign == self.joins and self.text[here + 1 : here + 2] not in {"=", "+"}:
                pass
            elif sign == "/" and self.language == "python":
                right, at = self._term(here + 1, depth + 1)
                value = _combined([value, right], "/")
                continue
            else:
                break
            right, at = self._term(here + 1, depth + 1)
            if isinstance(value, list) and isinstance(right, list):
                value = value + right
            else:
                value = _combined([value, right], "")
        return _kept(value) if self._terms < TERMS_MAX else HOLE, at

    def _method(self, value: Value, found: re.Match[str], depth: int) -> tuple[Value, int]:
        at = found.end()
        name = found[1]
        given: list[Value] = []
        if found[2]:
            given, at = self._bracketed(at, depth, ")")
        if name == "parent":
            return (HOLE if HOLE in _one(value) else f"{_one(value)}/.."), at
        if name == "split" and isinstance(value, str):
            return (value.split(_one(given[0])) if given and _one(given[0]) else value.split()), at
        if name == "joinpath":
            return "/".join([_one(value), *(_one(one) for one in given)]), at
        if name == "join":
            if isinstance(value, list):
                return _together(_one(given[0]) if given else "", value), at
            return _together(_one(value), _several(given[0])) if given else HOLE, at
        if name == "format":
            text = _one(value)
            for one in given:
                found_ = re.search(r"\{[^{}]*\}", text)
                if found_ is not None:
                    text = text[: found_.start()] + _one(one) + text[found_.end() :]
            return text, at
        if name == "concat":
            return _one(value) + "".join(_one(one) for one in given), at
        return value, at

    def _term(self, at: int, depth: int) -> tuple[Value, int]:
        at = self._space(at)
        text = self.text
        self._terms += 1
        if depth >= DEPTH_MAX or at >= len(text) or self._terms > TERMS_MAX:
            return HOLE, at
        home = _HOME.match(text, at)
        if home is not None:
            return "~", home.end()
        here = _CURRENT.match(text, at)
        if here is not None:
            return ".", here.end()
        if self.language == "perl" and text.startswith("glob ", at):
            return self.value(at + 5, depth + 1)
        for pattern, made in ((_THROUGH, _first), (_JOINING, _path), (_DECODING, _decoded)):
            found = pattern.match(text, at)
            if found is not None:
                given, at = self._bracketed(found.end(), depth, ")]")
                return made(given), at
        sign = text[at]
        prefix = _PREFIX.match(text, at)
        if sign in "'\"`" or prefix is not None:
            start = prefix.end() if prefix is not None else at
            return self._literal(start, prefix[0].lower() if prefix is not None else "")
        if sign in "([":
            given, at = self._bracketed(at + 1, depth, ")]")
            if sign == "(" and len(given) == 1:
                return given[0], at
            return [part for one in given for part in _several(one)], at
        return self._name_or_number(at)

    def _name_or_number(self, at: int) -> tuple[Value, int]:
        text = self.text
        words = re.compile(r"(?:%[wWiI]|q[wq]?)\s*([\[({|/!<])").match(text, at)
        if words is not None and self.language in {"ruby", "perl"}:
            end = text.find(
                {"[": "]", "(": ")", "{": "}", "<": ">"}.get(words[1], words[1]), words.end()
            )
            if end > 0:
                inside = text[words.end() : end]
                return (inside.split() if "w" in words[0].lower() else inside), end + 1
        number = _NUMBER.match(text, at)
        if number is not None:
            return number[0], number.end()
        name = _NAME.match(text, at)
        if name is None:
            return HOLE, at
        known = self.names.get(name[0])
        if known is not None:
            return known, name.end()
        head = re.split(r"\.|::|->|\?\.", name[0], maxsplit=1)[0]
        if head in self.names:
            return self.names[head], at + len(head)  # a method of it follows
        if text[name.end() : name.end() + 1] in {"(", "["}:
            return HOLE, min(self._over(name.end() + 1) + 1, len(text))
        return HOLE, name.end()

    def _bracketed(self, at: int, depth: int, closing: str) -> tuple[list[Value], int]:
        found: list[Value] = []
        for _ in range(64):
            at = self._space(at)
            if self.text[at : at + 1] in closing:
                return found, at + 1
            value, at = self.value(at, depth + 1)
            found.append(value)
            at = self._over(at)
            sign = self.text[at : at + 1]
            if sign in closing:
                return found, at + 1
            if sign not in {",", "\n", ";"}:
                break
            at += 1
        return found, at

    def _literal(self, at: int, prefix: str) -> tuple[Value, int]:
        text, end, quote = *self._quoted(at), self.text[at]
        if "r" not in prefix and not (quote == "'" and self.language in {"perl", "ruby", "php"}):
            text = _ESCAPE.sub(_escaped, text)
        elif self.language != "python":
            text = text.replace("\\'", "'").replace("\\\\", "\\")
        if "f" in prefix:
            return self._formatted(text), end
        if quote == "`" or (quote == '"' and self.language in {"ruby"}):
            text = self._filled(_HOLES, text)
        elif quote == '"' and self.language in {"perl", "php"}:
            text = re.sub(r"\$(?:ENV|_SERVER|_ENV)[{\[]['\"]?HOME['\"]?[}\]]", "~", text)
            text = self._filled(_SIGILLED, text, sign="$")
        return text, end

    def _formatted(self, text: str) -> Value:
        """A text of Python with names in braces, of which one may have several values."""
        for name in re.findall(r"\{(\w+)\}", text)[:8]:
            several = self.names.get(name)
            if isinstance(several, list) and 1 < len(several) <= VARIANTS_MAX:
                return [self._filled(_BRACED, text, {name: one}) for one in several]
        return self._filled(_BRACED, text)

    def _filled(
        self, holes: re.Pattern[str], text: str, known: Mapping[str, str] = _NOTHING, sign: str = ""
    ) -> str:
        """*text* with values for the names in its *holes*, which are kept with a *sign*."""
        made: list[str] = []
        at = size = 0
        for found in holes.finditer(text):
            name = sign + found[1].strip()
            value = known.get(name, "~" if _HOME.fullmatch(name) else None)
            value = _one(self.names.get(name, HOLE)) if value is None else value
            made += [text[at : found.start()], value]
            size += len(made[-1]) + len(made[-2])
            if size > VALUE_MAX:
                return HOLE
            at = found.end()
        return "".join(made) + text[at:]

    def _quoted(self, at: int) -> tuple[str, int]:
        text = self.text
        quote = text[at]
        if text.startswith(quote * 3, at):
            end = text.find(quote * 3, at + 3)
            return (text[at + 3 : end], end + 3) if end > 0 else (text[at + 3 :], len(text))
        end = at + 1
        while True:
            end = text.find(quote, end)
            if end < 0:
                return text[at + 1 :], len(text)
            before = end
            while before > at + 1 and text[before - 1] == "\\":
                before -= 1
            if (end - before) % 2 == 0:
                return text[at + 1 : end], end + 1
            end += 1

    def _space(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found is not None else at


def _one(value: Value) -> str:
    if isinstance(value, list):
        return value[0] if len(value) == 1 else HOLE
    return value


def _several(value: Value) -> list[str]:
    return value if isinstance(value, list) else [value]


def _kept(value: Value) -> Value:
    """*value*; a hole where it is more than is followed."""
    if isinstance(value, list):
        return value if len(value) <= ITEMS_MAX and sum(map(len, value)) <= VALUE_MAX else HOLE
    return value if len(value) <= VALUE_MAX else HOLE


def _together(sign: str, parts: list[str]) -> str:
    """*parts* with *sign* between them; a hole where that is more than is followed."""
    size = sum(map(len, parts)) + len(sign) * len(parts)
    return sign.join(parts) if size <= VALUE_MAX else HOLE


def _first(given: list[Value]) -> Value:
    if len(given) > 1:
        return "/".join(_one(one) for one in given)
    return given[0] if given else HOLE


def _combined(given: list[Value], sign: str) -> Value:
    """*given* joined by *sign*; where one of them may be several texts, each that this gives."""
    made = [""]
    for one in given:
        several = _several(one) if 0 < len(_several(one)) <= VARIANTS_MAX else [HOLE]
        made = [_joined(left, part, sign) for left in made for part in several]
        if len(made) > VARIANTS_MAX:
            return HOLE
    return made if len(made) > 1 else made[0] or HOLE


def _joined(left: str, right: str, sign: str) -> str:
    if sign and left and not right.startswith(("/", "~")):
        return left.rstrip(sign) + sign + right
    return right if sign else left + right


def below(folder: Value, patterns: list[Value]) -> Value:
    """What lies in *folder* and fits the first of *patterns*; the folder where there is none."""
    return _combined([folder, *patterns[:1]], "/")


def _path(given: list[Value]) -> Value:
    return _combined(given, "/")


def _decoded(given: list[Value]) -> Value:
    """The text that base64 or hexadecimal digits stand for."""
    text = _one(given[0]) if given else HOLE
    if not text or HOLE in text or len(text) > CHARACTERS_MAX:
        return HOLE
    try:
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
            return bytes.fromhex(text).decode("utf-8")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return HOLE


def _escaped(found: re.Match[str]) -> str:
    sign = found[1]
    if sign[0] in "xu" and len(sign) > 1:
        code = int(sign[1:].strip("{}"), 16)
        return chr(code) if code < 0xD800 or 0xE000 <= code < 0x110000 else HOLE
    if sign[0] in "01234567" and sign != "0":
        return chr(int(sign, 8))
    return _ESCAPES.get(sign, sign if sign in "'\"\\`$/@ " else "\\" + sign)
