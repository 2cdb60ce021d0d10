"""Where the states stand, and the lines of the shipped machine: every place chosen by hand."""

from __future__ import annotations

from collections.abc import Mapping

from governance.diagrams.edges import HISTORY, REST, WORK
from governance.diagrams.scene import Box, Point, Side

WIDTH, HEIGHT = 1350.0, 820.0

START = "start sign"
"""The sign that stands for `[*]` before the first event."""

BOXES: Mapping[str, Box] = {
    WORK: Box(215, 84, 745, 580),
    REST: Box(1140, 84, 185, 580),
    START: Box(44, 339, 22, 22),
    "beginning": Box(255, 312, 150, 76),
    "between-turn": Box(715, 312, 160, 76),
    "resumed": Box(455, 134, 160, 76),
    "compacted": Box(455, 504, 160, 76),
    "interrupted": Box(1158, 208, 150, 76),
    "ended": Box(1218, 490, 30, 30),
    HISTORY: Box(909, 336, 28, 28),
}

# Where each line goes; the point its label stands by; and on which side of that point.
ROUTES: Mapping[tuple[str, str], tuple[tuple[Point, ...], Point, Side]] = {
    ("absent", "beginning"): (((66, 350), (255, 350)), (134, 350), "above"),
    ("beginning", "between-turn"): (((405, 350), (715, 350)), (552, 350), "above"),
    ("compacted", "between-turn"): (((615, 528), (815, 528), (815, 388)), (708, 528), "above"),
    ("resumed", "between-turn"): (((615, 186), (795, 186), (795, 312)), (700, 186), "below"),
    (WORK, "compacted"): (((535, 664), (535, 580)), (535, 626), "right"),
    (WORK, "resumed"): (((535, 84), (535, 134)), (535, 106), "right"),
    ("between-turn", "compacted"): (
        ((755, 388), (755, 440), (535, 440), (535, 504)),
        (645, 440),
        "above",
    ),
    (WORK, "beginning"): (((215, 262), (305, 262), (305, 312)), (254, 262), "above"),
    (WORK, "interrupted"): (((960, 246), (1158, 246)), (1050, 246), "above"),
    (WORK, "ended"): (((960, 505), (1218, 505)), (1050, 505), "above"),
    ("interrupted", "ended"): (((1233, 284), (1233, 490)), (1233, 420), "right"),
    ("interrupted", "beginning"): (
        ((1233, 208), (1233, 48), (360, 48), (360, 312)),
        (760, 48),
        "above",
    ),
    (REST, HISTORY): (((1140, 350), (937, 350)), (1050, 350), "above"),
    (REST, "resumed"): (((1140, 152), (615, 152)), (1050, 152), "above"),
    (REST, "compacted"): (((1140, 560), (615, 560)), (800, 560), "below"),
    (REST, "beginning"): (
        ((1233, 664), (1233, 736), (330, 736), (330, 388)),
        (760, 736),
        "above",
    ),
}
