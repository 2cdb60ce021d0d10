"""What all files together tell: names, inheritance, budgets, time zones, examples."""

from __future__ import annotations

import attrs
import pytest

from governance._toml import read_toml
from governance.calls import ToolCall
from governance.errors import DefinitionError
from governance.rules.blocks import CompiledBlock
from governance.rules.check import check_rules
from governance.rules.facts import facts_of_call
from governance.rules.format import Defaults
from governance.rules.loader import Loaded, load_rules, read_rules
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.verdicts import History, RuleEvent
from governance.rules.vocabulary import default_vocabulary

HEAD = 'format = 1\n[pack]\nname = "p"\nversion = "1.0.0"\nsummary = "x"\n'


def load(text: str, **changes: object) -> Loaded:
    """What comes of one pack of the user with *text* after its head."""
    settings = attrs.evolve(LoadSettings(fields={"language": "en"}), **changes)  # type: ignore[arg-type]
    source = PackSource("p", HEAD + text, "p.toml", "user")
    return read_rules([source], default_vocabulary(), settings=settings)


def codes(loaded: Loaded) -> list[tuple[int, str]]:
    """Line and code of every diagnostic."""
    return [(one.line, one.code) for one in loaded.diagnostics]


def test_a_role_gets_what_it_does_not_say_itself_from_the_one_it_extends() -> None:
    """Inherited through two steps; what it says itself is its own."""
    loaded = load(
        '[[role]]\nname = "a"\ntools = ["read", "todo", "write"]\nwrites = ["src/**"]\n'
        'first = ["todo"]\n'
        '[[role]]\nname = "b"\ntools = ["read", "todo", "write"]\nextends = "a"\n'
        '[[role]]\nname = "c"\ntools = ["todo", "write"]\nextends = "b"\nwrites = ["src/x/**"]\n'
    )

    roles = {role.name: role for pack in loaded.packs for role in pack.roles}
    assert codes(loaded) == []
    assert roles["b"].writes == ("src/**",)
    assert roles["c"].first == ("todo",)
    assert roles["c"].writes == ("src/x/**",)


def test_a_role_cannot_drop_the_first_tool_it_inherits() -> None:
    """An empty `first` below one that demands something is wider."""
    loaded = load(
        '[[role]]\nname = "a"\ntools = ["read", "todo"]\nfirst = ["todo"]\n'
        '[[role]]\nname = "b"\ntools = ["read"]\nextends = "a"\nfirst = []\n'
    )

    assert codes(loaded) == [(14, "GOV262")]


BASE = (
    '[[role]]\nname = "a"\ntools = ["read", "write", "todo", "delegate"]\nwrites = ["docs/**"]\n'
    'delegates_to = ["x"]\nfirst = ["read", "todo"]\n[[role]]\nname = "x"\ntools = ["read"]\n'
    '[[role]]\nname = "y"\ntools = ["read"]\n[[role]]\nname = "b"\nextends = "a"\n'
    'tools = ["read", "write", "todo", "delegate"]\n'
)


@pytest.mark.parametrize(
    ("stated", "wider"),
    [
        ("", False),
        ('writes = ["docs/a/**"]', False),
        ('writes = ["docs/a/**", "src/**"]', True),
        ('writes = ["docs/../src/**"]', True),
        ("writes = []", False),
        ('delegates_to = ["x"]', False),
        ('delegates_to = ["x", "y"]', True),
        ("delegates_to = []", False),
        ('first = ["todo"]', False),
        ('first = ["todo", "write"]', True),
        ("first = []", True),
    ],
)
def test_what_a_role_says_itself_is_no_more_than_it_would_inherit(stated: str, wider: bool) -> None:
    """Paths, delegates and first tools each narrow; what adds to them is an error on its line."""
    assert codes(load(f"{BASE}{stated}\n")) == ([(22, "GOV262")] if wider else [])


CONTEXT = '[[context]]\nid = "{id}"\nat = ["beginning"]\nkeep = {keep}\ntext = "{text}"\n'


@pytest.mark.parametrize(("budget", "expected"), [(10, []), (9, [(14, "GOV265")])])
def test_what_must_be_kept_fits_the_budget(budget: int, expected: list[tuple[int, str]]) -> None:
    """At the bound it fits; one above, the block that goes over is named."""
    text = CONTEXT.format(id="a", keep="true", text="12345") + CONTEXT.format(
        id="b", keep="true", text="67890"
    )
    text += CONTEXT.format(id="c", keep="false", text="no count")

    assert codes(load(text, characters_max=budget)) == expected


def test_a_block_that_alone_exceeds_the_budget_is_told_of() -> None:
    """It would never be told; what stands for a fact may be shorter than its name."""
    text = CONTEXT.format(id="a", keep="false", text="1234567890") + CONTEXT.format(
        id="b", keep="false", text="123456789{fields.language}"
    )

    assert codes(load(text, characters_max=10)) == []
    assert codes(load(text, characters_max=9)) == [(10, "GOV265")]


def test_context_blocks_are_worded_by_facts() -> None:
    """A block says its text where its condition holds, and nothing where it may not."""
    loaded = load(
        '[[context]]\nid = "a"\nat = ["beginning"]\nwhen.state = "beginning"\n'
        'text = "Speak {fields.language}, {{turn}} {turn}."\n'
    )

    assert loaded.rules is not None
    (block,) = loaded.rules.contexts
    assert isinstance(block, CompiledBlock)
    facts = {"fields.language": "en", "turn": 3, "state": "beginning"}
    assert block.wording(facts) == "Speak en, {turn} 3."
    assert block.wording({**facts, "state": "compacted"}) is None
    assert block.wording({}) is None
    assert block.volatile


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ('at = ["beginning"]\ntext = "{path}"', "GOV264"),
        ('at = ["beginning"]\nwhen.prompt = "x"\ntext = "a"', "GOV221"),
        ('at = ["tool-result", "beginning"]\ntext = "{output}"', "GOV264"),
        ('at = ["beginning"]\ntext = "{"', "GOV264"),
    ],
)
def test_a_block_speaks_only_of_what_is_known_then(block: str, code: str) -> None:
    """Facts of a call are known after a tool, and at no other moment."""
    assert [one for _, one in codes(load(f'[[context]]\nid = "a"\n{block}\n'))] == [code]


def test_a_block_after_a_tool_may_speak_of_the_result() -> None:
    """With `tool-result` alone the facts of the call are there."""
    loaded = load(
        '[[context]]\nid = "a"\nat = ["tool-result"]\nwhen.outcome = "failed"\n'
        'text = "{tool} failed."\n'
    )

    assert loaded.rules is not None
    (block,) = loaded.rules.contexts
    assert isinstance(block, CompiledBlock)
    assert block.wording({"tool": "shell", "outcome": "failed"}) == "shell failed."


NIGHT = """
[[rule]]
id = "a.night"
when.time = { between = [18:00:00, 08:00:00] }
action = "warn"
message = "Late."
must_match = [{ tool = "read", path = "a", at = 2030-01-01T19:00:00 }]
must_not_match = [{ tool = "read", path = "a", at = 2030-01-01T19:00:00Z }]
"""


def test_a_rule_on_time_needs_a_time_zone() -> None:
    """Without one, or with one that nobody knows, the rule could mean any hour."""
    assert (7, "GOV271") in codes(load(NIGHT))
    assert (7, "GOV271") in codes(load(NIGHT, time_zone="Europe/Berln"))


def test_examples_happen_in_the_time_zone_of_the_project() -> None:
    """A local time is the project's, an offset is turned into it."""
    loaded = load(NIGHT, time_zone="America/Los_Angeles")

    assert codes(loaded) == []


EXAMPLES = """
[[rule]]
id = "a.b"
tools = ["read"]
when.path = { glob = "/etc/**" }
unless.role = "admin"
action = "deny"
message = "No."
must_match = [{ tool = "read", path = "/etc/hosts", role = "admin" }]
must_not_match = [{ tool = "read", path = "/etc/x" }]
[[role]]
name = "admin"
tools = ["read"]
"""


def test_a_failing_example_says_which_matcher_decided_on_which_value() -> None:
    """The words name the matcher and the value that it saw."""
    first, second = load(EXAMPLES).errors

    assert (first.code, first.line) == ("GOV253", 14)
    assert "unless.role" in first.message
    assert "admin" in first.message
    assert (second.code, second.line) == ("GOV253", 15)
    assert "/etc/**" in second.message
    assert "/etc/x" in second.message


def test_examples_of_a_proven_rule_set_are_not_run_again() -> None:
    """What the machine remembers by its hash loads without running them; only that hash."""
    sound = load(EXAMPLES.replace(', role = "admin"', "").replace("/etc/x", "/x"))
    assert sound.rules is not None

    assert load(EXAMPLES, proven=lambda _: True).errors == ()
    assert load(EXAMPLES, proven=lambda text_hash: text_hash == sound.rules.hash).errors


PLACES = """
[[rule]]
id = "a.b"
tools = ["read"]
when.path = { glob = "{src,~/x}/**" }
action = "deny"
message = "No."
must_match = [{ tool = "read", path = "src/a" }, { tool = "read", path = "~/x/a" }]
must_not_match = [{ tool = "read", path = "a" }, { tool = "read", path = "/home/ana/work/src/a" }]
"""


def test_examples_hold_whatever_the_project_is_called() -> None:
    """Examples are run on a plain project; the rules themselves are about the real one."""
    places = Places("/home/ana/work", "/home/ana")
    source = PackSource("p", HEAD + PLACES, "p.toml", "user")

    loaded = read_rules([source], default_vocabulary(), places=places)

    assert codes(loaded) == []
    assert loaded.rules is not None
    real, plain = (
        RuleEvent("tool", {"tool": "read", "path": path})
        for path in ("/home/ana/work/src/a", "/project/src/a")
    )
    assert loaded.rules.decide(real, History(known=True)).action == "deny"
    assert loaded.rules.decide(plain, History(known=True)).action == "allow"
    assert [one.code for one in check_rules([source], default_vocabulary(), places=places)] == []


def test_a_wrong_rule_is_told_once_whatever_the_project_is_called() -> None:
    """Compiling twice, for the project and for its examples, doubles no diagnostic."""
    text = PLACES.replace("{src,~/x}/**", "src").replace('message = "No."', 'message = "{x}"')
    source = PackSource("p", HEAD + text, "p.toml", "user")

    loaded = read_rules([source], default_vocabulary(), places=Places("/home/a/w", "/home/a"))

    assert sorted(one.code for one in loaded.diagnostics) == ["GOV228", "GOV247"]


def test_an_allow_is_worth_something_only_under_a_stricter_default() -> None:
    """GOV241 when tools are allowed anyway; none when the project denies by default."""
    text = '[[rule]]\nid = "a.b"\ntools = ["read"]\naction = "allow"\n'

    assert codes(load(text)) == [(9, "GOV241")]
    assert codes(load(text, defaults=Defaults(tool="deny"))) == []


def test_a_remedy_is_tried_with_the_facts_of_each_example() -> None:
    """A placeholder in a remedy is filled; one that another rule refuses is an error."""
    text = """
[[rule]]
id = "a.write"
tools = ["write"]
action = "deny"
message = "No."
remedy = { tool = "read", path = "{path}" }
must_match = [{ tool = "write", path = "/a" }, { tool = "write", path = "/b" }]
must_not_match = [{ tool = "read", path = "/a" }]
"""
    other = """
[[rule]]
id = "a.read"
tools = ["read"]
when.path = "/b"
action = "deny"
message = "No."
must_match = [{ tool = "read", path = "/b" }]
must_not_match = [{ tool = "read", path = "/a" }]
"""

    assert codes(load(text)) == []
    assert codes(load(text + other)) == [(12, "GOV251")]
    assert "`a.read`" in load(text + other).diagnostics[0].message


OFFERING = """
[[rule]]
id = "a.write"
tools = ["write"]
action = "deny"
message = "No."
remedy = { tool = "read", path = "/a" }
must_match = [{ tool = "write", path = "/a" }]
must_not_match = [{ tool = "read", path = "/a" }]
"""
REFUSING = """
[[rule]]
id = "b.read"
tools = ["read"]
action = "deny"
message = "No."
must_match = [{ tool = "read", path = "/a" }]
must_not_match = [{ tool = "write", path = "/a" }]
"""


def load_two(project: str = "[project]\n") -> Loaded:
    """What comes of a pack that offers what another one refuses, in a project with *project*."""
    sources = [
        PackSource("p", HEAD + OFFERING, "p.toml", "project"),
        PackSource("q", HEAD.replace('"p"', '"q"') + REFUSING, "q.toml", "project"),
    ]
    settings = LoadSettings(
        project=read_toml(project, "governance.toml"), trusted=lambda _hash: True
    )
    return read_rules(sources, default_vocabulary(), settings=settings)


def test_a_remedy_that_another_pack_refuses_is_a_warning_there_and_is_not_offered() -> None:
    """A pack cannot know what others forbid; who adds the other rule is told, and not stopped."""
    loaded = load_two()

    [told] = loaded.diagnostics
    assert (told.code, told.severity, told.file, told.line) == ("GOV251", "warning", "q.toml", 7)
    assert "`b.read` refuses the remedy of `a.write`" in told.message
    assert "is not offered" in told.suggestion
    assert loaded.rules is not None
    call = ToolCall("write", own={"path": "/a"})
    event = RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call)
    assert "Instead" not in loaded.rules.decide(event).message


def test_a_remedy_that_its_own_pack_refuses_stays_an_error_beside_other_packs() -> None:
    """Whoever wrote both can mend it, whatever others refuse as well."""
    own = REFUSING.replace("b.read", "a.read")
    sources = [
        PackSource("p", HEAD + OFFERING + own, "p.toml", "user"),
        PackSource("q", HEAD.replace('"p"', '"q"') + REFUSING, "q.toml", "user"),
    ]

    loaded = read_rules(sources, default_vocabulary())

    [told] = loaded.errors
    assert (told.code, told.file, "`a.read`" in told.message) == ("GOV251", "p.toml", True)


@pytest.mark.parametrize("exempted", ["a.write", "b.read"])
def test_of_an_exempted_rule_no_remedy_is_looked_at_and_none_is_refused(exempted: str) -> None:
    """A rule that is lifted everywhere offers nothing, and refuses nothing."""
    project = f'[[exempt]]\nrule = "{exempted}"\nreason = "not here"\n'

    assert [one.code for one in load_two(project).diagnostics] == []


def test_a_remedy_of_a_rule_that_is_exempted_in_part_is_looked_at() -> None:
    """Where it still holds, it still offers."""
    project = '[[exempt]]\nrule = "a.write"\nreason = "x"\nwhen.path = "/b"\n'

    assert [one.code for one in load_two(project).diagnostics] == ["GOV251"]


def test_load_rules_raises_every_error_and_keeps_warnings() -> None:
    """All errors in one exception; a set that loads carries its warnings."""
    bad = PackSource("p", HEAD + "[[rule]]\nid = 3\n", "p.toml", "user")
    worse = PackSource("q", "format = ", "q.toml", "user")
    odd = PackSource("p", HEAD + '[vars]\nx = "y"\n', "p.toml", "user")

    with pytest.raises(DefinitionError) as caught:
        load_rules([bad, worse], default_vocabulary())
    assert {one.file for one in caught.value.diagnostics} == {"p.toml", "q.toml"}
    assert [one.code for one in load_rules([odd], default_vocabulary()).warnings] == ["GOV204"]


def test_no_packs_are_an_empty_rule_set() -> None:
    """Nothing is denied where nothing is said; that is no error of loading."""
    assert load_rules([], default_vocabulary()).rules == {}


def _redirect(index: int, target: int) -> str:
    return (
        f'[[rule]]\nid = "a.r{index}"\non = "command"\nwhen.command = "c{index}"\n'
        f'action = "rewrite"\nrewrite.command = "c{target}"\n'
    )


def test_redirects_in_a_row_are_followed_however_many_they_are() -> None:
    """A long chain is none, and one that comes back is told of each of its rules."""
    count = 1_100

    chain = load("".join(_redirect(one, one + 1) for one in range(count)))
    circle = load("".join(_redirect(one, (one + 1) % count) for one in range(count)))

    assert chain.errors == ()
    assert {one.code for one in circle.errors} == {"GOV237"}
    assert len(circle.errors) == count


def test_of_too_many_labels_nothing_else_is_told() -> None:
    """Each is not compared with every other one, of which a file may hold a hundred thousand."""
    names = ", ".join(f'"l{one}-{letter}"' for one in range(200) for letter in "ab")

    loaded = load(f'[[rule]]\nid = "a.b"\nlabels = [{names}]\naction = "warn"\nmessage = "m"\n')

    assert codes(loaded) == [(1, "GOV235")]
