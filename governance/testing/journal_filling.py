"""Rows for a journal under test, as the contract suites make them."""

from __future__ import annotations

from governance.journal.chain import ZERO_HASH, chain_rows
from governance.journal.gaps import Bridge, row_digest, stand_in
from governance.journal.records import Append, Appended, Conflict, Duplicate, Journal, Record, Row


def row(
    text: str = "{}", *, kind: str = "tool.decided", at_ms: int = 1, durable: bool = True
) -> Row:
    """A row with *text* as its body."""
    return Row(kind, at_ms, text.encode(), durable)


def appended(answer: Appended | Conflict | Duplicate) -> Appended:
    """*answer*, which must be an `Appended`."""
    assert isinstance(answer, Appended), answer
    return answer


def fill(journal: Journal, session: str, count: int, *, durable: bool = True) -> list[Record]:
    """Append *count* rows to *session*, one append each, and give their records."""
    made: list[Record] = []
    for _ in range(count):
        seq = journal.head(session).seq
        one = row(f'{{"n":{seq + 1}}}', at_ms=seq, durable=durable)
        made += appended(journal.append([Append(session, seq, (one,))])).records
    return made


def with_losses(session: str, count: int, lost: range, *, known: bool) -> list[Record]:
    """
    *count* rows of *session* as a repair leaves them that did not find the rows *lost*.

    Args:
        known: Whether the repair knew the hash of the last lost row; else the stand-in names
            the very row that follows.
    """
    rows = tuple(row(f'{{"n":{seq}}}', at_ms=seq) for seq in range(1, count + 1))
    whole = chain_rows(ZERO_HASH, session, 0, rows, f"{session}-{count}")
    last, after = whole[lost[-1] - 1], whole[lost[-1]] if lost[-1] < count else None
    previous = whole[lost[0] - 2].hash if lost[0] > 1 else ZERO_HASH
    for seq in lost:
        bridge: Bridge | None = None
        if seq == last.seq and known:
            bridge = Bridge(b"", lost=last.hash)
        elif seq == last.seq and after is not None:
            bridge = Bridge(b"", next_hash=after.hash, next_digest=row_digest(after))
        stands = stand_in(session, seq, seq, previous, (lost[0], lost[-1]), bridge)
        whole[seq - 1], previous = stands, stands.hash
    return whole
