"""
From a text to everything that it runs.

The driver of the two steps: a text is read into simple commands, each is interpreted, and
what it runs in turn (the text of `bash -c`, the words after `sudo`, a here-document that a
shell reads) is taken the same way, until nothing is left or a bound is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import evolve

from governance._attrs import frozen
from governance.shell.draft import Draft, Nested, quoted
from governance.shell.filing import file_feeds
from governance.shell.meaning import understand
from governance.shell.reading import read_simples
from governance.shell.scripts import COPYING, Scripts
from governance.shell.values import GLOBS_MAX, HOLE, Command, Line, Opaque, Simple, Word

DEPTH_MAX: Final = 12
"""Commands within commands; a person writes three."""

COMMANDS_MAX: Final = 1_000
"""Commands of one line."""

NESTED_CHARACTERS_MAX: Final = 262_144
"""Characters of all the texts within one line together."""

_HERE: Final = Word("")
_PLANTING: Final = frozenset({"tee", "ln", "dd"})
"""Programs that make a file or a link without a redirection."""


def read_line(text: str) -> Line:
    """
    Everything that *text* runs as a line of a POSIX shell or of bash. Never raises.

    >>> [one.program for one in read_line("sudo bash -c 'rm -rf build'").commands]
    ['sudo', 'bash', 'rm']
    """
    driver = _Driver()
    driver.text(text, _Around())
    return driver.line()


def foreign_line(text: str) -> Line:
    """A line of PowerShell or cmd, which is not taken apart: one command, and the whole text."""
    reason = Opaque("foreign", "PowerShell and cmd are not taken apart")
    return Line((Command(program=HOLE, code=(Word(text),), opaque=(reason,)),))


@frozen
class _Around:
    """
    What a text or a command stands in.

    Attributes:
        known: What is on its standard input.

        fed: Something is on it, and it is not known what.

        given: The words that the commands before it write to its input, if known.
    """

    wrappers: tuple[str, ...] = ()
    cwd: Word = _HERE
    assigns: tuple[Word, ...] = ()
    depth: int = 0
    known: Word | None = None
    fed: bool = False
    given: tuple[Word, ...] = ()


@frozen
class _Made:
    """
    What a simple command became.

    Attributes:
        all: Where its commands stand.

        reached: Those of them that what is written to it reaches.

        output: The words that it writes, if known.
    """

    all: range = range(0)
    reached: tuple[int, ...] = ()
    output: tuple[Word, ...] = ()


class _Driver:
    """The commands found so far."""

    def __init__(self) -> None:
        self.found: list[tuple[Draft, tuple[str, ...]]] = []
        self.feeds: list[set[int]] = []
        self.opaque: dict[Opaque, None] = {}
        self.scripts = Scripts()
        self.characters = 0

    def text(
        self, text: str, around: _Around, parameters: tuple[Word, ...] = ()
    ) -> tuple[int, ...]:
        """Read *text*, with ``$1 $2 …``; give the commands that read its standard input."""
        if parameters:
            text = f"set -- {' '.join(quoted(one) for one in parameters)}\n{text}"
        reading = read_simples(text, cwd=around.cwd, assigns=around.assigns)
        self.opaque.update(dict.fromkeys(reading.opaque))
        made: list[_Made] = []
        reached: list[int] = []
        sources: dict[int, list[int]] = {}
        for at, written in enumerate(reading.simples):
            if parameters and not made:
                made.append(_Made())
                continue
            simple = _substituted(written, sources.get(at, ()), made)
            piped = simple.input_text is not None or bool(simple.input_from)
            one = self.simple(simple, self._piped(simple, around, made) if piped else around)
            made.append(one)
            for to in simple.feeds:
                sources.setdefault(to, []).append(at)
            if not piped:
                reached += one.reached
        for simple, one in zip(reading.simples, made, strict=True):
            if simple.feeds:
                targets = [at for to in simple.feeds if to < len(made) for at in made[to].reached]
                for position in one.all:
                    self.feeds[position].update(targets)
        return tuple(reached)

    def _piped(self, simple: Simple, around: _Around, made: list[_Made]) -> _Around:
        """What *simple* stands in, which does not read what the text around it would read."""
        given = tuple(
            word for at in simple.input_from if at < len(made) for word in made[at].output
        )
        return _Around(wrappers=around.wrappers, depth=around.depth, given=given)

    def simple(self, simple: Simple, around: _Around) -> _Made:
        """Interpret *simple* and all that it runs."""
        start = len(self.found)
        if not simple.reached:
            return _Made()
        if start >= COMMANDS_MAX:
            self.opaque[Opaque("bound", f"more than {COMMANDS_MAX} commands")] = None
            return _Made()
        simple = self.scripts.named(simple)
        draft = understand(simple, around.known, around.fed, around.given)
        if simple.redirects or draft.program in _PLANTING or draft.subcommand == "pkg":
            self.scripts.wrote(simple)
        if draft.program in COPYING:
            self.scripts.copied(draft)
        self.scripts.look(draft)
        self.scripts.made(draft)
        self.found.append((draft, around.wrappers))
        self.feeds.append(set())
        if not draft.nested:
            return _Made(range(start, start + 1), (start,), draft.output)
        reached = [start]
        for one in draft.nested:
            inner = self.nested(draft, one, around)
            if one.flows:
                reached += inner
        return _Made(range(start, len(self.found)), tuple(reached), draft.output)

    def nested(self, outer: Draft, nested: Nested, around: _Around) -> tuple[int, ...]:
        """Take what *outer* runs; give the commands that its input reaches."""
        if around.depth >= DEPTH_MAX:
            self.opaque[Opaque("bound", f"more than {DEPTH_MAX} commands within commands")] = None
            return ()
        simple = outer.simple
        inside = _Around(
            wrappers=(*around.wrappers, nested.wrapper),
            cwd=nested.cwd,
            assigns=simple.assigns + nested.assigns,
            depth=around.depth + 1,
            known=outer.stdin_text if nested.stdin else None,
            fed=nested.stdin and outer.piped,
            given=outer.given if nested.flows else (),
        )
        if not nested.argv:
            self.characters += len(nested.text)
            if self.characters > NESTED_CHARACTERS_MAX:
                reason = f"more than {NESTED_CHARACTERS_MAX} characters of texts within texts"
                self.opaque[Opaque("bound", reason)] = None
                return ()
            return self.text(nested.text, inside, nested.given)
        inner = Simple(
            argv=nested.argv,
            assigns=inside.assigns,
            redirects=simple.redirects if nested.stdin else (),
            cwd=nested.cwd,
            background=simple.background,
            recursive=simple.recursive,
            held=simple.held,
            looped=simple.looped,
        )
        return self.simple(inner, inside).reached

    def line(self) -> Line:
        """What was found, with the positions of those that each command feeds."""
        commands = [
            draft.command(wrappers, tuple(sorted(feeds)))
            for (draft, wrappers), feeds in zip(self.found, self.feeds, strict=True)
        ]
        for position, more in enumerate(file_feeds(commands)):
            one = commands[position]
            if not more.issubset(one.feeds):
                commands[position] = evolve(one, feeds=tuple(sorted(more.union(one.feeds))))
        if len({word for one in commands for word in _globs_of(one)}) > GLOBS_MAX:
            self.opaque[Opaque("bound", f"more than {GLOBS_MAX} patterns of files")] = None
        return Line(tuple(commands), tuple(self.opaque))


def _globs_of(command: Command) -> Iterator[tuple[str, str]]:
    """The patterns of files of *command*, each with the folder that it stands in."""
    for words in (command.reads, command.writes, command.removes):
        for one in words:
            if one.glob:
                yield one, command.cwd


def _substituted(simple: Simple, sources: Sequence[int], made: Sequence[_Made]) -> Simple:
    """
    *simple* with the words that the one command of its `$(…)` writes, where they are known.

    Where anything else of it is not known it stays as it is: what is missing may be either.
    """
    if not any(word == HOLE for word in simple.argv[1:]):
        return simple
    texts = (*simple.argv, *simple.assigns, *(one.target for one in simple.redirects))
    if sum(one.count(HOLE) for one in texts) != 1:
        return simple
    outputs = [made[one].output for one in sources if one not in simple.input_from]
    if len(outputs) != 1 or not outputs[0]:
        return simple
    argv = [part for one in simple.argv for part in (outputs[0] if one == HOLE else (one,))]
    return evolve(simple, argv=tuple(argv))
