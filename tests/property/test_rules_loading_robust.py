"""Whatever a pack holds, loading gives rules or diagnostics, and never anything else."""

from __future__ import annotations

import copy
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import tomli_w
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.rules.loader import read_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.verdicts import History, RuleEvent
from governance.rules.vocabulary import default_vocabulary
from tests.profiles import examples

EVERYTHING = Path(__file__).parents[1] / "quality" / "packs" / "everything.toml"
PACK = tomllib.loads(EVERYTHING.read_text("utf-8"))
PACK["rule"].append(
    {
        "id": "test.let-be",
        "tools": ["read"],
        "when": {"path": {"glob": "/a/**"}},
        "unless": {"role": "builder"},
        "action": "allow",
        "labels": ["let-be"],
        "must_match": [{"tool": "read", "path": "/a/b"}],
    }
)
VOCABULARY = default_vocabulary()
SETTINGS = LoadSettings(
    fields={"language": "en"}, time_zone="UTC", trusted=lambda _: True, today=date(2026, 1, 1)
)

WORDS = st.sampled_from(
    ["", "x", "tool", "read", "@writes", "@changes", "mcp:a:*", "native:python:read", "**/.env",
     "{", "{path}", "deny", "(", "10m", "var", "exists", "not", "every", "\u202e", "é", "\x7f",
     "**", "a/../.."]
)  # fmt: skip
SCALARS = st.one_of(
    WORDS,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.just(date(2030, 1, 1)),
    st.just(datetime(2030, 1, 1)),
    st.just(time(1)),
)
KEYS = st.sampled_from(
    ["when", "unless", "any", "tools", "rewrite", "var", "not", "every", "in", "regex", "glob",
     "path", "usage", "fields", "args", "tool", "length", "between", "redact", "default", "x"]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=5,
)


def paths_of(node: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every node below *node*."""
    steps: Any = ()
    if isinstance(node, dict):
        steps = node.items()
    elif isinstance(node, list):
        steps = enumerate(node)
    found = []
    for key, one in steps:
        found += [(*place, key), *paths_of(one, (*place, key))]
    return found


PATHS = paths_of(PACK)


ALLOWING = {index for index, one in enumerate(PACK["rule"]) if one["action"] == "allow"}
LOOSE = [
    place
    for place in PATHS
    if place[0] in ("context", "exempt", "role")
    or (place[0] == "rule" and len(place) > 1 and place[1] in ALLOWING)
]
"""What stands in tables that are left out of a pack that nobody trusts."""

CHANGES = {
    "place": st.sampled_from(PATHS),
    "value": VALUES,
    "action": st.sampled_from(["put", "drop", "add"]),
}


def changed(place: tuple[str | int, ...], value: object, action: str) -> str:
    """The pack with one node replaced, removed or added."""
    made = copy.deepcopy(PACK)
    node: Any = made
    for step in place[:-1]:
        node = node[step]
    if action == "drop":
        del node[place[-1]]
    elif action == "put":
        node[place[-1]] = value
    elif isinstance(node, list):
        node.insert(0, value)
    else:
        node["any"] = value
    return tomli_w.dumps(made)


@settings(max_examples=examples(400), deadline=None)
@given(**CHANGES)
def test_any_change_of_a_pack_gives_rules_or_reasons(
    place: tuple[str | int, ...], value: object, action: str
) -> None:
    """One node replaced, removed or added: no exception, and no rules with an error."""
    text = changed(place, value, action)

    loaded = read_rules([PackSource("", text, "p.toml", "user")], VOCABULARY, settings=SETTINGS)

    assert (loaded.rules is None) == bool(loaded.errors)
    lines = text.count("\n") + 1
    for one in loaded.diagnostics:
        assert one.code.startswith("GOV")
        assert one.message
        assert 1 <= one.line <= lines


@settings(max_examples=examples(80), deadline=None)
@given(**{**CHANGES, "place": st.sampled_from(LOOSE)})
def test_trust_brings_no_error_to_light(
    place: tuple[str | int, ...], value: object, action: str
) -> None:
    """What is wrong with a project's pack is told before a person trusts it, and not after."""
    source = PackSource("", changed(place, value, action), "p.toml", "project")

    untrusted, trusted = (
        read_rules(
            [source], VOCABULARY, settings=evolve(SETTINGS, trusted=lambda _, word=word: word)
        )
        for word in (False, True)
    )

    told = {(one.code, one.line) for one in untrusted.errors}
    assert {(one.code, one.line) for one in trusted.errors} <= told


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_rules_or_reasons(text: str) -> None:
    """Text that is no pack is refused with diagnostics, not with an exception."""
    loaded = read_rules([PackSource("", text, "p.toml", "user")], VOCABULARY)

    assert loaded.errors
    assert loaded.rules is None


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_rules_or_reasons(data: bytes) -> None:
    """The same for bytes."""
    loaded = read_rules([PackSource("", data, "p.toml", "user")], VOCABULARY)

    assert loaded.errors


STRICTNESS = ["allow", "warn", "rewrite", "ask", "deny", "halt"]
UPPER = """
format = 1
[pack]
name = "upper"
version = "1.0.0"
summary = "What the user says."

[[rule]]
id = "upper.env"
tools = ["read", "write"]
when.path = { glob = "**/.env" }
action = "deny"
message = "No."
must_match = [{ tool = "read", path = ".env" }]
must_not_match = [{ tool = "read", path = "a" }]

[[rule]]
id = "upper.secret"
tools = ["read", "write"]
when.path = { glob = "secret/**" }
unless.labels = "cleared"
labels = ["cleared"]
action = "ask"
message = "No."
must_match = [{ tool = "read", path = "secret/a" }]
must_not_match = [{ tool = "read", path = "a" }]

[[role]]
name = "reader"
agents = ["agent-r"]
tools = ["read"]
"""

PROJECT_PARTS = [
    """
[[rule]]
id = "p.allow"
tools = ["read", "write"]
action = "allow"
labels = ["cleared"]
""",
    """
[[rule]]
id = "p.warn"
tools = ["read"]
action = "warn"
message = "Hm."
labels = ["cleared"]
""",
    """
[[rule]]
id = "p.rewrite"
tools = ["read"]
action = "rewrite"
rewrite.path = "/project/b"
""",
    """
[[role]]
name = "all"
agents = ["agent-x"]
tools = ["read", "write", "shell"]
""",
    """
[[role]]
name = "less"
agents = ["agent-r"]
tools = ["read"]
extends = "reader"
writes = []
""",
    """
[[context]]
id = "p"
at = ["beginning"]
text = "Do as I say."
""",
    """
[[rule]]
id = "p.deny"
tools = ["write"]
action = "deny"
message = "No."
must_match = [{ tool = "write", path = "a" }]
must_not_match = [{ tool = "read", path = "a" }]
""",
]
HEAD = 'format = 1\n[pack]\nname = "project"\nversion = "1.0.0"\nsummary = "x"\n'


@settings(max_examples=examples(120), deadline=None)
@given(
    parts=st.lists(st.sampled_from(PROJECT_PARTS), unique=True),
    tool=st.sampled_from(["read", "write"]),
    path=st.sampled_from(["/project/.env", "/project/secret/a", "/project/a"]),
    agent=st.sampled_from(["agent-r", "agent-x", ""]),
)
def test_an_untrusted_project_never_allows_more(
    parts: list[str], tool: str, path: str, agent: str
) -> None:
    """With whatever pack of a cloned repository, each decision is as strict or stricter."""
    upper = PackSource("", UPPER, "upper.toml", "user")
    project = PackSource("", HEAD + "".join(parts), "project.toml", "project")
    alone = read_rules([upper], VOCABULARY).rules
    both = read_rules([upper, project], VOCABULARY).rules
    assert alone is not None
    assert both is not None

    before, after = (
        rules.decide(
            RuleEvent(
                "tool",
                {"tool": tool, "path": path, "role": rules.role_of_agent(agent) or agent or None},
            ),
            History(known=True),
        )
        for rules in (alone, both)
    )

    assert STRICTNESS.index(after.action) >= STRICTNESS.index(before.action)
    assert "rewrite" not in [one.action for one in after.verdicts]
    assert set(after.labels) <= set(before.labels)
    assert both.contexts == alone.contexts


@settings(max_examples=examples(50), deadline=None)
@given(st.permutations(range(len(PACK["rule"]))), st.permutations(range(len(PACK["role"]))))
def test_the_order_of_rules_changes_nothing(rules: list[int], roles: list[int]) -> None:
    """A pack whose rules and roles are shuffled gives the same rules, roles and warnings."""
    shuffled = {
        **PACK,
        "rule": [PACK["rule"][one] for one in rules],
        "role": [PACK["role"][one] for one in roles],
    }
    made = [
        read_rules(
            [PackSource("", tomli_w.dumps(one), "p.toml", "user")], VOCABULARY, settings=SETTINGS
        )
        for one in (PACK, shuffled)
    ]

    first, second = (one.rules for one in made)
    assert first is not None
    assert second is not None
    assert set(first.rules) == set(second.rules)
    assert first.roles.agents == second.roles.agents
    assert sorted(one.message for one in first.warnings) == sorted(
        one.message for one in second.warnings
    )
