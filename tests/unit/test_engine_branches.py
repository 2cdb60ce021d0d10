"""Branches, switches, merges, quotas and pages: what goes on, what begins anew, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from governance.chat import media
from governance.engine import Engine, EngineOptions, restoring
from governance.engine.live import STATE_BYTES_ESTIMATE, LiveSessions
from governance.engine.spool import Spool
from governance.errors import MisuseError
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Row
from governance.ledger import halted
from governance.scopes import Reader, Scope
from governance.session.law import Law
from governance.session.state import SessionState
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine, settings_with
from governance.values import Json
from tests.bench.bench_engine import live_sessions

PACK = """
format = 1
[pack]
name = "branches"
version = "1.0.0"
summary = "Rules that leave something behind."

[[rule]]
id = "branches.halt"
tools = ["shell"]
when.command = "stop"
action = "halt"
message = "Stop."
must_match = [{ tool = "shell", command = "stop" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "branches.ask"
tools = ["shell"]
when.command = "perhaps"
action = "ask"
message = "Sure?"
must_match = [{ tool = "shell", command = "perhaps" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "branches.mark"
tools = ["read"]
when.path = "./secret.txt"
action = "warn"
labels = ["seen-secret"]
message = "It is remembered."

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""

MEGABYTE = 1_000_000


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="law", scope="module")
def _law() -> Law:
    return law_of(PACK)


@pytest.fixture(name="engine")
def _engine(clock: ManualClock, law: Law):
    with memory_engine(law=law, clock=clock) as engine:
        yield engine


def anchor(text: str, *, ident: str = "a") -> dict[str, Json]:
    return {"id": ident, "type": "decision", "priority": "critical", "text": text}


def briefed(engine: Engine, name: str = "s", **given: Json) -> None:
    session = engine.start(name, **given)
    session.turn("go")
    assert session.governance_injected


class Interrupted:
    """A journal, after one of whose verbs somebody else comes first."""

    def __init__(self, journal: object, verb: str, comes: Callable[[], object]) -> None:
        self._journal, self._verb, self._comes = journal, verb, comes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if name != self._verb:
            return found

        def done(*args: object, **named: object) -> object:
            made = found(*args, **named)
            self._comes()
            return made

        return done


class TestBranch:
    def test_what_goes_on_and_what_begins_anew(self, engine: Engine) -> None:
        """Labels, fields, anchors and figures are shared; nothing of a working model is."""
        briefed(engine, fields={"ticket": 7})
        session = engine.session("s")
        session.tool("read", {"path": "secret.txt"}, call_id="1")
        session.tool("shell", {"command": "perhaps"}, call_id="2")
        session.child("helper")
        engine.record("s", "anchor.added", anchor("Use SQLite."), actor="me")
        parent = session.state
        assert parent.open_calls
        assert parent.ledger.approvals
        assert parent.children

        branch = engine.branch("s", actor="me")

        state = branch.state
        assert branch.id == f"s~{parent.head}"
        assert state.origin == ("s", parent.head)
        assert state.identity.predecessor == "s"
        assert (state.state, state.registers.left) == (State.INTERRUPTED, State.BEGINNING)
        assert state.registers.owed == {"beginning"}
        assert (state.open_calls, state.children, state.run) == ((), (), "")
        assert state.ledger.approvals == ()
        assert state.identity.fields == parent.identity.fields
        assert state.anchors == parent.anchors
        assert [one[0] for one in state.labels] == ["seen-secret"]
        assert state.metrics == parent.metrics
        assert session.state == parent

    def test_its_model_is_briefed_before_it_works(self, engine: Engine) -> None:
        """Work resumes it as a beginning, whatever the parent's model was told."""
        briefed(engine)

        branch = engine.branch("s")

        assert not branch.governance_injected
        assert "Be governed." in branch.turn("go on").text
        assert branch.governance_injected

    def test_it_costs_one_row_and_the_row_that_says_so(self, engine: Engine) -> None:
        """However long the history is, what is written for a branch is as much."""
        briefed(engine)
        sizes = []
        for number in range(3):
            for call in range(30 * number):
                engine.session("s").tool("shell", {"command": "fine"}, call_id=f"{number}.{call}")
                engine.session("s").tool_finished(f"{number}.{call}", outcome="ok")
            branch = engine.branch("s")
            rows = engine.journal.read(branch.id, after=engine.journal.head("s").seq)
            sizes.append((len(rows), [one.kind for one in rows], branch.state.size_bytes))

        assert [one[:2] for one in sizes] == [(1, ["session.branched"])] * 3
        assert max(one[2] for one in sizes) < 1.1 * min(one[2] for one in sizes)

    def test_nobody_leaves_a_halt_behind(self, engine: Engine) -> None:
        """From a row before the halt the branch is halted all the same."""
        briefed(engine)
        before = engine.state("s").head
        engine.session("s").tool("shell", {"command": "stop"}, call_id="1")

        branch = engine.branch("s", at=before)

        assert halted(branch.state.ledger) is not None
        assert branch.turn("go on").denied

    def test_it_is_gone_on_from_any_row(self, engine: Engine) -> None:
        """What came after that row is not in it."""
        briefed(engine)
        row = engine.state("s").head
        engine.record("s", "anchor.added", anchor("later"), actor="me")

        assert engine.branch("s", at=row, name="early").state.anchors == ()
        assert engine.branch("s", name="late").state.anchors[0].text == "later"
        assert engine.branch("early").state.origin == ("early", engine.state("early").head)

    def test_a_process_that_died_in_between_is_made_good(
        self, engine: Engine, clock: ManualClock, law: Law
    ) -> None:
        """A branch without a row of its own is one for readers, and gets its row by who works."""
        briefed(engine)
        engine.session("s").tool("shell", {"command": "fine"}, call_id="1")
        engine.journal.branch("b", "s", engine.state("s").head)

        seen = restoring.restore(engine.journal, "b")
        assert not seen.governance_injected
        assert seen.open_calls == ()
        assert seen.state is State.INTERRUPTED

        with memory_engine(law=law, clock=clock, journal=engine.journal) as other:
            assert other.state("b").origin == ("s", engine.state("s").head)
            assert other.session("b").turn("go").text
            again = restoring.restore(engine.journal, "b")
            assert again == other.state("b")
            assert again.origin is not None
            kinds = [one.kind for one in engine.journal.read("b", after=again.origin[1])]
            assert kinds[0] == "session.branched"
            assert kinds.count("session.branched") == 1

    @pytest.mark.parametrize("comes", ["who makes it too", "who reads it"])
    def test_of_two_that_make_it_at_once_it_is_one_s(
        self, engine: Engine, clock: ManualClock, law: Law, comes: str
    ) -> None:
        """Whoever comes between its two rows has it, unless they only looked."""
        briefed(engine)
        with memory_engine(law=law, clock=clock, journal=engine.journal) as other:
            work = {
                "who makes it too": lambda: other.branch("s", name="b", actor="you"),
                "who reads it": lambda: other.state("b"),
            }[comes]
            journal = Interrupted(engine.journal, "branch", work)
            with memory_engine(law=law, clock=clock, journal=journal) as slow:
                if comes == "who makes it too":
                    with pytest.raises(MisuseError, match="there is a session `b` already"):
                        slow.branch("s", name="b", actor="me")
                else:
                    assert slow.branch("s", name="b", actor="me").id == "b"

                rows = engine.journal.read("b", after=engine.state("s").head)
                assert [one.kind for one in rows] == ["session.branched"]

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"session": "nobody"}, "GOV523"),
            ({"session": "s", "at": 999}, "GOV523"),
            ({"session": "s", "at": 0}, "GOV523"),
            ({"session": "s", "name": "s"}, "GOV400"),
            ({"session": "s", "name": "other"}, "GOV523"),
            ({"session": "s", "name": "@project"}, "GOV401"),
            ({"session": "@project"}, "GOV401"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, engine: Engine, given: dict[str, object], code: str
    ) -> None:
        """Each with its code, and nothing is written."""
        briefed(engine)
        briefed(engine, "other")
        before = engine.journal.sessions()

        with pytest.raises(MisuseError) as refused:
            engine.branch(**given)  # type: ignore[arg-type]

        assert refused.value.code == code
        assert engine.journal.sessions() == before

    def test_a_snapshot_of_the_parent_is_no_branch(self, clock: ManualClock, law: Law) -> None:
        """A branch is restored by its own snapshot, or from the first row on: the same state."""
        journal = MemoryJournal()
        options = EngineOptions(run="test", snapshot_rows=4)
        with memory_engine(law=law, clock=clock, journal=journal, options=options) as engine:
            briefed(engine)
            branch = engine.branch("s")
            branch.turn("on")
            for number in range(6):
                branch.tool("shell", {"command": "fine"}, call_id=f"{number}")
            held = branch.state
            restored = restoring.restore(journal, branch.id)
            rows = journal.read(branch.id)

        assert restored == held
        assert restoring.fold(rows, branch.id) == held


class TestSwitch:
    def test_one_is_left_and_the_other_goes_on(self, engine: Engine) -> None:
        """Never two of them at once, and the new context is told what it must know."""
        briefed(engine)
        branch = engine.branch("s")

        entered = engine.switch("s", branch.id)

        assert engine.state("s").state is State.INTERRUPTED
        assert entered.state.live
        assert entered.reply is not None
        assert entered.reply.text == ""
        assert entered.state.registers.owed
        assert entered.state.metrics.injections == engine.state("s").metrics.injections
        assert "Be governed." in entered.turn("go on").text
        assert not entered.state.registers.owed
        back = engine.switch(branch.id, "s")
        assert back.state.live
        assert not branch.state.live

    def test_nobody_switches_to_what_never_was(self, engine: Engine) -> None:
        """The session that is left stays as it is."""
        briefed(engine)

        with pytest.raises(MisuseError) as refused:
            engine.switch("s", "nobody")

        assert refused.value.code == "GOV523"
        assert engine.state("s").live


class TestMerge:
    def test_what_only_one_side_changed_is_taken_over(self, engine: Engine) -> None:
        """The row names both heads and the ancestor, and the target has the value."""
        briefed(engine)
        branch = engine.branch("s")
        base = engine.state("s").head
        engine.record(branch.id, "anchor.added", anchor("Use SQLite."), actor="me")
        heads = engine.journal.head("s"), engine.journal.head(branch.id)

        report = engine.merge("s", branch.id, actor="me")

        assert [one.text for one in engine.state("s").anchors] == ["Use SQLite."]
        assert (report.base.parent, report.base.seq) == ("s", base)
        (event,) = engine.events("s", after=report.seq - 1, limit=1)
        told = event.data
        assert (told["target_seq"], told["target_hash"]) == (heads[0].seq, heads[0].hash.hex())
        assert (told["source_seq"], told["source_hash"]) == (heads[1].seq, heads[1].hash.hex())

    def test_what_both_changed_is_a_conflict_until_it_is_settled(self, engine: Engine) -> None:
        """Ours stays; the word of a person decides, once."""
        briefed(engine)
        branch = engine.branch("s")
        engine.record("s", "anchor.added", anchor("Use DuckDB."), actor="me")
        engine.record(branch.id, "anchor.added", anchor("Use SQLite."), actor="me")

        (conflict,) = engine.merge("s", branch.id).merged.conflicts

        assert engine.state("s").anchors[0].text == "Use DuckDB."
        assert engine.state("s").conflicts == (conflict,)
        engine.resolve("s", conflict.id, "theirs", actor="me")
        assert engine.state("s").anchors[0].text == "Use SQLite."
        assert engine.state("s").conflicts == ()
        with pytest.raises(MisuseError) as refused:
            engine.resolve("s", conflict.id, "ours", actor="me")
        assert refused.value.code == "GOV524"
        assert restoring.restore(engine.journal, "s") == engine.state("s")

    def test_merging_again_writes_nothing(self, engine: Engine) -> None:
        """And what has come since is merged from there on, settled conflicts not again."""
        briefed(engine)
        branch = engine.branch("s")
        engine.record("s", "anchor.added", anchor("Use DuckDB."), actor="me")
        engine.record(branch.id, "anchor.added", anchor("Use SQLite."), actor="me")
        (conflict,) = engine.merge("s", branch.id).merged.conflicts
        engine.resolve("s", conflict.id, "ours", actor="me")
        head = engine.state("s").head

        assert engine.merge("s", branch.id).seq == 0
        assert engine.state("s").head == head
        engine.record(branch.id, "anchor.added", anchor("More.", ident="b"), actor="me")
        report = engine.merge("s", branch.id)
        assert not report.merged.conflicts
        assert report.base.parent == branch.id
        assert [one.id for one in engine.state("s").anchors] == ["a", "b"]

    def test_a_value_of_a_persons_own(self, engine: Engine) -> None:
        """Only where the kind takes one: a style is a text, an anchor is none."""
        briefed(engine)
        branch = engine.branch("s")
        for name, style in (("s", "terse"), (branch.id, "ornate")):
            engine.session(name).turn("go")
            engine.session(name).command("style", [style], style=style)
        (conflict,) = engine.merge("s", branch.id).merged.conflicts
        assert (conflict.kind, conflict.key) == ("settings", "style")
        assert conflict.sides == {"base": "", "ours": "terse", "theirs": "ornate"}

        with pytest.raises(MisuseError):
            engine.resolve("s", conflict.id, "value", value=7, actor="me")
        engine.resolve("s", conflict.id, "value", value="plain", actor="me")

        assert engine.state("s").identity.style == "plain"

    def test_a_label_is_not_merged_away(self, engine: Engine) -> None:
        """What the branch has seen, the session has seen that takes over its work."""
        briefed(engine)
        branch = engine.branch("s")
        branch.turn("read it")
        branch.tool("read", {"path": "secret.txt"}, call_id="1")
        engine.session("s").reset()

        engine.merge("s", branch.id)

        assert [one[0] for one in engine.state("s").labels] == ["seen-secret"]

    @pytest.mark.parametrize("source", ["nobody", "stranger", "halted", "s"])
    def test_what_cannot_be_merged(self, engine: Engine, source: str) -> None:
        """Nothing in common, nobody there, a halt: each is refused by its code."""
        briefed(engine)
        briefed(engine, "stranger")
        engine.branch("s", name="halted").turn("go")
        engine.session("halted").tool("shell", {"command": "stop"}, call_id="1")
        head = engine.state("s").head

        with pytest.raises(MisuseError) as refused:
            engine.merge("s", source)

        assert refused.value.code == "GOV524"
        assert engine.state("s").head == head


class TestQuota:
    def test_a_full_session_asks_for_nothing_more(self, clock: ManualClock, law: Law) -> None:
        """Work is denied with the reason; what has happened is recorded all the same."""
        settings = evolve(law.settings, session_bytes_max=20_000)
        with memory_engine(clock=clock, law=evolve(law, settings=settings)) as engine:
            briefed(engine)
            session = engine.session("s")
            session.tool("shell", {"command": "fine"}, call_id="last")
            while engine.state("s").size_bytes < 20_000:
                assert not session.tool("shell", {"command": "x" * 500}).denied

            reply = session.tool("shell", {"command": "fine"})
            turn = session.turn("more")

            assert reply.action == "deny"
            assert "quota is 20000" in reply.reasons[0]
            assert turn.denied
            session.tool_finished("last", outcome="ok")
            session.end()
            assert engine.state("s").state is State.ENDED
            assert not engine.start("another").turn("go").denied

    def test_the_bytes_are_those_of_the_rows(self, engine: Engine) -> None:
        """Counted as it goes on, restored, and by hand: the same figure."""
        briefed(engine)
        engine.session("s").tool("shell", {"command": "fine"}, call_id="1")
        rows = engine.journal.read("s")

        assert engine.state("s").size_bytes == sum(len(one.body) for one in rows)
        assert restoring.restore(engine.journal, "s") == engine.state("s")


def test_contents_count_as_well() -> None:
    """What a row names and does not hold, of messages and contexts, live as restored."""
    with memory_engine(settings=settings_with(session_bytes_max=200_000)) as engine:
        session = engine.start("s")
        me, own = Reader(session="s"), Scope("session", "s")
        session.message("user", ["x" * 40_000, media(bytes(30_000), "image/png")])
        engine.contexts.set(own, "code", "k", "y" * 9_998, by=me)
        rows = sum(len(one.body) for one in engine.journal.read("s"))

        assert engine.state("s").size_bytes == rows + 80_000
        assert restoring.restore(engine.journal, "s") == engine.state("s")
        assert not session.turn("go").denied
        session.message("user", ["z" * 150_000])
        assert session.turn("go on").denied
        foreign = Row("message.added", 0, b'{"data":{"parts":["a",{"blob":"b","size_bytes":"9"}]}}')
        head = engine.journal.head("s").seq
        engine.journal.append([Append("s", head, (foreign,))])
        assert restoring.restore(engine.journal, "s").head == head + 1


class TestPages:
    def test_newest_first_and_from_a_row_on(self, engine: Engine) -> None:
        """Pages in both directions make up the whole, each row once."""
        briefed(engine)
        branch = engine.branch("s")
        whole = engine.events(branch.id)

        back: list[object] = []
        before = None
        while page := engine.events(branch.id, before=before, limit=2, reverse=True):
            back += page
            before = page[-1].seq

        assert tuple(back[::-1]) == whole
        assert engine.events(branch.id, after=1, before=4) == whole[1:3]
        assert {one.session_id for one in whole[:-1]} == {"s"}
        assert whole[-1].session_id == branch.id


class TestRemoved:
    def test_what_comes_for_it_is_a_plain_deny(
        self, tmp_path: Path, clock: ManualClock, law: Law
    ) -> None:
        """Asked or told: with the reason, without an error, and nothing is kept for later."""
        journal, spool = MemoryJournal(), Spool(str(tmp_path / "untold"))
        options = EngineOptions(run="test", spool=spool)
        with memory_engine(law=law, clock=clock, journal=journal, options=options) as engine:
            briefed(engine)
            # Another process removes it, and this one still has it in memory.
            assert journal.remove("s", expected=journal.head("s")) is True

            for reply in (
                engine.session("s").tool("shell", {"command": "fine"}),
                engine.session("s").turn_ended(),
                engine.session("s").turn("go"),
            ):
                assert reply.action == "deny"
                assert "were removed" in reply.reasons[0]
            assert spool.waiting("s") == ()
            assert engine.state("s").state is State.ABSENT

    def test_a_child_outlives_its_removed_parent(self, clock: ManualClock, law: Law) -> None:
        """What would roll up has nowhere to go, and the child's own row stands."""
        journal = MemoryJournal()
        with memory_engine(law=law, clock=clock, journal=journal) as engine:
            briefed(engine)
            child = engine.session("s").child("helper")
            child.turn("go")
            assert journal.remove("s", expected=journal.head("s")) is True

            reply = child.tool("shell", {"command": "stop"}, call_id="1")
            assert "were removed" not in str(reply.reasons)
            assert journal.read("s/helper")[-1].kind == "tool.decided"
            child.end()

            assert engine.state("s/helper").state is State.ENDED


class TestLiveBounds:
    def test_the_estimate_is_not_below_what_a_session_takes(self, tmp_path: Path) -> None:
        """A worked session takes less memory than is counted for it, by a twentieth at least."""
        megabytes_of_100_000, _ = live_sessions(tmp_path, sessions=1_000)

        assert megabytes_of_100_000 * 10 < 0.95 * STATE_BYTES_ESTIMATE

    def test_large_states_count_for_what_they_are(self) -> None:
        """The bound in bytes holds for sessions of any size; the newest always stays."""
        live = LiveSessions(sessions_max=1000, megabytes_max=1, idle_ms_max=1000)
        large = b"x" * 300_000
        for number in range(5):
            live.put(SessionState(id=f"l{number}", head=1, kept_anchors=large), number)

        assert len(live) == 3
        assert live.size_bytes <= MEGABYTE
        for number in range(700):
            live.put(SessionState(id=f"s{number}", head=1), 10)
        assert len(live) == MEGABYTE // STATE_BYTES_ESTIMATE
        live.put(SessionState(id="huge", head=1, kept_anchors=large * 10), 11)
        assert len(live) == 1
        live.drop("huge")
        assert (len(live), live.size_bytes) == (0, 0)

    def test_what_is_too_old_gives_its_bytes_back(self) -> None:
        """After the age that may be kept nothing is counted any more."""
        live = LiveSessions(sessions_max=10, megabytes_max=1, idle_ms_max=100)
        live.put(SessionState(id="a", head=1), 0)
        live.put(SessionState(id="a", head=2), 0)

        assert live.size_bytes == STATE_BYTES_ESTIMATE
        assert live.get("b", 1000) is None
        assert live.size_bytes == 0
