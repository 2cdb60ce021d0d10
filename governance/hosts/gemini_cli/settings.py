"""
Our hooks in Gemini CLI's settings: put in, taken out, and found missing.

They go into the project's ``.gemini/settings.json``. The client reads it only in a folder
that its person trusts, which is written into their own ``trustedFolders.json``. Of both files
one member is touched; every other byte stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from governance.hooking.command_line import entry_command, is_hook_command
from governance.hooking.hook_table import HookTable
from governance.hooking.installing import Change, Installer, Shadow
from governance.hooking.members import with_member, without_member
from governance.hooking.settings_file import (
    Kept,
    SettingsRefused,
    parsed,
    read_text,
    real,
    refused,
    restore,
    write_changes,
)
from governance.hosts.gemini_cli.capabilities import EVENTS
from governance.hosts.gemini_cli.tools import HOST

SETTINGS = Path(".gemini") / "settings.json"
KEPT = Path(".governance") / HOST
TABLE = HookTable(HOST, SETTINGS, EVENTS, second=1000)
TRUSTED = "TRUST_FOLDER"
SYSTEM_FOLDERS: Mapping[str, str] = {"darwin": "/Library/Application Support/GeminiCli"}
SYSTEM_FILES: Mapping[str, str] = {
    "GEMINI_CLI_SYSTEM_DEFAULTS_PATH": "system-defaults.json",
    "GEMINI_CLI_SYSTEM_SETTINGS_PATH": "settings.json",
}
"""Variable that says where a file of the machine's settings is → its name in their folder."""


def person_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The person's own folder of settings: below ``$GEMINI_CLI_HOME``, else their home."""
    given = (os.environ if environment is None else environment).get("GEMINI_CLI_HOME", "").strip()
    return (Path(given) if given else Path.home()) / ".gemini"


def trust_file(environment: Mapping[str, str] | None = None) -> Path:
    """The file that says which folders the person trusts."""
    found = os.environ if environment is None else environment
    given = found.get("GEMINI_CLI_TRUSTED_FOLDERS_PATH", "").strip()
    return Path(given) if given else person_folder(found) / "trustedFolders.json"


def install(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Put a hook for every event that the engine acts on into *directory*, and trust the folder.

    Idempotent; hooks of an older installation of ours are replaced. Both files as they were
    are kept, so that `uninstall` can bring back their very bytes.

    Raises:
        SettingsRefused: A file is not what it should be, or the person does not trust the
            folder; nothing was written.
    """
    project = directory.resolve()
    file, trust = real(project / SETTINGS), real(trust_file())
    before, trust_before = read_text(file), read_text(trust)
    text = before if before is not None else "{}\n"
    _, after = TABLE.put_into(text, file, project)
    trust_text = trust_before if trust_before is not None else "{}\n"
    level = parsed(trust_text, trust).get(str(project))
    if level not in (None, TRUSTED):
        raise refused(f"`{trust}` says `{level}` of the folder `{project}`")
    trust_after = trust_before if level else with_member(trust_text, str(project), TRUSTED)
    changes = (Change(file, before, after), Change(trust, trust_before, trust_after))
    if not dry_run:
        kept, kept_trust = _kept(project)
        original = None if before is None else TABLE.taken_out_of(before, file)
        kept.keep(file, before, original, after)
        if changes[1].changed:
            kept_trust.keep(trust, trust_before, trust_before, trust_after or "")
        write_changes(changes)
    return changes


def uninstall(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Take everything of ours out of *directory*, and the trust that `install` wrote.

    Each file has its earlier bytes again (or is gone, if it was not there) when nobody else
    changed it since; otherwise only what is ours leaves it.

    Raises:
        SettingsRefused: As `install`.
    """
    project = directory.resolve()
    file, trust = real(project / SETTINGS), real(trust_file())
    kept, kept_trust = _kept(project)
    if kept_trust.record.is_file():
        told = restore(
            trust, kept_trust, lambda text: without_member(text, str(project)), dry_run=dry_run
        )
    else:
        held = read_text(trust)
        told = Change(trust, held, held)
        if not dry_run:
            kept_trust.forget()
    hooks = restore(file, kept, lambda text: TABLE.taken_out_of(text, file), dry_run=dry_run)
    return hooks, told


def problems(directory: Path) -> tuple[str, ...]:
    """
    Why the hooks of *directory* would not be called, or would fail; empty when all is well.

    Looks at the files alone; whether the client calls them shows in the journal.
    """
    project = directory.resolve()
    try:
        hooks = TABLE.of(project)
        trust = trust_file()
        level = parsed(read_text(trust) or "{}", trust).get(str(project))
    except SettingsRefused as error:
        return (error.message,)
    found = TABLE.problems(hooks, project)
    if level != TRUSTED:
        found.append(f"`{trust}` does not call this folder trusted: no hook of it runs")
    for file in (project / SETTINGS, person_folder() / "settings.json"):
        found.extend(_switched_off(file, project))
    return tuple(found)


def shadows(environment: Mapping[str, str]) -> tuple[Shadow, ...]:
    """Settings of the machine that keep a project's hooks from running."""
    folder = Path(SYSTEM_FOLDERS.get(sys.platform, "/etc/gemini-cli"))
    found = []
    for name, file_name in SYSTEM_FILES.items():
        file = Path(environment.get(name, "").strip() or folder / file_name)
        told = _switched_off(file, None)
        found += [Shadow(what, file, "take it out of `hooksConfig`") for what in told]
    return tuple(found)


def _switched_off(file: Path, project: Path | None) -> list[str]:
    try:
        switches = parsed(read_text(file) or "{}", file).get("hooksConfig")
    except SettingsRefused:
        return []
    if not isinstance(switches, Mapping):
        return []
    if switches.get("enabled") is False:
        return [f"`hooksConfig.enabled` is false in `{file}`: no hook runs at all"]
    left_out = switches.get("disabled")
    named = left_out if isinstance(left_out, (list, tuple)) else ()
    if project is None:
        if not any(is_hook_command(one, HOST) for one in named):
            return []
        return [f"hooks of ours are switched off by `hooksConfig.disabled` in `{file}`"]
    return [
        f"the hook for `{name}` is switched off by `hooksConfig.disabled` in `{file}`"
        for name, event in EVENTS.items()
        if entry_command(HOST, project, event) in named
    ]


def _kept(project: Path) -> tuple[Kept, Kept]:
    return Kept(project / KEPT), Kept(project / KEPT / "trust")


INSTALLER = Installer(
    settings=SETTINGS,
    what="hooks",
    start="gemini",
    install=install,
    uninstall=uninstall,
    problems=problems,
    commands=TABLE.commands,
    record=lambda directory: Kept(directory / KEPT).record,
    shadows=shadows,
)
