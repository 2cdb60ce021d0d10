"""
What each hook of Mellea leads to: commands to the engine, and one verdict.

All of it is synchronous and runs in a thread of ours, one hook of a session at a time. It
imports nothing of Mellea: what it needs of it is given with the payload.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from governance.engine import Engine
from governance.hosts.mellea import NAME, reading, translate
from governance.hosts.mellea.held import Announcement, Book, Held, Options, prompt_among, remember
from governance.hosts.mellea.verdicts import (
    PASS,
    Block,
    Modify,
    Pass,
    Verdict,
    blocked,
    code_of,
    deny_text,
)
from governance.ledger import halted
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.states import State
from governance.values import dump_json

DECIDED_MAX = 1_024
"""Tool calls that were let through and have not been looked at again."""

SHOWN = "governance withholds this output: "


@frozen(kw_only=True)
class Asked:
    """
    One call of one hook.

    Attributes:
        session: Id of its session, or ``""`` where none is known.

        announcement: What the program said of sessions that it is building, if any.

        default_prompt: System prompt of the backend, where the calling context knows it.

        system_prompt: The model option that holds it.

        show: The text of a component.

        stand_in: Makes a tool, given the one that it stands for and what it answers.
    """

    hook: str
    payload: Any
    session: str
    announcement: Announcement | None = None
    default_prompt: str | None = None
    system_prompt: str
    show: Callable[[object], str]
    stand_in: Callable[[Any, str], Any]


@define(eq=False)
class Decider:
    """
    Decides by one engine; what it keeps is bounded, and nothing of it is evidence.

    Attributes:
        options: For sessions that nobody announced.
    """

    engine: Engine
    options: Options
    book: Book
    _decided: OrderedDict[str, bytes] = field(factory=OrderedDict, init=False)

    def decide(self, asked: Asked) -> Verdict:
        """
        The verdict on *asked*.

        Raises:
            GovernanceError: The engine could not do what it was asked; `failed` says what
                that comes to.
        """
        if not asked.session:
            return self._unbound(asked)
        if asked.hook in _BIRTHS:
            return _BIRTHS[asked.hook](self, asked)
        if asked.hook == "session_cleanup":
            return self._cleanup(asked)
        held = self.book.adopt(asked.session, self._options(asked))
        if asked.default_prompt is not None:
            held.default_prompt = asked.default_prompt
        with held.lock:
            return _WORK[asked.hook](self, held, asked)

    def look_again(self, payload: Any) -> Verdict:
        """Whether a tool call is still the one that was decided, just before it runs."""
        decided = self._decided.pop(payload.tool_invocation_id, None)
        if decided is None:
            return Block("the tool call was not decided", "GOV733")
        if decided != _print(payload.model_tool_call):
            return Block("the tool call was changed after it had been decided", "GOV733")
        return PASS

    def refusal(self, asked: Asked, reason: str, code: str, denial: str) -> Verdict:
        """*asked* refused in the way that its hook has: an answer for the model, or a block."""
        if asked.hook == "tool_post_invoke":
            return Modify({"tool_output": SHOWN + reason})
        if asked.hook != "tool_pre_invoke" or denial == "hard":
            return Block(reason, code)
        call = asked.payload.model_tool_call
        self._let(asked.payload.tool_invocation_id, call)
        stand_in = asked.stand_in(call.func, reason)
        return Modify({"model_tool_call": dataclasses.replace(call, func=stand_in)})

    def denial_of(self, session: str) -> str:
        """How a denied tool of *session* is denied."""
        held = self.book.get(session)
        return (held.options if held is not None else self.options).denial

    # -- sessions -----------------------------------------------------------------

    def begin(self, held: Held, command: Command) -> Reply:
        """Start a session; the parent of a clone is asked first."""
        who = held.who
        if who.parent is not None:
            asked = self.engine.handle(translate.child_start(who))
            if asked.denied:
                return asked
        reply = self.engine.handle(command)
        if reply.denied and who.parent is not None:
            self.engine.handle(translate.child_end(who))
        return reply

    def end(self, held: Held, command: Command) -> None:
        """End a session; its parent is told once."""
        self.engine.handle(command)
        if held.who.parent is not None and not held.ended:
            self.engine.handle(translate.child_end(held.who))
        held.ended = True

    def _options(self, asked: Asked) -> Options:
        return asked.announcement.options if asked.announcement is not None else self.options

    def pre_init(self, asked: Asked) -> Verdict:
        """The session is about to be built: what is made of its model and options."""
        payload = asked.payload
        default = prompt_among(payload.model_options, asked.system_prompt)
        held = self.book.make(asked.session, self._options(asked), default)
        if asked.announcement is not None:
            asked.announcement.started.append(asked.session)
        command = translate.start(
            held.who,
            backend_name=payload.backend_name,
            model_id=payload.model_id,
            model_options=payload.model_options,
            context_type=payload.context_type,
        )
        reply = self.begin(held, command)
        if reply.denied:
            held.ended = True
            return blocked(reply)
        if reply.action != "rewrite" or reply.rewritten is None:
            return PASS
        return Modify(_model_of(payload, reply.rewritten))

    def post_init(self, asked: Asked) -> Verdict:
        """The session exists; it is new to us only if our hooks came after its first one."""
        payload = asked.payload
        if self.book.get(asked.session) is not None:
            return PASS
        held = self.book.make(asked.session, self._options(asked))
        command = translate.start(
            held.who,
            backend_name="",
            model_id=payload.model_id,
            model_options=None,
            context_type=type(payload.context).__name__,
            items=reading.items_of(payload.context),
        )
        reply = self.begin(held, command)
        return blocked(reply) if reply.denied else PASS

    def _cleanup(self, asked: Asked) -> Verdict:
        """Nothing is begun here: an end without a beginning is unmatched."""
        payload, held = asked.payload, self.book.get(asked.session)
        known = held or Held(self.options.identity(asked.session, self.book.run), self.options)
        with known.lock:
            command = translate.end(
                known.who, payload.context, payload.interaction_count, payload.exception
            )
            self.end(known, command)
        return PASS

    def _unbound(self, asked: Asked) -> Verdict:
        strictness = self.engine.law.settings.host(NAME).unbound
        if strictness == "allow":
            if asked.hook == "tool_pre_invoke":
                self._let(asked.payload.tool_invocation_id, asked.payload.model_tool_call)
            return PASS
        reason = (
            "GOV731 this call belongs to no session: make it within `with session:`, "
            "`governed_session` or `bound`"
        )
        return self.refusal(asked, reason, "GOV731", self.options.denial)

    # -- turns and requests -------------------------------------------------------

    def reset(self, held: Held, asked: Asked) -> Verdict:
        """The history goes; the next request is told anew."""
        self.engine.handle(translate.reset(held.who, asked.payload.previous_context))
        held.items, held.lost = 0, False
        return PASS

    def component(self, held: Held, asked: Asked) -> Verdict:
        """A component begins: a turn, before which a compaction is told."""
        payload = asked.payload
        view = payload.context_view
        shown = len(view) if isinstance(view, (list, tuple)) else 0
        if held.lost or shown < held.items:
            self.engine.handle(translate.compact(held.who))
        held.items, held.lost = shown, False
        prompt, source = reading.prompt_of(payload.action, view, asked.show)
        return self._turn(held, payload.action_id, prompt, source)

    def request(self, held: Held, asked: Asked) -> Verdict:
        """A request is about to go out; outside a component it is a turn of its own."""
        payload = asked.payload
        verdict = self._may_request(held) if held.open else self._lone(held, asked)
        if not isinstance(verdict, Pass):
            return verdict
        texts = held.texts()
        if asked.hook == "generation_batch_pre_call" or not any(texts):
            return PASS
        held.carried = held.injection
        options = reading.with_system_prompt(
            payload.model_options, asked.system_prompt, texts, held.default_prompt
        )
        return Modify({"model_options": options})

    def _lone(self, held: Held, asked: Asked) -> Verdict:
        payload = asked.payload
        actions = getattr(payload, "actions", None) or (payload.action,)
        prompt = "\n\n".join(reading.text_of(one, asked.show) for one in actions)
        return self._turn(held, payload.generation_id or "", prompt, "host")

    def _turn(self, held: Held, key: str, prompt: str, source: str) -> Verdict:
        reply = self.engine.handle(translate.turn_start(held.who, prompt, source, key))
        if reply.denied:
            return blocked(reply)
        told = reply.injection
        held.injection = told if told is not None and told.text else None
        held.carried, held.told = None, False
        held.note(reply.message)
        remember(held.open, key)
        return PASS

    def _may_request(self, held: Held) -> Verdict:
        """A turn that was let through ends early when its session is halted or over."""
        state = self.engine.state(held.who.session)
        now_ms = self.engine.clock.now_ms()
        ledgers = [state.ledger]
        if held.who.parent is not None:
            ledgers.append(self.engine.state(held.who.parent).ledger)
        for ledger in ledgers:
            why = halted(ledger, now_ms)
            if why is not None:
                return Block(f"the session is halted: {why}", "session.halted")
        if state.state is State.ENDED:
            return Block("the session has ended", "session.after-end")
        return PASS

    def answered(self, held: Held, asked: Asked) -> Verdict:
        """The model has read what its request carried."""
        if asked.hook == "generation_post_call":
            self._brief(held)
        return self._close(held, asked.payload.generation_id or "", "")

    def unanswered(self, held: Held, asked: Asked) -> Verdict:
        """A request failed: what it carried stays owed."""
        failure = type(asked.payload.exception).__name__
        return self._close(held, asked.payload.generation_id or "", failure)

    def succeeded(self, held: Held, asked: Asked) -> Verdict:
        """A component has its result; one that is computed was made by a model that read."""
        payload = asked.payload
        computed = getattr(payload.result, "is_computed", None)
        if callable(computed) and computed():
            self._brief(held)
        held.lost = held.lost or reading.has_lost(payload.context_before, payload.context_after)
        held.items = reading.items_of(payload.context_after)
        return self._close(held, payload.action_id, "")

    def broken(self, held: Held, asked: Asked) -> Verdict:
        """A component came to an error."""
        return self._close(held, asked.payload.action_id, asked.payload.error_type)

    def _brief(self, held: Held) -> None:
        told = held.injection
        if told is not None and held.carried is told and not held.told:
            self.engine.handle(translate.brief(held.who, told))
            held.told = True

    def _close(self, held: Held, key: str, failure: str) -> Verdict:
        if key in held.open:
            del held.open[key]
            if not held.open:
                self.engine.handle(translate.turn_end(held.who, failure))
        return PASS

    # -- tools --------------------------------------------------------------------

    def tool(self, held: Held, asked: Asked) -> Verdict:
        """A tool is about to run."""
        payload = asked.payload
        call, invocation = payload.model_tool_call, payload.tool_invocation_id
        if payload.is_control_flow and call.name not in held.who.tools.tools:
            # The framework's own mark that a loop is over: nothing runs.
            self._let(invocation, call)
            return PASS
        can_rewrite = evolve(held.who.traits, rewrites=reading.is_shared(call.func))
        command = translate.tool_before(evolve(held.who, traits=can_rewrite), call, invocation)
        if held.options.denial == "hard":
            # The program gets the message, and the model nothing: a briefing stays owed.
            command = evolve(command, delivery="none")
        reply = self.engine.handle(command)
        if reply.denied:
            remember(held.refused, invocation)
            return self.refusal(asked, deny_text(reply), code_of(reply), held.options.denial)
        held.note(reply.message)
        if reply.action == "rewrite" and reply.rewritten is not None:
            call = dataclasses.replace(call, args=_merged(call.args, reply.rewritten))
            self._let(invocation, call)
            return Modify({"model_tool_call": call})
        self._let(invocation, call)
        return PASS

    def tool_result(self, held: Held, asked: Asked) -> Verdict:
        """A tool has run; what it gave may be kept from the model."""
        payload = asked.payload
        if payload.tool_invocation_id in held.refused:
            del held.refused[payload.tool_invocation_id]
            return PASS
        if payload.is_control_flow and payload.model_tool_call.name not in held.who.tools.tools:
            return PASS
        reply = self.engine.handle(translate.tool_after(held.who, payload))
        if reply.denied:
            return Modify({"tool_output": deny_text(reply)})
        held.note(reply.text)
        held.note(reply.message)
        if reply.action == "rewrite" and reply.rewritten is not None:
            return Modify({"tool_output": str(reply.rewritten.get("output", ""))})
        return PASS

    def _let(self, invocation: str, call: Any) -> None:
        self._decided[invocation] = _print(call)
        while len(self._decided) > DECIDED_MAX:
            self._decided.popitem(last=False)


_BIRTHS: Mapping[str, Callable[[Decider, Asked], Verdict]] = {
    "session_pre_init": Decider.pre_init,
    "session_post_init": Decider.post_init,
}

_WORK: Mapping[str, Callable[[Decider, Held, Asked], Verdict]] = {
    "session_reset": Decider.reset,
    "component_pre_execute": Decider.component,
    "component_post_success": Decider.succeeded,
    "component_post_error": Decider.broken,
    "generation_pre_call": Decider.request,
    "generation_post_call": Decider.answered,
    "generation_error": Decider.unanswered,
    "generation_batch_pre_call": Decider.request,
    "generation_batch_post_call": Decider.answered,
    "generation_batch_error": Decider.unanswered,
    "tool_pre_invoke": Decider.tool,
    "tool_post_invoke": Decider.tool_result,
}


def _print(call: Any) -> bytes:
    """What a tool call is told by: its name and its arguments."""
    return dump_json([call.name, reading.json_of(call.args)])


def _merged(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """*wanted*, with the very objects of *given* where nothing was changed."""
    return {
        name: given[name] if name in given and reading.json_of(given[name]) == value else value
        for name, value in wanted.items()
    }


def _model_of(payload: Any, rewritten: Mapping[str, Any]) -> dict[str, object]:
    """The fields of ``session_pre_init`` as listeners and rules leave them."""
    made: dict[str, object] = {}
    if rewritten.get("model_id"):
        made["model_id"] = rewritten["model_id"]
    options = rewritten.get("model_options")
    if isinstance(options, Mapping):
        made["model_options"] = reading.changed_options(payload.model_options, options)
    return made
