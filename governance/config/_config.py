"""Loading ``governance.toml``: the whole configuration as one frozen value, or every problem."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from attrs import evolve

from governance._attrs import frozen
from governance._toml import Document, read_toml
from governance.config._layers import (
    Layer,
    LayerFiles,
    Upper,
    access_in_force,
    changed,
    check_access,
    check_layers,
    check_names,
    check_patterns,
    check_zone,
    counted,
    raise_all,
    read_exempts,
    read_listeners,
    read_upper,
    tightened_audit,
    tightened_defaults,
    tightened_encryption,
    tightened_host,
    tightened_journal,
    tightened_retention,
    zone_in_force,
)
from governance.config._reading import (
    Report,
    keys_of,
    name_of,
    read_table,
    refuse,
    unknown_keys,
    wrong_type,
)
from governance.config._tree import (
    HOSTS,
    LEVELS,
    OTHERS,
    PRESETS,
    TABLES,
    AccessTable,
    AuditTable,
    BackupTable,
    ContextsTable,
    ContextTable,
    DefaultsTable,
    EncryptionTable,
    HealthTable,
    HostTable,
    IdleTable,
    JournalTable,
    Level,
    ListenersTable,
    ListenerTable,
    LiveTable,
    NotifyTable,
    PacksTable,
    ProjectTable,
    RedactionTable,
    ResumeTable,
    RetentionTable,
    ServiceTable,
    SessionTable,
    StallTable,
)
from governance.errors import DefinitionError, Diagnostic, Problem, did_you_mean
from governance.project import CONFIG_NAME, config_missing, machine_config, read_file, user_config
from governance.values import Json

T = TypeVar("T")

SESSION_TEXTS = tuple(key for key in keys_of(SessionTable) if key != "level")
"""Keys of ``[session]`` that rules read as fields."""

_MISPLACED: Mapping[str, str] = {
    "rule": "rules stand in a pack; name its file under `[packs] paths`",
    "role": "roles stand in a pack; name its file under `[packs] paths`",
    "escalation": "steps of the ladder stand in a pack; name its file under `[packs] paths`",
    "pack": "a pack is a file of its own; name it under `[packs] paths`",
    "time_zone": "it stands under `[project]`",
}


@frozen(kw_only=True, eq=False)
class Config:
    """
    What a project's people decided, upper layers taken into account. Immutable.

    Attributes:
        directory: The project's folder, absolute.

        listener_commands: The ``[[listener]]`` tables of all layers, upper ones first.

        fields: Project fields with their defaults.

        layers: What each layer says of rules, from the upper to the lower; the last is the
            project's.

        document: The project's file, for messages about what it holds.
    """

    directory: Path
    project: ProjectTable
    packs: PacksTable
    session: SessionTable
    resume: ResumeTable
    idle: IdleTable
    live: LiveTable
    journal: JournalTable
    redaction: RedactionTable
    encryption: EncryptionTable
    access: AccessTable
    audit: AuditTable
    retention: RetentionTable
    backup: BackupTable
    health: HealthTable
    context: ContextTable
    contexts: ContextsTable
    stall: StallTable
    defaults: DefaultsTable
    service: ServiceTable
    listeners: ListenersTable
    notify: NotifyTable
    hosts: Mapping[str, HostTable]
    listener_commands: tuple[ListenerTable, ...]
    exempts: tuple[Mapping[str, object], ...]
    fields: Mapping[str, Json]
    layers: tuple[Layer, ...]
    document: Document
    uppers: tuple[Upper, ...] = ()

    @property
    def hearsay(self) -> frozenset[str]:
        """
        Facts that this project fills by its own word, by which rules of upper layers could hold
        less; none where no layer stands above it.
        """
        if not self.uppers:
            return frozenset()
        told = {f"fields.{name}" for name in (*self.fields, *SESSION_TEXTS)}
        zoned = any(one.time_zone for one in self.uppers)
        return frozenset(told if zoned else {*told, "time", "weekday"})

    @property
    def name(self) -> str:
        """What people call the project."""
        return self.project.name or self.directory.name

    def host(self, name: str) -> HostTable:
        """How the harness *name* is governed: its table, else the defaults of the level."""
        own = self.hosts.get(name)
        if own is not None:
            return own
        preset = PRESETS[self.session.level].get("hosts", {})
        return tightened_host(name, changed(HostTable(), preset), self.uppers)


def load_config(directory: Path, *, layers: LayerFiles | None = None) -> Config:
    """
    The configuration of the project in *directory*. Nothing is created.

    Args:
        layers: Where the upper layers' files would be; ``None``: where the machine and
            the user keep them.

    Raises:
        DefinitionError: GOV331 when there is no ``governance.toml``, else every problem
            of the first file that has any, each with its line.
    """
    where = layers or LayerFiles(machine=machine_config(), user=user_config())
    uppers: list[Upper] = []
    for name, upper_file in (("machine", where.machine), ("user", where.user)):
        upper = read_upper(name, upper_file) if upper_file is not None else None
        if upper is not None:
            uppers.append(upper)
    file = directory / CONFIG_NAME
    text = read_file(file)
    if text is None:
        raise config_missing(directory)
    return read_config(text, str(file), directory, counted(tuple(uppers)))


def read_config(
    text: bytes | str, file: str, directory: Path, uppers: tuple[Upper, ...] = ()
) -> Config:
    """
    The configuration in *text*, which *file* names in messages.

    Raises:
        DefinitionError: With every problem.
    """
    document = read_toml(text, file)
    problems: list[Problem] = []
    config = _build(document, directory.absolute(), uppers, problems.append)
    raise_all(document, problems)
    return config


def _build(
    document: Document, directory: Path, uppers: tuple[Upper, ...], report: Report
) -> Config:
    raw = document.data
    _check_top(raw, report)
    preset = PRESETS[_level(raw)]

    def table(name: str, kind: type[T]) -> T:
        return read_table(kind, raw.get(name, {}), (name,), report, preset.get(name, {}))

    project, packs = table("project", ProjectTable), table("packs", PacksTable)
    resume, idle = table("resume", ResumeTable), table("idle", IdleTable)
    check_zone(project.time_zone, report)
    check_layers(packs, "project", ("packs", "layers"), report)
    _check_bounds(resume, idle, raw, report)
    access, redaction = table("access", AccessTable), table("redaction", RedactionTable)
    check_access(access, report)
    check_patterns(redaction.patterns, report)
    exempts = read_exempts(raw, report)
    commands = read_listeners(raw, report)
    check_names(commands, uppers, report)
    own = Layer(
        name="project", directory=directory, document=document, packs=packs, exempts=exempts
    )
    counts = all("project" in upper.layer.packs.layers for upper in uppers)
    return Config(
        directory=directory,
        project=zone_in_force(project, uppers),
        packs=packs,
        session=table("session", SessionTable),
        resume=resume,
        idle=idle,
        live=table("live", LiveTable),
        journal=tightened_journal(table("journal", JournalTable), uppers),
        redaction=redaction,
        encryption=tightened_encryption(table("encryption", EncryptionTable), uppers),
        access=access_in_force(access, uppers),
        audit=tightened_audit(table("audit", AuditTable), uppers),
        retention=tightened_retention(table("retention", RetentionTable), uppers),
        backup=table("backup", BackupTable),
        health=table("health", HealthTable),
        context=table("context", ContextTable),
        contexts=table("contexts", ContextsTable),
        stall=table("stall", StallTable),
        defaults=tightened_defaults(table("defaults", DefaultsTable), uppers),
        service=table("service", ServiceTable),
        listeners=table("listeners", ListenersTable),
        notify=table("notify", NotifyTable),
        hosts=_hosts(raw.get("hosts", {}), preset.get("hosts", {}), uppers, report),
        listener_commands=(*(one for up in uppers for one in up.listeners), *commands),
        exempts=exempts if counts else (),
        fields=_fields(raw.get("fields", {}), report),
        layers=(*(upper.layer for upper in uppers), *((own,) if counts else ())),
        document=document,
        uppers=uppers,
    )


def _check_top(raw: Mapping[str, object], report: Report) -> None:
    known = dict.fromkeys((*TABLES, *OTHERS))
    for key in raw:
        if key in _MISPLACED and key not in known:
            refuse("GOV301", f"there is no table `{key}`", (key,), report, _MISPLACED[key])
    unknown_keys({key: 0 for key in raw if key not in _MISPLACED}, known, (), report)


def _level(raw: Mapping[str, object]) -> Level:
    # A level that is none is reported where its table is read; the rest is read by the usual.
    session = raw.get("session")
    level = session.get("level") if isinstance(session, Mapping) else None
    found: tuple[Level, ...] = tuple(one for one in LEVELS if one == level)
    return found[0] if found else "standard"


def _check_bounds(
    resume: ResumeTable, idle: IdleTable, raw: Mapping[str, object], report: Report
) -> None:
    own = raw.get("resume")
    written = own if isinstance(own, Mapping) else {}
    bounds = ("notice_seconds_min", "stale_seconds_min", "fresh_seconds_min")
    for lower, upper in pairwise(bounds):
        low, high = getattr(resume, lower), getattr(resume, upper)
        if low >= high:
            message = f"`resume.{upper}` is {high}, expected more than `{lower}`, which is {low}"
            # The one that is written is the one to look at.
            blamed = upper if upper in written else lower
            refuse("GOV304", message, ("resume", blamed), report)
    if idle.idle_seconds_max > resume.notice_seconds_min:
        message = (
            f"`idle.idle_seconds_max` is {idle.idle_seconds_max}, expected no more than "
            f"`resume.notice_seconds_min`, which is {resume.notice_seconds_min}"
        )
        blamed_path = ("idle", "idle_seconds_max") if "idle" in raw else ("resume", bounds[0])
        refuse("GOV305", message, blamed_path, report)


def _hosts(
    raw: object, preset: Mapping[str, object], uppers: tuple[Upper, ...], report: Report
) -> Mapping[str, HostTable]:
    if not isinstance(raw, Mapping):
        wrong_type(raw, "a table of tables", ("hosts",), report)
        return {}
    found = {}
    for name, one in raw.items():
        host = read_table(HostTable, one, ("hosts", name), report, preset)
        if name not in HOSTS and not host.custom and isinstance(one, Mapping):
            near = did_you_mean(name, HOSTS)
            hint = f"{near} Else" if near else f"known are {', '.join(HOSTS)}; else"
            hint += " write `custom = true`, if the name is that of a program of yours"
            message = f"no adapter is shipped for `{name}`"
            refuse("GOV307", message, ("hosts", name), report, hint)
        if name in HOSTS and host.custom:
            message = f"{name_of(('hosts', name, 'custom'))} is true, but `{name}` is shipped"
            refuse("GOV307", message, ("hosts", name, "custom"), report, "leave it out")
        found[name] = tightened_host(name, host, uppers)
    return found


def _fields(raw: object, report: Report) -> Mapping[str, Json]:
    if not isinstance(raw, Mapping):
        wrong_type(raw, "a table", ("fields",), report)
        return {}
    found: dict[str, Json] = {}
    for name, value in raw.items():
        path = ("fields", name)
        if type(value) not in (str, int, float, bool):
            wrong_type(value, "a string, a number, true or false", path, report)
        elif value != value or value in (float("inf"), float("-inf")):
            refuse("GOV303", f"{name_of(path)} is not finite", path, report)
        else:
            found[name] = value
    return found


def override_session(config: Config, override: Mapping[str, object]) -> Config:
    """
    *config* for one session that has its own ``[session]``; keys not given stay.

    Another ``level`` puts its presets in place of the project's for keys that the file
    does not write. What an upper layer demands still holds.

    Raises:
        DefinitionError: With every key of *override* that ``[session]`` does not take.
    """
    problems: list[Problem] = []
    own = config.document.data.get("session", {})
    table = {**own, **override} if isinstance(own, Mapping) else dict(override)
    read_table(SessionTable, dict(override), ("session",), problems.append, {})
    if problems:
        # The override is no file: a line of the project's would mislead.
        raise DefinitionError(
            tuple(Diagnostic(p.code, p.message, path=p.path, suggestion=p.suggestion)
                  for p in problems)
        )  # fmt: skip
    if not override:
        return config
    document = evolve(config.document, data={**config.document.data, "session": table})
    made = _build(document, config.directory, config.uppers, _ignore)
    return evolve(made, document=config.document)


def _ignore(_: Problem) -> None:
    """The file was found to be right before; only its ``[session]`` differs now."""
