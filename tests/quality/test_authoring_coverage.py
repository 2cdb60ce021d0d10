"""Would we find the fault? Weak packs have exactly the survivors that they must have."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.authoring.coverage import Coverage, coverage_of, sound_scenarios
from governance.authoring.mutants import mutants_of, negated, put
from governance.authoring.subjects import subjects_of
from governance.rules.loader import read_rules
from governance.rules.sources import PackSource
from governance.rules.vocabulary import default_vocabulary

HEAD = """\
format = 1

[pack]
name = "weak"
version = "1.0.0"
summary = "A pack whose tests see little."
"""
WEAK = f"""\
{HEAD}
[[rule]]
id = "weak.files"
tools = ["write", "edit"]
when.path = {{ glob = ["gen/**", "dist/**"] }}
when.content = {{ contains = "x" }}
unless.path = "gen/mine.py"
action = "deny"
message = "No."
must_match = [{{ tool = "write", path = "gen/a", content = "x" }}]
must_not_match = [{{ tool = "write", path = "src/a", content = "x" }}]

[[rule]]
id = "weak.either"
tools = ["shell"]
any = [{{ command = {{ contains = "a" }} }}, {{ command = {{ contains = "b" }} }}]
action = "deny"
message = "No."
must_match = [{{ tool = "shell", command = "a" }}]
must_not_match = [{{ tool = "shell", command = "c" }}]

[[rule]]
id = "weak.deep"
when.depth = {{ gt = 2 }}
action = "deny"
message = "No."
must_match = [{{ tool = "todo", depth = 9 }}]
must_not_match = [{{ tool = "todo", depth = 0 }}]

[[rule]]
id = "weak.hours"
tools = ["todo"]
when.time = {{ between = [08:00:00, 18:00:00] }}
action = "deny"
message = "No."
must_match = [{{ tool = "todo", at = 2030-01-01T12:00:00 }}]
must_not_match = [{{ tool = "todo", at = 2030-01-01T23:00:00 }}]

[[rule]]
id = "weak.silent"
tools = ["search"]
action = "warn"
message = "Hm."
"""


def covered(folder: Path, text: str, more: str = "") -> dict[str, Coverage]:
    """The coverage of each rule of *text*, in a project with a time zone."""
    (folder / "weak.toml").write_text(text, encoding="utf-8")
    if more:
        (folder / "weak.scenario.toml").write_text(more, encoding="utf-8")
    (folder / "governance.toml").write_text(
        '[project]\ntime_zone = "UTC"\n[packs]\npaths = ["weak.toml"]\n', encoding="utf-8"
    )
    subjects = list(subjects_of(folder))
    assert [one.problems for one in subjects] == [()] * len(subjects)
    scenarios = sound_scenarios(subjects)
    return {one.rule: one for each in subjects for one in coverage_of(each, scenarios)}


def changes(one: Coverage) -> set[str]:
    return {each.change for each in one.survivors}


def test_each_kind_of_fault_survives_where_no_test_looks(tmp_path: Path) -> None:
    """Of each weak rule exactly those changes that its examples cannot tell from it."""
    found = covered(tmp_path, WEAK)

    assert changes(found["weak.files"]) == {
        "without `edit` in `tools`",
        "without `dist/**` in `when.path.glob`",
        "without `when.content` = { contains = x }",
        "without `unless`",
    }
    assert changes(found["weak.either"]) == {"without the alternative `any.1`"}
    assert changes(found["weak.deep"]) == {"with `when.depth.gt` = 2 as `gte`"}
    assert changes(found["weak.hours"]) == {
        "with 08:00:00 in `when.time.between` a minute later",
        "with 18:00:00 in `when.time.between` a minute later",
    }
    assert changes(found["weak.silent"]) == {"without the rule"}


def test_the_values_of_a_list_are_told_together(tmp_path: Path) -> None:
    """A long list of spellings is one line of the report, and counted apart from other faults."""
    many = WEAK.replace('"gen/**", "dist/**"', '"gen/**", "dist/**", "out/**", "lib/**"')

    found = covered(tmp_path, many)["weak.files"]

    assert {where: [one.value for one in each] for where, each in found.unnamed.items()} == {
        "tools": ["`edit`"],
        "when.path.glob": ["`dist/**`", "`out/**`", "`lib/**`"],
    }
    assert [bool(one.remedy) for one in found.unnamed["when.path.glob"]] == [True, False, False]
    assert {one.change for one in found.faults} == {
        "without `when.content` = { contains = x }",
        "without `unless`",
    }
    assert found.elements == 6


def test_a_survivor_stands_on_its_line(tmp_path: Path) -> None:
    """Where the change was made, not where the rule begins."""
    survivors = covered(tmp_path, WEAK)["weak.files"].survivors

    lines = {one.change: WEAK.splitlines()[one.line - 1] for one in survivors}

    assert lines["without `dist/**` in `when.path.glob`"].startswith("when.path")
    assert lines["without `unless`"].startswith("unless.path")


def test_the_example_that_is_proposed_kills(tmp_path: Path) -> None:
    """Put in as it stands, each proposed example leaves its change no chance."""
    before = covered(tmp_path, WEAK)
    text = WEAK
    proposed = 0
    for rule in ("weak.files", "weak.either"):
        for one in before[rule].survivors:
            told = re.fullmatch(r"`(must_\w+)` of (\{.*\}) would notice", one.remedy)
            assert told is not None, one.remedy
            start = text.index(f'id = "{rule}"')
            at = text.index(f"{told[1]} = [", start) + len(f"{told[1]} = [")
            text = f"{text[:at]}{told[2]}, {text[at:]}"
            proposed += 1

    after = covered(tmp_path, text)

    assert proposed == 5
    assert changes(after["weak.files"]) == set()
    assert changes(after["weak.either"]) == set()


def test_a_scenario_notices_what_no_example_does(tmp_path: Path) -> None:
    """A rule without examples is covered by the scenario that expects it."""
    scenario = (
        'format = 1\n[[scenario]]\nname = "searching is watched"\n'
        'steps = [{ tool = "search", query = "x", expect = { rules = ["weak.silent"] } }]\n'
    )

    found = covered(tmp_path, WEAK, scenario)

    assert changes(found["weak.silent"]) == set()


def test_a_scenario_that_fails_anyway_notices_nothing(tmp_path: Path) -> None:
    """What is red before a change is no witness of it."""
    scenario = (
        'format = 1\n[[scenario]]\nname = "wrong"\n'
        'steps = [{ tool = "search", query = "x", expect = { action = "deny" } }]\n'
    )

    found = covered(tmp_path, WEAK, scenario)

    assert changes(found["weak.silent"]) == {"without the rule"}


def test_a_strong_pack_has_no_survivors(tmp_path: Path) -> None:
    """The measure can be met: it is no list of complaints."""
    strong = f"""\
{HEAD}
[[rule]]
id = "weak.files"
tools = ["write", "edit"]
when.path = {{ glob = ["gen/**", "dist/**"] }}
action = "deny"
message = "No."
must_match = [
  {{ tool = "write", path = "gen/a", content = "" }},
  {{ tool = "edit", path = "dist/a", content = "" }},
]
must_not_match = [{{ tool = "write", path = "src/a", content = "" }}]
"""

    found = covered(tmp_path, strong)["weak.files"]

    assert (found.survivors, found.mutants > 4, found.killed == found.mutants) == ((), True, True)


SHELL = {
    "id": "a.b",
    "when": {
        "shell": {
            "program": ["git", "hub"],
            "flags_any": ["-f", "--force"],
            "recursive": True,
            "flows_to": {"program": "sh"},
        }
    },
}


def test_tables_of_commands_are_changed_inside() -> None:
    """Keys, elements and nested commands of a `shell` matcher are faults of their own."""
    told = {one.change for one in mutants_of(SHELL)}

    assert {
        "without `hub` in `when.shell.program`",
        "without `-f` in `when.shell.flags_any`",
        "without `when.shell.recursive` = true",
        "with `when.shell.recursive` = true negated",
        "with `when.shell.flows_to.program` = `sh` negated",
    } <= told


def test_a_table_of_a_list_is_an_alternative() -> None:
    """One of several `shell` tables that is taken out is a fault, and no value of a list."""
    rule = {"when": {"shell": [{"program": "a"}, {"program": ["b", "c"]}]}}

    kinds = {one.change: one.kind for one in mutants_of(rule)}

    assert kinds["without the alternative `when.shell.1`"] == "alternative"
    assert kinds["without `c` in `when.shell.1.program`"] == "element"


def test_demands_on_the_past_are_changed() -> None:
    """A demand, its span and its bound are faults of their own, whatever keys it has."""
    rule = {
        "requires": [{"tools": ["read", "write"], "within": "10m", "when": {"path": "a"}}],
        "limit": {"max": 3, "per": "turn"},
    }

    told = {one.change for one in mutants_of(rule)}

    assert {
        "without `requires`",
        "without `limit`",
        "with `limit.max` = 4",
        "with `requires.0.within` twice as long",
        "without `requires.0.within` = `10m`",
        "without `read` in `requires.0.tools`",
        "with `requires.0.when.path` = `a` negated",
    } <= told


VALUES = st.recursive(
    st.booleans() | st.integers(0, 9) | st.text("ab", min_size=1, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["not", "in", "gt", "exists", "x"]), inner, min_size=1, max_size=3
        )
    ),
    max_leaves=8,
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        name: st.dictionaries(st.sampled_from(["path", "shell", "fields"]), VALUES, max_size=3)
        for name in ("when", "unless", "requires", "limit")
    }
    | {"any": st.lists(st.dictionaries(st.just("path"), VALUES, max_size=1), max_size=3)},
)


@given(RULES)
def test_a_fault_changes_a_copy_and_nothing_else(rule: dict[str, object]) -> None:
    """Every mutant of any table differs from it, and the table itself stays as it was."""
    kept = repr(rule)

    made = list(mutants_of(rule))

    assert repr(rule) == kept
    assert all(one.table != rule or one.kind == "alternative" for one in made)


@given(VALUES)
def test_to_negate_twice_gives_it_back(raw: object) -> None:
    """A matcher that is negated twice says what it said."""
    assume(not isinstance(raw, dict) or not raw.keys() & {"not", "exists"})

    assert negated(negated(raw)) == raw


def test_what_is_put_in_place_is_found_there() -> None:
    """A path through tables and arrays leads to the value, and without one to nothing."""
    table = {"a": [{"b": 1}, {"b": 2}]}

    assert put(table, ("a", 1, "b"), 3) == {"a": [{"b": 1}, {"b": 3}]}
    assert put(table, ("a", 0)) == {"a": [{"b": 2}]}


@pytest.mark.parametrize("kind", ["negated", "matcher", "element"])
def test_a_fault_that_is_no_rule_is_left_out(kind: str) -> None:
    """What the loader refuses is no survivor: `not` of a boolean, say, is no operator."""
    text = WEAK.replace("when.depth = { gt = 2 }", "when.args.flag = true")
    loaded = read_rules([PackSource("", text, "weak.toml")], default_vocabulary())

    assert loaded.rules is None
    assert [one.kind for one in mutants_of(tomllib.loads(text)["rule"][0])].count(kind)
