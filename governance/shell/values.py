"""
What is known of a command line: words, simple commands as written, commands as they run.

Two steps make one of the other. *Reading* takes the text apart (grammar, quoting, variables,
substitutions, pipes) into `Simple` commands; *interpreting* takes wrappers off and says by
the tables of programs what each command is and touches, as `Command`.

What cannot be known is never left out: it stands as `HOLE` in a word, or as `Opaque`.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from governance._attrs import frozen

HOLE: Final = "\ufffc"
"""Stands in a word for a part that is not known before the command runs."""

OpaqueKind: TypeAlias = Literal[
    "syntax",  # the grammar finds no reading of this text
    "dynamic",  # what runs is put together when it runs: `$X y`, `eval "$X"`
    "input",  # an interpreter runs what another program gives it, and that is not known
    "script",  # a file or a project's own target runs: `bash x.sh`, `make`, `npm run x`
    "code",  # a text in another language runs, of which only parts are understood
    "foreign",  # PowerShell or cmd
    "bound",  # more than this engine looks at
]

BLINDING: Final[frozenset[OpaqueKind]] = frozenset(
    {"syntax", "dynamic", "input", "foreign", "bound"}
)
"""Kinds that may hide any command at all. A script or code is the author's own to judge."""


INPUTS: Final = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
"""Names of the standard input, where a program takes a file."""

GLOBS_MAX: Final = 24
"""Patterns of files of one line that are expanded; a line with more is over a bound."""

LIVE: Final = 1
CARRIED: Final = 2


class Word(str):
    """
    One word after quotes and expansions, with `HOLE` for what is not known.

    Attributes:
        glob: Whether it holds a live `*`, `?` or `[…]`, which the shell will expand: `LIVE`, or
            `CARRIED` where a value brought it.
    """

    __slots__ = ("glob",)
    glob: int

    def __new__(cls, text: str, glob: int = 0) -> Word:
        made = super().__new__(cls, text)
        made.glob = glob
        return made

    @property
    def carried(self) -> bool:
        """Whether a value brought its pattern, so that it may stand for names that are new."""
        return self.glob == CARRIED

    @property
    def known(self) -> bool:
        """Whether no part of it is missing."""
        return HOLE not in self


def lines_of(text: str) -> list[str]:
    """The lines of a text as programs see them: only a newline ends one."""
    return text.removesuffix("\n").split("\n") if text else []


HERE: Final = Word("")
"""The folder of the call itself."""


@frozen
class Opaque:
    """Something that cannot be known of a command line, and why, in a few words."""

    kind: OpaqueKind
    reason: str


@frozen
class Redirect:
    """
    A redirection to or from a file.

    Attributes:
        mode: ``read``, ``write`` (the file is emptied), ``append`` or ``both``.

        fd: The descriptor, or ``-1`` for output and errors together.
    """

    mode: Literal["read", "write", "append", "both"]
    target: Word
    fd: int


@frozen(kw_only=True)
class Simple:
    """
    One simple command as written, words expanded as far as they are known.

    Attributes:
        argv: Program and arguments; empty where only variables are set or files opened.

        assigns: ``NAME=value`` in force for it: before it, and exported earlier.

        redirects: Files that the shell opens for it.

        input_text: What its standard input holds, where that is known (here-documents,
            here-strings, `echo … |`); ``None``: not known, or not given.

        input_from: Positions, in the same sequence, of the commands that write its input.

        feeds: Positions of the commands that read its output: through a pipe, as a
            substituted word, as a file of `<(…)`.

        cwd: Where it runs as far as the line says: ``""`` is the call's folder, otherwise
            a path as `cd` was given it, joined; with a `HOLE` where that is not known.

        background: The line does not wait for it.

        recursive: It calls the function that it stands in.

        reached: ``False`` only where it stands in a function that the line never calls.

        opaque: What is not known of the text that it was read from.

        held: The files of its `<(…)` of which is known what they hold, with that.

        looped: It stands in the body of a loop over names that are not known.
    """

    argv: tuple[Word, ...] = ()
    assigns: tuple[Word, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    input_text: Word | None = None
    input_from: tuple[int, ...] = ()
    feeds: tuple[int, ...] = ()
    cwd: Word = HERE
    background: bool = False
    recursive: bool = False
    reached: bool = True
    opaque: tuple[Opaque, ...] = ()
    held: tuple[tuple[str, Word], ...] = ()
    looped: bool = False


@frozen(kw_only=True)
class Command:
    """
    One command that a line runs, wrappers taken off; the facts below `shell` in rules.

    Attributes:
        program: The name in the tables (`python` for `python3.12`, `rm` for `/bin/rm`),
            `HOLE` where it is not known, ``""`` where nothing is run.

        name: The basename as it was written.

        subcommand: The first word after the program's own options; of programs with groups
            the whole way, joined by a space: ``"volume rm"``, ``"s3 rm"``.

        words: The rest without options, in order.

        flags: Options, each as it was written and by its other names: `-rf` gives ``-r``,
            ``-f``, ``--recursive`` and ``--force``; a value is not part of it.

        options: Options with their values, by the long name where one is known:
            ``"--request=DELETE"``, else ``"-X=DELETE"``.

        arguments: All words after the program, as they are handed over.

        code: Texts that it is given to run or to send: `python -c`, `psql -c`, `awk`, and
            standard input of interpreters and clients where that is known.

        reads, writes, removes: Paths as written (relative to `cwd`); `removes` is part of
            `writes`. `~` is home; a path with `HOLE` is partly known.

        domains: Hosts that it talks to.

        assigns: ``NAME=value`` in its environment, as far as the line sets it.

        wrappers: What it was taken out of, the outermost first: ``("sudo", "env")``; also
            ``bash`` of `bash -c`, ``ssh``, ``docker``, ``xargs``, ``find`` and ``python``.

        feeds: Positions in `Line.commands` of the commands that read its output, through a pipe,
            a substitution or a file.

        cwd, background, recursive, looped: As of `Simple`.

        opaque: What is not known of it.
    """

    program: str
    name: str = ""
    subcommand: str = ""
    words: tuple[Word, ...] = ()
    flags: tuple[str, ...] = ()
    options: tuple[Word, ...] = ()
    arguments: tuple[Word, ...] = ()
    code: tuple[Word, ...] = ()
    reads: tuple[Word, ...] = ()
    writes: tuple[Word, ...] = ()
    removes: tuple[Word, ...] = ()
    domains: tuple[Word, ...] = ()
    assigns: tuple[Word, ...] = ()
    wrappers: tuple[str, ...] = ()
    feeds: tuple[int, ...] = ()
    cwd: Word = HERE
    background: bool = False
    recursive: bool = False
    looped: bool = False
    opaque: tuple[Opaque, ...] = ()


@frozen
class Line:
    """
    Everything that a command line runs, in order.

    Attributes:
        opaque: What is not known of the line as a whole: with one of `BLINDING` in it, it may
            run commands that are not among these.
    """

    commands: tuple[Command, ...] = ()
    opaque: tuple[Opaque, ...] = ()

    @property
    def blind(self) -> Opaque | None:
        """The first reason why the line may run what is not listed; ``None``: it may not."""
        every = (*self.opaque, *(one for command in self.commands for one in command.opaque))
        return next((one for one in every if one.kind in BLINDING), None)
