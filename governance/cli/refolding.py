"""
A recorded session, folded as it would be if another law had watched it.

What happened stays as it was recorded: which calls were let through and what became of
them. What the session remembers of it for rules that look back, and the labels that it has,
are those of the law that is tried, for rows keep them only as far as the rules of then
asked for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field

from governance._attrs import define
from governance.calls import ToolCall
from governance.cli.host_tables import TRAITS
from governance.cli.opening import data_of, rows_of
from governance.formats import known_body
from governance.hosts import HOSTS, profile_of
from governance.journal.gaps import GAP_KIND
from governance.journal.records import Journal, Record
from governance.machine import Step
from governance.rules.facts import facts_of_call, result_facts
from governance.rules.host_tools import call_of
from governance.rules.verdicts import RuleEvent
from governance.session import judging
from governance.session.commands import Command, HostTraits
from governance.session.draft import Draft
from governance.session.evolve import evolve as folded
from governance.session.law import Gathered, Law
from governance.session.remembering import NOTHING_SEEN, TURN_BEGAN, Seen, begun, decided, told
from governance.session.remembering import finished as finished_call
from governance.session.state import OPEN_CALLS_MAX, OpenCall, SessionState
from governance.values import Json

_LABELLED = ("tool.decided", "turn.started", "command.executed")


@define(eq=False)
class Refolding:
    """
    One session of a journal on its way through its rows.

    Attributes:
        call: Of the row at hand, the call that was decided, as the law tried sees it.

        labels: Of the row at hand, the labels that the law tried sets with it.
    """

    law: Law
    journal: Journal
    session: str
    call: ToolCall | None = None
    labels: tuple[str, ...] = ()
    _state: SessionState = field(init=False)
    _calls: dict[str, ToolCall] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._state = SessionState(self.session)

    def rows(self) -> Iterator[tuple[Record, Mapping[str, Json], SessionState]]:
        """
        Every row with the state that its step found; `call` and `labels` are to be set by
        whoever takes the row, before the next is asked for.

        The questions that a decision puts, and the leave that it uses up, stand in rows
        before it: they are part of what it did, not of what it found.
        """
        before = self._state
        own_at_ms: int | None = None
        for record in rows_of(self.journal, self.session):
            body = known_body(record)
            if own_at_ms is None or record.at_ms != own_at_ms:
                before = self._state
            self.call, self.labels = None, ()
            yield record, body, before
            if record.kind == GAP_KIND:
                continue  # nobody knew then that the row would be lost
            self._state = self._after(record, body)
            data = data_of(body)
            asks = record.kind == "approval.asked"
            uses = record.kind == "approval.settled" and data.get("by") == "rules"
            own_at_ms = record.at_ms if asks or uses else None

    def _after(self, record: Record, body: Mapping[str, Json]) -> SessionState:
        given = body.get("to")
        to: dict[str, Json] = dict(given) if isinstance(given, Mapping) else {}
        was = to.pop("past", None)
        began = was.get("begins") if isinstance(was, Mapping) else 0
        data = dict(data_of(body))
        if record.kind in _LABELLED or record.kind == "tool.finished":
            data.pop("labels", None)
        if record.kind in _LABELLED and self.labels and data.get("open", True):
            data["labels"] = list(self.labels)
        plain: dict[str, Json] = {**body, "data": data, "to": to}
        after = folded(self._state, record.seq, record.kind, record.at_ms, plain)
        seen = self._seen(record, body, data)
        begins = begun(record.kind, _step(self._state, after), history_lost=False)
        begins |= began if isinstance(began, int) else 0
        past = told(self.law.rules.watch, self._state, seen, begins, record.at_ms)
        if not past:
            return after
        return folded(
            self._state,
            record.seq,
            record.kind,
            record.at_ms,
            {**plain, "to": {**to, "past": past}},
        )

    def _seen(self, record: Record, body: Mapping[str, Json], data: Mapping[str, Json]) -> Seen:
        """What the row adds to what the session remembers, by the law tried."""
        watch = self.law.rules.watch
        if record.kind == "turn.started":
            begins = TURN_BEGAN if data.get("prompt_source", "user") == "user" else 0
            facts = {
                "prompt": str(data.get("prompt") or ""),
                "prompt_source": str(data.get("prompt_source") or "user"),
            }
            event = judging.event_on(self._draft(record, body), "prompt", facts)
            return decided(watch, self._state, event, "allow", begins)
        if watch is None:
            return NOTHING_SEEN
        match record.kind:
            case "tool.decided" if self.call is not None:
                action = str(data["action"])
                if self.call.call_id and action not in ("deny", "halt"):
                    self._calls[self.call.call_id] = self.call
                    while len(self._calls) > OPEN_CALLS_MAX:
                        del self._calls[next(iter(self._calls))]
                event = self._call_event(record, body, self.call, "tool", {})
                return decided(watch, self._state, event, action)
            case "command.executed":
                words = data.get("arguments")
                listed = [str(one) for one in words] if isinstance(words, (list, tuple)) else []
                named: dict[str, object] = {"command": str(data["name"]), "arguments": listed}
                event = judging.event_on(self._draft(record, body), "command", named)
                return decided(watch, self._state, event, "allow")
            case "tool.finished":
                return self._finished(record, body, data)
            case _:
                return NOTHING_SEEN

    def _finished(self, record: Record, body: Mapping[str, Json], data: Mapping[str, Json]) -> Seen:
        call_id, outcome = str(data.get("call_id") or ""), str(data["outcome"])
        call = self._calls.pop(call_id, None)
        held = self._state.open_call(call_id) if call_id else None
        if data.get("changed") is True:
            # What waited for this outcome was of a call that did not run.
            held, call = None, _as_it_ran(call, body, data)
        asked = held is not None
        if held is None:
            held = OpenCall(call_id, str(data["tool"]), str(data.get("intent") or ""), 0)
        event = None
        if call is not None and outcome in ("ok", "failed"):
            error, code, took = data.get("error"), data.get("exit_code"), data.get("duration_ms")
            result = result_facts(
                outcome=outcome,
                output=None,
                error=error if isinstance(error, str) else None,
                exit_code=code if isinstance(code, int) else None,
                duration_ms=int(took) if isinstance(took, (int, float)) else None,
            )
            event = self._call_event(record, body, call, "tool-result", result)
        return finished_call(self.law.rules.watch, self._state, held, outcome, event, asked=asked)

    def _call_event(
        self,
        record: Record,
        body: Mapping[str, Json],
        call: ToolCall,
        on: str,
        more: Mapping[str, object],
    ) -> RuleEvent:
        facts = judging.session_facts(self._draft(record, body))
        return RuleEvent(on, {**facts, **facts_of_call(call, self.law.places), **more}, call)

    def _draft(self, record: Record, body: Mapping[str, Json]) -> Draft:
        host = str(body.get("host") or "")
        command = Command(
            event="record",
            session=self.session,
            at_ms=record.at_ms,
            host=host,
            traits=TRAITS.get(host, HostTraits()),
        )
        return Draft(self.law, command, Gathered(at_ms=record.at_ms), self._state)


def _as_it_ran(
    call: ToolCall | None, body: Mapping[str, Json], data: Mapping[str, Json]
) -> ToolCall | None:
    """What ran in place of *call*, as far as its arguments were kept."""
    given, host = data.get("arguments"), str(body.get("host") or "")
    if call is None or not isinstance(given, Mapping) or host not in HOSTS:
        return None
    tools = profile_of(host).tools
    return call_of(tools, call.native, given, cwd=call.cwd, call_id=call.call_id)


def _step(before: SessionState, after: SessionState) -> Step | None:
    """The step of the machine that led from one to the other, as far as it can be told."""
    if before.registers == after.registers:
        return None
    return Step("", before.registers, after.registers, outcome="move", emits=())
