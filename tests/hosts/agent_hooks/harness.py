"""
The kit's own host with the engine in it: each scripted interceptor is ours, on a real engine.

Loop, emitter and assertions are the kit's; every verdict is made by `governance.hosts.agent_hooks`
of what the engine decided by the rules that stand for the vector's script.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from agent_hooks.ctk.reference import ReferenceHarness
from attrs import define, field

from governance.errors import StoreFull
from governance.hosts.agent_hooks import NAME, Governance
from governance.journal.memory import MemoryJournal
from governance.rules.host_tools import HostTools
from governance.testing import FailingJournal
from governance.testing.engines import HostSettings, law_of, memory_engine, settings_with
from tests.hosts.agent_hooks.scripting import NoSeat, Scripted, scripted, tools_of_vector


@define(eq=False)
class Ours:
    """
    An interceptor of ours in the place of a scripted one.

    Attributes:
        recorded: Where the kit looks for what the first interceptor was shown, or ``None``.

        asked: How often a host has asked.
    """

    script: Scripted
    tools: Mapping[str, Any]
    recorded: list[Any] | None
    asked: int = 0
    journal: FailingJournal = field(init=False)
    governance: Governance = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.journal = FailingJournal(MemoryJournal())
        # Most tools of the scenarios are none that rules know.
        settings = settings_with(hosts={NAME: HostSettings(unknown_tool="allow")})
        tools = (HostTools(NAME, self.tools),)
        law = law_of(self.script.pack, settings=settings, tools=tools)
        engine = memory_engine(law=law, journal=self.journal)
        self.governance = Governance(engine, tools=self.tools, reasons=self.script.reasons)

    def intercept(self, context: dict[str, Any]) -> dict[str, Any]:
        if self.recorded is not None:
            self.recorded.append(copy.deepcopy(context))
        for point, match in self.script.faults:
            if context["interception_point"] == point and _fits(context, match):
                self.journal.fail("append", StoreFull("the disk is full"))
        self.asked += 1
        return self.governance.intercept(context)

    def rows(self) -> int:
        """Rows that the engine has written, over all sessions."""
        return sum(head.seq for head in self.journal.sessions())


def _fits(context: Mapping[str, Any], match: Mapping[str, Any]) -> bool:
    def at(path: str) -> Any:
        value: Any = context
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return all(at(path) == value for path, value in match.items())


class GovernedHarness(ReferenceHarness):
    """
    The kit's host, whose interceptors are ours.

    Attributes:
        ours: Those that were made.
    """

    name = "session-governance"

    def __init__(self, vector: Mapping[str, Any]) -> None:
        super().__init__()
        self.ours: list[Ours] = []
        self._vector = vector
        missing = set(vector["capabilities"]) - {one.value for one in self.capabilities}
        if missing:
            raise NoSeat(f"a host that can do `{', '.join(sorted(missing))}`")
        for one in vector.get("interceptor_scripts") or [vector.get("interceptor_script") or []]:
            scripted(one, vector)

    def _put(self, given: Any) -> Ours:
        inner = getattr(given, "inner", given)
        recorded = given.recorded if inner is not given else None
        tools = tools_of_vector(self._vector["scenario"])
        made = Ours(scripted(inner.rules, self._vector), tools, recorded)
        self.ours.append(made)
        return made

    def setup(self, scenario: Any, interceptors: Any, *given: Any, **named: Any) -> None:
        super().setup(scenario, [self._put(one) for one in interceptors], *given, **named)

    def setup_declared(self, scenario: Any, document: Any, registry: Any) -> None:
        # The kit registers its interceptors as a kind; ours stand in their place.
        resolve = registry._kinds["ctk.scripted"]
        registry._kinds["ctk.scripted"] = lambda config, ctx: self._put(resolve(config, ctx))
        super().setup_declared(scenario, document, registry)
