"""The interceptor: what each interception point becomes, and what is answered there."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from governance._attrs import define
from governance.engine import Engine, Session
from governance.errors import GovernanceError
from governance.hooking.payload import Payload, PayloadRefused
from governance.hosts.agent_hooks import NAME
from governance.hosts.agent_hooks.capabilities import TRAITS
from governance.hosts.agent_hooks.verdicts import ALLOW, UNDECIDED, verdict
from governance.rules.host_tools import HostTools
from governance.session.replies import Reply
from governance.states import State
from governance.tools.deciding import Gate, error_text, output_text
from governance.tools.naming import Named, tools_of
from governance.tools.turns import TurnRefused, Turns
from governance.values import json_of

SESSIONS_MAX = 1_000
"""Sessions whose turns are remembered; one that is forgotten is briefed anew before it works."""

DECIDING = frozenset(
    {"agent_startup", "input", "pre_model_call", "pre_tool_call", "post_tool_call"}
)
"""Points at which a failure of ours is a deny."""

Context = Mapping[str, Any]

_LOG = logging.getLogger(__name__)


@define(eq=False)
class _Talk:
    """
    One session in this process.

    Attributes:
        refused: Why it may not begin; a host that goes on all the same is told so again.
    """

    session: Session
    gate: Gate
    turns: Turns
    refused: Reply | None = None
    open: bool = False

    def ended(self, failure: str = "") -> None:
        """The turn that is open is over."""
        if self.open:
            self.open = False
            self.turns.ended(failure=failure)


class Governance:
    """
    An interceptor that asks the engine, for ``InterceptionEmitter.register``.

    One serves any number of sessions of one event loop. It changes no context that it is
    given, and raises nothing that the contract knows a verdict for.

    Args:
        tools: The program's tools → canonical tools, such as ``{"run": "shell"}``. Others
            get what ``unknown_tool`` says.

        role: The role of the agents; by default what the project says of unknown ones.

        reasons: Rule → the reason that its verdicts name, where others know it by another
            name than ``pack:rule``.
    """

    __slots__ = ("_engine", "_points", "_reasons", "_role", "_talks", "_tools")

    def __init__(
        self,
        engine: Engine,
        *,
        tools: Named | None = None,
        role: str | None = None,
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._role = role
        self._reasons = dict(reasons or {})
        self._tools: HostTools = tools_of(NAME, tools or {})
        self._talks: OrderedDict[str, _Talk] = OrderedDict()
        self._points: Mapping[str, Callable[[str, Context], dict[str, Any]]] = {
            "agent_startup": self._startup,
            "input": self._input,
            "pre_model_call": self._request,
            "post_model_call": self._answered,
            "pre_tool_call": self._tool,
            "post_tool_call": self._ran,
            "output": self._output,
            "agent_shutdown": self._shutdown,
        }

    def intercept(self, context: Context) -> dict[str, Any]:
        """
        The verdict on *context*.

        Points of a later version of the contract are let pass; what names none is refused.
        """
        point = context.get("interception_point")
        if not isinstance(point, str) or not point:
            return _undecided("the context names no interception point")
        work = self._points.get(point)
        if work is None:
            return dict(ALLOW)
        try:
            return work(_session_of(context), context)
        except TurnRefused as refused:
            return self._verdict(refused.reply, context)
        except Exception as error:  # noqa: BLE001 -- what an emitter makes of it is its own
            own = isinstance(error, GovernanceError)
            why = str(error) if own else f"the context cannot be read: {error_text(error)}"
            if point in DECIDING:
                return _undecided(why)
            _LOG.warning("%s: %s", point, why)
            return dict(ALLOW)

    def _talk(self, name: str) -> _Talk:
        found = self._talks.get(name)
        if found is None:
            session = self._engine.start(name, role=self._role, host=NAME, traits=TRAITS)
            # INVARIANT: a session that was just started has the answer to it.
            assert session.reply is not None, "started, and not answered"
            found = _Talk(session, Gate(session, self._tools), Turns(session))
            found.refused = _refusal(session.reply)
            self._talks[name] = found
            while len(self._talks) > SESSIONS_MAX:
                self._talks.popitem(last=False)
        self._talks.move_to_end(name)
        return found

    def _begun(self, name: str) -> _Talk:
        """
        The session *name*, to work in.

        Raises:
            TurnRefused: It was refused when it began, and does not exist.
        """
        talk = self._talk(name)
        if talk.refused is not None and talk.session.state.state is State.ABSENT:
            raise TurnRefused(talk.refused)
        return talk

    def _verdict(self, reply: Reply, context: Context) -> dict[str, Any]:
        return verdict(reply, context.get("target"), self._reasons)

    def _startup(self, name: str, context: Context) -> dict[str, Any]:
        self._talks.pop(name, None)
        talk = self._talk(name)
        if talk.refused is not None:
            return self._verdict(talk.refused, context)
        # INVARIANT: `_talk` has seen the answer.
        assert talk.session.reply is not None, "started, and not answered"
        return self._verdict(talk.session.reply, context)

    def _input(self, name: str, context: Context) -> dict[str, Any]:
        talk = self._begun(name)
        talk.ended("unknown")
        talk.turns.begin(output_text(context["input"]["content"]))
        talk.open = True
        return dict(ALLOW)

    def _request(self, name: str, context: Context) -> dict[str, Any]:
        text = self._begun(name).turns.text
        if not text:
            return dict(ALLOW)
        messages = [{"role": "system", "content": text}, *context["messages"]]
        return {
            "decision": "transform",
            "reason": "governance:briefing",
            "transform": {"path": "$target", "value": messages},
        }

    def _answered(self, name: str, context: Context) -> dict[str, Any]:
        del context
        self._talk(name).turns.answered()
        return dict(ALLOW)

    def _tool(self, name: str, context: Context) -> dict[str, Any]:
        call = context["tool_call"]
        arguments = {str(key): json_of(one) for key, one in call["args"].items()}
        reply = self._begun(name).gate.ask(str(call["name"]), arguments, _call_id(call))
        return self._verdict(reply, context)

    def _ran(self, name: str, context: Context) -> dict[str, Any]:
        result = context["tool_result"]
        text, failed = output_text(result["value"]), bool(result.get("is_error"))
        reply = self._talk(name).gate.report(
            _call_id(context["tool_call"]),
            "failed" if failed else "ok",
            output=None if failed else text,
            error=text if failed else None,
        )
        if reply.action == "rewrite" and reply.rewritten is not None:
            value = str(reply.rewritten.get("output", ""))
            made = self._verdict(reply, context)
            return {**made, "transform": {"path": "$target", "value": value}}
        return self._verdict(reply, context)

    def _output(self, name: str, context: Context) -> dict[str, Any]:
        del context
        self._talk(name).ended()
        return dict(ALLOW)

    def _shutdown(self, name: str, context: Context) -> dict[str, Any]:
        talk = self._talks.pop(name, None)
        if talk is not None:
            talk.ended("unknown")
        # An end without a beginning is unmatched, and creates nothing.
        session = self._engine.session(name, role=self._role, host=NAME, traits=TRAITS)
        session.end(str(context.get("summary", {}).get("reason") or "completed"))
        return dict(ALLOW)


def _undecided(why: str) -> dict[str, Any]:
    return {"decision": "deny", "reason": UNDECIDED, "message": why}


def _refusal(reply: Reply) -> Reply | None:
    """*reply* to the start of a session, where that may not begin."""
    # Nothing may be transformed there: what a rule would have otherwise is refused.
    asked = evolve(reply, action="deny") if reply.action == "rewrite" else reply
    return asked if asked.denied else None


def _session_of(context: Context) -> str:
    """
    The id of the session.

    Raises:
        PayloadRefused: It has none, or one that would lead into another session.
    """
    given = context.get("session")
    found = Payload("session", given if isinstance(given, Mapping) else {}).identity("id")
    if not found:
        raise PayloadRefused("the context names no session")
    return found


def _call_id(call: Context) -> str:
    found = str(call.get("id") or "")
    if not found:
        raise PayloadRefused("the context names no call")
    return found
