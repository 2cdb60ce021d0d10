"""
Pictures of a session machine, and of the way one session took through it.

>>> from governance.diagrams import render
>>> from governance.machine import load_machine
>>> render(load_machine().definition, "mermaid").splitlines()[0]
b'stateDiagram-v2'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from governance.diagrams.path import SessionPath
from governance.errors import MisuseError, did_you_mean
from governance.machine.definition import Definition

Format: TypeAlias = Literal["mermaid", "dot", "svg", "png"]

FORMATS: tuple[Format, ...] = ("mermaid", "dot", "svg", "png")

SUFFIXES: Mapping[Format, str] = {"mermaid": ".mmd", "dot": ".dot", "svg": ".svg", "png": ".png"}
"""How the names of files of each format end."""

__all__ = ["FORMATS", "SUFFIXES", "Format", "SessionPath", "render"]


def render(
    definition: Definition,
    format: Format,
    path: SessionPath | None = None,
    *,
    rules: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """
    *definition* as a picture in *format*; the same bytes for the same input.

    With *path* the edges that a session took are bold and carry counts, its states show
    the time it spent and the calls it was denied, and all else is pale. *rules* names, for
    each event, the rules with ``on = "transition"`` that guard it.

    Raises:
        MisuseError: No such format.
        RendererMissing: GOV191, for PNG without the extra ``diagrams``.
    """
    held = rules or {}
    if format in ("svg", "png"):
        from governance.diagrams.layout import scene_of
        from governance.diagrams.svg import draw_svg

        svg = draw_svg(scene_of(definition, path, held))
        if format == "svg":
            return svg
        from governance.diagrams.png import draw_png

        return draw_png(svg)
    from governance.diagrams.text import draw_dot, draw_mermaid

    if format == "mermaid":
        return draw_mermaid(definition, path, held)
    if format == "dot":
        return draw_dot(definition, path, held)
    near = did_you_mean(str(format), FORMATS) or "one of mermaid, dot, svg, png"
    raise MisuseError(f"no format is called `{format}`", remedy=near)
