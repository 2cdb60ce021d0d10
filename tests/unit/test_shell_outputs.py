"""What programs that pass text on print is known where it is certain, and unknown elsewhere."""

from __future__ import annotations

import pytest

from governance.shell.parameters import replaced
from governance.shell.printing import ROUNDS_MAX, TEXT_MAX
from governance.shell.producing import output_of
from governance.shell.reading import read_simples
from governance.shell.values import HOLE, lines_of

NAMES = "rm:x\ncp:y\n"


@pytest.mark.parametrize(
    ("argv", "given", "printed"),
    [
        (["echo", "a", "b"], None, "a b\n"),
        (["echo", "-n", "a"], None, "a"),
        (["echo", "-e", r"a\tb\x41\0101\101"], None, "a\tbAA\\101\n"),
        (["echo", "-e", r"a\cb", "c"], None, "a"),
        (["echo", "-neE", r"a\tb"], None, r"a\tb"),
        (["printf", "a\\n"], None, "a\n"),
        (["printf", r"\162\x6d %s\n", "-rf"], None, "rm -rf\n"),
        (["printf", r"\0162\"\'\?"], None, "\x0e2\"'?"),
        (["printf", "%s-", "a", "b"], None, "a-b-"),
        (["printf", "%s%s.", "a", "b", "c"], None, "ab.c."),
        (["printf", "%b|", r"\0162m", "x\\cy", "z"], None, "rm|x"),
        (["printf", "%5s|%-5s|%.2s|%c", "a", "b", "cde", "fg"], None, "    a|b    |cd|f"),
        (["printf", "%d %i %x %o %X", "0x1f", "010", "-3", "8", "255"], None,
         "31 8 fffffffffffffffd 10 FF"),
        (["printf", "%05d|%05.3d|%-5d|%u", "7", "7", "7", "-1"], None,
         "00007|  007|7    |18446744073709551615"),
        (["printf", "%d", "'r"], None, "114"),
        (["printf", "%q", "a b;c"], None, r"a\ b\;c"),
        (["printf", "%s%%", "5"], None, "5%"),
        (["printf", "--", "x"], None, "x"),
        (["cat"], NAMES, NAMES),
        (["cat", "-u", "-"], NAMES, NAMES),
        (["tee", "-a", "file"], NAMES, NAMES),
        (["dd", "status=none", "bs=1"], NAMES, NAMES),
        (["head", "-1"], NAMES, "rm:x\n"),
        (["head"], "x\n" * 12, "x\n" * 10),
        (["head", "-c", "2"], NAMES, "rm"),
        (["tail", "-n", "+2"], NAMES, "cp:y\n"),
        (["tail", "-n1"], NAMES, "cp:y\n"),
        (["tail", "-n0"], NAMES, ""),
        (["tail", "-c2"], NAMES, "y\n"),
        (["cut", "-d:", "-f1"], NAMES, "rm\ncp\n"),
        (["cut", "-f", "2", "-d", ":"], NAMES, "x\ny\n"),
        (["cut", "-c", "1,4-"], NAMES, "rx\ncy\n"),
        (["cut", "-s", "-d,", "-f1"], NAMES, ""),
        (["grep", "rm"], NAMES, "rm:x\n"),
        (["grep", "-v", "rm"], NAMES, "cp:y\n"),
        (["paste", "-sd", ""], NAMES, "rm:xcp:y\n"),
        (["paste", "-sd0", "-"], NAMES, "rm:x0cp:y\n"),
        (["paste", "-s"], NAMES, "rm:x\tcp:y\n"),
        (["fold", "-w80"], NAMES, NAMES),
        (["sort", "-u"], "rm\n", "rm\n"),
        (["uniq"], "rm\nrm\ncp\n", "rm\ncp\n"),
        (["rev"], "mr\n", "rm\n"),
        (["tr", "a-y", "b-z"], "ql\n", "rm\n"),
        (["tr", "-d", "x"], "rxm\n", "rm\n"),
        (["tr", r"\055", "_"], "a-b\n", "a_b\n"),
        (["tr", "[:upper:]", "[:lower:]"], "RM\n", "rm\n"),
        (["sed", "s/x/y/"], "x x\n", "y x\n"),
        (["sed", "-e", "s/x/y/g; s/ //"], "x x", "yy"),
        (["sed", "s/a+b/m/"], "ra+b\n", "rm\n"),
        (["sed", "s/^x.*$/rm/"], "xyz\n", "rm\n"),
        (["awk", "{print $2}"], " a  rm\tb\n", "rm\n"),
        (["awk", "-F:", "{print $NF}"], "a:rm\n", "rm\n"),
        (["awk", "-F", " ", "{ print $1; }"], " rm x\n", "rm\n"),
        (["awk", r'BEGIN{printf "r\tm"}'], None, "r\tm"),
        (["awk", 'BEGIN { print("rm") }'], None, "rm\n"),
        (["base64", "-d"], "cm0gLXJm\n", "rm -rf"),
        (["base64", "-di"], "cm0g*LXJm\n", "rm -rf"),
        (["base64"], "rm", "cm0=\n"),
        (["base64"], "x" * 60, "eHh4" * 19 + "\n" + "eHh4" + "\n"),
        (["base64", "-w", "0"], "x" * 60, "eHh4" * 20),
        (["openssl", "enc", "-base64", "-d", "-A"], "cm0=", "rm"),
        (["xxd", "-r", "-p"], "726d0a", "rm\n"),
        (["which", "rm"], None, "/usr/bin/rm\n"),
        (["command", "-v", "rm"], None, "/usr/bin/rm\n"),
        (["type", "-P", "rm"], None, "/usr/bin/rm\n"),
        (["basename", "/bin/rm.sh", ".sh"], None, "rm\n"),
        (["dirname", "a//b"], None, "a\n"),
        (["dirname", "/a"], None, "/\n"),
        (["readlink", "-f", "/bin/rm"], None, "/bin/rm\n"),
        (["command", "printf", "%s", "rm"], None, "rm"),
    ],
)  # fmt: skip
def test_what_is_certain_is_known(argv: list[str], given: str | None, printed: str) -> None:
    """Each as the programs of a Linux system print it."""
    assert output_of(argv, given) == printed


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        (["printf", r"echo \c; rm -rf /"], None),  # bash prints the sign, dash ends there
        (["printf", "%5$s", "a"], None),
        (["printf", "%(%s)T", "1"], None),
        (["printf", "%"], None),
        (["printf", "x", *["y"] * 9], "given"),  # known: nothing is printed again
        (["printf", "%s", *["y"] * (ROUNDS_MAX + 1)], None),
        (["printf", "%999s" * 99], None),
        (["cat", "-n"], NAMES),
        (["cat", "file"], NAMES),
        (["tee", "-z"], NAMES),
        (["dd", "skip=1"], NAMES),
        (["dd", "conv=ucase"], NAMES),
        (["head", "-v"], NAMES),
        (["head", "-n", "-1"], NAMES),
        (["head", "-c1"], "é\n"),
        (["tail", "-f"], NAMES),
        (["cut", "-c1"], "é\n"),
        (["cut", "-d::", "-f1"], NAMES),
        (["cut", "-f0"], NAMES),
        (["cut", "-f3-2"], NAMES),
        (["cut", "-d:"], NAMES),
        (["cut", "-f1", "--complement"], NAMES),
        (["grep", "-o", "r"], NAMES),
        (["grep", "r."], NAMES),
        (["grep", "r", "file"], NAMES),
        (["paste", "-sd", "\\"], NAMES),
        (["paste", "-sd"], NAMES),
        (["paste", "-d,"], NAMES),
        (["fold", "-w2"], NAMES),
        (["fold", "-w80"], "a\tb\n"),
        (["sort"], NAMES),
        (["uniq", "-c"], "rm\n"),
        (["uniq", "--count"], "rm\n"),
        (["rev"], "é\n"),
        (["tr", "c-a", "x"], NAMES),
        (["tr", "a", "[b*]"], NAMES),
        (["tr", "[=a=]", "b"], NAMES),
        (["tr", "-s", "a"], NAMES),
        (["tr", "a", "b"], "é\n"),
        (["sed", "s/**/b/"], "x\n"),
        (["sed", "s/*a/b/"], "x\n"),
        (["sed", "s/^*/b/"], "x\n"),
        (["sed", "s/a^b/c/"], "x\n"),
        (["sed", "s//b/"], "x\n"),
        (["sed", "s/x*/b/g"], "axb\n"),
        (["sed", "-E", "s/a+/b/"], "aa\n"),
        (["sed", "s/a/b/2"], "aa\n"),
        (["sed", "-n", "s/a/b/"], "aa\n"),
        (["sed", ";".join(["s/a/aa/g"] * 17)], "a\n"),
        (["awk", "-Ft", "{print $1}"], "atb\n"),
        (["awk", "-F.", "{print $1}"], "a.b\n"),
        (["awk", "-F::", "{print $1}"], "a::b\n"),
        (["awk", "-F", "{print $1}"], "a b\n"),
        (["awk", "{print $1,$2}"], "a b\n"),
        (["awk", r'BEGIN{print "\x41"}'], None),
        (["base64", "-d"], "*"),
        (["base64", "-d", "file"], "cm0="),
        (["base64", "-d"], "/w==\n"),  # no text
        (["openssl", "enc", "-base64", "-d", "-in", "file"], "cm0="),
        (["openssl", "enc", "-aes-256-cbc", "-base64", "-d"], "cm0="),
        (["xxd", "-r"], "726d"),
        (["which", "-a", "rm"], None),
        (["which", "a b"], None),
        (["command", "-V", "rm"], None),
        (["basename", "-a", "x"], None),
        (["dirname", "/"], None),
        (["readlink", "x"], None),
        (["date"], None),
        ([], None),
        (["cat"], "x" * (TEXT_MAX + 1)),
        (["cut", "-f1"], HOLE),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_unknown(argv: list[str], given: str | None) -> None:
    """Where releases differ, an option is not among those understood, or a file is read."""
    made = output_of(argv, given)

    assert made == ("x" if given == "given" else None)


@pytest.mark.parametrize(
    "words", [["%d", "x"], ["%d", "0b1"], ["%d", "1_0"], ["%d", "08"], ["%d", "0x" + "f" * 5_000],
              ["%.0d", "0"], ["%q", "~"], ["%3s", "é"], ["%.1s", HOLE], ["%d", "'é"], [HOLE, "a"]]
)  # fmt: skip
def test_a_part_that_is_not_known_stands_as_a_hole(words: list[str]) -> None:
    """The rest of the text stays known."""
    made = output_of(["printf", *words], None)

    assert made is not None
    assert HOLE in made


@pytest.mark.parametrize(
    "line",
    [
        "echo x | sed 's/**/b/' | sh",
        f"echo {'a' * 15_000} | sed 's/.*.*z/b/' | sh",
        f"echo {'a' * 15_000} | sed '{';'.join(['s/a/aa/g'] * 40)}' | sh",
        "printf %d 0x" + "f" * 5_000 + " | sh",
        f"X={'a' * 4_000}; echo ${{X//a/{'b' * 60_000}}} | sh",
    ],
    ids=["stars", "backtracking", "growth", "number", "replaced"],
)
def test_a_hostile_line_is_read_within_its_bounds(line: str) -> None:
    """None raises or takes long, and what the shell runs at the end is not known."""
    reading = read_simples(line)

    assert all(not one.input_text or len(one.input_text) <= TEXT_MAX for one in reading.simples)


def test_a_long_text_is_not_followed_through_any_number_of_programs() -> None:
    """Each time that it is looked at is work of the line, which has a bound."""
    reading = read_simples(f"printf '%s' {'a:' * 30_000}" + " | cut -d: -f1-" * 100 + " | sh")

    assert [one.kind for one in reading.opaque] == ["bound"]
    assert len(reading.simples) < 50


def test_only_a_newline_ends_a_line() -> None:
    """Carriage returns, form feeds and separators of Unicode do not."""
    assert lines_of("a\rb\fc\u2028d\x1ce\nf") == ["a\rb\fc\u2028d\x1ce", "f"]
    assert lines_of("a\n\n") == ["a", ""]
    assert lines_of("") == []


def test_more_lines_than_are_followed_are_not_cut() -> None:
    """An array of `mapfile` is known as a whole or not at all."""
    text = "\\n".join(["x"] * 300)
    made = read_simples(f"mapfile -t a < <(printf '{text}'); echo ${{#a[@]}} \"${{a[0]}}\"")

    assert HOLE in made.simples[-1].argv[-1]


def test_what_replacing_would_make_is_bounded() -> None:
    """4,000 characters, each with 1,000 in its place, are not made."""
    assert replaced("a" * 4_000, "//", "a", "b" * 1_000) == HOLE
    assert replaced("a" * 40, "//", "a", "b" * 10) == "b" * 400
