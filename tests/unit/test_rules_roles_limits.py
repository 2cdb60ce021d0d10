"""Roles: limits of an agent as verdicts, with and without a parent."""

from __future__ import annotations

import pytest
from attrs import evolve

from governance.errors import Problem
from governance.rules.deciding import Decision, History, RuleEvent, RuleSet, compile_rules
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import Defaults, Pack, RoleDef
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.roles import intersection
from governance.rules.vocabulary import PYTHON_TOOLS, call_of, default_vocabulary
from governance.values import Json

VALIDATOR = RoleDef(
    name="validator",
    pack="p",
    layer="user",
    position=0,
    agents=("low-validator",),
    tools=("read", "grep", "todo", "delegate", "@writes", "mcp:git:*"),
    writes=("docs/**",),
    delegates_to=("helper",),
    first=("todo", "read"),
)
HELPER = RoleDef(
    name="helper",
    pack="p",
    layer="user",
    position=1,
    agents=("h1",),
    tools=("read", "write"),
)
READ = History(frozenset({"read"}), known=True)


def rules_of(*roles: RoleDef, mode: str = "enforce", unknown_role: str = "deny") -> RuleSet:
    pack = Pack(
        name="p", version="1", summary="", layer="user", file="p", hash="h", roles=roles,
        mode=mode,
    )  # fmt: skip
    defaults = evolve(Defaults(), unknown_role=unknown_role)
    return compile_rules([pack], default_vocabulary(), defaults=defaults)


RULES = rules_of(VALIDATOR, HELPER)


def decide(
    role: str | None,
    tool: str,
    args: dict[str, Json] | None = None,
    *,
    history: History = READ,
    parents: tuple[str, ...] = (),
    rules: RuleSet = RULES,
    places: Places = PLAIN_PLACES,
) -> Decision:
    call = call_of(PYTHON_TOOLS, tool, args or {})
    facts = session_facts(role=role, host="python", parent_roles=parents)
    return rules.decide(RuleEvent("tool", {**facts, **facts_of_call(call, places)}, call), history)


def limits(decision: Decision) -> list[str]:
    return [one.rule for one in decision.verdicts]


@pytest.mark.parametrize(
    ("tool", "args", "broken"),
    [
        ("read", {"path": "a"}, []),
        ("shell", {"command": "ls"}, ["role.validator.tools"]),
        ("mcp:git:push", {}, []),
        ("mcp:hub:push", {}, ["role.validator.tools"]),
        ("mcp:git:commit_file", {"path": "docs/a"}, []),
        ("mcp:git:commit_file", {"path": "src/a"}, ["role.validator.writes"]),
        ("mcp:git:show_file", {"path": "src/a"}, []),
        ("mcp:git:run", {"command": "echo > src/a"}, ["role.validator.writes"]),
        ("write", {"path": "docs/a"}, []),
        ("write", {"path": "src/a"}, ["role.validator.writes"]),
        ("write", {"path": "docs/../src/a"}, ["role.validator.writes"]),
        ("write", {"path": ["docs/a", "src/a"]}, ["role.validator.writes"]),
        ("write", {"path": 5}, ["role.validator.writes"]),
        ("delegate", {"agent": "h1"}, []),
        ("delegate", {"agent": "helper"}, []),
        ("delegate", {"agent": "validator"}, ["role.validator.delegates_to"]),
        ("delegate", {"agent": "stranger"}, ["role.validator.delegates_to"]),
        ("delegate", {}, ["role.validator.delegates_to"]),
    ],
)
def test_limits(tool: str, args: dict[str, Json], broken: list[str]) -> None:
    """Each limit of a role denies what it does not allow, and nothing else."""
    decision = decide("validator", tool, args)

    assert limits(decision) == broken
    assert decision.action == ("deny" if broken else "allow")


def test_a_link_out_of_what_may_be_written() -> None:
    """A path must be allowed as spelled and as it leads."""
    linked = Places("/project", "/home/user", resolve=lambda path: path.replace("docs/l", "etc"))

    decision = decide("validator", "write", {"path": "docs/l/a"}, places=linked)

    assert limits(decision) == ["role.validator.writes"]


def test_first_holds_until_one_is_ok() -> None:
    """Before one of the first tools was ok, no other is; a violator stays bound."""
    nothing = History(frozenset(), known=True)
    shelled = History(frozenset({"shell", "grep"}), known=True)

    assert limits(decide("validator", "grep", {"pattern": "x"}, history=nothing)) == [
        "role.validator.first"
    ]
    assert limits(decide("validator", "grep", {"pattern": "x"}, history=shelled)) == [
        "role.validator.first"
    ]
    assert limits(decide("validator", "todo", history=nothing)) == []
    assert limits(decide("validator", "grep", {"pattern": "x"}, history=READ)) == []


def test_first_is_skipped_without_history() -> None:
    """Without a session behind the call, `first` decides nothing and is listed."""
    decision = decide("validator", "grep", {"pattern": "x"}, history=History())

    assert decision.action == "allow"
    assert decision.skipped == ("role.validator.first",)
    assert decide("validator", "read", {"path": "a"}, history=History()).skipped == ()


def test_a_child_may_do_what_all_its_parents_may() -> None:
    """A child has the intersection of its own and its parents' limits."""
    child = {"parents": ("validator",)}

    assert limits(decide("helper", "write", {"path": "src/a"})) == []
    assert limits(decide("helper", "write", {"path": "src/a"}, **child)) == [  # type: ignore[arg-type]
        "role.validator.writes"
    ]
    assert limits(decide("helper", "write", {"path": "docs/a"}, **child)) == []  # type: ignore[arg-type]
    nothing = History(frozenset(), known=True)
    for role, tool in (("helper", "read"), (None, "grep")):
        first = decide(role, tool, {"path": "a"}, history=nothing, parents=("validator",))
        assert first.action == "allow", "what comes first comes first for who has the role itself"


@pytest.mark.parametrize(
    ("policy", "tool", "action"),
    [
        ("deny", "read", "deny"),
        ("read-only", "read", "allow"),
        ("read-only", "write", "deny"),
        ("allow", "write", "allow"),
    ],
)
def test_undeclared_roles(policy: str, tool: str, action: str) -> None:
    """A role that no pack declares may do what the project says of such."""
    rules = rules_of(VALIDATOR, unknown_role=policy)

    assert decide("stranger", tool, {"path": "a"}, rules=rules).action == action
    child = decide("validator", tool, {"path": "docs/a"}, rules=rules, parents=("stranger",))
    assert child.action == action


def test_without_roles_there_are_no_limits() -> None:
    """No role given, or none declared: roles limit nothing."""
    assert decide(None, "shell", {"command": "ls"}).action == "allow"
    assert decide("any", "shell", {"command": "ls"}, rules=rules_of()).action == "allow"


def test_shadow_roles_decide_nothing() -> None:
    """Roles of a shadow pack are listed apart."""
    decision = decide("validator", "shell", rules=rules_of(VALIDATOR, mode="shadow"))

    assert decision.action == "allow"
    assert [one.rule for one in decision.shadows] == ["role.validator.tools"]


def test_agents_have_roles() -> None:
    """The host's agent name leads to its role."""
    assert RULES.role_of_agent("low-validator") == "validator"
    assert RULES.role_of_agent("stranger") is None


def test_messages_say_what_the_role_has() -> None:
    """A refusal of a role says what it may do instead."""
    decision = decide("helper", "shell", {"command": "ls"})

    assert decision.message == (
        "Denied: role `helper` may not use `shell`; it has `read` and `write` [role.helper.tools]"
    )


def test_intersection_for_showing() -> None:
    """What a child has is what all have, in its own order."""
    shared = intersection([VALIDATOR, HELPER])

    assert shared.tools == ("read",)
    assert shared.delegates_to == ()
    assert shared.writes == ("docs/**",)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("ls", ""),
        ("ls 2>/dev/null", ""),
        ("echo x > docs/a", ""),
        ("echo x > src/a", "`/project/src/a`"),
        ("rm -r docs/../src", "`/project/src`"),
        ('echo x > "$F"', "not known"),
        ('eval "$X"', "not known"),
    ],
)
def test_what_a_command_line_writes_is_limited(command: str, why: str) -> None:
    """A role's `writes` holds for its command lines; what may write anywhere is refused."""
    role = evolve(VALIDATOR, tools=("shell", "read", "todo"), first=())

    decision = decide("validator", "shell", {"command": command}, rules=rules_of(role))

    assert limits(decision) == (["role.validator.writes"] if why else [])
    assert why in decision.message


def test_bad_globs_are_errors() -> None:
    """A bare name among the globs of a role is refused."""
    problems: list[Problem] = []
    role = evolve(VALIDATOR, writes=(".env", "src/["))
    pack = Pack(name="p", version="1", summary="", layer="user", file="p", hash="h", roles=(role,))

    compile_rules(
        [pack], default_vocabulary(), report=lambda file, problem: problems.append(problem)
    )

    assert [(one.code, one.path) for one in problems] == [
        ("GOV228", ("role", 0, "writes", 0)),
        ("GOV224", ("role", 0, "writes", 1)),
    ]
