"""`override` of a governed agent: it takes out no capability, for ours would go with the others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from governance.errors import MisuseError


def keep_governed(agent: Any, ours: type) -> None:
    """
    Have *agent* refuse an `override` by which its own capabilities are replaced.

    It does so only where one of them is of the class *ours*: one that is given to a run stays
    in it, whatever is overridden. A second time nothing is done.
    """
    own = agent.override
    if hasattr(own, "keeps_governed"):
        return

    @wraps(own)
    def override(*, spec: Any = None, **more: Any) -> Any:
        if _brings_capabilities(spec) and _is_governed(agent, ours):
            raise MisuseError(
                "`override(spec=…)` with capabilities takes governance out of the agent",
                code="GOV764",
                remedy="give the spec to `run`, which adds its capabilities to the agent's own",
            )
        return own(spec=spec, **more)

    override.keeps_governed = True  # type: ignore[attr-defined]
    agent.override = override


def _brings_capabilities(spec: Any) -> bool:
    if isinstance(spec, Mapping):
        return bool(spec.get("capabilities"))
    return bool(getattr(spec, "capabilities", None))


def _is_governed(agent: Any, ours: type) -> bool:
    found: list[object] = []
    agent.root_capability.apply(found.append)
    return any(isinstance(one, ours) for one in found)
