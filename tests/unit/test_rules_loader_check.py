"""What `check` tells beyond errors: overlaps, expansions, gaps, what hosts cannot do."""

from __future__ import annotations

import pytest
from attrs import frozen

from governance.errors import Diagnostic
from governance.rules import overlaps
from governance.rules.check import check_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary

HEAD = 'format = 1\n[pack]\nname = "p"\nversion = "1.0.0"\nsummary = "x"\n'
DENY = """
[[rule]]
id = "{id}"
tools = ["read"]
when.path = {{ glob = "{glob}" }}
action = "{action}"
message = "No."
must_match = [{{ tool = "read", path = "/etc/hosts" }}]
must_not_match = [{{ tool = "read", path = "/a" }}]
"""


@frozen
class Host:
    """What a host can do, for these tests."""

    asks: bool = True
    rewrites: bool = True
    deny_at: frozenset[str] = frozenset({"tool_before", "turn_start", "command", "start"})
    untold: frozenset[str] = frozenset()


def check(text: str, **hosts: Host) -> list[Diagnostic]:
    """The diagnostics of one pack with *text* after its head."""
    source = PackSource("p", HEAD + text, "p.toml", "user")
    return list(
        check_rules([source], default_vocabulary(), settings=LoadSettings(hosts=dict(hosts)))
    )


def found(diagnostics: list[Diagnostic]) -> list[tuple[int, str, str]]:
    """Line, code and severity."""
    return [(one.line, one.code, one.severity) for one in diagnostics]


def deny(name: str, glob: str = "/etc/**", action: str = "deny") -> str:
    """A rule about one glob."""
    return DENY.format(id=name, glob=glob, action=action)


def test_rules_that_say_the_same_are_told() -> None:
    """Equal conditions are a warning at the second rule, whatever the order of the keys."""
    assert found(check(deny("a.b") + deny("a.c"))) == [(16, "GOV255", "warning")]


def test_a_rule_that_a_stricter_one_makes_needless_is_told() -> None:
    """When all that it matches another one denies, or does as strictly as itself."""
    needless = check(deny("a.b", "/etc/hosts", "ask") + deny("a.c"))

    assert found(needless) == [(7, "GOV266", "warning")]
    assert "`a.c`" in needless[0].message
    assert "read: path = `/etc/hosts`" in needless[0].message
    assert found(check(deny("a.b", "/etc/hosts") + deny("a.c"))) == [(7, "GOV266", "warning")]
    assert found(check(deny("a.b", "/etc/hosts") + deny("a.c", action="ask"))) == [
        (16, "GOV255", "info")
    ]


def test_sets_and_globs_are_spelled_out_once() -> None:
    """Each `@set` and glob of tools says what it stands for, at its first use."""
    told = check(
        '[[toolset]]\nname = "mine"\ntools = ["@writes", "shell"]\n'
        '[[rule]]\nid = "a.b"\ntools = ["@mine", "mcp:git:*"]\naction = "warn"\nmessage = "No."\n'
        '[[rule]]\nid = "a.c"\ntools = ["@mine"]\nwhen.depth = 1\naction = "warn"\nmessage = "N."\n'
    )

    told = [one for one in told if one.code == "GOV256"]
    assert found(told) == [(11, "GOV256", "info")] * 2
    assert "`write`, `edit`, `delete`, `shell`" in told[0].message


def test_known_gaps_are_told_with_their_reason() -> None:
    """`check` prints what a rule misses and why; loading passes over it."""
    gap = 'known_gaps = [{ tool = "read", path = "/link", why = "a link" }]\n'

    told = check(deny("a.b") + gap)

    assert found(told) == [(15, "GOV254", "info")]
    assert "a link" in told[0].message


RULES = {
    "ask": deny("a.b", action="ask"),
    "rewrite": '[[rule]]\nid = "a.b"\ntools = ["read"]\naction = "rewrite"\nrewrite.path = "/b"\n',
    "transition": '[[rule]]\nid = "a.b"\non = "transition"\nwhen.event = ["compacting"]\n'
    'action = "deny"\nmessage = "No."\nmust_match = [{ event = "compacting" }]\n'
    'must_not_match = [{ event = "start" }]\n',
}


@pytest.mark.parametrize(
    ("rule", "host", "severity", "words"),
    [
        ("ask", Host(asks=False), "warning", "denies there"),
        ("rewrite", Host(rewrites=False), "warning", "denies there"),
        ("transition", Host(), "error", "at `compacting`"),
    ],
)
def test_what_a_host_in_use_cannot_do_is_told(
    rule: str, host: Host, severity: str, words: str
) -> None:
    """A milder host gets the next stricter action; a refusal nobody honours is an error."""
    told = [one for one in check(RULES[rule], weak=host) if one.code == "GOV257"]

    assert [one.severity for one in told] == [severity]
    assert words in told[0].message
    assert "`weak`" in told[0].message


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_host_that_can_is_no_matter(rule: str) -> None:
    """With every ability there is nothing to tell."""
    able = Host(deny_at=frozenset({"tool_before", "model", "compacting"}))

    assert [one for one in check(RULES[rule], able=able) if one.code == "GOV257"] == []


def test_check_raises_nothing_and_sorts_by_file_and_line() -> None:
    """A pack that cannot be read is one of the diagnostics."""
    sources = [
        PackSource("b", HEAD + "[[rule]]\nid = 3\nwhat = 1\n", "b.toml", "user"),
        PackSource("a", "", "a.toml", "user"),
    ]

    told = check_rules(sources, default_vocabulary())

    assert [one.file for one in told] == sorted([one.file for one in told], reverse=True)
    assert [one.line for one in told if one.file == "b.toml"] == sorted(
        one.line for one in told if one.file == "b.toml"
    )


ON_TEXT = """
[[rule]]
id = "a.b"
tools = ["shell"]
when.command = {text}
action = "deny"
message = "No."
must_match = [{{ tool = "shell", command = "kubectl delete pod x" }}]
must_not_match = [{{ tool = "shell", command = "kubectl get pods" }}]
{more}
"""


@pytest.mark.parametrize(
    "text",
    [
        '{ glob = "kubectl delete*" }',
        '{ starts_with = "kubectl delete" }',
        '{ contains = "kubectl delete" }',
        "{ regex = '^kubectl delete\\b' }",
        '"kubectl delete pod x"',
    ],
)
def test_a_rule_on_text_that_two_blanks_get_past_is_told_with_the_form_that_sees_it(
    text: str,
) -> None:
    """A line is text here and commands there; which of them was meant, the examples tell."""
    told = check(ON_TEXT.format(text=text, more=""))

    if text.startswith('"'):
        assert found(told) == []  # two words behind the subcommand are no one table
        return
    assert found(told) == [(10, "GOV268", "warning")]
    assert "`a.b` does not see `kubectl  delete pod x`" in told[0].message
    assert '`when.shell = { program = "kubectl", subcommand = "delete" }`' in told[0].suggestion


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("{ regex = 'kubectl\\s+delete' }", ""),
        ('{ contains = "delete" }', ""),
        (
            '{ glob = "kubectl delete*" }',
            'known_gaps = [{ tool = "shell", command = "x; kubectl delete y", why = "known" }]',
        ),
        ('{ glob = ["kubectl delete*", "helm *"] }', ""),
    ],
)
def test_of_a_rule_on_text_that_is_wide_or_has_named_its_gap_nothing_is_told(
    text: str, more: str
) -> None:
    """What sees both spellings, is no command, or is known to its author needs no word."""
    assert [
        one.code for one in check(ON_TEXT.format(text=text, more=more)) if one.severity != "info"
    ] == []


@pytest.mark.parametrize(
    ("text", "example", "other"),
    [
        ('{ contains = "kubectl delete" }', "kubectl delete pod x", "echo kubectl delete pod x"),
        ('{ starts_with = "kubectl delete" }', "kubectl get pods", "sudo kubectl delete pod x"),
    ],
)
def test_no_form_is_proposed_that_answers_an_example_otherwise(
    text: str, example: str, other: str
) -> None:
    """`kubectl delete` in any word is no such command, and behind `sudo` it is one."""
    pack = ON_TEXT.format(text=text, more="")

    assert example in pack
    assert found(check(pack.replace(example, other))) == []


def test_a_word_that_a_line_begins_with_is_a_program() -> None:
    """The form that is proposed sees it behind another command, as the text does not."""
    pack = ON_TEXT.format(text='{ glob = "kubectl*" }', more="")

    [told] = check(pack.replace("kubectl get pods", "helm list"))

    assert (told.code, told.severity) == ("GOV268", "warning")
    assert "does not see `cd x && kubectl delete pod x`" in told.message
    assert '`when.shell = { program = "kubectl" }`' in told.suggestion


def test_that_not_all_rules_were_compared_is_told_of_the_pack_and_of_no_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is about all of them; the line of one would look like a fault of that one."""
    monkeypatch.setattr(overlaps, "CALLS_MAX", 0)

    [told] = check(deny("a.b", "/etc/**") + deny("a.c", "/etc/h*"))

    assert (told.line, told.code, told.severity) == (2, "GOV255", "info")
    assert "not all rules were compared" in told.message
