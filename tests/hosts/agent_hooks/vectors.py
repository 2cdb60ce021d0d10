"""
Every vector of the kit, run by a Python that has it: ``python -m tests.hosts.agent_hooks.vectors``.

Prints one JSON object: id of the vector → its part, the seat that is missing for it (``""``: none
is), and what went wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from agent_hooks.ctk import load_vectors, run_vector

from tests.hosts.agent_hooks.harness import GovernedHarness
from tests.hosts.agent_hooks.scripting import NoSeat

UNASKED = {
    "declaration/refusal": "a host that refuses its own configuration, and asks nobody",
    "": "a host that decides by itself, and asks nobody",
}
"""Part of the kit → the seat of those of its vectors in which no interceptor is asked."""


def outcome(vector: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The seat that is missing, and what went wrong where none is."""
    try:
        harness = GovernedHarness(vector)
        result = asyncio.run(run_vector(harness, dict(vector)))
    except NoSeat as seat:
        return str(seat), []
    if result.status != "pass":
        return "", [result.detail, *result.failures]
    if not any(one.asked for one in harness.ours):
        return UNASKED.get(vector.get("part", ""), UNASKED[""]), []
    if not any(one.rows() for one in harness.ours):
        return "", ["the engine has written nothing"]
    return "", []


def main() -> None:
    """Run them all."""
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
