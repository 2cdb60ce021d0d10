"""The line map agrees with a writer that knows on which line it put each key."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from governance._toml import read_toml
from tests.profiles import examples

BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
ODD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=4)
NAMES = st.one_of(BARE, ODD)
SCALARS = st.one_of(
    st.integers(-5, 5),
    st.booleans(),
    st.sampled_from(['"', "'", "]", "}", "#", "a = 1", "[x]", "\n\n", '""', "''", "\\", ""]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
END = "\nthe-end = 1"
"""A last line; no name that is drawn is as long."""

TABLES = st.dictionaries(NAMES, VALUES, max_size=4)


class Writer:
    """Writes TOML in many spellings and notes the line of every path."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple[str | int, ...], int] = {}

    def line(self) -> int:
        return self.text.count("\n") + 1

    def gap(self, *, breaks: bool) -> None:
        spaces = ["", " ", "\t"]
        self.text += self.draw(st.sampled_from([*spaces, "\n", "# ]}\"'\n"] if breaks else spaces))

    def name(self, name: str) -> None:
        plain = json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
        spellings = [json.dumps(name), plain]
        if name and all(sign in "abcXYZ019_-" for sign in name):
            spellings.append(name)
        if "'" not in name and "\x7f" not in name:
            spellings.append(f"'{name}'")
        # JSON escapes beyond the basic plane are pairs of surrogates, which TOML refuses.
        self.text += self.draw(st.sampled_from([one for one in spellings if "\\ud" not in one]))

    def value(self, value: object, path: tuple[str | int, ...]) -> None:
        if isinstance(value, bool):
            self.text += "true" if value else "false"
        elif isinstance(value, int):
            self.text += str(value)
        elif isinstance(value, str):
            self.string(value)
        elif isinstance(value, list):
            self.text += "["
            for index, one in enumerate(value):
                self.gap(breaks=True)
                self.lines[(*path, index)] = self.line()
                self.value(one, (*path, index))
                self.gap(breaks=True)
                self.text += ","
            self.gap(breaks=True)
            self.text += "]"
        else:
            assert isinstance(value, dict)
            self.text += "{"
            for number, (key, one) in enumerate(value.items()):
                self.text += "," if number else ""
                self.pair(key, one, path)
            self.text += "}"

    def string(self, value: str) -> None:
        kind = self.draw(st.sampled_from(["basic", "literal", "many", "many literal"]))
        if kind == "literal" and "'" not in value and "\n" not in value:
            self.text += f"'{value}'"
        elif kind == "many":
            body = value.replace("\\", "\\\\").replace('"""', '""\\"')
            self.text += f'"""\n{body}"""'
        elif kind == "many literal" and "'" not in value:
            self.text += f"'''{value}'''"
        else:
            self.text += json.dumps(value)

    def pair(self, key: str, value: object, path: tuple[str | int, ...]) -> None:
        self.gap(breaks=False)
        self.lines[(*path, key)] = self.line()
        self.name(key)
        self.gap(breaks=False)
        self.text += "="
        self.gap(breaks=False)
        self.value(value, (*path, key))
        self.gap(breaks=False)

    def table(self, table: dict[str, object], path: tuple[str | int, ...]) -> None:
        for key, value in table.items():
            self.gap(breaks=True)
            self.pair(key, value, path)
            self.text += "\n"


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    """A text with tables and arrays of tables, and the lines of all its keys."""
    writer = Writer(draw)
    writer.table(draw(TABLES), ())
    taken = {path[0] for path in writer.lines}
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        if name in taken:
            continue
        many = draw(st.booleans())
        for index in range(draw(st.integers(1, 3)) if many else 1):
            writer.gap(breaks=True)
            place = (name, index) if many else (name,)
            writer.lines.setdefault((name,), writer.line())
            writer.lines[place] = writer.line()
            writer.text += "[[" if many else "["
            writer.name(name)
            writer.text += "]]\n" if many else "]\n"
            writer.table(draw(TABLES), place)
    return writer


@settings(max_examples=examples(200), deadline=None)
@given(documents())
def test_every_key_is_found_on_the_line_where_it_was_written(writer: Writer) -> None:
    """For every path the map gives the line that the writer noted."""
    document = read_toml(writer.text + END, "made.toml")

    found = {path: document.line_of(path) for path in writer.lines}

    assert found == writer.lines


@settings(max_examples=examples(200), deadline=None)
@given(documents())
def test_every_path_of_the_data_has_a_line(writer: Writer) -> None:
    """No key of the data is missing from the map, so no diagnostic loses its line."""
    document = read_toml(writer.text + END, "made.toml")
    stack: list[tuple[object, tuple[str | int, ...]]] = [(document.data, ())]
    while stack:
        value, path = stack.pop()
        if isinstance(value, dict):
            stack.extend((one, (*path, key)) for key, one in value.items())
        elif isinstance(value, list):
            stack.extend((one, (*path, index)) for index, one in enumerate(value))
        assert path == () or path in document._lines
