"""What a session of the engine does, verb by verb."""

from __future__ import annotations

import attrs
import pytest

from governance.calls import ToolCall
from governance.engine import Engine, EngineOptions
from governance.engine.restoring import restore
from governance.errors import JournalError, MisuseError, StoreFull
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.journal.records import Snapshot
from governance.session.arguments import ARGUMENT_BYTES_MAX
from governance.session.commands import Command, HostTraits
from governance.session.replies import Reply
from governance.session.snapshot import state_bytes
from governance.session.state import FOLD_VERSION, RECENT_CHARS_MAX
from governance.states import State
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine, settings_with
from governance.values import Json, ValueRefused, dump_json

HOUR_MS = 3_600_000

PACK = """
format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Rules for these tests."

[[rule]]
id = "house.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "Not that."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "house.ask"
tools = ["shell"]
when.command = { starts_with = "publish" }
action = "ask"
ask = { expires = "10m", uses = 1 }
message = "Publishing cannot be undone."
must_match = [{ tool = "shell", command = "publish now" }]
must_not_match = [{ tool = "shell", command = "pack" }]

[[rule]]
id = "house.rewrite"
tools = ["shell"]
when.command = "push --force"
action = "rewrite"
rewrite.command = "push --force-with-lease"

[[escalation]]
id = "house.third"
count = 3
within = "10m"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "Three serious violations."

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="engine")
def _engine(clock: ManualClock):
    with memory_engine(PACK, clock=clock) as engine:
        yield engine


def kinds(engine: Engine, session: str) -> list[str]:
    return [record.kind for record in engine.journal.read(session)]


def test_a_session_ends_exactly_once_also_on_an_exception(engine: Engine) -> None:
    """The context manager ends the session with the name of the exception."""

    def work() -> None:
        with engine.start("s") as session:
            session.turn("go")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    ends = [r for r in engine.journal.read("s") if r.kind == "session.ended"]
    assert len(ends) == 1
    assert b'"reason":"exception"' in ends[0].body
    assert b'"exception":"ZeroDivisionError"' in ends[0].body


@pytest.mark.parametrize("how", ["turn", "resume"])
def test_what_goes_on_after_its_end_is_ended_again(engine: Engine, how: str) -> None:
    """By the same handle, by hand or where its block ends; what does not go on ends once."""
    with engine.start("s") as session:
        session.turn("1")
        session.end()
        assert session.tool("shell", {"command": "fine"}).denied
        session.end()
        assert kinds(engine, "s").count("session.ended") == 1
        assert "event.duplicate" not in kinds(engine, "s")

        session.turn("2") if how == "turn" else session.resume()
        assert session.state.state is State.BETWEEN_TURN
        reply = session.end()
        assert (reply.state, session.state.state) == (State.ENDED, State.ENDED)
        session.turn("3")

    assert session.state.state is State.ENDED
    assert kinds(engine, "s").count("session.ended") == 3


def test_a_state_can_be_read_where_it_is_printed(engine: Engine) -> None:
    """What is packed of it is left out of what a person sees in a debugger or a log."""
    session = engine.start("s")
    session.turn("go")

    assert repr(session.state) == (
        "<SessionState 's': between-turn, head=4, epoch=1, governance_injected=True, violations=0>"
    )


def test_a_first_turn_carries_the_briefing_and_the_second_does_not(engine: Engine) -> None:
    """What was told once is not told again while the context stands."""
    session = engine.start("s")

    assert session.turn("one").text.startswith("Be governed.")
    assert session.governance_injected
    assert session.turn("two").text == ""


def test_a_tool_before_any_turn_is_denied_with_the_briefing(engine: Engine) -> None:
    """An unbriefed model gets the briefing as the message of a deny, and may try again."""
    session = engine.start("s")

    first = session.tool("shell", {"command": "fine"}, call_id="1")
    again = session.tool("shell", {"command": "fine"}, call_id="2")

    assert first.denied
    assert "Be governed." in first.message
    assert again.action == "allow"


def test_a_project_without_blocks_needs_no_briefing() -> None:
    """Where there is nothing to say, nothing is withheld for want of having said it."""
    with memory_engine() as engine:
        session = engine.start("s")
        assert session.tool("shell", {"command": "ls"}).action == "allow"
        assert session.governance_injected


def test_an_asked_call_is_bound_to_its_exact_arguments(engine: Engine) -> None:
    """An approval of one call is used up by it, and covers no other."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    refused = session.tool("shell", {"command": "publish a"}, call_id="1")
    approval = engine.state("s").ledger.open_approvals(engine.clock.now_ms())[0]
    engine.record(
        "s", "approval.settled", {"id": approval.id, "by": "me", "decision": "granted"}, actor="me"
    )

    other = session.tool("shell", {"command": "publish b"}, call_id="2")
    granted = session.tool("shell", {"command": "publish a"}, call_id="3")
    spent = session.tool("shell", {"command": "publish a"}, call_id="4")

    assert (refused.action, other.action) == ("deny", "deny")
    assert f"governance approve {approval.id}" in refused.message
    assert granted.action == "allow"
    assert spent.action == "deny"


def test_a_program_gives_the_answer_of_a_person(engine: Engine, clock: ManualClock) -> None:
    """The question by its id; the call runs once more with leave, and a refusal counts."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    assert session.tool("shell", {"command": "publish a"}, call_id="1").denied
    (question,) = session.questions
    assert question.rules == ("house.ask",)

    session.approve(question.id, by="ada", reason="it is time")

    assert session.questions == ()
    assert session.tool("shell", {"command": "publish a"}, call_id="2").action == "allow"
    row = next(r for r in engine.journal.read("s") if r.kind == "approval.settled")
    assert body_of(row)["actor"] == "ada"
    assert session.tool("shell", {"command": "publish a"}, call_id="3").denied

    (again,) = session.questions
    session.approve(again.id, by="ada", deny=True)
    assert session.state.ledger.total == 1
    assert session.tool("shell", {"command": "publish a"}, call_id="4").denied


def test_an_answer_to_what_nobody_asks_is_misuse(engine: Engine, clock: ManualClock) -> None:
    """An id that is none, a question that has ended, leave for no time: nothing is written."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    session.tool("shell", {"command": "publish a"}, call_id="1")
    (question,) = session.questions
    head = session.state.head

    for ident, more in ((question.id[:-1], {}), (question.id, {"lasts_ms": 0})):
        with pytest.raises(MisuseError):
            session.approve(ident, by="ada", **more)
    clock.advance(HOUR_MS)
    with pytest.raises(MisuseError, match="GOV631"):
        session.approve(question.id, by="ada")

    assert session.state.head == head


@pytest.mark.parametrize("outcome", ["ok", "failed", "refused"])
def test_what_becomes_of_a_call_with_leave_is_no_second_answer(
    engine: Engine, outcome: str
) -> None:
    """The person has answered; that the host refused the call then is nobody's violation."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    session.tool("shell", {"command": "publish a"}, call_id="1")
    (question,) = session.questions
    session.approve(question.id, by="ada")
    assert session.tool("shell", {"command": "publish a"}, call_id="2").action == "allow"

    session.tool_finished("2", outcome=outcome)

    settled = [body_of(r) for r in engine.journal.read("s") if r.kind == "approval.settled"]
    assert [one["data"]["decision"] for one in settled] == ["granted", "used"]
    assert session.state.ledger.total == 0


@pytest.mark.parametrize(
    ("tool", "folder"),
    [("launch", "/place/b"), ("lift_off", "/place/a")],
    ids=["another folder", "another tool that nobody knows"],
)
def test_an_asked_call_is_bound_to_its_tool_and_its_folder(
    engine: Engine, tool: str, folder: str
) -> None:
    """The same arguments are another call by another tool, or where they mean other files."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    session.tool("launch", {"to": "."}, call_id="1", cwd="/place/a")
    (approval,) = engine.state("s").ledger.open_approvals(engine.clock.now_ms())
    engine.record(
        "s", "approval.settled", {"id": approval.id, "by": "me", "decision": "granted"}, actor="me"
    )

    other = session.tool(tool, {"to": "."}, call_id="2", cwd=folder)
    granted = session.tool("launch", {"to": "."}, call_id="3", cwd="/place/a")

    assert (other.action, granted.action) == ("deny", "allow")


BOTH = """
[[rule]]
id = "house.ask-to-push"
tools = ["shell"]
when.command = { starts_with = "push" }
action = "ask"
message = "Others see it."
must_match = [{ tool = "shell", command = "push now" }]
must_not_match = [{ tool = "shell", command = "pack" }]
"""


def test_an_asked_call_that_a_rule_changes_is_never_asked_about_as_it_was(
    clock: ManualClock,
) -> None:
    """A host runs what its person said yes to: the call as it stood there, which no rule let be."""
    with memory_engine(PACK + BOTH, clock=clock) as engine:
        session = engine.session("s", traits=HostTraits(asks=True, rewrites=True))
        session.turn("go")

        first = session.tool("shell", {"command": "push --force"}, call_id="1")
        again = session.tool("shell", {"command": "push --force-with-lease"}, call_id="2")

        assert first.action == "deny"
        assert (
            'make this call instead: shell {"command":"push --force-with-lease"}' in first.message
        )
        assert (again.action, again.rewritten) == ("ask", None)

        approval = engine.state("s").ledger.open_approvals(clock.now_ms())[0]
        yes: dict[str, Json] = {"id": approval.id, "by": "me", "decision": "granted"}
        engine.record("s", "approval.settled", yes, actor="me")
        granted = session.tool("shell", {"command": "push --force"}, call_id="3")

        assert (granted.action, granted.rewritten) == (
            "rewrite",
            {"command": "push --force-with-lease"},
        )


WARNS = """
[[rule]]
id = "house.before"
tools = ["shell"]
when.command = "push --force"
action = "warn"
message = "Careful with that."

[[rule]]
id = "house.after"
tools = ["shell"]
when.command = "push --force-with-lease"
action = "%s"
message = "With that as well."
must_match = [{ tool = "shell", command = "push --force-with-lease" }]
must_not_match = [{ tool = "shell", command = "pack" }]
"""


@pytest.mark.parametrize("after", ["warn", "deny"])
def test_both_decisions_on_a_call_that_is_changed_are_counted(after: str) -> None:
    """A violation by the call as it was, and one by the call as it became: each once."""
    with memory_engine(PACK + WARNS % after) as engine:
        session = engine.session("s")
        session.turn("go")
        session.tool("shell", {"command": "push --force"}, call_id="1")
        counted = [
            str(body_of(row)["data"]["rule"])
            for row in engine.journal.read("s")
            if row.kind == "violation.counted"
        ]
    assert sorted(counted) == ["house.after", "house.before"]


def test_an_approval_expires(engine: Engine, clock: ManualClock) -> None:
    """Leave that was given ten minutes ago is no leave."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    session.tool("shell", {"command": "publish a"}, call_id="1")
    approval = engine.state("s").ledger.open_approvals(clock.now_ms())[0]
    engine.record(
        "s", "approval.settled", {"id": approval.id, "by": "me", "decision": "granted"}, actor="me"
    )
    clock.advance(600_000)

    assert session.tool("shell", {"command": "publish a"}, call_id="2").action == "deny"


def test_a_refused_question_is_a_violation_and_an_answered_one_is_none(engine: Engine) -> None:
    """What a person allowed is no violation; what they refused is one."""
    session = engine.start("s")
    session.turn("go")
    assert session.tool("shell", {"command": "publish a"}, call_id="1").action == "ask"
    session.tool_finished("1", outcome="ok")
    assert engine.state("s").ledger.total == 0

    session.tool("shell", {"command": "publish b"}, call_id="2")
    session.tool_finished("2", outcome="refused")

    assert engine.state("s").ledger.count_by("rule") == {"house.ask": 1}


def test_a_question_without_an_answer_is_settled_at_the_next_turn(engine: Engine) -> None:
    """Hosts say nothing of a call that their user refused: the next turn settles it."""
    session = engine.start("s")
    session.turn("go")
    session.tool("shell", {"command": "publish b"}, call_id="1")
    session.tool("shell", {"command": "fine"}, call_id="2")

    session.turn("next")

    outcomes = [
        (b'"call_id":"1"' in r.body, b'"outcome":"refused"' in r.body)
        for r in engine.journal.read("s")
        if r.kind == "tool.finished"
    ]
    assert outcomes == [(True, True), (False, False)]
    assert engine.state("s").open_calls == ()


def test_a_rewrite_answers_the_changed_arguments(engine: Engine) -> None:
    """A rewritten call is let through with its new arguments."""
    session = engine.start("s")
    session.turn("go")

    reply = session.tool("shell", {"command": "push --force"}, call_id="1")

    assert reply.action == "rewrite"
    assert reply.rewritten == {"command": "push --force-with-lease"}


def test_a_host_that_cannot_rewrite_denies_and_names_the_call(engine: Engine) -> None:
    """Where a rewrite would grant, the model is told what to call instead."""
    session = engine.session("s", traits=HostTraits(rewrites=False))
    session.turn("go")

    reply = session.tool("shell", {"command": "push --force"}, call_id="1")

    assert reply.action == "deny"
    assert "push --force-with-lease" in reply.message


@pytest.mark.parametrize("asks", [True, False])
def test_leave_for_a_call_that_would_be_rewritten_is_none_where_it_cannot_be(asks: bool) -> None:
    """The call as it stands would run: nobody is asked about the one that cannot."""
    pack = PACK + BOTH
    with memory_engine(pack) as engine:
        session = engine.session("s", traits=HostTraits(rewrites=False, asks=asks))
        session.turn("go")
        for number in range(2):
            reply = session.tool("shell", {"command": "push --force"}, call_id=str(number))
            assert (reply.action, reply.rewritten) == ("deny", None)
            assert "push --force-with-lease" in reply.message
            assert not session.questions

        reply = session.tool("shell", {"command": "push --force-with-lease"}, call_id="3")
        assert reply.action == ("ask" if asks else "deny")
        engine.approve("s", session.questions[0].id, by="me")
        reply = session.tool("shell", {"command": "push --force-with-lease"}, call_id="4")
        assert (reply.action, reply.rewritten) == ("allow", None)


def test_the_third_serious_violation_of_a_child_halts_the_parent(engine: Engine) -> None:
    """Violations roll up in the commit that counts them, and halt whoever they add up in."""
    session = engine.start("s")
    session.turn("go")
    child = session.child("a")
    child.turn("do it")
    for number in range(3):
        child.tool("shell", {"command": "forbidden"}, call_id=str(number))

    parent = engine.state("s")

    assert parent.state is State.INTERRUPTED
    assert [one.rule for one in parent.ledger.halts] == ["house.third"]
    assert session.tool("shell", {"command": "fine"}).denied
    assert session.turn("please").denied
    assert child.tool("shell", {"command": "fine"}).denied
    pardon = {"rule": "", "count": 3, "by": "me", "reason": "reviewed"}
    engine.record("s", "violation.pardoned", pardon, actor="me")
    assert not session.turn("please").denied


def test_the_end_of_a_parent_interrupts_its_children_in_the_same_commit(engine: Engine) -> None:
    """No child is left working when its parent has ended."""
    session = engine.start("s")
    session.turn("go")
    child = session.child("a")
    child.turn("do it")

    session.end()

    assert engine.state("s/a").state is State.INTERRUPTED
    assert child.tool("shell", {"command": "fine"}).denied


def test_a_child_inherits_the_depth_and_the_role_of_its_parent(engine: Engine) -> None:
    """Depth is the length of the chain, not a count of siblings."""
    session = engine.start("s")
    session.turn("go")
    first, second = session.child("a"), session.child("b")
    first.turn("x")
    below = first.child("c")

    depths = [engine.state(one.id).identity.depth for one in (first, second, below)]

    assert depths == [1, 1, 2]


def test_a_session_that_is_begun_again_is_not_told_of_a_compaction(engine: Engine) -> None:
    """Its context is another one: what the model reads must be true of that as well."""
    session = engine.start("s")
    session.turn("one")
    session.end()

    again = engine.start("s").turn("two").text

    assert "was compacted" not in again
    assert again.startswith("The context that you worked in is gone")
    assert "Be governed." in again


def test_a_payload_that_arrives_twice_counts_once(engine: Engine) -> None:
    """The same key gets the first answer, marked as a duplicate, and no second row."""
    session = engine.start("s")
    session.turn("go")
    own = {"command": "forbidden"}
    command = Command(
        event="tool_before",
        session="s",
        key="host/s/1/tool_before",
        call=ToolCall("shell", own=own, args=own, call_id="1"),
    )

    first = engine.handle(command)
    second = engine.handle(command)

    assert (second.action, second.message, second.rules) == (
        first.action,
        first.message,
        first.rules,
    )
    assert (first.duplicate, second.duplicate) == (False, True)
    assert engine.state("s").ledger.total == 1


def test_a_journal_that_cannot_be_written_denies() -> None:
    """What cannot be recorded must not happen."""
    journal = FailingJournal(MemoryJournal())
    with memory_engine(PACK, journal=journal) as engine:
        session = engine.start("s")
        session.turn("go")
        journal.fail("append", StoreFull("no space left"))

        reply = session.tool("shell", {"command": "fine"}, call_id="1")

        assert reply.denied
        assert "GOV506" in reply.message


def test_a_told_event_that_could_not_be_written_is_written_first() -> None:
    """What has happened is kept, and stands before anything that is asked later."""
    journal = FailingJournal(MemoryJournal())
    with memory_engine(PACK, journal=journal) as engine:
        session = engine.start("s")
        session.turn("go")
        journal.fail("append", StoreFull("no space left"))
        with pytest.raises(JournalError):
            session.compact()

        reply = session.tool("shell", {"command": "fine"}, call_id="1")

        assert reply.denied
        assert "Be governed." in reply.message
        assert "session.compacted" in kinds(engine, "s")


def test_two_engines_on_one_store_never_overwrite_each_other() -> None:
    """A stale cache meets a conflict, reads again and decides again."""
    journal = MemoryJournal()
    with memory_engine(PACK, journal=journal) as one:
        two = Engine(one.law, journal, one.clock, one.listeners, _live(), EngineOptions(run="test"))
        first, second = one.start("s"), two.session("s")
        first.turn("go")
        for number in range(5):
            first.tool("shell", {"command": "forbidden"}, call_id=f"a{number}")
            second.tool("shell", {"command": "forbidden"}, call_id=f"b{number}")

        assert journal.verify("s").ok
        assert one.state("s").ledger.halts == two.state("s").ledger.halts
        decided = [k for k in kinds(one, "s") if k == "tool.decided"]
        assert len(decided) == 10


def _live():
    from governance.engine.live import LiveSessions

    return LiveSessions(sessions_max=10, megabytes_max=1, idle_ms_max=10**9)


def test_a_state_is_what_any_engine_on_the_store_has_made_of_it() -> None:
    """What another one wrote is seen at the next look, by the engine and by its handles."""
    journal = MemoryJournal()
    one, other = memory_engine(PACK, journal=journal), memory_engine(PACK, journal=journal)
    session = one.start("s")
    session.turn("go")
    assert (one.state("s").state, session.governance_injected) == (State.BETWEEN_TURN, True)

    other.session("s").compact()
    assert (one.state("s").state, session.governance_injected) == (State.COMPACTED, False)

    other.session("s").end()
    assert (one.state("s").state, session.state.state) == (State.ENDED, State.ENDED)
    assert one.state("s") == other.state("s")


@pytest.mark.parametrize("idle", [False, True], ids=["working", "interrupted"])
def test_a_halt_of_a_parent_by_another_engine_holds_for_its_children(idle: bool) -> None:
    """Who works below it is refused at once, whatever is held of the parent here."""
    halting = PACK.replace('action = "deny"', 'action = "halt"', 1)
    journal = MemoryJournal()
    one, other = memory_engine(halting, journal=journal), memory_engine(halting, journal=journal)
    parent = one.start("p")
    parent.turn("go")
    child = parent.child("c")
    child.turn("go")
    assert child.tool("shell", {"command": "fine"}).action == "allow"
    if idle:
        child.interrupt()

    assert other.session("p").tool("shell", {"command": "forbidden"}).action == "halt"

    assert child.tool("shell", {"command": "fine"}).denied
    assert child.tool("shell", {"command": "fine"}).denied


def test_eviction_cannot_be_seen(clock: ManualClock) -> None:
    """With room for one session, two in turn behave as with room for many."""
    with memory_engine(PACK, clock=clock, sessions_max=1) as engine:
        one, two = engine.start("one"), engine.start("two")
        one.turn("go")
        two.turn("go")
        assert len(engine.live) == 1

        assert one.tool("shell", {"command": "fine"}, call_id="1").action == "allow"
        assert two.tool("shell", {"command": "forbidden"}, call_id="1").action == "deny"


def test_an_idle_session_is_interrupted(clock: ManualClock) -> None:
    """Half an hour without work is idle; inside a turn a slow tool is not."""
    with memory_engine(PACK, clock=clock) as engine:
        idle, busy = engine.start("idle"), engine.start("busy")
        idle.turn("go")
        idle.turn_ended()
        busy.turn("go")
        clock.advance(1_800_000)

        engine.start("other")

        assert engine.state("idle").state is State.INTERRUPTED
        assert engine.state("busy").state is State.BETWEEN_TURN


def test_a_stale_session_asks_before_its_first_write(engine: Engine, clock: ManualClock) -> None:
    """After two days the first tool that may write is put to a person, once."""
    session = engine.start("s")
    session.turn("go")
    session.turn_ended()
    clock.advance(60 * HOUR_MS)
    notice = session.turn("again")

    read = session.tool("read", {"path": "a.py"}, call_id="1")
    write = session.tool("write", {"path": "a.py", "content": "x"}, call_id="2")
    session.tool_finished("2", outcome="ok")
    after = session.tool("write", {"path": "b.py", "content": "x"}, call_id="3")

    assert "60 hours" in notice.text or "2 days" in notice.text
    assert (read.action, write.action, after.action) == ("allow", "ask", "allow")
    assert "session.stale" in write.rules


def test_only_a_write_that_ran_makes_a_session_fresh(engine: Engine, clock: ManualClock) -> None:
    """What reads, and a write that was refused or of which nothing is known, ask for no less."""
    session = engine.start("s")
    session.turn("go")
    session.turn_ended()
    clock.advance(60 * HOUR_MS)
    session.turn("again")

    session.tool("read", {"path": "a.py"}, call_id="read")
    session.tool_finished("read", outcome="ok")
    for outcome in ("refused", "unknown", "failed"):
        asked = session.tool("write", {"path": "a.py", "content": "x"}, call_id=outcome)
        assert (asked.action, outcome) == ("ask", outcome)
        session.tool_finished(outcome, outcome=outcome)

    assert session.tool("write", {"path": "a.py", "content": "x"}, call_id="4").action == "allow"


def test_the_same_failure_three_times_is_a_stall() -> None:
    """Numbers and addresses do not make two failures different."""
    with memory_engine(PACK, settings=settings_with(stall_reaction="halt")) as engine:
        session = engine.start("s")
        session.turn("go")
        for number in range(3):
            session.tool("shell", {"command": "make"}, call_id=str(number))
            session.tool_finished(str(number), outcome="failed", error=f"line {number}: broken")

        assert kinds(engine, "s").count("session.stalled") == 1
        assert session.tool("shell", {"command": "ls"}).denied


def test_two_calls_in_turn_are_a_stall(engine: Engine) -> None:
    """A-B-A-B is reported once, when it first shows."""
    session = engine.start("s")
    session.turn("go")
    for number in range(6):
        command = "one" if number % 2 else "two"
        session.tool("shell", {"command": command}, call_id=str(number))
        session.tool_finished(str(number), outcome="ok")

    assert kinds(engine, "s").count("session.stalled") == 1


def test_a_clear_keeps_the_ledger(engine: Engine) -> None:
    """A new id that follows an old one answers for what the old one did."""
    session = engine.start("old")
    session.turn("go")
    session.tool("shell", {"command": "forbidden"}, call_id="1")
    session.end("clear")

    engine.handle(Command(event="start", session="new", data={"predecessor": "old"}))

    assert engine.state("new").ledger.counts == {"high": 1}


def test_a_pause_lets_everything_through_and_says_so(clock: ManualClock) -> None:
    """The human's way out is journaled with every call that it lets through."""
    options = EngineOptions(run="test", paused=lambda _now: "the pack is broken")
    with memory_engine(PACK, clock=clock, options=options) as engine:
        session = engine.start("s")
        session.turn("go")

        assert session.tool("shell", {"command": "forbidden"}, call_id="1").action == "allow"
        assert b'"paused":true' in engine.journal.read("s")[-1].body


def test_a_short_gap_with_a_kept_history_tells_nothing_again(
    engine: Engine, clock: ManualClock
) -> None:
    """Below an hour the session goes on where it was."""
    session = engine.start("s")
    session.turn("go")
    session.interrupt()
    clock.advance(HOUR_MS - 1)

    session.resume(history="kept")

    assert session.governance_injected


def test_a_slow_tool_is_no_gap(engine: Engine, clock: ManualClock) -> None:
    """Within a turn nothing is measured, however long it takes and wherever the clock goes."""
    session = engine.start("s")
    session.turn("go")
    for seconds, call in ((3 * 3600, "1"), (-5, "2"), (200 * 3600, "3")):
        clock.skew(seconds * 1000)
        assert not session.tool("read", {"path": "a"}, call_id=call).denied

    assert not {"session.resumed", "session.skewed", "session.reset"} & set(kinds(engine, "s"))
    session.turn_ended()
    clock.skew(-5_000)
    session.tool("read", {"path": "a"}, call_id="4")
    assert "session.skewed" in kinds(engine, "s")


@pytest.mark.parametrize("bad", ["", "x" * 201, "a\x00b", "\ud800", "@project"])
def test_an_id_that_no_store_can_hold_is_misuse(engine: Engine, bad: str) -> None:
    """Ids are checked before anything is looked up."""
    with pytest.raises(MisuseError):
        engine.handle(Command(event="start", session=bad))


def test_use_after_close_is_misuse() -> None:
    """A closed engine answers nothing."""
    engine = memory_engine()
    engine.close()
    engine.close()

    with pytest.raises(MisuseError):
        engine.state("s")


def test_secrets_never_reach_the_journal(engine: Engine) -> None:
    """A key in a command is taken out before the row is written."""
    session = engine.start("s")
    session.turn("use AKIAIOSFODNN7EXAMPLE please")
    session.tool("shell", {"command": "export AWS_KEY=AKIAIOSFODNN7EXAMPLE"}, call_id="1")

    stored = b"".join(record.body for record in engine.journal.read("s"))

    assert b"AKIAIOSFODNN7EXAMPLE" not in stored


def test_a_no_of_a_person_counts_everywhere_in_one_commit(engine: Engine) -> None:
    """A question that a person refuses is a violation of the child and of its parent."""
    session = engine.session("s", traits=HostTraits(asks=False))
    session.turn("go")
    child = session.child("a")
    child.turn("do it")
    child.tool("shell", {"command": "fine"}, call_id="0")
    child.tool("shell", {"command": "publish a"}, call_id="1")
    asked = engine.state("s/a").ledger.open_approvals(engine.clock.now_ms())[0]

    denied = {"id": asked.id, "by": "me", "decision": "denied"}
    engine.record("s/a", "approval.settled", denied, actor="me")

    assert engine.state("s/a").ledger.count_by("rule") == {"house.ask": 1}
    assert engine.state("s").ledger.count_by("rule") == {"house.ask": 1}
    (counted,) = (r for r in engine.journal.read("s/a") if r.kind == "violation.counted")
    assert body_of(counted)["data"]["action"] == "ask"
    assert body_of(counted)["data"]["intent"] == asked.summary.removeprefix("shell: ")
    assert engine.journal.verify().ok


def test_an_agent_that_nobody_mapped_has_its_parent_s_role_or_an_unknown_one() -> None:
    """A host's agent name never widens: without a parent's role the policy for strangers holds."""
    roles = PACK + '\n[[role]]\nname = "reader"\nagents = ["scout"]\ntools = ["read"]\n'
    with memory_engine(roles) as engine:
        known = engine.session("known")
        engine.handle(Command(event="start", session="known", agent="scout"))
        known.turn("go")
        child = Command(event="start", session="known/a", parent="known", agent="stranger")
        engine.handle(child)
        engine.handle(Command(event="start", session="alone", agent="stranger"))
        alone = engine.session("alone")
        alone.turn("go")

        assert engine.state("known").identity.role == "reader"
        assert engine.state("known/a").identity.role == "reader"
        assert alone.tool("read", {"path": "a.py"}).action == "deny"


def test_a_briefing_rendered_before_a_lapse_is_outdated(engine: Engine) -> None:
    """What was rendered before more was owed does not pay for it."""
    later = {"delivery": "after_flush", "session": "s"}
    reply = engine.handle(Command(event="turn_start", data={"prompt": "go"}, **later))
    assert reply.injection is not None
    engine.handle(Command(event="brief", data=_report(reply), **later))
    assert engine.state("s").governance_injected
    engine.handle(Command(event="lapse", session="s"))
    due = engine.handle(Command(event="turn_start", data={"prompt": "on"}, **later))
    engine.handle(Command(event="lapse", session="s"))
    engine.handle(Command(event="compact", session="s", delivery="none"))

    assert due.injection is not None
    engine.handle(Command(event="brief", data=_report(due), **later))

    assert not engine.state("s").governance_injected


def test_only_a_lapse_after_rendering_is_enough_to_outdate_it(engine: Engine) -> None:
    """In Between-Turn a lapse moves no state and still outdates what was rendered."""
    later = {"delivery": "after_flush", "session": "s"}
    first = engine.handle(Command(event="turn_start", data={"prompt": "go"}, **later))
    engine.handle(Command(event="brief", data=_report(first), **later))
    report = _report(first) | {"rendered_at": engine.state("s").head}
    engine.handle(Command(event="lapse", session="s"))

    engine.handle(Command(event="brief", data=report, **later))

    assert engine.state("s").registers.owed == {"due"}


def _report(reply: Reply) -> dict[str, Json]:
    injection = reply.injection
    assert injection is not None
    return {
        "sha256": injection.sha256,
        "rendered_at": injection.rendered_at,
        "blocks": list(injection.blocks),
        "characters": len(injection.text),
        "why": injection.why,
    }


def test_a_child_may_do_what_all_of_its_parents_may() -> None:
    """A role of its own does not widen a child beyond its parent's."""
    roles = PACK + (
        '\n[[role]]\nname = "reader"\ntools = ["read", "delegate"]\n'
        '\n[[role]]\nname = "maker"\ntools = ["read", "write"]\n'
    )
    with memory_engine(roles) as engine:
        parent = engine.session("s", role="reader")
        parent.turn("go")
        child = parent.child("a", role="maker")
        child.turn("do it")

        assert child.tool("read", {"path": "a.py"}).action == "allow"
        assert child.tool("write", {"path": "a.py", "content": ""}).action == "deny"


def test_a_snapshot_of_something_else_is_passed_over(engine: Engine) -> None:
    """What a snapshot holds must be the session and the row that it stands for."""
    engine.start("s").turn("go")
    engine.start("other").turn("go")
    head = engine.journal.head("s")
    full = restore(engine.journal, "s")
    for wrong in (restore(engine.journal, "other"), attrs.evolve(full, head=1)):
        body = state_bytes(wrong)
        engine.journal.snapshot_put(Snapshot("s", head.seq, head.hash, FOLD_VERSION, body))

        assert restore(engine.journal, "s") == full


def test_a_prompt_that_is_denied_starts_no_turn_and_counts() -> None:
    """A rule on prompts refuses the turn, and its violation stands with the right counts."""
    rule = PACK + (
        '\n[[rule]]\nid = "house.prompt"\non = "prompt"\nwhen.prompt = { contains = "password" }\n'
        'action = "deny"\nmessage = "Not here."\n'
        'must_match = [{ prompt = "the password is x" }]\nmust_not_match = [{ prompt = "go" }]\n'
    )
    with memory_engine(rule) as engine:
        session = engine.start("s")

        assert session.turn("the password is x").denied
        assert engine.state("s").registers.turn == 0
        assert engine.state("s").ledger.counts == {"medium": 1}
        counted = [r for r in engine.journal.read("s") if r.kind == "violation.counted"]
        data = body_of(counted[0])["data"]
        assert isinstance(data, dict)
        assert data["counts"] == {"medium": 1}


@pytest.mark.parametrize(
    ("tool", "subject"),
    [
        ("shell", "command"),
        ("read", "path"),
        ("write", "path"),
        ("edit", "path"),
        ("delete", "path"),
        ("fetch", "url"),
    ],
)
def test_a_call_that_names_no_subject_is_not_let_through(
    engine: Engine, tool: str, subject: str
) -> None:
    """A host that calls the argument otherwise gives rules nothing to look at: that is asked."""
    session = engine.start("s")
    session.turn("go")

    unnamed = session.tool(tool, {"target": "x"}, call_id="1")

    assert unnamed.action == "ask"
    assert f"the {subject} of the tool `{tool}` is not known" in unnamed.message
    assert session.tool(tool, {subject: "http://x.test"}, call_id="2").action == "allow"


def test_what_is_told_after_a_gap_is_what_the_session_knows(
    engine: Engine, clock: ManualClock
) -> None:
    """Role, task, languages, open calls, questions, violations, anchors and the last actions."""
    data: dict[str, Json] = {"language": "German", "document_language": "French"}
    engine.handle(Command(event="start", session="s", role="builder", data=data))
    session = engine.session("s")
    session.turn("Mend the roof")
    session.tool("shell", {"command": "forbidden"}, call_id="1")
    session.tool("shell", {"command": "publish now"}, call_id="2")
    session.tool("shell", {"command": "fine"}, call_id="3")
    session.tool_finished("3", outcome="ok")
    anchor = {"id": "a", "type": "decision", "priority": "high", "text": "Slate, not tin."}
    engine.record("s", "anchor.added", anchor, actor="me")
    session.interrupt()
    clock.advance(5 * 60_000)

    told = session.resume(history="lost").text

    for words in (
        "Your role: builder.", "“Mend the roof”", "Answer in German; write documents in French.",
        "Violations of the rules that stand in this session: 1 high.", "Slate, not tin.",
        "without a result that is known:\n- shell publish now", "Waiting for a person:\n- shell: ",
        "Done last, the newest first:\n- shell fine (ok)", "Be governed.",
    ):  # fmt: skip
        assert words in told


def test_a_long_line_is_told_with_its_outcome(engine: Engine) -> None:
    """It is cut, and one sees that; what became of it is not cut off."""
    session = engine.start("s")
    session.turn("go")
    session.tool("shell", {"command": f"echo {'x' * 200}"}, call_id="1")
    session.tool_finished("1", outcome="failed")
    session.interrupt()

    told = session.resume(history="lost").text

    (line,) = [one for one in told.splitlines() if one.startswith("- shell echo xxx")]
    assert line.endswith("x… (failed)")
    assert len(line) == len("- ") + RECENT_CHARS_MAX


@pytest.mark.parametrize("packs", [(), (PACK,)], ids=["nothing-to-keep", "a-task"])
def test_what_a_listener_wrote_is_kept_in_the_summary(packs: tuple[str, ...]) -> None:
    """Its words stand behind what governance has to say, which may be nothing."""
    with memory_engine(*packs) as engine:
        session = engine.start("s")
        if packs:
            session.turn("Mend the roof")
        compacting = Command(event="compacting", session="s", data={"context": "Keep the list."})

        kept = engine.handle(compacting).message

        assert kept.endswith("\nKeep the list." if packs else "Keep the list.")
        assert ("Mend the roof" in kept) == bool(packs)
        assert engine.handle(Command(event="compacting", session="s")).message in kept


@pytest.mark.parametrize("sign", ["a", "é", "\x00"])
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_arguments_are_kept_whole_up_to_their_bound(engine: Engine, sign: str, over: int) -> None:
    """Beyond it there are a hash, a size and the beginning, by the bytes of the JSON."""
    session = engine.start("s")
    session.turn("go")
    rest = ARGUMENT_BYTES_MAX + over - len(dump_json({"command": ""}))
    count, left = divmod(rest, len(dump_json(sign)) - 2)
    given: dict[str, Json] = {"command": sign * count + "b" * left}
    size = len(dump_json(given))
    assert size == ARGUMENT_BYTES_MAX + over

    session.tool("shell", given, call_id="1")

    decided = [r for r in engine.journal.read("s") if r.kind == "tool.decided"][-1]
    kept = body_of(decided)["data"]["arguments"]
    if over <= 0:
        assert kept == given
    else:
        assert kept.keys() == {"sha256", "bytes", "beginning"}
        assert kept["bytes"] == size
        assert dump_json(given).startswith(kept["beginning"].encode()[:1000])


def test_a_start_is_answered_with_the_model_as_it_was_left() -> None:
    """By rules, and by what a listener wrote; what nobody touched stays as it was asked for."""
    cooler = (
        '\n[[rule]]\nid = "house.cool"\non = "session"\naction = "rewrite"\n'
        "rewrite.model_options.temperature = { max = 0.3 }\n"
    )
    data: dict[str, Json] = {"model_id": "m", "model_options": {"temperature": 0.9, "seed": 1}}
    with memory_engine(PACK + cooler) as engine:
        made = engine.handle(Command(event="start", session="s", data=data))
        plain = engine.handle(Command(event="start", session="t"))

    assert made.action == "rewrite"
    assert made.rules == ("house.cool",)
    assert made.rewritten == {"model_id": "m", "model_options": {"temperature": 0.3, "seed": 1}}
    assert plain.action == "allow"


@pytest.mark.parametrize(
    ("tool", "outcome", "told"),
    [
        ("write", "ok", [("a.txt", "write")]),
        ("write", "failed", []),
        ("read", "ok", []),
    ],
)
def test_a_change_of_a_file_is_told_once_it_happened(
    engine: Engine, tool: str, outcome: str, told: list[tuple[str, str]]
) -> None:
    """With its path; what was only read or went wrong changed nothing that is known."""
    session = engine.start("s")
    session.turn("go")
    session.tool(tool, {"path": "a.txt", "content": "x"}, call_id="1")

    session.tool_finished("1", outcome=outcome)

    found = [one for one in engine.events("s") if one.name == "file.changed"]
    assert [(str(one.data["path"]).split("/")[-1], one.data["operation"]) for one in found] == told


def test_half_a_sign_in_what_is_only_kept_breaks_nobody(engine: Engine) -> None:
    """Prompts, outputs, errors and summaries have U+FFFD in its place; the session goes on."""
    with engine.start("s") as session:
        session.turn("a\ud800b")
        session.tool("shell", {"command": "fine"}, call_id="1")
        session.tool_finished("1", outcome="failed", output="o\udfff", error="e\ud83d\ude00\ud83d")
        session.turn_ended(failure="f\ud800")
        session.compact(summary="s\ud800")

    data = {one.name: one.data for one in engine.events("s")}
    assert data["turn.started"]["prompt"] == "a\ufffdb"
    assert data["tool.finished"]["error"] == "e\U0001f600\ufffd"
    assert data["turn.ended"]["failure"] == "f\ufffd"
    assert data["session.compacted"]["summary"] == "s\ufffd"
    assert data["session.ended"]["reason"] == "ended"


def test_half_a_sign_in_what_is_decided_upon_is_refused(engine: Engine) -> None:
    """Another text than that which runs must not be judged; nothing is written of it."""
    session = engine.start("s")
    session.turn("go")
    head = session.state.head

    with pytest.raises(ValueRefused) as refused:
        session.tool("shell", {"command": "fine \ud800"}, call_id="1")

    assert "the arguments of `shell` cannot be taken: text with a lone surrogate" in str(
        refused.value
    )
    assert session.state.head == head
    assert session.tool("shell", {"command": "fine"}, call_id="1").action == "allow"
