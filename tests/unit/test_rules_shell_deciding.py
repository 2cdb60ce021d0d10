"""Rules on command lines from end to end: deciding, excusing, explaining, examples."""

from __future__ import annotations

import pytest

from governance.errors import DefinitionError
from governance.rules.deciding import Decision, History, RuleEvent, RuleSet
from governance.rules.deferred import Deferred, fact_of
from governance.rules.explain import explain
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.loader import load_rules, read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.sources import PackSource
from governance.rules.vocabulary import PYTHON_TOOLS, Unknown, call_of, default_vocabulary

HEAD = """
format = 1
[pack]
name = "p"
version = "1.0.0"
summary = "A pack."

[[rule]]
id = "p.rule"
tools = ["shell"]
action = "warn"
message = "No."
"""
KNOWN = History(known=True)


def rules_of(body: str) -> RuleSet:
    return load_rules([PackSource("p", HEAD + body, "p.toml", "user")], default_vocabulary())


def event(command: object, *, native: str = "") -> RuleEvent:
    call = call_of(PYTHON_TOOLS, "shell", {"command": command})  # type: ignore[dict-item]
    if native:
        from attrs import evolve

        call = evolve(call, native=native)
    facts = {**session_facts(host="python"), **facts_of_call(call, PLAIN_PLACES)}
    return RuleEvent("tool", facts, call)


def decide(rules: RuleSet, command: object, **given: str) -> Decision:
    return rules.decide(event(command, **given), KNOWN)


FORCE = """
any = [
  { shell = { program = "git", subcommand = "push", flags_any = ["-f", "--force", "--mirror"] } },
  { shell = { program = "git", subcommand = "push", words = { starts_with = "+" } } },
]
"""


@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("git push -f origin main", "warn"),
        ("git push origin main --force", "warn"),
        ("git push origin +main", "warn"),
        ("sudo env X=1 git -C sub push origin +main", "warn"),
        ("true && git push -f", "warn"),
        ("bash -c 'git push -f'", "warn"),
        ("g\\it pu''sh -f", "warn"),
        ("echo $(git push --mirror)", "warn"),
        ("git push --force-with-lease", "allow"),
        ("echo 'git push -f'", "allow"),
        ("git commit -m 'push -f'", "allow"),
        ("git pull -f", "allow"),
        ("git push; tar -f x", "allow"),
    ],
)
def test_a_line_is_taken_apart(command: str, action: str) -> None:
    """What is run decides, however it is spelled; what is only said does not."""
    assert decide(rules_of(FORCE), command).action == action


@pytest.mark.parametrize(
    ("command", "action"),
    [
        ('eval "$X"', "ask"),
        ("$X push -f", "ask"),
        ("git push $FLAGS", "ask"),
        ('git push origin "$BRANCH"', "ask"),
        ("git push 'unclosed", "ask"),
        ("ls", "allow"),
        ("bash x.sh", "allow"),
    ],
)
def test_what_cannot_be_known_follows_unknown(command: str, action: str) -> None:
    """A line that may hide the command is asked about; one that runs a script is not."""
    assert decide(rules_of(FORCE), command).action == action


def test_another_shell_is_not_taken_apart() -> None:
    """A line of PowerShell is unknown as a whole, and is seen by `opaque`."""
    by_program = rules_of('when.shell = { program = "rm" }\nunknown = "deny"\n')
    by_kind = rules_of('when.shell = { opaque = "foreign" }\n')

    assert decide(by_program, "Get-ChildItem", native="PowerShell").action == "deny"
    assert decide(by_kind, "Get-ChildItem", native="PowerShell").action == "warn"
    assert decide(by_program, "ls", native="Bash").action == "allow"


def test_an_excuse_is_asked_of_each_command() -> None:
    """One `--dry-run` excuses the command that has it, and no other of the line."""
    rules = rules_of(
        'when.shell = { program = "git", subcommand = "push" }\n'
        'unless.shell = { flags_any = ["--dry-run"] }\n'
    )

    assert decide(rules, "git push --dry-run").action == "allow"
    assert decide(rules, "git push --dry-run; ls").action == "allow"
    assert decide(rules, "git push --dry-run; git push").action == "warn"
    assert decide(rules, 'git push --dry-run; eval "$X"').action == "warn"


@pytest.mark.parametrize(
    ("body", "command", "action"),
    [
        ('when.writes = { glob = "**/.env" }', "echo x > .env", "warn"),
        ('when.writes = { glob = "**/.env" }', "cd sub && tee .env", "warn"),
        ('when.writes = { glob = "**/.env" }', "cat .env", "allow"),
        ('when.reads = { glob = "**/.env" }', "cat < sub/../.env", "warn"),
        ('when.reads = { glob = "**/.env" }', 'cat "$F"', "ask"),
        ('when.reads = { glob = "**/.env" }', 'cat "$F.py"', "allow"),
        ('when.reads = { glob = "**/.env" }', 'cat .env; eval "$X"', "warn"),
        ('when.reads = { glob = "**/.env" }', 'eval "$X"', "ask"),
        ('when.removes = { path_under = "src" }', "rm -rf src/a", "warn"),
        ('when.removes = { path_under = "src" }', "touch src/a", "allow"),
        ('when.domains = { not = { domain_in = "pypi.org" } }', "curl https://evil.test", "warn"),
        ('when.domains = { not = { domain_in = "pypi.org" } }', "curl https://pypi.org", "allow"),
        ('when.domains = { not = { domain_in = "pypi.org" } }', 'curl "https://$H/"', "ask"),
        ('when.domains = { not = { domain_in = "pypi.org" } }', "ls", "allow"),
        ("when.writes = { exists = true }", "ls", "allow"),
        ("when.writes = { exists = true }", "touch a", "warn"),
        ("when.writes = { length = { gt = 1 } }", "touch a b", "warn"),
        ("when.writes = { length = { gt = 1 } }", 'eval "$X"', "ask"),
    ],
)
def test_lists_of_a_call_are_read_off_its_line(body: str, command: str, action: str) -> None:
    """Rules on paths and hosts hold for command lines as for any other tool."""
    assert decide(rules_of(body), command).action == action


def test_a_line_is_taken_apart_only_when_a_rule_asks() -> None:
    """Facts are deferred, and rules on other facts or other programs leave them so."""
    asked = event("ls -l | head")
    rules = rules_of(FORCE)

    rules.decide(asked, KNOWN)

    assert all(
        repr(asked.facts[name]) == "Deferred(…)"
        for name in ("shell", "reads", "writes", "removes", "domains", "intent")
    )
    rules.decide(event("git push"), KNOWN)
    assert type(fact_of(asked.facts, "reads")) is list
    assert type(asked.facts["shell"]) is Deferred


@pytest.mark.parametrize("command", [5, ["ls"], None])
def test_a_command_that_is_no_text_is_unknown(command: object) -> None:
    """Without a line nothing is known of what it does."""
    facts = event(command).facts

    assert isinstance(fact_of(facts, "shell"), Unknown)
    assert isinstance(fact_of(facts, "writes"), Unknown)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("git  push -f", "git push --force"),
        ("rm -r -f build", "rm -rf ./build"),
        ("cat .env", "head /project/.env"),
        ("echo a > x", "printf b > ./x"),
        ("git push -v -f", "git push -f -v"),
        ("sudo git push", "git push"),
        ("'git' push", "git pu\\sh"),
    ],
)
def test_lines_that_do_the_same_have_one_intent(one: str, other: str) -> None:
    """Another spelling of a line is the same try."""
    assert fact_of(event(one).facts, "intent") == fact_of(event(other).facts, "intent")


def test_a_line_and_a_tool_that_do_the_same_have_one_intent() -> None:
    """Reading, changing and fetching by a command line is the same try as by a tool."""
    pairs = [
        ("cat .env", "read", {"path": ".env"}),
        ("rm x", "delete", {"path": "x"}),
        ("echo a > x", "write", {"path": "x", "content": "a"}),
        ("curl https://x.org/a", "fetch", {"url": "https://x.org/a"}),
    ]
    for command, tool, args in pairs:
        by_tool = facts_of_call(call_of(PYTHON_TOOLS, tool, args), PLAIN_PLACES)  # type: ignore[arg-type]
        assert fact_of(event(command).facts, "intent") == by_tool["intent"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat .env", "rm .env"),
        ("ls a", "ls b"),
        ("git push", "git pull"),
        ("make x", "cd sub && make x"),
        ("cat a; rm b", "rm b"),
        ("curl https://x.org/a", "curl -X DELETE https://x.org/a"),
        ('eval "$X"', 'eval "$Y"'),
    ],
)
def test_lines_that_do_other_things_have_other_intents(one: str, other: str) -> None:
    """Another target, place or deed is another intent."""
    assert fact_of(event(one).facts, "intent") != fact_of(event(other).facts, "intent")


def test_why_names_the_key_and_the_command_that_came_nearest() -> None:
    """A trace says which key failed, on what, in which command of the line."""
    rules = rules_of('when.shell = { program = "git", subcommand = "push", flags_any = ["-f"] }\n')

    told = explain(rules, event("ls; git push origin main"), KNOWN).rules[0]

    assert [(one.fact, one.result) for one in told.matchers] == [
        ("shell.program", True),
        ("shell.subcommand", True),
        ("shell.flags_any", False),
    ]
    assert [one.fact for one in told.flips] == ["shell.flags_any"]
    assert str(told) == (
        "`when.shell.flags_any` = [-f] does not hold for [] in `git push origin main`"
    )


def test_why_names_what_hides_a_command() -> None:
    """Where a command may hide, the reason of the line is told, and no command is blamed."""
    rules = rules_of('when.shell = { program = "rm" }\n')

    told = explain(rules, event('eval "$X"'), KNOWN).rules[0]

    assert [one.fact for one in told.matchers] == ["shell"]
    assert "cannot be known" in str(told)


def test_why_shows_what_fired() -> None:
    """A rule that fires shows the command that it fired on."""
    rules = rules_of('when.shell = [{ program = "hg" }, { program = "git", words = "main" }]\n')

    told = explain(rules, event("ls; git push origin main"), KNOWN).rules[0]

    assert told.fires is True
    assert [one.command for one in told.matchers] == ["git push origin main"] * 2


def test_an_example_that_fails_says_why() -> None:
    """An example of a line is run when the pack is loaded."""
    body = (
        'when.shell = { program = "git" }\nmust_match = [{ tool = "shell", command = "hg push" }]\n'
    )
    with pytest.raises(DefinitionError) as caught:
        rules_of(body)

    assert "`when.shell.program` = `git` does not hold for `hg` in `hg push`" in str(caught.value)


def test_variables_are_put_into_tables() -> None:
    """A variable stands for a list of programs or flags."""
    text = HEAD.replace("[[rule]]", '[vars]\nshells = ["sh", "bash"]\nforce = ["-f"]\n\n[[rule]]')
    body = 'when.shell = { program = { var = "shells" }, flags_any = { var = "force" } }\n'
    source = PackSource("p", text + body, "p.toml", "user")

    rules = load_rules([source], default_vocabulary())

    assert decide(rules, "sh -f x").action == "warn"
    assert decide(rules, "zsh -f x").action == "allow"


def test_a_variable_of_the_wrong_type_is_blamed() -> None:
    """A variable that is no list of flags is named as what does not fit."""
    text = HEAD.replace("[[rule]]", '[vars]\nforce = "force"\n\n[[rule]]')
    body = 'when.shell = { flags_any = { var = "force" } }\n'

    found = read_rules([PackSource("p", text + body, "p.toml", "user")], default_vocabulary())

    assert [(one.code, "`force`" in one.message) for one in found.errors] == [("GOV205", True)]


@pytest.mark.parametrize("command", ["''", '"" x', "a && ''", "\0for", "for", 'eval "$X"'])
def test_a_line_of_which_nobody_knows_what_it_runs_is_opaque(command: str) -> None:
    """A quick look at the words of a line never hides that it is opaque."""
    rules = rules_of("when.shell = { opaque = true }\n")

    assert decide(rules, command).action == "warn"


def test_a_folder_that_stands_for_a_program_is_no_secret() -> None:
    """`/` names something, if nothing that runs: no more is unknown of it than of a script."""
    rules = rules_of('when.shell = { opaque = ["dynamic", "syntax"] }\n')

    assert [decide(rules, one).action for one in ("/", "ls; /", "/usr/")] == ["allow"] * 3
