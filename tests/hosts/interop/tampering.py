"""Somebody who changes rows behind the journal's back."""

from __future__ import annotations

from pathlib import Path

import apsw


def change(store: Path, session: str, seq: int, old: bytes, new: bytes) -> None:
    """Put *new* for *old* in the body of one row, and leave every other column."""
    assert len(old) == len(new)
    with apsw.Connection(str(store)) as connection:
        where = "WHERE session = ? AND seq = ?"
        ((body,),) = connection.execute(f"SELECT body FROM event {where}", (session, seq))
        assert old in body
        words = (body.replace(old, new), session, seq)
        connection.execute(f"UPDATE event SET body = ? {where}", words)
