"""How long a session was away, in classes that leave no hole."""

from __future__ import annotations

from governance._attrs import frozen
from governance.errors import DefinitionError, Diagnostic
from governance.machine.registers import Gap


@frozen
class GapBounds:
    """
    Where one class of gap ends and the next begins; a bound belongs to the upper class.

    Attributes:
        notice_seconds_min: From here on the model is briefed again and told of the gap.

        stale_seconds_min: From here on a person also approves the first write.

        fresh_seconds_min: From here on the session begins a new epoch.

    Raises:
        DefinitionError: GOV169, when the bounds do not rise from above zero.
    """

    notice_seconds_min: int = 3_600
    stale_seconds_min: int = 172_800
    fresh_seconds_min: int = 604_800

    def __attrs_post_init__(self) -> None:
        names = ("notice_seconds_min", "stale_seconds_min", "fresh_seconds_min")
        found: list[Diagnostic] = []
        below = 0
        for name in names:
            value: int = getattr(self, name)
            if value <= below:
                found.append(
                    Diagnostic(
                        "GOV169",
                        f"`{name}` is `{value}` where more than `{below}` was expected",
                        path=("resume", name),
                        suggestion="let the three bounds rise, each above the one before",
                    )
                )
            below = max(below, value)
        if found:
            raise DefinitionError(tuple(found))


def classify_gap(gap_ms: int | None, bounds: GapBounds) -> Gap:
    """
    The class of a gap of *gap_ms* milliseconds; ``None`` is a past nobody knows.

    Total: every integer has exactly one class, and each bound belongs to the class above
    it. A negative gap means that the clock went back; it acts as a short one, and its
    own name lets the caller journal the skew and measure anew from there.
    """
    if gap_ms is None:
        return "unknown"
    if gap_ms < 0:
        return "negative"
    if gap_ms < bounds.notice_seconds_min * 1000:
        return "short"
    if gap_ms < bounds.stale_seconds_min * 1000:
        return "notice"
    if gap_ms < bounds.fresh_seconds_min * 1000:
        return "stale"
    return "fresh"
