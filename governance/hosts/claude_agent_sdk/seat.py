"""The engine as the hooks of one client ask it: in this process, for all of its sessions."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from attrs import evolve, field

from governance._attrs import define
from governance.engine import Engine
from governance.engine.using import report_usage
from governance.errors import GovernanceError
from governance.hooking.claude.events import TRAITS
from governance.hooking.payload import Payload, Unbound, read_payload
from governance.hooking.translation import Translation, birth, continued
from governance.hooking.worker import decided
from governance.hosts.claude_agent_sdk import NAME
from governance.hosts.claude_agent_sdk.events import ADAPTER
from governance.session.commands import Command
from governance.states import State
from governance.tools.deciding import deny_text, error_text
from governance.values import Json

CALLS_MAX = 1_000
"""Calls that are remembered, to know one again when a person is asked about it."""

Output = dict[str, Any]
Hook = Callable[[Any, "str | None", object], Awaitable[Output]]


@define(eq=False)
class Seat:
    """
    What the hooks of one client ask and report.

    Attributes:
        role: Of the sessions of the client; a sub-agent's comes from its agent.

        forked: The session that a fork of it is begun from, or ``""``.

        lost: Why something could not be recorded: the first thing that was not.
    """

    engine: Engine
    role: str | None
    forked: str
    lost: Exception | None = field(default=None, init=False)
    _told: dict[str, Command] = field(factory=dict, init=False)
    _calls: OrderedDict[str, Payload] = field(factory=OrderedDict, init=False)
    _sessions: dict[str, None] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def hook_of(self, event: str) -> Hook:
        """
        What the SDK calls for *event*, which it need not name; it raises only when cancelled.

        The client lets a tool run when its hook raises: so what fails here is a denial.
        """

        async def hook(given: Any, _: str | None, __: object) -> Output:
            return await self._answer(event, given)

        return hook

    async def _answer(self, event: str, given: Any) -> Output:
        from anyio import fail_after, to_thread

        try:
            with fail_after(self.engine.law.settings.host(NAME).deadline_ms / 1000):
                verb = partial(self.answered, event, given)
                out, told = await to_thread.run_sync(verb, abandon_on_cancel=True)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the tool must not run
            known = ADAPTER.events.get(event)
            if known is not None and known.decides:
                host = self.engine.law.settings.host(NAME)
                strictness = host.unbound if isinstance(error, Unbound) else "deny"
                return _output(ADAPTER.unbound(event, strictness, _reason(error)).out)
            self._lose(error)
            return {}
        if told is not None:
            # An answer that came too late is not given, and tells nobody anything.
            self._told[told.session] = told
        return out

    def answered(self, event: str, given: Any) -> tuple[Output, Command | None]:
        """
        The answer to *event*, and what is to be recorded once it was read.

        Raises:
            GovernanceError: Nothing could be decided, and why.
        """
        known = ADAPTER.events.get(event)
        lenient = known is not None and not known.decides
        payload = read_payload(json.dumps(given).encode(), event, lenient=lenient)
        if event == "PreToolUse":
            self._remember(payload)
        translation = ADAPTER.translate(payload, {})
        if not translation.commands:
            return {}, None
        translation = self._of_role(self._begun(payload, translation))
        self._read_by(translation)
        made, told = decided(ADAPTER, self.engine, translation, payload)
        return _output(made.out), told

    def was_asked(self, call_id: str | None) -> bool:
        """Whether a hook was called for this call: without that, nobody guards it."""
        return call_id in self._calls

    def unguarded(self, message: Any) -> bool:
        """Whether *message* has what a tool gave that no hook was called for."""
        content = getattr(message, "content", None)
        return isinstance(content, list) and any(
            not self.was_asked(block.tool_use_id) and not block.is_error
            for block in content
            if hasattr(block, "tool_use_id") and hasattr(block, "is_error")
        )

    def used(self, message: Any) -> None:
        """Write down what the session has cost, where *message* is a result that tells it."""
        cost, session = getattr(message, "total_cost_usd", None), getattr(message, "session_id", "")
        if not cost or session not in self._sessions:
            return
        told = {"cost_usd": float(cost), "whole": True}
        try:
            report_usage(self.engine, session, told, actor=NAME, host=NAME)
        except GovernanceError as error:
            self._lose(error)

    def changed(self, call_id: str, arguments: Mapping[str, Any]) -> str:
        """Why a call that a person changed may not run, or ``""``."""
        before = self._calls[call_id]
        values: dict[str, Json] = dict(before.values)
        values |= {"tool_input": dict(arguments), "tool_use_id": f"{call_id}-changed"}
        text = json.dumps(values).encode()
        translation = self._of_role(ADAPTER.translate(read_payload(text, before.event), {}))
        reply = self.engine.handle(evolve(translation.commands[0], delivery="none"))
        # What a rule would ask a person, the person that changed it has just answered.
        return "" if reply.action in ("allow", "warn", "ask") else deny_text(reply)

    def close(self) -> None:
        """
        The client is gone: its sessions that have not ended do so now, once.

        Raises:
            Exception: Something could not be recorded, now or before: mostly a `GovernanceError`.
        """
        sessions, self._sessions = self._sessions, {}
        self._told.clear()
        for session in sessions:
            try:
                if self.engine.state(session).state is not State.ENDED:
                    self._end(session, "client_closed")
            except GovernanceError as error:
                self._lose(error)
        lost, self.lost = self.lost, None
        if lost is not None:
            raise lost

    def _lose(self, error: Exception) -> None:
        self.lost = self.lost or error

    def _of_role(self, translation: Translation) -> Translation:
        if self.role is None:
            return translation
        made = (
            evolve(one, role=self.role) if one.parent is None else one
            for one in translation.commands
        )
        return evolve(translation, commands=tuple(made))

    def _begun(self, payload: Payload, translation: Translation) -> Translation:
        """
        *translation* with the beginning of its session in front, if this is the first of it.

        The SDK tells of no start but that after a compaction and a clear: a session that this
        client did not have before is a new one, a fork, or one that is taken up again.
        """
        root, first = payload.identity("session_id"), translation.commands[0]
        if root in self._sessions or first.session != root:
            return translation
        before = next(reversed(self._sessions), "")
        self._sessions[root] = None
        if first.event == "start":
            if before:
                self._end(before, "clear")
            return continued(translation, before) if before else translation
        if self.forked and root != self.forked:
            return continued(translation, self.forked)
        known = self.engine._journal.head(root).seq > 0
        data = {"source": "resume"} if known else birth(NAME, source="startup")
        begun = evolve(
            first,
            event="resume" if known else "start",
            key=None,
            call=None,
            delivery="none",
            history="kept" if known else "lost",
            data=data,
        )
        commands = (begun, *translation.commands)
        return evolve(translation, commands=commands, decisive=translation.decisive + 1)

    def _end(self, session: str, reason: str) -> None:
        self.engine.handle(
            Command(
                event="end",
                session=session,
                host=NAME,
                traits=TRAITS,
                role=self.role,
                delivery="none",
                data={"reason": reason},
            )
        )

    def _read_by(self, translation: Translation) -> None:
        """What was told before the event of *translation* has been read, for it came after."""
        with self._lock:
            told = self._told.pop(translation.commands[translation.decisive].session, None)
            if told is not None:
                self.engine.handle(told)

    def _remember(self, payload: Payload) -> None:
        self._calls[payload.only_text("tool_use_id")] = payload
        while len(self._calls) > CALLS_MAX:
            self._calls.popitem(last=False)


def _output(out: bytes) -> Output:
    """An answer as the SDK takes it; a text alone, which only a command may print, is none."""
    if not out.startswith(b"{"):
        return {}
    made: Output = json.loads(out)
    return made


def _reason(error: Exception) -> str:
    said = "no decision in time" if isinstance(error, TimeoutError) else error_text(error)
    return f"governance cannot decide, so this is refused: {said}"
