"""
Recorded decisions, taken again by another law.

Each is put to the pure heart in the session as its rows tell it, so that state, role,
labels and history are those of then. What a decision led to stays as it was recorded: a
call that would now be refused has its outcome all the same, and the ledger counts what was
counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, cast

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.cli.explained import Recorded
from governance.cli.explaining import DECIDED, asked_again
from governance.cli.host_tables import TRAITS
from governance.cli.opening import rows_of
from governance.cli.refolding import Refolding
from governance.engine.encoding import files_of
from governance.engine.related import line_above
from governance.formats import known_body
from governance.journal.records import Journal, Record
from governance.rules.format import Rule
from governance.session.commands import Command, HostTraits
from governance.session.decide import decide
from governance.session.draft import Outcome
from governance.session.evolve import evolve as folded
from governance.session.law import Gathered, Law
from governance.session.replies import ACTIONS, Action
from governance.session.state import SessionState
from governance.values import Json, dump_checked

Change = Literal["same", "rules", "stricter", "laxer", "unknown"]

REDACTED = b"[redacted:"
"""What stands in a row for a secret that was taken out."""

UNBRIEFED = "session.unbriefed"
_LET_BE = ("allow", "warn", "rewrite")
_EVENTS = ("tool", "prompt", "command")


@frozen
class Answer:
    """What one rule set says of one event: the action, and the rules that were named."""

    action: Action
    rules: tuple[str, ...] = ()
    message: str = ""


@frozen
class Compared:
    """
    One recorded decision beside the one of now.

    Attributes:
        event: ``tool``, ``prompt`` or ``command``, as the key `on` of rules.

        tool: Canonical name of the tool, ``""`` for what is no call.

        told: What was decided on: arguments by name, the text of a prompt, words.

        change: ``same``; ``rules``: the same action by other rules; ``stricter`` or
            ``laxer`` than recorded; ``unknown``: the row does not keep what it takes.

        why: Of what is unknown, the reason.

        shadows: Shadow rules that match now.
    """

    record: Record
    event: str
    tool: str
    told: Mapping[str, Json]
    then: Answer
    now: Answer
    change: Change
    why: str = ""
    shadows: tuple[str, ...] = ()

    @property
    def by(self) -> tuple[str, ...]:
        """The rules that make the difference: new ones, or those that say no more."""
        more, less = (self.now, self.then) if self.change == "stricter" else (self.then, self.now)
        return tuple(one for one in more.rules if one not in less.rules) or more.rules


@define(eq=False)
class Coverage:
    """
    How often one rule had a say.

    Attributes:
        matched: Events that it fired on, shadow verdicts included.

        decided: Of these, those whose answer has its action.

        unseen: Why rows cannot show that it fires, or ``""``.
    """

    rule: str
    action: str
    shadow: bool = False
    matched: int = 0
    decided: int = 0
    unseen: str = ""


@define(eq=False)
class Replay:
    """
    Puts the decisions of *journal* to *law*; nothing is written anywhere.

    Attributes:
        coverage: By rule, in order of packs; limits of roles come as they are met.

        skipped: Why decisions were left out → how many.
    """

    law: Law
    journal: Journal
    coverage: dict[str, Coverage] = field(init=False)
    skipped: dict[str, int] = field(factory=dict, init=False)
    _cursors: dict[str, _Cursor] = field(factory=dict, init=False)
    _folding: Refolding = field(init=False)
    _counts: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        rules = self.law.rules
        self.coverage = {
            name: Coverage(name, rule.action, rules.compiled[name].shadow, unseen=_unseen(rule))
            for name, rule in rules.rules.items()
        }
        # A text that is owed is no decision of a rule: what it would have said is asked.
        self.law = evolve(self.law, rules=evolve(rules, contexts=()))

    def run(self, sessions: Iterable[str], *, since_ms: int = 0) -> Iterator[Compared]:
        """
        Every decision of *sessions* from *since_ms* on, one by one, in order of rows.

        Raises:
            JournalError: The store cannot be read, or holds what is no row of ours.
        """
        for session in sessions:
            before_it: Record | None = None
            self._folding = Refolding(self.law, self.journal, session)
            for record, body, before in self._folding.rows():
                # What is older is taken again as well: labels come of it.
                self._counts = record.at_ms >= since_ms
                found = self._again(Recorded(record, body, before), before_it)
                if found is not None and self._counts:
                    yield found
                before_it = record

    def _again(self, found: Recorded, before_it: Record | None) -> Compared | None:
        match found.record.kind:
            case "tool.decided":
                return self._call(found, _asked(found, before_it))
            case "turn.started" if self.law.rules.has("prompt"):
                return self._prompt(found)
            case "command.executed" if self.law.rules.has("command"):
                return self._command(found)
            case "event.refused":
                event = str(found.data.get("event") or "")
                self._skip(f"a refusal of `{event}`, of which no row keeps what was asked")
            case _:
                pass
        return None

    def _skip(self, why: str) -> None:
        if self._counts:
            self.skipped[why] = self.skipped.get(why, 0) + 1

    def _call(self, found: Recorded, asked: bool) -> Compared | None:
        command, gathered = asked_again(self.law, found, self._parents(found))
        self._folding.call = command.call
        if found.data.get("paused"):
            self._skip("a call while a person had paused governance")
            return None
        if found.rules == (UNBRIEFED,) and found.action == "deny":
            self._skip("a call that only carried the briefing")
            return None
        then = Answer(_wanted(found.action, found.data, asked=asked), found.rules)
        outcome = decide(self.law, found.before, command, gathered)
        row = next((one for one in reversed(outcome.rows) if one.kind == DECIDED), None)
        if row is None:
            self._skip("a call that the session's state gives no answer to")
            return None
        data = cast("Mapping[str, Json]", row.body["data"])
        now = Answer(
            _wanted(str(data["action"]), data, asked=_asks(outcome, data)),
            outcome.reply.rules,
            outcome.reply.message,
        )
        self._folding.labels = _texts(data.get("labels"))
        why = _unknown(found, then, now) or _unlooked(outcome)
        self._count(now, data.get("shadows"))
        change = "unknown" if why else _change(then, now, rewritten="rewritten" in found.data)
        shadows = _texts(data.get("shadows"))
        return Compared(
            found.record, "tool", found.tool, found.arguments, then, now, change, why, shadows
        )

    def _prompt(self, found: Recorded) -> Compared:
        data = found.data
        text = str(data.get("prompt") or "")
        given: dict[str, Json] = {
            "prompt": text,
            "prompt_source": str(data.get("prompt_source") or "user"),
        }
        characters = data.get("prompt_characters")
        cut = isinstance(characters, int) and characters > len(text)
        hidden = REDACTED in dump_checked(given)
        why = "only the beginning of the prompt was kept" if cut else ""
        why = why or ("a secret was taken out of the prompt" if hidden else "")
        return self._told(found, "turn_start", "prompt", given, why)

    def _command(self, found: Recorded) -> Compared:
        kept = ("name", "arguments", "source")
        given = {name: found.data[name] for name in kept if name in found.data}
        hidden = REDACTED in dump_checked(given)
        why = "a secret was taken out of the command" if hidden else ""
        return self._told(found, "command", "command", given, why)

    def _told(
        self, found: Recorded, event: str, on: str, given: Mapping[str, Json], why: str
    ) -> Compared:
        """What was let be then: rows tell of it alone, and of no rule that had a say."""
        command = Command(
            event=event,
            session=found.record.session,
            at_ms=found.record.at_ms,
            host=found.host,
            traits=TRAITS.get(found.host, HostTraits()),
            run=found.before.run,
            history="kept",
            data=given,
        )
        gathered = Gathered(
            at_ms=found.record.at_ms, parents=self._parents(found), files=files_of(found.body)
        )
        outcome = decide(self.law, found.before, command, gathered)
        row = next((one for one in outcome.rows if one.kind == found.record.kind), None)
        reply = outcome.reply
        action: Action = "deny" if row is None else "allow"
        if row is not None:
            data = row.body["data"]
            self._folding.labels = _texts(data.get("labels") if isinstance(data, Mapping) else None)
            action = "rewrite" if reply.action == "rewrite" else "allow"
        now = Answer(action, reply.rules, reply.message)
        self._count(now, None)
        why = why or _unlooked(outcome)
        # What was let be then was let be by rules that no row names.
        change: Change = "unknown" if why else "same" if action == "allow" else "stricter"
        return Compared(found.record, on, "", given, Answer("allow"), now, change, why)

    def _parents(self, found: Recorded) -> tuple[SessionState, ...]:
        at_ms = found.record.at_ms
        return line_above(found.before.identity.parent, lambda one: self._moved_to(one, at_ms))

    def _moved_to(self, session: str, at_ms: int) -> SessionState:
        cursor = self._cursors.get(session)
        if cursor is None or cursor.at_ms > at_ms:
            cursor = self._cursors[session] = _Cursor(self.journal, session)
        return cursor.moved_to(at_ms)

    def _count(self, now: Answer, shadows: Json) -> None:
        if not self._counts:
            return
        rules = self.law.rules.rules
        named = shadows if isinstance(shadows, (list, tuple)) else ()
        for name in dict.fromkeys((*now.rules, *map(str, named))):
            one = self.coverage.setdefault(name, Coverage(name, now.action))
            one.matched += 1
            rule = rules.get(name)
            own = (rule.action, rule.unknown) if rule is not None else (now.action,)
            one.decided += name in now.rules and now.action in own


@define(eq=False)
class _Cursor:
    """A parent session on its way through its rows, so that each is folded once."""

    journal: Journal
    session: str
    at_ms: int = -1
    _state: SessionState = field(init=False)
    _rows: Iterator[Record] = field(init=False)
    _next: Record | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._state = SessionState(self.session)
        self._rows = rows_of(self.journal, self.session)
        self._next = next(self._rows, None)

    def moved_to(self, at_ms: int) -> SessionState:
        self.at_ms = at_ms
        while self._next is not None and self._next.at_ms <= at_ms:
            row = self._next
            self._state = folded(self._state, row.seq, row.kind, row.at_ms, known_body(row))
            self._next = next(self._rows, None)
        return self._state


def _unseen(rule: Rule) -> str:
    if rule.on not in _EVENTS:
        return f"rows do not keep what `{rule.on}` events are decided on"
    limit = rule.limit
    if limit is not None and limit.scope == "tree":
        return "rows of one session do not tell what a tree of them has counted"
    return ""


def _asked(found: Recorded, before_it: Record | None) -> bool:
    """Whether the recorded call was put to a person, in that moment or before."""
    at_ms = found.record.at_ms
    if before_it is not None and before_it.kind == "approval.asked" and before_it.at_ms == at_ms:
        return True
    return _waits(found.before, at_ms, set(found.rules))


def _waits(state: SessionState, at_ms: int, rules: set[str]) -> bool:
    """Whether a question of just these rules waits for a person."""
    return any(set(one.rules) == rules for one in state.ledger.open_approvals(at_ms))


def _asks(outcome: Outcome, data: Mapping[str, Json]) -> bool:
    """Whether the call would be put to a person, or already is."""
    if any(row.kind == "approval.asked" for row in outcome.rows):
        return True
    rules = data.get("rules")
    named = set(map(str, rules)) if isinstance(rules, (list, tuple)) else set()
    return _waits(outcome.state, outcome.rows[-1].at_ms, named)


def _wanted(action: str, data: Mapping[str, Json], *, asked: bool) -> Action:
    """
    What the rules wanted: a question that was answered, or that no host could put, is one.

    An approval is bound to the rule set it was given under, so it is no part of what two
    rule sets are compared by.
    """
    if (data.get("approval") and action in ("allow", "rewrite")) or (action == "deny" and asked):
        return "ask"
    known: Mapping[str, Action] = {one: one for one in ACTIONS}
    return known.get(action, "allow")


def _unknown(found: Recorded, then: Answer, now: Answer) -> str:
    """Why the recorded call cannot be compared, or ``""``."""
    if found.cut:
        return "the arguments were too long to be kept"
    if found.body.get("redacted") and REDACTED in dump_checked(dict(found.arguments)):
        return "a secret was taken out of the arguments"
    if then.action == "deny" and not then.rules and now.action not in ("deny", "halt"):
        return "no rule refused it then: the session's state or a listener did"
    if found.data.get("rewritten") and then.action == "ask" and now.action in _LET_BE:
        return "only the rewritten arguments were kept"
    return ""


def _unlooked(outcome: Outcome) -> str:
    """Why the answer hangs on a file that nobody had looked for, or ``""``."""
    return f"nobody had looked whether `{outcome.wanted[0]}` is there" if outcome.wanted else ""


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, (list, tuple)) else ()


def _change(then: Answer, now: Answer, *, rewritten: bool) -> Change:
    if rewritten and then.action == "rewrite" and now.action in _LET_BE:
        # What was to be changed is changed already in the arguments that were kept.
        return "same"
    if then.action == now.action:
        return "same" if set(then.rules) == set(now.rules) else "rules"
    stricter = ACTIONS.index(now.action) > ACTIONS.index(then.action)
    return "stricter" if stricter else "laxer"
