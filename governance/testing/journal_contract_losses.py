"""The contract of rows that a repair put in the place of lost ones."""

from __future__ import annotations

import pytest
from attrs import evolve

from governance.errors import JournalError
from governance.journal.chain import record_hash
from governance.journal.gaps import ACCEPTED_KIND, damaged_row
from governance.journal.records import Append, Duplicate, Head, Journal, Origin, Record
from governance.testing.journal_filling import appended, fill, row, with_losses

_ROWS = 6


def _put(
    journal: Journal, records: list[Record], page: int = _ROWS, origin: Origin | None = None
) -> Head:
    """Put *records* into *journal*, *page* of them at a time; the head of their session."""
    last = records[-1]
    head = Head(last.session, last.seq, last.hash)
    for start in range(0, len(records), page):
        some = records[start : start + page]
        end = Head(last.session, some[-1].seq, some[-1].hash)
        assert journal.restore(head, some, origin=origin) == end
    return head


class LossesContract:
    """What every journal promises of a session that was repaired, in whatever store it lies."""

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("page", [1, 2, 3, _ROWS])
    def test_a_repaired_session_can_be_put_in_and_read(
        self, journal: Journal, page: int, known: bool
    ) -> None:
        """Whatever rows are put in or read together, those after a loss are the same rows."""
        records = with_losses("s", _ROWS, range(3, 5), known=known)
        assert _put(journal, records, page) == journal.head("s")
        for after in range(_ROWS):
            assert list(journal.read("s", after=after, limit=page)) == records[after:][:page]
            assert journal.read("s", before=after + 2, limit=1, reverse=True) == (records[after],)

    def test_losses_are_found_until_a_person_accepts_them(self, journal: Journal) -> None:
        """`verify` finds them, and nothing else, in the whole store and in the session."""
        _put(journal, with_losses("s", _ROWS, range(2, 4), known=True))
        fill(journal, "t", 1)
        for report in (journal.verify(), journal.verify("s")):
            assert [(one.what, one.session, one.seq) for one in report.findings] == [
                ("lost", "s", 2)
            ]
        assert journal.verify("t").ok
        journal.append([Append("s", _ROWS, (row(kind=ACCEPTED_KIND),))])
        assert journal.verify().ok

    def test_a_lost_end_is_gone_on_from(self, journal: Journal) -> None:
        """Rows after stand-ins at the end are chained to these, or to what states the loss."""
        records = with_losses("s", _ROWS, range(5, 7), known=True)
        records.append(damaged_row("s", 7, 0, records[-1].hash, [(5, 6)]))
        _put(journal, records)
        _put(journal, with_losses("t", _ROWS, range(6, 7), known=True))
        for session, before in (("s", records[-1]), ("t", journal.read("t", after=5)[0])):
            (more,) = fill(journal, session, 1)
            assert more.hash == record_hash(before.hash, more)
            assert journal.read(session, after=before.seq - 1) == (before, more)
        assert {one.what for one in journal.verify().findings} == {"lost"}

    def test_a_row_that_does_not_follow_a_loss_is_refused(self, journal: Journal) -> None:
        """What a stand-in says of the next row is held against that row, and against no other."""
        for known in (True, False):
            records = with_losses("s", _ROWS, range(3, 5), known=known)
            head = Head("s", _ROWS, records[-1].hash)
            journal.restore(head, records[:4])
            forged = evolve(records[4], body=b"{}")
            for other in (forged, evolve(forged, hash=record_hash(records[3].hash, forged)[::-1])):
                with pytest.raises(JournalError) as refused:
                    journal.restore(head, [other])
                assert refused.value.code == "GOV521"
            assert journal.restore(head, records[4:]) == head
            assert journal.remove("s", expected=head) is True

    @pytest.mark.parametrize("known", [True, False])
    def test_a_key_after_a_loss_is_known(self, journal: Journal, known: bool) -> None:
        """A row whose key is asked for may follow a stand-in."""
        records = with_losses("s", _ROWS, range(4, 6), known=known)
        _put(journal, records)
        again = journal.append([Append("s", 0, (row(),))], key=f"s-{_ROWS}")
        assert again == Duplicate(records[-1])

    def test_a_branch_that_goes_on_from_a_lost_row(self, journal: Journal) -> None:
        """Its rows are chained to the row as it was, and hold; its keys are found."""
        whole = with_losses("s", 3, range(1, 2), known=True)
        other = evolve(whole[2], session="b", key="b-3", body=b"{}", hash=b"")
        lost = with_losses("s", 3, range(2, 3), known=True)
        other = evolve(other, hash=record_hash(whole[1].hash, other))
        _put(journal, lost)
        _put(journal, [other], origin=Origin("s", 2))
        assert journal.read("b") == (*lost[:2], other)
        assert journal.read("b", after=2) == (other,)
        assert appended(journal.append([Append("b", 3, (row(),))])).heads[0].seq == 4
        assert journal.append([Append("b", 0, (row(),))], key="b-3") == Duplicate(other)
        report = journal.verify("b")
        assert [(one.what, one.session) for one in report.findings] == [("lost", "s")]
        assert journal.origin("b") == Origin("s", 2)
