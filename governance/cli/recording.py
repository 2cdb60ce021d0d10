"""
Rows that a person decides: pardons, approvals, pauses, anchors.

They are written by an engine that does without rules where a pack is broken: that is when
a person needs them most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from governance.access.actors import process_actor
from governance.cli.opening import law_of, unguarded_store_of
from governance.cli.output import print_diagnostics
from governance.clock import SystemClock
from governance.config import Config, load_config
from governance.engine import Engine, EngineOptions
from governance.engine.lawmaking import settings_of, trusted_config
from governance.engine.live import LiveSessions
from governance.engine.project_rules import no_rules
from governance.errors import DefinitionError
from governance.journal.redaction import redaction_of
from governance.listeners import Listeners, listeners_of
from governance.machine import load_machine
from governance.project import Project
from governance.rules.deciding import RuleSet
from governance.rules.paths import places_of
from governance.session.law import Law
from governance.values import Json

_SESSIONS_MAX = 64
_MEGABYTES_MAX = 16
_IDLE_MS_MAX = 86_400_000


@contextmanager
def recording_engine(project: Project, *, for_reading: bool = False) -> Iterator[Engine]:
    """
    An engine on the store of *project* that records what a person says; closed afterwards.

    With *for_reading* it is only asked, so that it stands on a store that may only be read too.

    Where the packs are broken it knows no rules: no step of the ladder follows then, and
    what is counted is of medium severity. Listeners that cannot be loaded are told on
    standard error and left out: a person's word must not depend on them.

    Raises:
        DefinitionError: There is no ``governance.toml``, or it is wrong.

        JournalError: The store is missing, damaged, newer or cannot be reached.
    """
    config = trusted_config(load_config(project.directory))
    with unguarded_store_of(project, for_reading=for_reading) as (journal, guard):
        law = Law(
            machine=load_machine(),
            rules=_rules(project),
            settings=settings_of(config),
            places=places_of(str(config.directory)),
            redact=redaction_of(trusted_config(config)),
        )
        live = LiveSessions(
            sessions_max=_SESSIONS_MAX, megabytes_max=_MEGABYTES_MAX, idle_ms_max=_IDLE_MS_MAX
        )
        options = EngineOptions(run="person", actor=person_name(), guard=guard)
        with Engine(law, journal, SystemClock(), _listeners(config), live, options) as engine:
            yield engine


def _rules(project: Project) -> RuleSet:
    try:
        return law_of(project).rules
    except DefinitionError:
        return no_rules()


def _listeners(config: Config) -> Listeners:
    try:
        return listeners_of(config)
    except DefinitionError as error:
        print_diagnostics(error.diagnostics, stderr=True)
        return Listeners()


def person_name() -> str:
    """What the system calls the person who runs this."""
    return process_actor()


def recorded_json(data: Mapping[str, Json], *, session: str, seq: int) -> dict[str, Json]:
    """What a program is told of a row that was written."""
    return {"ok": True, "session": session, "seq": seq, **data}
