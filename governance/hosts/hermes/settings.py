"""
Our folders in Hermes' home: put in, taken out, and found missing.

Hermes' settings belong to its home, not to a project: one Hermes is governed by one project.
Into ``plugins/governance`` goes the plugin, into ``hooks/governance`` the gateway's hook, and
``config.yaml`` names the plugin among those that are enabled, for Hermes loads no other.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from governance.hooking.installing import Change, Installer
from governance.hooking.settings_file import (
    Kept,
    SettingsRefused,
    read_text,
    real,
    refused,
    restore,
    write_changes,
)
from governance.hosts.hermes.client import PLUGIN
from governance.hosts.hermes.enabling import Unreadable, disabled, enabled, has_section, is_enabled
from governance.hosts.hermes.plugin import RECORD, RECORD_BYTES_MAX
from governance.hosts.hermes.tools import HOST

SHIPPED = Path(__file__).parent / "shipped"
KEPT = Path(".governance") / HOST
FILES: Mapping[str, str] = {
    "hook/HOOK.yaml": f"hooks/{PLUGIN}/HOOK.yaml",
    "hook/handler.py": f"hooks/{PLUGIN}/handler.py",
    "plugin/plugin.yaml": f"plugins/{PLUGIN}/plugin.yaml",
    "plugin/__init__.py": f"plugins/{PLUGIN}/__init__.py",
}
"""File that is shipped → where it goes below Hermes' home."""

SAFE_MODE = "HERMES_SAFE_MODE"


def hermes_home(environment: Mapping[str, str] | None = None) -> Path:
    """Hermes' own folder: ``$HERMES_HOME``, else where it stands on this system."""
    given = (os.environ if environment is None else environment).get("HERMES_HOME", "").strip()
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "").strip()
        return Path(local or Path("~/AppData/Local").expanduser()) / "hermes"
    return Path("~/.hermes").expanduser()


def install(
    directory: Path, *, home: Path | None = None, dry_run: bool = False
) -> tuple[Change, ...]:
    """
    Put plugin and hook into Hermes' home, with *directory* as the project that governs.

    Idempotent; files of an older installation of ours are replaced. ``config.yaml`` as it was
    is kept, so that `uninstall` can bring back its very bytes.

    Raises:
        SettingsRefused: Another project governs this Hermes, a plugin or hook of this name is
            somebody else's, or ``plugins.enabled`` cannot be changed; nothing was written.
    """
    project, root = directory.resolve(), home or hermes_home()
    record = root / "plugins" / PLUGIN / RECORD
    owner = _owner(record)
    if owner is not None and owner != str(project):
        raise SettingsRefused(
            f"the Hermes in `{root}` is governed by `{owner}`",
            remedy=f"run `governance uninstall --host {HOST}` there first",
        )
    if owner is None and not _record(project).is_file():
        _check_free(root)
    config = _config(root)
    wanted = {root / to: (SHIPPED / source).read_text("utf-8") for source, to in FILES.items()}
    wanted[record] = json.dumps({"project": str(project)}, indent=2) + "\n"
    files = [Change(file, read_text(file), text) for file, text in wanted.items()]
    if not dry_run:
        original = None if config.before is None else disabled(config.before, PLUGIN)
        Kept(project / KEPT).keep(
            config.file, config.before, original, config.after or "", beside=wanted
        )
        # The list last: a plugin that is named there and is not there is no guard.
        write_changes((*files, config))
    return (config, *files)


def uninstall(
    directory: Path, *, home: Path | None = None, dry_run: bool = False
) -> tuple[Change, ...]:
    """
    Take plugin and hook out of Hermes' home.

    ``config.yaml`` has its earlier bytes again, or is gone if it was not there, when nobody
    else changed it since; otherwise only our entry leaves it. A Hermes that another project
    governs is left alone.

    Raises:
        SettingsRefused: A file cannot be read or written.
    """
    project, root = directory.resolve(), home or hermes_home()
    owner = _owner(root / "plugins" / PLUGIN / RECORD)
    kept = Kept(project / KEPT)
    if owner not in (None, str(project)) or (owner is None and not kept.record.is_file()):
        if owner is None and not dry_run:
            kept.forget()
        return (Change(root / "config.yaml", None, None),)
    made = kept.record.is_file() and not has_section(kept.backup() or "")
    ours = [*(root / to for to in FILES.values()), root / "plugins" / PLUGIN / RECORD]
    files = [Change(one, read_text(one), None) for one in ours]
    config = restore(
        real(root / "config.yaml"),
        kept,
        lambda text: disabled(text, PLUGIN, made=made),
        dry_run=dry_run,
        ours=ours,
    )
    return (config, *files)


def problems(directory: Path, *, home: Path | None = None) -> tuple[str, ...]:
    """
    Why Hermes would not call us, by its files alone; empty when all is well.

    Whether it calls us shows in the journal.
    """
    project, root = directory.resolve(), home or hermes_home()
    owner = _owner(root / "plugins" / PLUGIN / RECORD)
    if owner != str(project):
        return (f"the Hermes in `{root}` is not governed by this project",)
    found = []
    for source, to in FILES.items():
        if _text(root / to) != (SHIPPED / source).read_text("utf-8"):
            found.append(f"`{root / to}` is not the file that belongs there")
    try:
        if not is_enabled(_text(root / "config.yaml") or "", PLUGIN):
            found.append(f"`plugins.enabled` in `{root / 'config.yaml'}` does not name `{PLUGIN}`")
    except Unreadable as error:
        found.append(f"`{root / 'config.yaml'}`: {error}")
    if os.environ.get(SAFE_MODE):
        found.append(f"`{SAFE_MODE}` is set: Hermes loads no plugin at all")
    return tuple(found)


def _config(root: Path) -> Change:
    file = real(root / "config.yaml")
    before = read_text(file)
    try:
        after = enabled(before or "", PLUGIN)
    except Unreadable as error:
        raise refused(f"`{file}`: {error}") from None
    return Change(file, before, after)


def _check_free(root: Path) -> None:
    for name in ("hooks", "plugins"):
        if (root / name / PLUGIN).exists():
            raise refused(f"`{root / name / PLUGIN}` is there already, and not ours")


def _owner(record: Path) -> str | None:
    """The project that governs."""
    try:
        with record.open("rb") as stream:
            value = json.loads(stream.read(RECORD_BYTES_MAX))
        return str(value["project"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _text(file: Path) -> str | None:
    try:
        return read_text(file)
    except SettingsRefused:
        return None


def _record(directory: Path) -> Path:
    return Kept(directory / KEPT).record


INSTALLER = Installer(
    settings=hermes_home() / "config.yaml",
    what="plugin and gateway hook",
    start="hermes",
    install=install,
    uninstall=uninstall,
    problems=problems,
    commands=lambda _: {},
    record=_record,
)
