"""From blocks, notices and anchors to one text within its budget."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Protocol

from governance.context.budget import Budget
from governance.context.notices import (
    IDENTITY_CHARS_MAX,
    Memory,
    Piece,
    anchor_pieces,
    going_on,
    identity_line,
    notices,
)
from governance.session.replies import Injection

BETWEEN = "\n\n"

EVERY_REQUEST = "every-request"

TOOL_RESULT = "tool-result"


class Block(Protocol):
    """
    A context block of a pack, compiled.

    Attributes:
        at: The moments at which it is owed.

        volatile: Its text names a fact that changes with every request (a time, a count).
    """

    @property
    def id(self) -> str: ...
    @property
    def at(self) -> Collection[str]: ...
    @property
    def priority(self) -> int: ...
    @property
    def keep(self) -> bool: ...
    @property
    def volatile(self) -> bool: ...

    def wording(self, facts: Mapping[str, object]) -> str | None:
        """Its text with every placeholder filled, or ``None`` where it does not apply."""
        ...


def render(
    blocks: Iterable[Block],
    *,
    owed: Collection[str],
    facts: Mapping[str, object],
    memory: Memory,
    budget: Budget,
    rendered_at: int,
) -> Injection | None:
    """
    What a model is told now, or ``None`` when nothing is *owed* or there is nothing to say.

    Blocks are chosen by their moments; what is *due* (a lapse, a host whose context lives
    one request) is told like a beginning, and ``every-request`` goes with all. Notices of a
    gap or a compaction stand in front, blocks by priority and id, and what changes often
    last. Blocks with ``keep`` and the line with role, task and language are always there;
    the rest is taken from the highest priority down, each whole or not at all, as long as
    *budget* holds: one that is too long is left out, and the next is tried.

    The same input gives the same bytes, whatever the order of *blocks*. What had no room
    is named in ``dropped``.
    """
    moments = frozenset(owed)
    if not moments:
        return None
    wanted = moments | {EVERY_REQUEST} | ({"beginning"} if "due" in moments else frozenset())
    pieces = _worded(blocks, wanted, facts)
    known = _tells(memory.language, pieces)
    return _injection(
        pieces + notices(memory, moments, language_known=known),
        budget,
        _why(moments),
        rendered_at,
    )


def render_result(
    blocks: Iterable[Block],
    *,
    facts: Mapping[str, object],
    budget: Budget,
    rendered_at: int,
) -> Injection | None:
    """
    What a model is told after a tool: blocks of the moment ``tool-result`` that apply.

    Their ``when`` may name the facts of the result. Nothing that is owed is paid by it.
    """
    pieces = _worded(blocks, frozenset({TOOL_RESULT}), facts)
    return _injection(pieces, budget, TOOL_RESULT, rendered_at)


def render_compaction(
    blocks: Iterable[Block],
    *,
    facts: Mapping[str, object],
    memory: Memory,
    budget: Budget,
) -> str:
    """
    What the host's own compaction is asked to keep; ``""`` when there is nothing.

    Role, task and language, anchors, what is open and what was done last, and the blocks
    that are told after a compaction and always kept.
    """
    worded = _worded(blocks, frozenset({"compacted"}), facts)
    pieces = [one for one in worded if one.keep]
    line = identity_line(memory, language_known=_tells(memory.language, pieces))
    pieces.append(Piece("notice.identity", line, 0, True, 0, (2, "")))
    pieces += going_on(memory)
    pieces += anchor_pieces(memory.anchors, place=0)
    pieces = [one for one in pieces if one.text]
    if not pieces:
        return ""
    pieces.append(Piece("notice.keep", _KEEP, 0, True, 0, (0, "")))
    chosen, _ = _choose(pieces, budget)
    return _joined(chosen)


_KEEP = "Keep the following in the summary, word for word where it is quoted or an anchor."


def keep_size(blocks: Iterable[Block], facts: Mapping[str, object]) -> int:
    """
    Characters that are told whatever the budget: every ``keep`` block that applies to
    *facts*, and the longest that the line with role, task and language can be.

    A budget below it cannot be kept, so the check of a project refuses it.
    """
    texts = [text for one in blocks if one.keep and (text := one.wording(facts))]
    return sum(len(text) + len(BETWEEN) for text in texts) + IDENTITY_CHARS_MAX


def _worded(
    blocks: Iterable[Block], moments: frozenset[str], facts: Mapping[str, object]
) -> list[Piece]:
    pieces = []
    for one in blocks:
        if moments.isdisjoint(one.at):
            continue
        text = (one.wording(facts) or "").strip()
        if text:
            place = 3 if one.volatile else 1
            order = (-one.priority, one.id)
            pieces.append(Piece(one.id, text, one.priority, one.keep, place, order))
    return pieces


def _tells(language: str, pieces: Iterable[Piece]) -> bool:
    return any(one.keep and language in one.text for one in pieces)


def _why(owed: frozenset[str]) -> str:
    if "resumed" in owed:
        return "resume"
    if "compacted" in owed:
        return "reminder"
    return "briefing" if "beginning" in owed else "refresh"


def _injection(pieces: list[Piece], budget: Budget, why: str, rendered_at: int) -> Injection | None:
    chosen, dropped = _choose(pieces, budget)
    if not chosen:
        return None
    text = _joined(chosen)
    return Injection(
        text=text,
        sha256=sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        why=why,
        blocks=tuple(one.id for one in chosen),
        rendered_at=rendered_at,
        dropped=tuple(one.id for one in dropped),
    )


def _choose(pieces: Iterable[Piece], budget: Budget) -> tuple[list[Piece], list[Piece]]:
    """What is told, in order of telling, and what is not, in order of priority."""
    ranked = sorted(pieces, key=lambda one: (not one.keep, -one.priority, one.id))
    chosen: list[Piece] = []
    dropped: list[Piece] = []
    for piece in ranked:
        tried = sorted([*chosen, piece], key=lambda one: (one.place, one.order, one.id))
        if piece.keep or budget.holds(_joined(tried)):
            chosen = tried
        else:
            dropped.append(piece)
    return chosen, dropped


def _joined(pieces: Iterable[Piece]) -> str:
    return BETWEEN.join(one.text for one in pieces)
