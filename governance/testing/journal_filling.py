"""Rows for a journal under test, as the contract suites make them."""

from __future__ import annotations

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
