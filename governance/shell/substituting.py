"""
What the words of a command need of the reading: substitutions, and a place for what is found.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import evolve, field

from governance._attrs import define
from governance.shell.boundaries import TooDeep, Unclosed
from governance.shell.expanding import Expander
from governance.shell.fields import WORD_MAX, finished, shown
from governance.shell.flowing import Flow, Pipe, Record
from governance.shell.quoting import TooMany
from governance.shell.setting import silent
from governance.shell.state import State
from governance.shell.values import HOLE, Redirect, Word

if TYPE_CHECKING:
    from governance.shell.walking import Walker


_LONG: Final = f"a word of more than {WORD_MAX} characters"
EXPORTED_MAX: Final = 64
"""Exported variables that are noted with a command."""

FOLDERS_MAX: Final = 128
"""Folders below each other in which a command is followed."""

_NOTHING: Final[Mapping[str, str | None]] = {}


@define(eq=False)
class Around:
    """
    What the words of a command need, and what they leave: whose output they hold.

    Attributes:
        held: The files of its `<(…)`, and what they hold as far as that is known.

        asks: The command only asks whether something is so, and shows nothing of its words.
    """

    walker: Walker
    state: State
    flow: Flow
    feeders: list[int] = field(factory=list)
    fed: list[Pipe] = field(factory=list)
    held: dict[str, str | None] = field(factory=dict)
    asks: bool = False

    def substituted(self, text: str) -> str:
        """What the commands of `$(…)` print."""
        pipe = Pipe()
        self.walker.notes.step()
        flow = evolve(self.flow, sink=pipe, redirects=())
        before = len(self.walker.notes.records)
        self.walker.text(text, self.state.copy(), flow)
        self.feeders += pipe.writers
        if not pipe.texts:
            made = self.walker.notes.records[before:]
            return "" if all(one.argv and silent(list(one.argv)) for one in made) else HOLE
        return "".join(pipe.texts).rstrip("\n")

    def shown(self, text: str) -> None:
        """What *text* prints is shown by the command, unless that only asks."""
        if not self.asks:
            self.substituted(text)

    def process(self, text: str, sign: str) -> str:
        """`<(…)` and `>(…)`."""
        pipe = Pipe()
        if sign == "<":
            self.walker.text(text, self.state.copy(), evolve(self.flow, sink=pipe, redirects=()))
            self.feeders += pipe.writers
            path = f"/dev/fd/{max(63 - len(self.held), 10)}"
            self.held[path] = pipe.text
            return path
        flow = evolve(self.flow, source=pipe, given=None, redirects=())
        self.walker.text(text, self.state.copy(), flow)
        self.fed.append(pipe)
        return "/dev/fd/63"

    def spend(self, cost: int) -> None:
        """Work was done."""
        self.walker.notes.step(cost)

    def used(self, name: str) -> None:
        """A variable was read: who wrote it feeds the command."""
        self.feeders += self.state.origins.get(name, ())


def expanded(around: Around, raw: str) -> list[tuple[str, bool]]:
    """The words that *raw* gives; where they are too many, one that is not known."""
    notes = around.walker.notes
    notes.step(1 + len(raw) // 64)
    try:
        made = Expander(around.state, around).words(raw)
        if any(len(text) > WORD_MAX for text, _ in made):
            notes.note("bound", _LONG)
        return made
    except TooMany:
        notes.note("bound", "a brace expansion gives more words than are looked at")
        return [(HOLE, False)]
    except (Unclosed, TooDeep) as error:
        notes.note("syntax", f"`{error}` in a word")
        return [(HOLE, False)]


def text_of(around: Around, raw: str, *, assigned: bool = False) -> tuple[str, bool]:
    """The one text that *raw* gives."""
    around.walker.notes.step(1 + len(raw) // 64)
    try:
        made, live = Expander(around.state, around).text(raw, assigned=assigned)
        around.walker.notes.step(len(made) // 64)
        if len(made) > WORD_MAX:
            around.walker.notes.note("bound", _LONG)
        return made, live
    except (Unclosed, TooDeep) as error:
        around.walker.notes.note("syntax", f"`{error}` in a word")
        return HOLE, False


def calculate(walker: Walker, text: str, state: State, flow: Flow) -> None:
    """`((…))`: its substitutions run, and what it sets is not known."""
    around = Around(walker, state, flow)
    try:
        Expander(state, around).arithmetic(text)
    except (Unclosed, TooDeep):
        walker.notes.note("syntax", "an arithmetic expression that is not closed")
    for name in re.findall(r"\b([A-Za-z_]\w*+)\s*+(?:\+\+|--|[-+*/%&|^]?=(?!=))", text, re.A):
        state.assign(name, HOLE)
    for name in re.findall(r"(?:\+\+|--)\s*([A-Za-z_]\w*)", text, re.A):
        state.assign(name, HOLE)


def keep(
    walker: Walker,
    state: State,
    flow: Flow,
    argv: tuple[Word, ...],
    assigned: tuple[Word, ...],
    files: tuple[Redirect, ...],
    given: str | None,
    *,
    recursive: bool = False,
    held: Mapping[str, str | None] = _NOTHING,
) -> int:
    """Note one command."""
    cwd = finished(state.cwd)
    if cwd.count("/") > FOLDERS_MAX:
        walker.notes.note("bound", f"a folder below more than {FOLDERS_MAX} others")
        cwd = Word(HOLE)
    names = {one.partition("=")[0] for one in assigned}
    if len(state.exported) > EXPORTED_MAX:
        walker.notes.note("bound", f"more than {EXPORTED_MAX} variables that are exported")
    exported = tuple(
        Word(f"{name}={finished(value if isinstance(value, str) else HOLE, state.cwd)}")
        for name in itertools.islice(state.exported, EXPORTED_MAX)
        if name not in names and (value := state.value(name)) is not None
    )
    return walker.notes.add(
        Record(
            argv=argv,
            assigns=exported + assigned,
            redirects=files,
            input_text=None if given is None else Word(shown(given, state.cwd)),
            cwd=cwd,
            background=flow.background,
            recursive=recursive,
            reached=flow.reached,
            opaque=(),
            looped=flow.looped,
            held=tuple(
                (path, Word(shown(text, state.cwd)))
                for path, text in held.items()
                if text is not None
            ),
        )
    )
