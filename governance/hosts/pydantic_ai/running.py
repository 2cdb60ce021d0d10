"""One run of an agent: its session, its turn, and what it asks and reports."""

from __future__ import annotations

import copy
import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any, TypeAlias
from uuid import uuid4

from attrs import field

from governance._attrs import define
from governance.engine import Session
from governance.hosts.pydantic_ai import NAME, framework
from governance.rules.host_tools import HostTools
from governance.session.replies import Reply
from governance.tools.deciding import Gate, session_here
from governance.tools.requiring import ungoverned
from governance.tools.turns import TurnRefused, Turns
from governance.values import Json, json_of

_Asked: TypeAlias = tuple[str, dict[str, Any], Json]

AROUND: ContextVar[Run | None] = ContextVar("governance.pydantic_ai.run", default=None)
"""The run that this context belongs to: an agent that is run within it is its child."""

WAITING_MAX = 1_000
"""Turns of one capability that may wait for a person; the oldest is ended beyond them."""

PROVIDER_TOOLS = frozenset({"tool_search"})
"""Tools of a provider that do nothing: they look up which tools there are."""


@define(eq=False)
class Waiting:
    """Turns whose run has ended with calls for a person to answer: the next run goes on."""

    _turns: OrderedDict[tuple[int, str], Turns] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def put(self, turns: Turns) -> None:
        """Keep *turns* until the next run of its session."""
        oldest = None
        with self._lock:
            self._turns[_key(turns.session)] = turns
            if len(self._turns) > WAITING_MAX:
                _, oldest = self._turns.popitem(last=False)
        if oldest is not None:
            oldest.ended(failure="unknown")

    def take(self, session: Session) -> Turns | None:
        """What waits of *session*."""
        with self._lock:
            return self._turns.pop(_key(session), None)


@define(eq=False)
class Run:
    """
    One run, from its first hook to its last.

    Attributes:
        tools: The program's table of its tools.

        above: The run whose tool runs this one, if any.

        waiting: Where a turn is kept that goes on in another run.
    """

    tools: HostTools
    above: Run | None
    waiting: Waiting
    _turns: Turns | None = field(default=None, init=False)
    _sent: bool = field(default=False, init=False)
    _children: int = field(default=0, init=False)
    _open: set[str] = field(factory=set, init=False)
    _asked: dict[str, _Asked] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _reading: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def turns(self) -> Turns:
        """
        The turn that this run is.

        Raises:
            MisuseError: GOV764, it was never asked about.
        """
        if self._turns is None:
            raise ungoverned("a run that was not begun", "run the agent by its own methods")
        return self._turns

    @property
    def gate(self) -> Gate:
        """Where the tools of this run are asked about."""
        return Gate(self.turns.session, self.tools)

    def begin(self, agent: str, prompt: str | None) -> None:
        """
        Ask whether this run may begin: a turn, and of an agent in a tool a sub-session.

        Args:
            prompt: ``None`` where nothing is said, and only calls are answered.

        Raises:
            TurnRefused: It may not.

            MisuseError: GOV761, nobody said whose run it is; GOV764, its session is another
                host's.
        """
        session = session_here() if self.above is None else self.above.child(agent)
        if session.host != NAME:
            raise ungoverned(f"a session of `{session.host}`", f"begin it with `{NAME}.start`")
        begun = self.waiting.take(session)
        if begun is not None and prompt is None:
            self._turns = begun
            return
        if begun is not None:
            begun.ended(failure="unknown")
        turns = Turns(session)
        try:
            turns.begin(prompt or "", source="user" if self.above is None else "agent")
        except TurnRefused:
            if self.above is not None:
                session.end()
            raise
        self._turns = turns

    def ask(self, tool: str, arguments: Mapping[str, Json], call_id: str) -> Reply:
        """Whether *tool* may run: a call that comes of a request was made by one who read it."""
        if self._sent:
            self._read()
        return self.gate.ask(tool, arguments, call_id)

    def child(self, agent: str) -> Session:
        """A sub-session for *agent*, which a tool of this run runs."""
        above = self.turns.session
        with self._lock:
            self._children = max(self._children, above.state.metrics.children) + 1
            name = f"{self._children}-{agent}"
        child = above.child(name, agent=agent)
        # INVARIANT: a child has a reply from the moment that it is made.
        assert child.reply is not None, "a child was asked about"
        if child.reply.denied:
            raise TurnRefused(child.reply)
        return child

    def close(self, failure: str = "", *, waits: bool = False) -> None:
        """The run is over, and a sub-session with it; its turn not, if a person is asked."""
        turns = self.turns
        if waits and self.above is None:
            self.waiting.put(turns)
            return
        with ExitStack() as stack:
            if self.above is not None:
                stack.callback(turns.session.end)
            stack.callback(turns.ended, failure=failure)

    def told(self, request: Any) -> Any:
        """
        *request* with the briefing in front of its instructions; the program's is left as it is.

        Raises:
            MisuseError: GOV764, it offers a tool that runs at the provider.
        """
        parameters = request.model_request_parameters
        for tool in parameters.native_tools:
            if tool.kind not in PROVIDER_TOOLS:
                raise ungoverned(f"the tool `{tool.kind}`", "only tools in this process ask first")
        self._sent = True
        text = self.turns.text
        if not text:
            return request
        first = framework.pydantic_ai().instruction(content=text)
        parts = [first, *(parameters.instruction_parts or ())]
        changed = copy.copy(request)
        changed.model_request_parameters = dataclasses.replace(parameters, instruction_parts=parts)
        return changed

    def answered(self, response: Any) -> None:
        """The model has answered: it was told, and may have compacted what went before."""
        usage = getattr(response, "usage", None)
        self.turns.used(getattr(usage, "input_tokens", None), getattr(usage, "output_tokens", None))
        self._read()
        for part in response.parts:
            if isinstance(part, framework.pydantic_ai().compaction_class):
                self.turns.session.compact(trigger="auto", summary=part.content)

    def _read(self) -> None:
        # Calls that are made at once wait until it is recorded: else one would be unbriefed.
        with self._reading:
            self.turns.answered()

    def call_id(self, given: str | None) -> str:
        """The id of a call, which is another one where a tool makes calls under its own."""
        with self._lock:
            made = given or uuid4().hex
            if made in self._open:
                made = f"{made}-{uuid4().hex[:8]}"
            self._open.add(made)
            return made

    def settled(self, call_id: str) -> None:
        """The call is over."""
        with self._lock:
            self._open.discard(call_id)
            self._asked.pop(call_id, None)

    def asked(self, call_id: str, name: str, args: Mapping[str, Any]) -> None:
        """The call may be made, once, just so."""
        with self._lock:
            self._asked[call_id] = _as_asked(name, args)

    def was_asked(self, call_id: str | None, name: str, args: Mapping[str, Any]) -> bool:
        """Whether this very call may be made; a second one is another one."""
        with self._lock:
            return self._asked.pop(call_id or "", None) == _as_asked(name, args)


def _as_asked(name: str, args: Mapping[str, Any]) -> _Asked:
    """What tells a call from every other one, also once its arguments were changed in place."""
    return name, dict(args), json_of(framework.pydantic_ai().plain(args, fallback=str))


def _key(session: Session) -> tuple[int, str]:
    return id(session.engine), session.id


def prompt_of(context: Any) -> str | None:
    """What is said at the beginning of a run: its prompt, or the end of the history it is given."""
    if context.prompt is not None:
        return _text(context.prompt)
    last = context.messages[-1] if context.messages else None
    said = [one.content for one in getattr(last, "parts", ()) if one.part_kind == "user-prompt"]
    return "\n".join(map(_text, said)) if said else None


def _text(prompt: Any) -> str:
    """The text of a prompt, also where it is in parts."""
    if isinstance(prompt, str):
        return prompt
    parts = prompt if isinstance(prompt, (list, tuple)) else ()
    said = (getattr(one, "content", one) for one in parts)
    return "\n".join(one for one in said if isinstance(one, str))
