"""The contract of turns: appends that are decided while nobody else can write the session."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from governance.errors import JournalError, MisuseError
from governance.journal.records import (
    Append,
    Appended,
    AppendsAlone,
    Conflict,
    Duplicate,
    Head,
    Journal,
    Origin,
)
from governance.testing.journal_filling import appended, fill, row

_THREADS = 8
_TURNS = 5


class TurnsContract:
    """What a journal promises that is an `AppendsAlone`; one that is not has nothing to keep."""

    @pytest.fixture
    def alone(self, journal: Journal) -> AppendsAlone:
        if not isinstance(journal, AppendsAlone):
            pytest.skip("this journal gives no turns, and need not")
        return journal

    def test_a_turn_writes_after_what_it_read(self, journal: Journal, alone: AppendsAlone) -> None:
        """The rows are as if they were appended; the first of a session and later ones."""

        def decide() -> list[Append]:
            return [Append("s", journal.head("s").seq, (row(), row()))]

        for seq in range(3):
            done = appended(alone.append_alone("s", decide, key=f"k-{seq}"))
            assert done.heads == (journal.head("s"),)
            assert done.records == journal.read("s", after=2 * seq)
        assert alone.append_alone("s", decide, key="k-1") == Duplicate(journal.read("s")[3])
        assert journal.head("s").seq == 6
        assert journal.verify().ok

    def test_a_turn_that_gives_nothing_writes_nothing(
        self, journal: Journal, alone: AppendsAlone
    ) -> None:
        """Not even of its session; and the next caller finds the store free."""
        assert alone.append_alone("s", lambda: []) == Appended((), ())
        assert journal.head("s").seq == 0
        fill(journal, "s", 1)

    def test_what_a_turn_raises_is_raised(self, journal: Journal, alone: AppendsAlone) -> None:
        """Nothing was written then, and the next caller finds the store free."""

        def decide() -> list[Append]:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            alone.append_alone("s", decide)
        with pytest.raises(MisuseError):
            alone.append_alone("s", lambda: [Append("s", 0, ())])
        assert len(fill(journal, "s", 2)) == 2

    def test_a_turn_is_no_leave_to_write_over(self, journal: Journal, alone: AppendsAlone) -> None:
        """What was decided on an older head is a conflict in a turn as well, and writes nothing."""
        fill(journal, "s", 2)
        fill(journal, "t", 1)
        late = [Append("t", 1, (row(),)), Append("s", 1, (row(),))]
        assert alone.append_alone("s", lambda: late) == Conflict(
            (journal.head("t"), journal.head("s"))
        )
        assert journal.head("t").seq == 1

    def test_a_turn_writes_several_sessions(self, journal: Journal, alone: AppendsAlone) -> None:
        """All of them or none; also ones that are new, and that nobody asked a turn of."""
        fill(journal, "s", 1)
        fill(journal, "t", 3)

        def decide() -> list[Append]:
            return [Append(name, journal.head(name).seq, (row(),)) for name in ("new", "t", "s")]

        done = appended(alone.append_alone("s", decide, key="k"))
        assert [(one.session, one.seq) for one in done.heads] == [("new", 1), ("t", 4), ("s", 2)]
        assert done.records[0].key == "k"
        assert journal.verify().ok

    def test_nothing_else_is_written_in_ones_own_turn(
        self, journal: Journal, alone: AppendsAlone
    ) -> None:
        """It would wait for itself, or be taken back with the turn: it is refused."""
        fill(journal, "s", 1)
        head = journal.head("s")
        tries = (
            lambda: journal.append([Append("s", 1, (row(),))]),
            lambda: alone.append_alone("s", lambda: []),
            lambda: journal.branch("b", "s", 1),
            lambda: journal.remove("s", expected=head),
            lambda: journal.restore(Head("r", 9, b"h" * 32), (), origin=Origin("s", 1)),
        )

        def decide() -> list[Append]:
            for write in tries:
                with pytest.raises(MisuseError):
                    write()
            return [Append("s", 1, (row(),))]

        assert appended(alone.append_alone("s", decide)).heads[0].seq == 2
        assert journal.origin("b") is None
        assert appended(journal.append([Append("s", 2, (row(),))])).heads[0].seq == 3

    def test_others_wait_for_the_end_of_a_turn(self, journal: Journal, alone: AppendsAlone) -> None:
        """Whoever appends to the session in the midst of a turn is told after it that it moved."""
        fill(journal, "s", 1)
        answers: list[object] = []

        def rival() -> None:
            answers.append(journal.append([Append("s", 1, (row("late"),))]))

        thread = threading.Thread(target=rival)

        def decide() -> list[Append]:
            thread.start()
            thread.join(0.2)
            assert answers == []
            return [Append("s", 1, (row("first"),))]

        done = appended(alone.append_alone("s", decide))
        thread.join()
        assert journal.read("s", after=1) == done.records
        assert answers == [Conflict(done.heads)]

    def test_a_turn_that_does_not_come_in_time(self, journal: Journal, alone: AppendsAlone) -> None:
        """Its caller is told so by its deadline; nothing was written, and nothing was decided."""
        fill(journal, "s", 1)
        answers: list[object] = []

        def rival() -> None:
            try:
                answers.append(alone.append_alone("s", lambda: [], deadline_ms=300))
            except JournalError as error:
                answers.append(error)

        thread = threading.Thread(target=rival)

        def decide() -> list[Append]:
            thread.start()
            thread.join(30)
            return []

        assert alone.append_alone("s", decide) == Appended((), ())
        assert [isinstance(one, JournalError) for one in answers] == [True]
        assert journal.head("s").seq == 1

    def test_turns_of_many_callers_never_conflict(
        self, journal: Journal, alone: AppendsAlone
    ) -> None:
        """Each writes what it read on, beside others that only append; every row is there once."""
        answers: list[Appended | Conflict | Duplicate] = []
        won: list[bool] = []
        begin = threading.Barrier(_THREADS + 1)

        def decide() -> Sequence[Append]:
            return [Append(one, journal.head(one).seq, (row(),)) for one in ("s", "t")]

        def work() -> None:
            begin.wait()
            answers.extend(alone.append_alone("s", decide) for _ in range(_TURNS))

        def rival() -> None:
            begin.wait()
            for _ in range(_TURNS):
                batch = [Append("t", journal.head("t").seq, (row(),))]
                won.append(isinstance(journal.append(batch), Appended))

        fill(journal, "s", 1)
        fill(journal, "t", 1)
        threads = [threading.Thread(target=work) for _ in range(_THREADS)]
        threads.append(threading.Thread(target=rival))
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert [isinstance(one, Appended) for one in answers] == [True] * _THREADS * _TURNS
        assert journal.head("s").seq == 1 + _THREADS * _TURNS
        assert journal.head("t").seq == 1 + _THREADS * _TURNS + sum(won)
        assert journal.verify().ok
