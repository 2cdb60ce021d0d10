"""The status line where a glance at the store is not enough, and what its payload tells of use."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import GovernanceError
from governance.hosts.claude_code.glance import Standing
from governance.ledger import halted
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from governance.config import Config
    from governance.journal.records import Journal


def read_standing(directory: str, session: str) -> Standing:
    """
    Where *session* stands, by the fold that decides too; any store, and behind its keys.

    Raises:
        GovernanceError: The project or its store cannot be read.
    """
    from governance.config import load_config
    from governance.engine.lawmaking import trusted_config
    from governance.engine.opening import paused_reason
    from governance.engine.restoring import restore
    from governance.engine.store_place import require_own_place
    from governance.journal.protected import protected

    config = trusted_config(load_config(Path(directory)))
    require_own_place(config)
    store = protected(_unmirrored(config), config)
    try:
        paused = paused_reason(store, int(time.time() * 1000))
        return standing_of(restore(store, session) if session else None, paused)
    finally:
        store.close()


def _unmirrored(config: Config) -> Journal:
    """The store of *config*; who only reads it notes no heads."""
    from governance.journal.opening import open_journal

    url = config.journal.url
    suffix = "" if not url.startswith("sqlite:") or "?" in url else "?mirror=off"
    return open_journal(url + suffix, base=config.directory, create=False, for_reading=True)


def standing_of(state: SessionState | None, paused: str = "") -> Standing:
    """What the line says of *state*; ``None``: of no session."""
    standing = Standing(paused)
    if state is None or state.state is State.ABSENT:
        return standing
    standing.state = str(state.state)
    standing.briefed = state.governance_injected
    standing.halted = halted(state.ledger) or ""
    standing.violations = state.ledger.counts
    return standing


def report_used(directory: str, session: str, used: Mapping[str, Json]) -> None:
    """
    Write *used* down as ``usage.reported``, if it says anything new; one process at a time.

    A figure that cannot be kept is told again with the next line, so nothing is raised.
    """
    import fcntl

    from governance.project import Project

    with suppress(GovernanceError, OSError):
        # The folder is locked itself, so that no file is left.
        folder = os.open(Project(Path(directory)).private, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            _reported(directory, session, used)
        finally:
            os.close(folder)


def _reported(directory: str, session: str, used: Mapping[str, Json]) -> None:
    from governance.engine import Engine
    from governance.engine.using import report_usage
    from governance.hosts.claude_code.tools import HOST, TOOLS

    with Engine.open(Path(directory), run="", tools=(TOOLS,)) as engine:
        # A client asks for this line all the time: an audit would hold little else.
        state = engine.state(session, audited=False)
        if state.state not in (State.ABSENT, State.ENDED):
            report_usage(engine, session, used, actor=HOST, host=HOST)
