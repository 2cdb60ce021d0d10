"""
How wide a text is, in a font that everybody can have: Open Sans, by its advance widths.

Pictures carry the width of each text with them, so that a viewer with another font squeezes
or stretches the text into the place that was kept for it.
"""

from __future__ import annotations

FAMILY = "Open Sans"

# Advance widths of U+0020 to U+007E in thousandths of the size, from the fonts' own tables.
_REGULAR = (
    260, 267, 401, 646, 572, 823, 730, 221, 296, 296, 552, 572, 245, 322, 266, 367, 572, 572,
    572, 572, 572, 572, 572, 572, 572, 572, 266, 266, 572, 572, 572, 429, 899, 633, 648, 631,
    729, 556, 516, 728, 738, 279, 267, 614, 519, 903, 754, 779, 602, 779, 618, 549, 553, 728,
    595, 926, 577, 560, 571, 329, 367, 329, 542, 448, 577, 556, 613, 476, 613, 561, 339, 548,
    614, 253, 253, 525, 253, 930, 614, 604, 613, 613, 408, 477, 353, 614, 501, 778, 524, 504,
    468, 379, 551, 379, 572,
)  # fmt: skip
_SEMIBOLD = (
    260, 276, 436, 646, 571, 862, 740, 243, 317, 317, 548, 571, 267, 322, 275, 390, 571, 571,
    571, 571, 571, 571, 571, 571, 571, 571, 275, 278, 571, 571, 571, 453, 898, 661, 660, 634,
    734, 558, 532, 726, 751, 305, 299, 639, 542, 923, 783, 787, 615, 787, 639, 550, 566, 742,
    622, 946, 622, 592, 575, 330, 390, 330, 537, 429, 592, 580, 623, 495, 623, 576, 363, 556,
    635, 279, 279, 572, 279, 956, 635, 611, 623, 623, 431, 487, 393, 635, 535, 817, 551, 536,
    478, 386, 551, 371, 571,
)  # fmt: skip
_OTHER = 620

ASCENT = 1.069
DESCENT = 0.293
"""Of the font, as parts of its size; together they are the height of a line."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of *text* at *size*, in the unit of *size*; rounded to a tenth."""
    table = _SEMIBOLD if bold else _REGULAR
    thousandths = sum(table[ord(sign) - 32] if 32 <= ord(sign) < 127 else _OTHER for sign in text)
    return round(thousandths * size / 1000, 1)
