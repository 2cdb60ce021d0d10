"""What every back end asks of rows that are to be put back under a tombstone."""

from __future__ import annotations

from collections.abc import Sequence

from governance.journal.chain import ZERO_HASH
from governance.journal.faults import RowsRefused
from governance.journal.gaps import Link, is_next, link_after
from governance.journal.records import Head, Record, Whole

_REMEDY = "take the archive that was made when the session was removed; nothing was put back"


def sound_rows(
    records: Sequence[Record], known: Sequence[Record], base: int, link: Link, whole: Head
) -> tuple[Record, ...]:
    """
    Those of *records* that go on after the last row that has been put back.

    Args:
        known: Rows that were put back before: those among *records*, or the last of all.

        base: Sequence of the row that the session's own first one goes on from.

        link: What that first row must be chained to.

        whole: The head that the session had, and will have.

    Raises:
        RowsRefused: A record does not follow the one before it, is another than the one
            that was put back, or stands beyond the head.
    """
    before = {record.seq: record for record in known}
    last = previous = known[-1].seq if known else base
    if known:
        link = link_after(known[-1])
    fresh: list[Record] = []
    keys: set[str] = set()
    for record in records:
        if base < record.seq <= last and not fresh:
            if before.get(record.seq) != record:
                raise _refused(record, "another row was put back in its place")
            continue
        if record.seq != previous + 1:
            raise _refused(record, f"row {previous + 1} is the next one")
        if not is_next(link, record):
            raise _refused(record, "it does not continue the chain of the row before it")
        if record.seq > whole.seq:
            raise _refused(record, f"the session ended with row {whole.seq}")
        if record.key is not None:
            if record.key in keys:
                raise refuse_key(record)
            keys.add(record.key)
        previous, link = record.seq, link_after(record)
        fresh.append(record)
    return tuple(fresh)


def refuse_last(end: Head, whole: Head) -> None:
    """
    Return quietly unless rows that end at *end* could never become those of *whole*.

    Raises:
        RowsRefused: They are as many, and the last has another hash.
    """
    if end.seq == whole.seq and end.hash != whole.hash:
        raise RowsRefused(
            f"the rows of `{whole.session}` end with another hash than the head says",
            remedy=_REMEDY,
        )


def sound_wholes(wholes: Sequence[Whole]) -> list[str]:
    """
    The keys of *wholes*, which hold by their chains and end with their heads.

    Raises:
        RowsRefused: They do not, or two rows have one key.
    """
    keys: dict[str, Record] = {}
    for one in wholes:
        head, records = one.head, one.records
        sound_rows(records, (), 0, ZERO_HASH, head)
        if len(records) != head.seq:
            raise RowsRefused(
                f"{len(records)} rows of `{head.session}`, which ended with row {head.seq}",
                remedy=_REMEDY,
            )
        refuse_last(Head(head.session, head.seq, records[-1].hash), head)
        for record in records:
            if record.key is not None and keys.setdefault(record.key, record) is not record:
                raise refuse_key(record)
    return list(keys)


def refuse_key(record: Record) -> RowsRefused:
    """The error for *record*, whose key a row of this store carries already."""
    return _refused(record, f"a row of this store has its key `{record.key}`")


def _refused(record: Record, why: str) -> RowsRefused:
    return RowsRefused(f"row {record.seq} of `{record.session}` is refused: {why}", remedy=_REMEDY)
