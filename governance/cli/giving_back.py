"""Room that a store does not use, given back to the disk by a command."""

from __future__ import annotations

from pathlib import Path

from governance.cli.progress import progressing

SECONDS_MAX = 60.0
"""How long a command gives room back."""

MEGABYTE = 1_000_000


def give_back(path: Path, seconds_max: float) -> tuple[int, int, int]:
    """
    Give back what the store at *path* does not use: its bytes before and after, and what is left.

    Raises:
        NotCompactable: The store was made without what this needs.
        JournalError: It cannot be read or written, or somebody holds it.
    """
    from governance.journal.compacting import STEP_PAGES, compact_steps, room_of

    room = room_of(path)
    steps = -(-room.unused_bytes // (STEP_PAGES * room.page_bytes))
    left = room.unused_bytes
    for left in progressing(  # noqa: B007 - the last one is wanted
        compact_steps(path, seconds_max=seconds_max), "giving room back", total=steps
    ):
        pass
    return room.total_bytes, room_of(path).total_bytes, left


def said_room(before: int, after: int) -> str:
    """How much was given back, in words."""
    freed = (before - after) / MEGABYTE
    return f"the store takes {after / MEGABYTE:.1f} MB, {freed:.1f} MB less than before"
