"""Laws of rules on command lines: what screening, holes and longer lines can never change."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance._shipped import pack_texts
from governance.calls import ToolCall
from governance.rules.deciding import History, RuleEvent, RuleSet, compile_rules
from governance.rules.deferred import fact_of
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import Pack, Rule
from governance.rules.index import Index
from governance.rules.paths import PLAIN_PLACES
from governance.rules.shell_building import build_shell
from governance.rules.shell_facts import ShellCall, line_of
from governance.rules.shell_matchers import ShellMatcher
from governance.rules.shell_screening import programs_in, screen_of, shell_screened
from governance.rules.vocabulary import PYTHON_TOOLS, Unknown, call_of, default_vocabulary
from governance.shell.programs import entries
from governance.shell.values import HOLE, Command, Line, Opaque, Word
from governance.testing.engines import law_of
from tests.profiles import examples

VOCABULARY = default_vocabulary()
KNOWN = History(known=True)
PROGRAMS = sorted({name.split(" ")[0] for name in entries()})

texts = st.sampled_from(
    ["main", "+main", "ma", "x.key", "src/a", "secret-x", "-f", "in", "a b", "é"]
)
positive = st.one_of(
    texts,
    st.lists(texts, min_size=1, max_size=3),
    st.sampled_from(["starts_with", "ends_with", "contains"]).flatmap(
        lambda name: texts.map(lambda text: {name: text})
    ),
    st.sampled_from(["*.key", "src/*", "*x*", "ma*n", "secret-*"]).map(lambda one: {"glob": one}),
)
matchers = st.one_of(positive, positive.map(lambda one: {"not": one}))
path_matchers = st.sampled_from(
    [{"glob": "**/*.key"}, {"glob": "src/**"}, "./x.key", ["src/a", "./b"], {"ends_with": "a"}]
).flatmap(lambda one: st.sampled_from([one, {"not": one}]))
pieces = st.text(alphabet="main+x.keysrc/-f", max_size=6)


def built(raw: object) -> ShellMatcher:
    def report(problem: object) -> None:
        raise AssertionError(problem)

    spec = VOCABULARY.facts["shell"]
    made = build_shell(spec, raw, variables={}, places=PLAIN_PLACES, path=(), report=report)
    assert made is not None
    return made


def called(*commands: Command, opaque: tuple[Opaque, ...] = ()) -> ShellCall:
    return ShellCall(Line(commands, opaque), cwd="/project", places=PLAIN_PLACES, real={})


@settings(deadline=None)
@given(matchers, pieces, pieces, pieces)
@example({"not": "main"}, "", "", "main")
@example({"ends_with": "x.key"}, "x", "", ".key")
@example("main", "mai", "", "in")
def test_what_is_false_of_a_part_is_false_of_every_whole(
    matcher: object, before: str, within: str, after: str
) -> None:
    """Whatever a variable turns out to be, a matcher that did not hold does not come to hold."""
    table = built({"subcommand": matcher})
    partly = Command(program="git", name="git", subcommand=f"{before}{HOLE}{after}")
    whole = Command(program="git", name="git", subcommand=f"{before}{within}{after}" or "x")

    if table.test(called(partly), {}) is False and before + within + after:
        assert table.test(called(whole), {}) is False


@settings(deadline=None)
@given(path_matchers, pieces, pieces, pieces, pieces)
@example({"glob": "src/**"}, "src/", "../..", "/a", "")
@example({"not": {"glob": "src/**"}}, "", "src", "/a", "")
def test_what_is_false_of_a_part_of_a_path_is_false_of_the_whole(
    matcher: object, before: str, within: str, after: str, cwd: str
) -> None:
    """The same of paths, which climb, start anywhere, and stand in a folder of the line."""
    table = built({"writes": matcher})

    def writes(path: str) -> ShellCall:
        command = Command(program="tee", name="tee", writes=(Word(path),), cwd=Word(cwd))
        return called(command)

    if before + within + after and table.test(writes(f"{before}{HOLE}{after}"), {}) is False:
        assert table.test(writes(f"{before}{within}{after}"), {}) is False


@settings(deadline=None)
@given(matchers, pieces, pieces)
def test_what_is_known_in_part_excuses_nothing(matcher: object, before: str, after: str) -> None:
    """No excuse rests on a word with a hole."""
    table = built({"words": matcher})
    call = called(Command(program="a", name="a", words=(Word(f"{before}{HOLE}{after}"),)))

    assert table.excuses(call, {}, (0,)) is not True


commands = st.builds(
    lambda program, words, flags, kinds: Command(
        program=program,
        name=program,
        words=tuple(map(Word, words)),
        flags=tuple(flags),
        opaque=tuple(Opaque(kind, "why") for kind in kinds),
    ),
    st.sampled_from(["git", "rm", "ls", HOLE]),
    st.lists(st.sampled_from(["a", "b", f"a{HOLE}"]), max_size=2),
    st.lists(st.sampled_from(["-f", "-r"]), max_size=2),
    st.lists(st.sampled_from(["dynamic", "script"]), max_size=1),
)
tables = st.fixed_dictionaries(
    {},
    optional={
        "program": st.sampled_from(["git", "rm", {"not": "git"}]),
        "words": st.sampled_from(["a", {"not": "a"}, {"every": "a"}]),
        "flags_any": st.sampled_from([["-f"], ["-f", "-r"]]),
        "opaque": st.sampled_from([True, False, "script"]),
    },
).filter(bool)


@settings(deadline=None)
@given(tables, st.lists(commands, min_size=1, max_size=3), commands)
def test_a_longer_line_matches_no_less(raw: object, some: list[Command], more: Command) -> None:
    """Another command never takes a match away, and never makes an excuse."""
    matcher = built(raw)
    short, longer = called(*some), called(*some, more)

    if matcher.test(short, {}) is True:
        assert matcher.test(longer, {}) is True
    if matcher.test(short, {}) is not False:
        assert matcher.test(longer, {}) is not False
    if matcher.excuses(longer, {}, None) is True:
        assert matcher.excuses(short, {}, None) is True


@settings(deadline=None)
@given(tables, st.lists(commands, min_size=1, max_size=3))
def test_the_order_of_commands_makes_no_difference(raw: object, some: list[Command]) -> None:
    """Without a flow, a line says the same in any order."""
    matcher = built(raw)

    one, other = (matcher.test(called(*way), {}) for way in (some, some[::-1]))

    assert isinstance(one, Unknown) == isinstance(other, Unknown)
    assert isinstance(one, Unknown) or one is other


# Screening ------------------------------------------------------------------------------

names = st.sampled_from(["git", "rm", "ls", "python", "sh", "curl", "tee", "make", "no-such"])
wishes = st.one_of(
    names.map(lambda one: {"program": one}),
    st.lists(names, min_size=1, max_size=2).map(lambda some: {"program": {"in": some}}),
    names.map(lambda one: {"program": one, "flags_any": ["-f"]}),
    names.map(lambda one: {"words": "x", "flows_to": {"program": one}}),
    names.map(lambda one: {"program": {"not": one}}),
    names.map(lambda one: [{"program": one}, {"opaque": True}]),
    st.just({"opaque": True}),
    st.just({"opaque": "script"}),
    st.just({"words": "x"}),
    st.sampled_from(["removes", "writes", "reads", "assigns", "wrappers", "code"]).flatmap(
        lambda key: st.sampled_from(
            [
                {key: {"glob": "**/x"}},
                {key: {"glob": "**"}},
                {key: {"not": {"glob": "**/x"}}},
                {key: {"exists": False}},
                {key: {"length": {"lt": 1}}},
                {key: {"every": {"glob": "**/x*"}}},
                {key: {"contains": "x"}, "flags_any": ["-f"]},
                {key: {"glob": "**", "not": {"glob": "**/y"}}, "program": {"not": "rm"}},
                {key: {"exists": True}, "words": "x"},
            ]
        )
    ),
    st.sampled_from(["background", "recursive"]).flatmap(
        lambda key: st.sampled_from([{key: True}, {key: False}, {key: {"equals": False}}])
    ),
    st.sampled_from(["script", ["dynamic", "script"], {"not": "script"}, {"exists": True}]).map(
        lambda one: {"opaque": one, "program": {"not": "git"}}
    ),
)
TRICKS = r"""
git rm ls python3 sh -c -f x /bin/rm ./x.sh r''m "rm" 'git_push' g\it $X $(rm) `rm` {r,}m r? ~/x
> >> < 2>&1 | || & && ; ( ) { } ! if then fi for done # <<E eval A=b A='x' rm; -- - $'\x72m' [ ]]
[[ case esac in time cm0geA== base64 -d xargs sudo env python3.12 python2 nodejs git.exe
"""
tokens = st.one_of(
    st.sampled_from(PROGRAMS),
    st.sampled_from(TRICKS.split()),
    st.sampled_from(["\n", "'sh -c \"rm x\"'", '"rm x"', "A='x y'"]),
)
lines = st.lists(tokens, min_size=1, max_size=7).map(" ".join)


OWN_FACTS: tuple[tuple[dict[str, object], ...], ...] = (
    (),
    (),
    (),
    ({"writes": {"glob": "**", "not": {"glob": "**/y"}}}, {"removes": {"glob": "**/x"}}),
    ({"writes": {"exists": False}},),
    ({"reads": {"not": {"glob": "**/x"}}},),
)
"""Alternatives that ask of the whole line, beside those that ask of a command."""


def rules_of(wanted: list[tuple[object, int]]) -> RuleSet:
    rules = tuple(
        Rule(
            id=f"p.r{number}",
            pack="p",
            layer="machine",
            position=number,
            tools=("shell",),
            when={"shell": raw} if where == 0 else {},
            any=({"shell": raw}, {"shell": {"program": "tee"}}, *OWN_FACTS[where]) if where else (),
            unless={"shell": {"flags_any": ["-n"]}} if where == 2 else {},
            action="deny",
            message="No.",
        )
        for number, (raw, where) in enumerate(wanted)
    )
    pack = Pack(
        name="p", version="1.0.0", summary="", layer="machine", file="", hash="", rules=rules
    )
    return compile_rules([pack], VOCABULARY)


def event(command: str) -> RuleEvent:
    call = call_of(PYTHON_TOOLS, "shell", {"command": command})
    facts = {**session_facts(host="python", turn=1), **facts_of_call(call, PLAIN_PLACES)}
    return RuleEvent("tool", facts, call)


@settings(deadline=None)
@given(st.lists(st.tuples(wishes, st.integers(0, 5)), min_size=1, max_size=6), lines)
@example([({"background": False}, 0), ({"recursive": {"equals": False}}, 1)], "ls x")
@example([({"background": True}, 0), ({"opaque": {"exists": True}}, 3)], "ls x & tee y")
@example([({"opaque": False}, 0), ({"removes": {"exists": False}}, 4)], "tee x")
@example([({"words": "x", "writes": {"glob": "**", "not": {"glob": "**/y"}}}, 5)], "tee x")
def test_screening_never_changes_a_decision(wanted: list[tuple[object, int]], text: str) -> None:
    """Rules that are screened by their programs decide exactly as each would by itself."""
    rules = rules_of(wanted)
    asked = event(text)
    expected = {
        verdict for one in rules.candidates(asked) if (verdict := one.verdict(asked)) is not None
    }

    assert {*rules.decide(event(text), KNOWN).verdicts} == expected


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"background": False}, "ls x"),
        ({"recursive": {"equals": False}}, "ls x"),
        ({"background": True}, "ls x & tee y"),
        ({"opaque": {"exists": True}}, "ls x"),
        ({"opaque": False}, "ls x"),
        ({"removes": {"exists": False}}, "tee x"),
        ({"removes": {"length": 0}}, "tee x"),
        ({"writes": {"glob": "**", "not": {"glob": "**/y"}}}, "tee x"),
        ({"reads": {"exists": True}}, "cat x"),
    ],
)
def test_what_holds_for_nothing_is_tried_where_nothing_is(raw: object, text: str) -> None:
    """No rule is left out for keys that its table lets be empty, nor where they are filled."""
    verdicts = rules_of([(raw, 0)]).decide(event(text), KNOWN).verdicts

    assert [one.rule for one in verdicts] == ["p.r0"]


@settings(deadline=None)
@given(lines)
def test_a_line_that_passes_the_look_runs_nothing_else(text: str) -> None:
    """Where a line need not be taken apart, its programs are among the names, and no more."""
    found = programs_in(text)

    if found is not None:
        line = line_of(text)
        assert line.blind is None
        assert {one.program for one in line.commands} | {one.name for one in line.commands} <= (
            found | {""}
        )


asking = st.fixed_dictionaries(
    {},
    optional={
        "program": st.sampled_from(["git", ["git", "rm"], {"not": "git"}]),
        "subcommand": st.sampled_from(
            ["push", ["push", "é"], {"in": ["e\u0301"]}, {"not": "push"}]
        ),
        "words": st.sampled_from(["a", ["a", "é"], {"not": "a"}, {"equals": "b"}]),
        "arguments": st.sampled_from(["-f", ["x", "-n"], {"exists": False}]),
        "flags_any": st.sampled_from([["-f"], ["-f", "-r"]]),
        "flags_all": st.sampled_from([["-f", "-r"], ["-n"]]),
    },
).filter(bool)
written = st.lists(
    st.sampled_from(
        ["push", "é", "e\u0301", "a", "b", "x", "-f", "-r", "-n", "-fr", "$X", "-$X", "--"]
    ),
    max_size=4,
)


@settings(deadline=None)
@given(st.lists(asking, min_size=1, max_size=4), st.sampled_from(["git", "rm", "ls"]), written)
@example([{"program": "git", "subcommand": "push"}], "git", ["$X"])
@example([{"program": "git", "flags_any": ["-f"]}], "git", ["push", "$X"])
@example([{"program": "git", "subcommand": {"in": ["e\u0301"]}}], "git", ["é"])
@example([{"flags_any": ["-f"], "subcommand": {"not": "push"}}], "rm", ["-fr", "a"])
def test_rules_left_out_for_want_of_a_text_would_say_nothing(
    wanted: list[dict[str, object]], program: str, words: list[str]
) -> None:
    """No rule and no table is passed over for a text that the line has or may have."""
    asked = event(" ".join([program, *words]))
    rules = rules_of([(raw, number % 2) for number, raw in enumerate(wanted)])
    group, _ = shell_screened(list(rules.compiled.values()))
    tried = group.to_try(asked.facts) if group is not None else ()

    call = fact_of(asked.facts, "shell")
    assert isinstance(call, ShellCall)
    for one in group.rules if group is not None else ():
        matches = [part for part in (one.match.when, *one.match.any) if part is not None]
        held = [
            table.test(call) is not False
            for part in matches
            for _, matcher in part.matchers
            if isinstance(matcher, ShellMatcher)
            for table in matcher.tables
        ]
        assert any(held) == (one.match.test(asked.facts) is not False)
        assert one in tried or not any(held)


patterned = st.fixed_dictionaries(
    {},
    optional={
        "program": st.sampled_from(
            ["git", {"not": ["rm", "ls"]}, {"regex": "^g|m$"}, {"not": "git", "regex": "s"}]
        ),
        "subcommand": st.sampled_from(
            ["push", {"regex": "^pu(sh|ll)$"}, {"regex": ["^a$", "x"], "not": "ax"}]
        ),
        "words": st.sampled_from(
            [{"regex": r"\Aa\z"}, {"regex": "^é$"}, {"regex": "(?i)^B"}, {"regex": "^$"}]
        ),
        "arguments": st.sampled_from(
            [{"regex": r"\ba\b"}, {"regex": r"(?s)a.b"}, {"regex": "[^b]$", "not": "a"}]
        ),
        "options": st.sampled_from([{"regex": "^-c=x$"}, {"regex": r"(?-m)=x$"}, {"exists": True}]),
        "code": st.sampled_from([{"regex": r"\Bb|x\B"}, {"regex": r"^a\nb$"}]),
        "assigns": st.just({"regex": "^A=.$"}),
        "flows_to": st.sampled_from([{"program": "sh"}, [{"program": "rm"}, {"words": "x"}]]),
        "opaque": st.sampled_from(["script", ["input", "code"], True]),
    },
).filter(bool)
spelled = st.lists(
    st.sampled_from(
        [
            "push", "pull", "a", "'a\nb'", "b", "ax", "x", "é", "e\u0301", "''", "-c", "-c=x", "$X",
            "a$X", "--c=x", "| sh", "| rm x", "; ls a", "&& A=b git push", "$'a\\nb'", "'é a'",
        ]
    ),
    max_size=5,
)  # fmt: skip


@settings(deadline=None, max_examples=examples(300))
@given(
    st.lists(st.tuples(patterned, st.integers(0, 3)), min_size=1, max_size=6),
    st.sampled_from(["git", "rm", "ls", "sh -c", "python -c", "A=b git", "awk"]),
    spelled,
)
@example([({"words": {"regex": "^$"}}, 0)], "ls", ["''"])
@example([({"arguments": {"regex": r"(?s)a.b"}}, 1)], "git", ["'a\nb'"])
@example([({"program": {"regex": "^g|m$"}}, 0)], "rm", [])
@example([({"code": {"regex": r"^a\nb$"}}, 0)], "python -c", ["'a\nb'"])
@example([({"program": "git", "subcommand": "push"}, 0)], "git", ["$X"])
@example([({"words": {"regex": r"\Aa\z"}}, 0)], "ls", ["x", "a"])
@example([({"assigns": {"regex": "^A=b"}}, 0)], "A=$X ls", [])
def test_rules_found_by_sorted_entries_are_those_that_match(
    wanted: list[tuple[object, int]], program: str, words: list[str]
) -> None:
    """What is found by texts and patterns leaves out no rule that has a verdict, seen or not."""
    asked = event(" ".join([program, *words]))
    rules = rules_of(wanted)
    index = Index(tuple(rules.compiled.values()), looks_left=1)

    first, again = index.to_try(asked.facts), index.to_try(asked.facts)

    assert first == again
    assert len({one.rule.id for one in first}) == len(first)
    for one in rules.compiled.values():
        assert one in first or one.match.test(asked.facts) is False


FORMS = (
    "{}",
    "{} x",
    "{} -c 'rm x'",
    "cat f | {}",
    "cat f | {} -",
    "cat f | {} x y",
    "{} -exec rm y",
    "{} -s x 'rm y' z",
    "/usr/bin/{} < f",
)


def telling() -> list[str]:
    """Two programs of each kind that the tables treat in a way of its own, and of each list."""
    kinds: dict[str, list[str]] = {}
    for name, entry in entries().items():
        act = entry.partition("!act=")[2].partition(" ")[0] or entry.partition("!like=")[2]
        runs = next((one for one in ("shell", "argv", "code", "script") if one in entry), "")
        if " " not in name:
            kinds.setdefault(f"{act} {runs}", []).append(name)
    return [name for several in kinds.values() for name in several[:2]]


def test_no_program_of_the_tables_hides_behind_the_look() -> None:
    """Each kind of program, alone, with words, and fed, keeps the promise."""
    programs = telling()
    for written in (form.format(program) for program in programs for form in FORMS):
        found = programs_in(written)
        if found is None:
            continue
        line = line_of(written)
        run = {name for one in line.commands for name in (one.program, one.name)}
        assert line.blind is None, written
        assert run <= found | {""}, written
    assert len(programs) > 100


@given(st.lists(st.tuples(wishes, st.integers(0, 5)), max_size=8))
def test_screening_loses_no_rule(wanted: list[tuple[object, int]]) -> None:
    """Every rule stands in the group, or among the rest."""
    compiled = list(rules_of(wanted).compiled.values())

    group, rest = shell_screened(compiled)

    named = group.rules if group is not None else ()
    others = [rule for rule, _ in rest]
    assert {one.rule.id for one in (*named, *others)} == {one.rule.id for one in compiled}
    for one in compiled:
        screened, left = screen_of(one.match)
        assert (one in named, one in others) == (screened is not None, left is not None)


def test_no_rule_that_is_left_out_has_a_verdict() -> None:
    """On lines of the shipped packs' own examples, what is not tried would say nothing."""
    rules = law_of(*pack_texts().values()).rules
    compiled = [one for one in rules.compiled.values() if one.rule.on == "tool"]
    group, _ = shell_screened(compiled)
    assert group is not None
    index = Index(tuple(compiled), looks_left=1)
    lines = [
        str(example.facts["command"])
        for one in group.rules
        for example in (*one.rule.must_match[:3], *one.rule.must_not_match[:1])
        if "command" in example.facts
    ]

    left_out = 0
    for line in lines:
        call = ToolCall(tool="shell", own={"command": line})
        event = RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call)
        tried = index.to_try(event.facts)
        silent = [one for one in group.rules if one not in tried]
        left_out += len(silent)
        assert [one.rule.id for one in silent if one.match.test(event.facts) is not False] == []
    assert left_out > 10 * len(lines) > 1_000
