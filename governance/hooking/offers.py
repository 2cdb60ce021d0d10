"""
Texts that stood beside a prompt, until it shows that the model was given them.

A client asks all hooks of a prompt at once: what ours says reaches nobody where another one refuses
that prompt. So a text there counts as told with the next event of the same turn, which only a
prompt that was let through has; with another prompt it is forgotten, and told again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve

from governance.hooking import links
from governance.session.commands import Command
from governance.values import Json, ValueRefused, dump_json, load_json

SHOWS_USE = frozenset({"tool_before", "tool_after", "turn_end", "compacting", "child_start"})
"""Events that a turn has only once its prompt went to the model."""

OFFERS_MAX = 64
"""Texts that wait at once; the oldest is forgotten beyond it, and told again."""

OFFER_BYTES_MAX = 64_000


def waits(command: Command) -> bool:
    """Whether a text that the answer to *command* carries is not told yet."""
    return command.event == "turn_start" and command.traits.inject == "transcript"


def keep(project: Path, told: Command) -> None:
    """
    Keep *told*, the report of a text that was offered to its session, until `shown`.

    Raises:
        OSError: The folder cannot be written.
    """
    links.keep(_file(project, told), dump_json({"data": dict(told.data)}), OFFERS_MAX)


def shown(project: Path, command: Command) -> Command | None:
    """The report that is due before *command*, if it shows that a text was used."""
    if command.event not in SHOWS_USE:
        return None
    data = _read(_file(project, command))
    if data is None:
        return None
    return evolve(
        command, event="brief", key=None, call=None, refused=(), delivery="none", data=data
    )


def forget(project: Path, command: Command) -> None:
    """Nothing waits for the session of *command* any more."""
    _file(project, command).unlink(missing_ok=True)


def _read(file: Path) -> Mapping[str, Json] | None:
    try:
        with file.open("rb") as stream:
            value = load_json(stream.read(OFFER_BYTES_MAX))
    except FileNotFoundError:
        return None
    except ValueRefused:
        return None  # half of a file: the text is told again
    data = value.get("data") if isinstance(value, Mapping) else None
    return data if isinstance(data, Mapping) else None


def _file(project: Path, command: Command) -> Path:
    # A child's id has a slash in it, and no id has this sign.
    name = command.session.replace("/", "~")
    return project / ".governance" / command.host / "offers" / name
