"""What the status line says of a session: pure words over the engine's state."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from governance.errors import JournalError, number_of
from governance.ledger import halted
from governance.session.state import SessionState
from governance.session.usage import usage_problem
from governance.states import State
from governance.values import Json, load_json

SEVERE = ("high", "critical")


def read_status(directory: str, data: bytes) -> str:
    """
    The line for the session that the payload *data* names.

    What the payload says of tokens and costs is written down, for no hook of the client's is
    told of them.
    """
    from governance.engine import Engine
    from governance.engine.using import report_usage
    from governance.hosts.claude_code.tools import HOST, TOOLS

    given = load_json(data) if data.strip() else None
    payload = given if isinstance(given, Mapping) else {}
    session = payload.get("session_id")
    with Engine.open(Path(directory), run="", tools=(TOOLS,)) as engine:
        paused = engine.options.paused
        reason = paused(engine.clock.now_ms()) if paused is not None else ""
        state = None
        if isinstance(session, str) and session:
            # A client asks for this line all the time: an audit would hold little else.
            state = engine.state(session, audited=False)
            used = usage_of(payload)
            if used and state.state not in (State.ABSENT, State.ENDED):
                # A line that cannot be kept is no reason to show none.
                with suppress(JournalError):
                    report_usage(engine, session, used, actor=HOST, host=HOST)
        return status_text(state, reason)


def usage_of(payload: Mapping[str, Json]) -> dict[str, Json]:
    """
    What *payload* tells of tokens and costs, as fields of ``usage.reported``.

    >>> usage_of({"cost": {"total_cost_usd": 0.5}, "context_window": {"used_percentage": 16}})
    {'cost_usd': 0.5, 'context_ratio': 0.16, 'whole': True}
    """
    cost, window = payload.get("cost"), payload.get("context_window")
    found: dict[str, Json] = {}
    if isinstance(cost, Mapping):
        found["cost_usd"] = cost.get("total_cost_usd")
    if isinstance(window, Mapping):
        now = window.get("current_usage")
        found["input_tokens"] = window.get("total_input_tokens")
        found["output_tokens"] = window.get("total_output_tokens")
        if isinstance(now, Mapping):
            sent = (now.get(name) for name in _CONTEXT)
            found["context_tokens"] = sum(one for one in sent if isinstance(one, int))
        full = window.get("used_percentage")
        if isinstance(full, (int, float)):
            found["context_ratio"] = full / 100
    known = {name: value for name, value in found.items() if not usage_problem({name: value})}
    return {**known, "whole": True} if known else {}


_CONTEXT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


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
