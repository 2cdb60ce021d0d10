"""Laws of plain lines: read without the grammar, they are read as by the grammar."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.shell import read_line
from governance.shell.notes import Notes
from governance.shell.plain import CHARACTERS_MAX, read_plain
from governance.shell.reading import read_simples
from governance.shell.state import State
from governance.shell.values import Word
from tests.profiles import examples

BEHIND = " # a comment, for which the grammar is asked"

commands = st.sampled_from(
    ["ls", "rm -f a", "cat x", "echo hi", "cd x", "cd /t/u", "cd", "cd -", "tee f", "sh", "pwd",
     "printf '%s' a", "grep -n 'a b'", "sort", "base64 -d", "mktemp", "xargs rm", "cat /tmp/x",
     "git rev-parse --show-toplevel", "curl -o /tmp/x http://a.b/c", "bash -c 'ls; rm x'",
     "python -c \"print('x')\"", "sudo -u me ls", "env A=b ls", "tr a b", "'rm' '' \"\"", "a'b'c=",
     "read x", "export A=b", "A=b ls", "if a", "time ls", "command cd x", "exit", "2", "x ~/y *.z",
     "\"~\" '{a,b}' '$X'", "a:~ b=~/c", "[ -f a ]", "alias ls", "set -- a"]
)  # fmt: skip
redirections = st.one_of(
    st.just(""),
    st.sampled_from(
        [" > f", " 2>&1", " 2>/dev/null", " >> /tmp/x", " < in", " &> o", " >&2", " 2>&-", " 3>&1",
         " < /tmp/x > '/tmp/y z'", " 2>&1 > x", " <<< x", " >| x", " 2&> x", ">x", " > f a"]
    ),
)  # fmt: skip
signs = st.sampled_from([" && ", " || ", "; ", " | ", " | ", "\n", "&&", "|", " \n\t\n ", " & "])
lines = st.lists(st.tuples(commands, redirections, signs), min_size=1, max_size=6).map(
    lambda parts: "".join("".join(part) for part in parts[:-1]) + "".join(parts[-1][:2])
)


def is_plain(text: str) -> bool:
    return read_plain(text, State(), Notes())


@settings(deadline=None, max_examples=examples(600))
@given(lines, st.sampled_from(["", "q", "/w", "~/z"]), st.sampled_from([(), (Word("A=b"),)]))
@example("a | b | c || d", "", ())
@example("a && b 2>&1 | c", "", ())
@example("a || b | c | d | e && f", "", ())
@example("a 2&>> b", "", ())
@example("cd a || cd b && ls", "", ())
@example("ls | sort | head\nrm -rf build 2>&1", "", ())
def test_a_comment_behind_a_line_changes_nothing(
    text: str, cwd: str, assigns: tuple[Word, ...]
) -> None:
    """Whether the grammar is asked or not, a plain line has one reading."""
    if not is_plain(text):
        return
    first, second = (
        read_simples(one, cwd=Word(cwd), assigns=assigns) for one in (text, text + BEHIND)
    )

    assert first == second
    assert read_line(text) == read_line(text + BEHIND)


def test_what_agents_write_is_plain() -> None:
    """The grammar is not asked about the usual lines, and is about all that needs it."""
    for plain in (
        "ls -la src",
        "cd /srv/app && npm test",
        "git commit -m 'Mend it' && git push origin main",
        'grep -rn "def main" src | head -20',
        "make -j4 test > out.log 2>&1",
        "python3 -m pytest -q; echo done",
    ):
        assert is_plain(plain), plain
        assert not is_plain(plain + BEHIND)
    for other in (
        "a $X", "a `b`", "a &", "(a)", "a <<E\nE", "A=b a", "if a", "a *", "é", "a;;b", "> b",
        "a | b | c || d", "export A", "a && b > c | d", "", "a; ", "a ||",
    ):  # fmt: skip
        assert not is_plain(other), other
    assert not is_plain("a" * (CHARACTERS_MAX + 1))
