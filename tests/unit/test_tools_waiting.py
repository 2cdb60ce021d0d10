"""What is done aside is done to its end, whatever becomes of the task that waits for it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from anyio import CancelScope, create_task_group, run, sleep, to_thread

from governance.tools.waiting import aside

WAIT_SECONDS_MAX = 10


def test_what_has_not_begun_is_done_all_the_same() -> None:
    """Cancelled twice while every thread was taken: it is done, and then the task ends."""
    done: list[str] = []

    async def main() -> tuple[bool, list[str]]:
        to_thread.current_default_thread_limiter().total_tokens = 1
        free = threading.Event()
        first = asyncio.create_task(aside(lambda: free.wait(WAIT_SECONDS_MAX)))
        while not to_thread.current_default_thread_limiter().borrowed_tokens:
            await asyncio.sleep(0)
        second = asyncio.create_task(aside(lambda: done.append("second")))
        for _ in range(2):
            await asyncio.sleep(0)
            second.cancel()
        before = list(done)
        free.set()
        await asyncio.wait({first, second}, timeout=WAIT_SECONDS_MAX)
        return second.cancelled(), before

    assert asyncio.run(main()) == (True, [])
    assert done == ["second"]


def test_what_fails_meanwhile_is_the_cause() -> None:
    """Of the cancellation, so that it is not lost with it."""
    began, free = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        free.wait(WAIT_SECONDS_MAX)
        raise ValueError("it broke")

    async def main() -> None:
        task = asyncio.create_task(aside(work))
        while not began.is_set():
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        free.set()
        await task

    with pytest.raises(asyncio.CancelledError) as caught:
        asyncio.run(main())
    chain = [caught.value.__cause__, caught.value.__context__]
    assert any(isinstance(one, ValueError) for one in chain)


def test_an_error_and_a_result_come_back() -> None:
    """As if it had been called here."""

    def work() -> None:
        raise ValueError("it broke")

    assert asyncio.run(aside(lambda: 7)) == 7
    with pytest.raises(ValueError, match="it broke"):
        asyncio.run(aside(work))


def test_a_scope_that_is_cancelled_waits_for_it() -> None:
    """The ways of anyio are held off as well."""
    done: list[str] = []

    def work() -> None:
        threading.Event().wait(0.01)
        done.append("x")

    async def main() -> bool:
        scope = CancelScope()
        async with create_task_group() as group:
            with scope:
                group.start_soon(cancel_soon, scope)
                await aside(work)
                await sleep(WAIT_SECONDS_MAX)
        return scope.cancelled_caught

    async def cancel_soon(scope: CancelScope) -> None:
        scope.cancel()

    assert run(main)
    assert done == ["x"]
