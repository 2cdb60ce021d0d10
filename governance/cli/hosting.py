"""
`hook` and `statusline` as the help and the reference know them.

A call that a host makes never comes here: `governance.cli.main` hands it to the adapter
before anything heavy is imported. What comes here is a call for help, or one whose words
stand in another order; it is given to the same adapter.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from governance.cli.frame import Example, command
from governance.hosts import HOOKED, HOSTS, STATUS_LINES

_host = click.argument("host", type=click.Choice(sorted(HOOKED)), metavar="HOST")
_dir = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    required=True,
    help="The project's folder, absolute: the folder of a tool moves.",
)
_path = click.option(
    "--path",
    "paths",
    multiple=True,
    type=click.Path(),
    help="A folder to import from; `init` writes those that are needed.",
)


@command(
    "hook",
    examples=[
        Example(
            'governance hook claude-code --dir "$PWD" --event PreToolUse < payload.json',
            "What Claude Code is answered before this tool call.",
        ),
        Example(
            'governance hook claude-code --dir "$PWD" --event PreToolUse '
            '--path "$PWD" --now-ms 1767225600000 < payload.json',
            "Imported from another folder; the time counts in replays alone.",
        ),
    ],
    exits="0 answered, a deny included; 2 no answer could be given: the host blocks where it can",
)
@_host
@_dir
@click.option("--event", default="", help="The host's own name of the event.")
@_path
@click.option(
    "--now-ms",
    type=click.IntRange(min=0),
    default=None,
    help="Milliseconds since 1970 UTC to decide at, for replays. [default: the clock]",
)
def hook(host: str, directory: Path, event: str, paths: tuple[str, ...], now_ms: int | None) -> int:
    """
    Answer one hook of HOST: the payload comes on standard input, the answer goes out.

    `governance init --host` writes this into the host's settings in a form that starts
    faster. Whatever goes wrong, an event that asks for leave is answered with a deny.
    The journal of the project records it like any other call. HOST is claude-code, codex,
    gemini-cli or opencode.
    """
    from governance.hooking.hook import main

    words = ["--host", host, "--dir", str(directory)]
    words += ["--event", event] if event else []
    words += [word for path in paths for word in ("--path", path)]
    words += ["--now-ms", str(now_ms)] if now_ms is not None else []
    return main(words)


@command(
    "statusline",
    examples=[
        Example(
            'governance statusline claude-code --dir "$PWD" < payload.json',
            "How the session of this payload stands.",
        ),
        Example(
            'governance statusline claude-code --dir "$PWD" --path "$PWD" < payload.json',
            "Imported from another folder.",
        ),
    ],
    exits="0 whatever the session and its store are: a status line must not break its host; "
    "2 for a host that has none, or without --dir",
)
@click.argument("host", type=click.Choice(sorted(STATUS_LINES)), metavar="HOST")
@_dir
@_path
def statusline(host: str, directory: Path, paths: tuple[str, ...]) -> int:
    """
    Print the status line for HOST, whose payload comes on standard input.

    State, whether the model is briefed, violations, and what stands in the way of work:
    a halt, a pause and why, or that a hook could not decide since. The store is read without
    waiting for whoever writes to it; where it is missing, damaged or of a newer engine the line
    says so. What the payload tells of tokens and costs, if it is new, is written down by a process
    of its own once the line is out.
    """
    words = ["--dir", str(directory), *(word for path in paths for word in ("--path", path))]
    return int(import_module(f"{HOSTS[host]}.statusline").main(words))


COMMANDS = {"hook": hook, "statusline": statusline}
