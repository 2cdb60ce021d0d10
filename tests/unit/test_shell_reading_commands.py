"""Simple commands of a line: order, folders, pipes, redirections, functions, bounds."""

from __future__ import annotations

import time

import pytest

from governance.shell import read_line
from governance.shell.reading import read_simples
from governance.shell.values import HOLE, Redirect, Simple, Word


def programs(text: str) -> list[str]:
    """The first words of the commands, in order."""
    return [str(one.argv[0]) for one in read_simples(text).simples if one.argv]


def last(text: str) -> Simple:
    """The last command."""
    return read_simples(text).simples[-1]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a && b || c; d & e\nf", "abcdef"),
        ("a | b |& c", "abc"),
        ("(a; b) ; { c; d; }", "abcd"),
        ("if a; then b; elif c; then d; else e; fi", "abcde"),
        ("while a; do b; done; until c; do d; done", "abcd"),
        ("for ((i=0; i<2; i++)); do a; done; select x in y; do b; done", "ab"),
        ("case $(a) in x) b;; y) c;& *) d; esac", "abcd"),
        ("! a; time -p b; coproc N { c; }; coproc d", "abcd"),
        ('x $(a) `b` <(c) "$(d)" $((1+$(e))) >$(f) <<< $(g)', "abcdefgx"),
        ("x <<E\n$(a) `b`\nE", "abx"),
        ("unset V; V=$(a) x ${V:-$(b)}", ["unset", "b", "a", "x"]),
        ("[[ $(a) == b ]] && [ -f $(c) ]", ["a", "[[", "c", "["]),
        ("for x in p q; do $x; done", "pq"),
        ("for x in p; { a; }; ((b)); f() for y in 1; do c; done; f", "ac"),
        ("alias x='a -b'; x c", ["alias", "a"]),
    ],
)
def test_every_command_of_a_line_is_found_in_order(line: str, found: str | list[str]) -> None:
    """Lists, pipes, groups, branches, loops, functions and substitutions hide nothing."""
    reading = read_simples(line)

    assert programs(line) == list(found)
    assert reading.opaque == ()


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("cd /x && p", "/x"),
        ("cd a; cd ../b; p", "b"),
        ("cd ..; cd ..; p", "../.."),
        ("cd /a/..; p", "/"),
        ("(cd /x); p", ""),
        ("cd /x | cat; p", ""),
        ("cd /x & p", ""),
        ("cd; p", "~"),
        ("cd ~/x/../y; p", "~/y"),
        ("cd -; p", HOLE),
        ('cd "$X"; p', HOLE),
        ("pushd /x; pushd y; popd; p", "/x"),
        ("cd /x || exit 1; p", "/x"),
    ],
)
def test_a_command_knows_its_folder(line: str, folder: str) -> None:
    """`cd` is followed as text; a shell of its own keeps its folder to itself."""
    assert last(line).cwd == folder


def test_a_folder_that_may_have_been_entered_is_taken_both_ways() -> None:
    """Behind `||` a command is kept once for each folder."""
    folders = [one.cwd for one in read_simples("cd /x || p").simples[1:]]

    assert folders == ["", "/x"]


@pytest.mark.parametrize(
    ("line", "redirects"),
    [
        ("p > a 2>> b < c", [("write", "a", 1), ("append", "b", 2), ("read", "c", 0)]),
        ("p &> a; p >| a 3<> b", [("write", "a", 1), ("both", "b", 3)]),
        ("p &>> a", [("append", "a", -1)]),
        ("p >& a", [("write", "a", -1)]),
        ("p 2>&1 >&- 3<&0", []),
        ("{ p; } > a", [("write", "a", 1)]),
        ("while x; do p; done > a", [("write", "a", 1)]),
        ("f() { p; }; f > a", [("write", "a", 1)]),
        ("> a", [("write", "a", 1)]),
        (": | p > a", [("write", "a", 1)]),
    ],
)
def test_a_redirection_is_kept_with_its_command(
    line: str, redirects: list[tuple[str, str, int]]
) -> None:
    """Mode, file and descriptor; those of a group are those of the commands in it."""
    expected = [Redirect(mode, Word(target), fd) for mode, target, fd in redirects]  # type: ignore[arg-type]

    assert list(last(line).redirects) == expected


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("sh <<< 'rm x'", "rm x\n"),
        ("sh <<E\nrm ~ $((1+1))\nE", "rm ~ 2\n"),
        ("sh <<'E'\nrm $X\nE", "rm $X\n"),
        ("sh <<-E\n\trm\n\tE", "rm\n"),
        ("echo rm x | sh", "rm x\n"),
        ("printf '%s %s' rm x | sh", "rm x"),
        ("echo cm0geA== | base64 -d | sh", "rm x"),
        ("echo 726d | xxd -r -p | sh", "rm"),
        ("echo mr | rev | sh", "rm\n"),
        ("echo 'ez k' | tr 'a-z' 'n-za-m' | sh", "rm x\n"),
        ("echo cm0= | openssl base64 -d | sh", "rm"),
        ("echo rm | tee a | cat | sh", "rm\n"),
        ("echo rm $X | sh", f"rm {HOLE}\n"),
        ("(echo a; echo b) | sh", "a\nb\n"),
        ("{ sh; } <<< a", "a\n"),
        ("curl u | sh", None),
        ("echo a > b | sh", None),
        ("sh < a", None),
    ],
)
def test_input_is_known_where_the_line_says_it(line: str, text: str | None) -> None:
    """Documents, strings, and what programs print that only pass text on."""
    assert last(line).input_text == text


def test_two_documents_of_one_line_are_told_apart() -> None:
    """The second document is the input, as the last redirection is."""
    assert last("cat <<A <<B\n1\nA\n2\nB").input_text == "2\n"


def test_pipes_say_who_feeds_whom() -> None:
    """A pipe, a substituted word, a file of a process and a variable carry output on."""
    pipe = read_simples("a | { b; c; } | d").simples
    word = read_simples("rm $(a)").simples
    file = read_simples("sh <(a)").simples
    out = read_simples("a > >(sh)").simples
    variable = read_simples("X=$(a); sh -c $X").simples

    assert (pipe[0].feeds, pipe[3].input_from) == ((1, 2), (1, 2))
    assert (word[0].feeds, word[1].input_from) == ((1,), ())
    assert file[0].feeds == (1,)
    assert (out[0].argv, out[0].input_from) == (("sh",), (1,))
    assert 2 in variable[0].feeds


def test_a_function_is_read_where_it_is_called() -> None:
    """Its words are those of the call; local variables end with it."""
    found = read_simples("X=p; f() { local X=q; r $1 $X; }; f 'a b'; $X").simples

    assert [one.argv for one in found if one.argv][1:] == [("r", "a", "b", "q"), ("p",)]


def test_a_function_that_calls_itself_says_so() -> None:
    """The fork bomb."""
    simples = read_simples(":(){ :|:& };:").simples

    assert [(one.argv, one.recursive, one.background) for one in simples] == [
        ((":",), True, True)
    ] * 2


@pytest.mark.parametrize(
    ("line", "looped"),
    [
        ("for d in $DS; do r $d; done", True),
        ("for d in *; do r $d; done", True),
        ("for d in $DS; do for e in a; do r $d; done; done", True),
        ("f() { r $1; }; for d in $DS; do f $d; done", True),
        ("for d in $DS; do sudo r $d; done", True),
        ("ls | while read d; do r $d; done", True),
        ("until t; do r $d; done", True),
        ("for d in a b; do r $d; done", False),
        ("printf 'a\\nb\\n' | while read d; do r $d; done", False),
        ("while r $d; do :; done", False),
        ("for d in $DS; do :; done; r $d", False),
        ("echo '; for d in $DS; do '; r $d; echo '; done'", False),
    ],
)
def test_a_command_says_whether_it_stands_in_a_loop(line: str, looped: bool) -> None:
    """In its body, over names that are not known; texts that look like a loop are none."""
    found = [one.looped for one in read_line(line).commands if one.program == "r"]

    assert set(found) == {looped}


@pytest.mark.parametrize(
    ("line", "feeds"),
    [
        ("for v in $(list); do show ${!v}; done", [("list", "show"), ("printenv", "show")]),
        ("list | while read v; do show ${!v:-x}; done", [("list", "printenv")]),
        ("for v in ${!A*}; do show $v; done", [("compgen", "show")]),
        ('for v in "${!A@}"; do show ${!v}; done', [("compgen", "printenv")]),
        ("set | show", [("set", "show")]),
        ("export -p | show", [("export", "show")]),
        ("trap | show", [("trap", "show")]),
    ],
)
def test_what_shows_the_environment_by_itself_is_a_command(
    line: str, feeds: list[tuple[str, str]]
) -> None:
    """`${!v}` is what `printenv` prints, `${!A*}` what `compgen` lists, `set` alone prints."""
    commands = read_line(line).commands
    found = {(one.program, commands[to].program) for one in commands for to in one.feeds}

    assert found.issuperset(feeds)


@pytest.mark.parametrize(
    "line",
    [
        'for v in $VS; do [ -n "${!v}" ] && [[ ${!v} ]] && : ${!v:?}; done',
        "for v in $VS; do echo ${!v:+set}; done",
        "v=HOME; echo ${!v}",
        "a=(1 2); echo ${!a[@]}",
    ],
)
def test_what_only_asks_shows_nothing(line: str) -> None:
    """A test shows nothing of what it asks for, and a name that is known is that variable."""
    assert not {"printenv", "compgen"} & {one.program for one in read_line(line).commands}


@pytest.mark.parametrize("line", ["$(set -e; echo rm) x", "$(export A=1; echo rm) x"])
def test_what_only_sets_prints_nothing(line: str) -> None:
    """What others print is all there is."""
    assert "rm" in [one.program for one in read_line(line).commands]


def test_a_function_that_is_not_called_is_not_reached() -> None:
    """Its commands are there; if its name is given to another command they may run."""
    assert [one.reached for one in read_simples("f() { a; }").simples] == [False]
    assert read_simples("f() { a; }; trap f EXIT").simples[-1].reached


def test_a_function_that_a_branch_may_change_is_both() -> None:
    """A second definition hides the first only where it surely runs."""
    assert programs("f() { a; }; if t; then f() { b; }; fi; f") == ["t", "b", "a"]


def test_a_loop_that_changes_what_it_runs_is_looked_at_twice() -> None:
    """What a body sets is seen by its beginning on the next turn."""
    assert "rm" in programs("X=ls; while t; do $X; X=rm; done")


@pytest.mark.parametrize(
    "text",
    ["a\r\nb\r\n", "\ufeffa\nb", "a\0\nb"],
)
def test_signs_that_no_shell_reads_are_left_out(text: str) -> None:
    """Line ends of other systems, a byte order mark, NUL."""
    assert programs(text) == ["a", "b"]


def test_half_a_character_is_not_known() -> None:
    """A lone surrogate cannot be what a program is given."""
    assert last("rm \ud800x").argv == ("rm", HOLE + "x")


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, "$(" * 50_000, '"$(' * 50_000, "{ " * 9_000, "a;" * 100_000, "x" * 300_000,
     "X=aa; " + "X=$X$X; " * 500, "f() { f; f; }; f; " * 500, "<" * 100_000],
)  # fmt: skip
def test_what_is_more_than_is_looked_at_is_said(text: str) -> None:
    """Every bound is a reason; what was found before stays."""
    reading = read_simples(text)

    assert {one.kind for one in reading.opaque} & {"bound", "syntax"} or len(reading.simples) > 1
    assert len(reading.simples) <= 2_000


def test_texts_in_each_other_are_bounded() -> None:
    """A text that is handed to a shell again and again ends."""
    assert read_simples("a", depth=9).opaque[0].kind == "bound"


@pytest.mark.parametrize(
    ("line", "reads", "writes"),
    [
        ("cat<a", ("a",), ()),
        ("echo x>a", (), ("a",)),
        ("cat<a>b", ("a",), ("b",)),
        ("echo x>a>>b", (), ("a", "b")),
        ("wc -l<a", ("a",), ()),
        ("cat a>b 2>&1", ("a",), ("b",)),
    ],
)
def test_a_redirection_needs_no_blank_before_it(
    line: str, reads: tuple[str, ...], writes: tuple[str, ...]
) -> None:
    """A word ends where a redirection begins, with a blank between them or without."""
    from governance.shell import read_line

    (command,) = read_line(line).commands

    assert (command.reads, command.writes) == (reads, writes)


@pytest.mark.parametrize("behind", ["2>/dev/null", "> log", "2>&1", "< in"])
@pytest.mark.parametrize("before", ["a | b | c", "a|b|c|d", "x=$(a | b | c", "! a | b | c"])
@pytest.mark.parametrize("between", ["\n", "\n\n", " # c\n", "\n# c\n"])
def test_a_line_end_behind_a_long_pipe_ends_it(before: str, between: str, behind: str) -> None:
    """What stands on the next line is a command of its own, never words of the last in a pipe."""
    closed = ")" if "(" in before else ""

    found = read_simples(f"{before}{between}rm -rf build {behind}{closed} #").simples

    assert ("rm", "-rf", "build") in [one.argv for one in found]


def test_a_line_end_within_a_case_is_none_of_a_list() -> None:
    """The lines of a case, of a loop and of a branch read as they did."""
    text = "case x in\na|b)\nls\n;;\n*)\nrm x\nesac\nfor i in a\ndo\nls\ndone\nif a\nthen\nb\nfi"

    reading = read_simples(text)

    assert reading.opaque == ()
    assert [one.argv[0] for one in reading.simples] == ["ls", "rm", "ls", "a", "b"]


@pytest.mark.parametrize("empty", ["\n", "\r\n", "\n# x", " \n"])
def test_empty_lines_cost_no_more_than_their_number(empty: str) -> None:
    """A text of nothing but ends of lines is read in a moment, however many there are."""
    from governance.shell import read_line

    start = time.process_time()
    line = read_line("ls" + empty * 8_000 + "\nls")
    assert time.process_time() - start < 1, "work in proportion to its square takes some seconds"
    assert line.commands[0].program == "ls"
