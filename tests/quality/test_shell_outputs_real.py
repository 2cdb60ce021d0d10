"""What is said to be printed is what the programs of a Linux system print."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from governance.shell.producing import output_of
from governance.shell.values import HOLE
from tests.profiles import examples


@cache
def is_gnu() -> bool:
    """Whether the programs here are those that Linux systems have."""
    if shutil.which("bash") is None or shutil.which("sed") is None:
        return False
    told = subprocess.run(["sed", "--version"], capture_output=True, check=False)
    return b"GNU" in told.stdout


pytestmark = pytest.mark.skipif(not is_gnu(), reason="platform: the programs here are not GNU's")

SIGNS = "ab.*^$/x :,-01\\&+?|()[]{}"


def texts(alphabet: str, size: int = 6) -> SearchStrategy[str]:
    """Short texts."""
    return st.text(alphabet=alphabet, max_size=size)


def word(*words: str) -> SearchStrategy[list[str]]:
    """One of some ways to write options, each split at blanks."""
    return st.sampled_from([one.split(" ") if one else [] for one in words])


def argv(name: str, *parts: SearchStrategy[list[str]]) -> SearchStrategy[list[str]]:
    """A program with its words."""
    return st.tuples(*parts).map(lambda made: [name, *(one for part in made for one in part)])


INPUTS = st.tuples(
    st.lists(texts("ab xrm/:,.-*\t\r", 8), max_size=4).map("\n".join), st.sampled_from(["\n", ""])
).map("".join)


@st.composite
def edits(draw: st.DrawFn) -> list[str]:
    """Programs of `sed` as people and adversaries write them."""
    sign = draw(st.sampled_from("/|#,@:!"))
    many = st.lists(
        st.tuples(texts(SIGNS, 4), texts("abx&\\ /", 3), st.sampled_from(["", "", "g", "p", "2"])),
        min_size=1,
        max_size=2,
    )
    script = ";".join(f"s{sign}{a}{sign}{b}{sign}{flag}" for a, b, flag in draw(many))
    return [*draw(word("", "", "-e", "-r", "-E", "-u", "-n")), script]


PRINTF = [
    "%s", "%d", "%%", "%x", "%5s", "%-5s", "%05d", "%.2s", "%c", "%b", r"\n", r"\x41", r"\101",
    "%i", "%u", "%o", "%X", r"\c", "%q", "% d", "%+d", "%5.3d", "%-05d", "%", r"\"", "a",
    r"\0"
]  # fmt: skip
VALUES = [
    "1", "a", "-3", "'a", "0x1f", "010", "08", "", "ab c", r"a\tb", r"\0101",
    "99999999999999999999", "%", "\\", "1.5", "+5", "0b1", "0o7", "1_0", " 7", "a;b", "~x",
    r"\c", "é", "$(x)"
]  # fmt: skip
ECHOED = [
    "-n", "-e", "-ne", "-E", "a", "b c", r"\t", r"\x41", r"\0101", r"\c", "-", "--", r"\\",
    "-nE", r"\e", r"\u41", r"\101", r"\"", r"\0"
]  # fmt: skip
SETS = [
    "a", "b", "ab", "a-c", "[:lower:]", "[:upper:]", "A-Z", "a-z", "\\n", ":", "x-", "-x",
    "[a-c]", r"\055", "\\", "ba", "c-a", "[:space:]", "[=a=]", "[a*]", r"\\", "[:digit:]",
    r"a\-c", "aa"
]  # fmt: skip

PROGRAMS: dict[str, SearchStrategy[list[str]]] = {
    "echo": argv("echo", st.lists(st.sampled_from(ECHOED), max_size=3)),
    "printf": argv(
        "printf",
        st.lists(st.sampled_from(PRINTF), min_size=1, max_size=3).map(lambda one: ["".join(one)]),
        st.lists(st.sampled_from(VALUES), max_size=3),
    ),
    "sed": argv("sed", edits()),
    "cut": argv(
        "cut",
        word("", "-d:", "-d ,", "-d", "-d::", "-dx", "-d-"),
        word("", "", "-s"),
        word(
            "-f1", "-f2", "-f 1-", "-c2-3", "-b-2", "-f0", "-c3-2", "-c1,2", "-f", "-c-", "-f2,1,1"
        ),
    ),
    "awk": argv(
        "awk",
        word(
            "",
            "-F:",
            "-F,",
            "-F",
            "-F::",
            "-F|",
            "-F.",
            r"-F\t",
            "-Ft",
            "-Fx",
            "-F/",
            "-F^",
            "-F b",
        ),
        st.sampled_from(
            [
                "{print $1}",
                "{print $2}",
                "{print $NF}",
                "{ print $0 ; }",
                "{print $1,$2}",
                "{print $9}",
                'BEGIN{print "a b"}',
                r'BEGIN{printf "a\tb"}',
                'BEGIN{print("x")}',
                'BEGIN{printf("x%")}',
                'BEGIN{print "a" "b"}',
                r'BEGIN{print "\x41\/"}',
            ]
        ).map(lambda one: [one]),
    ),
    "head": argv(
        "head",
        word("", "-1", "-n1", "-n 1", "-c 3", "-n0", "-n -1", "-q", "-v", "-n +2", "-c2", "-"),
    ),
    "tail": argv(
        "tail",
        word("", "-1", "-n1", "-n +2", "-c 3", "-n0", "-n -1", "-q", "-n+1", "-c+2", "-n +0"),
    ),
    "grep": argv(
        "grep",
        word("", "-v", "-o", "-i", "-c", "-w", "-vv", "-F"),
        word("a", "b", "x", "ab", "rm", "_", "A", "a."),
    ),
    "paste": argv(
        "paste",
        word("-sd ,", "-sd,", "-s", "-sd0", r"-sd \0", "-sd", r"-sd \n", "-sd -", "-s -d:", "-d,"),
        word("", "-"),
    ),
    "fold": argv("fold", word("-w9", "-w 99", "-w3", "-w99 -s", "-b", "")),
    "tr": argv(
        "tr",
        word("", "", "-d", "-s", "-c"),
        st.lists(st.sampled_from(SETS), min_size=1, max_size=2),
    ),
    "base64": argv("base64", word("", "-w0", "-w 0", "-d", "-di")),
    "uniq": argv("uniq", word("", "-c", "-u", "-d")),
    "sort": argv("sort", word("", "-u", "-r", "-n", "-")),
    "cat": argv("cat", word("", "-u", "-n", "-A", "-", "- -")),
    "rev": argv("rev", word("")),
    "dirname": argv(
        "dirname", word("/bin/rm", "/bin/rm/", "rm", "/", "a//b", "//a", "a/..", "//a//b//", ".")
    ),
    "basename": argv(
        "basename", word("/bin/rm", "a/b.sh .sh", ".sh .sh", "a/", "//", "a/..", "-a x", "a b")
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_known_of_an_output_is_what_is_printed(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """To the character, wherever the engine says that it knows."""
    folder = tmp_path_factory.mktemp(name)
    known = 0

    @settings(
        max_examples=examples(120),
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much],
    )
    @given(words=PROGRAMS[name], text=INPUTS)
    def agree(words: list[str], text: str) -> None:
        nonlocal known
        made = output_of(words, text)
        assume(made is not None and HOLE not in made)
        known += 1
        assert made == printed(words, text, folder)

    agree()
    assert known


def printed(words: list[str], text: str, folder: Path) -> str:
    """What the program prints; `echo` and `printf` are those of bash."""
    builtin = words[0] in ("echo", "printf")
    command = ["bash", "-c", shlex.join(words)] if builtin else words
    ran = subprocess.run(
        command, input=text.encode(), capture_output=True, timeout=20, cwd=folder, check=False
    )
    return ran.stdout.decode("utf-8", "replace")
