"""What the status line says of a session: pure words over the engine's state."""

from __future__ import annotations

import json
from pathlib import Path

from governance.errors import number_of
from governance.ledger import halted
from governance.session.state import SessionState
from governance.states import State

SEVERE = ("high", "critical")


def read_status(directory: str, data: bytes) -> str:
    """The line for the session that the payload *data* names; nothing is written."""
    from governance.engine import Engine
    from governance.hosts.claude_code.tools import TOOLS

    payload = json.loads(data) if data.strip() else {}
    session = payload.get("session_id") if isinstance(payload, dict) else None
    with Engine.open(Path(directory), run="", tools=(TOOLS,)) as engine:
        paused = engine.options.paused
        reason = paused(engine.clock.now_ms()) if paused is not None else ""
        state = None
        if isinstance(session, str) and session:
            # A client asks for this line all the time: an audit would hold little else.
            state = engine.state(session, audited=False)
        return status_text(state, reason)


def status_text(state: SessionState | None, paused: str = "") -> str:
    """
    State, whether the model is briefed, violations, and what stands in the way of work.

    >>> status_text(None)
    'governance: on'
    """
    parts = ["PAUSED: " + paused] if paused else []
    if state is None or state.state is State.ABSENT:
        return "governance: " + " · ".join(parts or ["on"])
    reason = halted(state.ledger)
    if reason:
        parts.append(f"HALTED: {reason}")
    parts.append(str(state.state))
    parts.append("briefed" if state.governance_injected else "not briefed")
    total = sum(state.ledger.counts.values())
    severe = sum(state.ledger.counts.get(name, 0) for name in SEVERE)
    if total:
        parts.append(number_of(total, "violation") + (f" ({severe} severe)" if severe else ""))
    return "governance: " + " · ".join(parts)
