"""Draws a `Scene` as SVG: the same bytes for the same scene, and no outside resources."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from governance.diagrams.scene import Box, Label, Node, Point, Route, Scene
from governance.diagrams.tones import PLAIN, TONES
from governance.diagrams.widths import ASCENT, DESCENT, FAMILY

_DIM = ("#f8f9fa", "#ced4da")
_INK, _SOFT, _FAINT = "#1f2933", "#52606d", "#8a94a0"
_LINE, _FAINT_LINE, _TAKEN = "#52606d", "#d5dae0", "#1d4ed8"
_CORNER = 14.0


def draw_svg(scene: Scene) -> bytes:
    """*scene* as an SVG document in UTF-8."""
    size = f'width="{_n(scene.width)}" height="{_n(scene.height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" role="img" '
        f"font-family=\"'{FAMILY}', 'DejaVu Sans', Verdana, sans-serif\">",
        f"<title>{escape(scene.title)}</title>",
        "<defs>",
        *(_marker(name, colour) for name, colour in _MARKERS.items()),
        "</defs>",
        f'<rect {size} fill="#ffffff"/>',
    ]
    parts += [_node(node) for node in scene.nodes if node.shape == "frame"]
    # What was not taken lies below what was.
    routes = sorted(scene.routes, key=lambda one: (not one.dim, one.count > 0))
    parts += [_route(one) for one in routes]
    parts += [_node(node) for node in scene.nodes if node.shape != "frame"]
    for one in routes:
        colour = _FAINT if one.dim else _INK
        parts.append(_label(one.label, colour, _FAINT if one.dim else _SOFT, backed=True))
    parts += [_label(note, _SOFT, _SOFT, backed=False) for note in scene.notes]
    parts.append("</svg>\n")
    return "\n".join(parts).encode()


_MARKERS = {"arrow": _LINE, "faint": _FAINT_LINE, "taken": _TAKEN}


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" '
        'markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0,1 L10,5 L0,9 z" fill="{colour}"/></marker>'
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _node(node: Node) -> str:
    box = node.box
    x, y = box.middle
    fill, stroke = _DIM if node.dim else TONES.get(node.tone, PLAIN)
    ink, soft = (_FAINT, _FAINT) if node.dim else (_INK, _SOFT)
    hint = f"<title>{escape(node.hint)}</title>" if node.hint else ""
    text = _label(node.label, ink, soft, backed=False) if node.lines else ""
    if node.shape == "frame":
        edge = _FAINT_LINE if node.dim else "#9aa5b1"
        return f"<g>{_rect(box, 18, '#ffffff', edge, 1.2, dash='6 4')}{text}</g>"
    if node.shape == "start":
        return f"<g>{hint}{_disc(x, y, 9, _INK)}{text}</g>"
    dark = _FAINT if node.dim else _INK
    if node.shape == "end":
        return f"<g>{hint}{_ring(x, y, dark)}{_disc(x, y, 8.5, dark)}{text}</g>"
    if node.shape == "history":
        sign = (
            f'<text x="{_n(x)}" y="{_n(y + 5)}" font-size="14" font-weight="600" '
            f'text-anchor="middle" fill="{dark}">H</text>'
        )
        return f"<g>{hint}{_ring(x, y, dark)}{sign}</g>"
    return f"<g>{hint}{_rect(box, 12, fill, stroke, 1.8)}{text}</g>"


def _disc(x: float, y: float, radius: float, colour: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{colour}"/>'


def _ring(x: float, y: float, colour: str) -> str:
    where = f'cx="{_n(x)}" cy="{_n(y)}" r="14"'
    return f'<circle {where} fill="#ffffff" stroke="{colour}" stroke-width="1.8"/>'


def _rect(box: Box, radius: float, fill: str, stroke: str, width: float, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="{_n(radius)}" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{_n(width)}"{dashed}/>'
    )


def _route(route: Route) -> str:
    name = "taken" if route.count else "faint" if route.dim else "arrow"
    width = 2.8 if route.count else 1.4
    return (
        f"<g><title>{escape(route.hint)}</title>"
        f'<path d={quoteattr(_rounded(route.points))} fill="none" '
        f'stroke="{_MARKERS[name]}" stroke-width="{width}" marker-end="url(#{name})"/></g>'
    )


def _rounded(points: Sequence[Point]) -> str:
    """A line through *points* with round corners."""
    words = [f"M{_n(points[0][0])},{_n(points[0][1])}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        enter, leave = _towards(at, before), _towards(at, after)
        words.append(f"L{_n(enter[0])},{_n(enter[1])}")
        words.append(f"Q{_n(at[0])},{_n(at[1])} {_n(leave[0])},{_n(leave[1])}")
    words.append(f"L{_n(points[-1][0])},{_n(points[-1][1])}")
    return " ".join(words)


def _towards(at: Point, other: Point) -> Point:
    dx, dy = other[0] - at[0], other[1] - at[1]
    length = (dx * dx + dy * dy) ** 0.5
    part = min(_CORNER, length / 2) / length if length else 0.0
    return at[0] + dx * part, at[1] + dy * part


def _label(label: Label, ink: str, soft: str, *, backed: bool) -> str:
    """Text, with its width written down, so that another font keeps to its place."""
    if not label.lines:
        return ""
    box = label.box
    parts: list[str] = []
    if backed:
        parts.append(
            f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" '
            f'height="{_n(box.height)}" rx="4" fill="#ffffff" fill-opacity="0.9"/>'
        )
    top = box.y + (box.height - sum(line.height for line in label.lines)) / 2
    for line in label.lines:
        base = top + line.height / 2 + line.size * (ASCENT - DESCENT) / 2
        top += line.height
        weight = ' font-weight="600"' if line.bold else ""
        colour = "#c81e1e" if line.kind == "denied" else ink if line.bold else soft
        parts.append(
            f'<text x="{_n(label.middle[0])}" y="{_n(base)}" font-size="{_n(line.size)}"{weight} '
            f'text-anchor="middle" fill="{colour}" textLength="{_n(line.width)}" '
            f'lengthAdjust="spacingAndGlyphs">{escape(line.text)}</text>'
        )
    return "".join(parts)
