"""From a project's folder to its engine; nothing is ever created here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from governance.access.actors import process_actor
from governance.clock import Clock, SystemClock
from governance.engine.backing import schedule_of
from governance.engine.engine import Engine
from governance.engine.lawmaking import (
    context_limits_of,
    health_limits_of,
    retention_of,
    settings_of,
    trusted_config,
)
from governance.engine.live import LiveSessions
from governance.engine.news import Bulletin
from governance.engine.options import EngineOptions
from governance.engine.project_rules import load_project_rules, no_rules, pack_sources
from governance.engine.reloading import Watch, made_of, trust_mark
from governance.engine.spool import Spool
from governance.engine.store_place import require_own_place
from governance.errors import DefinitionError, GovernanceError
from governance.formats import body_of
from governance.journal.protected import open_protected, protected
from governance.journal.records import Journal
from governance.journal.redaction import redaction_of
from governance.machine import load_machine
from governance.project import Project
from governance.rules.paths import places_of
from governance.session.law import Law
from governance.values import Json

if TYPE_CHECKING:
    from governance.access.grants import Authorize
    from governance.access.guard import Guard
    from governance.config import Config
    from governance.engine.pruning import Keeper
    from governance.journal.key_sources import KeySource
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
    actor: str | None = None,
    authorize: Authorize | None = None,
    key: KeySource | None = None,
) -> Engine:
    """As `Engine.open`, which says what each argument is and what is raised."""
    from governance.config import load_config

    # By its whole name, as it is looked at later, wherever the program has gone by then.
    config = trusted_config(load_config(directory.absolute()))
    ticking = clock or SystemClock()
    own = journal is None
    if journal is None:
        require_own_place(config)
        store = open_protected(config, create=False, key=key)
    else:
        store = protected(journal, config, key)
    try:
        now_ms = ticking.now_ms()
        rules, in_force = _rules(config, store, now_ms, tools)
        law = Law(
            machine=load_machine(),
            rules=rules,
            settings=settings_of(config),
            places=places_of(str(config.directory)),
            redact=redaction_of(config),
        )
        registry = listeners or _listeners(config)
    except BaseException:
        if own:
            store.close()
        raise
    who = actor or process_actor()

    def audit(data: Mapping[str, Json], by: str) -> None:
        # By the engine itself, so that these rows reach listeners like all others.
        engine._record_access(data, by)

    def guard(of: Config) -> Guard | None:
        return _guard(of, store, ticking, who, authorize, audit)

    def changed(to: Config) -> None:
        engine.options = evolve(engine.options, guard=guard(to))

    schedule = schedule_of(config) if own else None
    options = EngineOptions(
        run=run or f"{os.getpid()}-{os.urandom(4).hex()}",
        idle_ms_max=config.idle.idle_seconds_max * 1000,
        paused=lambda now_ms: paused_reason(store, now_ms),
        tools={one.name: one for one in tools},
        spool=spool_of(Project(config.directory), store),
        bulletin=_bulletin(config, tools, in_force, now_ms, changed),
        actor=who,
        guard=guard(config),
        keeper=_keeper(config),
        after=schedule.look if schedule is not None else None,
        context_limits=lambda: context_limits_of(config),
        health_limits=lambda: health_limits_of(config),
    )
    engine = Engine(law, store, ticking, registry, _live(config), options)
    if config.live.preload_sessions_max:
        _preload(engine, config.live.preload_sessions_max)
    return engine


def _live(config: Config) -> LiveSessions:
    """What is kept in memory of sessions."""
    table = config.live
    return LiveSessions(
        sessions_max=table.sessions_max,
        megabytes_max=table.megabytes_max,
        idle_ms_max=table.idle_seconds_max * 1000,
    )


def _guard(
    config: Config,
    store: Journal,
    clock: Clock,
    actor: str,
    authorize: Authorize | None,
    write: Callable[[Mapping[str, Json], str], None],
) -> Guard | None:
    if authorize is None and not config.access.actors and not config.audit.reads:
        return None
    from governance.access.guard import guard_of

    return guard_of(
        config, store, through="api", clock=clock, actor=actor, authorize=authorize, write=write
    )


def spool_of(project: Project, store: Journal) -> Spool:
    """Where told events of *project* wait; encrypted where *store* is."""
    return Spool(str(project.state_directory() / "untold"), getattr(store, "vault", None))


def _keeper(config: Config) -> Keeper | None:
    """What keeps the store within its bounds, where it has any."""
    policy = retention_of(config)
    if not (policy.bounded and config.retention.interval_minutes_min):
        return None
    from governance.engine.pruning import Keeper

    return Keeper(policy, config.retention.interval_minutes_min * 60_000)


def _preload(engine: Engine, count: int) -> None:
    """
    Read the newest sessions in a thread, so that nobody waits; what fails is read later.

    The configuration wants it and nobody is shown anything, so nobody is asked.
    """
    from governance.engine.preloading import preload

    def run() -> None:
        with suppress(GovernanceError):
            preload(engine, count)

    threading.Thread(target=run, name="governance-preload", daemon=True).start()


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


def _rules(
    config: Config, store: Journal, now_ms: int, tools: Sequence[HostTools]
) -> tuple[RuleSet, str]:
    """The project's rules and what they are made of; in a pause, broken packs stop nobody."""
    try:
        mark = trust_mark(config.directory)
        sources = pack_sources(config)
        rules = load_project_rules(config, tools, now_ms=now_ms, sources=sources, examples=False)
    except DefinitionError:
        if paused_reason(store, now_ms):
            return no_rules(), ""
        raise
    return rules, made_of(config, sources, mark)


def _bulletin(
    config: Config,
    tools: Sequence[HostTools],
    in_force: str,
    now_ms: int,
    changed: Callable[[Config], None],
) -> Bulletin | None:
    interval_ms = config.live.rules_check_ms
    if not interval_ms:
        return None
    watch = Watch(config.directory, tools, interval_ms, config, in_force, now_ms, changed)
    return Bulletin(watch, config.live.sessions_max)


def _listeners(config: Config) -> Listeners:
    from governance.listeners import listeners_of

    return listeners_of(config)
