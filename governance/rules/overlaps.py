"""
Rules that match the same call: where one is covered by another, and where two only meet.

Each finding shows a witness, a call that was decided and that both rules were found to match,
in a command line by the same command. Witnesses are looked for among the examples of all
rules, and among calls that are built from their matchers; the search is bounded and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice

from attrs import field

from governance._attrs import define, frozen
from governance.rules.covering import covers
from governance.rules.deferred import settled
from governance.rules.examples import Bench
from governance.rules.format import ACTIONS, Rule
from governance.rules.linking import is_lower
from governance.rules.matching import Match
from governance.rules.reading import Findings
from governance.rules.ruleset import CompiledRule, RuleSet
from governance.rules.shell_facts import ShellCall
from governance.rules.verdicts import RuleEvent
from governance.rules.witnesses import Witness, built, of_examples

PAIRS_MAX = 100
"""Pairs of rules of one pack for which a common call is built."""

LOOKED_MAX = 200_000
"""Pairs that are looked at to find those."""

EXAMPLES_MAX = 4
"""Examples of one rule that are decided in search of others that match them."""

TOGETHER_MAX = 32
"""Rules that match one call of which the pairs are kept."""

CALLS_MAX = 4_000
"""Calls that are decided in search of witnesses."""

SHOWN_MAX = 3
"""Rules that one rule meets of which each is told; of more only how many."""

_STOPPING = frozenset({"ask", "deny", "halt"})
_BY_COMMAND = frozenset({"shell", "reads", "writes", "removes", "domains"})


@frozen
class Meeting:
    """
    Two rules that match the same call.

    Attributes:
        one: The earlier, by packs and lines.

        witness: The call.
    """

    one: Rule
    other: Rule
    witness: Witness


@define(eq=False)
class _Search:
    rules: RuleSet
    bench: Bench
    findings: Mapping[str, Findings]
    order: Mapping[str, int]
    asked: Set[str]
    met: dict[tuple[str, str], Witness] = field(factory=dict)
    own: dict[str, list[frozenset[str]]] = field(factory=dict)
    calls: int = 0
    cut: bool = False

    def run(self) -> None:
        made = [self.rules.compiled[name] for name in self.order]
        asked = [one for one in made if one.rule.id in self.asked]
        for one in made:
            if one.rule.id not in self.asked and not any(_may_meet(one, each) for each in asked):
                continue
            known = self.findings[one.rule.id]
            shown = list(islice(of_examples(one, self.bench, known), EXAMPLES_MAX))
            for witness in shown or built([one], self.bench, known):
                self._decide(witness, one)
        for one, other in self._pairs(made):
            for witness in built([one, other], self.bench, self.findings[one.rule.id]):
                self._decide(witness, None)
                if (one.rule.id, other.rule.id) in self.met:
                    break

    def _pairs(self, made: Sequence[CompiledRule]) -> Iterator[tuple[CompiledRule, CompiledRule]]:
        """Pairs of one pack that look at the same fact of the same tools and have not met yet."""
        by_fact: dict[tuple[str, str, str], list[CompiledRule]] = {}
        for one in made:
            for fact in one.match.facts:
                by_fact.setdefault((one.rule.pack, one.rule.on, fact), []).append(one)
        seen: set[tuple[str, str]] = set()
        looked = 0
        for alike in by_fact.values():
            for index, other in enumerate(alike):
                for one in alike[:index]:
                    if not self._is_asked(one, other):
                        continue
                    pair = (one.rule.id, other.rule.id)
                    looked += 1
                    if looked > LOOKED_MAX:
                        self.cut = True
                        return
                    if pair in seen or pair in self.met or not _may_meet(one, other):
                        continue
                    if len(seen) >= PAIRS_MAX:
                        self.cut = True
                        return
                    seen.add(pair)
                    yield one, other

    def _is_asked(self, one: CompiledRule, other: CompiledRule) -> bool:
        return one.rule.id in self.asked or other.rule.id in self.asked

    def _decide(self, witness: Witness, own: CompiledRule | None) -> None:
        """Decide *witness* and keep what meets in it."""
        if self.calls >= CALLS_MAX:
            self.cut = True
            return
        self.calls += 1
        event = witness.event
        found = [
            one for one in self.rules.matching(event, witness.history) if one.rule.id in self.order
        ]
        found.sort(key=lambda one: self.order[one.rule.id])
        self.cut = self.cut or len(found) > TOGETHER_MAX
        found = found[:TOGETHER_MAX]
        alike = {one.rule.id: set[str]() for one in found}
        for index, other in enumerate(found):
            for one in found[:index]:
                if self._is_asked(one, other) and _meet(one.match, other.match, event):
                    self.met.setdefault((one.rule.id, other.rule.id), witness)
                    alike[one.rule.id].add(other.rule.id)
                    alike[other.rule.id].add(one.rule.id)
        if own is not None and own.rule.id in alike:
            self.own.setdefault(own.rule.id, []).append(frozenset(alike[own.rule.id]))


def _may_meet(one: CompiledRule, other: CompiledRule) -> bool:
    """Whether two rules may be about the same tool, as far as their names tell."""
    left, right = one.rule.tools, other.rule.tools
    plain = not any(sign in name for name in (*left, *right) for sign in "@*:{")
    return not (left and right and plain) or bool(set(left) & set(right))


def _meet(one: Match, other: Match, event: RuleEvent) -> bool:
    """
    Whether both match *event* by the same thing.

    A line of several commands is matched by many rules that have nothing to do with each
    other, and so is a list of which each looks at another element.
    """
    left, right = one.chosen(event.facts), other.chosen(event.facts)
    for name in left.keys() & right.keys():
        if not any(element in right[name] for element in left[name]):
            return False
    if left.keys() & right.keys() or not (_BY_COMMAND & left.keys() and _BY_COMMAND & right.keys()):
        return True
    call = settled(event.facts.get("shell"))
    return not isinstance(call, ShellCall) or len(call.commands) == 1


def report_meetings(
    rules: RuleSet,
    order: Iterable[Rule],
    asked: Set[str],
    bench: Bench,
    findings: Mapping[str, Findings],
) -> None:
    """
    Report covered rules (GOV266) and overlaps (GOV255) among the rules of *order*.

    Args:
        order: As they stand in packs; those that decide nothing are left out.

        asked: Those of which is told how they meet any other; the rest was compared before.

        findings: By rule, where its problems go.
    """
    listed = [one.id for one in order]
    search = _Search(rules, bench, findings, {name: at for at, name in enumerate(listed)}, asked)
    search.run()
    needless = {name: found for name in listed if (found := _needless(name, search)) is not None}
    for name, (wide, witness) in needless.items():
        _tell_covered(rules.rules[name], wide, witness, findings[name])
    told: dict[str, int] = {}
    for (left, right), witness in search.met.items():
        one, other = rules.rules[left], rules.rules[right]
        if any(a in needless and needless[a][0].id == b for a, b in ((left, right), (right, left))):
            continue
        told[right] = told.get(right, 0) + 1
        if told[right] <= SHOWN_MAX:
            meant = _meant(one, other, witness, search)
            _tell_meeting(Meeting(one, other, witness), meant, findings[right])
    for name, count in told.items():
        if count > SHOWN_MAX:
            message = f"`{name}` meets {count - SHOWN_MAX} more rules in calls of the same kind"
            findings[name].tell("GOV255", message, rules.rules[name].path)
    if search.cut and listed:
        message = (
            f"not all rules were compared: calls are built for {PAIRS_MAX} pairs of rules, "
            f"{CALLS_MAX} calls are decided, and of each {TOGETHER_MAX} rules are looked at"
        )
        last = rules.rules[listed[-1]]
        findings[last.id].tell("GOV255", message, ("pack",))


def _needless(name: str, search: _Search) -> tuple[Rule, Witness] | None:
    """A rule that certainly matches all that *name* matches and is as strict, with a call."""
    own = search.own.get(name)
    if not own:
        return None
    narrow = search.rules.compiled[name]
    for other in sorted(frozenset.intersection(*own), key=search.order.__getitem__):
        wide = search.rules.compiled[other]
        if not _outdoes(wide.rule, narrow.rule):
            continue
        if covers(wide, narrow, search.bench.vocabulary):
            # Of two that cover each other, the later one is the needless one.
            mutual = search.order[other] > search.order[name] and _outdoes(narrow.rule, wide.rule)
            if not (mutual and covers(narrow, wide, search.bench.vocabulary)):
                pair = min((name, other), (other, name), key=lambda one: search.order[one[0]])
                return wide.rule, search.met[pair]
    return None


def _outdoes(wide: Rule, narrow: Rule) -> bool:
    """Whether a rule that *wide* covers has nothing left to say."""
    if is_lower(wide.layer, narrow.layer) or "rewrite" in (wide.action, narrow.action):
        return False
    if ACTIONS.index(wide.action) < ACTIONS.index(narrow.action):
        return False
    # A denied call sets no labels; one that is let through does.
    return not narrow.labels or wide.action in ("deny", "halt")


def _meant(one: Rule, other: Rule, witness: Witness, search: _Search) -> bool:
    """
    Whether it is no surprise that *one* and *other* meet.

    Packs stand alone, and rules that look back are many for one event. Of two that both stop a
    call the stricter one holds, and a rule that is a stricter special case of another is meant
    so. What no author has written may be far-fetched.
    """
    if one.pack != other.pack or one.looks_back or other.looks_back or not witness.given:
        return True
    if {one.action, other.action} <= _STOPPING:
        return True
    wide, narrow = sorted((one, other), key=lambda rule: ACTIONS.index(rule.action))
    made = search.rules.compiled
    return covers(made[wide.id], made[narrow.id], search.bench.vocabulary)


def _tell_covered(narrow: Rule, wide: Rule, witness: Witness, findings: Findings) -> None:
    how = "as strict" if wide.action == narrow.action else f"a stricter `{wide.action}`"
    message = (
        f"all that `{narrow.id}` matches is matched by `{wide.id}`, which is {how}; as {witness}"
    )
    mend = "take this one out, or narrow the other"
    if wide.pack == narrow.pack:
        findings.warn("GOV266", message, narrow.path, mend)
    else:
        # Packs are written to stand alone, and so may repeat each other.
        findings.tell("GOV266", message, narrow.path, mend)


def _tell_meeting(met: Meeting, meant: bool, findings: Findings) -> None:
    one, other = met.one, met.other
    if one.action == other.action:
        message = f"`{other.id}` and `{one.id}` both match {met.witness}"
        findings.tell("GOV255", message, other.path)
        return
    strict, mild = sorted((one, other), key=lambda rule: -ACTIONS.index(rule.action))
    message = (
        f"`{other.id}` and `{one.id}` both match {met.witness}; "
        f"there `{strict.action}` of `{strict.id}` holds over `{mild.action}`"
    )
    if meant:
        findings.tell("GOV255", message, other.path)
    else:
        findings.warn("GOV255", message, other.path, "narrow one of them, if that is not meant")
