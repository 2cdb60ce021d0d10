"""
The intent of a command line: its commands in one spelling, in order.

`cat .env` is the intent of reading `.env` by a tool, `rm x` that of changing `x`; of any
other command it is what it is by its program, flags in one order and paths resolved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.rules.intents import bounded, targets
from governance.rules.partial import HOLE
from governance.rules.shell_facts import ShellCall

if TYPE_CHECKING:
    from governance.shell.values import Command

_SHOWING = frozenset({"cat", "head", "tail", "less", "more", "bat", "tac", "nl"})
_WRITING = frozenset(
    {"", ":", "echo", "printf", "cat", "tee", "touch", "truncate", "rm", "rmdir", "unlink", "shred"}
)
_FETCHING = frozenset({"curl", "wget"})
_MOVING = frozenset({"cd", "pushd", "popd"})


def shell_intent(call: object, text: object) -> str:
    """
    A short text, equal for lines that do the same in other words.

    Args:
        call: The line taken apart; where it is not known, *text* stands for it.
    """
    plain = " ".join(str(text).split()) if isinstance(text, str) else ""
    if not isinstance(call, ShellCall) or call.blind is not None:
        return bounded(f"shell {plain}")
    parts: list[str] = []
    for position, command in enumerate(call.commands):
        # What a wrapper runs stands among the commands itself, and what `cd` does in them.
        wraps = any(command.name in one.wrappers for one in call.commands[position + 1 :])
        if command.program in _MOVING or wraps:
            continue
        part = _part(call, position, command)
        if not parts or parts[-1] != part:
            parts.append(part)
    return bounded("; ".join(parts) or f"shell {plain}")


def _part(call: ShellCall, position: int, command: Command) -> str:
    program = command.program
    if command.writes and program in _WRITING:
        return "change " + _paths(call, position, "writes")
    if command.reads and program in _SHOWING and not command.writes and not command.domains:
        return "read " + _paths(call, position, "reads")
    if program in _FETCHING and len(command.words) == 1 and command.domains:
        quiet = not command.writes and not command.code
        if quiet and not any(one.startswith("--request=") for one in command.options):
            return "fetch " + " ".join(targets(str(command.words[0])))
    words = [_word(call, position, str(one)) for one in command.words]
    where = f"in {call.folder(position)}" if command.cwd else ""
    shown = [
        "shell",
        program.replace(HOLE, "?"),
        command.subcommand,
        *_named(command),
        *sorted(set(command.options)),
        *words,
        *command.code,
        *sorted(str(one) for one in command.assigns),
        *(f"> {one}" for one in sorted(_listed(call, position, "writes")) if one not in words),
        where,
    ]
    return " ".join(one for one in shown if one).replace(HOLE, "?")


def _paths(call: ShellCall, position: int, key: str) -> str:
    return " ".join(sorted(_listed(call, position, key))).replace(HOLE, "?")


def _listed(call: ShellCall, position: int, key: str) -> list[str]:
    """The paths of one command with links followed."""
    found = call.value(position, key)
    listed = found if isinstance(found, list) else []
    return [call.real(one) for one in listed if isinstance(one, str)]


def _word(call: ShellCall, position: int, word: str) -> str:
    """*word*, as a path with links followed if it is one that the command touches."""
    command = call.commands[position]
    if any(word == one for one in (*command.reads, *command.writes)):
        placed = call.placed(word, position)
        return call.real(placed) if isinstance(placed, str) else word
    return word


def _named(command: Command) -> list[str]:
    """
    Its flags by one name each, in order: a long name stands for the letter that it begins
    with, and an option that has a value for its flag.
    """
    valued = {one.partition("=")[0] for one in command.options}
    letters = {f"-{one[2]}" for one in command.flags if len(one) > 2 and one.startswith("--")}
    return sorted(one for one in command.flags if one not in letters and one not in valued)
