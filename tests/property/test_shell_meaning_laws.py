"""Laws of what a command line means: for every text there is an answer, and it adds up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governance.shell import read_line
from governance.shell.lines import COMMANDS_MAX
from governance.shell.meaning import understand
from governance.shell.programs import entries
from governance.shell.values import HOLE, Line, Simple, Word

PROGRAMS = sorted(name for name in entries() if " " not in name and not name.startswith("@"))
WAYS = sorted(name for name in entries() if " " in name)
PIECES = [
    *("-f", "-rf", "--force", "--x=y", "--", "-", "-c", "-e", "-o", "+x", "-9", "a", "/etc/x"),
    *("{}", ";", "+", "-exec", "https://u@h.io:1/p?q", "h:p", "$X", "a=b", "'rm x'", HOLE, "~", ""),
    *("import os; os.system('rm x')", "s/a/b/e", "../y", "*.py", ":::", "-I{}", "\\", '"', "é\n"),
]
words = st.one_of(st.sampled_from(PIECES), st.text(max_size=12))
simples = st.builds(
    lambda name, rest, text, piped: Simple(
        argv=tuple(Word(one) for one in [*name.split(" "), *rest]),
        input_text=None if text is None else Word(text),
        input_from=(0,) if piped else (),
        assigns=(Word("EDITOR=rm x"),),
    ),
    st.one_of(st.sampled_from(PROGRAMS), st.sampled_from(WAYS), words),
    st.lists(words, max_size=8),
    st.none() | words,
    st.booleans(),
)
lines = st.one_of(
    st.text(max_size=80),
    st.lists(st.one_of(st.sampled_from(PROGRAMS), words, st.sampled_from(["|", "&&", "$(", ")"])))
    .map(" ".join)
    .map(lambda one: one[:400]),
)


def adds_up(line: Line) -> None:
    """What must hold of every line."""
    assert len(line.commands) <= COMMANDS_MAX
    for command in line.commands:
        assert set(command.removes) <= set(command.writes)
        assert all(0 <= at < len(line.commands) for at in command.feeds)
        assert HOLE not in command.program or command.program == HOLE


@given(simples)
def test_every_command_has_a_meaning(simple: Simple) -> None:
    """Whatever words a program is given, it is understood without an error."""
    command = understand(simple).command((), ())

    assert command.arguments == simple.argv[1:]
    assert set(command.removes) <= set(command.writes)


@given(lines)
def test_every_line_has_a_meaning(text: str) -> None:
    """Every text gives a line whose positions and paths add up."""
    adds_up(read_line(text))


@given(st.sampled_from(PROGRAMS), st.lists(words, max_size=6))
def test_a_wrapper_hides_nothing(program: str, rest: list[str]) -> None:
    """The words behind `command --` are taken as a command of its own, whatever they are."""
    argv = (Word(program), *(Word(one) for one in rest))

    wrapped = understand(Simple(argv=(Word("command"), Word("--"), *argv)))

    assert [one.argv for one in wrapped.nested] == [argv]


@given(st.lists(words, max_size=6))
def test_an_unknown_program_touches_nothing_by_its_words(rest: list[str]) -> None:
    """A program that no table lists has words and flags, and no paths."""
    draft = understand(Simple(argv=(Word("frobnicate"), *(Word(one) for one in rest))))

    assert (draft.reads, draft.writes, draft.removes, draft.domains) == ([], [], [], [])
