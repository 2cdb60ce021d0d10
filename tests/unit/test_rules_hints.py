"""What a mistake is answered with leads on: the form, the name or the place that was meant."""

from __future__ import annotations

import pytest

from governance.errors import Diagnostic
from governance.hosts import HOSTS, profile_of
from governance.rules.loader import read_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary

HEAD = 'format = 1\n[pack]\nname = "p"\nversion = "1.0.0"\nsummary = "x"\n'
RULE = {
    "id": '"a.b"',
    "tools": '["shell"]',
    "when.command": '{ contains = "x" }',
    "action": '"deny"',
    "message": '"No."',
    "must_match": '[{ tool = "shell", command = "x" }]',
    "must_not_match": '[{ tool = "shell", command = "y" }]',
}
FETCHING = {
    "tools": '["fetch"]',
    "when.command": "",
    "must_match": '[{ tool = "fetch", url = "https://a.b/" }]',
    "must_not_match": '[{ tool = "fetch", url = "https://a.b/", at = 2030-01-02T09:00:00 }]',
}


def told(changes: dict[str, str], more: str = "") -> list[Diagnostic]:
    """What is said of a rule with these lines in place of its own."""
    lines = [f"{name} = {value}" for name, value in {**RULE, **changes}.items() if value]
    text = "\n".join((HEAD, "[[rule]]", *lines, more))
    tables = tuple(profile_of(host).tools for host in HOSTS)
    loaded = read_rules(
        [PackSource("p", text, "p.toml", "user")],
        default_vocabulary(*tables),
        settings=LoadSettings(time_zone="UTC"),
    )
    return list(loaded.diagnostics)


def said(changes: dict[str, str], more: str = "") -> str:
    """Messages and suggestions of all that is said, one a line."""
    return "\n".join(f"{one.code} {one.message}; {one.suggestion}" for one in told(changes, more))


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("block", "deny"),
        ("refuse", "deny"),
        ("forbid", "deny"),
        ("permit", "allow"),
        ("confirm", "ask"),
        ("prompt", "ask"),
    ],
)
def test_another_word_for_an_action_is_answered_with_ours(word: str, meant: str) -> None:
    """Each policy language has its own; none of them is a slip of the pen."""
    assert f"did you mean `{meant}`?" in said({"action": f'"{word}"'})


def test_a_path_of_a_command_is_answered_with_the_facts_that_commands_have() -> None:
    """A command line has no `path`; it has paths."""
    answer = said({"when.command": "", "when.path": '"**/x"'})

    assert "GOV221 `shell` has no fact `path`" in answer
    assert "a command has `reads`, `writes` and `removes`" in answer


def test_a_set_of_which_one_tool_lacks_a_fact_is_answered_with_those_that_have_it() -> None:
    """The set was meant for what its other tools have."""
    answer = said(
        {
            "tools": '["@reads"]',
            "when.command": "",
            "when.reads": '{ glob = "**/x" }',
            "must_match": '[{ tool = "read", path = "x" }]',
            "must_not_match": '[{ tool = "read", path = "y" }]',
        }
    )

    assert "GOV221 `glob` has no fact `reads`" in answer
    assert "name only tools that have it, here `read`, `grep`" in answer


def test_a_tool_of_several_hosts_is_answered_with_all_of_them() -> None:
    """An author knows the name from one of them, and looks for that one."""
    answer = said({"tools": '["Read"]'})

    assert "`Read` of " in answer
    assert "claude-code" in answer
    assert "is `read` here" in answer


@pytest.mark.parametrize(
    ("fact", "matcher", "form"),
    [
        ("weekday", '"tuesday"', "`at = 2030-01-31T09:00:00`"),
        ("time", "{ between = [18:00:00, 08:00:00] }", "`at = 2030-01-31T09:00:00`"),
        ("usage.cost_usd", "{ gt = 5.0 }", "`usage.cost_usd = …`"),
    ],
)
def test_an_example_that_lacks_a_fact_is_answered_with_how_to_give_it(
    fact: str, matcher: str, form: str
) -> None:
    """What a call does not bring along, an example has to say."""
    answer = said({**FETCHING, f"when.{fact}": matcher})

    assert "GOV253" in answer
    assert f"the example says no `{fact}`: write {form} in it" in answer


def test_an_example_that_is_no_table_is_answered_with_the_form() -> None:
    """A string, an array of strings, and nothing at all."""
    form = 'write `[{ tool = "shell", command = "…" }]`'

    assert form in said({"must_match": '"x"'})
    assert form in said({"must_match": '["x"]'})
    assert form in said({"must_not_match": "[]"})
    assert form in said({"must_not_match": ""})


def test_an_exemption_of_another_packs_rule_is_answered_with_its_place() -> None:
    """A pack exempts its own rules alone; of the shipped ones it may not even know."""
    more = '[[exempt]]\nrule = "network.pipe-to-shell"\nreason = "x"\n'

    answer = said({}, more)

    assert "GOV250 unknown rule `network.pipe-to-shell`" in answer
    assert "write those of others, shipped ones too, in `governance.toml`" in answer


def test_a_slip_in_a_key_of_a_step_is_answered_with_the_key() -> None:
    """What is no key of a step is read as a fact of its call."""
    more = (
        '[[scenario]]\nname = "s"\n'
        'steps = [{ tool = "shell", command = "x", expects = { action = "deny" } }]\n'
    )

    assert "GOV207 unknown key `expects` of `scenario.steps`; did you mean `expect`?" in said(
        {}, more
    )


@pytest.mark.parametrize(
    ("changes", "name", "meant"),
    [
        ({"action": '"d\u0435ny"'}, "CYRILLIC SMALL LETTER IE", "deny"),
        ({"tools": '["sh\u200bell"]'}, "ZERO WIDTH SPACE", "shell"),
        ({'"sever\u0456ty"': '"high"'}, "CYRILLIC SMALL LETTER BYELORUSSIAN-", "severity"),
        ({"when.command": '{ "cont\u0430ins" = "x" }'}, "CYRILLIC SMALL LETTER A", "contains"),
        ({'when."comm\u0430nd"': '"x"'}, "CYRILLIC SMALL LETTER A", "command"),
        ({"severity": '"\uff48igh"'}, "FULLWIDTH LATIN SMALL LETTER H", "high"),
    ],
)
def test_a_sign_that_only_looks_like_another_is_named(
    changes: dict[str, str], name: str, meant: str
) -> None:
    """Else word and suggestion look the same, and nobody sees what is wrong."""
    words = said(changes)

    assert f"`{meant}`?" in words
    assert name in words


def test_what_is_said_stays_in_one_line_and_is_bounded() -> None:
    """A key or a value may hold line breaks, and be as long as its file."""
    found = told({'"a\\n0 errors\\r"': "1", f'"{"k" * 50_000}"': "1", "action": '"x\\ny"'})

    assert len(found) >= 3
    for one in found:
        assert not {"\n", "\r"}.intersection(one.message + one.suggestion)
        assert len(one.message) <= 4_000
        assert len(one.suggestion) <= 4_000
