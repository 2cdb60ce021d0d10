"""
From a machine to a `Scene`.

Every machine has the same states, so every picture has them in the same places. The lines
of the shipped machine are drawn by hand; a line that only another machine has runs straight
between its ends, and its label finds a free place by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from governance.diagrams import placed
from governance.diagrams.edges import (
    HISTORY,
    REST,
    WORK,
    Bundle,
    Edge,
    bundles,
    frames,
    joined,
)
from governance.diagrams.path import SessionPath, spell_ms
from governance.diagrams.scene import (
    Box,
    Label,
    Line,
    Node,
    Point,
    Route,
    Scene,
    Side,
    settle,
)
from governance.machine.definition import Definition

Rules = Mapping[str, Sequence[str]]

NOTES = (
    "An arrow from a frame leaves every state in it. H leads back to the state that was left.",
    "In brackets: what must hold. Every event that is not drawn leaves the state as it is.",
)


TITLE_MAX = 36
"""Characters of a title that have room beside the highest arrow."""


def scene_of(definition: Definition, path: SessionPath | None, rules: Rules) -> Scene:
    """The picture of *definition*, with the way of a session through it if there is one."""
    scene = _unsettled(definition, bundles(joined(definition)), path, rules)
    fixed = [*scene.state_boxes(), *(node.label.box for node in scene.nodes if _outside(node))]
    labels = [*scene.notes, *(route.label for route in scene.routes)]
    found = settle(labels, fixed, scene.width, scene.height)
    notes, rest = found[: len(scene.notes)], found[len(scene.notes) :]
    routes = [evolve(one, label=label) for one, label in zip(scene.routes, rest, strict=True)]
    return evolve(scene, notes=tuple(notes), routes=tuple(routes))


def _outside(node: Node) -> bool:
    return node.shape != "state" and bool(node.lines)


def _unsettled(
    definition: Definition, drawn: Sequence[Bundle], path: SessionPath | None, rules: Rules
) -> Scene:
    nodes = [
        _frame(name, placed.BOXES[name], path, frames(definition)[name]) for name in (WORK, REST)
    ]
    nodes.append(Node(placed.START, "start", placed.BOXES[placed.START], ()))
    nodes += [
        _state(definition, name, placed.BOXES[name], path)
        for name in definition.states
        if name != definition.initial
    ]
    nodes.append(
        Node(
            HISTORY,
            "history",
            placed.BOXES[HISTORY],
            (),
            dim=path is not None and not path.returns,
            hint="the state that was left",
        )
    )
    routes = [_route(one, *_place(one), path, rules) for one in drawn]
    notes = [
        Label.beside((34, 764 + 18 * index), "right", (Line(text),))
        for index, text in enumerate((*NOTES, *_rule_notes(drawn, rules)))
    ]
    if path is not None and path.title:
        notes.append(Label.beside((34, 40), "right", (Line(_short(path.title), "title"),)))
    title = path.title if path is not None else definition.name
    height = placed.HEIGHT + 18 * max(0, len(notes) - 3)
    return Scene(placed.WIDTH, height, tuple(nodes), tuple(routes), tuple(notes), title)


def _rule_notes(drawn: Sequence[Bundle], rules: Rules) -> list[str]:
    """What rules guard events that move nothing, and so have no arrow to stand at."""
    shown = {edge.event for bundle in drawn for edge in bundle.edges}
    return [
        f"{event} is guarded by {', '.join(rules[event])}."
        for event in sorted(rules)
        if event not in shown and rules[event]
    ]


def _short(text: str) -> str:
    return text if len(text) <= TITLE_MAX else text[: TITLE_MAX - 1] + "…"


def _frame(name: str, box: Box, path: SessionPath | None, members: Sequence[str]) -> Node:
    dim = path is not None and not path.visited & set(members)
    return Node(name, "frame", box, (Line(name),), dim=dim)


def _state(definition: Definition, name: str, box: Box, path: SessionPath | None) -> Node:
    row = definition.states[name]
    ended = name == definition.final
    lines = [Line(name if ended else row.title, "title")]
    dim = False
    if path is not None:
        dim = name not in path.visited
        spent = path.spent_ms.get(name, 0)
        if spent:
            lines.append(Line(spell_ms(spent), "time"))
        denied = path.denials.get(name, 0)
        if denied:
            lines.append(Line(f"{denied} denied", "denied"))
    shape = "end" if ended else "state"
    return Node(name, shape, box, tuple(lines), name, dim, row.summary)


def _route(
    bundle: Bundle,
    points: tuple[Point, ...],
    at: Point,
    side: Side,
    path: SessionPath | None,
    rules: Rules,
) -> Route:
    count = path.count(bundle.edges) if path is not None else 0
    lines: list[Line] = []
    for event, edges in bundle.events().items():
        often = path.count(edges) if path is not None else 0
        lines.append(Line(f"{event} ×{often}" if often else event, "event"))
        lines += [Line(one) for one in _guard_lines(edges)]
        lines += [Line(f"rule {rule}") for rule in rules.get(event, ())]
    return Route(
        points,
        Label.beside(at, side, tuple(lines)),
        count,
        dim=path is not None and not count,
        hint=f"{bundle.source} to {bundle.target}: {', '.join(bundle.events())}",
    )


def _guard_lines(edges: Sequence[Edge]) -> list[str]:
    """Conditions and guards: one line for each way, or one line for all where that is short."""
    ways = [one.held for one in edges if one.held]
    together = " or ".join(ways)
    return [together] if together and Line(together).width <= NOTE_WIDTH_MAX else ways


NOTE_WIDTH_MAX = 170.0
"""Above this width several ways of one event stand below each other."""


# -- lines that no hand has drawn --------------------------------------------------------

_BESIDE = 24.0
"""How far from the middle such a line runs, so that there and back are two lines."""


def _place(bundle: Bundle) -> tuple[tuple[Point, ...], Point, Side]:
    """Where *bundle* goes: as drawn by hand, or straight from one place to the other."""
    if bundle.key in placed.ROUTES:
        return placed.ROUTES[bundle.key]
    source = placed.BOXES[placed.START if bundle.source == "absent" else bundle.source]
    target = placed.BOXES[bundle.target]
    if bundle.source == bundle.target:
        x, top = source.middle[0] + source.width / 4, source.y
        points: tuple[Point, ...] = (
            (x - 18, top),
            (x - 18, top - 22),
            (x + 18, top - 22),
            (x + 18, top),
        )
        return points, (x, top - 22), "above"
    inside = source.overlaps(target)
    points = _from_border(source, target) if inside else _straight(source, target)
    (ax, ay), (bx, by) = points
    return points, ((ax + bx) / 2, (ay + by) / 2), "over"


def _from_border(frame: Box, inside: Box) -> tuple[Point, Point]:
    """From the nearest side of *frame* to a box that stands in it."""
    x, y = inside.middle[0] + inside.width / 3, inside.middle[1] + inside.height / 3
    ways: list[tuple[float, Point, Point]] = [
        (inside.x - frame.x, (frame.x, y), (inside.x, y)),
        (frame.right - inside.right, (frame.right, y), (inside.right, y)),
        (inside.y - frame.y, (x, frame.y), (x, inside.y)),
        (frame.bottom - inside.bottom, (x, frame.bottom), (x, inside.bottom)),
    ]
    _, start, end = min(ways)
    return start, end


def _straight(source: Box, target: Box) -> tuple[Point, Point]:
    (ax, ay), (bx, by) = source.middle, target.middle
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    ox, oy = (by - ay) / length * _BESIDE, -(bx - ax) / length * _BESIDE
    here, there = (ax + ox, ay + oy), (bx + ox, by + oy)
    return _border(source, here, there), _border(target, there, here)


def _border(box: Box, inside: Point, outside: Point) -> Point:
    """Where the line from *inside* to *outside* leaves *box*."""
    (ax, ay), (bx, by) = inside, outside
    dx, dy = bx - ax, by - ay
    reach = [1.0]
    if dx:
        reach.append(((box.right if dx > 0 else box.x) - ax) / dx)
    if dy:
        reach.append(((box.bottom if dy > 0 else box.y) - ay) / dy)
    part = min(one for one in reach if one >= 0)
    return ax + dx * part, ay + dy * part
