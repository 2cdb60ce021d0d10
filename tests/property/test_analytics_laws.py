"""What holds of figures whatever happened: kept ones are those that are counted anew."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.analytics import projection
from governance.analytics.figures import percentile, step
from governance.analytics.fold import FOLD_VERSION, Draft, Rollup, fold, merged, update
from governance.analytics.projection import catch_up, recomputed
from governance.errors import StoreBusy
from governance.events import CATALOGUE
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Journal, Moved, Record, Row
from governance.testing.fakes import FailingJournal
from governance.values import Json, dump_json
from tests.profiles import examples

DAY_MS = 86_400_000
KINDS = sorted(name for name, one in CATALOGUE.items() if one.when == "after")

_datas: st.SearchStrategy[Mapping[str, Json]] = st.fixed_dictionaries(
    {},
    optional={
        "tool": st.sampled_from(["shell", "read", "", 7]),
        "action": st.sampled_from(["allow", "deny", "halt"]),
        "rules": st.lists(st.sampled_from(["a.b", "c.d"]), max_size=2),
        "outcome": st.sampled_from(["ok", "failed"]),
        "duration_ms": st.one_of(st.floats(-1, 10**10), st.none(), st.just("long")),
        "reason": st.sampled_from(["idle", "abort"]),
        "missed": st.integers(0, 5),
    },
)
_bodies = st.one_of(
    st.builds(lambda data: dump_json({"data": data, "host": "h", "role": "r"}), _datas),
    st.sampled_from([b"{}", b"[]", b"\xff", b'{"data":[]}']),
)
_rows = st.builds(Row, st.sampled_from(KINDS), st.integers(0, 4 * DAY_MS), _bodies)
_writes = st.lists(
    st.tuples(st.sampled_from("abcd"), st.lists(_rows, min_size=1, max_size=4)), max_size=8
)
_chances = st.lists(st.sampled_from(["", "catch up", "killed", "race", "branch"]), max_size=8)


def write(journal: Journal, session: str, rows: list[Row]) -> None:
    journal.append([Append(session, journal.head(session).seq, tuple(rows))])


def known(journal: Journal) -> Mapping[int, object]:
    return merged([recomputed(journal)])


@settings(max_examples=examples(40))
@given(_writes, _chances, st.integers(0, 40))
def test_kept_figures_are_those_counted_anew(
    writes: list[tuple[str, list[Row]]], chances: list[str], skip: int
) -> None:
    """In whatever portions they were counted, killed at any write, with others counting too."""
    journal = MemoryJournal()
    for place, (session, rows) in enumerate(writes):
        write(journal, session, rows)
        chance = chances[place] if place < len(chances) else ""
        if chance == "catch up":
            assert catch_up(journal).days == known(journal)
        elif chance == "killed":
            failing = FailingJournal(journal)
            failing.fail("shelf.put", StoreBusy("busy"), skip=skip % 17)
            counted = catch_up(failing)
            assert counted.days == known(journal)
        elif chance == "race":
            racing = Racing(journal)
            assert catch_up(racing).days == known(journal)
        elif chance == "branch" and journal.origin(f"{session}-{place}") is None:
            journal.branch(f"{session}-{place}", session, 1)
            write(journal, f"{session}-{place}", rows)

    counted = catch_up(journal)

    assert counted.saved
    assert counted.days == known(journal)
    assert catch_up(journal) == counted
    assert catch_up(journal, anew=True).days == counted.days


class Racing(FailingJournal):
    """A journal that another process counts as well, before we have written anything."""

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        found = super().moved(after=after, limit=limit)
        if self.calls["moved"] == 1:
            assert catch_up(self.journal).saved
        return found


@settings(max_examples=examples(40))
@given(_writes)
def test_the_fold_does_not_care_for_the_order_of_sessions(
    writes: list[tuple[str, list[Row]]],
) -> None:
    """Session by session, as they came, or twice: the figures are the same."""
    journal = MemoryJournal()
    came: list[Record] = []
    for session, rows in writes:
        before = journal.head(session).seq
        write(journal, session, rows)
        came += journal.read(session, after=before)

    whole = fold(Rollup(), came)
    one_by_one = Rollup()
    for record in came:
        one_by_one = update(one_by_one, record)

    assert whole == one_by_one == fold(whole, came)
    assert merged([whole]) == merged([recomputed(journal)])


@settings(max_examples=examples(40))
@given(_writes)
def test_folding_leaves_its_argument_alone(writes: list[tuple[str, list[Row]]]) -> None:
    """A rollup is a value: what was made of it does not change it."""
    journal = MemoryJournal()
    for session, rows in writes:
        write(journal, session, rows)
    before = recomputed(journal)
    kept = Draft.of(before).done()

    for session, rows in writes:
        write(journal, session, rows)
        fold(before, journal.read(session))

    assert before == kept


@given(_writes)
def test_what_is_kept_comes_back(writes: list[tuple[str, list[Row]]]) -> None:
    """As bytes and back; bytes of another version, or damaged ones, are none."""
    journal = MemoryJournal()
    for session, rows in writes:
        write(journal, session, rows)
    rollup = recomputed(journal)

    value = projection.bytes_of(rollup, 7)

    assert projection.rollup_from(value) == (rollup, 7)
    assert projection.rollup_from(value[:-1]) is None
    here, there = (b'"version":%d' % version for version in (FOLD_VERSION, FOLD_VERSION - 1))
    assert projection.rollup_from(value.replace(here, there)) is None


@given(st.lists(st.floats(0, 10**9), min_size=1, max_size=40), st.floats(0.01, 1))
def test_percentiles_are_near_the_true_ones(durations: list[float], part: float) -> None:
    """Never below the true one, and at most 19 % and 0.2 ms above it."""
    scale: dict[str, int] = {}
    for one in durations:
        scale[str(step(one))] = scale.get(str(step(one)), 0) + 1

    found = percentile(scale, part)

    ordered = sorted(durations)
    needed = part * len(ordered)
    true = next(one for place, one in enumerate(ordered, 1) if place >= needed)
    assert found is not None
    assert true * 0.999999 - 1e-6 <= found <= true * 1.19 + 0.2
