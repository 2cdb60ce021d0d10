"""
What the arguments of a foreign tool name: paths, commands, code, addresses and contents.

They are read by what they are called, however deep they stand in tables, lists and texts of JSON;
what an argument is called holds for all that stands below it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from attrs import field

from governance._attrs import define
from governance.rules.meant_words import (
    ADDRESSES,
    ARGUMENTS,
    BARE_ADDRESSES,
    CODE_KEYS,
    COMMANDS,
    COMMANDS_ALONE,
    CONTENTS,
    FOLDERS,
    HOSTS,
    LANGUAGE_KEYS,
    NO_COMMANDS,
    PATHS,
    PATTERNS,
    PLACES,
    PROGRAMS,
    PROSE,
    SEVERAL,
    SOURCES,
    STATEMENTS,
    TARGETS,
    TYPED,
)
from governance.rules.notable import NOTABLE
from governance.values import Json, ValueRefused, load_json

DEPTH_MAX = 16
TEXTS_MAX = 1_000
"""Texts of one call that are looked at; of a call with more it is not known what it names."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLAIN = re.compile(r"[^\s@:]{1,1024}")
_SPACED = re.compile(r"(?:/|~/)[^\n\r\0]{0,1023}")
_TYPED_NAME = re.compile(r"\.[A-Za-z]\w{0,7}\Z")
_ADDRESS = re.compile(r"\s*(?:https?|wss?|ftps?|file):", re.IGNORECASE)
_WITHIN = re.compile(r"(?:https?|wss?|ftps?)://[^\s\"'<>|\\^`{}]{1,2048}", re.IGNORECASE)
_BARE_HOST = re.compile(
    r"(?://)?(?:localhost|\d{8,10}|\[[0-9A-Fa-f:.]{2,64}\]|[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\.?)"
    r"(?::\d{1,5})?(?:[/?#][^\s]{0,2048})?"
)
_PATCHED = re.compile(
    r"^(?:\*\*\* (?:(?:Add|Update|Delete) File|Move to): |(?:\+\+\+|---) (?:[ab]/)?)([^\t\r\n]+)",
    re.MULTILINE,
)
_NAMES = frozenset(one for one in NOTABLE if not one.isalpha())

Words = tuple[str, ...]


@define(eq=False)
class Named:
    """
    What the arguments of one call name, in the order in which they stand.

    Attributes:
        moving: The tool moves or copies, so that a word alone may be a file.

        fetching: The tool goes to addresses, so that one within a text counts.

        telling: The tool says that it is about files, so that it names one somewhere.

        texts: How many texts there were; more than `TEXTS_MAX` of them are not all known.

        codes, statements, typed: Code of some language, what a database is to do, and what is
            typed into a terminal.

        languages: Words of the arguments that say what language code is in.

        spare: Texts that can be nothing but paths, under names of what is no path.
    """

    moving: bool = False
    fetching: bool = False
    telling: bool = False
    texts: int = 0
    sources: list[Json] = field(factory=list)
    targets: list[Json] = field(factory=list)
    paths: list[Json] = field(factory=list)
    urls: list[Json] = field(factory=list)
    commands: list[str] = field(factory=list)
    codes: list[str] = field(factory=list)
    statements: list[str] = field(factory=list)
    queries: list[str] = field(factory=list)
    typed: list[str] = field(factory=list)
    languages: set[str] = field(factory=set)
    contents: list[str] = field(factory=list)
    patterns: list[str] = field(factory=list)
    spare: list[Json] = field(factory=list)
    folder: str = ""

    def read(self, arguments: Mapping[str, Json]) -> None:
        """Add all that *arguments* name."""
        self._walk(arguments, (), (), 0)
        named = self.paths or self.sources or self.targets or self.urls or self.commands
        if self.telling and not named:
            self.paths += self.spare

    def _walk(self, value: Json, key: Words, above: Words, depth: int) -> None:
        if self.texts > TEXTS_MAX or depth > DEPTH_MAX:
            self.texts = TEXTS_MAX + 1
            return
        if isinstance(value, str):
            self.texts += 1
            told = _told(value, key)
            if told is not None:
                self._walk(told, key, above, depth + 1)
            self._sort(value, key)
            if above:
                self._sort(value, above)
        elif isinstance(value, Mapping):
            self._pair(value)
            for name, one in value.items():
                if _is_path(name) or ("." in name and _is_named(name)):
                    self.paths.append(name)  # a table of files by their names
                own = tuple(word.lower() for word in _WORD.findall(name))
                kept = key if _is_kind(key) else above
                self._walk(one, own, () if PROSE.intersection(own[-1:]) else kept, depth + 1)
        elif isinstance(value, (list, tuple)):
            for one in value:
                if isinstance(one, (list, tuple)) and _commands(key, one):
                    self.commands.append(_line("", one))
                self._walk(one, key, above, depth + 1)

    def _pair(self, table: Mapping[str, Json]) -> None:
        """What arguments of one table say together: folder and name, program and words."""
        by_name = {"".join(_WORD.findall(name)).lower(): one for name, one in table.items()}
        name = by_name.get("name") or by_name.get("filename") or by_name.get("basename")
        folder = by_name.get("dir") or by_name.get("directory") or by_name.get("folder")
        folder = folder or by_name.get("path")
        if isinstance(name, str) and isinstance(folder, str) and _PLAIN.fullmatch(name):
            self.paths.append(f"{folder}/{name}")
        for key in ("cwd", *FOLDERS):
            one = by_name.get(key)
            if isinstance(one, str) and not self.folder:
                self.folder = one
        hosts = (by_name.get(key) for key in HOSTS)
        host = next((one for one in hosts if isinstance(one, str)), "")
        if host and "://" not in host and _BARE_HOST.fullmatch(host):
            where = next((one for key in ("path", "route", "uri") if (one := by_name.get(key))), "")
            self.urls.append(f"http://{host}/{where if isinstance(where, str) else ''}")
        self._pair_program(by_name)

    def _pair_program(self, by_name: Mapping[str, Json]) -> None:
        words = next((one for key in ARGUMENTS if (one := by_name.get(key))), None)
        keys = [key for key in (*COMMANDS_ALONE, *COMMANDS, *PROGRAMS) if by_name.get(key)]
        for key in keys:
            program = by_name[key]
            if isinstance(program, (list, tuple)) and words is None:
                if _commands((key,), program):
                    self.commands.append(_line("", program))
            elif isinstance(program, str) and isinstance(words, (list, tuple)):
                self.commands.append(_line(program, words))
            elif isinstance(program, str) and isinstance(words, str):
                self.commands.append(f"{program} {words}")
        if not keys and isinstance(words, (list, tuple)) and _commands(("argv",), words):
            self.commands.append(_line("", words))

    def _sort(self, text: str, words: Words) -> None:
        if not text:
            return
        joined, last = "".join(words), words[-1] if words else ""
        if self._is_run(text, words):
            return
        if joined in ("patch", "diff", "patchtext", "input"):
            self.paths.extend(one.strip() for one in _PATCHED.findall(text) if one != "/dev/null")
            self.contents.append(text)
            return
        if joined in PATTERNS:
            self.patterns.append(text)
        within = self.fetching and not (joined in CONTENTS or last in CONTENTS)
        if within and not _ADDRESS.match(text):
            self.urls.extend(_WITHIN.findall(text))
        if joined in CONTENTS or last in CONTENTS or joined in PROSE:
            if joined in CONTENTS or last in CONTENTS:
                self.contents.append(text)
            self.spare += [text] if _is_path(text) else []
            return
        if joined in FOLDERS:
            return
        if _ADDRESS.match(text):
            self.urls.append(text)
            self.paths.extend(_file_of(text))
            return
        if (last in BARE_ADDRESSES or text.startswith("//")) and _BARE_HOST.fullmatch(text):
            self.urls.append(f"http://{text.removeprefix('//')}")
        if last in ADDRESSES and not _is_path(text):
            return
        self._sort_path(text, words, last)

    def _is_run(self, text: str, words: Words) -> bool:
        """Whether *text* is run by what it is called, and is kept as that."""
        joined, last = "".join(words), words[-1] if words else ""
        if last in LANGUAGE_KEYS and len(text) <= 32:
            self.languages.add(text.lower())
        if joined in STATEMENTS or last in STATEMENTS:
            self.statements.append(text)
        elif joined in ("query", "queries"):
            self.queries.append(text)
        elif joined in CODE_KEYS or last in CODE_KEYS:
            self.codes.append(text)
        elif joined in TYPED:
            self.typed.append(text)
        if joined in COMMANDS_ALONE and not any(one.isspace() for one in text.strip()):
            return False  # the number of a run, the name of a shell
        named = not COMMANDS.isdisjoint(words) and last not in NO_COMMANDS
        if named or joined in COMMANDS or joined in COMMANDS_ALONE:
            self.commands.append(text)
            return True
        return False

    def _sort_path(self, text: str, words: Words, last: str) -> None:
        if not PLACES.intersection(words):
            told = _is_path(text)
        else:
            # Elsewhere than where something is moved, a word alone is a language or a branch.
            told = _PLAIN.fullmatch(text) is not None if self.moving else _is_named(text)
        if not (last in PATHS or told or text in _NAMES):
            return
        of = set(words)
        into = self.sources if of & SOURCES else self.targets if of & TARGETS else self.paths
        into.append(text)
        if last in SEVERAL:
            pieces = [one for one in re.split(r"[\s,;]+", text) if one and one != text]
            into.extend(one for one in pieces[:TEXTS_MAX] if _is_path(one) or _is_named(one))


def words_of(name: str) -> set[str]:
    """The words of *name*, lower case, however they are joined: ``createOrUpdate``, ``mv-file``."""
    return {one.lower() for one in _WORD.findall(name)}


def _is_kind(key: Words) -> bool:
    """Whether what stands below *key* is still what it says."""
    return bool(key) and (key[-1] in PATHS or key[-1] in ADDRESSES or key[-1] in COMMANDS)


def _told(text: str, key: Words) -> Json | None:
    """The JSON that *text* is, under a name of what may be handed on so."""
    if text.lstrip()[:1] not in ("{", "[") or (key[-1:] and key[-1] in CONTENTS - {"payload"}):
        return None
    try:
        value = load_json(text.encode("utf-8", "surrogatepass"))
    except (ValueRefused, ValueError):
        return None
    return value if isinstance(value, (Mapping, list)) else None


def _commands(key: Words, words: Iterable[Json]) -> bool:
    """Whether *words*, under *key*, are those of one command line."""
    named = bool(key) and (key[-1] in COMMANDS or "".join(key) in (*PROGRAMS, *ARGUMENTS))
    return named and all(isinstance(one, (str, int, float)) for one in words)


def _line(program: str, words: Iterable[Json]) -> str:
    return f"{program} {shlex.join(str(one) for one in words)}".strip()


def _is_named(text: str) -> bool:
    """Whether *text* can be the name of a file: it has a folder, or an ending."""
    plain = _PLAIN.fullmatch(text) is not None
    return plain and ("/" in text or _TYPED_NAME.search(text) is not None)


def _is_path(text: str) -> bool:
    """Whether *text* can be nothing but a path, whatever its argument is called."""
    if not _PLAIN.fullmatch(text):
        return text.count("/") > 1 and _SPACED.fullmatch(text) is not None
    if text.startswith(("/", "~/", "./", "../")):
        return True
    return any(one[:1] == "." and one[1:2].isalpha() for one in text.split("/"))


def _file_of(address: str) -> Iterator[str]:
    """The path of a ``file:`` address."""
    scheme, _, rest = address.strip().partition(":")
    if scheme.lower() != "file":
        return
    from urllib.parse import unquote

    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    yield unquote(rest.partition("?")[0].partition("#")[0], errors="replace")
