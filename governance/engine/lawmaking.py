"""What of a configuration makes the law of a project: settings, and whose word counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from governance.context import Budget
from governance.engine.retention import RetentionPolicy
from governance.machine import GapBounds
from governance.project import Project
from governance.rules.trust import pack_hash, read_trust
from governance.session.law import SESSION_FIELDS, HostSettings, Settings
from governance.values import Json

if TYPE_CHECKING:
    from governance.config import Config, Loosening
    from governance.engine.health import HealthLimits
    from governance.scopes.limits import ContextLimits


def trusted_config(config: Config) -> Config:
    """
    *config*, or what of it holds until a person has trusted its text.

    A folder that was cloned from elsewhere loosens nothing and calls no program before.

    Raises:
        DefinitionError: The record of what was trusted is damaged.
    """
    if is_trusted(config):
        return config
    from governance.config import until_trusted

    return until_trusted(config)


def waiting_keys(config: Config) -> tuple[Loosening, ...]:
    """
    The keys of *config* of which not what is written counts, for want of a person's trust.

    Raises:
        DefinitionError: The record of what was trusted is damaged.
    """
    if is_trusted(config):
        return ()
    from governance.config import loosened_keys

    return loosened_keys(config)


def is_trusted(config: Config) -> bool:
    """
    Whether a person has trusted the text of *config*.

    Raises:
        DefinitionError: The record of what was trusted is damaged.
    """
    record = read_trust(str(Project(config.directory).trust_file()))
    return record.trusts(pack_hash(config.document.text))


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
        session_bytes_max=config.retention.session_megabytes_max * 1_000_000,
    )


def fields_of(config: Config) -> dict[str, Json]:
    """The project's own fields, and those that every project has."""
    session = config.session
    built_in: dict[str, Json] = {
        "language": session.language,
        "document_language": session.document_language or session.language,
        "phase": session.phase,
        "style": session.style,
    }
    # INVARIANT: these are the names that sessions fill by themselves.
    assert tuple(built_in) == SESSION_FIELDS, "every field of a session has its key"
    return {**built_in, **config.fields}


def _host(config: Config, name: str) -> HostSettings:
    table = config.host(name)
    return HostSettings(
        roles=table.roles,
        unbriefed=table.unbriefed,
        after_end=table.after_end,
        unknown_tool=table.unknown_tool,
        unbound=table.unbound,
        deadline_ms=table.deadline_ms,
    )


def retention_of(config: Config) -> RetentionPolicy:
    """What the store of *config* keeps."""
    table = config.retention
    return RetentionPolicy(
        age_ms_max=table.age_days_max * 86_400_000,
        sessions_max=table.sessions_max,
        bytes_max=table.megabytes_max * 1_000_000,
        folder=str(archive_folder(config)) if table.archive else "",
    )


def context_limits_of(config: Config) -> ContextLimits:
    """What the contexts of *config* may come to."""
    # Read when contexts are asked for: no decision pays for it.
    from governance.scopes.limits import ContextLimits

    table = config.contexts
    return ContextLimits(
        value_bytes_max=table.value_kilobytes_max * 1_000,
        scope_bytes_max=table.scope_megabytes_max * 1_000_000,
        values_max=table.values_max,
        grants_max=table.grants_max,
        scopes_held_max=table.scopes_held_max,
        held_bytes_max=table.held_megabytes_max * 1_000_000,
    )


def health_limits_of(config: Config) -> HealthLimits:
    """What counts as healthy by *config*."""
    # Read when somebody looks: no decision pays for it.
    from governance.engine.health import HealthLimits

    table = config.health
    return HealthLimits(
        wal_megabytes_max=table.wal_megabytes_max,
        free_megabytes_min=table.free_megabytes_min,
        load_seconds_max=table.load_seconds_max,
        save_seconds_max=table.save_seconds_max,
    )


def archive_folder(config: Config) -> Path:
    """Where archives of *config* lie, absolute."""
    return config.directory / config.retention.archive_folder
