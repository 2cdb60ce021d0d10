"""Waiting for the engine without holding up other tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(verb: Callable[[], T]) -> T:
    """
    What *verb* gives, from a worker thread; other tasks go on.

    It runs to its end, also where its task is cancelled: what happened is then recorded.
    """
    from anyio import CancelScope, to_thread

    made: list[T] = []
    with CancelScope(shield=True):
        made.append(await to_thread.run_sync(verb))
    return made[0]
