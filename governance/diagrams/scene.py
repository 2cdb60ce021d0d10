"""
A picture before it is drawn: boxes, lines and labels at their places, in pixels.

Layouts make a `Scene`; `governance.diagrams.svg` draws it; tests measure it. What a label
says is set here, so that its box is known before anything is placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from attrs import field

from governance._attrs import frozen
from governance.diagrams.widths import text_width

Point: TypeAlias = "tuple[float, float]"
Side: TypeAlias = Literal["above", "below", "left", "right", "over"]

EVENT_SIZE = 13.0
NOTE_SIZE = 10.5
_SIZES = {"event": EVENT_SIZE, "title": 15.0, "time": 11.5, "denied": 11.5, "note": NOTE_SIZE}
LINE_HEIGHT = 1.3
PAD = 3.0


@frozen
class Box:
    """A rectangle by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def overlaps(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )


@frozen
class Line:
    """One line of text; *kind* is event, note, title, time or denied."""

    text: str
    kind: str = "note"

    @property
    def size(self) -> float:
        return _SIZES[self.kind]

    @property
    def bold(self) -> bool:
        return self.kind in ("event", "title", "denied")

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, bold=self.bold)

    @property
    def height(self) -> float:
        return round(self.size * LINE_HEIGHT, 1)


@frozen
class Label:
    """Lines of text around a middle."""

    lines: tuple[Line, ...]
    middle: Point

    @property
    def box(self) -> Box:
        width = max((line.width for line in self.lines), default=0.0) + 2 * PAD
        height = sum(line.height for line in self.lines) + PAD
        return Box(self.middle[0] - width / 2, self.middle[1] - height / 2, width, height)

    @classmethod
    def beside(cls, point: Point, side: Side, lines: tuple[Line, ...]) -> Label:
        """*lines* on one *side* of *point*, so that they may grow without covering it."""
        x, y = point
        box = cls(lines, point).box
        dx, dy = box.width / 2 + 6, box.height / 2 + 4
        by = {"above": (0, -dy), "below": (0, dy), "left": (-dx, 0), "right": (dx, 0)}
        ox, oy = by.get(side, (0, 0))
        return cls(lines, (x + ox, y + oy))


@frozen
class Node:
    """
    A state, a frame, or one of the small signs.

    Attributes:
        shape: ``"state"``, ``"frame"``, ``"start"``, ``"end"`` or ``"history"``.

        tone: Which colours it has: the state's name, or ``""``.
    """

    name: str
    shape: str
    box: Box
    lines: tuple[Line, ...]
    tone: str = ""
    dim: bool = False
    hint: str = ""

    @property
    def label(self) -> Label:
        """Its text, where it stands: inside a state, above a frame, below a sign."""
        x, y = self.box.middle
        height = sum(line.height for line in self.lines) + PAD
        width = max((line.width for line in self.lines), default=0.0) + 2 * PAD
        if self.shape == "frame":
            return Label(self.lines, (self.box.x + 14 + width / 2, self.box.y + 4 + height / 2))
        if self.shape != "state":
            return Label(self.lines, (x, self.box.bottom + 3 + height / 2))
        return Label(self.lines, (x, y))


@frozen
class Route:
    """A line with an arrow at its end, and what is written beside it."""

    points: tuple[Point, ...]
    label: Label
    count: int = 0
    dim: bool = False
    hint: str = ""


@frozen
class Scene:
    """A whole picture."""

    width: float
    height: float
    nodes: tuple[Node, ...] = field(hash=False)
    routes: tuple[Route, ...] = field(hash=False)
    notes: tuple[Label, ...] = field(hash=False)
    title: str

    def state_boxes(self) -> tuple[Box, ...]:
        """The box of every state and sign; frames are only lines."""
        return tuple(node.box for node in self.nodes if node.shape != "frame")


def settle(
    labels: Sequence[Label], taken: Iterable[Box], width: float, height: float
) -> list[Label]:
    """
    *labels* where they want to be or, where that is taken, at the nearest free place.

    Deterministic: places are tried in rings of growing distance, always in one order.
    A label for which the whole picture has no room stays where it wanted to be.
    """
    boxes = list(taken)
    placed: list[Label] = []
    for label in labels:
        found = label
        if label.lines:
            found = next(
                (one for one in _rings(label) if _free(one.box, boxes, width, height)), label
            )
            boxes.append(found.box)
        placed.append(found)
    return placed


def _rings(label: Label) -> Iterable[Label]:
    x, y = label.middle
    yield label
    for ring in range(1, 60):
        step = 9.0 * ring
        for dx, dy in ((0, -1), (0, 1), (1, 0), (-1, 0), (1, -1), (-1, -1), (1, 1), (-1, 1)):
            yield Label(label.lines, (x + dx * step, y + dy * step))


def _free(box: Box, taken: Iterable[Box], width: float, height: float) -> bool:
    if box.x < 0 or box.y < 0 or box.right > width or box.bottom > height:
        return False
    return not any(box.overlaps(other) for other in taken)
