"""
Deciding: every rule that applies is evaluated, and the strictest action wins.

The hot loop is `RuleSet._judge`: rules come from a dictionary by event and tool, an index
says which of them may match, each is one compiled match, and only what matched is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.calls import ToolCall
from governance.errors import Diagnostic
from governance.rules.blocks import CompiledBlock
from governance.rules.composing import compose
from governance.rules.deferred import fact_of
from governance.rules.fact_table import TOOL_EVENTS, Unknown
from governance.rules.facts import one_by_one
from governance.rules.format import Defaults, Escalation, Rule
from governance.rules.globs import PatternError
from governance.rules.index import Index
from governance.rules.kleene import Truth, all_of, any_of
from governance.rules.matching import Exemption, Match
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.rewriting import UNCHANGED, CompiledChange, can_rewrite
from governance.rules.roles import Roles
from governance.rules.targets import ToolTest, tool_test
from governance.rules.template import Template, one_line
from governance.rules.verdicts import (
    STRICTNESS,
    Decision,
    History,
    RuleEvent,
    Verdict,
    rank,
)
from governance.session.replies import Action

if TYPE_CHECKING:
    from governance.rules.demands import Demands
    from governance.rules.watching import Watch
from governance.values import Json

MEMO_MAX = 4_096
"""Tool names whose candidates are remembered; beyond it the memory starts anew."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _refuses_nothing(_call: ToolCall) -> bool:
    return False


DEFAULT_TOOL = "default.tool"
NO_HISTORY = History()
NOTHING_SAID = compose((), ())
_NOT_TRUSTED = (
    "the pack would change this and is not trusted, so a person is asked: "
    "read it, then run `governance trust`"
)


@frozen(kw_only=True, eq=False)
class CompiledRule:
    """
    One rule, ready to be tried.

    Attributes:
        rule: As checked.

        shadow: The rule, its pack or the engine says so: it decides nothing.

        tools: The tools that it is about; ``None``: all.

        demands: What it demands of the past; ``None``: nothing, so that it fires wherever
            it matches.
    """

    rule: Rule
    shadow: bool
    tools: ToolTest | None
    match: Match
    exempts: tuple[Exemption, ...]
    message: Template | None
    changes: tuple[CompiledChange, ...]
    remedy: str
    demands: Demands | None = None

    def applies(self, tool: str, native: str, host: str) -> bool:
        """Whether it is about calls of this tool."""
        return self.tools is None or self.tools.holds(tool, native, host)

    def ready(self) -> CompiledRule:
        """Itself, as `WaitingRule.ready`."""
        return self

    @property
    def facts(self) -> tuple[str, ...]:
        """Every fact that it looks at or speaks of."""
        conditions = [one.when.facts for one in self.exempts if one.when is not None]
        spoken = self.message.names if self.message else ()
        changed = [one.fact for one in self.changes]
        changed += [name for one in self.changes if one.template for name in one.template.names]
        names = [*self.match.facts, *spoken, *changed]
        return tuple(dict.fromkeys([*names, *(name for part in conditions for name in part)]))

    def verdict(
        self, event: RuleEvent, history: History = NO_HISTORY, watch: Watch | None = None
    ) -> Verdict | None:
        """
        What the rule says of *event*; ``None``: it does not fire, or changes nothing.

        Args:
            watch: What its demands look back by; given where there are any.
        """
        try:
            truth = self.match.test(event.facts, self.exempts)
            if truth is False:
                return None
            if self.demands is not None:
                broken = self.demands.broken(event.facts, history, watch)
                truth = all_of((truth, broken))
                if truth is False:
                    return None
            return self._matched(event) if truth is True else self._undecided(truth)
        except Exception as error:  # noqa: BLE001 — whatever fails in a rule must deny
            reason = f"this rule could not be evaluated: {type(error).__name__}: {error}"
            return Verdict(
                rule=self.rule.id, action="deny", severity=self.rule.severity, reason=reason[:500]
            )

    def _matched(self, event: RuleEvent) -> Verdict | None:
        rule, facts = self.rule, event.facts
        made = Verdict(
            rule=rule.id,
            action=rule.action,
            severity=rule.severity,
            message=self.message.render(facts) if self.message else "",
            labels=rule.labels,
            ask=rule.ask if rule.action == "ask" else None,
            halt_scope=rule.halt_scope,
            override=rule.override,
            remedy=self.remedy,
        )
        return self._rewriting(made, event) if rule.action == "rewrite" else made

    def _rewriting(self, made: Verdict, event: RuleEvent) -> Verdict | None:
        """*made* with the new values, or a question for want of trust; a deny where none can be."""
        values: dict[str, Json] = {}
        for change in self.changes:
            result = change.result(event.facts)
            if result is UNCHANGED:
                continue
            reason = ""
            if isinstance(result, Unknown):
                reason = f"`{change.fact}` cannot be changed: {result.reason}"
            elif (
                # Of a result the output is rewritten, and no argument.
                event.on == "tool"
                and event.call is not None
                and not can_rewrite(event.call, change.fact)
            ):
                reason = f"`{change.fact}` of this tool cannot be changed by a rule"
            elif event.call is not None and _is_list(event.call.own.get(change.fact)):
                reason = f"`{change.fact}` names several things"
            if reason:
                return evolve(made, action="deny", reason=reason, labels=())
            values[change.fact] = result  # type: ignore[assignment]
        if not values:
            return None
        if self.rule.asks_instead:
            return evolve(made, action="ask", reason=_NOT_TRUSTED, ask=self.rule.ask)
        return evolve(made, rewrite=values)

    def _undecided(self, unknown: Truth) -> Verdict | None:
        assert isinstance(unknown, Unknown)  # INVARIANT: neither true nor false
        rule = self.rule
        # An allow that may not fire lifts nothing, and asks for nothing either.
        if rule.unknown == "ignore" or rule.action == "allow":
            return None
        # What may be a denial is never let off with less than the rule asks for itself.
        action: Action = rule.unknown
        reason = f"whether this rule applies cannot be known: {unknown.reason}"
        return Verdict(
            rule=rule.id,
            action=action,
            severity=rule.severity,
            reason=one_line(reason),
            ask=rule.ask if action == "ask" else None,
            remedy=self.remedy,
            unknown=True,
        )


@define(eq=False)
class WaitingRule:
    """
    A rule that was proven before, compiled when it is first a candidate; else as `CompiledRule`.

    Two threads may both compile it: what comes of it is alike, and either may stay.
    """

    rule: Rule
    tools: ToolTest | None
    _build: Callable[[], CompiledRule]
    _built: CompiledRule | None = None

    def applies(self, tool: str, native: str, host: str) -> bool:
        """Whether it is about calls of this tool."""
        return self.tools is None or self.tools.holds(tool, native, host)

    def ready(self) -> CompiledRule:
        """The compiled rule; one that cannot be compiled after all denies."""
        if self._built is None:
            self._built = self._build()
        return self._built


class RulesByNeed(Mapping[str, CompiledRule]):
    """Compiled rules by id, each compiled when it is first asked for."""

    def __init__(self, rules: Mapping[str, CompiledRule | WaitingRule]) -> None:
        self._rules = rules

    def __getitem__(self, name: str) -> CompiledRule:
        return self._rules[name].ready()

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


@frozen(kw_only=True, eq=False)
class RuleSet:
    """
    All rules of a project, compiled; immutable, and safe to share between threads.

    Attributes:
        rules: Every rule by id.

        hash: sha256 over packs, exemptions and settings: equal for equal policies,
            whatever the order of files.

        warnings: What is not wrong, but perhaps not meant.

        places: Where the paths of its globs, and of what it proposes, start.
    """

    rules: Mapping[str, Rule]
    compiled: Mapping[str, CompiledRule]
    roles: Roles
    defaults: Defaults
    contexts: tuple[CompiledBlock, ...]
    escalations: tuple[Escalation, ...]
    toolsets: Mapping[str, tuple[str, ...]]
    hash: str
    warnings: tuple[Diagnostic, ...] = ()
    places: Places = PLAIN_PLACES
    by_event: Mapping[str, tuple[CompiledRule | WaitingRule, ...]] = field(repr=False)
    _index_of: dict[tuple[str, str, str, str], Index[CompiledRule]] = field(
        factory=dict, init=False, repr=False
    )
    _indexes: dict[tuple[CompiledRule, ...], Index[CompiledRule]] = field(
        factory=dict, init=False, repr=False
    )
    _watches: list[Watch | None] = field(factory=list, init=False, repr=False)
    _lists: dict[tuple[str, ...], Callable[[str, str, str], bool]] = field(
        factory=dict, init=False, repr=False
    )

    def has(self, on: str) -> bool:
        """Whether any rule looks at events of this kind."""
        return bool(self.by_event.get(on))

    @property
    def watch(self) -> Watch | None:
        """What the rules look back at, built when it is first asked for; ``None``: nothing."""
        if not self._watches:
            looking = [name for name, rule in self.rules.items() if rule.looks_back]
            self._watches.append(self._watch_of(looking) if looking else None)
        return self._watches[0]

    def _watch_of(self, looking: Iterable[str]) -> Watch:
        from governance.rules.watching import watch_of

        made = [self.compiled[name].demands for name in looking]
        return watch_of(one for one in made if one is not None)

    def role_of_agent(self, agent: str) -> str | None:
        """The role that a pack gives to the host's agent name *agent*."""
        return self.roles.agents.get(agent)

    def tool_is_in(
        self, tool: str, names: Iterable[str], *, native: str = "", host: str = ""
    ) -> bool:
        """
        Whether *tool* is among *names* (``@sets`` and globs too); no names mean every tool.

        A list that cannot be read holds every tool, for only what forbids is listed so.
        """
        key = tuple(names)
        if not key:
            return True
        test = self._lists.get(key)
        if test is None:
            try:
                test = tool_test(_members(key, self.toolsets, 0)).holds
            except PatternError:
                return True
            _bound(self._lists)
            self._lists[key] = test
        return test(tool, native, host)

    def candidates(self, event: RuleEvent) -> tuple[CompiledRule, ...]:
        """The rules that are about *event*, before any matcher is tried."""
        return self._index(event).rules

    def _index(self, event: RuleEvent) -> Index[CompiledRule]:
        key = _key(event)
        found = self._index_of.get(key)
        if found is None:
            rules = tuple(
                one.ready()
                for one in self.by_event.get(key[0], ())
                if key[0] not in TOOL_EVENTS or one.applies(*key[1:])
            )
            # Tools that the same rules are about share one index.
            _bound(self._indexes)
            found = self._indexes.setdefault(rules, Index(rules))
            _bound(self._index_of)
            self._index_of[key] = found
        return found

    def fires(self, rule: Rule, event: RuleEvent, history: History = NO_HISTORY) -> Truth:
        """
        Whether *rule* alone fires on *event*, exemptions and modes aside.

        Raises:
            KeyError: No such rule.
        """
        one = self.compiled[rule.id]
        if one.rule.on != event.on:
            return False
        return any_of(
            one in self.candidates(single) and _changing(one, single, history, self.watch)
            for single in one_by_one(event)
        )

    def matching(self, event: RuleEvent, history: History = NO_HISTORY) -> tuple[CompiledRule, ...]:
        """The rules that certainly fire on *event*, of one path; each looked at as by `fires`."""
        tried = self._index(event).to_try(event.facts)
        watch = self.watch
        return tuple(one for one in tried if _changing(one, event, history, watch) is True)

    def why(self, rule: Rule, event: RuleEvent, history: History = NO_HISTORY) -> str:
        """
        Which matcher of *rule* decided on *event*, and on which value.

        Raises:
            KeyError: No such rule.
        """
        from governance.rules.explain import trace_rule

        return str(trace_rule(self, self.compiled[rule.id], event, history))

    def decide(
        self,
        event: RuleEvent,
        history: History = NO_HISTORY,
        *,
        refuses: Callable[[ToolCall], bool] = _refuses_nothing,
    ) -> Decision:
        """
        What all rules, roles and defaults say of *event*.

        Args:
            refuses: Whether something besides the rules denies a call; then it is not
                proposed as a remedy either.

        A call of several paths is decided once a path, and each rule is counted once. The
        order of rules, packs and facts makes no difference. Nothing is changed, and no
        error of a rule comes out: it denies.
        """
        verdicts, shadows, skipped = self._said(event, history)
        if not (verdicts or shadows or skipped):
            return NOTHING_SAID
        if any(one.remedy for one in verdicts.values()):
            verdicts = {
                name: self._offering(one, event, history, refuses) if one.remedy else one
                for name, one in verdicts.items()
            }
        intent = fact_of(event.facts, "intent") if verdicts or shadows else ""
        return compose(
            list(verdicts.values()),
            list(shadows.values()),
            skipped=skipped,
            intent=intent if isinstance(intent, str) else "",
        )

    def _offering(
        self,
        verdict: Verdict,
        event: RuleEvent,
        history: History,
        refuses: Callable[[ToolCall], bool],
    ) -> Verdict:
        """*verdict* with its remedy in words, or without it where it would be refused as well."""
        from governance.rules.offering import offer_of  # most calls are refused nothing

        remedy = self.rules[verdict.rule].remedy
        offer = None if remedy is None else offer_of(remedy, event, self.places)
        if offer is None:
            return evolve(verdict, remedy="")
        said, _, _ = self._said(offer.event, history)
        refused = any(STRICTNESS[one.action] >= STRICTNESS["deny"] for one in said.values())
        if not refused and offer.event.call is not None:
            refused = refuses(offer.event.call)
        return evolve(verdict, remedy="" if refused else offer.text)

    def _said(
        self, event: RuleEvent, history: History
    ) -> tuple[dict[str, Verdict], dict[str, Verdict], list[str]]:
        """Verdicts in force and in shadow by rule, and what was skipped for want of a past."""
        events = one_by_one(event)
        verdicts: dict[str, Verdict] = {}
        shadows: dict[str, Verdict] = {}
        skipped: list[str] = []
        for single in events:
            enforced, shadowed, untried = self._judge(single, history)
            if enforced or shadowed or untried:
                _keep_strictest(verdicts, enforced)
                _keep_strictest(shadows, shadowed)
                skipped.extend(untried)
        return verdicts, shadows, skipped

    def _judge(
        self, event: RuleEvent, history: History
    ) -> tuple[list[Verdict], list[Verdict], list[str]]:
        """Verdicts in force, shadow verdicts and skipped rules for one path's event."""
        enforced: list[Verdict] = []
        shadowed: list[Verdict] = []
        skipped: list[str] = []
        watch = self.watch
        for one in self._index(event).to_try(event.facts):
            if one.demands is not None and not history.known and one.demands.needs_history:
                if one.match.test(event.facts, one.exempts) is not False:
                    skipped.append(one.rule.id)
                continue
            verdict = one.verdict(event, history, watch)
            if verdict is not None:
                (shadowed if one.shadow else enforced).append(verdict)
        if event.on != "tool":
            return enforced, shadowed, skipped
        refused, refused_shadow, untried = self.roles.verdicts(event, history)
        skipped.extend(untried)
        lifted = any(one.action == "allow" for one in enforced)
        shadow = self.defaults.mode == "shadow"
        (shadowed if shadow else enforced).extend(refused)
        shadowed.extend(refused_shadow)
        if self.defaults.tool != "allow" and not lifted and not event.beside:
            text = f"no rule allows `{one_line(str(event.facts.get('tool')))}` here"
            default = Verdict(rule=DEFAULT_TOOL, action=self.defaults.tool, message=text)
            (shadowed if shadow else enforced).append(default)
        return enforced, shadowed, skipped


def _key(event: RuleEvent) -> tuple[str, str, str, str]:
    """What decides which rules are about *event*."""
    if event.on not in TOOL_EVENTS:
        return event.on, "", "", ""
    facts = event.facts
    tool, native, host = facts.get("tool"), facts.get("native"), facts.get("host")
    named = native if isinstance(native, str) else ""
    return event.on, str(tool), named, host if isinstance(host, str) else ""


def _changing(one: CompiledRule, event: RuleEvent, history: History, watch: Watch | None) -> Truth:
    """Whether the rule fires and, if it rewrites, has something to rewrite."""
    truth = one.match.test(event.facts)
    if one.demands is not None and truth is not False:
        truth = all_of((truth, one.demands.broken(event.facts, history, watch)))
    if truth is not True or one.rule.action != "rewrite":
        return truth
    return any(change.result(event.facts) is not UNCHANGED for change in one.changes)


def _is_list(value: Json) -> bool:
    return isinstance(value, (list, tuple))


def _keep_strictest(into: dict[str, Verdict], verdicts: Iterable[Verdict]) -> None:
    for verdict in verdicts:
        known = into.get(verdict.rule)
        if known is not None and verdict.rewrite is not None and verdict.rewrite != known.rewrite:
            reason = "the change would be another for each of the things that the call names"
            into[verdict.rule] = evolve(verdict, action="deny", reason=reason, rewrite=None)
        elif known is None or rank(verdict) < rank(known):
            into[verdict.rule] = verdict


def _members(
    names: Iterable[str], sets: Mapping[str, tuple[str, ...]], depth: int
) -> Iterable[str]:
    for name in names:
        # The loader has refused sets that hold themselves; the bound is for foreign input.
        if name.startswith("@") and depth < 16:
            yield from _members(sets.get(name[1:], ()), sets, depth + 1)
        else:
            yield name


def _bound(memo: dict[_Key, _Value]) -> None:
    if len(memo) >= MEMO_MAX:
        memo.clear()
