"""Whatever its words and input are, what a program prints is known or unknown, within bounds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.shell import read_line
from governance.shell.printing import TEXT_MAX
from governance.shell.producing import output_of
from governance.shell.values import HOLE
from tests.profiles import examples

PROGRAMS = st.sampled_from(
    ["echo", "printf", "cat", "tee", "dd", "head", "tail", "cut", "grep", "paste", "fold", "sort",
     "uniq", "rev", "tr", "sed", "gsed", "awk", "base64", "openssl", "xxd", "which", "type",
     "command", "basename", "dirname", "readlink", "realpath", "/bin/sed", "builtin", "exec"]
)  # fmt: skip
PIECES = st.sampled_from(
    ["-d", "-n", "-e", "-E", "-f", "-c", "-s", "-sd", "-F", "-w", "-r", "-p", "-v", "-D",
     "--", "-", "s/", "/", "g", ";", "*", ".", "^", "$", "+", "?", "[", "]", "{", "}", "(",
     ")", "|", "\\", "&", "%", "%s", "%d", "%5", ".3", "x", "%b", "%q", "%c", "\\c", "\\x",
     "\\0", "\\777", "\\u", "1", "99999", "0x", "0b1", "1_0", "'", '"', "[:lower:]", "[=a=]",
     "a-z", "z-a", "print", "BEGIN", "$1", "NF", " ", "\t", "\n", "\0", "\r", "\u2028", "é",
     "\ud800", HOLE, "\ufffd", ":", ",", "=", "~"]
)  # fmt: skip
WORDS = st.one_of(
    st.lists(PIECES, max_size=8).map("".join),
    st.text(max_size=12),
    st.tuples(PIECES, st.integers(1, 3_000)).map(lambda one: one[0] * one[1]),
)
INPUTS = st.none() | WORDS | st.lists(WORDS, max_size=6).map("\n".join)


@settings(max_examples=examples(2_000))
@given(program=PROGRAMS, words=st.lists(WORDS, max_size=5), text=INPUTS)
def test_every_output_is_known_or_unknown_within_its_bound(
    program: str, words: list[str], text: str | None
) -> None:
    """No exception, and no more than `TEXT_MAX` characters."""
    made = output_of([program, *words], text)

    assert made is None or len(made) <= TEXT_MAX


@settings(max_examples=examples(300))
@given(program=PROGRAMS, words=st.lists(WORDS, max_size=4), text=WORDS)
def test_a_pipe_through_any_program_has_a_reading(
    program: str, words: list[str], text: str
) -> None:
    """A line that hands a text through a program to a shell is read, whatever it prints."""
    quoted = ["'" + one.replace("'", "'\\''") + "'" for one in (text, program, *words)]
    line = f"printf '%s' {quoted[0]} | {' '.join(quoted[1:])} | sh"

    assert read_line(line).commands or read_line(line).opaque
