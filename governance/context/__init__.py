"""
What a model is told: context blocks, notices and anchors, under a budget.

Rendering is a pure function of the session and its packs, so that the same session is told
the same bytes, and what was told can be proven by its hash.
"""

from governance.context.anchors import Admission, Anchor, admit_anchor, keep_anchors
from governance.context.budget import Budget
from governance.context.notices import Memory, gap_words
from governance.context.rendering import Block, keep_size, render, render_compaction, render_result

__all__ = [
    "Admission",
    "Anchor",
    "Block",
    "Budget",
    "Memory",
    "admit_anchor",
    "gap_words",
    "keep_anchors",
    "keep_size",
    "render",
    "render_compaction",
    "render_result",
]
