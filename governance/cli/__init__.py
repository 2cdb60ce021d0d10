"""
The command ``governance``.

`main` hands the two commands that a host calls many times an hour, ``hook`` and
``statusline``, to their adapter before anything heavy is imported; all others go through
`governance.cli.app`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from governance.hosts import HOOKED, HOSTS, STATUS_LINES

_QUICK = {"hook": HOOKED, "statusline": STATUS_LINES}

COLLECT_AFTER = 200_000
"""Objects that are made before the interpreter looks for garbage; most commands never get there."""


def entry() -> int:
    """What the script ``governance`` calls: `main`, where all of the process is this command."""
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    _hold_descriptors()
    try:
        return main()
    finally:
        # At its end the interpreter would look through all that was made, and find nothing to do.
        gc.freeze()


def _hold_descriptors() -> None:
    """
    Let nothing that is opened from now on be taken for standard input, output or error.

    Where whoever started this has closed one, the next file would get its number. Output stays
    what nobody can write to.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)


def main(words: Sequence[str] | None = None) -> int:
    """
    Run the command line *words* and give its exit code.

    0: fine. 1: the command found something (a violation of a chain, a bad pack). 2: it
    could not do what was asked. 130: it was stopped by Ctrl-C.
    Never raises but for `SystemExit` of a host's hook.
    """
    given = list(sys.argv[1:] if words is None else words)
    if _is_quick(given):
        return _run_quick(given[0], given[1], given[2:])
    try:
        from governance.cli.app import run

        return run(given)
    except KeyboardInterrupt:  # while the commands were still being imported
        sys.stderr.write("stopped\n")
        return 130


def _is_quick(given: list[str]) -> bool:
    return len(given) > 1 and given[1] in _QUICK.get(given[0], ()) and "--help" not in given


def _run_quick(command: str, host: str, rest: list[str]) -> int:
    try:
        if command == "hook":
            from governance.hooking.hook import main

            return main(["--host", host, *rest])
        from importlib import import_module

        code = import_module(f"{HOSTS[host]}.{command}").main(rest)
    except Exception as error:  # noqa: BLE001 -- a host runs the tool on any other exit code than 2
        sys.stderr.write(f"governance {command}: {type(error).__name__}: {error}\n")
        return 2
    return int(code or 0)
