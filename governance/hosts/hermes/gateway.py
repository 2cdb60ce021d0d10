"""
What the hook directory of the gateway calls.

Hermes awaits a handler on the loop that all chats share, so the work is done by a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governance.hosts.hermes import client
from governance.hosts.hermes.guard import Guard
from governance.hosts.hermes.log import note
from governance.hosts.hermes.plugin import armed, guard_of, register

_waiting: set[asyncio.Task[None]] = set()


async def handle(project: Path, event: str, context: Mapping[str, Any]) -> dict[str, str] | None:
    """
    Answer one event of the gateway; only ``command:*`` has an answer that is heeded.

    Hermes has no event for the gateway's end, and leaves its process without any clean-up.
    So a task waits from ``gateway:startup`` until the loop ends, and ends the sessions then.
    """
    guard = guard_of(project)
    _arm(guard)
    if event == "gateway:startup":
        task = asyncio.get_running_loop().create_task(_until_the_end(guard))
        _waiting.add(task)
        task.add_done_callback(_waiting.discard)
        return None
    return await asyncio.to_thread(guard.gateway, event, dict(context))


def _arm(guard: Guard) -> None:
    """Whoever took the plugin out of Hermes' lists has not taken out the guard."""
    project = guard.bridge.project
    try:
        if not armed():
            register(client.context(), project)
            note(project, "gateway", "the plugin was not in Hermes' lists; it is now")
    except Exception as error:  # noqa: BLE001 -- a version without these lists has no tools here
        note(project, "gateway", f"whether tools are guarded cannot be seen: {error}")


async def _until_the_end(guard: Guard) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        guard.bridge.close("shutdown")
