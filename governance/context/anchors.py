"""Anchors: what a session wrote down on purpose, to outlive its context."""

from __future__ import annotations

from collections.abc import Iterable

from governance._attrs import frozen

ANCHORS_MAX = 32
"""Anchors of one session; beyond it the least and oldest go, critical ones never."""

CRITICAL_MAX = 16
"""Critical anchors of one session; a further one is refused, with the reason."""

TEXT_CHARS_MAX = 1000

TYPES = ("decision", "context", "checkpoint")

PRIORITIES = ("critical", "high", "normal", "low")
"""From what is never dropped to what goes first."""


@frozen
class Anchor:
    """
    One thing to remember.

    Attributes:
        type: One of `TYPES`.

        priority: One of `PRIORITIES`.

        at_ms: When it was written; of two equal ones the older goes first.
    """

    id: str
    type: str
    priority: str
    text: str
    at_ms: int

    @property
    def rank(self) -> int:
        """0 for critical, and so on; a word of a later version ranks as critical."""
        return PRIORITIES.index(self.priority) if self.priority in PRIORITIES else 0


@frozen
class Admission:
    """
    What adding one anchor would lead to.

    Attributes:
        kept: The anchors afterwards; the old ones where *reasons* refuse.

        dropped: Anchors that make room, never a critical one.

        reasons: Why the anchor is refused; empty: it may be added.
    """

    kept: tuple[Anchor, ...]
    dropped: tuple[Anchor, ...] = ()
    reasons: tuple[str, ...] = ()


def keep_anchors(anchors: Iterable[Anchor]) -> tuple[Anchor, ...]:
    """
    The anchors that stay, in the order in which they came: at most `ANCHORS_MAX`.

    A later anchor replaces the one with its id. What goes first is of the lowest priority,
    and of those the oldest. Critical ones all stay, even beyond the bound: whether another
    may come is asked before, by `admit_anchor`.
    """
    by_id: dict[str, Anchor] = {}
    for anchor in anchors:
        by_id.pop(anchor.id, None)
        by_id[anchor.id] = anchor
    kept = tuple(by_id.values())
    over = len(kept) - ANCHORS_MAX
    if over <= 0:
        return kept
    order = sorted(range(len(kept)), key=lambda i: (-kept[i].rank, kept[i].at_ms, i))
    gone = {i for i in order[:over] if kept[i].rank > 0}
    return tuple(anchor for i, anchor in enumerate(kept) if i not in gone)


def admit_anchor(anchors: tuple[Anchor, ...], anchor: Anchor) -> Admission:
    """
    Whether *anchor* may be added to *anchors*, and what would have to go for it.

    Refused with all reasons: an unknown type or priority, an empty or over-long text, a
    further critical one beyond `CRITICAL_MAX`, one that would have to go at once.
    """
    reasons = _faults(anchor)
    critical = sum(1 for one in anchors if one.rank == 0 and one.id != anchor.id)
    if anchor.priority == "critical" and critical >= CRITICAL_MAX:
        reasons.append(
            f"{critical} critical anchors stand already, and none of them may be dropped; "
            "write over one of them by its id, or take a lower priority"
        )
    kept = keep_anchors((*anchors, anchor))
    if not reasons and anchor not in kept:
        reasons.append(
            f"all {len(anchors)} anchors rank above priority `{anchor.priority}`; "
            "take a higher one, or write over an anchor by its id"
        )
    if reasons:
        return Admission(anchors, reasons=tuple(reasons))
    stay = {one.id for one in kept}
    return Admission(kept, tuple(one for one in anchors if one.id not in stay))


def _faults(anchor: Anchor) -> list[str]:
    faults = []
    if anchor.type not in TYPES:
        faults.append(f"`{anchor.type}` is no type of anchor; {', '.join(TYPES)} are")
    if anchor.priority not in PRIORITIES:
        faults.append(f"`{anchor.priority}` is no priority; {', '.join(PRIORITIES)} are")
    if not anchor.id.strip():
        faults.append("an anchor needs an id")
    if not anchor.text.strip():
        faults.append("an anchor needs a text")
    if len(anchor.text) > TEXT_CHARS_MAX:
        faults.append(
            f"the text has {len(anchor.text)} characters where at most {TEXT_CHARS_MAX} are taken"
        )
    return faults
