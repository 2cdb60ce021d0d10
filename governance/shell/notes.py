"""
What one reading has found so far, and what it may still spend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import field

from governance._attrs import define
from governance.shell.flowing import Record
from governance.shell.grammar import parse
from governance.shell.lexing import Skeleton, skeleton_of
from governance.shell.values import Opaque, OpaqueKind

if TYPE_CHECKING:
    from tree_sitter import Node

SIMPLES_MAX: Final = 2_000
"""Simple commands that are taken out of one line."""

STEPS_MAX: Final = 20_000
"""Statements and words that are looked at for one line, those of loops and calls each time."""


class Bounded(Exception):
    """A bound was reached; the text says which."""


@define(eq=False)
class Notes:
    """What one reading has found so far, and what it may still spend."""

    records: list[Record] = field(factory=list)
    opaque: dict[Opaque, None] = field(factory=dict)
    steps: int = 0
    trees: dict[str, tuple[Skeleton, Node]] = field(factory=dict)
    defined: dict[str, None] = field(factory=dict)
    called: set[str] = field(factory=set)

    def note(self, kind: OpaqueKind, reason: str) -> None:
        """Say what is not known."""
        self.opaque[Opaque(kind, reason)] = None

    def step(self, cost: int = 1) -> None:
        """
        Spend something.

        Raises:
            Bounded: Nothing is left.
        """
        self.steps += cost
        if self.steps > STEPS_MAX:
            raise Bounded("it does more than is followed")

    def add(self, record: Record) -> int:
        """
        Keep a command; its position.

        Raises:
            Bounded: There are too many.
        """
        if len(self.records) >= SIMPLES_MAX:
            raise Bounded(f"more than {SIMPLES_MAX} commands")
        self.records.append(record)
        return len(self.records) - 1

    def link(self, writers: list[int], readers: list[int], *, piped: bool = True) -> None:
        """What *writers* print goes to *readers*."""
        for writer in writers:
            for reader in readers:
                if writer != reader:
                    self.records[writer].feeds[reader] = None
                    if piped:
                        self.records[reader].input_from[writer] = None

    def tree(self, text: str) -> tuple[Skeleton, Node]:
        """The skeleton and the tree of a text; each text is parsed once."""
        known = self.trees.get(text)
        if known is None:
            self.step(1 + len(text) // 64)
            skeleton = skeleton_of(text)
            # What the grammar has no reading of takes it longer than by the length.
            self.step(skeleton.tokens)
            root = parse(skeleton.plain)
            known = self.trees[text] = (skeleton, root)
            for problem in skeleton.problems:
                self.note("syntax", problem)
            if skeleton.cut:
                self.note("bound", "more words or groups in one text than are looked at")
            elif root.has_error and not skeleton.problems:
                self.note("syntax", _where(root, text))
        return known


def _where(root: Node, text: str) -> str:
    """The first place of which the grammar knows no reading."""
    node = root
    while True:
        inner = next((one for one in node.children if one.has_error or one.is_missing), None)
        if inner is None or node.is_error:
            break
        node = inner
    piece = text[node.start_byte : node.start_byte + 20].replace("\n", " ")
    return f"no reading at character {node.start_byte + 1}: `{piece}`"
