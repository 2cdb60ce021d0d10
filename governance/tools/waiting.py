"""Waiting for the engine without holding up other tasks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def aside(verb: Callable[[], T]) -> T:
    """
    What *verb* gives, from a worker thread; other tasks go on.

    It runs to its end, also where its task is cancelled, in whatever way and however often:
    what happened is then recorded. The cancellation goes on once it has.
    """
    from anyio import CancelScope, to_thread

    made: list[T] = []

    async def work() -> None:
        made.append(await to_thread.run_sync(verb))

    with CancelScope(shield=True):
        await _to_its_end(work())
    return made[0]


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for *work*; a shield of anyio's does not hold off ``Task.cancel`` of asyncio."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another loop, whose tasks have no such way
        await work
        return
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    task.result()
