"""The fact `shell`: tables of matchers for one command, on lines that are written by hand."""

from __future__ import annotations

import pytest

from governance.errors import Problem
from governance.rules import partial
from governance.rules.kleene import Truth
from governance.rules.matching import build_condition
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.shell_building import build_shell
from governance.rules.shell_facts import ShellCall
from governance.rules.shell_keys import OPAQUE_KINDS, SHELL_KEYS
from governance.rules.shell_matchers import ShellMatcher
from governance.rules.vocabulary import MISSING, Unknown, default_vocabulary
from governance.shell.values import HOLE, Command, Line, Opaque, Word

VOCABULARY = default_vocabulary()
DYNAMIC = Opaque("dynamic", "what runs is put together when it runs")
SCRIPT = Opaque("script", "a file runs")


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(Word(one) for one in texts)


def push(*arguments: str, **given: object) -> Command:
    """`git push` as the tables take it apart, roughly: what begins with a dash is a flag."""
    flags = tuple(one for one in arguments if one.startswith("-"))
    rest = words(*(one for one in arguments if not one.startswith("-")))
    known: dict[str, object] = {
        "program": "git",
        "name": "git",
        "subcommand": "push",
        "words": rest,
        "flags": flags,
        "arguments": words("push", *arguments),
    }
    return Command(**{**known, **given})  # type: ignore[arg-type]


def called(
    *commands: Command, opaque: tuple[Opaque, ...] = (), places: Places = PLAIN_PLACES
) -> ShellCall:
    return ShellCall(Line(commands, opaque), cwd="/project", places=places, real={})


def built(raw: object) -> ShellMatcher:
    problems: list[Problem] = []
    spec = VOCABULARY.facts["shell"]
    made = build_shell(
        spec, raw, variables={}, places=PLAIN_PLACES, path=("when", "shell"), report=problems.append
    )
    assert made is not None, problems
    return made


def told(result: Truth) -> bool | None:
    """A result as a plain value, ``None`` for unknown."""
    return None if isinstance(result, Unknown) else result


def test_the_sign_for_what_is_not_known_is_the_same_everywhere() -> None:
    """Rules and command lines agree on the sign of a hole, which rules do not import."""
    assert partial.HOLE == HOLE


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ({"program": "git"}, True),
        ({"program": "hg"}, False),
        ({"program": ["hg", "git"]}, True),
        ({"program": {"not": "git"}}, False),
        ({"program": {"not": ["hg", "svn"]}}, True),
        ({"program": {"regex": "^g"}}, True),
        ({"subcommand": "push"}, True),
        ({"subcommand": {"in": ["pull", "push"]}}, True),
        ({"words": "main"}, True),
        ({"words": {"starts_with": "+"}}, False),
        ({"words": {"every": ["origin", "main"]}}, True),
        ({"words": {"length": 2}}, True),
        ({"arguments": "--force"}, True),
        ({"flags_any": ["-f", "--force"]}, True),
        ({"flags_all": ["-f", "--force"]}, False),
        ({"flags_all": ["--force"]}, True),
        ({"options": {"exists": True}}, False),
        ({"options": {"exists": False}}, True),
        ({"background": False}, True),
        ({"background": True}, False),
        ({"recursive": False}, True),
        ({"looped": False}, True),
        ({"looped": True}, False),
        ({"wrappers": "sudo"}, False),
        ({"opaque": False}, True),
        ({"opaque": True}, False),
        ({"opaque": "script"}, False),
        ({"program": "git", "subcommand": "push", "flags_any": ["--force"]}, True),
        ({"program": "git", "subcommand": "pull", "flags_any": ["--force"]}, False),
        ([{"program": "hg"}, {"program": "git"}], True),
        ([{"program": "hg"}, {"program": "svn"}], False),
    ],
)
def test_what_is_known_matches_or_does_not(raw: object, wanted: bool) -> None:
    """All keys of a table hold for a command, or it does not match."""
    call = called(push("--force", "origin", "main"))

    assert built(raw).test(call, {}) is wanted


def test_all_keys_of_a_table_are_about_one_command() -> None:
    """Two commands that have one key each do not match together."""
    call = called(push("origin"), Command(program="tar", name="tar", flags=("-f",)))

    assert built({"program": "git", "flags_any": ["-f"]}).test(call, {}) is False
    assert built({"program": "tar", "flags_any": ["-f"]}).test(call, {}) is True


def test_a_program_is_known_by_both_of_its_names() -> None:
    """The plain name and the name that was written both match, and `not` excludes both."""
    call = called(Command(program="python", name="python3.12"))

    assert built({"program": "python"}).test(call, {}) is True
    assert built({"program": "python3.12"}).test(call, {}) is True
    assert built({"program": {"starts_with": "python3"}}).test(call, {}) is True
    assert built({"program": {"not": "python"}}).test(call, {}) is False
    assert built({"program": {"not": "python3.12"}}).test(call, {}) is False
    assert built({"program": {"not": "node"}}).test(call, {}) is True


@pytest.mark.parametrize(
    ("matcher", "word", "wanted"),
    [
        ("main", HOLE, None),
        ("main", f"ma{HOLE}", None),
        ("main", f"x{HOLE}", False),
        ("main", f"{HOLE}x", False),
        ("main", f"mai{HOLE}in", False),
        ({"not": "main"}, HOLE, None),
        ({"not": "main"}, f"x{HOLE}", True),
        ({"starts_with": "+"}, f"+{HOLE}", True),
        ({"starts_with": "+"}, f"a{HOLE}", False),
        ({"starts_with": "+"}, HOLE, None),
        ({"not": {"starts_with": "+"}}, f"+{HOLE}", None),
        ({"ends_with": ".key"}, f"{HOLE}.key", True),
        ({"ends_with": ".key"}, f"{HOLE}.py", False),
        ({"ends_with": ".key"}, f"{HOLE}ey", None),
        ({"contains": "secret"}, f"secret-{HOLE}", True),
        ({"contains": "secret"}, f"se{HOLE}", None),
        ({"regex": "^se"}, f"se{HOLE}", True),
        ({"regex": "x$"}, f"se{HOLE}", None),
        ({"glob": "release-*"}, f"release-{HOLE}", True),
        ({"glob": "release-*"}, f"debug-{HOLE}", False),
        ({"not": {"contains": "secret"}}, f"secret-{HOLE}", None),
        ({"detect": "email"}, f"a@b.example {HOLE}", True),
    ],
)
def test_a_word_that_is_known_in_part(matcher: object, word: str, wanted: bool | None) -> None:
    """What holds of the known part holds; what can no longer hold is false; else unknown."""
    call = called(Command(program="git", name="git", words=words(word)))

    assert told(built({"words": matcher}).test(call, {})) is wanted


@pytest.mark.parametrize("length", [{"gt": 1}, {"lt": 9}, 3])
def test_a_length_that_is_known_in_part(length: object) -> None:
    """What is known of a name tells nothing of how long it will be."""
    for name, wanted in (("mai", True), (f"ma{HOLE}", None)):
        call = called(Command(program="git", name="git", subcommand=name))

        assert told(built({"subcommand": {"length": length}}).test(call, {})) is wanted


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((HOLE,), None),
        (("a", HOLE), None),
        ((f"-{HOLE}",), None),
        ((f"--for{HOLE}",), None),
        ((f"--dry{HOLE}",), False),
        ((f"--message={HOLE}",), False),
        ((f"a{HOLE}",), False),
        (("--", HOLE), False),
        (("--force", HOLE), True),
    ],
)
def test_an_argument_that_is_not_known_may_be_a_flag(
    arguments: tuple[str, ...], wanted: bool | None
) -> None:
    """A flag that may yet come out of a variable is neither there nor missing."""
    command = Command(
        program="git",
        name="git",
        flags=tuple(one for one in arguments if one == "--force"),
        arguments=words(*arguments),
    )

    assert told(built({"flags_any": ["--force"]}).test(called(command), {})) is wanted
    assert told(built({"flags_all": ["--force"]}).test(called(command), {})) is wanted


def test_a_value_of_an_option_is_no_flag() -> None:
    """A value that is not known does not make a flag of the option that has it."""
    command = Command(
        program="head",
        name="head",
        flags=("-n", "--lines"),
        options=words(f"--lines={HOLE}"),
        arguments=words(f"-n{HOLE}"),
    )

    assert built({"flags_any": ["-f"]}).test(called(command), {}) is False


def test_a_line_that_may_run_anything_is_unknown() -> None:
    """No command matches, but another may hide: unknown, with the reason of the line."""
    call = called(Command(program="eval", name="eval", opaque=(DYNAMIC,)))

    result = built({"program": "rm"}).test(call, {})

    assert isinstance(result, Unknown)
    assert "put together" in result.reason
    assert built({"program": "eval"}).test(call, {}) is True


def test_a_script_hides_nothing_from_other_keys() -> None:
    """What runs a file is known as such, and is no reason to doubt another matcher."""
    call = called(Command(program="bash", name="bash", opaque=(SCRIPT,)))

    assert built({"program": "rm"}).test(call, {}) is False
    assert built({"opaque": "script"}).test(call, {}) is True
    assert built({"opaque": True}).test(call, {}) is False
    assert built({"opaque": {"not": ["code", "script"]}}).test(call, {}) is False


def test_what_cannot_be_known_can_be_asked_for() -> None:
    """`opaque` sees what is not known of a command and of the line, and is never unknown."""
    of_command = called(Command(program="eval", name="eval", opaque=(DYNAMIC,)))
    of_line = called(opaque=(Opaque("syntax", "no reading"),))

    for call in (of_command, of_line):
        assert built({"opaque": True}).test(call, {}) is True
        assert built({"opaque": "script"}).test(call, {}) is False
    assert built({"opaque": ["syntax", "bound"]}).test(of_line, {}) is True
    assert told(built({"program": "rm", "opaque": True}).test(of_line, {})) is None


def test_output_flows_through_any_number_of_commands() -> None:
    """`flows_to` follows what commands hand on, and only forward."""
    call = called(
        Command(program="curl", name="curl", feeds=(1,)),
        Command(program="tee", name="tee", feeds=(2,)),
        Command(program="bash", name="bash"),
    )

    assert built({"program": "curl", "flows_to": {"program": "bash"}}).test(call, {}) is True
    assert built({"program": "curl", "flows_to": {"program": "curl"}}).test(call, {}) is False
    assert built({"program": "bash", "flows_to": {"program": "curl"}}).test(call, {}) is False
    nested = {"flows_to": {"program": "tee", "flows_to": [{"program": "sh"}, {"program": "bash"}]}}
    assert built(nested).test(call, {}) is True


def test_output_that_flows_in_a_circle_ends() -> None:
    """Commands that feed each other are each looked at once."""
    call = called(
        Command(program="a", name="a", feeds=(1,)), Command(program="b", name="b", feeds=(0, 9))
    )

    assert built({"flows_to": {"program": "c"}}).test(call, {}) is False
    assert built({"program": "a", "flows_to": {"program": "a"}}).test(call, {}) is True


@pytest.mark.parametrize(
    ("matcher", "path", "cwd", "wanted"),
    [
        ({"glob": "**/.env"}, ".env", "", True),
        ({"glob": "**/.env"}, "/project/a/../.env", "", True),
        ({"glob": "**/.env"}, "../.env", "sub", True),
        ({"glob": "**/.env"}, ".env", "/tmp", False),
        ({"glob": "~/.ssh/**"}, "~/.ssh/id", "", True),
        ({"glob": "~/.ssh/**"}, ".ssh/id", "~", True),
        ({"glob": "**/.env"}, f"{HOLE}/.env", "", None),
        ({"glob": "/**/.env"}, f"{HOLE}/.env", "", True),
        ({"glob": "/**/.env"}, ".env", HOLE, True),
        ({"glob": "/**/.a/*.env"}, f"{HOLE}/.a/x.env", "", True),
        ({"glob": "/**/.env"}, f"{HOLE}.env", "", None),
        ({"glob": "/*/.env"}, f"{HOLE}/.env", "", None),
        ({"glob": "/*/*/.env"}, f"{HOLE}/.env", "", None),
        ({"not": {"glob": "/**/.env"}}, f"{HOLE}/.env", "", None),
        ({"glob": "/**/.env"}, f"{HOLE}/.envrc", "", False),
        ({"glob": "**/.env"}, f"a/{HOLE}/.env", "", True),
        ({"glob": "**/.env"}, f"a/{HOLE}.py", "", False),
        ({"glob": "**/.env"}, HOLE, "", None),
        ({"glob": "**/.env"}, ".env", HOLE, None),
        ({"path_under": "src"}, f"src/{HOLE}", "", True),
        ({"not": {"path_under": "src"}}, f"src/{HOLE}", "", None),
        ({"path_under": "src"}, f"src/{HOLE}/../..", "", None),
        ({"path_under": "/etc"}, "~root/x", "", None),
        ("/", "/", HOLE, True),
        ("/", "/a/..", HOLE, True),
        ("./a.py", "a.py", "", True),
        ("./a.py", f"{HOLE}.py", "", None),
        ("./a.py", f"{HOLE}.sh", "", False),
    ],
)
def test_paths_stand_where_the_command_runs(
    matcher: object, path: str, cwd: str, wanted: bool | None
) -> None:
    """Paths start at the folder that `cd` led to; what is not known of them is unknown."""
    call = called(Command(program="cat", name="cat", reads=words(path), cwd=Word(cwd)))

    assert told(built({"reads": matcher}).test(call, {})) is wanted


def test_links_lead_where_they_lead() -> None:
    """A path matches as it is spelled and as it leads, even with a hole behind the link."""
    linked = Places("/project", "/home/user", resolve=lambda path: path.replace("link", "secret"))
    call = called(
        Command(program="cat", name="cat", reads=words("link/a", f"link/{HOLE}")), places=linked
    )

    matcher = built({"reads": {"every": {"path_under": "secret"}}})

    assert matcher.test(call, {}) is True


def test_a_live_glob_stands_for_what_is_there() -> None:
    """What the shell will expand is expanded, and the pattern told beside it."""
    there = {"/project/.e*": ("/project/.env", "/project/.envrc")}
    places = Places("/project", "/home/user", expand=lambda pattern, _: there.get(pattern, ()))
    cat = Command(program="cat", name="cat", reads=(Word(".e*", glob=True), Word("n*", glob=True)))

    call = called(cat, places=places)

    assert call.value(0, "reads") == [
        "/project/.env", "/project/.envrc", "/project/.e*", "/project/n*",
    ]  # fmt: skip


def test_a_glob_of_too_many_paths_is_open() -> None:
    """Beyond the bound the rest is unknown, and what matches so far still matches."""
    many = Unknown("more than 1000 paths", more=True)
    places = Places("/project", "/home/user", expand=lambda *_: many)
    call = called(
        Command(program="cat", name="cat", reads=(Word("a/*", glob=True),)), places=places
    )

    assert told(built({"reads": {"glob": "**/.env"}}).test(call, {})) is None
    assert built({"reads": {"path_under": "a"}}).test(call, {}) is True


@pytest.mark.parametrize("sink", ["/dev/null", "/dev/stderr", "/dev/fd/2"])
def test_what_keeps_nothing_is_no_file(sink: str) -> None:
    """Writing to where nothing stays is not writing."""
    call = called(Command(program="ls", name="ls", writes=words(sink)))

    assert call.all("writes") == []


@pytest.mark.parametrize(
    ("host", "matcher", "wanted"),
    [
        ("Evil.TEST", "evil.test", True),
        ("a.evil.test", {"domain_in": "*.evil.test"}, True),
        (f"{HOLE}.evil.test", {"domain_in": "*.evil.test"}, True),
        (f"{HOLE}.evil.test", {"not": {"domain_in": "*.fine.test"}}, True),
        (HOLE, {"not": {"domain_in": "*.fine.test"}}, None),
        (f"{HOLE}.fine.test", {"not": {"domain_in": "*.fine.test"}}, None),
        ("2130706433", "127.0.0.1", True),
        ("::1", "::1", True),
        ("b\u00fccher.test", "xn--bcher-kva.test", True),
        ("no host", {"not": "evil.test"}, None),
    ],
)
def test_hosts_are_compared_as_those_of_addresses(
    host: str, matcher: object, wanted: bool | None
) -> None:
    """A host in a command line has one spelling, whatever was written."""
    call = called(Command(program="curl", name="curl", domains=words(host)))

    assert told(built({"domains": matcher}).test(call, {})) is wanted


def test_nothing_is_missing_like_a_fact() -> None:
    """An event without a line does not match, and an unknown line is unknown."""
    matcher = built({"program": "git"})

    assert matcher.test(MISSING, {}) is False
    assert matcher.test(None, {}) is False
    assert matcher.excuses(MISSING, {}, None) is False
    assert matcher.chosen(MISSING, {}) == ()
    assert told(matcher.test(Unknown("no text"), {})) is None
    assert told(matcher.excuses(Unknown("no text"), {}, None)) is None


def test_an_excuse_must_hold_for_each_command_that_matched() -> None:
    """One excused command does not excuse another; a command that did not match needs none."""
    when, unless = built({"program": "git"}), built({"flags_any": ["--dry-run"]})
    both = called(push("--dry-run"), push("origin"))
    other = called(push("--dry-run"), Command(program="ls", name="ls"))

    assert unless.excuses(both, {}, when.chosen(both, {})) is False
    assert unless.excuses(other, {}, when.chosen(other, {})) is True
    assert unless.excuses(other, {}, None) is False


def test_what_is_not_known_excuses_nothing() -> None:
    """A word that is known in part, or a line that may run more, is no excuse."""
    excuse = built({"words": {"starts_with": "build-"}})
    partly = called(push(f"build-{HOLE}"))
    blind = called(push("build-1"), Command(program="eval", name="eval", opaque=(DYNAMIC,)))

    assert told(excuse.excuses(partly, {}, (0,))) is None
    assert told(excuse.excuses(blind, {}, (0,))) is None
    assert excuse.excuses(called(push("build-1")), {}, (0,)) is True


def test_lists_of_the_whole_call_are_those_of_all_commands() -> None:
    """The call's lists join what its commands touch, each once, open where more may hide."""
    first = Command(program="cp", name="cp", reads=words("a", "b"), writes=words("c"))
    second = Command(program="rm", name="rm", writes=words("./c"), removes=words("./c"))
    call = called(first, second)
    blind = called(first, opaque=(DYNAMIC,))

    assert call.all("writes") == ["/project/c"]
    assert call.all("removes") == ["/project/c"]
    assert call.all("reads") == ["/project/a", "/project/b"]
    assert blind.all("reads")[:2] == ["/project/a", "/project/b"]
    end = blind.all("reads")[2]
    assert isinstance(end, Unknown)
    assert end.more


@pytest.mark.parametrize(
    ("raw", "code", "place", "says"),
    [
        ("git push", "GOV224", (), "program"),
        ([], "GOV229", (), ""),
        ({}, "GOV229", (), ""),
        ([{}], "GOV229", (0,), ""),
        (["git"], "GOV224", (0,), "program"),
        ({"progam": "git"}, "GOV220", ("progam",), "`program`"),
        ({"flow_to": {"program": "sh"}}, "GOV220", ("flow_to",), "`flows_to`"),
        ({"command": "git"}, "GOV220", ("command",), "beside `shell`"),
        ({"not": {"program": "git"}}, "GOV220", ("not",), "behind a key"),
        ({"zzz": 1}, "GOV220", ("zzz",), "`program`, `subcommand`"),
        ({"program": {"equls": "git"}}, "GOV222", ("program", "equls"), "`equals`"),
        ({"program": 5}, "GOV224", ("program",), ""),
        ({"program": "/bin/rm"}, "GOV226", ("program",), "`rm`"),
        ({"program": {"in": ["a", "git push"]}}, "GOV226", ("program",), 'subcommand = "push"'),
        ({"words": {"lt": 3}}, "GOV223", ("words", "lt"), ""),
        ({"reads": {"glob": ".env"}}, "GOV228", ("reads", "glob"), "`**/.env`"),
        ({"domains": {"domain_in": "https://x.org"}}, "GOV224", ("domains", "domain_in"), ""),
        ({"flags_any": "-f"}, "GOV224", ("flags_any",), "array"),
        ({"flags_any": []}, "GOV229", ("flags_any",), ""),
        ({"flags_any": ["force"]}, "GOV224", ("flags_any", 0), "`--force`"),
        ({"flags_any": ["f"]}, "GOV224", ("flags_any", 0), "`-f`"),
        ({"flags_all": ["--a=b"]}, "GOV224", ("flags_all", 0), "`--a`"),
        ({"flags_all": ["-f -v"]}, "GOV224", ("flags_all", 0), "its own"),
        ({"flags_all": ["--"]}, "GOV224", ("flags_all", 0), ""),
        ({"flags_all": [5]}, "GOV224", ("flags_all", 0), ""),
        ({"background": "yes"}, "GOV224", ("background",), ""),
        ({"opaque": "dynmic"}, "GOV225", ("opaque",), "`dynamic`"),
        ({"opaque": 5}, "GOV224", ("opaque",), ""),
        ({"flows_to": "sh"}, "GOV224", ("flows_to",), "program"),
        ({"flows_to": {"programm": "sh"}}, "GOV220", ("flows_to", "programm"), "`program`"),
    ],
)
def test_what_is_wrong_is_said(
    raw: object, code: str, place: tuple[str | int, ...], says: str
) -> None:
    """Each mistake in a table has its code, its place and a way to mend it."""
    problems: list[Problem] = []

    made = build_condition(
        {"shell": raw},
        vocabulary=VOCABULARY,
        on="tool",
        tools=("shell",),
        places=PLAIN_PLACES,
        path=("when",),
        report=problems.append,
    )

    assert made is None
    assert [(one.code, one.path) for one in problems] == [(code, ("when", "shell", *place))]
    assert says in problems[0].message + problems[0].suggestion


def test_nesting_is_bounded() -> None:
    """Tables within tables end somewhere."""
    raw: dict[str, object] = {"program": "sh"}
    for _ in range(20):
        raw = {"flows_to": raw}
    problems: list[Problem] = []

    made = build_shell(
        VOCABULARY.facts["shell"],
        raw,
        variables={},
        places=PLAIN_PLACES,
        path=(),
        report=problems.append,
    )

    assert made is None
    assert [one.code for one in problems] == ["GOV224"]


def test_each_key_is_an_attribute_of_a_command() -> None:
    """Every key of a table has something to look at, and a sentence for the reference."""
    beside = {"flags_any", "flags_all", "flows_to"}
    attributes = {one.name for one in Command.__attrs_attrs__}  # type: ignore[attr-defined]

    assert SHELL_KEYS.keys() - beside <= attributes
    assert all(one.doc.endswith(".") for one in SHELL_KEYS.values())
    assert "dynamic" in OPAQUE_KINDS
