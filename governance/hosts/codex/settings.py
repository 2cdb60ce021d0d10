"""
Our hooks in Codex's settings: put in, trusted, taken out, and found missing.

The hooks go into the project's ``.codex/hooks.json``. That the client runs them is written
into the person's own ``config.toml``: see `trust`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from governance.hooking.hook_table import HookTable, without_entries
from governance.hooking.installing import Change, Installer, Shadow
from governance.hooking.settings_file import (
    Kept,
    SettingsRefused,
    read_text,
    real,
    restore,
    write_changes,
)
from governance.hosts.codex.capabilities import EVENTS
from governance.hosts.codex.tools import HOST
from governance.hosts.codex.trust import MANAGED_ALONE, places, trusting, with_trust, without_trust

SETTINGS = Path(".codex") / "hooks.json"
KEPT = Path(".governance") / HOST
TABLE = HookTable(HOST, SETTINGS, EVENTS)
SYSTEM = Path("/etc/codex")


def config_file(environment: Mapping[str, str] | None = None) -> Path:
    """The person's own settings: below ``$CODEX_HOME``, else below ``~/.codex``."""
    given = (os.environ if environment is None else environment).get("CODEX_HOME", "").strip()
    return (Path(given) if given else Path("~/.codex").expanduser()) / "config.toml"


def install(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Put a hook for every event that the engine acts on into *directory*, and trust them.

    Idempotent; hooks of an older installation of ours are replaced. Both files as they were
    are kept, so that `uninstall` can bring back their very bytes.

    Raises:
        SettingsRefused: A file is not what it should be, or the person does not trust the
            project; nothing was written.
    """
    project = directory.resolve()
    file, config = real(project / SETTINGS), real(config_file())
    before, config_before = read_text(file), read_text(config)
    text = before if before is not None else "{}\n"
    hooks, after = TABLE.put_into(text, file, project)
    wanted = places(project / SETTINGS, hooks, TABLE.is_ours)
    config_after = with_trust(config_before or "", config, project, wanted)
    changes = (Change(file, before, after), Change(config, config_before, config_after))
    if not dry_run:
        kept, kept_config = _kept(project)
        original = None if before is None else TABLE.taken_out_of(before, file)
        config_original = (
            None if config_before is None else _untrusting(config_before, config, project)
        )
        kept.keep(file, before, original, after)
        kept_config.keep(config, config_before, config_original, config_after)
        write_changes(changes)
    return changes


def uninstall(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Take everything of ours out of *directory* and out of the person's settings.

    Each file has its earlier bytes again (or is gone, if it was not there) when nobody else
    changed it since; otherwise only what is ours leaves it.

    Raises:
        SettingsRefused: As `install`.
    """
    project = directory.resolve()
    file, config = real(project / SETTINGS), real(config_file())
    kept, kept_config = _kept(project)
    told = restore(
        config, kept_config, lambda text: _untrusting(text, config, project), dry_run=dry_run
    )
    hooks = restore(file, kept, lambda text: TABLE.taken_out_of(text, file), dry_run=dry_run)
    return hooks, told


def problems(directory: Path) -> tuple[str, ...]:
    """
    Why the hooks of *directory* would not be called, or would fail; empty when all is well.

    Looks at the files alone; whether the client calls them shows in the journal.
    """
    project = directory.resolve()
    config = real(config_file())
    try:
        hooks = TABLE.of(project)
        told = trusting(read_text(config) or "", config, project)
        own_file = project / SETTINGS.with_name("config.toml")
        own = trusting(read_text(own_file) or "", own_file, project)
    except SettingsRefused as error:
        return (error.message,)
    found = TABLE.problems(hooks, project)
    found.extend(
        f"the client does not trust the hook for `{place.event}`, or it is switched off there"
        for place in places(project / SETTINGS, hooks, TABLE.is_ours)
        if place.event in EVENTS and not told.trusts(place)
    )
    if told.level != "trusted":
        found.append(f"`{config}` does not call this project trusted: no hook of it runs")
    found.extend(
        f"the feature `hooks` is switched off in `{name}`: no hook runs at all"
        for name, one in ((config, told), (own_file, own))
        if one.switched_off
    )
    return tuple(found)


def shadows(_: Mapping[str, str], system: Path = SYSTEM) -> tuple[Shadow, ...]:
    """Settings of the machine, in the folder *system*, that keep a project's hooks from running."""
    found = []
    for name in ("config.toml", "managed_config.toml", "requirements.toml"):
        file = system / name
        try:
            told = trusting(read_text(file) or "", file, Path("/"))
        except SettingsRefused:
            continue  # the client does not start with it either
        if told.switched_off:
            what = f"the feature `hooks` is switched off in `{file}`: no hook runs at all"
            found.append(Shadow(what, file, "take it out of `[features]`"))
        if told.managed_alone:
            what = f"`{MANAGED_ALONE}` is set in `{file}`: the project's hooks are not called"
            found.append(Shadow(what, file, f"take `{MANAGED_ALONE}` out of it"))
    return tuple(found)


def _kept(project: Path) -> tuple[Kept, Kept]:
    return Kept(project / KEPT), Kept(project / KEPT / "config")


def _untrusting(text: str, config: Path, project: Path) -> str:
    """*text* of *config* without the trust in hooks that are ours or that are not there."""
    hooks = TABLE.of(project)
    left = places(
        project / SETTINGS, without_entries(hooks, TABLE.is_ours), TABLE.is_ours, ours=False
    )
    ours = {one.key for one in places(project / SETTINGS, hooks, TABLE.is_ours)}
    others = {one.key for one in left}
    held = trusting(text, config, project).states
    here = f"{project / SETTINGS}:"
    keys = [key for key in held if key.startswith(here) and (key in ours or key not in others)]
    _, kept = _kept(project)
    earlier = kept.backup() if kept.record.is_file() else text
    trusted = trusting(earlier or "", config, project).level != ""
    return without_trust(text, project, keys, trusted=trusted)


INSTALLER = Installer(
    settings=SETTINGS,
    what="hooks",
    start="codex",
    install=install,
    uninstall=uninstall,
    problems=problems,
    commands=TABLE.commands,
    record=lambda directory: Kept(directory / KEPT).record,
    shadows=shadows,
)
