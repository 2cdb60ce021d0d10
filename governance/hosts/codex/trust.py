"""
Which hooks Codex trusts: it passes over all others without a word.

A hook from a project's ``hooks.json`` runs only if the person's ``config.toml`` calls the
project trusted and holds the digest of the very command under the hook's place in that file.
The tables are put at the end of the text and taken out by their headers; no other byte of it
changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from governance._attrs import frozen
from governance._toml import read_toml
from governance.errors import DefinitionError
from governance.hooking.settings_file import refused
from governance.values import Json

MANAGED_ALONE = "allow_managed_hooks_only"
"""What a machine's requirements say where they let no project's hooks run."""

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")
_OWN_LINE = re.compile(r"\s*(trusted_hash|enabled|trust_level)\s*=")


@frozen
class Place:
    """
    Where one hook stands, and what the client has to have read of it.

    Attributes:
        event: The event, by the client's name.

        key: The name of its table below ``hooks.state``.

        digest: What ``trusted_hash`` there must be.
    """

    event: str
    key: str
    digest: str


def places(
    file: Path, hooks: Mapping[str, Json], is_ours: Callable[[Json], bool], *, ours: bool = True
) -> tuple[Place, ...]:
    """The places of the entries in *hooks*, read from *file*, that are ours, or that are not."""
    found = []
    for event, groups in hooks.items():
        for at, group in enumerate(groups if isinstance(groups, (list, tuple)) else ()):
            entries = group.get("hooks") if isinstance(group, Mapping) else None
            for number, entry in enumerate(entries if isinstance(entries, (list, tuple)) else ()):
                if isinstance(entry, Mapping) and is_ours(entry) is ours:
                    label = _WORD_START.sub("_", event).lower()
                    found.append(
                        Place(event, f"{file}:{label}:{at}:{number}", _digest(label, entry))
                    )
    return tuple(found)


def _digest(label: str, entry: Mapping[str, Json]) -> str:
    # The client's own form of one hook without a matcher; keys in order, no blanks.
    handler = {
        "async": False,
        "command": entry.get("command"),
        "timeout": entry.get("timeout"),
        "type": "command",
    }
    identity = {"event_name": label, "hooks": [handler]}
    text = json.dumps(identity, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@frozen
class Trusting:
    """
    What a ``config.toml`` says of trust.

    Attributes:
        level: The trust level of the project, or ``""``.

        states: Key of a hook → its table.

        switched_off: Whether its features leave hooks out altogether.

        managed_alone: Whether it lets run only hooks that the machine itself requires.
    """

    level: str
    states: Mapping[str, Mapping[str, object]]
    switched_off: bool
    managed_alone: bool = False

    def trusts(self, place: Place) -> bool:
        """Whether the client runs the hook at *place*, as far as this file has a say."""
        state = self.states.get(place.key, {})
        return state.get("trusted_hash") == place.digest and state.get("enabled") is not False


def trusting(text: str, file: Path, project: Path) -> Trusting:
    """
    What *text*, read from *file*, says of *project* and of hooks.

    Raises:
        SettingsRefused: It is no TOML, or a table that matters here is none.
    """
    try:
        data = read_toml(text, str(file)).data if text.strip() else {}
    except DefinitionError as error:
        raise refused(f"`{file}` cannot be read: {error.diagnostics[0]}") from None
    level = _table(_table(data, "projects", file), str(project), file).get("trust_level", "")
    states = _table(_table(data, "hooks", file), "state", file)
    features = _table(data, "features", file)
    return Trusting(
        level if isinstance(level, str) else "",
        {key: value for key, value in states.items() if isinstance(value, Mapping)},
        any(features.get(name) is False for name in ("hooks", "codex_hooks")),
        data.get(MANAGED_ALONE) is True,
    )


def _table(table: Mapping[str, object], name: str, file: Path) -> Mapping[str, object]:
    value = table.get(name, {})
    if not isinstance(value, Mapping):
        raise refused(f"`{name}` in `{file}` is no table")
    return value


def with_trust(text: str, file: Path, project: Path, wanted: Collection[Place]) -> str:
    """
    *text* of *file* with the hooks at *wanted* trusted, and *project*, if it was not.

    Raises:
        SettingsRefused: The person does not trust the project, or the tables are written in a
            way that cannot be added to.
    """
    found = trusting(text, file, project)
    if found.level not in ("", "trusted"):
        raise refused(f"`{file}` says that the project `{project}` is {found.level}")
    missing = [one for one in wanted if not found.trusts(one)]
    made = without_tables(text, [_header("hooks.state", one.key) for one in missing])
    tables = [(_header("hooks.state", one.key), "trusted_hash", one.digest) for one in missing]
    if not found.level:
        tables.insert(0, (_header("projects", str(project)), "trust_level", "trusted"))
    for header, key, value in tables:
        gap = "" if not made else "\n" if made.endswith("\n") else "\n\n"
        made += f'{gap}{header}\n{key} = "{value}"\n'
    told = trusting(made, file, project)
    if told.level != "trusted" or not all(map(told.trusts, wanted)):
        raise refused(f"the tables `projects` and `hooks.state` of `{file}` cannot be added to")
    return made


def without_trust(text: str, project: Path, keys: Collection[str], *, trusted: bool) -> str:
    """*text* without the tables of the hooks *keys*, and of *project* unless it was *trusted*."""
    headers = [_header("hooks.state", key) for key in keys]
    if not trusted:
        headers.append(_header("projects", str(project)))
    return without_tables(text, headers)


def without_tables(text: str, headers: Collection[str]) -> str:
    """*text* without the tables under *headers*, as far as they hold what we or Codex write."""
    made: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.strip() in headers:
            inside = True
            if made and not made[-1].strip():
                made.pop()
        elif not (inside and _OWN_LINE.match(line)):
            inside = False
            made.append(line)
    return "".join(made)


def _header(table: str, key: str) -> str:
    return f"[{table}.{json.dumps(key, ensure_ascii=False)}]"
