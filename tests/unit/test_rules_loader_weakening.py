"""What `check` tells of names that lower layers give their meaning, and of idle rules."""

from __future__ import annotations

import pytest
from attrs import frozen

from governance._toml import read_toml
from governance.errors import Diagnostic
from governance.hosts.claude_code.tools import TOOLS
from governance.rules.check import check_rules
from governance.rules.format import Layer
from governance.rules.host_tools import HostTools, ToolMap
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary

HEAD = 'format = 1\n[pack]\nname = "{name}"\nversion = "1.0.0"\nsummary = "x"\n'
LABELS = (
    '[[rule]]\nid = "low.label"\ntools = ["todo"]\naction = "warn"\nmessage = "L."\n'
    'labels = ["ok"]\n'
)
ROLE = '[[role]]\nname = "boss"\nagents = ["a"]\ntools = ["read"]\n'
SET = '[[toolset]]\nname = "mine"\ntools = ["write"]\n'


def upper(more: str, tools: str = '"read"') -> str:
    """A rule of the upper pack."""
    return f'[[rule]]\nid = "up.rule"\ntools = [{tools}]\n{more}\naction = "warn"\nmessage = "U."\n'


def told(
    high: str, low: str, layer: Layer = "project", toml: str = "", code: str = "GOV258"
) -> list[Diagnostic]:
    """What is told with *code* of an upper pack of the user and a lower one."""
    sources = [
        PackSource("up", HEAD.format(name="up") + high, "up.toml", "user"),
        PackSource("low", HEAD.format(name="low") + low, "low.toml", layer),
    ]
    settings = LoadSettings(
        project=read_toml(toml, "governance.toml") if toml else None,
        fields={"team": "x"},
        trusted=lambda _: True,
    )
    found = check_rules(sources, default_vocabulary(), settings=settings)
    assert not [one for one in found if one.severity == "error"], found
    return [one for one in found if one.code == code]


@pytest.mark.parametrize(
    ("high", "low", "words"),
    [
        (upper('unless.labels = "ok"'), LABELS, "label `ok`, which `low.label`"),
        (upper('requires = { label = "ok" }'), LABELS, "label `ok`"),
        (upper('unless.role = "boss"'), ROLE, "role `boss`"),
        (upper("", '"@mine"'), SET, "what tools `@mine` has"),
    ],
)
def test_names_by_which_a_lower_layer_excuses_are_told(high: str, low: str, words: str) -> None:
    """Once, in the lower file, as a warning; within one layer there is nothing to tell."""
    found = told(high, low)

    assert [(one.file, one.severity) for one in found] == [("low.toml", "warning")]
    assert words in found[0].message
    assert told(high, low, layer="user") == []


def test_a_field_of_the_project_that_excuses_is_told() -> None:
    """Where the project sets it, and the rule is of an upper layer."""
    high = upper('unless.fields.team = "x"')

    found = told(high, LABELS, toml='[fields]\nteam = "x"\n')

    assert [(one.file, one.line) for one in found] == [("governance.toml", 2)]
    assert told(high, LABELS, toml='[fields]\nother = "x"\n') == []


def test_a_rule_that_anybody_may_exempt_may_be_excused_from() -> None:
    """`exempt = "any"` says that it is meant."""
    high = upper('unless.labels = "ok"\nexempt = "any"')

    assert told(high, LABELS) == []


@frozen
class Host:
    """A host that can do everything."""

    asks: bool = True
    rewrites: bool = True
    redirects: bool = True
    deny_at: frozenset[str] = frozenset({"tool_before"})
    untold: frozenset[str] = frozenset()


SILENT = HostTools("silent", {"Put": ToolMap("write", {"path": "file"})})


def idle(rule: str, host: HostTools) -> list[tuple[str, int]]:
    """Severity and line of what is told of *rule* where *host* alone is in use."""
    source = PackSource("p", HEAD.format(name="p") + rule, "p.toml", "user")
    found = check_rules(
        [source],
        default_vocabulary(TOOLS, SILENT),
        settings=LoadSettings(hosts={host.name: Host()}),
    )
    assert not [one for one in found if one.severity == "error"], found
    return [(one.severity, one.line) for one in found if one.code == "GOV257"]


@pytest.mark.parametrize(
    ("rule", "host", "found"),
    [
        (upper("", '"delete"'), TOOLS, [("warning", 8)]),
        (upper("", '"delete", "write"'), TOOLS, []),
        (upper("", '"mcp:git:*"'), TOOLS, []),
        (upper("", '"native:silent:Put"'), TOOLS, [("info", 8)]),
        (upper("", '"native:silent:Put"'), SILENT, []),
        (upper('when.content = "x"', '"write"'), SILENT, [("warning", 9)]),
        (upper('when.content = "x"', '"write"'), TOOLS, []),
        (upper('when.content = { not = "x" }', '"write"'), SILENT, []),
        (upper('when.host = "silent"', '"write"'), TOOLS, [("info", 9)]),
        (upper('when.host = "silent"', '"write"'), SILENT, []),
    ],
)
def test_rules_that_do_nothing_in_the_hosts_in_use_are_told(
    rule: str, host: HostTools, found: list[tuple[str, int]]
) -> None:
    """A missing tool or fact is a warning, a rule about another host is information."""
    assert idle(rule, host) == found
