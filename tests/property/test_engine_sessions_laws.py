"""Laws of whole sessions: merges, branches, isolation, archives and retention."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from governance.calls import ToolCall
from governance.context import Anchor
from governance.engine import EngineOptions, restoring
from governance.engine.keeping import candidates
from governance.engine.retention import Candidate, RetentionPolicy, plan
from governance.errors import MisuseError
from governance.journal.memory import MemoryJournal
from governance.journal.records import Head, Record
from governance.machine import Registers
from governance.session.commands import Command
from governance.session.merging import CLASH, KINDS, MISSING, Side, applied, merge, same, three_way
from governance.session.state import Identity, SessionState, packed_anchors
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine
from governance.values import Json
from tests.profiles import examples

LAW = law_of()
DAY_MS = 86_400_000

scalars: st.SearchStrategy[Json] = st.one_of(
    st.booleans(), st.integers(0, 2), st.sampled_from([0.0, 1.0]), st.sampled_from(["", "a", "1"])
)
sides: st.SearchStrategy[Side] = st.one_of(st.just(MISSING), scalars, st.lists(scalars, max_size=2))
keys = st.sampled_from("abc")
anchors = st.builds(
    Anchor,
    id=keys,
    type=st.sampled_from(["decision", "context"]),
    priority=st.sampled_from(["normal", "critical"]),
    text=st.sampled_from(["x", "y"]),
    at_ms=st.integers(0, 2),
)


def state_of(
    fields: Mapping[str, Json], style: str, labels: Mapping[str, int], kept: Sequence[Anchor]
) -> SessionState:
    return SessionState(
        id="s",
        registers=Registers(State.INTERRUPTED, left=State.BEGINNING),
        identity=Identity(style=style, fields=fields or None),
        labels=tuple((name, at_ms, 3) for name, at_ms in labels.items()),
        kept_anchors=packed_anchors({one.id: one for one in kept}.values()),
    )


states = st.builds(
    state_of,
    st.dictionaries(keys, scalars, max_size=3),
    st.sampled_from(["", "terse", "ornate"]),
    st.dictionaries(keys, st.integers(0, 3), max_size=3),
    st.lists(anchors, max_size=3),
)


def values_of(state: SessionState) -> dict[str, dict[str, Json]]:
    return {kind.name: dict(kind.values(state)) for kind in KINDS}


def taken(base: SessionState, ours: SessionState, theirs: SessionState) -> SessionState:
    merged = merge(base, ours, theirs)
    changes = applied(ours, merged.set, merged.unset, 9)
    return attrs.evolve(ours, **changes)  # type: ignore[arg-type]


@given(sides, sides, sides)
def test_a_merge_of_one_value(base: Side, ours: Side, theirs: Side) -> None:
    """Symmetric, and only a value that both have changed clashes."""
    found = three_way(base, ours, theirs)

    assert found is three_way(base, theirs, ours) or same(found, three_way(base, theirs, ours))  # type: ignore[arg-type]
    changed = not same(base, ours), not same(base, theirs)
    assert (found is CLASH) == (all(changed) and not same(ours, theirs))
    if not changed[0]:
        assert same(found, theirs)  # type: ignore[arg-type]


@given(states, states, states)
def test_merges_of_every_kind(base: SessionState, ours: SessionState, theirs: SessionState) -> None:
    """Idempotent; nothing of theirs that is new is lost but to a conflict; symmetric beside it."""
    merged = merge(base, ours, theirs)
    after = taken(base, ours, theirs)
    other = taken(base, theirs, ours)
    open_ = {(one.kind, one.key) for one in merged.conflicts}

    again = merge(theirs, after, theirs)
    assert again.empty
    assert merge(base, ours, ours).empty
    assert open_ == {(one.kind, one.key) for one in merge(base, theirs, ours).conflicts}
    mine, yours = values_of(after), values_of(other)
    for kind in KINDS:
        for key in mine[kind.name].keys() | yours[kind.name].keys():
            if (kind.name, key) in open_:
                assert mine[kind.name].get(key) == values_of(ours)[kind.name].get(key)
            else:
                assert same(mine[kind.name].get(key), yours[kind.name].get(key))


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9), st.booleans()), max_size=8),
    st.integers(0, 60),
    st.integers(0, 4),
    st.integers(0, 20),
)
def test_what_goes_is_enough_and_no_more(
    given_: list[tuple[int, int, bool]], age: int, count: int, size: int
) -> None:
    """After it every bound holds, unless only what is needed is left; nothing needed goes."""
    found = [
        Candidate(f"s{n}", seen, size_bytes, "live" if needed else "")
        for n, (seen, size_bytes, needed) in enumerate(given_)
    ]
    policy = RetentionPolicy(age_ms_max=age, sessions_max=count, bytes_max=size)

    gone = [name for name, _ in plan(found, policy, 60)]
    stay = [one for one in found if one.session not in gone]

    assert all(not one.needed for one in found if one.session in gone)
    free = [one for one in stay if not one.needed]
    if count and len(stay) > count:
        assert not free
    if size and sum(one.size_bytes for one in stay) > size:
        assert not free
    if age:
        assert all(60 - one.seen_at_ms <= age for one in free)
    oldest = sorted(free, key=lambda one: one.seen_at_ms)[:1]
    assert all(one.seen_at_ms <= oldest[0].seen_at_ms for one in found
               if one.session in gone and oldest)  # fmt: skip


class Sessions(RuleBasedStateMachine):
    """Several sessions of one store, worked on in any order, branched, merged, put away."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.journal = MemoryJournal()
        self.engine = memory_engine(law=LAW, clock=self.clock, journal=self.journal)
        self.folder = Path(tempfile.mkdtemp(prefix="sessions-"))
        self.rows: dict[str, tuple[Record, ...]] = {}
        self.files: dict[str, tuple[Path, Head, SessionState]] = {}
        self.made = 0

    def teardown(self) -> None:
        self.engine.close()
        shutil.rmtree(self.folder)

    def pick(self, number: int) -> str:
        names = sorted(self.rows)
        return names[number % len(names)]

    def grown(self, *names: str) -> None:
        """Rows of *names* went on from what they were; of all others none changed."""
        for name, before in self.rows.items():
            now = self.journal.read(name)
            assert now[: len(before)] == before
            assert name in names or len(now) == len(before), f"`{name}` was touched"
        for name in names:
            self.rows[name] = self.journal.read(name)

    def refused(self, error: MisuseError, code: str) -> None:
        """A refusal has its code and has touched nothing."""
        assert error.code == code
        self.grown()

    @rule()
    def start(self) -> None:
        self.made += 1
        name = f"s{self.made}"
        self.engine.start(name, fields={"n": self.made})
        self.rows[name] = ()
        self.grown(name)

    @precondition(lambda self: self.rows)
    @rule(number=st.integers(0, 9), what=st.sampled_from(["turn", "tool", "end", "anchor"]),
          text=st.sampled_from(["x", "y"]))  # fmt: skip
    def work(self, number: int, what: str, text: str) -> None:
        name = self.pick(number)
        session = self.engine.session(name)
        match what:
            case "turn":
                session.turn(text)
            case "tool":
                session.tool("shell", {"command": text})
            case "end":
                session.end()
            case _:
                data: dict[str, Json] = {"id": "a", "type": "decision"}
                data |= {"priority": "critical", "text": text}
                self.engine.record(name, "anchor.added", data, actor="me")
        self.clock.advance(1)
        self.grown(name)

    @precondition(lambda self: self.rows)
    @rule(number=st.integers(0, 9), at=st.integers(1, 30))
    def branch(self, number: int, at: int) -> None:
        parent = self.pick(number)
        row = min(at, self.engine.state(parent).head)
        before = self.rows[parent]
        branch = self.engine.branch(parent, at=row).id
        rows = self.journal.read(branch)
        assert rows[:-1] == before[:row]
        assert (len(rows), rows[-1].session) == (row + 1, branch)
        self.rows[branch] = rows
        self.grown(branch)

    @precondition(lambda self: self.rows)
    @rule(one=st.integers(0, 9), other=st.integers(0, 9), theirs=st.booleans())
    def merge(self, one: int, other: int, theirs: bool) -> None:
        target, source = self.pick(one), self.pick(other)
        try:
            report = self.engine.merge(target, source)
        except MisuseError as error:
            self.refused(error, "GOV524")
            return
        self.grown(target)
        assert self.engine.merge(target, source).seq == 0
        for conflict in report.merged.conflicts:
            take = "theirs" if theirs else "ours"
            self.engine.resolve(target, conflict.id, take, actor="me")  # type: ignore[arg-type]
        self.grown(target)
        assert self.engine.merge(target, source).seq == 0

    @precondition(lambda self: self.rows)
    @rule(number=st.integers(0, 9))
    def archive(self, number: int) -> None:
        name = self.pick(number)
        head = self.journal.head(name)
        state = self.engine.state(name)
        try:
            made = self.engine.archive(name, self.folder)
        except MisuseError as error:
            self.refused(error, "GOV526")
            return
        self.files[name] = made.path, head, state
        del self.rows[name]
        self.grown()

    @precondition(lambda self: self.files)
    @rule(number=st.integers(0, 9))
    def unarchive(self, number: int) -> None:
        name = sorted(self.files)[number % len(self.files)]
        file, head, state = self.files[name]
        if state.origin is not None and state.origin[0] in self.files:
            return
        assert self.engine.unarchive(file) == head
        assert self.engine.state(name) == state
        del self.files[name]
        self.rows[name] = self.journal.read(name)
        self.grown()

    @rule(age=st.integers(0, 3), count=st.integers(0, 3))
    def prune(self, age: int, count: int) -> None:
        self.clock.advance(1)
        before = {
            one.session: (self.journal.head(one.session), self.engine.state(one.session))
            for one in candidates(self.journal, self.clock.now_ms())
        }
        policy = RetentionPolicy(age_ms_max=age, sessions_max=count, folder=str(self.folder))
        for name, _ in self.engine.prune(policy).gone:
            entry = self.journal.shelf.get("archive", name)
            assert entry is not None
            self.files[name] = (Path(json.loads(entry.value)["path"]), *before[name])
            del self.rows[name]
        self.grown()

    @invariant()
    def the_store_proves_itself(self) -> None:
        assert self.journal.verify().ok
        for name in self.rows:
            assert restoring.restore(self.journal, name) == self.engine.state(name)


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=examples(25), stateful_step_count=25)


PACK = """
format = 1
[pack]
name = "apart"
version = "1.0.0"
summary = "A rule that is broken, and a context block."

[[rule]]
id = "apart.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "No."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""
APART = law_of(PACK)
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["start", "turn_start", "turn_end", "tool_before", "tool_after",
                         "compact", "lapse", "interrupt", "resume", "reset", "end"]),
        st.sampled_from(["fine", "forbidden"]),
        st.sampled_from([0, 0, 1, 3_600, 604_800]),
    ),
    max_size=24,
)  # fmt: skip


def lived(happened: Sequence[tuple[str, str, str, int]], who: str) -> dict[str, list[object]]:
    """Each session's rows and state after what *happened* to those of *who*."""
    clock = ManualClock()
    # Nobody is idle: that one is interrupted is written when an engine comes to look at it.
    options = EngineOptions(run="test", idle_ms_max=10**15)
    with memory_engine(law=APART, clock=clock, options=options) as engine:
        for number, (session, event, command, seconds) in enumerate(happened):
            clock.advance(seconds * 1_000)
            if session not in who:
                continue
            args: dict[str, Json] = {"command": command}
            call = ToolCall("shell", native="shell", own=args, args=args, call_id=f"c{number}")
            data: dict[str, dict[str, Json]] = {
                "turn_start": {"prompt": "go"}, "tool_after": {"outcome": "ok"}
            }  # fmt: skip
            engine.handle(
                Command(
                    event=event, session=session, history="kept", data=data.get(event, {}),
                    call=call if event.startswith("tool") else None,
                )
            )  # fmt: skip
        return {name: [engine.journal.read(name), engine.state(name)] for name in who}


@settings(max_examples=examples(60))
@given(HAPPENINGS)
def test_sessions_do_not_touch_each_other(happened: list[tuple[str, str, str, int]]) -> None:
    """However they are interleaved, each has the rows and the state that it has by itself."""
    together = lived(happened, "ab")

    for name in "ab":
        assert lived(happened, name)[name] == together[name]
