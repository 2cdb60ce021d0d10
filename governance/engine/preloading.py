"""The sessions that were worked on last, read into memory before anybody asks for them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from governance.errors import SessionErased, StoreDamaged

if TYPE_CHECKING:
    from governance.engine.engine import Engine

PAGE = 500


def preload(engine: Engine, count: int) -> int:
    """As `Engine.preload`; asks nobody."""
    journal, newest = engine._journal, deque[str](maxlen=max(0, count))
    position = 0
    while page := journal.moved(after=position, limit=PAGE):
        newest.extend(one.session for one in page if one.seq and one.session[0] != "@")
        position = page[-1].position
    now = engine.clock.now_ms()
    count = 0
    for session in newest:
        # Whoever asks for one that is damaged is told so.
        with suppress(SessionErased, StoreDamaged):
            engine._state(session, now)
            count += 1
    return count
