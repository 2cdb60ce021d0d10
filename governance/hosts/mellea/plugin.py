"""
The two plugins that Mellea calls, and how a verdict becomes what its hooks return.

Hooks run on any event loop, of Mellea's or of the program's, so deciding is done in threads
of ours and nothing is bound to a loop. What fails, or takes too long, is a block where
Mellea waits for leave: both plugins are registered with ``on_error=FAIL``, and do not rely
on it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from attrs import field

from governance._attrs import define
from governance.hosts.mellea import NAME
from governance.hosts.mellea.capabilities import DEADLINE_MS_MAX, HOOKS, MARKS
from governance.hosts.mellea.decider import Asked, Decider
from governance.hosts.mellea.deciding import decide
from governance.hosts.mellea.framework import GUARD, PLUGIN, PRIORITY, Framework
from governance.hosts.mellea.held import Announcement, prompt_among
from governance.hosts.mellea.verdicts import PASS, Block, Modify, Verdict

THREADS_MAX = 16
"""Hooks that are decided at once; the next ones wait, as long as the deadline lets them."""

ANNOUNCED: ContextVar[Announcement | None] = ContextVar("governance_announced", default=None)
"""Sessions that the calling context is building; Mellea takes it along to its own loop."""

LOG = logging.getLogger("governance.hosts.mellea")
LOG.addHandler(logging.NullHandler())

HookMethod = Callable[[Any, Any, Any], Awaitable[object]]


@define(eq=False)
class Seat:
    """
    Where the engine sits in one process of Mellea.

    Attributes:
        decider: What decides.
    """

    mellea: Framework
    decider: Decider
    _pool: ThreadPoolExecutor = field(init=False)
    _plugins: tuple[Any, ...] = field(init=False)
    _marks: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # One that is there already is that of a program which started this one.
        self._marks = tuple(mark for mark in MARKS if mark not in os.environ)
        self._pool = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="governance-mellea")
        methods = {name: self._method(name) for name in HOOKS}
        guard = {"tool_pre_invoke": self._guard()}
        self._plugins = (
            self._plugin(PLUGIN, methods, self.mellea.sequential),
            # After those that may change a call and may not refuse it.
            self._plugin(GUARD, guard, self.mellea.concurrent),
        )

    def take(self) -> None:
        """Have Mellea call both plugins, those again that somebody has taken out."""
        manager = self.mellea.manager()
        for plugin in self._plugins:
            if manager is None or manager.get_plugin(plugin.name) is None:
                self.mellea.register(plugin)
        # What a tool starts is to know that an agent started it.
        os.environ.update(dict.fromkeys(self._marks, "1"))

    def leave(self) -> None:
        """Take both plugins out; nobody waits for what took too long."""
        for plugin in self._plugins:
            self.mellea.unregister(plugin)
        for mark in self._marks:
            os.environ.pop(mark, None)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _plugin(self, name: str, methods: dict[str, HookMethod], mode: object) -> Any:
        made = type("GovernancePlugin", (self.mellea.plugin_class,), dict(methods))
        config = self.mellea.plugin_config(
            name=name,
            kind=f"{__name__}.{name}",
            hooks=list(methods),
            mode=mode,
            on_error=self.mellea.fail,
            priority=PRIORITY,
        )
        return made(config)

    def _method(self, hook: str) -> HookMethod:
        async def method(_plugin: Any, payload: Any, _context: Any) -> object:
            return self._shaped(payload, await self._answer(hook, payload))

        return method

    def _guard(self) -> HookMethod:
        async def method(_plugin: Any, payload: Any, _context: Any) -> object:
            return self._shaped(payload, self.decider.look_again(payload))

        return method

    async def _answer(self, hook: str, payload: Any) -> Verdict:
        try:
            asked = self._asked(hook, payload)
        except Exception as error:  # noqa: BLE001 - nothing may pass for want of an answer
            return self._failed(hook, f"{type(error).__name__}: {error}")
        try:
            return await self._decided(asked)
        except Exception as error:  # noqa: BLE001 - nothing may pass for want of an answer
            return self._failed(hook, f"{type(error).__name__}: {error}", asked)

    async def _decided(self, asked: Asked) -> Verdict:
        wanted_ms = self.decider.engine.law.settings.host(NAME).deadline_ms
        limit_ms = min(wanted_ms, DEADLINE_MS_MAX)
        work = asyncio.get_running_loop().run_in_executor(self._pool, decide, self.decider, asked)
        done, _ = await asyncio.wait({work}, timeout=limit_ms / 1000)
        if not done:
            work.add_done_callback(_passed_over)
            raise TimeoutError(f"nothing was decided within {limit_ms} ms")
        return work.result()

    def _asked(self, hook: str, payload: Any) -> Asked:
        session = str(payload.session_id or self.mellea.session_id() or "")
        return Asked(
            hook=hook,
            payload=payload,
            session=session,
            announcement=ANNOUNCED.get(),
            default_prompt=self._default_prompt(session),
            system_prompt=self.mellea.system_prompt,
            show=self.mellea.show,
            stand_in=self._stand_in,
        )

    def _default_prompt(self, session: str) -> str | None:
        try:
            current = self.mellea.current()
        except RuntimeError:
            return None
        if current.id != session:
            return None
        options = getattr(current.backend, "model_options", None)
        return prompt_among(options, self.mellea.system_prompt)

    def _stand_in(self, tool: Any, answer: str) -> Any:
        def refused(*_: object, **__: object) -> str:
            return answer

        schema = getattr(tool, "as_json_tool", {})
        return self.mellea.tool_class(tool.name, refused, schema)

    def _failed(self, hook: str, why: str, asked: Asked | None = None) -> Verdict:
        if not HOOKS[hook].decides:
            LOG.error("`%s` could not be recorded: %s", hook, why)
            return PASS
        reason = f"GOV733 nothing could be decided: {why}"
        if asked is None:
            return Block(reason, "GOV733")
        denial = self.decider.denial_of(asked.session)
        return self.decider.refusal(asked, reason, "GOV733", denial)

    def _shaped(self, payload: Any, verdict: Verdict) -> object:
        match verdict:
            case Block(reason=reason, code=code):
                return self.mellea.block(reason, code=code)
            case Modify(fields=fields):
                return self.mellea.modify(payload, **fields)
            case _:
                return self.mellea.result(continue_processing=True)


def _passed_over(work: asyncio.Future[Verdict]) -> None:
    """Look at what came too late, so that nobody says that nobody has."""
    if not work.cancelled():
        work.exception()
