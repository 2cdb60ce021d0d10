"""
Every vector of the kit, run by a Python that has it: ``python -m tests.hosts.agent_hooks.vectors``.

With ``lenient`` behind it, no interceptor of ours denies, which the kit has to find.

Prints one JSON object: id of the vector → its part, the seat that is missing for it (``""``: none
is), and what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

from agent_hooks.ctk import load_vectors, run_vector

from governance.hosts.agent_hooks import Governance
from tests.hosts.agent_hooks import harness
from tests.hosts.agent_hooks.scripting import NoSeat

UNASKED = {
    "declaration/refusal": "a host that refuses its own configuration, and asks nobody",
    "": "a host that decides by itself, and asks nobody",
}
"""Part of the kit → the seat of those of its vectors in which no interceptor is asked."""


def outcome(vector: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The seat that is missing, and what went wrong where none is."""
    try:
        host = harness.GovernedHarness(vector)
        result = asyncio.run(run_vector(host, dict(vector)))
    except NoSeat as seat:
        return str(seat), []
    if result.status != "pass":
        return "", [result.detail, *result.failures]
    if not any(one.asked for one in host.ours):
        return UNASKED.get(vector.get("part", ""), UNASKED[""]), []
    if not any(one.rows() for one in host.ours):
        return "", ["the engine has written nothing"]
    return "", []


class Lenient(Governance):
    """An adapter that breaks what matters most."""

    def intercept(self, context: Mapping[str, Any]) -> dict[str, Any]:
        made = super().intercept(context)
        return {"decision": "allow"} if made["decision"] == "deny" else made


def main() -> None:
    """Run them all."""
    if sys.argv[1:] == ["lenient"]:
        harness.Governance = Lenient  # type: ignore[misc]
    told = {}
    for vector in load_vectors():
        seat, failures = outcome(vector)
        told[vector["id"]] = {
            "part": vector.get("part", "core"),
            "seat": seat,
            "failures": failures,
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
