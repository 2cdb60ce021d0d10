"""How a program has a client of the Claude Agent SDK governed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from functools import cache, partial
from typing import Any

from governance.engine import Engine
from governance.errors import MisuseError
from governance.hosts.claude_agent_sdk import framework
from governance.hosts.claude_agent_sdk.events import ADAPTER
from governance.hosts.claude_agent_sdk.seat import Seat
from governance.tools.waiting import aside

WAIT_SECONDS_MAX = 86_400.0
"""
How long the client waits for a hook of ours.

Then it breaks the turn off. A program may hold up its loop for long, which is no reason for that;
an answer that takes long by itself is a denial much sooner.
"""

SIMPLE = "CLAUDE_CODE_SIMPLE"
"""The variable by which the client leaves out its hooks, also those of the SDK."""

STOP_SECONDS_MAX = 5.0
"""How long a client may take to break off its turn."""

UNASKED = "governance was not asked about this call, so it is refused"
CHANGED = "a hook of the program changes this call after it was decided, so it is refused"

Hook = Callable[[Any, Any, Any], Awaitable[Any]]


def client(engine: Engine, options: Any = None, *, role: str | None = None) -> Any:
    """
    A ``ClaudeSDKClient`` whose sessions *engine* governs; used in ``async with``.

    Its sessions are the client's own, by their ids, and its sub-agents their children. What
    has not ended ends with the client, once. The options are copied, and keep the program's
    own hooks and ``can_use_tool``.

    Args:
        options: ``ClaudeAgentOptions``.

        role: Of the client's sessions; a sub-agent's comes from its agent.

    Raises:
        MisuseError: GOV764, there is no SDK here that can be governed, or *options* switch
            its hooks off.
    """
    sdk = framework.sdk()
    given = options if options is not None else sdk.options_class()
    if not isinstance(given, sdk.options_class):
        raise MisuseError(
            f"`{type(given).__name__}` are no options",
            code="GOV764",
            remedy="give `ClaudeAgentOptions`",
        )
    _check_guarded(given)
    seat = Seat(engine, role, (given.resume or "") if given.fork_session else "")
    made = dataclasses.replace(given, hooks=_hooks(given.hooks, seat))
    if given.can_use_tool is not None:
        made.can_use_tool = _leave(given.can_use_tool, seat)
    return _client_class()(made, seat)


def _check_guarded(given: Any) -> None:
    """Refuse options with which the client calls no hook, or hides what it forks."""
    simple = given.env.get(SIMPLE, os.environ.get(SIMPLE, ""))
    if "bare" in given.extra_args or simple:
        raise MisuseError(
            f"a client with `--bare` or `{SIMPLE}` calls no hook",
            code="GOV764",
            remedy="leave it out",
        )
    if given.fork_session and not given.resume:
        raise MisuseError(
            "of a fork it must be known what it is forked from",
            code="GOV764",
            remedy="name the session in `resume`",
        )


def _hooks(own: Any, seat: Seat) -> Any:
    """The program's hooks, and ours for each event that is listened to."""
    sdk = framework.sdk()
    made = {event: list(matchers) for event, matchers in (own or {}).items()}
    for event, watched in (("PreToolUse", _watched), ("PermissionRequest", _watched_leave)):
        if event in made:
            made[event] = [
                dataclasses.replace(one, hooks=[watched(hook) for hook in one.hooks])
                for one in made[event]
            ]
    for event in ADAPTER.events:
        if event == "SessionEnd":
            # The client calls for it when it can hear no answer any more, and says so aloud.
            continue
        ours = sdk.matcher(matcher=None, hooks=[seat.hook_of(event)], timeout=WAIT_SECONDS_MAX)
        made.setdefault(event, []).append(ours)
    return made


def _watched(own: Hook) -> Hook:
    """*own*, which may refuse a call but not change it: the client asks all hooks at once."""

    async def hook(given: Any, tool_use_id: Any, context: Any) -> Any:
        made = await own(given, tool_use_id, context)
        if "updatedInput" not in (made.get("hookSpecificOutput") or {}):
            return made
        return _denied(CHANGED)

    return hook


def _watched_leave(own: Hook) -> Hook:
    """*own*, which may answer what the client would ask a person, but not change the call."""

    async def hook(given: Any, tool_use_id: Any, context: Any) -> Any:
        made = await own(given, tool_use_id, context)
        decision = (made.get("hookSpecificOutput") or {}).get("decision") or {}
        if "updatedInput" not in decision:
            return made
        refused = {"behavior": "deny", "message": CHANGED}
        specific = {"hookEventName": "PermissionRequest", "decision": refused}
        return {"hookSpecificOutput": specific}

    return hook


def _denied(why: str) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": why,
        }
    }


def _leave(own: Any, seat: Seat) -> Any:
    """The program's ``can_use_tool``, for calls that were decided and stay as they were."""
    sdk = framework.sdk()

    async def leave(tool: str, arguments: Any, context: Any) -> Any:
        call_id = context.tool_use_id
        if not seat.was_asked(call_id):
            return sdk.deny(message=UNASKED)
        before = deepcopy(arguments)
        said = await own(tool, arguments, context)
        if not isinstance(said, sdk.allow_class):
            return said
        # Without arguments in the answer the client is given this very object, changed or not.
        wanted = arguments if said.updated_input is None else said.updated_input
        if wanted == before:
            return said
        why = await aside(partial(seat.changed, call_id, wanted))
        return sdk.deny(message=why) if why else said

    return leave


@cache
def _client_class() -> type[Any]:
    base: Any = framework.sdk().client_class

    class GovernedClient(base):  # type: ignore[misc]
        """The SDK's client, whose sessions end with it."""

        def __init__(self, options: Any, seat: Seat) -> None:
            super().__init__(options)
            self._seat = seat

        async def connect(self, prompt: Any = None) -> None:
            if prompt is not None and not isinstance(prompt, str):
                raise MisuseError(
                    "a stream of prompts cannot be governed: hooks end with its first turn",
                    code="GOV764",
                    remedy="connect without one, and give each prompt to `query`",
                )
            await super().connect(prompt)

        async def receive_messages(self) -> AsyncIterator[Any]:
            async for message in super().receive_messages():
                if self._seat.unguarded(message):
                    await self._stop_unguarded()
                await aside(partial(self._seat.used, message))
                yield message

        async def _stop_unguarded(self) -> None:
            from anyio import move_on_after

            error = MisuseError(
                "a tool ran that nobody asked about, so the client was stopped",
                code="GOV765",
                remedy="find out what keeps the client from calling its hooks",
            )
            try:
                # Closing takes its time, in which more tools would run.
                with move_on_after(STOP_SECONDS_MAX):
                    await self.interrupt()
                await self.disconnect()
            except Exception as lost:
                raise error from lost
            raise error

        async def disconnect(self) -> None:
            try:
                await super().disconnect()
            finally:
                await aside(self._seat.close)

    return GovernedClient
