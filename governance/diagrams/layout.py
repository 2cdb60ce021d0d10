"""From a machine to a `Scene`: by hand for the shipped one, in layers for any other."""

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
    unframed,
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
    drawn = bundles(joined(definition))
    fits = {one.key for one in drawn} == set(placed.ROUTES)
    scene = _by_hand(definition, drawn, path, rules) if fits else _layered(definition, path, rules)
    fixed = [*scene.state_boxes(), *(node.label.box for node in scene.nodes if _outside(node))]
    labels = [*scene.notes, *(route.label for route in scene.routes)]
    found = settle(labels, fixed, scene.width, scene.height)
    notes, rest = found[: len(scene.notes)], found[len(scene.notes) :]
    routes = [evolve(one, label=label) for one, label in zip(scene.routes, rest, strict=True)]
    return evolve(scene, notes=tuple(notes), routes=tuple(routes))


def _outside(node: Node) -> bool:
    return node.shape != "state" and bool(node.lines)


def _by_hand(
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
    routes = [_route(one, *placed.ROUTES[one.key], path, rules) for one in drawn]
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


# -- any other machine -------------------------------------------------------------------

_COLUMN, _ROW, _MARGIN = 330.0, 190.0, 70.0
_SIZE = (150.0, 76.0)


def _layered(definition: Definition, path: SessionPath | None, rules: Rules) -> Scene:
    """States in columns by their distance from the start; lines straight, labels settled."""
    drawn = bundles(unframed(definition))
    columns = _columns(definition, drawn)
    tallest = max(len(names) for names in columns)
    height = 2 * _MARGIN + tallest * _ROW
    boxes: dict[str, Box] = {}
    for index, names in enumerate(columns):
        top = (height - len(names) * _ROW) / 2
        for row, name in enumerate(names):
            # Every other column stands a little lower, so that lines pass beside boxes.
            y = top + row * _ROW + (_ROW - _SIZE[1]) / 2 + (index % 2) * 40
            boxes[name] = Box(_MARGIN + index * _COLUMN, y, *_SIZE)
    nodes = [_plain_node(definition, name, boxes[name], path) for name in boxes]
    shown = None if path is None else evolve(path, returns={})
    routes = [_straight(one, boxes, shown, rules) for one in drawn]
    width = 2 * _MARGIN + len(columns) * _COLUMN
    title = path.title if path is not None else definition.name
    return Scene(width, height + 40, tuple(nodes), tuple(routes), (), title)


def _columns(definition: Definition, drawn: Sequence[Bundle]) -> list[list[str]]:
    columns = [[definition.initial]]
    seen = {definition.initial}
    while True:
        reached = {one.target for one in drawn if one.source in columns[-1]} - seen
        fresh = [name for name in definition.states if name in reached]
        if not fresh:
            break
        columns.append(fresh)
        seen |= set(fresh)
    left = [name for name in definition.states if name not in seen]
    return [*columns, left] if left else columns


def _plain_node(definition: Definition, name: str, box: Box, path: SessionPath | None) -> Node:
    node = _state(definition, name, box, path)
    x, y = box.middle
    if name == definition.initial:
        return evolve(node, shape="start", box=Box(x - 11, y - 11, 22, 22), lines=(), dim=False)
    if name == definition.final:
        return evolve(node, box=Box(x - 15, y - 15, 30, 30))
    return node


def _straight(
    bundle: Bundle, boxes: Mapping[str, Box], path: SessionPath | None, rules: Rules
) -> Route:
    source, target = boxes[bundle.source], boxes[bundle.target]
    if bundle.source == bundle.target:
        x, _ = source.middle
        points: tuple[Point, ...] = (
            (x - 30, source.y),
            (x - 30, source.y - 26),
            (x + 30, source.y - 26),
            (x + 30, source.y),
        )
        return _route(bundle, points, (x, source.y - 26), "above", path, rules)
    (ax, ay), (bx, by) = source.middle, target.middle
    # The way there and the way back run beside each other.
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    ox, oy = -(by - ay) / length * 9, (bx - ax) / length * 9
    start = _border(source, (ax + ox, ay + oy), (bx + ox, by + oy))
    end = _border(target, (bx + ox, by + oy), (ax + ox, ay + oy))
    middle = ((start[0] * 0.55 + end[0] * 0.45), (start[1] * 0.55 + end[1] * 0.45))
    return _route(bundle, (start, end), middle, "over", path, rules)


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
