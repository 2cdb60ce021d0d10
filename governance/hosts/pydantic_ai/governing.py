"""How a program has an agent of Pydantic AI governed."""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import evolve

from governance.engine import Engine, Session
from governance.hosts.pydantic_ai import NAME, framework
from governance.hosts.pydantic_ai.capabilities import TRAITS
from governance.hosts.pydantic_ai.hooks import Hooks
from governance.tools.naming import Named, tools_of
from governance.tools.turns import begun


def start(
    engine: Engine, session: str, *, role: str | None = None, approvals: bool = False
) -> Session:
    """
    Start *session*, or take it up again, as one of this host; used in ``with`` it ends once.

    It may have many runs: each is a turn.

    Args:
        approvals: The program takes ``DeferredToolRequests`` and asks a person. Without it
            a question is a denial, which names ``governance approve``.

    Raises:
        TurnRefused: GOV763, the session may not begin.
    """
    traits = evolve(TRAITS, asks=approvals)
    return begun(engine.start(session, role=role, host=NAME, traits=traits))


def capability(tools: Named | None = None) -> Any:
    """
    The capability by which an agent asks before each tool, for ``capabilities=[…]``.

    One may serve many agents, sessions and runs: whose a run is says
    ``governance.governing(session)`` around it, and without that it is refused. It takes the
    innermost place: what it decides is what the agent's other capabilities made of a call.
    An agent that a tool runs, and that has such a capability, is a sub-session.

    Args:
        tools: The program's tools and output functions → canonical tools, such as
            ``{"run": "shell"}``. Others get what ``unknown_tool`` says.

    Raises:
        MisuseError: GOV764, there is no Pydantic AI here that can be governed.
    """
    framework.pydantic_ai()
    return _capability_class()(tools_of(NAME, tools or {}))


@cache
def _capability_class() -> type[Any]:
    base: Any = framework.pydantic_ai().capability_class

    class Governance(Hooks, base):  # type: ignore[misc]
        """The capability that `capability` makes."""

    return Governance
