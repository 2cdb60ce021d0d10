"""Layers: a lower one adds and tightens; what loosens needs leave, or a person's trust."""

from __future__ import annotations

from datetime import date

import attrs
import pytest

from governance._toml import read_toml
from governance.calls import ToolCall
from governance.rules.facts import facts_of_call
from governance.rules.format import Defaults, Layer
from governance.rules.loader import Loaded, read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.trust import pack_hash
from governance.rules.verdicts import Decision, History, RuleEvent
from governance.rules.vocabulary import default_vocabulary

HEAD = 'format = 1\n[pack]\nname = "{name}"\nversion = "1.0.0"\nsummary = "x"\n'
RULE = """
[[rule]]
id = "{id}"
tools = ["read"]
when.path = "/etc/hosts"
action = "deny"
message = "No."
exempt = "{exempt}"
must_match = [{{ tool = "read", path = "/etc/hosts" }}]
must_not_match = [{{ tool = "read", path = "/a" }}]
"""
EXEMPT = '[[exempt]]\nrule = "{rule}"\nreason = "Because."\n'


def pack(name: str, layer: Layer, *parts: str) -> PackSource:
    """A pack of these parts."""
    return PackSource(name, HEAD.format(name=name) + "".join(parts), f"{name}.toml", layer)


def rule(name: str, exempt: str = "layer") -> str:
    """A rule that denies one file."""
    return RULE.format(id=name, exempt=exempt)


def load(*sources: PackSource, toml: str = "", **changes: object) -> Loaded:
    """What comes of *sources* with *toml* as ``governance.toml``, everything trusted."""
    project = read_toml(toml, "governance.toml") if toml else None
    settings = LoadSettings(project=project, trusted=lambda _: True)
    return read_rules(
        sources,
        default_vocabulary(),
        settings=attrs.evolve(settings, **changes),  # type: ignore[arg-type]
    )


def codes(loaded: Loaded) -> list[tuple[str, int, str]]:
    """File, line and code of every diagnostic."""
    return [(one.file, one.line, one.code) for one in loaded.diagnostics]


def denied(loaded: Loaded, **facts: object) -> bool:
    """Whether the one file is denied."""
    assert loaded.rules is not None, loaded.diagnostics
    event = RuleEvent("tool", {"tool": "read", "path": "/etc/hosts", **facts})
    return loaded.rules.decide(event, History(known=True)).action == "deny"


@pytest.mark.parametrize(
    ("layer", "exempt", "allowed"),
    [
        ("machine", "layer", False),
        ("user", "layer", False),
        ("project", "layer", True),
        ("machine", "any", True),
        ("user", "any", True),
        ("project", "never", False),
        ("machine", "never", False),
    ],
)
def test_a_project_exempts_only_what_it_may(layer: Layer, exempt: str, allowed: bool) -> None:
    """An upper rule is exempted only if it says `any`; a `never` by nobody."""
    loaded = load(pack("p", layer, rule("a.b", exempt)), toml=EXEMPT.format(rule="a.b"))

    if allowed:
        assert codes(loaded) == []
        assert not denied(loaded)
    else:
        assert codes(loaded) == [("governance.toml", 2, "GOV250")]


def test_a_pack_exempts_its_own_rules_alone() -> None:
    """A rule of another file is out of a pack's reach, even in the same layer."""
    own = load(pack("p", "user", rule("a.b"), EXEMPT.format(rule="a.b")))
    foreign = load(pack("p", "user", rule("a.b")), pack("q", "user", EXEMPT.format(rule="a.b")))

    assert not denied(own)
    assert codes(foreign) == [("q.toml", 7, "GOV250")]
    assert "governance.toml" in foreign.diagnostics[0].suggestion


def test_an_exemption_that_has_expired_exempts_nothing() -> None:
    """It is a warning with the line of its date; on the last day it still holds."""
    exempt = EXEMPT.format(rule="a.b") + "until = 2026-05-01\n"
    source = pack("p", "project", rule("a.b"))
    own = pack("p", "project", rule("a.b"), exempt)

    for given, where in (((source, exempt), ("governance.toml", 4)), ((own, ""), ("p.toml", 19))):
        last_day = load(given[0], toml=given[1], today=date(2026, 5, 1))
        after = load(given[0], toml=given[1], today=date(2026, 5, 2))

        assert codes(last_day) == []
        assert not denied(last_day, at_ms=0)
        assert codes(after) == [(*where, "GOV250")]
        assert after.diagnostics[0].severity == "warning"
        assert denied(after, at_ms=0), "not even by a clock that goes back"


@pytest.mark.parametrize(
    "toml",
    ['[exempt]\nrule = "a.b"\n', 'exempt = "a.b"\n', "[[exempt]]\nrul = 3\n"],
)
def test_a_wrong_exempt_table_is_an_error(toml: str) -> None:
    """One that is no array of tables, or has unknown keys, is not passed over."""
    loaded = load(pack("p", "project", rule("a.b")), toml=toml)

    assert loaded.errors


def test_a_project_cannot_shadow_an_upper_layer() -> None:
    """`mode = "shadow"` of the project over a user's rule is an error that names it."""
    toml = '[defaults]\nmode = "shadow"\n'
    shadow = Defaults(mode="shadow")

    over = load(pack("p", "user", rule("a.b")), toml=toml, defaults=shadow)
    own = load(pack("p", "project", rule("a.b")), toml=toml, defaults=shadow)
    granted = load(pack("p", "user", rule("a.b", "any")), toml=toml, defaults=shadow)

    assert codes(over) == [("governance.toml", 2, "GOV258")]
    assert "`a.b`" in over.diagnostics[0].message
    assert not denied(own)
    assert not denied(granted)


LOOSE = """
[[rule]]
id = "p.allow"
tools = ["read"]
action = "allow"
labels = ["free"]
[[context]]
id = "p"
at = ["beginning"]
text = "x"
[[role]]
name = "r"
agents = ["agent"]
tools = ["read"]
"""


def test_an_untrusted_project_pack_only_forbids() -> None:
    """What loosens is left out with one warning that lists it; what denies counts."""
    source = pack("p", "project", rule("a.b"), LOOSE)

    loaded = load(source, trusted=lambda _: False)

    assert codes(loaded) == [("p.toml", 1, "GOV259")]
    for what in ("`p.allow`", "context `p`", "agent `agent`"):
        assert what in loaded.diagnostics[0].message
    assert denied(loaded)
    assert loaded.rules is not None
    assert set(loaded.rules.rules) == {"a.b"}
    assert loaded.rules.contexts == ()
    assert loaded.rules.role_of_agent("agent") is None


LABELLED = """
[[rule]]
id = "p.label"
tools = ["read"]
action = "warn"
message = "m"
labels = ["seen"]
[[rule]]
id = "p.shut"
tools = ["fetch"]
forbids = { label = "seen" }
action = "deny"
message = "m"
must_match = [{ tool = "fetch", url = "https://a.b/", after = [{ tool = "read", path = "a" }] }]
must_not_match = [{ tool = "fetch", url = "https://a.b/" }]
"""


def test_an_untrusted_pack_keeps_labels_that_excuse_nothing_elsewhere() -> None:
    """What a pack forbids by its own labels counts; a label that others ask for is not set."""
    own = pack("p", "project", LABELLED)
    asking = pack(
        "u",
        "user",
        """
[[rule]]
id = "u.ask"
tools = ["write"]
requires = { label = "seen" }
action = "warn"
message = "m"
""",
    )

    alone = load(own, trusted=lambda _: False)
    beside = load(own, asking, trusted=lambda _: False)

    assert codes(alone) == []
    assert alone.rules is not None
    assert alone.rules.rules["p.label"].labels == ("seen",)
    assert codes(beside) == [("p.toml", 1, "GOV259")]
    assert beside.rules is not None
    assert beside.rules.rules["p.label"].labels == ()


def test_trust_is_for_the_very_text() -> None:
    """With the hash of its text trusted the pack counts whole; changed by a blank, no more."""
    source = pack("p", "project", rule("a.b"), LOOSE)
    changed = attrs.evolve(source, text=str(source.text) + "\n")

    trusted = load(source, trusted={pack_hash(source.text)}.__contains__)
    asked_again = load(changed, trusted={pack_hash(source.text)}.__contains__)

    assert codes(trusted) == []
    assert trusted.rules is not None
    assert "p.allow" in trusted.rules.rules
    assert codes(asked_again) == [("p.toml", 1, "GOV259")]


def test_packs_of_upper_layers_need_no_trust() -> None:
    """Machine and user are where trust comes from."""
    loaded = load(pack("p", "user", rule("a.b"), LOOSE), trusted=lambda _: False)

    assert codes(loaded) == []


def test_an_untrusted_governance_file_loosens_nothing() -> None:
    """Its exemptions, shadow and a milder `unknown_role` are left out with a warning."""
    toml = '[defaults]\nmode = "shadow"\n' + EXEMPT.format(rule="a.b")

    loaded = load(
        pack("p", "project", rule("a.b")),
        toml=toml,
        defaults=Defaults(mode="shadow", unknown_role="allow"),
        trusted=lambda _: False,
    )

    assert codes(loaded) == [("governance.toml", 1, "GOV259")]
    assert denied(loaded)
    assert loaded.rules is not None
    assert loaded.rules.defaults == Defaults()


ROLE = '[[role]]\nname = "{name}"\nagents = ["x"]\ntools = {tools}\n{more}'


def test_a_lower_layer_may_narrow_an_agents_role() -> None:
    """The agent of an upper role gets a lower role that extends it, trusted or not."""
    upper = pack("u", "user", ROLE.format(name="up", tools='["read", "grep"]', more=""))
    narrow = ROLE.format(name="low", tools='["read"]', more='extends = "up"\n')

    for trusted in (True, False):
        loaded = load(upper, pack("p", "project", narrow), trusted=lambda _, t=trusted: t)
        assert codes(loaded) == []
        assert loaded.rules is not None
        assert loaded.rules.role_of_agent("x") == "low"


def test_a_lower_layer_may_not_widen_or_replace_a_role() -> None:
    """More tools than the upper role, or a role beside it for the same agent, is an error."""
    upper = pack("u", "user", ROLE.format(name="up", tools='["read"]', more=""))
    wider = ROLE.format(name="low", tools='["read", "write"]', more='extends = "up"\n')
    beside = ROLE.format(name="low", tools='["read"]', more="")

    assert codes(load(upper, pack("p", "project", wider))) == [("p.toml", 9, "GOV262")]
    assert codes(load(upper, pack("p", "project", beside))) == [("p.toml", 8, "GOV262")]


def test_a_rule_of_an_upper_layer_cannot_be_defined_anew() -> None:
    """The same id in a lower layer is a name that is taken, not a replacement."""
    loaded = load(pack("u", "user", rule("a.b")), pack("p", "project", rule("a.b")))

    assert codes(loaded) == [("p.toml", 8, "GOV211")]
    assert "u.toml:8" in loaded.diagnostics[0].message


REWRITING = """
[[rule]]
id = "p.dry"
tools = ["shell"]
when.command = { starts_with = "apply" }
action = "rewrite"
rewrite.command = { add_flags = ["--dry-run"] }
labels = ["dry"]
must_match = [{ tool = "shell", command = "apply x" }]
must_not_match = [
  { tool = "shell", command = "apply x --dry-run" },
  { tool = "shell", command = "other" },
]
"""


def decided(loaded: Loaded, command: str) -> Decision:
    """What is said of a command line."""
    assert loaded.rules is not None, loaded.diagnostics
    call = ToolCall("shell", own={"command": command})
    return loaded.rules.decide(RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call))


def test_an_untrusted_rewrite_asks_where_it_would_change_the_call() -> None:
    """It was written to make a call harmless: until it counts, none runs as it came unasked."""
    source = pack("p", "project", REWRITING)

    waiting = load(source, trusted=lambda _: False)
    trusted = load(source, trusted=lambda _: True)

    assert codes(waiting) == [("p.toml", 1, "GOV259")]
    assert "the change of `p.dry`, which asks instead" in waiting.diagnostics[0].message
    asked = decided(waiting, "apply x")
    assert (asked.action, dict(asked.rewrites), asked.labels) == ("ask", {}, ("dry",))
    assert "`governance trust`" in asked.message
    assert decided(waiting, "apply x --dry-run").action == "allow"
    assert dict(decided(trusted, "apply x").rewrites) == {"command": "apply x --dry-run"}


WRONG_LOOSE = """
[[rule]]
id = "p.allow"
tools = ["read"]
when.pth = "/a"
action = "allow"
labels = ["free"]
[[rule]]
id = "p.fails"
tools = ["read"]
when.path = "/a"
action = "allow"
labels = ["loose"]
must_not_match = [{ tool = "read", path = "/a" }]
[[context]]
id = "p"
at = ["beginning"]
when.depth = { gt = 3, not = { gt = 2 } }
text = "x {fields.nothing}"
[[context]]
id = "q"
at = ["beginning"]
when.depth = { gt = 3, not = { gt = 2 } }
text = "x"
[[exempt]]
rule = "a.b"
reason = "x"
when.path = { glob = "/a/**", not = { path_under = "/a" } }
"""


@pytest.mark.parametrize("trusts", [False, True])
def test_what_is_left_out_is_checked_all_the_same(trusts: bool) -> None:
    """Trust brings it in force, and what is wrong with it must not wait for that."""
    source = pack("p", "project", rule("a.b"), WRONG_LOOSE)
    toml = EXEMPT.format(rule="a.b") + 'when.pth = "/a"\n'

    loaded = load(source, toml=toml, trusted=lambda _: trusts)

    found = sorted({one for one in codes(loaded) if one[2] not in ("GOV259", "GOV241")})
    assert found == [
        ("governance.toml", 4, "GOV220"),
        ("p.toml", 20, "GOV220"),
        ("p.toml", 29, "GOV253"),
        ("p.toml", 34, "GOV264"),
        ("p.toml", 38, "GOV226"),
        ("p.toml", 43, "GOV226"),
    ]
    assert loaded.rules is None


def test_an_exemption_that_is_left_out_is_checked_beside_released_packs() -> None:
    """Also where no pack is the project's own, so that no example is run."""
    source = pack("p", "machine", rule("a.b", "any"))
    toml = EXEMPT.format(rule="a.b") + 'when.pth = "/a"\n'

    loaded = load(source, toml=toml, trusted=lambda _: False, released=lambda _: True)

    assert ("governance.toml", 4, "GOV220") in codes(loaded)
