"""
The intent of a call: what it is about, alike for every spelling and every tool.

Violations are counted by it, so that trying once more in other words is the same try.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.calls import ToolCall
from governance.rules.domains import hosts_of
from governance.rules.fact_table import tool_class
from governance.rules.matchers import REAL_PATHS
from governance.values import Json

INTENT_CHARACTERS_MAX = 160


def intent_of(call: ToolCall, facts: Mapping[str, object]) -> str:
    """
    A short text, equal for equal targets; a long one ends in a digest of the rest.

    ``write``, ``edit`` and ``delete`` of one file are one intent, and so are two paths of
    which links make one file. Those of command lines are in `governance.rules.shell_intents`.
    """
    kind = tool_class(call.tool)
    if kind in ("write", "edit", "delete"):
        return bounded("change " + _paths(facts))
    if kind == "read":
        return bounded("read " + _paths(facts))
    if kind in ("grep", "glob"):
        return bounded(f"{kind} {facts.get('pattern') or '*'} in {_paths(facts)}")
    if kind == "fetch":
        return bounded("fetch " + " ".join(targets(facts.get("url"))))
    if kind == "search":
        return bounded("search " + " ".join(str(facts.get("query", "")).casefold().split()))
    if kind == "delegate":
        return bounded(f"delegate {facts.get('agent', '')}")
    if kind == "todo":
        return "todo"
    return bounded(f"{call.tool if kind == 'mcp' else call.native or call.tool} {_digest(call)}")


def _paths(facts: Mapping[str, object]) -> str:
    value = facts.get("path")
    links = facts.get(REAL_PATHS)
    paths = value if isinstance(value, list) else [value]
    real = links if isinstance(links, Mapping) else {}
    return " ".join(sorted(str(real.get(one, one)) for one in paths if isinstance(one, str)))


def targets(value: object) -> list[str]:
    """The addresses of a call, hosts in one spelling, in order."""
    found: list[str] = []
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str):
            continue
        # The host in one spelling, the rest as it is: paths of addresses tell cases apart.
        hosts = "|".join(str(host) for host in hosts_of(one) if isinstance(host, str))
        _, _, rest = one.partition("://")
        _, slash, path = rest.partition("/")
        found.append((hosts + slash + path.split("#", 1)[0]).rstrip("/") if hosts else one)
    return sorted(found)


def _digest(call: ToolCall) -> str:
    from hashlib import sha256

    from governance.values import ValueRefused, dump_json

    arguments: Mapping[str, Json] = call.args or call.own
    try:
        encoded = dump_json(dict(arguments))
    except ValueRefused:
        encoded = repr(sorted(arguments)).encode("utf-8", "replace")
    return sha256(encoded).hexdigest()[:12]


def bounded(text: str) -> str:
    """*text*, or its beginning and a digest of the whole."""
    if len(text) <= INTENT_CHARACTERS_MAX:
        return text
    from hashlib import sha256

    digest = sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{text[: INTENT_CHARACTERS_MAX - 13]}#{digest}"
