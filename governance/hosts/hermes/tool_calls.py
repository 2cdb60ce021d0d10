"""
One call of a tool on its way through Hermes: asked, rewritten, looked at once more, reported.

Hermes asks its plugins at four places. The engine is asked once, at the first of them; what it
said holds at the others as long as the arguments are the very ones that it said it of. The last
look, around the tool itself, is there because another plugin's word can overrule a block, and
because arguments can be changed after they were judged.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

from attrs import field

from governance._attrs import define
from governance.calls import ToolCall
from governance.hosts.hermes import client, translate
from governance.hosts.hermes.answer import (
    reason,
    refused_result,
    replaced_output,
    strictest,
    tool_directive,
)
from governance.hosts.hermes.bridge import Bridge
from governance.hosts.hermes.calls import UNREAD_PATCH, CallRefused, calls_of
from governance.hosts.hermes.lifecycle import Given, Lifecycle
from governance.hosts.hermes.log import note
from governance.hosts.hermes.shapes import UNREADY, block
from governance.hosts.hermes.sightings import Sighting, Told
from governance.session.replies import Reply
from governance.values import Json

CALLS_MAX = 1_000
"""Calls that are remembered from the question to the report."""

Key = tuple[str, str]


@define(eq=False)
class Asked:
    """
    A call that the engine was asked about.

    Attributes:
        calls: What was let through or refused of it, for the report.

        run: Digest of tool and arguments that the reply is about.

        after: What the engine said of the result.

        put_in: The arguments of `run` are those that a rule has made.
    """

    one: Sighting
    calls: tuple[ToolCall, ...]
    reply: Reply
    run: str
    after: Reply | None = None
    put_in: bool = False

    @property
    def refused(self) -> bool:
        """Whether the engine has refused it, so that there is no call to report on."""
        return self.reply.action in ("deny", "halt")

    @property
    def runs(self) -> bool:
        """Whether just these arguments may run, or a person was put in front of them."""
        match self.reply.action:
            case "allow" | "warn":
                return True
            case "rewrite":
                return self.put_in
            case "ask":
                return not client.nobody_is_asked()
            case _:
                return False


class Unbound(CallRefused):
    """A call that belongs to no session; the project says what it gets."""


@define(eq=False)
class ToolCalls:
    """The four places, and the report. Thread-safe; nothing here raises but what a tool does."""

    bridge: Bridge
    lifecycle: Lifecycle
    _asked: OrderedDict[Key, Asked] = field(init=False, factory=OrderedDict)
    _done: OrderedDict[Key, Asked] = field(init=False, factory=OrderedDict)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def request(self, given: Given) -> dict[str, Any] | None:
        """``tool_request``: other arguments, where a rule rewrites them."""
        try:
            asked = self._ask(given)
        except Exception:  # noqa: BLE001 -- the next place asks again, and refuses then
            return None
        if asked.reply.action != "rewrite" or asked.reply.rewritten is None:
            return None
        args = dict(asked.reply.rewritten)
        with self._lock:
            asked.run, asked.put_in = translate.digest(_tool_of(given), args), True
            self._asked[_key(given, asked.one, asked.run)] = asked
        return {"args": args, "source": client.PLUGIN, "reason": asked.reply.message}

    def before(self, given: Given) -> dict[str, Any] | None:
        """``pre_tool_call``: a block, a question, or nothing; nothing grants nothing."""
        try:
            return self._directive(given)
        except Exception as error:  # noqa: BLE001 -- Hermes takes an exception for leave
            note(self.bridge.project, "pre_tool_call", str(error))
            return block(f"{UNREADY}: {error}")

    def _directive(self, given: Given) -> dict[str, Any] | None:
        try:
            asked = self._found(given) or self._ask(given)
        except Unbound as error:
            return self._unbound(given, error)
        if asked.put_in:
            return None
        alone = asked.reply.action == "ask" and client.nobody_is_asked()
        return tool_directive(asked.reply, asked.run, alone=alone)

    def execution(self, given: Given) -> object:
        """
        ``tool_execution``: runs the tool if just this call was let through.

        Whatever the tool raises goes on; a failure of ours is a refusal.
        """
        next_call = given.get("next_call")
        if not callable(next_call):
            return refused_result(f"{UNREADY}: nothing says how the tool is run")
        refused = self._last_look(given)
        return next_call() if not refused else refused_result(refused)

    def after(self, given: Given) -> None:
        """``post_tool_call``: what became of it."""
        try:
            asked = self._taken(given)
            status = str(given.get("status") or "ok")
            outcome = translate.OUTCOMES.get(status, "unknown")
            if asked is None:
                self._unasked(given, outcome)
                return
            self._delivered(asked.one, given)
            if not asked.refused:
                self._report(asked, outcome, given)
        except Exception as error:  # noqa: BLE001 -- an observer never breaks its host
            note(self.bridge.project, "post_tool_call", str(error))

    def result(self, given: Given) -> str | None:
        """``transform_tool_result``: other output, where a rule withholds it or has a remark."""
        try:
            one = self.lifecycle.named(given)
            key = _key(given, one, _digest(given)) if one is not None else None
            with self._lock:
                done = self._done.pop(key, None) if key is not None else None
            if done is None:
                return None
            remark = done.reply.message if done.reply.action in ("warn", "rewrite") else ""
            return replaced_output(done.after, remark, given.get("result"))
        except Exception as error:  # noqa: BLE001 -- the output stays as it is
            note(self.bridge.project, "transform_tool_result", str(error))
            return None

    # -- the question ------------------------------------------------------------------

    def _ask(self, given: Given) -> Asked:
        """Ask the engine; raises where nothing can be decided."""
        one = self.lifecycle.named(given)
        if one is None:
            raise Unbound("the call belongs to no session that is known")
        args, tool = given.get("args"), given.get("tool_name")
        if not isinstance(args, Mapping) or not isinstance(tool, str) or not tool:
            raise CallRefused("a call without a tool or without arguments")
        run = translate.digest(tool, cast("Mapping[str, Json]", args))
        calls = calls_of(
            tool,
            cast("Mapping[str, Json]", args),
            cwd=client.working_folder(str(given.get("task_id") or "")),
            call_id=str(given.get("tool_call_id") or "") or f"hermes-{os.urandom(8).hex()}",
        )
        if any(call.native == UNREAD_PATCH for call in calls):
            raise CallRefused(
                "nobody can say what this patch changes",
                remedy="write its headers as `*** Update File: PATH`",
            )
        self.lifecycle.begin(one)
        asked = self._decided(one, calls, run)
        with self._lock:
            self._asked[_key(given, one, run)] = asked
            while len(self._asked) > CALLS_MAX:
                self._asked.popitem(last=False)
        return asked

    def _decided(self, one: Sighting, calls: tuple[ToolCall, ...], run: str) -> Asked:
        if one.refused:
            reply = Reply("tool_before", "deny", "unknown", one.refused, reasons=(one.refused,))
            return Asked(one, (), reply, run)
        replies, through = [], []
        for call in calls:
            reply = self.bridge.ask(translate.tool_before(one, call))
            replies.append(reply)
            if reply.action in ("deny", "halt"):
                break
            through.append(call)
        reply = strictest(replies)
        if reply.injection is not None and reply.injection.text:
            one.told = Told(reply.injection, translate.mark_of(reply.injection.sha256))
        asked = Asked(one, tuple(through), reply, run)
        if asked.refused:
            # What was let through of it does not run either.
            self._report(asked, "refused", {})
        return asked

    def _found(self, given: Given) -> Asked | None:
        """The question that was asked of just this call, if it was."""
        one = self.lifecycle.named(given)
        if one is None:
            return None
        run = _digest(given)
        with self._lock:
            asked = self._asked.get(_key(given, one, run))
        return asked if asked is not None and run and asked.run == run else None

    def _taken(self, given: Given) -> Asked | None:
        one = self.lifecycle.named(given)
        if one is None:
            return None
        key = _key(given, one, _digest(given))
        with self._lock:
            asked = self._asked.pop(key, None)
            if asked is not None:
                self._done[key] = asked
            while len(self._done) > CALLS_MAX:
                self._done.popitem(last=False)
        return asked

    def _unbound(self, given: Given, error: Unbound) -> dict[str, Any] | None:
        run = _digest(given)
        match self.bridge.settings.unbound:
            case "allow":
                return None
            case "ask" if run and not client.nobody_is_asked():
                key = f"unbound:{run}"
                return {"action": "approve", "message": error.message, "rule_key": key}
            case _:
                return block(error.message)

    def _last_look(self, given: Given) -> str:
        """Why the call must not run after all, or ``""``."""
        try:
            return self._looked(given)
        except Exception as error:  # noqa: BLE001 -- Hermes runs the tool on an exception
            note(self.bridge.project, "tool_execution", str(error))
            return f"{UNREADY}: {error}"

    def _looked(self, given: Given) -> str:
        try:
            asked = self._found(given)
            if asked is not None and asked.runs:
                return ""
            # Changed since, or never asked about: nobody can be put in front of it now.
            asked = asked or self._ask(given)
        except Unbound as error:
            directive = self._unbound(given, error)
            # A question was put before, where the project wants one.
            let = directive is None or directive["action"] == "approve"
            return "" if let else error.message
        if asked.reply.action in ("allow", "warn"):
            return ""
        if not asked.refused:
            self._report(asked, "refused", {})
        return reason(asked.reply)

    # -- the report --------------------------------------------------------------------

    def _report(self, asked: Asked, outcome: str, given: Given) -> None:
        told = [translate.tool_after(asked.one, call, outcome, given) for call in asked.calls]
        replies = self.bridge.tell(*told)
        if replies:
            asked.after = strictest(replies)

    def _unasked(self, given: Given, outcome: str) -> None:
        """A tool that ran without a question of ours (a task of its own, a paused guard)."""
        one, args = self.lifecycle.named(given), given.get("args")
        if one is None or outcome == "refused":
            return
        known = args if isinstance(args, Mapping) and _digest(given) else {}
        calls = calls_of(
            _tool_of(given),
            known,
            cwd=None,
            call_id=str(given.get("tool_call_id") or ""),
        )
        self.bridge.tell(*(translate.tool_after(one, call, outcome, given) for call in calls))

    def _delivered(self, one: Sighting, given: Given) -> None:
        """The text that a refused call carried is its result now: the model reads it next."""
        told = one.told
        if told is not None and told.text in str(given.get("result") or ""):
            one.told, one.mark = None, translate.mark_of(told.injection.sha256)
            self.bridge.tell(translate.brief(one, told.injection))


def _digest(given: Given) -> str:
    """Digest of tool and arguments; ``""`` for what no journal can hold, which equals nothing."""
    args = given.get("args")
    if not isinstance(args, Mapping):
        return ""
    try:
        return translate.digest(_tool_of(given), cast("Mapping[str, Json]", args))
    except Exception:  # noqa: BLE001 -- whatever a model has put there
        return ""


def _tool_of(given: Given) -> str:
    return str(given.get("tool_name") or "")


def _key(given: Given, one: Sighting, run: str) -> Key:
    """Session and call; a call without an id is known by what it is."""
    call = str(given.get("tool_call_id") or "") or f"{_tool_of(given)}:{run}"
    return (one.id, call)
