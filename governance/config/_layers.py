"""
Machine, user, project: who may say what, and how what they say is put together.

The strictest wins. A machine's or user's file speaks of packs, exemptions, listeners and of
the keys that have an order of strictness; everything else is the project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from attrs import AttrsInstance, evolve

from governance._attrs import frozen
from governance._toml import Document, place, read_toml
from governance.config._reading import (
    BAD,
    Report,
    keys_of,
    name_of,
    read_table,
    refuse,
    unknown_keys,
    wrong_type,
)
from governance.config._tree import (
    ACTIONS,
    LAYERS,
    ORDERS,
    OTHERS,
    PATTERNS_MAX,
    TABLES,
    AccessTable,
    AuditTable,
    DefaultsTable,
    EncryptionTable,
    HostTable,
    JournalTable,
    ListenerTable,
    PacksTable,
    ProjectTable,
    RetentionTable,
)
from governance.errors import DefinitionError, Problem, did_you_mean
from governance.project import read_file

T = TypeVar("T", bound=AttrsInstance)

UPPER_TABLES = (
    "project", "packs", "defaults", "hosts", "journal", "encryption", "access", "audit", "exempt",
    "listener",
)  # fmt: skip
"""Tables that a machine's or a user's file may hold."""


@frozen(kw_only=True, eq=False)
class LayerFiles:
    """
    Where the files of the upper layers would be; ``None`` is a layer without a file.

    A file that is not there says nothing; one that cannot be read is an error.
    """

    machine: Path | None = None
    user: Path | None = None


@frozen(kw_only=True, eq=False)
class Layer:
    """
    What one layer says of rules.

    Attributes:
        name: ``"machine"``, ``"user"`` or ``"project"``.

        directory: Where its relative paths start.

        document: Its file.

        exempts: Its ``[[exempt]]`` tables as they stand.
    """

    name: str
    directory: Path
    document: Document
    packs: PacksTable
    exempts: tuple[Mapping[str, object], ...]


@frozen(kw_only=True, eq=False)
class Upper:
    """A machine's or a user's file: its layer, and what it demands of the project."""

    layer: Layer
    demands: Mapping[tuple[str, ...], object]
    listeners: tuple[ListenerTable, ...]
    access: AccessTable
    time_zone: str


def read_upper(name: str, file: Path) -> Upper | None:
    """
    What *file* says as the layer *name*; ``None`` when there is no such file.

    Raises:
        DefinitionError: With every problem of the file.
    """
    text = read_file(file)
    if text is None:
        return None
    if not text.strip():
        text = b"# nothing\n"
    document = read_toml(text, str(file))
    problems: list[Problem] = []
    report = problems.append
    raw = document.data
    for key in raw:
        if key in (*TABLES, *OTHERS) and key not in UPPER_TABLES:
            message = f"`{key}` stands in a {name}'s file"
            refuse("GOV309", message, (key,), report, "only a project's file may hold it")
    unknown_keys(raw, dict.fromkeys((*TABLES, *OTHERS)), (), report)
    packs = read_table(PacksTable, raw.get("packs", {}), ("packs",), report, {"paths": ()})
    check_layers(packs, name, ("packs", "layers"), report)
    made = Upper(
        layer=Layer(
            name=name,
            directory=file.parent,
            document=document,
            packs=packs,
            exempts=read_exempts(raw, report),
        ),
        demands=_demands(raw, name, report),
        listeners=read_listeners(raw, report),
        access=read_table(AccessTable, raw.get("access", {}), ("access",), report, {}),
        time_zone=_zone(raw.get("project", {}), name, report),
    )
    check_access(made.access, report)
    raise_all(document, problems)
    return made


def _zone(raw: object, layer: str, report: Report) -> str:
    """The zone by which a layer's own rules read the time; it is all that it says of a project."""
    found = read_table(ProjectTable, raw, ("project",), report, {})
    if isinstance(raw, Mapping) and "name" in raw:
        _elsewhere(("project", "name"), layer, report)
    check_zone(found.time_zone, report)
    return found.time_zone


def _elsewhere(path: tuple[str, ...], layer: str, report: Report) -> None:
    message = f"{name_of(path)} stands in a {layer}'s file"
    refuse("GOV309", message, path, report, "only a project's file may hold it")


def check_zone(name: str, report: Report) -> None:
    """Report a time zone that there is none of."""
    if not name:
        return
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        hint = did_you_mean(name, available_timezones()) or "expected a name such as `Europe/Paris`"
        path = ("project", "time_zone")
        refuse("GOV306", f"there is no time zone `{name}`", path, report, hint)


def zone_in_force(own: ProjectTable, uppers: tuple[Upper, ...]) -> ProjectTable:
    """*own* with the zone of the uppermost layer that names one: no lower one moves its hours."""
    zone = next((one.time_zone for one in uppers if one.time_zone), own.time_zone)
    return changed(own, {"time_zone": zone})


def check_layers(packs: PacksTable, name: str, path: tuple[str, ...], report: Report) -> None:
    """Report layers that *packs* leaves out, though they are not below *name*."""
    own = LAYERS.index(name)
    missing = [one for one in LAYERS[: own + 1] if one not in packs.layers]
    if missing:
        message = f"{name_of(path)} leaves out `{missing[0]}`"
        below = ", ".join(LAYERS[own + 1 :]) or "none"
        refuse("GOV309", message, path, report, f"this file may leave out only: {below}")


def counted(uppers: tuple[Upper, ...]) -> tuple[Upper, ...]:
    """Those of *uppers* that none above them leaves out, from the upper to the lower."""
    kept: list[Upper] = []
    for upper in uppers:
        if all(upper.layer.name in above.layer.packs.layers for above in kept):
            kept.append(upper)
    return tuple(kept)


def changed(table: T, changes: Mapping[str, object]) -> T:
    """*table* with the checked values of *changes* in place of its own."""
    return evolve(table, **changes)  # type: ignore[misc]  # any class of attrs will do


def strictest(table: str, name: str, *values: object) -> object:
    """The strictest of *values* of the key *name* of *table*."""
    order = ORDERS[table][name]
    return max(values, key=order.index)


def tightened_defaults(own: DefaultsTable, uppers: tuple[Upper, ...]) -> DefaultsTable:
    """*own* with each key as strict as the strictest upper layer demands it."""
    return changed(own, _tightened("defaults", ("defaults",), own, uppers))


def tightened_journal(own: JournalTable, uppers: tuple[Upper, ...]) -> JournalTable:
    """*own*, with what an upper layer demands."""
    return changed(own, _tightened("journal", ("journal",), own, uppers))


def tightened_retention(own: RetentionTable, uppers: tuple[Upper, ...]) -> RetentionTable:
    """*own*, with what an upper layer demands."""
    return changed(own, _tightened("retention", ("retention",), own, uppers))


def tightened_encryption(own: EncryptionTable, uppers: tuple[Upper, ...]) -> EncryptionTable:
    """*own*, with what an upper layer demands."""
    return changed(own, _tightened("encryption", ("encryption",), own, uppers))


def tightened_audit(own: AuditTable, uppers: tuple[Upper, ...]) -> AuditTable:
    """*own*, with what an upper layer demands."""
    return changed(own, _tightened("audit", ("audit",), own, uppers))


def access_in_force(own: AccessTable, uppers: tuple[Upper, ...]) -> AccessTable:
    """The grants of the uppermost layer that names an actor: a lower one cannot add to them."""
    return next((one.access for one in uppers if one.access.actors), own)


def check_access(access: AccessTable, report: Report) -> None:
    """Report roles that nobody described, and actions that there are none of."""
    for actor, roles in access.actors.items():
        for index, role in enumerate(roles):
            if role not in access.roles:
                hint = did_you_mean(role, access.roles) or "describe it under `[access.roles]`"
                path = ("access", "actors", actor, index)
                refuse("GOV311", f"there is no role `{role}`", path, report, hint)
    for role, grants in access.roles.items():
        for index, grant in enumerate(grants):
            action, _, scope = grant.partition(":")
            if action not in (*ACTIONS, "*") or scope not in ("", "own"):
                hint = did_you_mean(action, ACTIONS) or f"known are {', '.join(ACTIONS)} and `*`"
                path = ("access", "roles", role, index)
                refuse("GOV311", f"`{grant}` is no action", path, report, hint)


def check_patterns(patterns: Mapping[str, str], report: Report) -> None:
    """Report patterns that RE2 refuses, match nothing at all, or have no plain name."""
    if not patterns:
        return
    import re2

    quiet = re2.Options()
    quiet.log_errors = False
    for name, source in patterns.items():
        path = ("redaction", "patterns", name)
        if len(patterns) > PATTERNS_MAX:
            message = f"{len(patterns)} patterns, expected {PATTERNS_MAX} at most"
            refuse("GOV312", message, path[:2], report)
            return
        if not name.isascii() or not name.replace("-", "").isalnum():
            refuse("GOV312", f"`{name}` is no name", path, report, "use letters, digits and `-`")
        try:
            matches_nothing = re2.compile(source, quiet).search("") is not None
        except re2.error as error:
            why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            refuse("GOV312", f"RE2 refuses `{source}`: {why}", path, report)
            continue
        if matches_nothing:
            hint = "make the smallest match one character"
            refuse("GOV312", f"`{source}` matches an empty text", path, report, hint)


def tightened_host(name: str, own: HostTable, uppers: tuple[Upper, ...]) -> HostTable:
    """*own*, the table of the host *name*, as strict as an upper layer demands it."""
    return changed(own, _tightened("hosts", ("hosts", name), own, uppers))


def _tightened(
    table: str, path: tuple[str, ...], own: object, uppers: tuple[Upper, ...]
) -> dict[str, object]:
    return {
        name: strictest(
            table,
            name,
            getattr(own, name),
            *(up.demands[(*path, name)] for up in uppers if (*path, name) in up.demands),
        )
        for name in ORDERS[table]
    }


def _demands(
    raw: Mapping[str, object], layer: str, report: Report
) -> dict[tuple[str, ...], object]:
    found: dict[tuple[str, ...], object] = {}
    single: tuple[tuple[str, type], ...] = (
        ("defaults", DefaultsTable),
        ("journal", JournalTable),
        ("encryption", EncryptionTable),
        ("audit", AuditTable),
        ("retention", RetentionTable),
    )
    for table, kind in single:
        _demand(found, table, kind, raw.get(table, {}), (table,), layer, report)
    hosts = raw.get("hosts", {})
    if not isinstance(hosts, Mapping):
        wrong_type(hosts, "a table of tables", ("hosts",), report)
        return found
    for name, one in hosts.items():
        _demand(found, "hosts", HostTable, one, ("hosts", name), layer, report)
    return found


def _demand(
    found: dict[tuple[str, ...], object],
    table: str,
    kind: type,
    raw: object,
    path: tuple[str, ...],
    layer: str,
    report: Report,
) -> None:
    made: object = read_table(kind, raw, path, report, {})
    if not isinstance(raw, Mapping):
        return
    for name in raw:
        if name in ORDERS[table]:
            found[(*path, name)] = getattr(made, name)
        elif name in keys_of(kind) and name != "custom":
            _elsewhere((*path, name), layer, report)


def read_exempts(raw: Mapping[str, object], report: Report) -> tuple[Mapping[str, object], ...]:
    """The ``[[exempt]]`` tables as they stand; the rules check what is in them."""
    return _array(raw, "exempt", report)


def read_listeners(raw: Mapping[str, object], report: Report) -> tuple[ListenerTable, ...]:
    """The ``[[listener]]`` tables, with every listener that could never be called reported."""
    found = []
    for index, one in enumerate(_array(raw, "listener", report)):
        path = ("listener", index)
        before: list[Problem] = []
        # What must be there and is not: the table cannot be made, the rest is reported.
        stand_in: dict[str, object] = dict.fromkeys(("name", "events", "command"), BAD)
        made: ListenerTable = read_table(ListenerTable, one, path, before.append, stand_in)
        for problem in before:
            report(problem)
        if isinstance(made.events, tuple):
            _check_events(made, (*path, "events"), report)
        if not before:
            found.append(made)
    return tuple(found)


def _check_events(listener: ListenerTable, path: tuple[str | int, ...], report: Report) -> None:
    from governance.listeners.patterns import check_events

    for index, pattern in enumerate(listener.events):
        problem = check_events(pattern, listener.mode)
        if problem is not None:
            message, hint = problem
            refuse("GOV308", message, (*path, index), report, hint)
    if not listener.events:
        refuse("GOV308", f"{name_of(path)} is empty", path, report, "name an event, or `*` for all")


def check_names(
    listeners: tuple[ListenerTable, ...], uppers: tuple[Upper, ...], report: Report
) -> None:
    """Report a listener whose name another one bears, in this file or an upper layer's."""
    seen = {one.name for upper in uppers for one in upper.listeners}
    for index, one in enumerate(listeners):
        if one.name in seen:
            path = ("listener", index, "name")
            refuse("GOV308", f"another listener is called `{one.name}`", path, report)
        seen.add(one.name)


def _array(raw: Mapping[str, object], key: str, report: Report) -> tuple[Mapping[str, object], ...]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        wrong_type(value, f"an array of tables, `[[{key}]]`", (key,), report)
        return ()
    return tuple(value)


def raise_all(document: Document, problems: list[Problem]) -> None:
    """
    Return quietly if *problems* is empty.

    Raises:
        DefinitionError: All of them, each with its line, in order of line.
    """
    if problems:
        placed = sorted((place(document, one) for one in problems), key=lambda one: one.line)
        raise DefinitionError(tuple(placed))
