"""
Appends of several threads in one statement: what a statement costs, they then pay once.

Only appends that need no look beforehand share one: without a key, to sessions whose heads are
remembered. Where one of them does not fit, or somebody holds one of the sessions, nothing of
the statement is written, and each of them is sent by itself, by its own caller.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import JournalError, OutcomeUnknown, StoreBusy
from governance.journal.group_commit import GroupCommit, Request
from governance.journal.limits import SESSIONS_MAX
from governance.journal.postgres_rows import Batch
from governance.journal.records import Append, Appended

if TYPE_CHECKING:
    from governance.journal.postgres_writer import Writer

HELD_MS_MAX = 50
"""How long a session that somebody holds is waited for on behalf of the others."""

COMPANY_SECONDS = 0.0002
"""How long the next statement waits for others where the one before it was shared."""

_APART = Appended((), ())
"""What is answered to an append that is to be sent by itself."""


@define(eq=False, repr=False)
class SharedAppends:
    """The queue in front of a `Writer`, and its `Committer`. Thread-safe."""

    _writer: Writer
    _queue: GroupCommit = field(init=False)
    _company: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._queue = GroupCommit(self)

    def append(self, whole: tuple[Append, ...], until: float) -> Appended | None:
        """
        What was written of *whole* together with others; ``None``: it is to be sent by itself.

        Raises:
            OutcomeUnknown: The connection broke, or the deadline passed, before the answer.
            StoreBusy: Its turn did not come by *until*, or too many callers wait.
        """
        request = Request.of(whole, None)
        request.until = until
        answer = self._queue.submit(request, max(0, int((until - time.monotonic()) * 1000)))
        return answer if isinstance(answer, Appended) and answer is not _APART else None

    def begin(self, durable: bool, wait_ms: int) -> None:  # noqa: ARG002 - as the protocol has it
        """Let those come whose company the last one had; there is no lock to take."""
        if self._company:
            time.sleep(COMPANY_SECONDS)

    def commit(self, group: list[Request]) -> None:
        """Write what fits together of *group*, and settle every request in it."""
        self._company = len(group) > 1
        parts = self._together(group)
        written: dict[Request, Batch] = {}
        try:
            if parts and self._written(parts):
                written = parts
        except JournalError as error:
            # Of several, whoever it concerns finds the reason again; but not whether it is known.
            if isinstance(error, OutcomeUnknown) or (
                len(parts) == 1 and not isinstance(error, StoreBusy)
            ):
                for one in parts:
                    one.error = error
        for one in group:
            if one.error is None:
                one.answer = written[one].appended() if one in written else _APART

    def _together(self, group: list[Request]) -> dict[Request, Batch]:
        """The appends of *group* that fit into one statement, as far as is remembered."""
        found: dict[Request, Batch] = {}
        seen: set[str] = set()
        for one in group:
            names = {append.session for append in one.batch}
            before = self._writer.remembered(one.batch)
            if before is None or names & seen or len(seen) + len(names) > SESSIONS_MAX:
                continue
            seen |= names
            found[one] = Batch.of(one.batch, before, None)
        return found

    def _written(self, parts: dict[Request, Batch]) -> bool:
        batches = parts.values()
        whole = Batch(
            heads=tuple(head for one in batches for head in one.heads),
            records=tuple(record for one in batches for record in one.records),
            key=None,
            before=tuple(head for one in batches for head in one.before),
            durable=any(one.durable for one in batches),
        )
        until = min(one.until for one in parts)
        return self._writer.write(whole, until, held_ms_max=HELD_MS_MAX) is True
