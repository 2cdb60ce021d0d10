"""Words of a command line: quotes, braces, variables, substitutions, what is not known."""

from __future__ import annotations

import pytest

from governance.shell.reading import read_simples
from governance.shell.values import HOLE, Word


def last(text: str) -> list[str]:
    """The words of the last command."""
    return [str(word) for word in read_simples(text).simples[-1].argv]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("r''m r\"\"m r\\m 'r'm", ["rm", "rm", "rm", "rm"]),
        ("$'\\x72\\155\\u0020\\t\\n\\cA\\''", ["rm \t\n\x01'"]),
        ('$"a b" "a\\"b" "a\\nb"', ["a b", 'a"b', "a\\nb"]),
        ("a\\\nb \\\n c", ["ab", "c"]),
        ("{rm,-rf,/}", ["rm", "-rf", "/"]),
        (
            "{a,b}{1..3} {a,{b,c}}",
            ["a1", "a2", "a3", "b1", "b2", "b3", "a", "b", "c"],
        ),
        ("{05..07}", ["05", "06", "07"]),
        (
            "{a{b,c} {a}b,c} {a,b}} {,x} {'a,b',c}",
            ["{ab", "{ac", "{a}b,c}", "a}", "b}", "x", "a,b", "c"],
        ),
        ("${x} {a} a{b", [HOLE, "{a}", "a{b"]),
        ("~ ~/x ~u/x", ["~", "~/x", "~u/x"]),
        ("'~' \\~/x \"~\"", ["./~", "./~/x", "./~"]),
        ('$HOME "${HOME}/x"', ["~", "~/x"]),
        ("rm${IFS}-rf$IFS/", ["rm", "-rf", "/"]),
        ("$TMPDIR/x $0 $$", ["/tmp/x", "bash", HOLE]),
        ("$((1 + 2 * 3)) $((x)) $[4/2]", ["7", HOLE, "2"]),
        ("$(echo rm) `echo -rf` $(printf '%s' /)", ["rm", "-rf", "/"]),
        ('$(cat <<E\na b\nE\n) "$(base64 -d <<< cm0=)"', ["a", "b", "rm"]),
        ('"$D/.env" a"$(x)"b', [f"{HOLE}/.env", f"a{HOLE}b"]),
        ("$(mktemp -d)/x", [f"/tmp/{HOLE}/x"]),
        ("<(x)", ["/dev/fd/63"]),
    ],
)
def test_a_word_is_what_the_program_is_given(written: str, words: list[str]) -> None:
    """Quotes go, expansions are done as far as they are known, the rest is a hole."""
    assert last(f"run {written}")[1:] == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('X="rm -rf /"; $X', ["rm", "-rf", "/"]),
        ('X="rm -rf /"; "$X"', ["rm -rf /"]),
        ("X=a; X+=b; c ${X}d", ["c", "abd"]),
        ("X=a.tar.gz; c ${X%.*} ${X%%.*} ${X#*.} ${X##*.}", ["c", "a.tar", "a", "tar.gz", "gz"]),
        ("X=aXbX; c ${X/X/-} ${X//X/-} ${X/%X/-} ${X/#a/-}",
         ["c", "a-bX", "a-b-", "aXb-", "-XbX"]),
        ("X=abcd; c ${X:1} ${X:1:2} ${X: -1} ${#X}", ["c", "bcd", "bc", "d", "4"]),
        ("X=aB; c ${X^^} ${X,,} ${X^} ${X@Q}", ["c", "AB", "ab", "AB", "'aB'"]),
        ("unset X; c ${X:-d e} ${X:+n} ${X:=v} $X", ["c", "d", "e", "v", "v"]),
        ("X=Y; Y=rm; c ${!X}", ["c", "rm"]),
        ('a=(rm -rf "x y"); "${a[@]}"', ["rm", "-rf", "x y"]),
        ("a=(rm -rf /); a[1]=-r; c ${a[1]} ${#a[@]} $a", ["c", "-r", "3", "rm"]),
        ("set -- a 'b c'; shift; c \"$@\" $1", ["c", "b c", "b", "c"]),
        ("read X Y <<< 'rm -rf /'; c $X $Y", ["c", "rm", "-rf", "/"]),
        ("export X=rm; $X x", ["rm", "x"]),
        ("declare -a q=(1 2); c ${q[1]}", ["c", "2"]),
        ("printf -v X '%s-%s' a b; c $X", ["c", "a-b"]),
        ("X=1 c $X", ["c", HOLE]),
        ("IFS=,; X=a,b; c $X", ["c", "a", "b"]),
        ("X='*'; c $X", ["c", "*"]),
    ],
)  # fmt: skip
def test_a_variable_that_the_line_sets_is_known(line: str, words: list[str]) -> None:
    """Operators, splitting, arrays and the words given to a shell follow the shell's rules."""
    assert last(line) == words


def test_a_live_pattern_is_marked() -> None:
    """A word whose pattern the shell will expand says so; a quoted one does not."""
    words = read_simples("rm *.txt '*.txt' [ab]x a?b \\*").simples[0].argv

    assert [word.glob for word in words] == [False, True, False, True, True, False]


def test_a_variable_of_a_branch_is_either() -> None:
    """What a branch may have set is followed both ways, and so is a default."""
    line = "X=a; if t; then X=b; fi; rm $X; ls ${Y:-/}"

    runs = [[str(word) for word in one.argv] for one in read_simples(line).simples]

    assert [one for one in runs if one[:1] == ["rm"]] == [["rm", "b"], ["rm", "a"]]
    assert [one for one in runs if one[:1] == ["ls"]] == [["ls", HOLE], ["ls", "/"]]


def test_more_values_than_are_followed_are_a_hole() -> None:
    """A variable with more than four values is not known, and nothing is lost by that."""
    line = "".join(f"if t; then X={one}; fi; " for one in range(6)) + "rm $X"

    assert last(line) == ["rm", HOLE]


def test_braces_without_end_are_bounded() -> None:
    """A brace expansion of millions of words is said to be one, and not made."""
    reading = read_simples("echo " + "{a,b}" * 40)

    assert [one.kind for one in reading.opaque] == ["bound"]


def test_the_folder_stays_the_same_when_it_is_left() -> None:
    """`$PWD` names the folder in which it was read, as it is written from where it is used."""
    assert last("rm $PWD/x") == ["rm", "x"]
    assert last("D=$(pwd); cd sub; rm $D/x") == ["rm", "../x"]
    assert last("cd /x; rm $PWD/y") == ["rm", "/x/y"]


def test_home_in_a_text_for_a_shell_stays_home() -> None:
    """In a text with quotes a tilde would be none, so home is written as the variable."""
    assert last('bash -c "rm -rf \\"$HOME/x\\""')[2] == 'rm -rf "$HOME/x"'


def test_what_a_nested_text_starts_with_is_known() -> None:
    """The folder and the environment that are handed over are those of the first command."""
    simples = read_simples("rm $X", cwd=Word("~/a"), assigns=(Word("X=b"),), depth=1).simples

    assert (simples[0].argv, simples[0].cwd, simples[0].assigns) == (("rm", "b"), "~/a", ("X=b",))


def test_a_word_of_many_braces_is_looked_at_once() -> None:
    """Open braces cost no look at the rest of the word each: this would take minutes."""
    word = "{" * 190 + "a" * 150_000

    assert last(f"echo {word}")[1].startswith("{{{")


def test_a_nul_is_said() -> None:
    """What a shell makes of a NUL, nobody knows, also where a record shows a sign for it."""
    for text in ("rm\0 -rf x", "rm\u2400 -rf x"):
        reading = read_simples(text)

        assert [one.kind for one in reading.opaque] == ["syntax"]
        assert [str(word) for word in reading.simples[0].argv] == ["rm", "-rf", "x"]


def test_a_loop_that_sets_nothing_in_the_end_has_a_reading() -> None:
    """A body that leaves for good leaves no variable behind."""
    reading = read_simples("until a; do for b in 1; do c $b; done; break; done; d")

    assert reading.opaque == ()
    assert [str(one.argv[0]) for one in reading.simples if one.argv][-1] == "d"


@pytest.mark.parametrize(
    "word",
    [
        "${HOME:$(run it)}",
        '"${HOME:0:$(run it)}"',
        '"${PATH^^$(run it)}"',
        '"${PATH,$(run it)}"',
        '"${HOME#$(run it)}"',
        '"${HOME%%`run it`}"',
        '"${HOME/$(run it)/}"',
        '"${HOME/x/$(run it)}"',
        '"${a[@]/x/$(run it)}"',
        '"${a[$(run it)]}"',
        '"${#a[$(run it)]}"',
        '"${XX:?$(run it)}"',
        '"${XX:+$(run it)}"',
        '"${XX:-$(run it)}"',
        '"${XX@Q$(run it)}"',
        '"${!XX-$(run it)}"',
        '"${!a$(run it)}"',
        "${ run it; }",
        '"${|run it; }"',
        "${A:-${B#$(run it)}}",
    ],
)
def test_commands_in_an_expansion_are_read(word: str) -> None:
    """Whatever an operator does with a value, the commands that stand in it run."""
    programs = [
        [str(one) for one in simple.argv] for simple in read_simples(f"echo {word}").simples
    ]
    assert ["run", "it"] in programs


def test_a_word_that_is_not_taken_runs_nothing() -> None:
    """A default of what is set, and what stands in place of what is not."""
    for line in ('X=a; echo "${X:-$(run it)}"', "X=; echo ${X:+$(run it)}", "X=a; echo ${X?`run`}"):
        assert [str(one.argv[0]) for one in read_simples(line).simples if one.argv] == ["echo"]
