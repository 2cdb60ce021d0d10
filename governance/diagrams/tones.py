"""The colours of states, ground and line, in every kind of picture."""

from __future__ import annotations

from collections.abc import Mapping

TONES: Mapping[str, tuple[str, str]] = {
    "beginning": ("#e3eefc", "#3b6fb6"),
    "between-turn": ("#dff3e4", "#2e8540"),
    "compacted": ("#fdf0d5", "#b7791f"),
    "resumed": ("#ede4fb", "#6d4fb3"),
    "interrupted": ("#e9ecef", "#5c6773"),
}

PLAIN = ("#eef1f4", "#5c6773")
"""Those of every other state."""
