"""SVG to PNG, by a renderer and a font that come as wheels (the extra ``diagrams``)."""

from __future__ import annotations

from pathlib import Path

from governance.errors import GovernanceError

SCALE = 2
"""Pixels of the PNG for one of the SVG."""


class RendererMissing(GovernanceError):
    """The extra that draws pictures is not installed; nothing was written."""

    code = "GOV191"


def draw_png(svg: bytes, *, scale: int = SCALE) -> bytes:
    """
    *svg* as PNG, *scale* times its size.

    Fonts of the machine are not looked at, so the picture is the same everywhere. The
    PNG carries the hash of its SVG (`svg_sha256_of`), so that staleness can be seen.

    Raises:
        RendererMissing: `resvg-py` or its font `ttf-opensans` is not installed.
    """
    fonts = _fonts()
    try:
        import resvg_py
    except ImportError:
        raise _missing("resvg-py") from None
    png = bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg.decode(),
            zoom=scale,
            skip_system_fonts=True,
            font_files=fonts,
            font_family="Open Sans",
            sans_serif_family="Open Sans",
        )
    )
    return _sign(png, svg)


def svg_sha256_of(png: bytes) -> str:
    """The hash of the SVG that `draw_png` made *png* of, or ``""`` for another picture."""
    found = png.find(_KEYWORD)
    if found < 0:
        return ""
    start = found + len(_KEYWORD)
    return png[start : start + 64].decode("ascii", "replace")


_KEYWORD = b"tEXtsvg-sha256\0"
# Signature and header come first in every PNG, and have a fixed length.
_HEADER_BYTES = 33


def _sign(png: bytes, svg: bytes) -> bytes:
    """*png* with a text chunk that holds the hash of *svg*."""
    from hashlib import sha256
    from zlib import crc32

    body = _KEYWORD + sha256(svg).hexdigest().encode()
    chunk = (len(body) - 4).to_bytes(4, "big") + body + crc32(body).to_bytes(4, "big")
    return png[:_HEADER_BYTES] + chunk + png[_HEADER_BYTES:]


def _fonts() -> list[str]:
    from importlib.util import find_spec

    spec = find_spec("ttf_opensans")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for folder in folders:
        files = [Path(folder, "ttf", f"OpenSans-{one}.ttf") for one in ("Regular", "SemiBold")]
        if all(file.is_file() for file in files):
            return [str(file) for file in files]
    raise _missing("ttf-opensans")


def _missing(name: str) -> RendererMissing:
    return RendererMissing(
        f"`{name}` is not installed, and PNG needs it",
        remedy="pip install 'session-governance[diagrams]', or ask for svg, mermaid or dot",
    )
