"""
The table of hooks that several hosts have: event → groups → entries with a command.

    {"PreToolUse": [{"matcher": "…", "hooks": [{"type": "command", "command": "…"}]}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

from governance._attrs import frozen
from governance.hooking.adapter import HookEvent
from governance.hooking.command_line import entry_command, is_hook_command
from governance.hooking.members import with_member, without_member
from governance.hooking.settings_file import parsed, read_text, real, refused
from governance.values import Json

EVERYTHING = (None, "", "*")
"""Matchers of a group that leave nothing out."""

Entry = Mapping[str, Json]
IsOurs = Callable[[Json], bool]


@frozen
class HookTable:
    """
    Our hooks in the table of one host, which is the member ``hooks`` of a file of settings.

    Attributes:
        settings: That file, from the project's folder.

        second: What a second is in the host's time-outs.
    """

    host: str
    settings: Path
    events: Mapping[str, HookEvent]
    second: int = 1

    def is_ours(self, entry: Json) -> bool:
        """Whether *entry* runs our script for this host, of this installation or another."""
        return isinstance(entry, Mapping) and is_hook_command(entry.get("command"), self.host)

    def of(self, project: Path) -> Mapping[str, Json]:
        """
        The table of *project*.

        Raises:
            SettingsRefused: The settings are not what they should be.
        """
        file = real(project / self.settings)
        return hooks_of(parsed(read_text(file) or "{}", file), file, self.events)

    def put_into(self, text: str, file: Path, project: Path) -> tuple[dict[str, Json], str]:
        """
        The table with ours in it, and *text* of *file* with that; those of before are replaced.

        Raises:
            SettingsRefused: As `of`.
        """
        entries = {one.name: self._entry(project, one) for one in self.events.values()}
        made = with_entries(hooks_of(parsed(text, file), file, self.events), entries, self.is_ours)
        try:
            return made, with_member(text, "hooks", cast(Json, made))
        except ValueError as error:
            raise refused(f"`hooks` in `{file}` cannot be added to: {error}") from None

    def _entry(self, project: Path, event: HookEvent) -> Entry:
        return {
            "type": "command",
            "command": entry_command(self.host, project, event),
            "timeout": event.timeout_seconds * self.second,
        }

    def taken_out_of(self, text: str, file: Path) -> str:
        """
        *text* of *file* without any of ours.

        Raises:
            SettingsRefused: As `of`.
        """
        hooks = hooks_of(parsed(text, file), file, self.events)
        left = without_entries(hooks, self.is_ours)
        if left == hooks:
            return text
        return with_member(text, "hooks", left) if left else without_member(text, "hooks")

    def commands(self, directory: Path) -> Mapping[str, str]:
        """
        Event → the shell command of ours that the settings of *directory* run for it.

        Raises:
            SettingsRefused: As `of`.
        """
        found = {
            event: str(entry["command"])
            for event, groups in self.of(directory.resolve()).items()
            for entry in entries_of(groups)
            if self.is_ours(entry)
        }
        return {event: found[event] for event in self.events if event in found}

    def problems(self, hooks: Mapping[str, Json], project: Path) -> list[str]:
        """Why *hooks* are not those that this installation writes for *project*."""
        found = []
        for name, event in self.events.items():
            ours = [one for one in entries_of(hooks.get(name)) if self.is_ours(one)]
            wanted = self._entry(project, event)
            same = [one for one in ours if one.get("command") == wanted["command"]]
            if not ours:
                found.append(f"no hook of ours is installed for `{name}`")
            elif not same:
                found.append(f"the hook for `{name}` is not the one that this installation writes")
            else:
                found += _changed(name, wanted, same[0])
                found += self._narrowed(name, hooks.get(name))
                if len(ours) > 1:
                    found.append(f"{len(ours)} hooks of ours answer `{name}`: it would count twice")
        return found

    def _narrowed(self, name: str, groups: Json) -> list[str]:
        """Why the hooks of ours in *groups* are not called for all that their event is about."""
        found = []
        for group in groups if isinstance(groups, (list, tuple)) else ():
            matcher = group.get("matcher") if isinstance(group, Mapping) else None
            if matcher not in EVERYTHING and any(map(self.is_ours, entries_of([group]))):
                found.append(f"the hook for `{name}` is called for `{str(matcher)[:80]}` alone")
        return found


def _changed(name: str, wanted: Entry, found: Entry) -> list[str]:
    """Members by which the entry *found* is not the one that is *wanted*; a host heeds them."""
    names = [one for one in {**wanted, **found} if wanted.get(one) != found.get(one)]
    if not names:
        return []
    told = ", ".join(f"`{one}`" for one in names)
    return [f"the hook for `{name}` was changed by somebody: {told}"]


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
