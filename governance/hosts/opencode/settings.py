"""
Our plugin in a project's OpenCode folder: put in, taken out, and found missing.

It is one file of our own, ``.opencode/plugins/session-governance.js``, a whole copy of
`plugin.js` with this machine's interpreter and folders in it. A copy, for the client goes on
without a plugin that cannot be loaded: what it needs of the engine it asks a process for,
and refuses where that cannot be started.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from governance.hooking.command_line import (
    HOOK_FILE,
    RELAY_FILE,
    hook_command,
    import_folders,
    person_places,
)
from governance.hooking.installing import Change, Installer, Shadow
from governance.hooking.settings_file import (
    Kept,
    SettingsRefused,
    read_text,
    real,
    restore,
    write_changes,
)
from governance.hosts.opencode.capabilities import EVENTS
from governance.hosts.opencode.tools import HOST
from governance.values import Json

SETTINGS = Path(".opencode") / "plugins" / "session-governance.js"
KEPT = Path(".governance") / HOST
PLUGIN_FILE = Path(__file__).with_name("plugin.js")

LEAVING_OUT: Mapping[str, str] = {
    "OPENCODE_PURE": "the client loads no plugin at all",
    "OPENCODE_DISABLE_PROJECT_CONFIG": "the client leaves the project's folder out",
}
"""Variable of the client → what it does to the plugin."""

_FIRST_LINE = PLUGIN_FILE.read_text(encoding="utf-8").partition("\n")[0]
_SETTINGS_MARK = "const SETTINGS = "


def install(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Put the plugin into the OpenCode folder of *directory*.

    Idempotent; an older one of ours is replaced. Nothing else is touched.

    Raises:
        SettingsRefused: A file of that name is somebody else's, or cannot be written;
            nothing was.
    """
    project = directory.resolve()
    file = real(project / SETTINGS)
    before = read_text(file)
    if before is not None and not _is_ours(before):
        raise SettingsRefused(
            f"`{file}` is there and not ours", remedy="move it away; nothing was changed"
        )
    change = Change(file, before, plugin_text(project))
    if not dry_run:
        Kept(project / KEPT).keep(file, None, None, plugin_text(project))
        write_changes((change,))
    return (change,)


def uninstall(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Take the plugin away, and the folders that were made for it.

    A file of that name that somebody has put in its place is theirs, and stays.

    Raises:
        SettingsRefused: It cannot be read or removed.
    """
    project = directory.resolve()
    file = real(project / SETTINGS)

    def without_ours(text: str) -> str | None:
        return None if _is_ours(text) else text

    return (restore(file, Kept(project / KEPT), without_ours, dry_run=dry_run),)


def plugin_text(project: Path) -> str:
    """
    The plugin as it is installed for *project*.

    Raises:
        SettingsRefused: A package that the engine needs is not installed.
    """
    values: dict[str, Json] = {
        "python": sys.executable,
        "hook": str(HOOK_FILE),
        "relay": str(RELAY_FILE),
        "project": str(project),
        "person": dict(person_places()),
        "paths": list(import_folders()),
    }
    lines = PLUGIN_FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    made = f"{_SETTINGS_MARK}{json.dumps(values)};\n"
    return "".join(made if line.startswith(_SETTINGS_MARK) else line for line in lines)


def commands(directory: Path) -> Mapping[str, str]:
    """
    Event → the command that the installed plugin of *directory* runs for it.

    Raises:
        SettingsRefused: The plugin cannot be read.
    """
    project = directory.resolve()
    text = read_text(real(project / SETTINGS))
    if text is None or not _is_ours(text):
        return {}
    return {event: hook_command(HOST, project, event) for event in EVENTS}


def problems(directory: Path) -> tuple[str, ...]:
    """
    Why the plugin of *directory* would not be called, or would refuse everything.

    Looks at the files alone; whether the client loads it shows in the journal.
    """
    project = directory.resolve()
    try:
        text = read_text(real(project / SETTINGS))
    except SettingsRefused as error:
        return (error.message,)
    if text is None:
        return (f"the plugin `{SETTINGS}` is not there",)
    if not _is_ours(text):
        return (f"`{SETTINGS}` is another plugin than ours",)
    if text != plugin_text(project):
        return (f"`{SETTINGS}` is of another version, or names another interpreter or folder",)
    return ()


def shadows(environment: Mapping[str, str]) -> tuple[Shadow, ...]:
    """Variables with which the client leaves the plugin out."""
    return tuple(
        Shadow(f"`{name}` is set: {what}", SETTINGS, f"`unset {name}`")
        for name, what in LEAVING_OUT.items()
        if environment.get(name, "").lower() in ("1", "true")
    )


def _is_ours(text: str) -> bool:
    return text.startswith(_FIRST_LINE) and f"\n{_SETTINGS_MARK}" in text


INSTALLER = Installer(
    settings=SETTINGS,
    what="plugin",
    start="opencode",
    install=install,
    uninstall=uninstall,
    problems=problems,
    commands=commands,
    record=lambda directory: Kept(directory / KEPT).record,
    shadows=shadows,
)
