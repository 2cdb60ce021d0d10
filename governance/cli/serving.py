"""`serve`: the local service in a terminal, how it stands, and its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person
from governance.cli.output import print_json, print_line
from governance.cli.tables import print_table
from governance.errors import MisuseError
from governance.service.client import as_words, ask, service_command, socket_file, stop
from governance.values import Json


@command(
    "serve",
    examples=[
        Example("governance serve --status", "Whether the service runs, and for which projects."),
        Example("governance serve --status --format json", "The same, for a program."),
        Example("governance serve --http 0", "Run it here, with observations over loopback."),
        Example("governance serve --stop", "End it; hooks decide by themselves."),
    ],
    exits="0 fine, 1 no service runs, 2 it could not be started, reached or ended",
)
@click.option("--status", is_flag=True, help="Tell how it stands, and no more.")
@click.option("--stop", "ends", is_flag=True, help="End it; hooks decide by themselves then.")
@click.option(
    "--http",
    "port",
    type=click.IntRange(0, 65_535),
    default=None,
    metavar="PORT",
    help="Take observations on loopback as well; 0 takes a port that is free.",
)
@dir_option
@key_option
@format_option()
def serve(
    status: bool,
    ends: bool,
    port: int | None,
    directory: Path | None,
    key_file: Path | None,
    format_name: str,
) -> int:
    """
    Run the local service here until it is told to stop, or look after the one that runs.

    Hooks start the service by themselves, so nobody needs to call this. It has the engines
    of all your projects open, so that a hook need not load one; where it is not, hooks
    decide by themselves, and decide the same. `[service]` in `governance.toml` says whether
    a project uses it. With `--http` it also listens on loopback for what hosts report over
    HTTP: a token is needed, and nothing is ever decided there. Ending it is a person's.
    """
    if status and ends:
        raise click.UsageError("either --status or --stop")
    if not status and not ends:
        _run(directory, port)
    what = "stop" if ends else "status"
    if port is not None:
        raise MisuseError(f"`--http` does not go with `--{what}`", remedy="leave one out")
    if what == "stop":
        if ask("status") is not None:
            require_person("serve --stop", project_of(directory), key_file)
        told = stop()
    else:
        told = ask("status")
    if format_name == "json":
        print_json({"ok": told is not None, "socket": str(socket_file() or ""), **(told or {})})
    else:
        _print(what, told)
    return FINE if told is not None else FOUND


def _run(directory: Path | None, port: int | None) -> None:
    """Become the service: hooks know it by the command line of its process."""
    project = project_of(directory)
    more = ("--http", str(port)) if port is not None else ()
    words = service_command(project.directory, "--stay", *more)
    sys.stdout.flush()
    os.execv(words[0], words)  # noqa: S606 -- our own script


def _print(what: str, told: Mapping[str, Json] | None) -> None:
    if told is None:
        print_line("no service runs; the next hook that wants one starts it")
        return
    print_table(("service", "ended" if what == "stop" else "runs"), as_words(told))


COMMANDS = {"serve": serve}
