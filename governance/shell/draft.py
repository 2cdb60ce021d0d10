"""
A command in the making: what the tables and the acts note down of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from governance._attrs import frozen
from governance.shell.hosts import hosts_in
from governance.shell.live_signs import kept, lost
from governance.shell.notation import UNKNOWN, Spec
from governance.shell.values import CARRIED, HOLE, Command, Opaque, OpaqueKind, Simple, Word

_T = TypeVar("_T")

STANDARD: Final = frozenset(
    {"-", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/null", "/dev/tty", "/dev/fd/0"}
    | {"/dev/fd/1", "/dev/fd/2", "/proc/self/fd/0", "/proc/self/fd/1", ""}
)
"""Operands that are no files that anything is kept in."""

_HOME: Final = re.compile(r"~[\w.+-]*")
_ROUND: Final = re.compile(r"/proc/(?:self|thread-self|\d+)/(cwd|root)(?:/|$)")

REMOTE: Final = Word(HOLE)
"""The folder of a command that runs on another machine, or inside a container."""


@frozen
class Nested:
    """
    What a command runs.

    Attributes:
        argv: Its words, where they are given as words.

        text: Its text, where that is given.

        wrapper: What it is taken out of.

        cwd: Where it runs.

        assigns: What is set for it besides.

        stdin: It reads what the outer command would read.

        flows: What is written to the outer command reaches it, if only as its words.

        given: ``$1 $2 …`` of its text.
    """

    wrapper: str
    cwd: Word
    argv: tuple[Word, ...] = ()
    text: str = ""
    assigns: tuple[Word, ...] = ()
    stdin: bool = True
    flows: bool = True
    given: tuple[Word, ...] = ()


class Draft:
    """One command while it is understood. Everything is noted in the order it was found."""

    __slots__ = (
        "arguments",
        "assigns",
        "code",
        "cwd",
        "domains",
        "fed",
        "flags",
        "given",
        "known",
        "name",
        "nested",
        "opaque",
        "options",
        "output",
        "parsed",
        "program",
        "reads",
        "removes",
        "rest",
        "simple",
        "spec",
        "subcommand",
        "values",
        "words",
        "wrapper",
        "writes",
    )

    def __init__(
        self,
        simple: Simple,
        known: Word | None = None,
        fed: bool = False,
        given: tuple[Word, ...] = (),
    ) -> None:
        self.simple = simple
        self.known = known
        self.fed = fed
        self.given = given
        self.program = ""
        self.name = ""
        self.wrapper = ""
        self.subcommand = ""
        self.spec: Spec = UNKNOWN
        self.arguments: tuple[Word, ...] = simple.argv[1:]
        self.assigns = simple.assigns
        self.cwd = simple.cwd
        self.words: list[Word] = []
        self.rest: list[Word] = []
        self.parsed = False
        self.flags: dict[str, None] = {}
        self.options: list[Word] = []
        self.values: dict[str, list[Word]] = {}
        self.code: list[Word] = []
        self.reads: list[Word] = []
        self.writes: list[Word] = []
        self.removes: list[Word] = []
        self.domains: list[Word] = []
        self.opaque: list[Opaque] = []
        self.nested: list[Nested] = []
        self.output: tuple[Word, ...] = ()

    # ----------------------------------------------------------------- what was given

    def has(self, *names: str) -> bool:
        """Whether one of these options is given."""
        return any(name in self.flags for name in names)

    def value(self, *names: str) -> list[Word]:
        """All values of these options."""
        values = self.values
        return [one for name in names for one in values.get(name, ())]

    @property
    def stdin_text(self) -> Word | None:
        """What standard input holds, where that is known."""
        return self.known if self.simple.input_text is None else self.simple.input_text

    def held(self, file: str) -> Word | None:
        """What *file* holds, where that is a `<(…)` and known."""
        return next((text for path, text in self.simple.held if path == file), None)

    @property
    def piped(self) -> bool:
        """Whether another command gives the input, and what it gives is not known."""
        return self.stdin_text is None and (self.fed or bool(self.simple.input_from))

    @property
    def stdin_file(self) -> Word | None:
        """The file that is its standard input."""
        for one in reversed(self.simple.redirects):
            if one.mode in {"read", "both"} and one.fd == 0:
                return one.target
        return None

    def command(self, wrappers: tuple[str, ...], feeds: tuple[int, ...]) -> Command:
        """The command that this became."""
        simple = self.simple
        return Command(
            program=self.program,
            name=self.name,
            subcommand=self.subcommand,
            words=_told(self.words),
            flags=tuple(self.flags),
            options=tuple(self.options),
            arguments=_told(self.arguments),
            code=_once(self.code),
            reads=_once(self.reads),
            writes=_once(self.writes),
            removes=_once(self.removes),
            domains=_once(self.domains),
            assigns=self.assigns,
            wrappers=wrappers,
            feeds=feeds,
            cwd=self.cwd,
            background=simple.background,
            recursive=simple.recursive,
            looped=simple.looped,
            opaque=simple.opaque + tuple(self.opaque),
        )

    # ----------------------------------------------------------------- what it touches

    def read(self, *words: Word) -> None:
        """Note paths that are read."""
        self.reads += [_plain(one) for one in words if _kept(one)]

    def write(self, *words: Word) -> None:
        """Note paths that are written."""
        self.writes += [_plain(one) for one in words if _kept(one)]

    def remove(self, *words: Word) -> None:
        """Note paths that are removed, which is a way to write them."""
        found = [_plain(one) for one in words if one]
        self.removes += found
        self.writes += found

    def talk(self, *words: str) -> None:
        """Note the hosts that these addresses name."""
        for one in words:
            self.domains += hosts_in(one)

    def blind(self, kind: OpaqueKind, reason: str) -> None:
        """Note what cannot be known."""
        self.opaque.append(Opaque(kind, reason))

    def within(self, count: int, most: int, what: str) -> None:
        """Say that there are more than are looked at, where that is so: they may be anything."""
        if count > most:
            self.blind("bound", f"more than {most} {what}")

    def first(self, items: Sequence[_T], most: int, what: str) -> Sequence[_T]:
        """The first *most* of *items*; that there are more is said."""
        self.within(len(items), most, what)
        return items[:most]

    def apply(self, role: str, word: Word) -> None:
        """Note what an operand or a value in this role means."""
        if role == "_":
            return
        if role == "read" or role == "script":
            self.read(word)
        elif role == "write":
            self.write(word)
        elif role == "both":
            self.read(word)
            self.write(word)
        elif role == "remove":
            self.remove(word)
        elif role == "move":
            self.read(word)
            self.remove(word)
        elif role == "input":
            if word.startswith("@"):
                self.read(Word(word[1:]))
        elif role in {"url", "host"}:
            self.talk(word)
        elif role == "place":
            self.place(word, write=False)
        elif role == "shell":
            self.run_text(word)
        elif role == "away":
            self.run_text(word, cwd=REMOTE)
        elif role == "code":
            self.code.append(word)
        elif role == "cwd":
            self.cwd = joined(self.cwd, word)

    def place(self, word: Word, *, write: bool) -> None:
        """Note a path here, or ``host:path``, as `scp` and `rsync` take it."""
        head, colon, _ = word.partition(":")
        if colon and head and "/" not in head:
            self.talk(head if "://" not in word else word)
        elif "://" in word:
            self.talk(word)
        elif write:
            self.write(word)
        else:
            self.read(word)

    # ----------------------------------------------------------------- what it runs

    def run(
        self,
        argv: list[Word] | tuple[Word, ...],
        *,
        assigns: tuple[Word, ...] = (),
        cwd: Word | None = None,
        stdin: bool = True,
        flows: bool | None = None,
    ) -> None:
        """Note words that are run as a command."""
        if argv:
            self.nested.append(
                Nested(
                    self.wrapper or self.program,
                    self.cwd if cwd is None else cwd,
                    argv=tuple(argv),
                    assigns=assigns,
                    stdin=stdin,
                    flows=stdin if flows is None else flows,
                )
            )

    def run_text(
        self,
        text: str,
        *,
        assigns: tuple[Word, ...] = (),
        cwd: Word | None = None,
        stdin: bool = True,
        flows: bool | None = None,
        given: tuple[Word, ...] = (),
    ) -> None:
        """Note a text that a shell reads."""
        if text.strip():
            self.nested.append(
                Nested(
                    self.wrapper or self.program,
                    self.cwd if cwd is None else cwd,
                    text=text,
                    assigns=assigns,
                    stdin=stdin,
                    flows=stdin if flows is None else flows,
                    given=given,
                )
            )


def _kept(word: Word) -> bool:
    """Whether *word* is a file that something is kept in."""
    return word not in STANDARD and not word.startswith("/dev/fd/")


def _plain(word: Word) -> Word:
    """*word* without the ways round by which the kernel names this folder and the root."""
    if not word.startswith("/proc/"):
        return word
    found = _ROUND.match(word)
    if found is None:
        return word
    rest = word[found.end() :].lstrip("/")
    return Word(f"/{rest}" if found[1] == "root" else rest or ".", glob=word.glob)


def _told(words: Sequence[Word]) -> tuple[Word, ...]:
    """Words as texts: which names a pattern stands for that a value brought is not known."""
    if CARRIED not in [one.glob for one in words]:
        return tuple(words)
    return tuple(Word(lost(kept(one))) if one.carried else one for one in words)


def _once(words: list[Word]) -> tuple[Word, ...]:
    return tuple(words) if len(words) < 2 else tuple(dict.fromkeys(words))


def joined(folder: Word, path: str) -> Word:
    """*path* seen from *folder*, as `cd` was given them."""
    glob = max(folder.glob, path.glob if isinstance(path, Word) else 0)
    if path.startswith(("/", "~", HOLE)) or not folder:
        return path if isinstance(path, Word) else Word(path)
    if path in {"", "."}:
        return folder
    return Word(f"{folder.rstrip('/')}/{path}", glob)


def quoted(word: str) -> str:
    """*word* as a shell reads it as one; home as home, and a live pattern as one that is live."""
    if isinstance(word, Word) and word[:1] == "~":
        home, slash, rest = word.partition("/")
        if _HOME.fullmatch(home) is not None:
            return f"{home}/{quoted(Word(rest, word.glob))}" if rest else f"{home}{slash}"
    made = "'" + word.replace("'", "'\\''") + "'"
    live = isinstance(word, Word) and word.glob
    return re.sub(r"[*?\[\]]+", lambda found: f"'{found.group()}'", made) if live else made


def pairs_of(words: Iterable[str]) -> dict[str, str]:
    """``NAME=value`` of *words*."""
    found: dict[str, str] = {}
    for one in words:
        name, _, value = one.partition("=")
        found[name] = value
    return found


def basename(path: str) -> str:
    """The last part of *path*."""
    return path.rstrip("/").rpartition("/")[2]
