"""From a project's folder to its engine; nothing is ever created here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from governance.clock import Clock, SystemClock
from governance.context import Budget
from governance.engine.encoding import body_of
from governance.engine.engine import Engine, EngineOptions
from governance.engine.live import LiveSessions
from governance.engine.project_rules import fields_of, load_project_rules, no_rules
from governance.engine.spool import Spool
from governance.errors import DefinitionError
from governance.journal.opening import open_journal
from governance.journal.records import Journal
from governance.machine import GapBounds, load_machine
from governance.project import Project
from governance.rules.paths import places_of
from governance.rules.trust import pack_hash, read_trust
from governance.session.law import HostSettings, Law, Settings
from governance.values import Json

if TYPE_CHECKING:
    from governance.config import Config
    from governance.listeners import Listeners
    from governance.rules.deciding import RuleSet
    from governance.rules.vocabulary import HostTools

PROJECT_SESSION = "@project"
"""The journal of what people decide for a whole project: pauses, trust."""

PAUSE_ROWS_MAX = 50
"""Newest rows of the project's journal that are searched for a pause."""


def open_engine(
    directory: Path,
    *,
    clock: Clock | None,
    journal: Journal | None,
    listeners: Listeners | None,
    run: str | None,
    tools: Sequence[HostTools],
) -> Engine:
    """As `Engine.open`, which says what each argument is and what is raised."""
    from governance.config import load_config

    config = trusted_config(load_config(directory))
    ticking = clock or SystemClock()
    own = journal is None
    store = journal or open_journal(config.journal.url, base=config.directory, create=False)
    try:
        law = _law(config, store, ticking, tools)
        registry = listeners or _listeners(config)
    except BaseException:
        if own:
            store.close()
        raise
    live = LiveSessions(
        sessions_max=config.live.sessions_max,
        megabytes_max=config.live.megabytes_max,
        idle_ms_max=config.live.idle_seconds_max * 1000,
    )
    options = EngineOptions(
        run=run or f"{os.getpid()}-{os.urandom(4).hex()}",
        idle_ms_max=config.idle.idle_seconds_max * 1000,
        paused=lambda now_ms: paused_reason(store, now_ms),
        tools={one.name: one for one in tools},
        spool=Spool(str(Project(config.directory).state_directory() / "untold")),
    )
    return Engine(law, store, ticking, registry, live, options)


def trusted_config(config: Config) -> Config:
    """
    *config*, or what of it holds until a person has trusted its text.

    A folder that was cloned from elsewhere loosens nothing and calls no program before.

    Raises:
        DefinitionError: The record of what was trusted is damaged.
    """
    from governance.config import until_trusted

    record = read_trust(str(Project(config.directory).trust_file()))
    trusted = record.trusts(pack_hash(config.document.text))
    return config if trusted else until_trusted(config)


def paused_reason(store: Journal, now_ms: int) -> str:
    """Why a person has paused governance until later than *now_ms*, or ``""``."""
    for record in store.read(PROJECT_SESSION, limit=PAUSE_ROWS_MAX, reverse=True):
        if record.kind == "governance.paused":
            data = body_of(record).get("data")
            # The newest pause counts: a person ends one early by one that is over.
            if isinstance(data, Mapping):
                until, reason = data.get("until_ms"), data.get("reason")
                held = isinstance(until, int) and record.at_ms <= now_ms < until
                return str(reason or "paused") if held else ""
    return ""


def _law(config: Config, store: Journal, clock: Clock, tools: Sequence[HostTools]) -> Law:
    return Law(
        machine=load_machine(),
        rules=_rules(config, store, clock, tools),
        settings=settings_of(config),
        places=places_of(str(config.directory)),
        redact=_redaction(config),
    )


def _rules(config: Config, store: Journal, clock: Clock, tools: Sequence[HostTools]) -> RuleSet:
    """The project's rules; while a person has paused it, broken packs stop nobody."""
    try:
        return load_project_rules(config, tools, now_ms=clock.now_ms())
    except DefinitionError:
        if paused_reason(store, clock.now_ms()):
            return no_rules()
        raise


def settings_of(config: Config) -> Settings:
    """The part of *config* that decides."""
    names = set(config.hosts)
    return Settings(
        gaps=GapBounds(
            config.resume.notice_seconds_min,
            config.resume.stale_seconds_min,
            config.resume.fresh_seconds_min,
        ),
        hosts={name: _host(config, name) for name in names},
        host_defaults=_host(config, ""),
        budget=Budget(config.context.characters_max, config.context.tokens_max),
        language=config.session.language,
        document_language=config.session.document_language,
        phase=config.session.phase,
        style=config.session.style,
        fields=fields_of(config),
        time_zone=config.project.time_zone,
        stall_repeats_max=config.stall.repeats_max,
        stall_reaction=config.stall.reaction,
    )


def _host(config: Config, name: str) -> HostSettings:
    table = config.host(name)
    return HostSettings(
        roles=table.roles,
        unbriefed=table.unbriefed,
        after_end=table.after_end,
        unknown_tool=table.unknown_tool,
    )


def _redaction(config: Config) -> Callable[[Json], tuple[Json, tuple[str, ...]]]:
    if not config.journal.redaction:
        return keep_all
    from governance.journal.redact import redact

    return redact


def keep_all(value: Json) -> tuple[Json, tuple[str, ...]]:
    """The redaction that takes nothing out, for a project that switched it off."""
    return value, ()


def _listeners(config: Config) -> Listeners:
    from governance.listeners import listeners_of

    return listeners_of(config)
