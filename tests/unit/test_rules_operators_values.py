"""What each operator says of each kind of value, and what is refused when it is built."""

from __future__ import annotations

from datetime import time

import pytest

from governance.errors import Problem
from governance.rules.matchers import REAL_PATHS, Matcher
from governance.rules.operators import build_matcher
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.vocabulary import (
    MISSING,
    FactSpec,
    HostTools,
    ToolMap,
    Unknown,
    default_vocabulary,
)

VOCABULARY = default_vocabulary(
    HostTools("h", {"Bash": ToolMap("shell", args={"timeout": "float", "background": "bool"})})
).with_names(labels=["secret", "tainted"], fields={"level": 3, "beta": True})


def spec_of(fact: str) -> FactSpec:
    on = next(
        on
        for on in ("tool", "tool-result", "prompt", "command", "session", "transition")
        if not isinstance(VOCABULARY.fact(fact, on=on, tools=None), Problem)
    )
    spec = VOCABULARY.fact(fact, on=on, tools=None)
    assert isinstance(spec, FactSpec)
    return spec


def matcher(
    fact: str,
    raw: object,
    variables: dict[str, object] | None = None,
    places: Places = PLAIN_PLACES,
) -> Matcher:
    problems: list[Problem] = []
    made = build_matcher(
        spec_of(fact),
        raw,
        variables=variables or {},
        places=places,
        path=("when", fact),
        report=problems.append,
    )
    assert made is not None, problems
    return made


def problems_of(
    fact: str, raw: object, variables: dict[str, object] | None = None
) -> list[Problem]:
    problems: list[Problem] = []
    made = build_matcher(
        spec_of(fact),
        raw,
        variables=variables or {},
        places=PLAIN_PLACES,
        path=("when", fact),
        report=problems.append,
    )
    assert (made is None) == bool(problems)
    return problems


@pytest.mark.parametrize(
    ("fact", "raw", "value", "wanted"),
    [
        ("command", "ls", "ls", True),
        ("command", "ls", "LS", False),
        ("command", "e\u0301", "\u00e9", True),
        ("command", ["ls", "pwd"], "pwd", True),
        ("domains", {"ends_with": ".Example.com"}, ["a.example.com"], True),
        ("domains", {"starts_with": "A.", "contains": "Exam"}, ["a.example.com"], True),
        ("domains", {"regex": "^A\\.[A-Z]+\\.COM$"}, ["a.example.com"], True),
        ("domains", {"regex": "^B"}, ["a.example.com"], False),
        ("command", ["ls", "pwd"], "cat", False),
        ("command", {"equals": "ls"}, "ls", True),
        ("command", {"in": ["ls", "pwd"]}, "pwd", True),
        ("command", {"not": "ls"}, "ls", False),
        ("command", {"not": ["ls", "pwd"]}, "cat", True),
        ("command", {"not": {"starts_with": "git"}}, "ls", True),
        ("command", {"glob": "git * push"}, "git -C x push", True),
        ("command", {"glob": "git *"}, "sudo git push", False),
        ("command", {"glob": "{ls,pwd} *"}, "pwd -P", True),
        ("command", {"glob": "a\\*b"}, "a*b", True),
        ("command", {"glob": "a\\*b"}, "axb", False),
        ("command", {"glob": "*\n*"}, "a\nb", True),
        ("command", {"regex": "pu.h"}, "git push", True),
        ("command", {"regex": "(?i)PUSH"}, "git push", True),
        ("command", {"regex": "PUSH"}, "git push", False),
        ("command", {"regex": "^push"}, "git push", False),
        ("command", {"regex": ["x", "push$"]}, "git push", True),
        ("command", {"regex": "\u00fc+"}, "a\u00fc\u00fc", True),
        ("command", {"contains": "-f"}, "rm -f x", True),
        ("command", {"contains": ["-f", "-r"]}, "rm -r x", True),
        ("command", {"contains": "-f"}, "rm x", False),
        ("command", {"starts_with": ["rm", "mv"]}, "mv a b", True),
        ("command", {"starts_with": "rm"}, "mv a b", False),
        ("command", {"ends_with": "b"}, "mv a b", True),
        ("command", {"length": 2}, "ls", True),
        ("command", {"length": {"gt": 2}}, "ls", False),
        ("command", {"exists": True}, "", True),
        ("command", {"exists": False}, "ls", False),
        ("command", {"starts_with": "rm", "ends_with": "/"}, "rm -rf /", True),
        ("command", {"starts_with": "rm", "ends_with": "/"}, "rm -rf x", False),
        ("content", {"detect": "secrets"}, "key AKIAABCDEFGHIJKLMNOP end", True),
        ("content", {"detect": "secrets"}, "nothing here", False),
        ("content", {"detect": ["email", "card"]}, "to a@b.org", True),
        ("content", {"detect": "card"}, "4111 1111 1111 1111", True),
        ("content", {"detect": "card"}, "4111 1111 1111 1112", False),
        ("turn", 3, 3, True),
        ("turn", 3, 4, False),
        ("turn", {"gt": 2}, 3, True),
        ("turn", {"gte": 3, "lt": 5}, 5, False),
        ("turn", {"lte": 3}, 3, True),
        ("turn", [1, 2], 2, True),
        ("turn", {"not": {"lt": 3}}, 3, True),
        ("usage.cost_usd", {"gt": 1}, 1.5, True),
        ("usage.cost_usd", {"gt": 1.5}, 2, True),
        ("usage.cost_usd", {"lt": 1.5}, 1.5, False),
        ("model_switched", True, True, True),
        ("model_switched", False, True, False),
        ("fields.beta", {"equals": True}, True, True),
        ("fields.level", {"gte": 3}, 3, True),
        ("time", {"between": [time(9), time(17)]}, "09:00:00", True),
        ("time", {"between": [time(9), time(17)]}, "17:00:00", False),
        ("time", {"between": [time(18), time(8)]}, "02:30:00", True),
        ("time", {"between": [time(18), time(8)]}, "08:00:00", False),
        ("time", {"not": {"between": [time(18), time(8)]}}, "12:00:00", True),
        ("weekday", ["saturday", "sunday"], "sunday", True),
        ("tool", "read", "read", True),
        ("tool", {"glob": "mcp:*"}, "mcp:git:push", True),
        ("domains", "PyPI.org.", ["pypi.org"], True),
        ("domains", {"domain_in": ["pypi.org", "*.x.org"]}, ["a.x.org"], True),
        ("domains", {"domain_in": "*.x.org"}, ["x.org"], False),
        ("domains", {"domain_in": "*.x.org"}, ["evilx.org"], False),
        ("url", {"domain_in": "pypi.org"}, "https://PyPI.org:443/x", True),
        ("url", {"domain_in": "pypi.org"}, "https://pypi.org@evil.test/", False),
        ("url", {"not": {"domain_in": "pypi.org"}}, "https://pypi.org\\@evil.test/", True),
        ("url", {"starts_with": "http:", "domain_in": "x.org"}, "http://x.org/", True),
        ("labels", "secret", ["tainted", "secret"], True),
        ("labels", "secret", ["tainted"], False),
        ("labels", {"not": "secret"}, ["secret", "tainted"], True),
        ("labels", {"not": "secret"}, [], False),
        ("labels", {"every": {"in": ["secret"]}}, ["secret"], True),
        ("labels", {"every": "secret"}, ["secret", "tainted"], False),
        ("labels", {"every": "secret"}, [], False),
        ("labels", {"length": {"gte": 2}}, ["secret", "tainted"], True),
        ("labels", {"exists": True}, [], True),
        ("labels", {"not": {"every": "secret"}}, ["secret", "tainted"], True),
        ("labels", {"not": {"length": 2}}, ["secret", "tainted"], False),
    ],
)
def test_operator_holds(fact: str, raw: object, value: object, wanted: bool) -> None:
    """An operator says of a value exactly what its definition says."""
    result = matcher(fact, raw).test(value, {})

    assert result is wanted


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ({"glob": "**/.env"}, "/project/.env", True),
        ({"glob": "**/.env"}, "/project/a/b/.env", True),
        ({"glob": "**/.env"}, "/etc/.env", False),
        ({"glob": "/**/.env"}, "/etc/.env", True),
        ({"glob": "src/*"}, "/project/src/.hidden", True),
        ({"glob": "src/*"}, "/project/src/a/b", False),
        ({"glob": "src/**"}, "/project/src/a/b", True),
        ({"glob": "src/**"}, "/project/src", False),
        ({"glob": "~/.ssh/**"}, "/home/user/.ssh/id", True),
        ({"glob": "~/.ssh/**"}, "/home/other/.ssh/id", False),
        ({"glob": "{src,~/x}/*.py"}, "/home/user/x/a.py", True),
        ({"glob": "./Makefile"}, "/project/Makefile", True),
        ({"glob": "../other/*"}, "/other/x", True),
        ({"glob": "pages/\\[id\\].tsx"}, "/project/pages/[id].tsx", True),
        ("./Makefile", "/project/Makefile", True),
        ("src/../Makefile", "/project/Makefile", True),
        (["src/a", "/etc/passwd"], "/etc/passwd", True),
        ({"path_under": "src"}, "/project/src", True),
        ({"path_under": "src"}, "/project/src/a", True),
        ({"path_under": "src"}, "/project/srcs/a", False),
        ({"path_under": ["~", "/etc/"]}, "/etc/hosts", True),
        ({"path_under": "/"}, "/anything", True),
        ({"ends_with": ".pem"}, "/project/a.pem", True),
    ],
)
def test_paths_compare_absolute(pattern: object, path: str, wanted: bool) -> None:
    """Patterns of paths start at project, home or root, and stop at folders."""
    result = matcher("path", pattern).test(path, {})

    assert result is wanted


def test_glob_matches_each_of_several_anywhere() -> None:
    """A glob with several `**` finds its blocks wherever they stand."""
    made = matcher("path", {"glob": "**/a/*x*y/**/q*"})

    assert made.test("/project/a/b/a/1x2y/z/q1", {}) is True
    assert made.test("/project/a/1x2y/q", {}) is True
    assert made.test("/project/a/1y2x/z/q1", {}) is False


def test_a_hostile_path_costs_little() -> None:
    """A long path against a glob of many stars is decided, not enumerated."""
    made = matcher("path", {"glob": "**/a*a*a*a*a*a*a*a*a*a*a*a/**/a/**/a/**/b"})

    assert made.test("/project" + "/" + "a" * 5_000 + "/a" * 2_000, {}) is False


def test_case_follows_the_file_system() -> None:
    """Where the file system does not tell cases apart, neither do rules."""
    folding = Places("/Project", "/home/user", case_sensitive=False)

    assert matcher("path", {"glob": "**/.ENV"}, places=folding).test("/project/x/.Env", {}) is True
    assert matcher("path", {"path_under": "SRC"}, places=folding).test("/PROJECT/src/a", {}) is True
    assert matcher("path", {"regex": "id_rsa"}, places=folding).test("/p/ID_RSA", {}) is True
    assert matcher("path", {"glob": "**/.ENV"}).test("/project/x/.env", {}) is False


def test_either_form_of_a_path_matches_and_both_excuse() -> None:
    """A rule sees a link by name and by target; an excuse must hold for both."""
    made = matcher("path", {"path_under": "src"})
    world = {REAL_PATHS: {"/project/src/link": "/etc/passwd", "/tmp/x": "/project/src/x"}}

    assert made.test("/project/src/link", world) is True
    assert made.test("/tmp/x", world) is True
    assert made.excuses("/project/src/link", world, None) is False
    assert made.excuses("/tmp/x", world, None) is False
    assert made.excuses("/project/src/plain", world, None) is True
    assert matcher("path", {"not": {"path_under": "src"}}).test("/project/src/link", world) is True


def test_every_under_not_looks_at_both_forms() -> None:
    """`not every` fires when one form of one path is outside."""
    made = matcher("writes", {"not": {"every": {"path_under": "src"}}})
    world = {REAL_PATHS: {"/project/src/link": "/etc/passwd"}}

    assert made.test(["/project/src/a"], world) is False
    assert made.test(["/project/src/a", "/project/src/link"], world) is True


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("x", False),
        ({"regex": "."}, False),
        ({"exists": True}, False),
        ({"exists": False}, True),
        ({"not": "x"}, True),
        ({"not": {"not": "x"}}, False),
        ({"not": {"exists": False}}, False),
        ({"not": "x", "exists": False}, True),
        ({"not": "x", "contains": "y"}, False),
    ],
)
@pytest.mark.parametrize("missing", [MISSING, None])
def test_missing(raw: object, wanted: bool, missing: object) -> None:
    """Of a missing fact only `exists = false` and `not` hold."""
    result = matcher("command", raw).test(missing, {})

    assert result is wanted


@pytest.mark.parametrize("raw", ["x", {"not": "x"}, {"exists": True}, {"not": {"not": "x"}}])
def test_unknown_stays_unknown(raw: object) -> None:
    """What is unknown is unknown through every operator."""
    why = Unknown("opaque")

    assert matcher("command", raw).test(why, {}) is why


def test_unknown_elements_are_decided_by_the_others() -> None:
    """A list is known to match when another element does, known not to when none can."""
    why = Unknown("opaque")
    made = matcher("domains", {"domain_in": "x.org"})

    assert made.test(["x.org", why], {}) is True
    assert isinstance(made.test(["y.org", why], {}), Unknown)
    assert matcher("domains", {"every": {"domain_in": "x.org"}}).test(["y.org", why], {}) is False
    assert isinstance(
        matcher("domains", {"every": {"domain_in": "x.org"}}).test(["x.org", why], {}), Unknown
    )


@pytest.mark.parametrize(
    ("fact", "raw", "value"),
    [
        ("turn", 3, "3"),
        ("turn", {"gt": 1}, True),
        ("turn", 1, 1.0),
        ("command", "20", 20),
        ("model_switched", True, 1),
        ("labels", "secret", "secret"),
        ("usage.cost_usd", {"gt": 1}, True),
    ],
)
def test_wrong_types_are_unknown(fact: str, raw: object, value: object) -> None:
    """A value of another type is never compared: it is unknown."""
    result = matcher(fact, raw).test(value, {})

    assert isinstance(result, Unknown)


def test_excuses_hold_for_each_chosen_element() -> None:
    """An excuse must hold for every element that was matched, and for at least one."""
    made = matcher("domains", {"domain_in": "x.org"})

    assert made.excuses(["x.org", "y.org"], {}, ["x.org"]) is True
    assert made.excuses(["x.org", "y.org"], {}, ["x.org", "y.org"]) is False
    assert made.excuses(["x.org", "y.org"], {}, None) is False
    assert made.excuses([], {}, None) is False
    assert made.excuses(MISSING, {}, None) is False


def test_very_long_lists_are_unknown_beyond_the_bound() -> None:
    """Of a list that is longer than the bound the rest is unknown, not ignored."""
    long = ["y.org"] * 10_001

    assert isinstance(matcher("domains", {"domain_in": "x.org"}).test(long, {}), Unknown)
    every = matcher("domains", {"every": {"domain_in": "y.org"}})
    assert isinstance(every.test(long, {}), Unknown)


def test_globs_on_windows_know_drives_and_both_slashes() -> None:
    """Patterns name drives, and folders are compared with either slash."""
    windows = Places("C:/Work", "C:/Users/Ann", case_sensitive=False)

    def fits(raw: object, path: str) -> object:
        return matcher("path", raw, places=windows).test(path, {})

    assert fits({"glob": "c:/Windows/**"}, "C:/WINDOWS/x") is True
    assert fits({"glob": "src/*.py"}, "C:/Work/src/A.py") is True
    assert fits({"path_under": "D:\\Data"}, "D:/data/x") is True


def test_variables_stand_for_any_value() -> None:
    """A variable may be the whole matcher, an operator's value, or an element."""
    variables: dict[str, object] = {"many": ["ls", "pwd"], "one": "git", "low": 2}

    assert matcher("command", {"var": "many"}, variables).test("pwd", {}) is True
    assert matcher("command", {"starts_with": {"var": "one"}}, variables).test("git x", {}) is True
    assert matcher("command", ["ls", {"var": "one"}], variables).test("git", {}) is True
    assert matcher("command", {"length": {"gt": {"var": "low"}}}, variables).test("abc", {}) is True
    assert matcher("command", {"not": {"var": "many"}}, variables).test("ls", {}) is False


@pytest.mark.parametrize(
    ("fact", "raw", "code", "path", "hint"),
    [
        ("command", {"strats_with": "x"}, "GOV222", ("strats_with",), "starts_with"),
        ("turn", {"regex": "x"}, "GOV223", ("regex",), "gte"),
        ("model_switched", {"not": True}, "GOV223", ("not",), "equals"),
        ("command", {"every": "x"}, "GOV223", ("every",), ""),
        ("turn", "20", "GOV224", (), ""),
        ("turn", True, "GOV224", (), ""),
        ("turn", 2.0, "GOV224", (), ""),
        ("command", 20, "GOV224", (), ""),
        ("command", {"regex": 5}, "GOV224", ("regex",), ""),
        ("command", ["ls", 5], "GOV224", (1,), ""),
        ("usage.cost_usd", {"gt": float("nan")}, "GOV224", ("gt",), ""),
        ("usage.cost_usd", {"gt": float("inf")}, "GOV224", ("gt",), ""),
        ("command", {"exists": "yes"}, "GOV224", ("exists",), ""),
        ("time", {"between": ["18:00", "08:00"]}, "GOV224", ("between",), ""),
        ("time", "18:00:00", "GOV224", (), ""),
        ("model_switched", [True], "GOV224", (), ""),
        ("state", "betwen-turn", "GOV225", (), "between-turn"),
        ("weekday", ["monday", "tusday"], "GOV225", (1,), "tuesday"),
        ("tool", "shel", "GOV225", (), "shell"),
        ("labels", "secrets", "GOV225", (), "secret"),
        ("content", {"detect": "secret"}, "GOV225", ("detect",), "secrets"),
        ("turn", {"gt": 3, "lt": 4}, "GOV226", (), ""),
        ("turn", {"gte": 3, "lte": 2}, "GOV226", (), ""),
        ("usage.cost_usd", {"gt": 1.0, "lt": 1.0}, "GOV226", (), ""),
        ("command", {"equals": "ls", "starts_with": "x"}, "GOV226", (), ""),
        ("command", {"exists": False, "contains": "x"}, "GOV226", (), ""),
        ("time", {"between": [time(8), time(8)]}, "GOV226", ("between",), ""),
        ("command", {"regex": "(?<=a)b"}, "GOV227", ("regex",), ""),
        ("command", {"regex": "("}, "GOV227", ("regex",), ""),
        ("path", {"glob": ".env"}, "GOV228", ("glob",), "**/.env"),
        ("path", {"glob": "*.py"}, "GOV228", ("glob",), "./*.py"),
        ("path", "Makefile", "GOV228", (), "./Makefile"),
        ("path", "src/*.py", "GOV224", (), ""),
        ("path", {"glob": "src/?.py"}, "GOV224", ("glob",), ""),
        ("path", {"glob": "src/[ab].py"}, "GOV224", ("glob",), ""),
        ("path", {"glob": "src/"}, "GOV224", ("glob",), ""),
        ("path", {"glob": "a**/b"}, "GOV224", ("glob",), ""),
        ("path", {"glob": "{a/b"}, "GOV224", ("glob",), ""),
        ("command", {"path_under": "src"}, "GOV223", ("path_under",), ""),
        ("domains", {"domain_in": "https://x.org/"}, "GOV224", ("domain_in",), ""),
        ("domains", {"domain_in": ["x.org", "x.*.org"]}, "GOV224", ("domain_in", 1), ""),
        ("command", {}, "GOV229", (), ""),
        ("command", [], "GOV229", (), ""),
        ("command", {"contains": ""}, "GOV229", ("contains",), ""),
        ("command", {"not": {}}, "GOV229", ("not",), ""),
        ("command", {"var": "egres"}, "GOV204", ("var",), "egress"),
        ("turn", {"var": "egress"}, "GOV205", (0,), ""),
        ("command", {"starts_with": {"var": "count"}}, "GOV205", ("starts_with",), ""),
        ("labels", {"not": {"every": "secret", "in": ["tainted"]}}, "GOV223", ("not",), ""),
        ("labels", {"every": {"every": "secret"}}, "GOV223", ("every",), ""),
        ("command", {"equals": ["ls"]}, "GOV224", ("equals",), ""),
        ("command", {"in": "ls"}, "GOV224", ("in",), ""),
        ("command", {"contains": []}, "GOV229", ("contains",), ""),
        ("command", {"contains": [{"a": 1}]}, "GOV224", ("contains", 0), ""),
        ("command", {"length": -1}, "GOV226", ("length",), ""),
        ("command", {"regex": "\ud800"}, "GOV227", ("regex",), ""),
        ("command", {"var": "egress", "in": ["x"]}, "GOV204", (), ""),
        ("command", {"starts_with": {"var": "none"}}, "GOV204", ("starts_with", "var"), ""),
        ("domains", "https://x.org", "GOV224", (), ""),
        ("path", {"path_under": "src/*"}, "GOV224", ("path_under",), "glob"),
        ("path", {"path_under": ["src", ""]}, "GOV229", ("path_under", 1), ""),
        ("path", {"glob": "**/../x"}, "GOV224", ("glob",), ""),
        ("path", {"glob": ["src/**", ".env"]}, "GOV228", ("glob", 1), "**/.env"),
    ],
)
def test_refused_when_built(
    fact: str, raw: object, code: str, path: tuple[str | int, ...], hint: str
) -> None:
    """What can be known to be wrong is reported with its code, its place and a hint."""
    (problem, *rest) = problems_of(fact, raw, {"egress": ["x.org"], "count": 3})

    assert problem.code == code
    assert problem.path == ("when", fact, *path)
    assert hint in problem.message + problem.suggestion
    assert not rest


def test_all_problems_at_once() -> None:
    """Each wrong operator of one table is reported."""
    found = problems_of("command", {"regex": "(", "contian": "x", "length": "5", "detect": "x"})

    assert [one.code for one in found] == ["GOV227", "GOV222", "GOV224", "GOV225"]


def test_nesting_is_bounded() -> None:
    """A matcher nested beyond the bound is refused, not followed."""
    raw: object = "x"
    for _ in range(40):
        raw = {"not": raw}

    (problem,) = problems_of("command", raw)

    assert problem.code == "GOV224"
