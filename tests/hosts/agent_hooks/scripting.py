"""
The script of a vector as rules: what an interceptor is to say, the engine has to decide.

Where a script wants what no rule can say, the vector tells of a seat that the engine does not
have: `NoSeat` names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from governance.rules.host_tools import ToolMap

HEAD = """
format = 1
[pack]
name = "ctk"
version = "1.0.0"
summary = "The script of a vector."
"""
PLACES = {
    "agent_startup": "session",
    "input": "prompt",
    "pre_tool_call": "tool",
    "post_tool_call": "tool-result",
}
"""Interception point → what a rule is on."""

ACTIONS = {"deny": "deny", "transform": "rewrite", "allow": "warn"}
FETCH = "url"
"""The argument by which a tool is taken for one that fetches; rules can rewrite it."""

TYPES = {str: "str", int: "int", bool: "bool", float: "float"}


class NoSeat(Exception):
    """The vector is about something that the engine has no seat for."""


@define
class Scripted:
    """
    What stands for one scripted interceptor.

    Attributes:
        pack: Its rules.

        reasons: Rule → the reason that the script gives.

        faults: Conditions under which it is to fail: a point, and values by path.
    """

    pack: str = HEAD
    reasons: dict[str, str] = field(factory=dict)
    faults: list[tuple[str, Mapping[str, Any]]] = field(factory=list)


def scripted(script: Sequence[Mapping[str, Any]], vector: Mapping[str, Any]) -> Scripted:
    """
    The rules that say what *script* of *vector* says.

    Raises:
        NoSeat: There are none.
    """
    made = Scripted()
    for number, one in enumerate(script, 1):
        match = one.get("match", {})
        if "fault" in one:
            if one["fault"] != "raise":
                raise NoSeat("a verdict that its maker has spoilt")
            made.faults.append((one["at"], match))
        else:
            _rule(made, f"ctk.rule-{number}", one, match, vector)
    return made


def _rule(
    made: Scripted,
    rule: str,
    one: Mapping[str, Any],
    match: Mapping[str, Any],
    vector: Mapping[str, Any],
) -> None:
    given = one["return"]
    _check(given, json.dumps(vector["expect"]))
    warnings = given.get("warnings", [])
    if given["decision"] == "allow" and not warnings:
        # What no rule minds is allowed; further rules of a script only come after.
        return
    if one["at"] not in PLACES:
        raise NoSeat(f"a rule on `{one['at']}`")
    told = warnings[0] if given["decision"] == "allow" else given
    action = "ask" if "approval" in given else ACTIONS[given["decision"]]
    when, matches, matches_not = _facts(one["at"], match, vector["scenario"])
    lines = [
        "[[rule]]",
        f'id = "{rule}"',
        f'on = "{PLACES[one["at"]]}"',
        *(f"when.{name} = {_toml(value)}" for name, value in when.items()),
        f'action = "{action}"',
        f"must_match = [{_inline(matches)}]",
        f"must_not_match = [{_inline(matches_not)}]",
    ]
    if PLACES[one["at"]].startswith("tool"):
        lines.insert(3, f'tools = ["{matches["tool"]}"]')
    message = told.get("message") or told.get("reason")
    if message:
        lines.append(f"message = {_toml(message)}")
    if told.get("reason"):
        made.reasons[rule] = told["reason"]
    if action == "rewrite":
        if one["at"] != "pre_tool_call":
            raise NoSeat(f"a rewrite at `{one['at']}`")
        lines.append(_rewrite(given["transform"]))
    made.pack += "\n".join(lines) + "\n"


def _check(given: Mapping[str, Any], expected: str) -> None:
    if "result_labels" in given:
        raise NoSeat("labels that go along with results")
    if "evidence" in given:
        raise NoSeat("evidence beside a verdict")
    if given["decision"] == "allow" and str(given.get("reason", "?")) in expected:
        raise NoSeat("a reason for what is allowed")


def _rewrite(transform: Mapping[str, Any]) -> str:
    root, _, rest = transform["path"].partition(".")
    if root != "$target":
        raise NoSeat("another name for `$target`, which the adapter never says")
    if "." in rest or "[" in rest:
        raise NoSeat("a rewrite of what is not there")
    if rest != FETCH:
        raise NoSeat("a rewrite of an argument that means nothing to rules")
    return f"rewrite.{rest} = {_toml(transform['value'])}"


def _facts(
    point: str, match: Mapping[str, Any], scenario: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The conditions of a rule, and an example for and against it."""
    if point == "agent_startup":
        return {"backend": "agent-hooks"}, {"backend": "agent-hooks"}, {"backend": "other"}
    if point == "input":
        said = scenario["input"]["content"]
        return {"prompt": said}, {"prompt": said}, {"prompt": "something else"}
    # A script without conditions is about the one call that its scenario has.
    when: dict[str, Any] = {}
    call = next(tool for step in scenario["model_script"] for tool in step["respond"]["tool_calls"])
    example: dict[str, Any] = {"tool": _canonical(call["args"]), "native": call["name"]}
    if FETCH in call["args"]:
        example[FETCH] = call["args"][FETCH]
    for path, value in (match or {"tool_call.name": call["name"]}).items():
        if path == "tool_call.name":
            when["native"] = value
        elif path == f"tool_call.args.{FETCH}":
            when[FETCH] = example[FETCH] = value
        elif path == "tool_result.value":
            when["output"] = value
        else:
            raise NoSeat(f"a condition on `{path}`")
    against = {**example, "native": "another"}
    if FETCH in when:
        against[FETCH] = "https://another.example"
    if point == "post_tool_call":
        example, against = {**example, "output": when["output"]}, {**against, "output": "x"}
    return when, example, against


def tools_of_vector(scenario: Mapping[str, Any]) -> Mapping[str, ToolMap]:
    """The tools of a scenario, with the arguments that they are called with."""
    made: dict[str, dict[str, str]] = {one["name"]: {} for one in scenario.get("tools", ())}
    for step in scenario.get("model_script", ()):
        for call in step["respond"]["tool_calls"]:
            arguments = made.setdefault(call["name"], {})
            arguments |= {key: TYPES.get(type(one), "str") for key, one in call["args"].items()}
    return {
        name: ToolMap(
            _canonical(arguments), {FETCH: FETCH} if FETCH in arguments else {}, arguments
        )
        for name, arguments in made.items()
    }


def _canonical(arguments: Mapping[str, Any]) -> str:
    return "fetch" if FETCH in arguments else "other"


def _toml(value: Any) -> str:
    return json.dumps(value)


def _inline(values: Mapping[str, Any]) -> str:
    def one(value: Any) -> str:
        return _inline(value) if isinstance(value, Mapping) else _toml(value)

    return "{" + ", ".join(f"{name} = {one(value)}" for name, value in values.items()) + "}"
