"""
The gateway's hook: hands its events to governance, and refuses commands where it cannot.

Put here by `governance init --host hermes`, taken away by `governance uninstall --host hermes`.
"""

from __future__ import annotations

from pathlib import Path

RECORD = Path(__file__).parents[2] / "plugins" / "governance" / "governance.json"


async def handle(event_type: str, context: dict[str, object]) -> dict[str, str] | None:
    """What Hermes awaits; only the answer to a command is heeded."""
    try:
        from governance.hosts.hermes import gateway
        from governance.hosts.hermes.plugin import recorded_project

        return await gateway.handle(recorded_project(RECORD), event_type, context)
    except Exception as error:  # noqa: BLE001 -- Hermes takes an exception for leave
        if not event_type.startswith("command:"):
            return None
        why = f"governance cannot decide, so this is refused: {type(error).__name__}: {error}"
        return {"decision": "deny", "message": why}
