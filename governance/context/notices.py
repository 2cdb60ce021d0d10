"""Notices that the engine itself makes: what was missed, what was going on, what counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field

from governance._attrs import frozen
from governance.context.anchors import Anchor

TASK_CHARS_MAX = 200
NAME_CHARS_MAX = 64
LINE_CHARS_MAX = 160
LINES_MAX = 5

_TOP = 1000
"""Above every priority that a pack can give: what happened is told before all else."""

_ANCHOR_PRIORITIES = (95, 85, 45, 15)

IDENTITY_CHARS_MAX = 120 + TASK_CHARS_MAX + 3 * NAME_CHARS_MAX
"""The longest that the line with role, task and language can be."""


@frozen(kw_only=True)
class Memory:
    """
    What notices speak of, as the session has it when they are rendered.

    Attributes:
        gap_ms: How long nothing was done, or ``None`` when that is not known.

        stale: The gap was so long that a person is asked before the first write.

        open_calls: What was begun and has no result, in words.

        approvals: What waits for a person, in words.

        counts: Violations that stand, by severity.

        recent: The last things done, newest last.

        now_ms: The time of rendering; no text depends on it.
    """

    gap_ms: int | None = None
    stale: bool = False
    turn: int = 0
    role: str = ""
    task: str = ""
    open_calls: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(factory=dict)
    anchors: tuple[Anchor, ...] = ()
    recent: tuple[str, ...] = ()
    language: str = ""
    document_language: str = ""
    now_ms: int = 0


@frozen
class Piece:
    """
    Text that is told as a whole or not at all.

    Attributes:
        place: Where in the whole text it stands: 0 notices, 1 blocks, 2 anchors where there
            are no notices, 3 what changes often.

        order: Where among those of its place.
    """

    id: str
    text: str
    priority: int
    keep: bool
    place: int
    order: tuple[int, str]


def clip(text: str, characters_max: int) -> str:
    """*text* on one line, cut with an ellipsis; what cannot be seen is taken out."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= characters_max else line[: characters_max - 1].rstrip() + "…"


def gap_words(gap_ms: int | None) -> str:
    """
    A gap in words, in its two largest units, rounded down.

    >>> gap_words(7_500_000), gap_words(30_000), gap_words(None)
    ('2 hours and 5 minutes', 'less than a minute', 'an unknown time')
    """
    if gap_ms is None:
        return "an unknown time"
    minutes = gap_ms // 60_000
    if minutes < 1:
        return "less than a minute"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    first = next(at for at, (count, _) in enumerate(parts) if count)
    named = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts[first : first + 2] if n]
    return " and ".join(named)


def identity_line(memory: Memory, *, language_known: bool) -> str:
    """
    Role, task and language in one line; ``""`` when there is nothing to say.

    Args:
        language_known: A block that is always kept tells the language already.
    """
    parts = []
    if memory.role:
        parts.append(f"Your role: {clip(memory.role, NAME_CHARS_MAX)}.")
    if memory.task:
        parts.append(f"The task, in the user's words: “{clip(memory.task, TASK_CHARS_MAX)}”.")
    if memory.language and not language_known:
        language = clip(memory.language, NAME_CHARS_MAX)
        documents = clip(memory.document_language or memory.language, NAME_CHARS_MAX)
        tail = f"; write documents in {documents}" if documents != language else ""
        parts.append(f"Answer in {language}{tail}.")
    return " ".join(parts)


def notices(memory: Memory, owed: frozenset[str], *, language_known: bool) -> list[Piece]:
    """The pieces that the engine adds for what is *owed*: a gap, a compaction, anchors."""
    made: list[Piece] = []
    moved = owed & {"resumed", "compacted"}
    if "resumed" in owed:
        made.append(_piece("notice.resumed", _resumed(memory), _TOP + 2, 0))
    if "compacted" in owed:
        made.append(_piece("notice.compacted", _COMPACTED, _TOP + 1, 1))
    if moved:
        line = identity_line(memory, language_known=language_known)
        made.append(_piece("notice.identity", line, _TOP, 2, keep=True))
        made += going_on(memory)
    made += anchor_pieces(memory.anchors, place=0 if moved else 2)
    return [one for one in made if one.text]


def going_on(memory: Memory) -> list[Piece]:
    """What was going on: open calls, open questions, violations, the last actions."""
    return [
        _piece(
            "notice.open-calls",
            _listed("Begun, and without a result that is known", memory.open_calls),
            94,
            3,
        ),
        _piece("notice.approvals", _listed("Waiting for a person", memory.approvals), 93, 4),
        _piece("notice.violations", _counted(memory.counts), 92, 5),
        _piece(
            "notice.recent",
            _listed("Done last, the newest first", reversed(memory.recent)),
            91,
            6,
        ),
    ]


def anchor_pieces(anchors: Iterable[Anchor], *, place: int) -> list[Piece]:
    """A piece for each anchor, the highest priority first and of those the newest."""
    ranked = sorted(anchors, key=lambda one: (one.rank, -one.at_ms, one.id))
    return [
        Piece(
            id=f"anchor.{one.id}",
            text=f"Anchor ({one.priority} {one.type}): {one.text.strip()}",
            priority=_ANCHOR_PRIORITIES[one.rank],
            keep=False,
            place=place,
            order=(100 + at, ""),
        )
        for at, one in enumerate(ranked)
    ]


def _piece(name: str, text: str, priority: int, order: int, *, keep: bool = False) -> Piece:
    return Piece(name, text, priority, keep, 0, (order, ""))


_COMPACTED = (
    "The context that you worked in is gone, by a compaction or a new start: of what came before "
    "you have a summary at most, and summaries lose things. The rules of this session hold as "
    "before. Read a file again before you change it."
)


def _resumed(memory: Memory) -> str:
    text = (
        f"This session goes on after {gap_words(memory.gap_ms)} without work. Files, branches "
        "and processes may have changed meanwhile: look before you rely on what you remember."
    )
    if memory.stale:
        text += " What you know is stale: a person is asked before the first tool that writes."
    return text


def _listed(head: str, lines: Iterable[str]) -> str:
    shown = [clip(line, LINE_CHARS_MAX) for line in lines]
    if not shown:
        return ""
    more = len(shown) - LINES_MAX
    text = "\n".join(f"- {line}" for line in shown[:LINES_MAX])
    return f"{head}:\n{text}" + (f"\n- and {more} more" if more > 0 else "")


def _counted(counts: Mapping[str, int]) -> str:
    standing = [f"{count} {severity}" for severity, count in counts.items() if count > 0]
    if not standing:
        return ""
    return f"Violations of the rules that stand in this session: {', '.join(standing)}."
