"""Deciding: which rules fire, which action wins, and what the model is told."""

from __future__ import annotations

from datetime import date

import pytest
from attrs import evolve

from governance.errors import DefinitionError
from governance.rules.deciding import History, RuleEvent, RuleSet, compile_rules
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import (
    Change,
    Defaults,
    Example,
    Exempt,
    Pack,
    Rule,
)
from governance.rules.matchers import Matcher
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.verdicts import AskTerms
from governance.rules.vocabulary import PYTHON_TOOLS, Unknown, call_of, default_vocabulary
from governance.session.replies import ACTIONS, Action
from governance.values import Json

VOCABULARY = default_vocabulary().with_names(fields={"n": 0})
KNOWN = History(known=True)


def rule(name: str, action: Action = "deny", **given: object) -> Rule:
    made = Rule(
        id=f"p.{name}", pack="p", layer="user", position=0, action=action, message=f"no {name}"
    )
    return evolve(made, **given)  # type: ignore[arg-type]


def pack(*rules: Rule, **given: object) -> Pack:
    made = Pack(
        name="p", version="1.0.0", summary="", layer="user", file="p.toml", hash="h", rules=rules
    )
    return evolve(made, **given)  # type: ignore[arg-type]


def rules_of(*rules: Rule, defaults: Defaults | None = None, **given: object) -> RuleSet:
    return compile_rules([pack(*rules, **given)], VOCABULARY, defaults=defaults)


def event(tool: str, args: dict[str, Json], **session: object) -> RuleEvent:
    call = call_of(PYTHON_TOOLS, tool, args)
    known = {"host": "python", "state": "between-turn", **session}
    facts = {**session_facts(**known), **facts_of_call(call, PLAIN_PLACES)}  # type: ignore[arg-type]
    return RuleEvent("tool", facts, call)


LS = event("shell", {"command": "ls"})


def test_nothing_to_say() -> None:
    """Without a rule that matches, the call is allowed in silence."""
    decision = rules_of(rule("x", when={"command": "pwd"})).decide(LS, KNOWN)

    assert decision.action == "allow"
    assert decision.verdicts == ()
    assert decision.message == ""
    assert decision.intent == ""  # nothing asked what the line does


@pytest.mark.parametrize("strict", ACTIONS)
@pytest.mark.parametrize("mild", ACTIONS)
def test_the_strictest_wins(strict: Action, mild: Action) -> None:
    """Whatever stands first, the strictest action holds and all that matched are named."""
    change = {"rewrite": {"command": Change(value="ls -l")}}
    one = rule("a", strict, **(change if strict == "rewrite" else {}))
    two = rule("b", mild, **(change if mild == "rewrite" else {}))

    decisions = [rules_of(*order).decide(LS, KNOWN) for order in ((one, two), (two, one))]

    assert decisions[0] == decisions[1]
    assert decisions[0].action == max(strict, mild, key=ACTIONS.index)
    assert {verdict.rule for verdict in decisions[0].verdicts} == {"p.a", "p.b"}


def test_when_any_unless() -> None:
    """A rule matches if `when` and one of `any` hold, and not `unless`."""
    rules = rules_of(
        rule(
            "x",
            tools=("shell",),
            when={"command": {"starts_with": "git"}},
            any=({"command": {"contains": "push"}}, {"command": {"contains": "fetch"}}),
            unless={"command": {"contains": "--dry-run"}},
        )
    )

    def action(command: str) -> str:
        return rules.decide(event("shell", {"command": command}), KNOWN).action

    assert action("git push") == "deny"
    assert action("git fetch") == "deny"
    assert action("git pull") == "allow"
    assert action("hg push") == "allow"
    assert action("git push --dry-run") == "allow"


def test_unless_holds_for_each_element_that_matched() -> None:
    """One excused host excuses no other; what did not match needs no excuse."""
    rules = rules_of(
        rule(
            "x",
            tools=("fetch",),
            when={"domains": {"not": {"domain_in": "ok.test"}}},
            unless={"domains": {"domain_in": "*.fine.test"}},
        )
    )
    both = {"url": ["https://a.fine.test", "https://ok.test"]}

    assert rules.decide(event("fetch", {"url": "https://a.fine.test"}), KNOWN).action == "allow"
    assert rules.decide(event("fetch", {"url": "https://evil.test"}), KNOWN).action == "deny"
    assert rules.decide(event("fetch", both), KNOWN).action == "allow"  # type: ignore[arg-type]


def test_one_excused_element_excuses_no_other() -> None:
    """Every element that matched needs its excuse, and those of `any` count with `when`."""
    when = {"labels": {"not": "plain"}}
    excuse = {"labels": {"starts_with": "ok"}}
    rules = rules_of(rule("x", when=when, unless=excuse))
    branches = ({"labels": "bad"}, {"turn": 9})
    by_any = rules_of(rule("x", when={"labels": "ok"}, any=branches, unless=excuse))

    def action(ruleset: RuleSet, *labels: str) -> str:
        return ruleset.decide(event("todo", {}, labels=labels), KNOWN).action

    assert action(rules, "plain", "ok1", "ok2") == "allow"
    assert action(rules, "ok1", "bad") == "deny"
    assert action(rules, "bad", "ok1") == "deny"
    assert action(by_any, "ok", "bad") == "deny"


def test_unless_wants_both_forms_of_a_path() -> None:
    """A link out of an excused folder is not excused, nor one into it."""
    rules = rules_of(
        rule("x", tools=("write",), unless={"path": {"path_under": "build"}}),
    )
    linked = Places("/project", "/home/user", resolve=lambda path: path.replace("build/l", "etc"))
    call = call_of(PYTHON_TOOLS, "write", {"path": "build/l/x", "content": ""})

    linked_event = RuleEvent("tool", facts_of_call(call, linked), call)

    assert rules.decide(linked_event, KNOWN).action == "deny"
    assert rules.decide(event("write", {"path": "build/x"}), KNOWN).action == "allow"


@pytest.mark.parametrize(
    ("unknown", "action"), [("ask", "ask"), ("deny", "deny"), ("ignore", "allow")]
)
@pytest.mark.parametrize("own", ["warn", "ask", "deny", "halt"])
def test_unknown_follows_its_setting(unknown: str, action: str, own: Action) -> None:
    """A rule that cannot be decided does what its `unknown` says, and says why."""
    rules = rules_of(rule("x", own, tools=("fetch",), when={"domains": "x.org"}, unknown=unknown))

    decision = rules.decide(event("fetch", {"url": "file:///etc/passwd"}), KNOWN)

    assert decision.action == action
    assert ("cannot be known" in decision.message) is (action != "allow")


def test_unknown_excuses_nothing() -> None:
    """An excuse or exemption that cannot be decided does not excuse."""
    unknown_url = event("fetch", {"url": "file:///etc/passwd"})
    by_unless = rules_of(rule("x", tools=("fetch",), unless={"domains": "x.org"}))
    exempt = Exempt(rule="p.x", reason="r", layer="user", when={"domains": "x.org"})
    by_exempt = compile_rules([pack(rule("x", tools=("fetch",)))], VOCABULARY, exempts=[exempt])

    assert by_unless.decide(unknown_url, KNOWN).action == "deny"
    assert by_exempt.decide(unknown_url, KNOWN).action == "deny"
    assert by_exempt.decide(event("fetch", {"url": "https://x.org"}), KNOWN).action == "allow"


def test_an_error_while_evaluating_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that fails denies and says so; the others are still heard."""

    def broken(*_: object) -> bool:
        raise MemoryError("out of memory")

    rules = rules_of(rule("x", "warn", when={"command": "pwd"}), rule("y", "warn"))
    monkeypatch.setattr(Matcher, "test", broken)

    decision = rules.decide(LS, KNOWN)

    assert decision.action == "deny"
    assert "MemoryError: out of memory [p.x]" in decision.message
    assert [one.rule for one in decision.verdicts] == ["p.x", "p.y"]


def test_shadow_rules_decide_nothing() -> None:
    """A shadow rule, pack or engine is listed apart, labels nothing and says nothing."""
    one = rule("x", labels=("l",))
    by_rule = rules_of(evolve(one, mode="shadow"))
    by_pack = rules_of(one, mode="shadow")
    by_engine = rules_of(one, defaults=Defaults(mode="shadow", tool="deny"))

    for rules in (by_rule, by_pack, by_engine):
        decision = rules.decide(LS, KNOWN)
        assert decision.action == "allow"
        assert decision.message == ""
        assert decision.labels == ()
        assert "p.x" in [verdict.rule for verdict in decision.shadows]


def test_a_shadow_allow_lifts_nothing() -> None:
    """Only an allow that is in force lifts a stricter default."""
    rules = rules_of(rule("x", "allow", mode="shadow"), defaults=Defaults(tool="deny"))

    assert rules.decide(LS, KNOWN).action == "deny"


def test_allow_lifts_the_default_and_no_rule() -> None:
    """`allow` lifts a stricter default, and never another rule."""
    defaults = Defaults(tool="ask")
    allow = rule("a", "allow", tools=("shell",), when={"command": "ls"})

    assert rules_of(allow, defaults=defaults).decide(LS, KNOWN).action == "allow"
    assert rules_of(defaults=defaults).decide(LS, KNOWN).action == "ask"
    assert rules_of(allow, rule("d"), defaults=defaults).decide(LS, KNOWN).action == "deny"
    other = event("shell", {"command": "pwd"})
    decision = rules_of(allow, defaults=defaults).decide(other, KNOWN)
    assert (decision.action, decision.verdicts[0].rule) == ("ask", "default.tool")


def test_exemptions() -> None:
    """An exemption holds where its `when` does, and through its last day."""
    exempt = Exempt(
        rule="p.x", reason="r", layer="user", when={"command": "ls"}, until=date(2027, 1, 15)
    )
    rules = compile_rules([pack(rule("x", tools=("shell",)))], VOCABULARY, exempts=[exempt])
    last_moment = 1_800_057_599_999

    def action(command: str, at_ms: int | None) -> str:
        return rules.decide(event("shell", {"command": command}, at_ms=at_ms), KNOWN).action

    assert action("ls", last_moment) == "allow"
    assert action("ls", last_moment + 1) == "deny"
    assert action("ls", None) == "deny"
    assert action("pwd", last_moment) == "deny"


def test_examples_look_at_the_rule_alone() -> None:
    """Whether a rule fires leaves exemptions, modes and other rules aside."""
    one = rule("x", mode="shadow", tools=("shell",), when={"command": "ls"})
    exempt = Exempt(rule="p.x", reason="r", layer="user")
    rules = compile_rules([pack(one)], VOCABULARY, exempts=[exempt])

    assert rules.fires(one, LS) is True
    assert rules.fires(one, event("shell", {"command": "pwd"})) is False
    assert rules.fires(one, event("read", {"path": "ls"})) is False
    assert rules.decide(LS, KNOWN).shadows == ()


def test_labels_are_set_when_let_through() -> None:
    """Labels come with what is let through, and not with a denial."""
    label = rule("l", "warn", labels=("b", "a"))

    assert rules_of(label).decide(LS, KNOWN).labels == ("a", "b")
    assert rules_of(label, rule("d")).decide(LS, KNOWN).labels == ()


def test_terms_are_the_narrowest() -> None:
    """Of several questions the shortest, fewest and exactest terms hold."""
    one = rule("a", "ask", ask=AskTerms(expires_seconds=60, uses=5, scope="intent"))
    two = rule("b", "ask", ask=AskTerms(expires_seconds=600, uses=1, scope="call"))
    halt = rule("h", "halt", halt_scope="session")

    decision = rules_of(one, two).decide(LS, KNOWN)

    assert decision.ask == AskTerms(expires_seconds=60, uses=1, scope="call")
    assert rules_of(rule("t", "halt"), halt).decide(LS, KNOWN).halt_scope == "session"


def test_a_denial_that_may_be_overridden() -> None:
    """A denial can be overridden only if every denial says how."""
    command = RuleEvent("command", {"command": "deploy"})
    one = rule("a", on="command", override="acknowledge")

    assert rules_of(one).decide(command, KNOWN).override == "acknowledge"
    hard = rule("b", on="command", override="none")
    assert rules_of(one, hard).decide(command, KNOWN).override == "none"
    forced = rule("b", on="command", override="force")
    assert rules_of(one, forced).decide(command, KNOWN).override == "force"


def test_several_paths_count_once() -> None:
    """One denied path denies the call, and its rule is named once."""
    rules = rules_of(rule("x", tools=("edit",), when={"path": {"glob": "**/.env"}}))

    decision = rules.decide(event("edit", {"path": ["a", ".env", "b/.env"]}), KNOWN)

    assert decision.action == "deny"
    assert [one.rule for one in decision.verdicts] == ["p.x"]


def test_an_allow_must_hold_for_every_path() -> None:
    """One allowed path does not lift the default for the others."""
    allow = rule("x", "allow", tools=("edit",), when={"path": {"path_under": "src"}})
    rules = rules_of(allow, defaults=Defaults(tool="deny"))

    assert rules.decide(event("edit", {"path": ["src/a", "b"]}), KNOWN).action == "deny"
    assert rules.decide(event("edit", {"path": ["src/a", "src/b"]}), KNOWN).action == "allow"


def test_rules_for_tools_of_a_host() -> None:
    """`native:host:name` is about that tool of that host alone."""
    rules = rules_of(rule("x", tools=("native:python:todo",)))

    assert rules.decide(event("todo", {}), KNOWN).action == "deny"
    assert rules.decide(event("todo", {}, host="other"), KNOWN).action == "allow"


def test_rules_for_mcp_tools() -> None:
    """A glob of MCP tools is about all that it hits."""
    rules = rules_of(rule("x", tools=("mcp:air:book_*",)))

    assert rules.decide(event("mcp:air:book_flight", {}), KNOWN).action == "deny"
    assert rules.decide(event("mcp:air:list", {}), KNOWN).action == "allow"


def test_a_rule_for_all_tools_looks_at_what_a_command_line_writes() -> None:
    """A rule on `writes` for all tools sees a tool that writes and a line that does."""
    rules = rules_of(rule("x", when={"writes": {"glob": "**/.env"}}))

    assert rules.decide(LS, KNOWN).action == "allow"
    assert rules.decide(event("write", {"path": ".env"}), KNOWN).action == "deny"
    assert rules.decide(event("shell", {"command": "echo x > .env"}), KNOWN).action == "deny"


def test_the_message_says_what_why_and_what_instead() -> None:
    """One reason is one sentence, several are a list, remedies stand last."""
    remedy = Example(facts={"tool": "shell", "command": "ls -1"})
    one = rule("a", when={"command": "ls"}, message="Not `{command}`.", remedy=remedy)

    alone = rules_of(one).decide(LS, KNOWN).message
    both = rules_of(one, rule("b", "warn", message="Hm.")).decide(LS, KNOWN).message

    assert alone == "Denied: Not `ls`. [p.a]\nInstead: shell `ls -1`"
    assert both == "Denied:\n- Not `ls`. [p.a]\n- Hm. [p.b]\nInstead: shell `ls -1`"


def test_the_message_is_bounded() -> None:
    """However many rules match and however long they are, the message has an end."""
    rules = rules_of(*(rule(f"r{n}", message="x" * 1_000 + "{command}") for n in range(50)))

    assert len(rules.decide(LS, KNOWN).message) <= 4_000


def test_other_events() -> None:
    """Rules look at the event they are on, and at no other."""
    prompt = rule("p", on="prompt", when={"prompt": {"contains": "secret"}})
    rules = rules_of(prompt)

    assert rules.decide(RuleEvent("prompt", {"prompt": "a secret"}), KNOWN).action == "deny"
    assert rules.decide(LS, KNOWN).action == "allow"
    assert rules.has("prompt")
    assert not rules.has("tool")


def test_the_hash_is_of_the_policy() -> None:
    """Equal policies have one hash in any order; another pack, setting or exempt another."""
    one, two = pack(rule("a")), pack(rule("b"), name="q", hash="g")
    exempt = Exempt(rule="p.a", reason="r", layer="user", when={"command": "ls", "turn": 1})
    turned = evolve(exempt, when={"turn": 1, "command": "ls"})

    def of(*packs: Pack, **given: object) -> str:
        return compile_rules(packs, VOCABULARY, **given).hash  # type: ignore[arg-type]

    assert of(one, two) == of(two, one)
    assert of(one, two, exempts=[exempt]) == of(two, one, exempts=[turned])
    others = [
        of(one),
        of(one, two),
        of(evolve(one, hash="i"), two),
        of(one, two, defaults=Defaults(tool="ask")),
        of(one, two, exempts=[exempt]),
        of(one, two, settings=["x"]),
    ]
    assert len(set(others)) == len(others)


def test_what_cannot_be_compiled_is_raised_at_once() -> None:
    """Without a report every error of every rule is in the one exception."""
    bad = [
        rule("a", when={"comand": "ls"}),
        rule("b", tools=("shel",), message="{pth}"),
    ]

    with pytest.raises(DefinitionError) as raised:
        rules_of(*bad)

    assert [one.code for one in raised.value.diagnostics] == ["GOV220", "GOV213", "GOV247"]


def test_lists_of_tools() -> None:
    """Sets, globs and names are found in a list, and no list means every tool."""
    rules = rules_of()

    assert rules.tool_is_in("edit", ("@writes", "shell"))
    assert not rules.tool_is_in("read", ("@writes", "shell"))
    assert rules.tool_is_in("read", ())
    assert rules.tool_is_in("mcp:a:b", ("mcp:a:*",))


def test_facts_of_a_rule() -> None:
    """A compiled rule knows every fact that it looks at or speaks of, each once."""
    rules = rules_of(
        rule("x", when={"command": "ls"}, unless={"turn": 1}, message="{cwd} {command}")
    )

    (made,) = rules.compiled.values()
    assert sorted(made.facts) == ["command", "cwd", "turn"]


def test_unknown_facts_reach_nobody_as_text() -> None:
    """Only plain values come back out of a decision's facts."""
    decision = rules_of().decide(LS, KNOWN)

    assert decision.rewritten({"a": 1, "b": Unknown("x")}) == {"a": 1}


def test_facts_of_families_stand_in_tables() -> None:
    """`when.usage.tokens` looks at the fact below its family."""
    rules = rules_of(rule("x", when={"usage": {"tokens": {"gt": 10}}, "fields": {"n": 1}}))
    full = event("todo", {}, usage={"tokens": 11}, fields={"n": 1})

    assert rules.decide(full, KNOWN).action == "deny"
    assert rules.decide(event("todo", {}, usage={"tokens": 9}), KNOWN).action == "allow"


def test_an_empty_alternative_is_refused() -> None:
    """A table that asks nothing is an error where it stands."""
    with pytest.raises(DefinitionError) as raised:
        rules_of(rule("x", any=({"command": "ls"}, {})))

    (problem,) = raised.value.diagnostics
    assert (problem.code, problem.path) == ("GOV229", ("rule", 0, "any", 1))


def test_many_tools_are_forgotten_not_kept() -> None:
    """The memory of candidates is bounded, and what it forgets is decided alike."""
    rules = rules_of(rule("x", tools=("mcp:a:t*",)))

    actions = {rules.decide(event(f"mcp:a:t{n}", {}), KNOWN).action for n in range(4_200)}

    assert actions == {"deny"}


def test_a_list_of_tools_that_cannot_be_read_is_every_tool() -> None:
    """What is put in force for a list that cannot be read is in force for all."""
    assert rules_of().tool_is_in("read", ("mcp:a:{x",))


def test_calls_that_are_no_json_have_an_intent() -> None:
    """Arguments that no journal would hold still have an intent."""
    odd = event("mcp:a:b", {"x": float("nan")})

    assert str(odd.facts["intent"]).startswith("mcp:a:b ")


WRITTEN: dict[str, Json] = {"path": "a.py", "content": "x"}


def test_a_foreign_tool_is_decided_as_what_it_comes_to_too() -> None:
    """Rules on writing hold for it, a default for its own name, and each rule counts once."""
    writing = rule("w", tools=("write",), when={"path": "./a.py"})
    everything = rule("all", "warn", when={"tool": {"not": "shell"}})
    denying = Defaults(tool="deny")
    allowing = rule("fs", "allow", tools=("mcp:fs:*",))

    decision = rules_of(writing, everything).decide(event("mcp:fs:save", WRITTEN), KNOWN)

    assert [one.rule for one in decision.verdicts] == ["p.w", "p.all"]
    allowed = rules_of(allowing, defaults=denying)
    assert allowed.decide(event("mcp:fs:save", WRITTEN), KNOWN).action == "allow"
    assert allowed.decide(event("mcp:db:save", WRITTEN), KNOWN).action == "deny"


def test_one_foreign_tool_is_let_be_by_its_own_name() -> None:
    """`native` is the same in both, so that an excuse can name the tool."""
    writing = rule("w", tools=("write",), unless={"native": "mcp:fs:save"})

    assert rules_of(writing).decide(event("mcp:fs:save", WRITTEN), KNOWN).action == "allow"
    assert rules_of(writing).decide(event("mcp:fs:put", WRITTEN), KNOWN).action == "deny"


def test_what_a_foreign_tool_comes_to_cannot_be_changed() -> None:
    """Nothing tells which argument the changed fact belongs to: the call is denied."""
    change = {"command": Change(value="ls -l")}
    rules = rules_of(rule("x", "rewrite", tools=("shell",), rewrite=change))

    decision = rules.decide(event("mcp:sh:run", {"command": "ls"}), KNOWN)

    assert decision.action == "deny"
    assert "cannot be changed by a rule" in decision.message


def test_foreign_calls_have_the_intent_of_what_they_do() -> None:
    """The same file by another tool is the same try."""
    native = event("write", {"path": "a.py"}).facts["intent"]

    assert event("mcp:fs:write_file", {"path": "./a.py"}).facts["intent"] == native
