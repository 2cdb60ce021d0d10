"""
The table of hooks that several hosts have: event → groups → entries with a command.

    {"PreToolUse": [{"matcher": "…", "hooks": [{"type": "command", "command": "…"}]}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

from governance.hooking.settings_file import refused
from governance.values import Json

Entry = Mapping[str, Json]
IsOurs = Callable[[Json], bool]


def hooks_of(settings: Mapping[str, Json], file: Path, events: Iterable[str]) -> Mapping[str, Json]:
    """
    The member ``hooks`` of *settings*, checked for *events*.

    Raises:
        SettingsRefused: It is no object, or one of *events* has no array in it.
    """
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, Mapping):
        raise refused(f"`hooks` in `{file}` is no object")
    for event in events:
        if not isinstance(hooks.get(event, []), (list, tuple)):
            raise refused(f"`hooks.{event}` in `{file}` is no array")
    return hooks


def entries_of(groups: Json) -> Iterable[Entry]:
    """Every entry of the *groups* of one event; what is none is passed over."""
    for group in groups if isinstance(groups, (list, tuple)) else ():
        entries = group.get("hooks") if isinstance(group, Mapping) else None
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            if isinstance(entry, Mapping):
                yield entry


def with_entries(
    hooks: Mapping[str, Json], entries: Mapping[str, Entry], is_ours: IsOurs
) -> dict[str, Json]:
    """*hooks* with *entries* by event, each in a last group of its own, and no older of ours."""
    made = without_entries(hooks, is_ours)
    for event, entry in entries.items():
        groups = made.get(event)
        held = list(groups) if isinstance(groups, (list, tuple)) else []
        made[event] = [*held, {"hooks": [entry]}]
    return made


def without_entries(hooks: Mapping[str, Json], is_ours: IsOurs) -> dict[str, Json]:
    """*hooks* without any entry of ours, and without what only ours had filled."""
    made: dict[str, Json] = {}
    for event, groups in hooks.items():
        if not isinstance(groups, (list, tuple)) or not any(map(is_ours, entries_of(groups))):
            made[event] = groups
            continue
        left = []
        for group in groups:
            if not isinstance(group, Mapping) or not any(map(is_ours, entries_of([group]))):
                left.append(group)
                continue
            entries = group.get("hooks")
            others = [one for one in cast("list[Json]", entries) if not is_ours(one)]
            if others:
                left.append({**group, "hooks": others})
        if left:
            made[event] = left
    return made


def commands_of(hooks: Mapping[str, Json], is_ours: IsOurs) -> Mapping[str, str]:
    """Event → the command line of the last entry of ours in *hooks*."""
    return {
        event: str(entry["command"])
        for event, groups in hooks.items()
        for entry in entries_of(groups)
        if is_ours(entry)
    }
