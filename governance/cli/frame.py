"""What all commands share: how they are declared, how they fail, what their help teaches."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from governance._attrs import frozen
from governance.cli.output import print_error, print_line
from governance.errors import DefinitionError, Diagnostic, GovernanceError
from governance.project import CONFIG_NAME, Project, find_project, open_project

EXITS = "0 fine, 2 could not do what was asked"

FINE = 0
FOUND = 1
FAILED = 2
STOPPED = 130
"""Ended by Ctrl-C, as a shell says it: 128 and the number of the signal."""

ROW_MAX = 2**63 - 1
"""No row has a greater number."""

CODES: Mapping[str, str] = {
    "GOV337": "a user without a home folder",
    "GOV610": "a file that cannot be read or written",
}
_Decorated = TypeVar("_Decorated", bound=Callable[..., object])


@frozen
class Example:
    """A command line that works in a project that `governance demo` made, and what it does."""

    line: str
    does: str


class GovernedCommand(click.Command):
    """
    A command that turns the engine's errors into diagnostics and an exit code.

    Attributes:
        examples: Shown in its help and in the reference; a test runs them.

        exits: What its exit codes mean, where they say more than for all commands.
    """

    examples: tuple[Example, ...] = ()
    exits: str = ""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except GovernanceError as error:
            return _failed(ctx, error)
        except OSError as error:
            if not isinstance(error.filename, (str, bytes)):
                if _is_here():
                    raise
                return _failed(ctx, _nowhere())
            return _failed(ctx, file_error(Path(os.fsdecode(error.filename)), error))
        except RuntimeError as error:
            if str(error).startswith("Could not determine home"):  # as `Path.home` says it
                return _failed(ctx, _no_home())
            # What `Path.resolve` says of a link that leads to itself, before Python 3.13.
            name = str(error).removeprefix("Symlink loop from ")
            if name == str(error):
                raise
            looped = OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            return _failed(ctx, file_error(Path(name.strip("'")), looped))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write_text(example.does)
                    # Not folded: a command line must be copied whole.
                    formatter.write(f"{'':{formatter.current_indent}}  $ {example.line}\n")
        with formatter.section("Exit codes"):
            formatter.write_text(self.exits or EXITS)


def _no_home() -> GovernanceError:
    mend = "set `HOME`, to a folder that is this user's alone"
    return DefinitionError((Diagnostic("GOV337", "this user has no home folder", suggestion=mend),))


def _is_here() -> bool:
    """Whether the folder that we were called in is still there."""
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _nowhere() -> GovernanceError:
    mend = "change into one that is there"
    return DefinitionError(
        (Diagnostic("GOV610", "the folder you are in is gone", suggestion=mend),)
    )


def _failed(ctx: click.Context, error: GovernanceError) -> int:
    print_error(error, as_json=str(ctx.params.get("format_name", "")).startswith("json"))
    return FAILED


def command(
    name: str, *, examples: Sequence[Example], exits: str = ""
) -> Callable[[Callable[..., object]], GovernedCommand]:
    """Declare a function as the command *name*; its docstring is the help."""

    def declare(function: Callable[..., object]) -> GovernedCommand:
        made = click.command(name, cls=GovernedCommand)(function)
        made.examples = tuple(examples)
        made.exits = exits
        return made

    return declare


def format_option(*extra: str) -> Callable[[_Decorated], _Decorated]:
    """``--format text|json`` and what else the command knows; arrives as `format_name`."""
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(["text", "json", *extra]),
        default="text",
        show_default=True,
        help="For people, or for programs.",
    )


def dir_option(function: _Decorated) -> _Decorated:
    """``--dir D``, the project's folder; arrives as `directory`."""
    return click.option(
        "--dir",
        "directory",
        type=click.Path(path_type=Path),
        default=None,
        help=f"Folder with {CONFIG_NAME}.  [default: the nearest one from here upwards]",
    )(function)


def key_option(function: _Decorated) -> _Decorated:
    """``--key FILE``, for the commands that are a person's; arrives as `key_file`."""
    return click.option(
        "--key",
        "key_file",
        type=click.Path(path_type=Path),
        default=None,
        help="The key that init put outside the project; needed without a terminal.",
    )(function)


def project_of(directory: Path | None) -> Project:
    """
    The project in *directory*, or, without one, that which lies nearest upwards from here.

    Raises:
        DefinitionError: There is no project, or part of it is missing.
    """
    return find_project(Path.cwd()) if directory is None else open_project(directory)


def file_error(path: Path, error: OSError) -> DefinitionError:
    """The error to raise when *path* cannot be read or written."""
    return DefinitionError(
        (
            Diagnostic(
                "GOV610",
                f"cannot be used: {(error.strerror or str(error)).lower()}",
                file=str(path),
            ),
        )
    )


@contextmanager
def until_interrupted() -> Iterator[None]:
    """For what goes on until Ctrl-C, which is its good end and breaks nothing off."""
    try:
        yield
    except KeyboardInterrupt:
        print_line("stopped", "quiet", stderr=True)
