"""
The smallest change of a call that turns its decision over, found by trying.

What is tried comes from the rules: words that they ask for, the values of their examples,
and the call itself with a little less in it. One fact is changed, then two; the nearest
change first. Each is decided by the very law, in the very session, and only what is really
answered otherwise is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.authoring.comparing import REFUSED
from governance.authoring.values import (
    conditions_of,
    distance,
    edited,
    examples_of,
    literals,
    spoken_of,
)
from governance.calls import ToolCall
from governance.rules.fact_table import tool_class
from governance.rules.format import Rule
from governance.rules.host_tools import HostTools, call_of
from governance.rules.verdicts import RuleEvent
from governance.session.commands import Command
from governance.session.decide import decide
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

SINGLES_MAX = 300
"""Changes of one fact that are decided."""

PAIRS_MAX = 200
"""Changes of two facts that are decided, once no single one was enough."""

NEAR_MAX = 40
"""Changes of one fact of which pairs are made: the nearest."""

RULES_MAX = 500
"""Rules about the call whose words and examples are looked at."""

_HOUR_MS = 3_600_000
_OTHER = 32
"""How far apart two tools or hours count as, beside signs of text; a role twice as much."""


@frozen
class Change:
    """One fact that is another: ``command``, ``path``, ``tool``, ``role``, ``hours`` …"""

    fact: str
    before: Json
    after: Json
    far: int = 0


@frozen
class Flip:
    """
    A change that turns the decision over.

    Attributes:
        asked: The changed command, for whoever decides it again.

        gathered: With the moment that it is decided at.

        reply: What is answered to it.
    """

    changes: tuple[Change, ...]
    asked: Command = field(repr=False)
    gathered: Gathered = field(repr=False)
    reply: Reply


@frozen
class Search:
    """What a search came to: the nearest flip, or none, and how many changes were tried."""

    flip: Flip | None
    tried: int


def smallest_flip(
    law: Law, session: SessionState, asked: Command, gathered: Gathered, table: HostTools
) -> Search:
    """
    The nearest change of one or two facts of *asked* that lets through what is refused, or
    refuses what is let through.

    Varied are the arguments of the call, its tool, the role, and the hour where a rule
    looks at it. At most `SINGLES_MAX` and `PAIRS_MAX` changes are decided, some
    milliseconds in all; nothing is written. Whatever else would turn it over is not seen.
    """
    call = asked.call
    # INVARIANT: what is explained is a call.
    assert call is not None, "only a call can be changed"
    # Nothing of it is written, so no secret has to be looked for in it.
    unwritten = evolve(law, redact=_as_it_is)
    return _Search(unwritten, session, asked, gathered, table, call).run()


def _as_it_is(value: Json) -> tuple[Json, tuple[str, ...]]:
    return value, ()


@define(eq=False)
class _Search:
    law: Law
    session: SessionState
    asked: Command
    gathered: Gathered
    table: HostTools
    call: ToolCall
    tried: int = 0

    def run(self) -> Search:
        refused = self._decide((), self.asked, self.gathered).reply.action in REFUSED
        singles = sorted(self._changes(), key=lambda one: (one.far, one.fact, str(one.after)))
        for one in singles[:SINGLES_MAX]:
            found = self._turned((one,), refused)
            if found is not None:
                return Search(found, self.tried)
        pairs = [
            pair for pair in combinations(singles[:NEAR_MAX], 2) if pair[0].fact != pair[1].fact
        ]
        pairs.sort(key=lambda pair: pair[0].far + pair[1].far)
        for pair in pairs[:PAIRS_MAX]:
            found = self._turned(pair, refused)
            if found is not None:
                return Search(found, self.tried)
        return Search(None, self.tried)

    def _turned(self, changes: Sequence[Change], refused: bool) -> Flip | None:
        asked, gathered = self._changed(changes)
        if asked is None:
            return None
        self.tried += 1
        made = self._decide(changes, asked, gathered)
        return made if (made.reply.action in REFUSED) is not refused else None

    def _decide(self, changes: Sequence[Change], asked: Command, gathered: Gathered) -> Flip:
        reply = decide(self.law, self.session, asked, gathered).reply
        return Flip(tuple(changes), asked, gathered, reply)

    def _changed(self, changes: Iterable[Change]) -> tuple[Command | None, Gathered]:
        """The command with *changes* made, or ``None`` where the host has no such call."""
        asked, gathered, call = self.asked, self.gathered, self.call
        native, arguments = call.native or call.tool, dict(call.args)
        for one in changes:
            if one.fact == "tool":
                native = str(one.after)
            elif one.fact == "role":
                asked = evolve(asked, role=str(one.after) or None)
            elif one.fact == "hours":
                at_ms = gathered.at_ms + int(str(one.after)) * _HOUR_MS
                gathered = evolve(gathered, at_ms=at_ms)
                asked = evolve(asked, at_ms=at_ms)
            else:
                name = one.fact.removeprefix("args.")
                arguments[call.fields.get(name, name)] = one.after
        made = call_of(self.table, native, arguments, cwd=call.cwd, call_id=call.call_id)
        return evolve(asked, call=made), gathered

    def _changes(self) -> Iterator[Change]:
        seen: set[tuple[str, str]] = set()
        for one in self._all_changes():
            mark = (one.fact, repr(one.after))
            if one.after != one.before and mark not in seen:
                seen.add(mark)
                yield one

    def _all_changes(self) -> Iterator[Change]:
        rules = self._rules()
        held = self._facts()
        for name, value in self._values(rules):
            if name in held or name in self.call.fields:
                yield _change(name, held.get(name), value)
        for name, before in held.items():
            for value, more in edited(name, before):
                yield _change(name, before, value, more)
        yield from self._tools()
        yield from self._roles(rules)
        looked = {fact for rule in rules for one in conditions_of(rule) for fact in one}
        if looked & {"time", "weekday"}:
            for hours in (*range(1, 24), *range(24, 24 * 7, 24)):
                yield Change("hours", 0, hours, _OTHER + min(hours, 24 - hours % 24))

    def _rules(self) -> list[Rule]:
        facts = {"tool": self.call.tool, "native": self.call.native, "host": self.asked.host}
        event = RuleEvent("tool", facts, self.call)
        return [one.rule for one in self.law.rules.candidates(event)[:RULES_MAX]]

    def _facts(self) -> dict[str, Json]:
        """The facts that can be changed: own ones that one argument holds, and arguments."""
        call = self.call
        plain = {
            name: value
            for name, value in call.own.items()
            if "[]" not in call.fields.get(name, "") and name in call.fields
        }
        if not call.fields:
            return {f"args.{name}": value for name, value in call.args.items()}
        return plain

    def _values(self, rules: Sequence[Rule]) -> Iterator[tuple[str, object]]:
        """Own facts with values that the rules about the call speak of or give."""
        tool = tool_class(self.call.tool)
        for example in examples_of(rules):
            yield from example.facts.items()
            given = example.facts.get("args")
            if isinstance(given, Mapping):
                yield from ((f"args.{name}", value) for name, value in given.items())
        for rule in rules:
            for condition in conditions_of(rule):
                yield from spoken_of(condition, tool)

    def _tools(self) -> Iterator[Change]:
        """Other tools of the host that take the facts that this call has."""
        held = set(self.call.own)
        for native, known in self.table.tools.items():
            same = all(
                known.fields.get(name) == self.call.fields.get(name) is not None for name in held
            )
            if known.canonical != self.call.tool and held and same:
                before = self.call.native or self.call.tool
                yield Change("tool", before, native, _OTHER)

    def _roles(self, rules: Sequence[Rule]) -> Iterator[Change]:
        before = self.asked.role or self.session.identity.role
        named = [
            value
            for rule in rules
            for condition in conditions_of(rule)
            for value in literals(condition.get("role", ()))
        ]
        for name in dict.fromkeys((*self.law.rules.roles.by_name, *named)):
            if isinstance(name, str):
                yield Change("role", before, name, 2 * _OTHER)


def _change(name: str, before: Json, value: object, more: int = 0) -> Change:
    after = value if isinstance(value, (str, int, float, bool)) else str(value)
    far = distance(before if before is not None else "", after)
    return Change(name, before, after, far + more)
