"""The shell command that a host is given for each of its events."""

from __future__ import annotations

import sys
from pathlib import Path

from governance.hooking.settings_file import SettingsRefused

HOOK_FILE = Path(__file__).with_name("hook.py")
RELAY_FILE = HOOK_FILE.with_name("hook_relay.py")
HOOK_MARK = "/governance/hooking/hook.py"
NEEDED = ("attr", "apsw", "re2", "transitions")
"""Import names that the hook's process must find; their folders go into its command."""


def hook_command(host: str, project: Path, event: str) -> str:
    """
    What *host* runs for *event*: the script, with every word in double quotes that may need it.

    Raises:
        SettingsRefused: A package that the hook needs is not installed.
    """
    more = (f"--host {host}", f"--dir {quoted(str(project))}", f"--event {event}")
    return command_of(HOOK_FILE, more)


def command_of(script: Path, words: tuple[str, ...]) -> str:
    """*script* with *words*, run without site-packages but with the folders that it needs."""
    program = f"{quoted(sys.executable)} -I -S {quoted(str(script))}"
    return " ".join([program, *words, *(f"--path {quoted(one)}" for one in import_folders())])


def is_hook_command(command: object, host: str) -> bool:
    """Whether *command* runs our script for *host*, of this installation or another."""
    if not isinstance(command, str):
        return False
    return HOOK_MARK in command.replace("\\", "/") and f" --host {host} " in command


def quoted(text: str) -> str:
    """*text* as one word of a POSIX shell, in double quotes."""
    for sign in '\\"$`':
        text = text.replace(sign, "\\" + sign)
    return f'"{text}"'


def import_folders() -> tuple[str, ...]:
    """
    The folders that hold what the hook imports, but for the one it is installed in.

    Raises:
        SettingsRefused: A package that the hook needs is not installed.
    """
    from importlib.util import find_spec

    root = str(HOOK_FILE.parents[2])
    found: dict[str, None] = {}
    for name in NEEDED:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise SettingsRefused(f"the package `{name}` is not installed, and the hook needs it")
        place = Path(spec.origin).parent
        folder = str(place.parent if spec.submodule_search_locations else place)
        if folder != root:
            found[folder] = None
    return tuple(found)
