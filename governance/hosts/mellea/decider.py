"""
The engine as the hooks of Mellea ask it, and what must be known from one hook to the next.

It imports nothing of Mellea: what is needed of it is given with the payload.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import field

from governance._attrs import define, frozen
from governance.engine import Engine
from governance.hosts.mellea import NAME, reading, translate
from governance.hosts.mellea.capabilities import HOOKS
from governance.hosts.mellea.held import Announcement, Book, Held, Options
from governance.hosts.mellea.verdicts import PASS, Block, Modify, Verdict
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.values import dump_json

CALLS_MAX = 1_024
"""Tool calls that are kept from their decision to their end; the oldest goes."""

T = TypeVar("T")

WITHHELD = "governance withholds this output: "


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
    _refused: OrderedDict[str, None] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def options_of(self, asked: Asked) -> Options:
        """What the program wants for the session of *asked*."""
        return asked.announcement.options if asked.announcement is not None else self.options

    def let(self, invocation: str, call: Any) -> None:
        """Keep a tool call as the one that was decided."""
        self._keep(self._decided, invocation, _print(call))

    def was_refused(self, invocation: str) -> bool:
        """Whether the tool that has run there only told the model that it was refused."""
        with self._lock:
            return self._refused.pop(invocation, False) is None

    def _keep(self, kept: OrderedDict[str, T], invocation: str, value: T) -> None:
        with self._lock:
            kept[invocation] = value
            while len(kept) > CALLS_MAX:
                kept.popitem(last=False)

    def look_again(self, payload: Any) -> Verdict:
        """Whether a tool call is still the one that was decided, just before it runs."""
        with self._lock:
            decided = self._decided.pop(payload.tool_invocation_id, None)
        if decided is None:
            return Block("the tool call was not decided", "GOV733")
        if decided != _print(payload.model_tool_call):
            return Block("the tool call was changed after it had been decided", "GOV733")
        return PASS

    def refusal(self, asked: Asked, reason: str, code: str, denial: str) -> Verdict:
        """*asked* refused in the way that its hook has: an answer for the model, or a block."""
        if asked.hook == "tool_post_invoke":
            return Modify({"tool_output": WITHHELD + reason})
        if asked.hook != "tool_pre_invoke" or denial == "hard":
            return Block(reason, code)
        call, invocation = asked.payload.model_tool_call, asked.payload.tool_invocation_id
        self.let(invocation, call)
        self._keep(self._refused, invocation, None)
        stand_in = asked.stand_in(call.func, reason)
        return Modify({"model_tool_call": dataclasses.replace(call, func=stand_in)})

    def denial_of(self, session: str) -> str:
        """How a denied tool of *session* is denied."""
        held = self.book.get(session)
        return (held.options if held is not None else self.options).denial

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

    def unbound(self, asked: Asked) -> Verdict:
        """The verdict on what belongs to no known session; what is only told is passed over."""
        if not HOOKS[asked.hook].decides:
            return PASS
        strictness = self.engine.law.settings.host(NAME).unbound
        if strictness == "allow":
            if asked.hook == "tool_pre_invoke":
                self.let(asked.payload.tool_invocation_id, asked.payload.model_tool_call)
            return PASS
        reason = (
            "GOV731 this call belongs to no session: make it within `with session:`, "
            "`governed_session` or `bound`"
        )
        return self.refusal(asked, reason, "GOV731", self.options.denial)


def _print(call: Any) -> bytes:
    """What a tool call is told by: its name and its arguments."""
    return dump_json([call.name, reading.json_of(call.args)])
