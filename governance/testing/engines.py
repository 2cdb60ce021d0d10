"""Engines in memory, for tests that need no folder and no disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from governance.clock import Clock
from governance.context import Budget
from governance.engine import Engine, EngineOptions
from governance.engine.live import LiveSessions
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.journal.redact import redact
from governance.listeners import Listeners
from governance.machine import GapBounds, load_machine
from governance.rules.loader import load_rules
from governance.rules.paths import Places
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary
from governance.session.law import SESSION_FIELDS, HostSettings, Law, Settings
from governance.testing.fakes import ManualClock
from governance.values import Json

if TYPE_CHECKING:
    from governance.rules.vocabulary import HostTools


def _unlinked(path: str) -> str:
    return path


PLACES = Places("/project", "/home/user", True, _unlinked)
"""A project and a home that are nowhere, on a file system without links."""


def law_of(
    *packs: str,
    settings: Settings | None = None,
    fields: Mapping[str, Json] | None = None,
    tools: Sequence[HostTools] = (),
) -> Law:
    """
    The law that *packs* (texts in the rule language) make, each trusted.

    Raises:
        DefinitionError: With every problem of the packs.
    """
    sources = [PackSource(f"pack-{n}", text, f"pack-{n}.toml") for n, text in enumerate(packs, 1)]
    given: dict[str, Json] = dict.fromkeys(SESSION_FIELDS, "")
    given |= {"language": "English", "document_language": "English"} | dict(fields or {})
    rules = load_rules(
        sources,
        default_vocabulary(*tools),
        settings=LoadSettings(fields=given, trusted=lambda _hash: True),
        places=PLACES,
    )
    made = settings or Settings(gaps=GapBounds(), budget=Budget())
    return Law(
        machine=load_machine(),
        rules=rules,
        settings=evolve(made, fields={**given, **made.fields}),
        places=PLACES,
        redact=redact,
    )


def settings_with(**changes: object) -> Settings:
    """The default settings with *changes*, such as ``stall_reaction="halt"``."""
    return evolve(Settings(gaps=GapBounds(), budget=Budget()), **changes)  # type: ignore[arg-type]


def memory_engine(
    *packs: str,
    clock: Clock | None = None,
    journal: Journal | None = None,
    listeners: Listeners | None = None,
    settings: Settings | None = None,
    law: Law | None = None,
    options: EngineOptions | None = None,
    sessions_max: int = 10_000,
) -> Engine:
    """
    An engine over *packs* and a `MemoryJournal`, with a clock that stands still.

    >>> with memory_engine() as engine:
    ...     session = engine.start("s-1")
    ...     session.tool("shell", {"command": "ls"}).action
    'allow'
    """
    return Engine(
        law or law_of(*packs, settings=settings),
        journal or MemoryJournal(),
        clock or ManualClock(),
        listeners or Listeners(),
        LiveSessions(sessions_max=sessions_max, megabytes_max=1000, idle_ms_max=86_400_000),
        options or EngineOptions(run="test"),
    )


__all__ = ["PLACES", "HostSettings", "law_of", "memory_engine", "settings_with"]
