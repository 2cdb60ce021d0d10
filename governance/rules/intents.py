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
    which links make one file; two commands are one when only their spaces differ.
    """
    kind = tool_class(call.tool)
    if kind in ("write", "edit", "delete"):
        return _bounded("change " + _paths(facts))
    if kind == "read":
        return _bounded("read " + _paths(facts))
    if kind in ("grep", "glob"):
        return _bounded(f"{kind} {facts.get('pattern') or '*'} in {_paths(facts)}")
    if kind == "shell":
        return _bounded("shell " + " ".join(str(facts.get("command", "")).split()))
    if kind == "fetch":
        return _bounded("fetch " + " ".join(_targets(facts.get("url"))))
    if kind == "search":
        return _bounded("search " + " ".join(str(facts.get("query", "")).casefold().split()))
    if kind == "delegate":
        return _bounded(f"delegate {facts.get('agent', '')}")
    if kind == "todo":
        return "todo"
    return _bounded(f"{call.tool if kind == 'mcp' else call.native or call.tool} {_digest(call)}")


def _paths(facts: Mapping[str, object]) -> str:
    value = facts.get("path")
    links = facts.get(REAL_PATHS)
    paths = value if isinstance(value, list) else [value]
    real = links if isinstance(links, Mapping) else {}
    return " ".join(sorted(str(real.get(one, one)) for one in paths if isinstance(one, str)))


def _targets(value: object) -> list[str]:
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


def _bounded(text: str) -> str:
    if len(text) <= INTENT_CHARACTERS_MAX:
        return text
    from hashlib import sha256

    digest = sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{text[: INTENT_CHARACTERS_MAX - 13]}#{digest}"
