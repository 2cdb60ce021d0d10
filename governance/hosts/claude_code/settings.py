"""
Our hooks in Claude Code's settings: put in, taken out, and found missing.

They go into ``.claude/settings.local.json``: the commands name this machine's interpreter
and folders, and a hook that is not there lets every tool run, so they must not travel with
the repository in ``settings.json``. Only the members ``hooks`` and ``statusLine`` are
touched; every other byte of the file stays.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from attrs import frozen

from governance.errors import GovernanceError
from governance.hosts.claude_code.capabilities import EVENTS
from governance.hosts.claude_code.members import members, with_member, without_member
from governance.values import Json

SETTINGS = Path(".claude") / "settings.local.json"
KEPT = Path(".governance") / "claude-code"
BACKUP = "settings.before"
RECORD = "settings.json"
HOOK_FILE = Path(__file__).with_name("hook.py")
STATUS_FILE = Path(__file__).with_name("statusline.py")
NEEDED = ("attr", "apsw", "re2", "transitions")
"""Import names that the hook's process must find; their folders go into its command."""

BYTES_MAX = 4_000_000


class SettingsRefused(GovernanceError):
    """The host's settings cannot be read as what they should be; they were left alone."""

    code = "GOV702"


@frozen
class Change:
    """
    What was done to one file, or with a dry run what would be.

    Attributes:
        before: Its text, or ``None`` where it was not there.

        after: Its text now, or ``None`` where it is gone.
    """

    file: Path
    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> str:
        """A unified diff; empty when nothing changes."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            (self.after or "").splitlines(keepends=True),
            f"{self.file} (before)",
            f"{self.file} (after)",
        )
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def install(directory: Path, *, home: Path | None = None, dry_run: bool = False) -> Change:
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
    file = _real(project / SETTINGS)
    before = _read(file)
    text = before if before is not None else "{}\n"
    settings = _parsed(text, file)
    hooks = _with_hooks(_hooks_of(settings, file), project)
    after = with_member(text, "hooks", cast(Json, hooks))
    line = settings.get("statusLine")
    if _is_ours(line) or not _has_status_line(project, home or Path.home()):
        command = _command(STATUS_FILE, project, "")
        after = with_member(after, "statusLine", {"type": "command", "command": command})
    change = Change(file, before, after)
    if not dry_run:
        _keep(project, before, settings, after, file)
        if change.changed:
            _write(file, after)
    return change


def uninstall(directory: Path, *, dry_run: bool = False) -> Change:
    """
    Take everything of ours out of the settings of *directory*.

    The file has its earlier bytes again (or is gone, if it was not there) when nobody else
    changed it since; otherwise only our entries leave it.

    Raises:
        SettingsRefused: As `install`.
    """
    project = directory.resolve()
    file = _real(project / SETTINGS)
    before = _read(file)
    kept = project / KEPT
    if before is None:
        change = Change(file, None, None)
    elif _digest(before) == _recorded(kept).get("after"):
        change = Change(file, before, _backup(kept))
    else:
        change = Change(file, before, _without_ours(before, file))
    if not dry_run:
        if change.after is None:
            file.unlink(missing_ok=True)
            _remove_empty(file.parent)
        elif change.changed:
            _write(file, change.after)
        for name in (BACKUP, RECORD):
            (kept / name).unlink(missing_ok=True)
        _remove_empty(kept)
    return change


def installed_command(directory: Path, event: str) -> str:
    """
    The shell command that the settings of *directory* run for *event*.

    Raises:
        SettingsRefused: No hook of ours is installed for it.
    """
    file = _real(directory.resolve() / SETTINGS)
    hooks = _hooks_of(_parsed(_read(file) or "{}", file), file)
    for entry in _commands(hooks.get(event)):
        if _is_ours(entry):
            return str(entry["command"])
    raise SettingsRefused(
        f"no hook of ours is installed for `{event}` in `{file}`",
        remedy="run `governance init --host claude-code`",
    )


def problems(directory: Path) -> tuple[str, ...]:
    """
    Why the hooks of *directory* would not be called, or would fail; empty when all is well.

    Looks at the files alone; whether the client calls them shows in the journal.
    """
    project = directory.resolve()
    found: list[str] = []
    try:
        settings = _parsed(_read(_real(project / SETTINGS)) or "{}", project / SETTINGS)
        hooks = _hooks_of(settings, project / SETTINGS)
    except SettingsRefused as error:
        return (error.message,)
    for event in EVENTS:
        commands = [one for one in _commands(hooks.get(event)) if _is_ours(one)]
        if not commands:
            found.append(f"no hook of ours is installed for `{event}`")
        elif all(one.get("command") != _command(HOOK_FILE, project, event) for one in commands):
            found.append(f"the hook for `{event}` names another interpreter, folder or project")
    found.extend(
        f"`disableAllHooks` is set in `{name}`: no hook runs at all"
        for name in (SETTINGS, SETTINGS.with_name("settings.json"))
        if _switched_off(project / name)
    )
    return tuple(found)


def _switched_off(file: Path) -> bool:
    try:
        return bool(_parsed(_read(file) or "{}", file).get("disableAllHooks"))
    except SettingsRefused:
        return False


# -- what we put in -------------------------------------------------------------------


def _command(script: Path, project: Path, event: str) -> str:
    program = f"{_quoted(sys.executable)} -I -S {_quoted(str(script))}"
    words = [program, f"--dir {_quoted(str(project))}"]
    if event:
        words.append(f"--event {event}")
    words.extend(f"--path {_quoted(folder)}" for folder in _folders())
    return " ".join(words)


def _quoted(text: str) -> str:
    for sign in '\\"$`':
        text = text.replace(sign, "\\" + sign)
    return f'"{text}"'


def _folders() -> tuple[str, ...]:
    """The folders that hold what the hook imports, but for the one it is installed in."""
    from importlib.util import find_spec

    root = str(HOOK_FILE.parents[3])
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


def _with_hooks(hooks: Mapping[str, Json], project: Path) -> dict[str, Json]:
    made = _without_hooks(hooks)
    for event in EVENTS.values():
        entry: dict[str, Json] = {
            "type": "command",
            "command": _command(HOOK_FILE, project, event.name),
            "timeout": event.timeout_seconds,
        }
        groups = made.get(event.name)
        held = list(groups) if isinstance(groups, (list, tuple)) else []
        made[event.name] = [*held, {"hooks": [entry]}]
    return made


# -- what is ours -----------------------------------------------------------------------


def _is_ours(entry: Json) -> bool:
    if not isinstance(entry, Mapping):
        return False
    command = entry.get("command")
    if not isinstance(command, str):
        return False
    plain = command.replace("\\", "/")
    ours = ("/governance/hosts/claude_code/hook.py", "/governance/hosts/claude_code/statusline.py")
    return any(name in plain for name in ours) and " --dir " in plain


def _commands(groups: Json) -> Iterable[Mapping[str, Json]]:
    for group in groups if isinstance(groups, (list, tuple)) else ():
        entries = group.get("hooks") if isinstance(group, Mapping) else None
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            if isinstance(entry, Mapping):
                yield entry


def _without_hooks(hooks: Mapping[str, Json]) -> dict[str, Json]:
    """*hooks* without any of ours, and without what only ours had filled."""
    made: dict[str, Json] = {}
    for event, groups in hooks.items():
        if not isinstance(groups, (list, tuple)) or not any(map(_is_ours, _commands(groups))):
            made[event] = groups
            continue
        left = []
        for group in groups:
            if not isinstance(group, Mapping) or not any(map(_is_ours, _commands([group]))):
                left.append(group)
                continue
            entries = group.get("hooks")
            others = [one for one in cast("list[Json]", entries) if not _is_ours(one)]
            if others:
                left.append({**group, "hooks": others})
        if left:
            made[event] = left
    return made


def _without_ours(text: str, file: Path) -> str | None:
    settings = _parsed(text, file)
    hooks = _hooks_of(settings, file)
    left = _without_hooks(hooks)
    if left != hooks:
        text = with_member(text, "hooks", left) if left else without_member(text, "hooks")
    if _is_ours(settings.get("statusLine")):
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
            if _parsed(_read(file) or "{}", file).get("statusLine") is not None:
                return True
        except SettingsRefused:
            # Not ours to mend; a status line that cannot be seen is left alone.
            return True
    return False


# -- files ---------------------------------------------------------------------------------


def _real(file: Path) -> Path:
    return Path(os.path.realpath(file))


def _read(file: Path) -> str | None:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsRefused(f"`{file}` cannot be read: {error.strerror}") from None
    if len(data) > BYTES_MAX:
        raise SettingsRefused(f"`{file}` is larger than {BYTES_MAX} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsRefused(f"`{file}` is no UTF-8 at offset {error.start}") from None


def _parsed(text: str, file: Path) -> Mapping[str, Json]:
    try:
        found = members(text)
    except ValueError as error:
        raise SettingsRefused(
            f"`{file}` is not the JSON object it should be: {error}",
            remedy="mend it by hand; nothing was changed",
        ) from None
    return {one.key: one.value for one in found}


def _hooks_of(settings: Mapping[str, Json], file: Path) -> Mapping[str, Json]:
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, Mapping):
        raise SettingsRefused(
            f"`hooks` in `{file}` is no object",
            remedy="mend it by hand; nothing was changed",
        )
    for event in EVENTS:
        if not isinstance(hooks.get(event, []), (list, tuple)):
            raise SettingsRefused(
                f"`hooks.{event}` in `{file}` is no array",
                remedy="mend it by hand; nothing was changed",
            )
    return hooks


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    made = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with made.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            made.chmod(file.stat().st_mode & 0o777)
        made.replace(file)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise SettingsRefused(f"`{file}` cannot be written: {error.strerror}") from None


def _keep(
    project: Path, before: str | None, settings: Mapping[str, Json], after: str, file: Path
) -> None:
    """Remember the file as it was without us, and what it is with us."""
    kept = project / KEPT
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    untouched = before is not None and _digest(before) == _recorded(kept).get("after")
    if not untouched:
        hooks = _hooks_of(settings, file)
        had_ours = _without_hooks(hooks) != hooks or _is_ours(settings.get("statusLine"))
        original = _without_ours(before, file) if before is not None and had_ours else before
        if original is None:
            (kept / BACKUP).unlink(missing_ok=True)
        else:
            (kept / BACKUP).write_bytes(original.encode("utf-8"))
    record = {"file": str(file), "after": _digest(after)}
    (kept / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _recorded(kept: Path) -> Mapping[str, Json]:
    try:
        value: Json = json.loads((kept / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _backup(kept: Path) -> str | None:
    try:
        return (kept / BACKUP).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
