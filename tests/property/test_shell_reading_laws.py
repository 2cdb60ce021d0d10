"""Every text has a reading, within its bounds, whatever the text is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.shell.notes import SIMPLES_MAX
from governance.shell.reading import Reading, read_simples
from governance.shell.values import HOLE
from tests.profiles import examples

PIECES = st.sampled_from(
    ["$(", "`", "${", "}", ")", "(", "{ ", "; }", '"', "'", "\\", "\n", "<<EOF\n", "EOF\n", " ",
     "|", "&", "&&", "||", ";", ";;", "case x in a)", "esac", "if ", "then ", "fi", "do ", "done",
     "for i in a b; do ", "while ", "[[ ", " ]]", "((", "))", "$((", "echo ", "X=", "X+=", "a=(",
     "$X", "${X:-", "${X//a/b}", "#", ">", "<", "<(", ">(", "2>&1", "*", "[a]", "~", "{a,b}",
     "{1..9}", "f() { ", "f", "function g", "coproc ", "time ", "!", "set -- ", "read x", "cd ",
     "alias q=", "q ", "\0", "\r\n", "é", "\ud800", HOLE, "\ufffb", "\ufffa", '"$@"', "${a[@]}",
     "${!X}", "$'\\x41", "printf '%s'", "cat", "export ", "local ", "unset X", "shift", "=~",
     "<<<", "&>", ">|", "<>", "$IFS", "IFS=:;", "{a..", "@(", "${X:0:2}", "tr a-z A-Z", "="]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=25).map("".join),
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda one: one.decode("latin-1")),
    st.text(alphabet=" \n\"'$(){}`|&;<>\\#*?[]=ab1!~^%@+-", max_size=60),
)
PLAIN = st.text(alphabet="abcdefghij-_./0123456789", min_size=1, max_size=8).map(
    lambda one: "c" + one
)


@settings(max_examples=examples(3_000))
@given(text=TEXTS, depth=st.integers(0, 9))
def test_every_text_has_a_reading(text: str, depth: int) -> None:
    """No exception, no more commands than the bound, and links that point at commands."""
    reading = read_simples(text, depth=depth)

    assert isinstance(reading, Reading)
    assert len(reading.simples) <= SIMPLES_MAX
    positions = range(len(reading.simples))
    for one in reading.simples:
        assert all(place in positions for place in (*one.feeds, *one.input_from))


@settings(max_examples=examples(500))
@given(text=TEXTS)
def test_a_reading_does_not_depend_on_what_was_read_before(text: str) -> None:
    """The same text has the same reading."""
    assert read_simples(text) == read_simples(text)


@given(words=st.lists(PLAIN, min_size=1, max_size=6))
def test_quoting_changes_nothing(words: list[str]) -> None:
    """A word is the same plain, in either quotes, escaped, and in pieces."""
    spellings = [
        " ".join(words),
        " ".join(f"'{one}'" for one in words),
        " ".join(f'"{one}"' for one in words),
        " ".join("\\" + "\\".join(one) for one in words),
        " ".join(f"''{one[0]}\"{one[1:]}\"" for one in words),
        " ".join("$'" + "".join(f"\\x{ord(sign):02x}" for sign in one) + "'" for one in words),
        f"X='{' '.join(words)}'; $X",
        f'x=({" ".join(words)}); "${{x[@]}}"',
        f'set -- {" ".join(words)}; "$@"',
        f'f() {{ "$@"; }}; f {" ".join(words)}',
        f"$(echo {' '.join(words)})",
    ]

    assert {read_simples(one).simples[-1].argv for one in spellings} == {tuple(words)}


@given(inner=st.lists(PLAIN, min_size=1, max_size=3).map(" ".join))
def test_no_surrounding_hides_a_command(inner: str) -> None:
    """What runs a command somewhere in a line shows it."""
    surroundings = [
        "({0})", "{{ {0}; }}", "a && {0}", "a || {0}", "a | {0}", "{0} | a", "{0} & a", "! {0}",
        "if {0}; then a; fi", "if a; then {0}; fi", "while a; do {0}; done", "time {0}",
        "for x in a; do {0}; done", "case a in b) {0};; esac", "echo $({0})", "echo `{0}`",
        'echo "$({0})"', "a <({0})", "a > >({0})", "x=$({0})", "a <<E\n$({0})\nE", "[[ $({0}) ]]",
        "(( $({0}) ))", "echo ${{x:-$({0})}}", "f() {{ {0}; }}; f", "coproc {0}", "a > $({0})",
        "export x=$({0})", "x=(a $({0}))", "select x in a; do {0}; done",
    ]  # fmt: skip

    for one in surroundings:
        found = [simple.argv for simple in read_simples(one.format(inner)).simples]
        assert tuple(inner.split()) in found, one
