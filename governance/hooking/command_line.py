"""The shell command that a host is given for each of its events."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict

from governance.hooking.settings_file import SettingsRefused
from governance.project import person

if TYPE_CHECKING:
    from governance.hooking.adapter import HookEvent

HOOK_FILE = Path(__file__).with_name("hook.py")
RELAY_FILE = HOOK_FILE.with_name("hook_relay.py")
HOOK_MARK = "/governance/hooking/hook.py"
NEEDED = ("attr", "apsw", "re2", "transitions")
"""Import names that the hook's process must find; their folders go into its command."""

ANSWERED = 3
"""How the script ends where it is told that it is guarded and has answered; see there."""

GUARD = (
    f'trap : HUP INT TERM; "$@"; s=$?; [ $s = {ANSWERED} ] && exit 0; [ $s = 2 ] ||'
    ' echo "governance: the hook ended without an answer, so this is refused;'
    ' run governance doctor" >&2; exit 2'
)
"""
A script of the shell that runs its arguments, and refuses where they end in any other way
than with an answer: the interpreter is gone, or was killed, or the script was cut off. Exit code
2 is a deny in every host that takes a command for a hook; 0 without a word is leave, and any other
code of failure is in most.

A shell that is told to stop waits for what it runs, which then has a deny to give.
"""


def entry_command(host: str, project: Path, event: HookEvent) -> str:
    """
    What stands in the settings of *host* for *event*: `hook_command`, behind `GUARD` where
    leave is asked for.

    Any shell of a person can read it: the guard is the argument of one that is named, and
    takes that shell's place.

    Raises:
        SettingsRefused: A package that the hook needs is not installed.
    """
    if not event.decides:
        return hook_command(host, project, event.name)
    command = hook_command(host, project, event.name, "--guarded")
    return f"exec /bin/sh -c '{GUARD}' governance {command}"


def hook_command(host: str, project: Path, event: str, *more: str) -> str:
    """
    What decides *event* of *host*: the script, with every word in double quotes that may need it.

    Args:
        more: Further words for the script.

    Raises:
        SettingsRefused: A package that the hook needs is not installed.
    """
    where = (f"--host {host}", f"--dir {quoted(str(project))}", f"--event {event}", *more)
    places = (f"--{name} {quoted(place)}" for name, place in person_places().items())
    return command_of(HOOK_FILE, (*where, *places))


def person_places() -> dict[str, str]:
    """Where a person's files are now: what a hook is told, so that no variable moves them."""
    return asdict(person())


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
