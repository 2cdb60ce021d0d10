"""The group of all commands; each is imported when it is called."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from itertools import pairwise

import click

from governance import __version__
from governance.cli.frame import FAILED, FINE, STOPPED
from governance.errors import GovernanceError, MisuseError, did_you_mean

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "demo": "governance.cli.demo",
        "init": "governance.cli.setup",
        "doctor": "governance.cli.doctor",
        "uninstall": "governance.cli.setup",
    },
    "Write and test rules": {
        "check": "governance.cli.checking",
        "test": "governance.cli.testing",
        "decide": "governance.cli.deciding",
        "rule": "governance.cli.writing",
        "schema": "governance.cli.writing",
        "replay": "governance.cli.comparing",
        "import": "governance.cli.importing",
        "tools": "governance.cli.tool_schemas",
    },
    "See what happened": {
        "sessions": "governance.cli.sessions",
        "show": "governance.cli.showing",
        "why": "governance.cli.explaining",
        "report": "governance.cli.reporting",
        "violations": "governance.cli.people",
        "diagram": "governance.cli.machines",
        "listeners": "governance.cli.machines",
        "chat": "governance.cli.chatting",
        "context": "governance.cli.contexts",
        "log": "governance.cli.journal",
        "verify": "governance.cli.journal",
        "anchor-heads": "governance.cli.heads",
        "store": "governance.cli.storing",
    },
    "Keep and mend the store": {
        "health": "governance.cli.health",
        "metrics": "governance.cli.metrics",
        "backup": "governance.cli.backing",
        "restore": "governance.cli.mending",
        "repair": "governance.cli.mending",
    },
    "Decide as a person": {
        "approve": "governance.cli.approving",
        "pardon": "governance.cli.people",
        "pause": "governance.cli.pausing",
        "trust": "governance.cli.trusting",
        "anchor": "governance.cli.anchoring",
        "keys": "governance.cli.keys",
        "erase": "governance.cli.erasing",
    },
    "Work with sessions": {
        "branch": "governance.cli.branching",
        "switch": "governance.cli.branching",
        "merge": "governance.cli.branching",
        "archive": "governance.cli.keeping",
        "unarchive": "governance.cli.keeping",
        "prune": "governance.cli.keeping",
    },
    "Stand between a host and the engine": {
        "serve": "governance.cli.serving",
        "hook": "governance.cli.hosting",
        "statusline": "governance.cli.hosting",
    },
}
"""Heading of the help → command → the module that holds it under the same name."""

HOMES: Mapping[str, str] = {
    name: module for commands in SECTIONS.values() for name, module in commands.items()
}

_HELP = """\
Governs AI-agent sessions: states, rules, a journal that proves itself.

Begin with `governance demo`: it governs a recorded session before your eyes and leaves a
project that every other command can be tried on.
"""


_SHORT_MAX = 200
"""Longer than any first sentence: one that is cut off tells nobody what is meant."""


class LazyGroup(click.Group):
    """Finds commands in `SECTIONS` and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click calls it so
        return list(HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click calls it so
        home = HOMES.get(cmd_name)
        if home is None:
            return None
        found = import_module(home).COMMANDS[cmd_name]
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in HOMES and not name.startswith("-"):
            meant = did_you_mean(name, HOMES)
            ctx.fail(f"no command `{name}`" + (f"; {meant}" if meant else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, names in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self._short(ctx, name)) for name in names])

    def _short(self, ctx: click.Context, name: str) -> str:
        found = self.get_command(ctx, name)
        return found.get_short_help_str(limit=_SHORT_MAX) if found else ""


@click.group(
    cls=LazyGroup,
    help=_HELP,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="governance")
def app() -> None:
    """Stand for the command line as a whole."""


def run(words: Sequence[str]) -> int:
    """
    Run the command line *words*; the exit code. No traceback leaves this function.

    What nobody foresaw goes into a log file, and one line names it.
    """
    closed = sys.stdout is None
    prepare_streams()
    try:
        return _answered(words)
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        if closed and error.errno == errno.EBADF:
            _say("the output cannot be written: standard output is closed")
            return _closed_pipe()
        if error.errno not in _UNWRITABLE:
            return _crashed(error, words)
        _say(f"the output cannot be written: {(error.strerror or '').lower()}")
        return _closed_pipe()
    except Exception as error:  # noqa: BLE001 -- the last line of defence: it is logged whole
        return _crashed(error, words)


def _answered(words: Sequence[str]) -> int:
    try:
        code = app.main(list(words), prog_name="governance", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _print_misuse(error, words)
        return FAILED
    except GovernanceError as error:
        from governance.cli.output import print_error

        print_error(error, as_json=False)
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        _say("stopped")
        return STOPPED
    return code if isinstance(code, int) else FINE


def _print_misuse(error: click.ClickException, words: Sequence[str]) -> None:
    """Say what is wrong with *words*: a program that asked for JSON gets JSON here too."""
    if not _asks_for_json(words):
        error.show()
        return
    from governance.cli.output import print_error

    context = error.ctx if isinstance(error, click.UsageError) else None
    remedy = f"see `{context.command_path} --help`" if context is not None else ""
    print_error(MisuseError(error.format_message(), remedy=remedy), as_json=True)


def _asks_for_json(words: Sequence[str]) -> bool:
    given = " ".join(words).replace("--format=", "--format ").split()
    return any(one == "--format" and after.startswith("json") for one, after in pairwise(given))


_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


def prepare_streams() -> None:
    """
    Let nothing that is printed fail for its signs, or for want of somebody who reads.

    Where standard output is closed, writing to it fails; standard error is then nobody's.

    A terminal gets what it can show. A file or a pipe gets UTF-8, whatever the surroundings
    say: what is written there says so of itself, or is JSON, which is nothing else.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this
            # What is asked for and goes nowhere must not count as done.
            flags = os.O_RDONLY if name == "stdout" else os.O_WRONLY
            nowhere = os.open(os.devnull, flags)
            setattr(sys, name, open(nowhere, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            if stream.isatty():
                from governance.cli import plain_signs

                stream.reconfigure(errors=plain_signs.NAME)
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _say(text: str) -> None:
    """Tell *text* on standard error; where that cannot be written either, the exit code tells."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _closed_pipe() -> int:
    # Whoever read our output has gone; the interpreter's own flush at exit must not fail too.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


def _crashed(error: Exception, words: Sequence[str]) -> int:
    try:
        from governance.cli.crash import log_crash
    except ImportError:  # what failed may be the very installation
        file = None
    else:
        file = log_crash(error, words)
    where = f"the whole is in {file}" if file else "and no log file could be written"
    _say(
        f"governance failed in a way that it did not foresee "
        f"({type(error).__name__}: {str(error)[:200]!r}); {where}"
    )
    return FAILED
