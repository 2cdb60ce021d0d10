"""
Command lines, understood: what a line of shell runs, reads, writes, removes and talks to.

Nothing is executed, no file is looked at. `read_line` gives a `Line` for every text; what
cannot be known of it is said in it. Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance._lazy import lazily

if TYPE_CHECKING:
    from governance.shell.lines import foreign_line, read_line
    from governance.shell.values import BLINDING, HOLE, Command, Line, Opaque, Word

__all__ = [
    "BLINDING",
    "HOLE",
    "Command",
    "Line",
    "Opaque",
    "Word",
    "foreign_line",
    "read_line",
]

_LINES = ("foreign_line", "read_line")
_HOMES = {name: ".lines" if name in _LINES else ".values" for name in __all__}

__getattr__ = lazily(__name__, _HOMES)
