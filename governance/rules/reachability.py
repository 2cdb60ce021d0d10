"""
What rules leave possible: demands that nothing can meet, and redirects that go in a circle.

Only what is certain is reported. A rule counts as refusing an event when it says so of every
such event; where it looks at anything else, it may let some through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import field

from governance._attrs import define, frozen
from governance.rules.draft import Draft
from governance.rules.fact_table import TOOLS, Unknown
from governance.rules.format import PastEvent, PastLabel, Prerequisite, Rule
from governance.rules.ruleset import CompiledRule, RuleSet
from governance.rules.vocabulary import Vocabulary

_REFUSING = ("deny", "halt")


def check_demands(drafts: Sequence[Draft], vocabulary: Vocabulary) -> None:
    """Report what is required and cannot come about (GOV238)."""
    rules = [(rule, draft) for draft in drafts for rule in draft.rules]
    world = _World(tuple(rule for rule, _ in rules), vocabulary)
    possible = world.possible()
    for rule, draft in rules:
        for group in rule.requires:
            if not any(world.can_meet(one, possible) for one in group):
                message = f"nothing that the rules let happen meets this demand of `{rule.id}`"
                mend = "require what can happen first, or let one of the rules look closer"
                draft.findings.wrong("GOV238", message, group[0].path, mend)
    for draft in drafts:
        for role in draft.roles:
            first = world.expanded(role.first)
            if first and not first & world.possible(only=first):
                message = f"no tool of `first` can ever be the first of role `{role.name}`"
                mend = "name one that no rule refuses until something else has happened"
                path = ("role", role.position, "first")
                draft.findings.wrong("GOV238", message, path, mend)


@define(eq=False)
class _World:
    """The events that rules refuse outright, and until when."""

    rules: tuple[Rule, ...]
    vocabulary: Vocabulary
    _commands: frozenset[str] = field(init=False)
    _outright: tuple[tuple[Rule, frozenset[str]], ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._outright = tuple(
            (rule, about) for rule in self.rules if (about := self._about(rule)) is not None
        )
        events = [one for _, about in self._outright for one in about]
        self._commands = frozenset(one for one in events if one.startswith("/"))

    def expanded(self, tools: tuple[str, ...]) -> frozenset[str]:
        """Canonical names behind *tools*; what is wrong with them is reported elsewhere."""
        return frozenset(self.vocabulary.expand_tools(tools, (), lambda _: None) if tools else ())

    def _about(self, rule: Rule) -> frozenset[str] | None:
        """The tools or ``/commands`` of which *rule* refuses every event; else ``None``."""
        if rule.action not in _REFUSING or rule.mode == "shadow" or rule.unless or rule.any:
            return None
        if rule.override != "none":
            return None
        limited = rule.limit is not None and rule.limit.max == 0
        # What is forbidden or limited leaves the first event of its kind possible.
        if not rule.requires and not limited and rule.looks_back:
            return None
        if rule.on == "tool" and not rule.when:
            return self.expanded(rule.tools) or frozenset(TOOLS)
        if rule.on == "command" and rule.when.keys() == {"command"}:
            return frozenset(f"/{name}" for name in _commands_of(rule.when)) or None
        return None

    def possible(self, only: frozenset[str] | None = None) -> frozenset[str]:
        """
        The tools and ``/commands`` that can come about, begun with what needs nothing.

        Args:
            only: No other tool may be used.
        """
        every = (only if only is not None else frozenset(TOOLS)) | self._commands
        found: frozenset[str] = frozenset()
        while True:
            more = frozenset(one for one in every if self._passes(one, found))
            if more == found:
                return found
            found = more

    def _passes(self, event: str, possible: frozenset[str]) -> bool:
        return all(
            rule.requires
            and all(any(self.can_meet(one, possible) for one in group) for group in rule.requires)
            for rule, about in self._outright
            if event in about
        )

    def can_meet(self, one: Prerequisite, possible: frozenset[str]) -> bool:
        """Whether *one* can be found when only *possible* events come about."""
        if isinstance(one, PastLabel):
            setting = [rule for rule in self.rules if one.label in rule.labels]
            # That no rule sets it at all is reported with the labels.
            return not setting or any(
                self._can_happen(rule.on, rule.tools, rule.when, possible) for rule in setting
            )
        if not isinstance(one, PastEvent) or one.outcomes[0] in ("asked", "denied"):
            return True
        return self._can_happen(one.on, one.tools, one.when, possible)

    def _can_happen(
        self, on: str, tools: tuple[str, ...], when: Mapping[str, object], possible: frozenset[str]
    ) -> bool:
        if on in ("tool", "tool-result"):
            named = self.expanded(tools) or frozenset(TOOLS)
            # Tools of servers and hosts are named by no rule for all of their kind.
            return any(one in possible or ":" in one for one in named)
        if on == "command":
            commands = _commands_of(when)
            # A command that no rule refuses outright can always be given.
            return not commands or any(
                f"/{name}" in possible or f"/{name}" not in self._commands for name in commands
            )
        return True


def _commands_of(when: Mapping[str, object]) -> tuple[str, ...]:
    """The commands that a table of matchers names outright."""
    wanted = when.get("command")
    listed = wanted if isinstance(wanted, list) else [wanted]
    return tuple(one for one in listed if isinstance(one, str))


@frozen
class _Redirect:
    """A rule that redirects a command, and the command that it leads to."""

    one: CompiledRule
    target: str


def check_redirects(drafts: Sequence[Draft], rules: RuleSet, vocabulary: Vocabulary) -> None:
    """Report redirects that lead back to themselves (GOV237)."""
    redirects = list(_redirects(rules))
    anything: dict[str, object] = {name: Unknown("any value") for name in vocabulary.facts}
    # Most name their command outright, and each is looked at for each.
    named = [(frozenset(_commands_of(one.one.rule.when)), one) for one in redirects]
    leads: dict[str, list[_Redirect]] = {
        each.one.rule.id: [
            other
            for commands, other in named
            if (not commands or each.target in commands)
            and other.one.match.test({**anything, "command": each.target}, other.one.exempts)
            is True
        ]
        for each in redirects
    }
    findings = {rule.id: draft.findings for draft in drafts for rule in draft.rules}
    for each in redirects:
        circle = _circle(each, leads)
        if circle:
            rule = each.one.rule
            way = " → ".join(f"/{step.target}" for step in circle)
            message = f"`{rule.id}` leads in a circle: {way} would be redirected again"
            mend = "take the target out by `unless.command`, or redirect to another command"
            findings[rule.id].wrong("GOV237", message, (*rule.path, "rewrite", "command"), mend)


def _redirects(rules: RuleSet) -> Iterator[_Redirect]:
    for one in rules.compiled.values():
        if one.rule.on != "command" or one.rule.action != "rewrite" or one.shadow:
            continue
        for change in one.changes:
            text = change.template.source if change.template is not None else ""
            name = (text.split() or [""])[0]
            if change.fact == "command" and name and "{" not in name:
                yield _Redirect(one, name)


def _circle(start: _Redirect, leads: Mapping[str, list[_Redirect]]) -> list[_Redirect]:
    """The way from *start* back to itself, or nothing."""
    # Ways may be longer than the interpreter lets functions call themselves.
    way, seen = [(start, iter(leads[start.one.rule.id]))], {start.one.rule.id}
    while way:
        other = next(way[-1][1], None)
        if other is None:
            way.pop()
        elif other is start:
            return [at for at, _ in way]
        elif other.one.rule.id not in seen:
            seen.add(other.one.rule.id)
            way.append((other, iter(leads[other.one.rule.id])))
    return []
