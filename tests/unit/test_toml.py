"""Reading TOML: each way a file can be unreadable has its code, line and remedy."""

from __future__ import annotations

import pytest

from governance._toml import DEPTH_MAX, place, read_toml
from governance.errors import DefinitionError, Diagnostic, Problem

PACK = """\
format = 1
"quoted key".dotted = [ # a comment with ] and "
  1,
  { x = 2, y.z = [10,
   20] },
]

[[rule]]
id = \"\"\"
three ' quotes " and an end"\"\"\"\"  # five
[rule.when]
path = 'C:\\a'
[[rule]]
when.path = '''
a '' b'''
[rule.ask]
"\\u0041" = 1979-05-27 07:32:00Z
[[rule.must_match]]
tool = "a"
[[rule.must_match]]
tool = "b"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("format",), 1),
        (("quoted key", "dotted"), 2),
        (("quoted key", "dotted", 0), 3),
        (("quoted key", "dotted", 1, "x"), 4),
        (("quoted key", "dotted", 1, "y", "z", 1), 5),
        (("rule",), 8),
        (("rule", 0), 8),
        (("rule", 0, "id"), 9),
        (("rule", 0, "when"), 11),
        (("rule", 0, "when", "path"), 12),
        (("rule", 1), 13),
        (("rule", 1, "when"), 14),
        (("rule", 1, "ask", "A"), 17),
        (("rule", 1, "must_match", 0, "tool"), 19),
        (("rule", 1, "must_match", 1), 20),
        (("rule", 1, "must_match", 1, "tool"), 21),
        (("rule", 1, "must_match", 1, "unknown", "deeper"), 20),
        (("nowhere",), 1),
    ],
)
def test_a_path_gives_the_line_where_its_key_stands(path: tuple[str | int, ...], line: int) -> None:
    """Every spelling of a key is found, and an unknown one at its nearest parent."""
    assert read_toml(PACK, "pack.toml").line_of(path) == line


@pytest.mark.parametrize("value", ["'''a'b''c'''", '"""a"b""c"""', "'''\n'x'\n'''", "'''a'''''"])
def test_quotes_within_a_long_string_do_not_end_it(value: str) -> None:
    """The key behind a string of three quotes is found, whatever quotes stand within."""
    text = f"a = {value}\nb = 1\n"
    document = read_toml(text, "x.toml")

    assert document.line_of(("b",)) == text.count("\n")


def test_windows_line_ends_count_once() -> None:
    """Lines are the same with CR LF as with LF."""
    document = read_toml(PACK.replace("\n", "\r\n"), "pack.toml")

    assert document.line_of(("rule", 1, "must_match", 1, "tool")) == 21


def test_a_problem_is_placed_in_its_file() -> None:
    """`place` adds file and line and keeps everything else."""
    document = read_toml("a = 1\nb = 2\n", "x.toml")

    made = place(document, Problem("GOV999", "wrong", ("b",), "mend it", "warning"))

    assert made == Diagnostic("GOV999", "wrong", "x.toml", 2, ("b",), "mend it", "warning")


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("a = 1\nb = \n", "GOV101", 2, "value is missing"),
        ("a = deny\n", "GOV101", 1, "strings stand in quotes"),
        ("a = 1\na = 2\n", "GOV101", 2, "stands twice"),
        ("[a]\n[a]\n", "GOV101", 2, "declared twice"),
        ("a = [1,\n", "GOV101", 1, "missing"),
        ("a = [1 2]\n", "GOV101", 1, "not closed"),
        ("a = { b = 1,\n c = 2 }\n", "GOV101", 1, "stays on one line"),
        ('x = 1\na = "open\nb = 1\n', "GOV101", 2, "not closed on its line"),
        ("a = '''open\n\n", "GOV101", 1, "at the end of the file"),
        ('a = "\\d"\n', "GOV101", 1, "single quotes"),
        ("a 1\n", "GOV101", 1, "key = value"),
        ("a = 1 b = 2\n", "GOV101", 1, "begin a new line"),
        ("a = {}\na.b = 1\n", "GOV101", 2, "braces"),
        ("a = 1\nb = " + "9" * 5000, "GOV101", 2, "thousands of digits"),
        ("a = 1\nb = 2023-02-31\n", "GOV101", 2, ""),
        ("a = 1\nb = 9223372036854775808\n", "GOV103", 2, "64 bits"),
        ("a = 1\nb = " + "[" * 40 + "]" * 40, "GOV104", 2, "deeper"),
        ("a = 1\nb = " + "[" * 9000, "GOV104", 0, "deeper"),
        ("a = 1\n" + ".".join("b" * 90_000) + " = 1", "GOV104", 2, "dotted key"),
        ("a = 1\nb = { " + ".".join("b" * 90_000) + " = 1 }", "GOV104", 2, "dotted key"),
        ("", "GOV102", 1, "empty"),
        (" \n\n", "GOV102", 1, "empty"),
        ("\ufeffa = 1", "GOV102", 1, "byte order mark"),
        (b"\xef\xbb\xbfa = 1", "GOV102", 1, "byte order mark"),
        ("a = 1\nb = '\x00'", "GOV102", 2, "NUL"),
        ("a = 1\nb = '\ud800'", "GOV102", 2, "surrogate"),
        (b"a = 1\nb = '\xe9'", "GOV102", 2, "0xe9"),
        ("a = 1\n".encode("utf-16"), "GOV102", 1, "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused_in_clear_words(
    text: str | bytes, code: str, line: int, words: str
) -> None:
    """One diagnostic with code, line and words that say how to mend it."""
    with pytest.raises(DefinitionError) as caught:
        read_toml(text, "bad.toml")

    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.file) == (code, line, "bad.toml")
    assert words in str(found)
    assert found.suggestion


def test_too_many_bytes_are_refused_before_they_are_parsed() -> None:
    """The bound is the caller's, and is told; how large the file is, nobody has looked."""
    with pytest.raises(DefinitionError, match="more than 10 bytes"):
        read_toml("a = '12345'", "big.toml", bytes_max=10)


def test_the_depth_bound_itself_is_allowed() -> None:
    """A file at the bound is read; the bound refuses nothing below it."""
    inner = DEPTH_MAX - 1
    document = read_toml("a = " + "[" * inner + "]" * inner, "deep.toml")

    assert "a" in document.data


def test_a_long_dotted_text_in_a_string_is_no_long_key() -> None:
    """The guard against long keys looks at keys, not at strings."""
    text = ".".join("b" * 90)

    assert read_toml(f'a = "{text}"', "x.toml").data == {"a": text}


@pytest.mark.parametrize(
    ("text", "line", "said", "mend"),
    [
        ("{\n", 1, "this is JSON", "headers"),
        ('{"a": 1}\n', 1, "this is JSON", "headers"),
        ("<!DOCTYPE html>\n", 1, "this is HTML or XML", "the file itself"),
        ("---\na: 1\n", 1, "", ""),
        ("a: 1\n", 1, "a key has no `=`", "TOML has no colon"),
        ("a = 1\n<<<<<<< HEAD\n", 2, "a merge was not finished", "choose one side"),
        ("a = 1\n=======\n", 2, "a merge was not finished", "choose one side"),
        ("[a\u043e]\n", 1, "`\u043e` (CYRILLIC SMALL LETTER O)", "plain sign"),
        ("a = \u201cx\u201d\n", 1, "(LEFT DOUBLE QUOTATION MARK)", "plain sign"),
        ("a\u00a0= 1\n", 1, "(NO-BREAK SPACE)", "plain sign"),
        ("[a\n", 1, "the header of a table is not closed", "`[table]`"),
        ('a = 1\nb = "\\ud800"\n', 2, "half of a surrogate pair", "the sign itself"),
        ("a = 1\rb = 2\r", 1, "a carriage return alone", "a line feed"),
        ("a = 1\n!\n", 2, "", ""),
    ],
)
def test_what_is_no_toml_is_named_as_what_it_is(text: str, line: int, said: str, mend: str) -> None:
    """Another language, a torn merge or a sign that looks like another: said in plain words."""
    with pytest.raises(DefinitionError) as caught:
        read_toml(text, "x.toml")

    (found,) = caught.value.diagnostics
    assert (found.code, found.line) == ("GOV101", line)
    assert said in found.message
    assert mend in found.suggestion
    assert "toml.io" not in found.suggestion


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_told_so(encoding: str) -> None:
    """Whoever saved it so is not sent to look for a NUL."""
    with pytest.raises(DefinitionError) as caught:
        read_toml('[session]\nlanguage = "x"\n'.encode(encoding), "x.toml")

    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("GOV102", "the file is UTF-16, not UTF-8")
