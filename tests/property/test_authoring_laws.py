"""Laws of what authors try their rules with: the smallest change, values, written TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from governance._shipped import pack_texts
from governance.authoring.comparing import REFUSED
from governance.authoring.flips import PAIRS_MAX, SINGLES_MAX, Search, smallest_flip
from governance.authoring.toml_text import inline, key
from governance.authoring.values import distance, filled
from governance.cli.deciding import Judge, Question
from governance.hosts.claude_code.tools import TOOLS as CLAUDE_CODE
from governance.rules.globs import PatternError
from governance.rules.host_tools import PYTHON_TOOLS, HostTools
from governance.rules.loader import load_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary
from governance.session.law import Law
from governance.states import State
from governance.testing.engines import law_of, memory_engine
from governance.values import Json
from tests.profiles import examples

HOSTS: Mapping[str, HostTools] = {"python": PYTHON_TOOLS, "claude-code": CLAUDE_CODE}
SHELL = ["ls", "git push", "git push -f", "rm -rf /", "sudo reboot", "cat .env", "echo hi", "x y z"]
FILES = [".env", "a.py", ".git/config", "governance.toml", "/etc/sudoers", "~/.ssh/id_rsa", "x/y"]


@cache
def shipped() -> Law:
    return law_of(*pack_texts().values(), tools=(CLAUDE_CODE,))


NATIVE: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "python": {
        "shell": {"command": "command"},
        "read": {"path": "path"},
        "write": {"path": "path", "content": "content"},
        "fetch": {"url": "url"},
    },
    "claude-code": {
        "Bash": {"command": "command"},
        "Read": {"path": "file_path"},
        "Write": {"path": "file_path", "content": "content"},
        "WebFetch": {"url": "url"},
    },
}
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
_FACTS: Mapping[str, st.SearchStrategy[str]] = {
    "command": st.sampled_from(SHELL) | _TEXT,
    "path": st.sampled_from(FILES) | _TEXT,
    "content": st.sampled_from(["", "x", "AKIAIOSFODNN7EXAMPLE", "rm -rf /"]) | _TEXT,
    "url": st.sampled_from(["https://example.com/", "ftp://x", "no address"]) | _TEXT,
}


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Question]:
    """A call of some host, near and far from what the shipped rules refuse."""
    host = draw(st.sampled_from(tuple(NATIVE)))
    tool = draw(st.sampled_from(tuple(NATIVE[host])))
    args: dict[str, Json] = {name: draw(_FACTS[fact]) for fact, name in NATIVE[host][tool].items()}
    role = draw(st.sampled_from(["", "", "coordinator", "reviewer"]))
    return host, Question(tool, args, State.BETWEEN_TURN, role)


def search(host: str, question: Question, law: Law) -> Search:
    judge = Judge(law, host)
    return smallest_flip(law, *judge.imagined(question), HOSTS[host])


@settings(max_examples=examples(25))
@given(questions())
def test_the_changed_call_really_gets_the_other_answer(asked: tuple[str, Question]) -> None:
    """Asked anew as a call of its own, it is let through where it was refused, or refused."""
    host, question = asked
    law = shipped()
    before = Judge(law, host).answer(question).action

    flip = search(host, question, law).flip

    assume(flip is not None)
    assert flip is not None
    again = flip.asked.call
    assert again is not None
    changed = Question(again.native, again.args, question.state, flip.asked.role or "")
    after = Judge(law, host).answer(changed).action
    assert after == flip.reply.action
    assert (after in REFUSED) is not (before in REFUSED)


@settings(max_examples=examples(25))
@given(questions())
def test_a_change_names_what_is_different_and_nothing_else(asked: tuple[str, Question]) -> None:
    """One fact or two, each another than it was, and the search keeps its bounds."""
    host, question = asked

    found = search(host, question, shipped())

    assert found.tried <= SINGLES_MAX + PAIRS_MAX
    if found.flip is not None:
        assert 1 <= len({one.fact for one in found.flip.changes}) == len(found.flip.changes) <= 2
        assert all(one.before != one.after for one in found.flip.changes)


def test_two_facts_are_changed_where_one_is_not_enough() -> None:
    """A rule that both facts excuse alone is turned over by both together."""
    law = law_of(
        """format = 1
[pack]
name = "two"
version = "1.0.0"
summary = "For this test."
[[rule]]
id = "two.both"
tools = ["write"]
when.path = "./a"
when.content = "b"
action = "deny"
message = "No."
must_match = [{ tool = "write", path = "a", content = "b" }]
must_not_match = [{ tool = "write", path = "b", content = "a" }]
"""
    )

    flip = search("python", Question("write", {"path": "x", "content": "y"}), law).flip

    assert flip is not None
    assert {one.fact: one.after for one in flip.changes} == {"path": "a", "content": "b"}


def test_the_hour_is_a_fact_that_can_be_another() -> None:
    """A call that only the clock refuses is let through at another hour."""
    text = """format = 1
[pack]
name = "night"
version = "1.0.0"
summary = "For this test."
[[rule]]
id = "night.shut"
tools = ["todo"]
when.time = { between = [00:00:00, 12:00:00] }
action = "deny"
message = "No."
must_match = [{ tool = "todo", at = 2030-01-01T09:00:00 }]
must_not_match = [{ tool = "todo", at = 2030-01-01T19:00:00 }]
"""
    zone = LoadSettings(time_zone="UTC")
    source = PackSource("", text, "night.toml")
    rules = load_rules([source], default_vocabulary(), settings=zone)
    law = law_of()
    law = evolve(law, rules=rules, settings=evolve(law.settings, time_zone="UTC"))

    flip = search("python", Question("todo", {}), law).flip

    assert flip is not None
    assert [one.fact for one in flip.changes] == ["hours"]


def test_what_no_call_can_change_is_not_turned_over() -> None:
    """Without any rule nothing is refused, and the search says so after its tries."""
    assert search("python", Question("shell", {"command": "ls"}), law_of()).flip is None


def test_a_removed_word_is_nearer_than_another_rule() -> None:
    """The change that a person would make is the one that is shown."""
    question = Question("shell", {"command": "git push -f origin main"})

    flip = search("python", question, shipped()).flip

    assert flip is not None
    assert [one.after for one in flip.changes] == ["git push origin main"]


_JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_what_is_written_is_read_again(value: object) -> None:
    """Any value on one line of TOML is that value again."""
    line = f"{key('a b')} = {inline(value)}"

    assert "\n" not in line
    assert tomllib.loads(line) == {"a b": value}


@given(st.text(st.sampled_from("ab/*?{},.~["), min_size=1, max_size=12))
def test_a_filled_glob_is_taken_by_it(glob: str) -> None:
    """A path that is made from a pattern fits the pattern, where the pattern is one."""
    assume("[" not in glob and ".." not in glob)
    try:
        test = PLAIN_PLACES.glob(glob)
    except PatternError:
        return
    for path in filled(glob):
        absolute = PLAIN_PLACES.absolute(path)
        assume(isinstance(absolute, str))
        assert test(str(absolute)) is True, path


@given(st.text(max_size=20), st.text(max_size=20))
def test_distance_is_nothing_between_equals_and_the_same_both_ways(one: str, two: str) -> None:
    """Nearest means nearest, from whichever side it is looked at; only equals lie together."""
    assert distance(one, one) == 0
    assert (distance(one, two) == 0) is (one == two)


def test_a_session_that_lives_answers_the_changed_call_so_too() -> None:
    """The engine itself, asked in a session, says of both calls what the search said."""
    flip = search("python", Question("read", {"path": ".env"}), shipped()).flip
    assert flip is not None
    call = flip.asked.call
    assert call is not None

    with memory_engine(law=shipped()) as engine:
        session = engine.start("s-1")
        session.turn("go")
        first = session.tool("read", {"path": ".env"})
        second = session.tool(call.native, call.args)

    assert (first.denied, second.denied) == (True, False)


@pytest.mark.parametrize("value", [float("1.5"), -1, True, "a\nb", 'it\'s "so"\\', [], {}])
def test_plain_values_are_written_plainly(value: object) -> None:
    """Numbers, booleans, quotes and empty things read back."""
    assert tomllib.loads(f"x = {inline(value)}") == {"x": value}
