"""
Tables for people: folded where words end, and turned into records where no table fits.

A terminal may have 40 columns or 300. A table takes what its cells need; where that is too
much they are folded at blanks, then behind the signs that paths and ids are made of; and where
even that is too much each row is a record of its own, a line a column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from governance.cli.output import console, styled, visible

if TYPE_CHECKING:
    from rich.text import Text

_GAP = 3
"""Blanks between two columns of a table."""

_WORD_MAX = 16
"""A longer word may be folded inside, behind one of its signs, so that a table still fits."""

_WORDS = re.compile(r"^\s*\S+\s*|\S+\s*|\s+")
_PIECES = re.compile(r"\.?[^\s/\\.,:;=&?@_-]+(?:[/\\,:;=&?@_-]+|\.)?|[/\\,:;=&?@_-]|\.")
"""A file ``.env`` keeps its dot: an id such as ``git.no-force-push`` is broken behind its."""


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str = "",
    whole: Collection[str] = (),
) -> None:
    """
    Print *rows* under *columns*; cells are folded and never cut.

    Args:
        whole: Columns that are not folded as long as there is room for a table.
    """
    cells = [[styled(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    widths = _widths(columns, cells, whole, console().width)
    if widths is None:
        _print_records(columns, cells, title)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=visible(title) or None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, overflow="fold", header_style="bold", width=width)
    for row in cells:
        table.add_row(*(fold(cell, width) for cell, width in zip(row, widths, strict=True)))
    console().print(table)


def width_of(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> int:
    """How many columns of a terminal `print_table` needs so that no cell is folded."""
    return sum(_natural(columns, rows)) + _GAP * len(columns)


def fold(text: Text, width: int) -> Text:
    """
    *text* with a new line wherever it would grow wider than *width*.

    Lines end at blanks; a word that is wider by itself is broken behind a sign such as ``/``
    or ``-``, and where it has none anywhere.
    """
    from rich.text import Text

    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        for part in line.divide(_breaks(line.plain, width)):
            part.rstrip()
            lines.append(part)
    return Text("\n").join(lines)


def _breaks(line: str, width: int) -> Iterator[int]:
    """Offsets in *line* at which a new line begins."""
    from rich.cells import cell_len

    at = used = 0
    for word in _WORDS.findall(line):
        bare = cell_len(word.rstrip())
        if used and used + bare > width:
            yield at
            used = 0
        if bare <= width:
            at, used = at + len(word), used + cell_len(word)
            continue
        for piece in _pieces(word, width):
            if used and used + cell_len(piece.rstrip()) > width:
                yield at
                used = 0
            at, used = at + len(piece), used + cell_len(piece)


def _pieces(word: str, width: int) -> Iterator[str]:
    """*word* in parts of at most *width*, of which each but the last ends in a sign if it can."""
    from rich.cells import chop_cells

    bare = word.strip()
    before, after = word[: word.index(bare)], word[word.index(bare) + len(bare) :]
    parts = [part for piece in _PIECES.findall(bare) for part in chop_cells(piece, width)]
    parts[0], parts[-1] = before + parts[0], parts[-1] + after
    yield from parts


def _natural(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> list[int]:
    widths = [len(column) for column in columns]
    for row in rows:
        for at, cell in enumerate(row):
            widths[at] = max(widths[at], *(line.cell_len for line in cell.split("\n")))
    return widths


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[Text]], whole: Collection[str], room: int
) -> list[int] | None:
    """The width of each column within *room*; ``None`` where that is no table any more."""
    natural = _natural(columns, rows)
    room -= _GAP * len(columns)
    if sum(natural) <= room:
        return natural
    least = [
        full if name in whole else max(len(name), *(_least(row[at]) for row in rows))
        for at, (name, full) in enumerate(zip(columns, natural, strict=True))
    ]
    left = room - sum(least)
    if left < 0:
        return None
    # The narrowest wants first: what is left goes to those that are folded anyway.
    for at in sorted(range(len(columns)), key=lambda each: natural[each] - least[each]):
        more = min(natural[at] - least[at], left)
        least[at], left = least[at] + more, left - more
    return least


def _least(cell: Text) -> int:
    """The longest word of *cell*, as far as it is not folded inside."""
    from rich.cells import cell_len

    words = cell.plain.split()
    longest = max((cell_len(word) for word in words), default=0)
    if longest <= _WORD_MAX:
        return longest
    pieces = (cell_len(piece) for word in words for piece in _PIECES.findall(word))
    return min(longest, max(_WORD_MAX, *pieces))


def _print_records(columns: Sequence[str], rows: Sequence[Sequence[Text]], title: str) -> None:
    """Each row for itself, one column a line, for a terminal in which no table fits."""
    out = console()
    names = max(map(len, columns)) + 2
    if title:
        head = styled(title)
        head.stylize("bold")
        out.print(head)
    for row in rows:
        out.print()
        for name, cell in zip(columns, row, strict=True):
            label = styled(f"{name:{names}}", "quiet")
            for line in fold(cell, max(out.width - names, 1)).split("\n", allow_blank=True):
                label.append_text(line)
                out.print(label, soft_wrap=True)
                label = styled(" " * names)
    out.print()
