"""Aligned columns without a head, for lists that are no tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from governance.cli.output import console, styled

if TYPE_CHECKING:
    from rich.text import Text


WIDTH_MAX = 44
"""A cell that is wider pushes what stands behind it aside, in its own row alone."""


def print_columns(rows: Iterable[Sequence[Text]], *, indent: int = 2) -> None:
    """Print *rows*, all as long, aligned; lines are not folded, so that they can be copied."""
    held = [tuple(row) for row in rows]
    counts = range(max((len(row) for row in held), default=0))
    widths = [
        max((row[at].cell_len for row in held if row[at].cell_len <= WIDTH_MAX), default=0)
        for at in counts
    ]
    out = console()
    for row in held:
        line = styled(" " * indent)
        for cell, width in zip(row, widths, strict=False):
            line.append_text(cell).append(" " * (max(0, width - cell.cell_len) + 2))
        line.rstrip()
        out.print(line, soft_wrap=True)
