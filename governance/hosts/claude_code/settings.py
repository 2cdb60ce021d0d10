"""
Our hooks in Claude Code's settings: put in, taken out, and found missing.

They go into ``.claude/settings.local.json``: the commands name this machine's interpreter
and folders, and a hook that is not there lets every tool run, so they must not travel with
the repository in ``settings.json``. Only the members ``hooks`` and ``statusLine`` are
touched; every other byte of the file stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from governance.hooking.claude.events import EVENTS
from governance.hooking.command_line import command_of, quoted
from governance.hooking.hook_table import HookTable
from governance.hooking.installing import Change, Installer, Shadow
from governance.hooking.members import with_member, without_member
from governance.hooking.settings_file import (
    Kept,
    SettingsRefused,
    parsed,
    read_text,
    real,
    restore,
    write_changes,
)
from governance.hosts.claude_code.tools import HOST
from governance.hosts.claude_code.transcripts import home_of
from governance.values import Json

SETTINGS = Path(".claude") / "settings.local.json"
KEPT = Path(".governance") / HOST
TABLE = HookTable(HOST, SETTINGS, EVENTS)
STATUS_FILE = Path(__file__).with_name("statusline.py")
STATUS_MARK = "/governance/hosts/claude_code/statusline.py"
MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
"""Settings of the machine's administrator."""

_ELSEWHERE = "hooks pass over it, and decide without the service"
_LOADED = "it has other code loaded into hooks"
ENVIRONMENT: Mapping[str, str] = {
    "HOME": _ELSEWHERE,
    "XDG_CONFIG_HOME": _ELSEWHERE,
    "XDG_STATE_HOME": _ELSEWHERE,
    "LD_PRELOAD": _LOADED,
    "LD_AUDIT": _LOADED,
    "LD_LIBRARY_PATH": _LOADED,
    "DYLD_INSERT_LIBRARIES": _LOADED,
    "DYLD_LIBRARY_PATH": _LOADED,
}
"""
Variables by which settings of a project, which may come with its repository, change what its
hooks are: the client hands what stands in ``env`` to them.
"""


def install(
    directory: Path, *, home: Path | None = None, dry_run: bool = False
) -> tuple[Change, ...]:
    """
    Put a hook for every event that the engine acts on into the settings of *directory*.

    Idempotent; hooks of an older installation of ours are replaced. A status line is put
    in only where neither the project nor the person in *home* has one. The file as it was
    is kept, so that `uninstall` can bring back its very bytes.

    Raises:
        SettingsRefused: The settings are no JSON object, or their hooks have another
            shape; nothing was written.
    """
    project = directory.resolve()
    file = real(project / SETTINGS)
    before = read_text(file)
    text = before if before is not None else "{}\n"
    _, after = TABLE.put_into(text, file, project)
    if _is_our_line(parsed(text, file).get("statusLine")) or not _has_status_line(
        project, home or Path.home()
    ):
        line: Json = {"type": "command", "command": _status_command(project)}
        after = with_member(after, "statusLine", line)
    change = Change(file, before, after)
    if not dry_run:
        original = _without_ours(before, file) if before is not None else None
        Kept(project / KEPT).keep(file, before, original, after)
        write_changes((change,))
    return (change,)


def uninstall(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
    """
    Take everything of ours out of the settings of *directory*.

    The file has its earlier bytes again (or is gone, if it was not there) when nobody else
    changed it since; otherwise only our entries leave it.

    Raises:
        SettingsRefused: As `install`.
    """
    project = directory.resolve()
    file = real(project / SETTINGS)
    kept = Kept(project / KEPT)
    return (restore(file, kept, lambda text: _without_ours(text, file), dry_run=dry_run),)


def problems(directory: Path) -> tuple[str, ...]:
    """
    Why the hooks of *directory* would not be called, or would fail; empty when all is well.

    Looks at the files alone; whether the client calls them shows in the journal.
    """
    project = directory.resolve()
    try:
        return tuple(TABLE.problems(TABLE.of(project), project))
    except SettingsRefused as error:
        return (error.message,)


def switches(directory: Path) -> tuple[Shadow, ...]:
    """What the project's settings, a person's or the team's, do to its hooks."""
    project = directory.resolve()
    found = []
    for name in (SETTINGS, SETTINGS.with_name("settings.json")):
        file = project / name
        settings = _read(file)
        if settings.get("disableAllHooks"):
            what = f"`disableAllHooks` is set in `{name}`: no hook runs at all"
            found.append(Shadow(what, file, "take `disableAllHooks` out of it"))
        variables = settings.get("env")
        found.extend(
            Shadow(
                f"`env` in `{name}` sets `{variable}`: {ENVIRONMENT[variable]}",
                file,
                f"take `{variable}` out of its `env`",
            )
            for variable in (variables if isinstance(variables, Mapping) else ())
            if variable in ENVIRONMENT
        )
    return tuple(found)


def shadows(environment: Mapping[str, str]) -> tuple[Shadow, ...]:
    """Settings of the person and of the machine that keep a project's hooks from being called."""
    found = []
    for file in (home_of(environment) / "settings.json", *MANAGED):
        try:
            settings = parsed(read_text(file) or "{}", file)
        except SettingsRefused:
            continue  # the client does not read it either
        for key in ("disableAllHooks", "allowManagedHooksOnly"):
            if settings.get(key) is True:
                what = f"`{key}` is set in `{file}`: the project's hooks are not called"
                found.append(Shadow(what, file, f"take `{key}` out of it"))
    return tuple(found)


def _read(file: Path) -> Mapping[str, Json]:
    try:
        return parsed(read_text(file) or "{}", file)
    except SettingsRefused:
        return {}


def _status_command(project: Path) -> str:
    return command_of(STATUS_FILE, (f"--dir {quoted(str(project))}",))


def _is_our_line(line: Json) -> bool:
    command = line.get("command") if isinstance(line, Mapping) else None
    return isinstance(command, str) and STATUS_MARK in command.replace("\\", "/")


def _without_ours(text: str, file: Path) -> str:
    text = TABLE.taken_out_of(text, file)
    if _is_our_line(parsed(text, file).get("statusLine")):
        text = without_member(text, "statusLine")
    return text


def _has_status_line(project: Path, home: Path) -> bool:
    places = (
        project / SETTINGS,
        project / SETTINGS.with_name("settings.json"),
        home / ".claude" / "settings.json",
    )
    for file in places:
        try:
            if parsed(read_text(file) or "{}", file).get("statusLine") is not None:
                return True
        except SettingsRefused:
            # Not ours to mend; a status line that cannot be seen is left alone.
            return True
    return False


INSTALLER = Installer(
    settings=SETTINGS,
    what="hooks and status line",
    start="claude",
    install=install,
    uninstall=uninstall,
    problems=problems,
    commands=TABLE.commands,
    record=lambda directory: Kept(directory / KEPT).record,
    shadows=shadows,
    switches=switches,
)
