"""
Roles: what an agent may use, write and hand on, as verdicts beside those of rules.

A child may do what it *and* all its parents may: each limit of each of them is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field

from governance._attrs import frozen
from governance.errors import Problem
from governance.rules.deferred import fact_of
from governance.rules.fact_table import Unknown, tool_class
from governance.rules.format import RoleDef
from governance.rules.globs import PatternError
from governance.rules.matchers import REAL_PATHS
from governance.rules.partial import HOLE, PARTLY
from governance.rules.paths import BarePathError, Places
from governance.rules.targets import ToolTest, tool_test
from governance.rules.template import one_line
from governance.rules.verdicts import History, RuleEvent, Verdict
from governance.rules.vocabulary import Place, Report, Vocabulary

READ_ONLY = ("read", "grep", "glob", "search", "todo")
"""What an undeclared role may use where `unknown_role` is ``read-only``."""

_LISTED_MAX = 12


@frozen(kw_only=True)
class Role:
    """
    One role, compiled.

    Attributes:
        definition: As checked, inheritance joined in.

        shadow: Its verdicts decide nothing.
    """

    definition: RoleDef
    shadow: bool
    tools: ToolTest
    first: ToolTest
    writes: Callable[[str], bool] | None

    def refusals(
        self, event: RuleEvent, history: History, agents: Mapping[str, str], *, own: bool
    ) -> tuple[list[Verdict], list[str]]:
        """
        The limits that *event* breaks, and those that could not be tried without history.

        Args:
            agents: Agent name of any host → its role.

            own: Whether this is the acting agent's role, or that of one of its parents.
        """
        facts = event.facts
        tool, native = str(facts.get("tool")), str(facts.get("native", ""))
        name = self.definition.name
        broken: list[tuple[str, str]] = []
        skipped: list[str] = []
        if event.beside:
            broken.extend(("writes", text) for text in self._writes(facts))
        elif not self.tools.holds(tool, native, str(facts.get("host", ""))):
            has = _listed(self.tools.names) or "no tool"
            broken.append(("tools", f"role `{name}` may not use `{tool}`; it has {has}"))
        else:
            broken.extend(("writes", text) for text in self._writes(facts))
            if tool_class(tool) == "delegate":
                broken.extend(("delegates_to", text) for text in self._delegates(facts, agents))
            if own and self.definition.first and not self.first.holds(tool, native):
                if not history.known:
                    skipped.append(f"role.{name}.first")
                elif not any(self.first.holds(done) for done in history.done_tools):
                    first = _listed(self.first.names, "or")
                    text = f"role `{name}` begins with {first}; do that first"
                    broken.append(("first", text))
        verdicts = [
            Verdict(rule=f"role.{name}.{limit}", action="deny", message=text)
            for limit, text in broken
        ]
        return verdicts, skipped

    def _writes(self, facts: Mapping[str, object]) -> list[str]:
        """One text for the first path that may not be written, in either form of it."""
        if self.writes is None:
            return []
        paths = fact_of(facts, "writes")
        links = facts.get(REAL_PATHS)
        real = links if isinstance(links, Mapping) else {}
        unknown = [paths] if isinstance(paths, Unknown) else []
        for path in paths if isinstance(paths, (list, tuple)) else unknown:
            hidden = path if isinstance(path, Unknown) else PARTLY if HOLE in str(path) else None
            if hidden is not None:
                name = self.definition.name
                return [f"role `{name}` may not write where it is not known: {hidden.reason}"]
            if not self.writes(str(path)) or not self.writes(str(real.get(path, path))):
                may = _listed(self.definition.writes or ()) or "nothing"
                shown = one_line(str(path))
                return [f"role `{self.definition.name}` may not write `{shown}`; it writes {may}"]
        return []

    def _delegates(self, facts: Mapping[str, object], agents: Mapping[str, str]) -> list[str]:
        agent = facts.get("agent")
        known = isinstance(agent, str)
        role = agents.get(agent, agent) if isinstance(agent, str) else None
        if known and role in self.definition.delegates_to:
            return []
        whom = f"`{one_line(str(agent))}`" if known else "an agent that is not named"
        may = _listed(self.definition.delegates_to) or "nobody"
        text = f"role `{self.definition.name}` may not give work to {whom}; it may to {may}"
        return [text]


@frozen(kw_only=True)
class Roles:
    """
    All roles of a rule set.

    Attributes:
        by_name: Empty when no pack declares a role: then roles limit nothing.

        agents: Agent name of any host → role.

        unknown: What an undeclared role may do: ``deny`` (nothing), ``read-only``, ``allow``.
    """

    by_name: Mapping[str, Role]
    agents: Mapping[str, str]
    unknown: str
    _read_only: ToolTest = field(factory=lambda: tool_test(READ_ONLY), init=False)

    def verdicts(
        self, event: RuleEvent, history: History
    ) -> tuple[list[Verdict], list[Verdict], list[str]]:
        """Verdicts in force, shadow verdicts, and limits skipped for want of history."""
        if not self.by_name:
            return [], [], []
        facts = event.facts
        name = facts.get("role")
        parents = facts.get("parent_roles")
        chain = [name] if isinstance(name, str) else []
        if isinstance(parents, (list, tuple)):
            chain += [one for one in parents if isinstance(one, str)]
        found: list[Verdict] = []
        shadows: list[Verdict] = []
        skipped: list[str] = []
        for index, one in enumerate(dict.fromkeys(chain)):
            role = self.by_name.get(one)
            if role is None:
                found.extend(() if event.beside else self._undeclared(one, event))
                continue
            own = index == 0 and one == name
            refused, untried = role.refusals(event, history, self.agents, own=own)
            (shadows if role.shadow else found).extend(refused)
            skipped.extend(untried)
        return found, shadows, skipped

    def _undeclared(self, name: str, event: RuleEvent) -> list[Verdict]:
        if self.unknown == "allow":
            return []
        tool = str(event.facts.get("tool"))
        shown = one_line(name)
        if self.unknown == "read-only":
            if self._read_only.holds(tool):
                return []
            text = f"role `{shown}` is not declared, so it may only read"
        else:
            text = f"role `{shown}` is not declared, so it may use no tool"
        return [Verdict(rule="role.undeclared", action="deny", message=text)]


def intersection(definitions: Sequence[RoleDef]) -> RoleDef:
    """
    The first role, narrowed to the tools and delegations that all of the others have too.

    For showing what a child may do. Names are compared as written and `writes` stays that
    of the first: what paths two globs share is decided path by path, when a call comes.
    """
    from attrs import evolve

    first, *others = definitions
    tools = [one for one in first.tools if all(one in other.tools for other in others)]
    to = [one for one in first.delegates_to if all(one in other.delegates_to for other in others)]
    return evolve(first, tools=tuple(tools), delegates_to=tuple(to))


def build_role(
    definition: RoleDef,
    *,
    shadow: bool,
    vocabulary: Vocabulary,
    places: Places,
    report: Report,
) -> Role | None:
    """The compiled role, or ``None`` after every problem was reported."""
    path: Place = ("role", definition.position)
    failed: list[Problem] = []

    def noted(problem: Problem) -> None:
        failed.append(problem)
        report(problem)

    tools = _expanded(definition.tools, (*path, "tools"), vocabulary, noted)
    first = _expanded(definition.first, (*path, "first"), vocabulary, noted)
    writes = None
    if definition.writes is not None:
        writes = _any_glob(definition.writes, (*path, "writes"), places, noted)
    if failed:
        return None
    return Role(definition=definition, shadow=shadow, tools=tools, first=first, writes=writes)


def _expanded(
    names: tuple[str, ...], path: Place, vocabulary: Vocabulary, report: Report
) -> ToolTest:
    return tool_test(vocabulary.expand_tools(names, path, report) if names else ())


def _any_glob(
    globs: Sequence[str], path: Place, places: Places, report: Report
) -> Callable[[str], bool]:
    good: list[str] = []
    for index, glob in enumerate(globs):
        try:
            places.glob(glob)
        except BarePathError as error:
            mend = f"write `**/{glob}` or `./{glob}`"
            report(Problem("GOV228", str(error), (*path, index), mend))
        except PatternError as error:
            report(Problem("GOV224", str(error), (*path, index)))
        else:
            good.append(glob)
    if not good:
        return lambda _: False
    test, fold = places.glob(*good), places.fold
    return lambda text: test(fold(text))


def _listed(names: Sequence[str], word: str = "and") -> str:
    shown = [f"`{name}`" for name in names[:_LISTED_MAX]]
    if len(names) > _LISTED_MAX:
        shown.append(f"{len(names) - _LISTED_MAX} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"
