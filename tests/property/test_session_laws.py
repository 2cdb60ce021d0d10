"""The heart by itself: whatever comes in whatever order, answer, rows and state tell the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from hypothesis import given, settings

from governance.machine import GapBounds, classify_gap
from governance.session.commands import Command
from governance.session.decide import decide
from governance.session.draft import DraftRow, Outcome
from governance.session.evolve import evolve
from governance.session.metrics import Metrics
from governance.session.state import RECENT_MAX, SessionState
from governance.states import LIVE_STATES, State
from tests.profiles import examples
from tests.property.session_histories import (
    ACTIONS_COUNTED,
    ASKED,
    BOSS,
    HAPPENED,
    SESSION,
    Happened,
    data_of,
    gathered,
    law,
    role_of,
    steps,
    to_of,
)


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_an_answer_speaks_of_the_session_as_its_rows_leave_it(happened: Happened) -> None:
    """Head, state and counts of an answer are those after the step; rules and ledger agree."""
    for _, command, _, outcome in steps(happened):
        reply, state = outcome.reply, outcome.state

        assert reply.event == command.event
        assert (reply.head, reply.state) == (state.head, state.state)
        assert reply.counts == state.ledger.counts
        assert bool(reply.halted) == bool(state.ledger.halts)
        if reply.injection is not None:
            assert command.traits.inject != "none"
            assert command.delivery != "none" or command.event == "tool_before"
        decided = [data_of(one) for one in outcome.rows if one.kind == "tool.decided"]
        for row in decided:
            assert (row["action"], tuple(row["rules"])) == (reply.action, reply.rules)
            assert len(set(reply.rules)) == len(reply.rules), "each rule is named once"
        counted = [data_of(one)["rule"] for one in outcome.rows if one.kind == "violation.counted"]
        assert len(set(counted)) == len(counted), "and counts once"
        if reply.rewritten is not None:
            assert reply.action == "rewrite"
            assert reply.rewritten == {"command": "push --force-with-lease"}


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_rows_lead_from_one_state_to_the_next(happened: Happened) -> None:
    """Each row says where the session stood and stands, who did it, and folds to the outcome."""
    for before, command, at_ms, outcome in steps(happened):
        assert outcome.rows, "whatever happens is written down"
        state = before
        for row in outcome.rows:
            known = state.identity
            assert row.at_ms == at_ms
            assert row.body["before"] == str(state.state)
            assert row.body["host"] == command.host
            assert row.body.get("role", "") == known.role
            assert row.body.get("parent", "") == known.parent
            assert row.body.get("actor") == command.actor
            call_id = command.call.call_id if command.call else ""
            assert row.body.get("call_id", "") == call_id
            assert row.body.get("written", {}) == (command.written if state is before else {})
            state = evolve(state, state.head + 1, row.kind, at_ms, row.body)
            assert row.body["after"] == str(state.state)
            assert row.body["epoch"] == state.registers.epoch
        assert state == outcome.state
        assert decide(law(), before, command, gathered(command, at_ms)) == outcome, "it is pure"


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_what_rows_say_of_the_session_is_so(happened: Happened) -> None:
    """Figures, reasons and where it came from are those of the session as the row found it."""
    for before, command, _, outcome in steps(happened):
        state = before
        given_ = command.data
        for row in outcome.rows:
            data, found = data_of(row), state
            state = evolve(state, state.head + 1, row.kind, row.at_ms, row.body)
            if "stats" in data and row.kind != "child.ended":
                assert data["stats"] == found.metrics.as_json()
            match row.kind:
                case "session.ended":
                    assert data["reason"] == given_.get("reason", "ended")
                case "session.compacted":
                    assert data["trigger"] == given_.get("trigger", "unknown")
                    assert data["compaction_count"] == state.metrics.compactions
                    assert data.get("summary") == given_.get("summary")
                case "governance.injected":
                    assert data["why"] in ("briefing", "reminder", "resume", "refresh")
                    assert data["packs"] == law().rules.hash[:16] == state.briefed_pack
                    assert data["sha256"] == state.briefed_sha256
                case "governance.lapsed":
                    assert data["why"] == given_.get("why", "not_delivered")
                case "session.resumed":
                    ended = found.state is State.ENDED
                    assert data["from"] == ("end" if ended else "interrupt")
                    assert data["previous_state"] == str(found.registers.left or found.state)
                    assert data["stale"] == state.registers.stale
                    assert state.state is not State.INTERRUPTED, "who is halted does not go on"
                case "session.interrupted" | "session.idle":
                    assert (row.kind == "session.idle") == (data["reason"] == "idle")
                    assert data["open_calls"] == [one.call_id for one in found.open_calls]
                    worked = found.last_work_at_ms
                    idle = None if worked is None else max(0, row.at_ms - worked) // 1000
                    assert data.get("idle_seconds") == idle
                case "tool.decided":
                    _is_decided_as_told(command, data)
                case "tool.finished":
                    _is_finished_as_told(command, found, outcome, data)
                case "turn.ended":
                    assert data["turn"] == found.registers.turn
                    assert data.get("implied", False) == (command.event != "turn_end")
                case "session.reset":
                    assert data["epoch"] == state.registers.epoch == found.registers.epoch + 1
                case "session.created":
                    _is_born_as_told(command, state, data)
                case _:
                    pass


def _is_decided_as_told(command: Command, data: Mapping[str, Any]) -> None:
    assert command.call is not None
    goes_on = data["action"] in ("allow", "warn", "rewrite", "ask")
    assert bool(data.get("open")) == goes_on
    delegates = goes_on and data["tool"] == "delegate"
    assert data.get("delegate") == (command.call.own["agent"] if delegates else None)
    changed = bool(data.get("rewritten"))
    # What is refused before it is changed is told as it was asked.
    assert changed == ("heart.changed" in data["rules"]) or not (changed or goes_on)
    assert ("runs_as" in data) == (changed and goes_on and not command.traits.call_ids)
    assert ("paths" in data) == (goes_on and data["tool"] == "edit")


def _is_finished_as_told(
    command: Command, found: SessionState, outcome: Outcome, data: Mapping[str, Any]
) -> None:
    call = found.open_call(data["call_id"]) if data.get("call_id") else None
    came_out = data["outcome"] in ("ok", "failed")
    assert bool(data.get("clears_stale")) == bool(call and call.stale and came_out)
    denied = call is None and found.denied_call(data.get("call_id") or "") is not None
    assert bool(data.get("denied")) == denied
    assert bool(data.get("unasked")) == (call is None and not denied)
    if call is not None and call.questioned and found.ledger.approval(call.approval):
        settled = [data_of(one) for one in outcome.rows if one.kind == "approval.settled"]
        said = {"unknown": [], "refused": ["denied"]}.get(data["outcome"], ["approved"])
        mine = [one for one in settled if one["id"] == call.approval]
        assert [one["decision"] for one in mine] == said
        assert all(one["by"] == command.host for one in mine)
    if command.event == "tool_after":
        done = data["outcome"] == "ok" and "task_title" in command.data
        assert any(one.kind == "task.completed" for one in outcome.rows) == done
        shell = command.call is not None and command.call.tool == "shell"
        stopped = shell and command.data.get("exit_code") == 3
        assert outcome.reply.denied == (stopped or bool(data.get("denied")))


def _is_born_as_told(command: Command, state: SessionState, data: Mapping[str, Any]) -> None:
    born = state.identity
    spoken = command.data.get("language", "")
    assert data["adopted"] == (command.event != "start")
    assert (born.host, born.agent, born.language) == (command.host, command.agent, spoken)
    written = command.data.get("document_language", spoken)
    assert born.document_language == written
    assert data["language"] == {"communication": spoken, "documents": written}
    depth = {"boss": BOSS.identity.depth + 1, "gone": 1}.get(command.parent or "", 0)
    assert (born.parent, born.depth) == (command.parent or "", depth)
    inherited = "chief" if command.parent == "boss" else ""
    assert born.role == (role_of(command) or inherited)
    assert born.parent_roles == (("chief", "owner") if inherited else ())


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_what_concerns_others_is_handed_out(happened: Happened) -> None:
    """Violations go to a parent alone, children stop with their parent, failures are noted."""
    for before, command, _, outcome in steps(happened):
        counted = [data_of(one) for one in outcome.rows if one.kind == "violation.counted"]
        child = bool(outcome.state.identity.parent)
        assert [one.rule for one in outcome.violations] == (
            [one["rule"] for one in counted] if child else []
        )
        stops = [
            one
            for one in outcome.rows
            if one.kind in ("session.interrupted", "session.idle", "session.ended")
            or (one.kind == "session.reset" and data_of(one)["cause"] == "reset")
        ]
        children = before.children if stops else ()
        assert outcome.interrupts == children
        assert outcome.interrupt_reason.startswith("parent_" if children else "")
        assert bool(outcome.interrupt_reason) == bool(children)
        failed = [data_of(one) for one in outcome.rows if one.kind == "listener.failed"]
        refused = any(one.kind == "event.refused" for one in outcome.rows)
        assert failed == list(command.failures) or refused or outcome.reply.denied
        if command.refused and not outcome.reply.denied:
            assert any(one.kind in REMARKED for one in outcome.rows)


REMARKED = ("event.late", "event.duplicate", "event.unmatched")


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_a_refusal_changes_nothing_but_what_came_first(happened: Happened) -> None:
    """What is refused leaves the registers as adoption, interruption and resume left them."""
    first = {"session.created", "session.interrupted", "session.resumed", "session.reset"}
    for before, command, _, outcome in steps(happened):
        refused = [one for one in outcome.rows if one.kind == "event.refused"]
        if command.event not in (*ASKED, "brief") and not before.ledger.halts:
            assert not refused, "what has happened cannot be refused"
        if not refused:
            continue
        assert outcome.reply.denied
        assert outcome.reply.reasons == tuple(data_of(refused[0])["reasons"])
        if not any(one.kind in first for one in outcome.rows):
            assert outcome.state.registers == before.registers
            assert outcome.state.last_work_at_ms == before.last_work_at_ms or any(
                one.kind == "session.skewed" for one in outcome.rows
            )


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_a_process_that_is_gone_is_interrupted_before_work_goes_on(happened: Happened) -> None:
    """Where another process starts or resumes, or after a long gap; never for less."""
    for before, command, at_ms, outcome in steps(happened):
        gap_ms = None if before.last_work_at_ms is None else at_ms - before.last_work_at_ms
        outside = command.event in ("tool_before", "child_start") and not before.registers.turn_open
        measured = command.event in ("start", "resume", "turn_start") or outside
        long = measured and classify_gap(gap_ms, GapBounds()) not in ("short", "negative")
        other = bool(command.run and before.run) and command.run != before.run
        gone = [one for one in outcome.rows if data_of(one).get("reason") == "process_gone"]

        if before.state in LIVE_STATES and (
            long or (other and command.event in ("start", "resume"))
        ):
            assert gone
        if gone:
            assert before.state in LIVE_STATES
            assert long or other
        skewed = [one for one in outcome.rows if one.kind == "session.skewed"]
        back = measured and gap_ms is not None and gap_ms < 0 and before.state is not State.ABSENT
        assert bool(skewed) == back
        if skewed:
            assert data_of(skewed[0])["back_seconds"] == -(gap_ms or 0) / 1000


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_only_a_briefing_of_what_stands_now_counts(happened: Happened) -> None:
    """A report of an older text, or of one that nobody needed, is noted and changes nothing."""
    for before, command, _, outcome in steps(happened):
        if command.event != "brief" or before.state not in LIVE_STATES:
            continue
        if command.traits.inject == "none":
            assert outcome.reply.denied
            continue
        current = cast("int", command.data["rendered_at"]) >= before.moved_at
        needed = not before.governance_injected or bool(command.data.get("refresh"))
        if current and needed:
            assert [one.kind for one in outcome.rows] == ["governance.injected"]
            assert outcome.state.governance_injected
        else:
            kind = "event.duplicate" if current else "event.late"
            assert [one.kind for one in outcome.rows] == [kind]
            assert outcome.state.registers == before.registers
            assert outcome.state.metrics == before.metrics


class Retold:
    """What the rows of a session say of it, told over again without the fold."""

    def __init__(self, rows: Sequence[tuple[int, DraftRow]]) -> None:
        self.rows = rows
        resets = [at for at, (_, row) in enumerate(rows) if row.kind == "session.reset"]
        self.epoch = rows[resets[-1] + 1 :] if resets else rows

    def of(self, *kinds: str, whole: bool = True) -> list[Mapping[str, Any]]:
        rows = self.rows if whole else self.epoch
        return [data_of(row) for _, row in rows if row.kind in kinds]

    def counts(self) -> Metrics:
        made: Counter[str] = Counter()
        for one in self.of("tool.decided"):
            made.update(["tools_asked", ACTIONS_COUNTED[one["action"]]])
        for one in self.of("tool.finished"):
            made[f"tools_{one['outcome']}"] += 1
            made["tool_ms"] += one.get("duration_ms", 0)
        for one in self.of("governance.injected"):
            made["injected_characters"] += one["characters"]
        for name, kinds in {
            "turns": ["turn.started"],
            "commands": ["command.executed"],
            "compactions": ["session.compacted"],
            "interruptions": ["session.interrupted", "session.idle"],
            "resumes": ["session.resumed"],
            "resets": ["session.reset"],
            "violations": ["violation.counted"],
            "stalls": ["session.stalled"],
            "injections": ["governance.injected"],
            "children": ["child.started"],
        }.items():
            made[name] = len(self.of(*kinds))
        return Metrics(**made)

    def open_calls(self) -> list[str]:
        found: list[str] = []
        for _, row in self.epoch:
            data = data_of(row)
            if row.kind == "tool.decided" and data.get("open") and data.get("call_id"):
                found.append(data["call_id"])
            if row.kind == "tool.finished":
                found = [one for one in found if one != data.get("call_id")]
        return found

    def children(self) -> list[str]:
        found: list[str] = []
        for _, row in self.rows:
            if row.kind in ("child.started", "child.ended"):
                child = data_of(row)["child_id"]
                found = [one for one in found if one != child]
                found += [child] if row.kind == "child.started" else []
        return found

    def recent(self) -> list[str]:
        lines = [
            f"/{data['name']}"
            if row.kind == "command.executed"
            else f"{data['intent'] or data['tool']} ({data['outcome']})"
            for _, row in self.epoch
            if row.kind in ("command.executed", "tool.finished")
            for data in [data_of(row)]
        ]
        return lines[-RECENT_MAX:]

    def task(self) -> str:
        turns = self.of("turn.started", whole=False)
        mine = [one["prompt"] for one in turns if one["prompt_source"] == "user"]
        return mine[-1] if mine else ""

    def last(self, name: str) -> Any:
        """The last value that a row set under that name, or ``None``."""
        all_to = [to_of(row) for _, row in self.rows]
        return next((to[name] for to in reversed(all_to) if name in to), None)


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_a_session_is_what_its_rows_tell(happened: Happened) -> None:
    """Counts, open calls, children, done tools, task and times are those of the rows."""
    rows: list[tuple[int, DraftRow]] = []
    state, moved_at = SessionState(SESSION), 0
    for _, _, _, outcome in steps(happened):
        for row in outcome.rows:
            before, state = state, evolve(state, state.head + 1, row.kind, row.at_ms, row.body)
            rows.append((state.head, row))
            owes = state.registers.owed - before.registers.owed
            moved_at = state.head if state.state is not before.state or owes else moved_at
    told = Retold(rows)

    assert state.metrics == told.counts()
    assert [one.call_id for one in state.open_calls] == told.open_calls()
    assert list(state.children) == told.children()
    assert state.recent == "\n".join(told.recent())
    assert state.task == told.task()
    done = {one["tool"] for one in told.of("tool.finished", whole=False) if one["outcome"] == "ok"}
    assert state.done_tools == done
    injected = told.of("governance.injected", whole=False)
    assert state.briefed_sha256 == (injected[-1]["sha256"] if injected else "")
    assert state.run == (told.last("run") or "")
    assert state.last_work_at_ms == told.last("last_work_at_ms")
    assert state.moved_at == moved_at
    ends = [row.at_ms for _, row in rows if row.kind in ("session.interrupted", "session.idle")]
    assert state.interrupted_at_ms == (ends[-1] if ends else None)
    born = [row.at_ms for _, row in rows if row.kind == "session.created"]
    assert [state.created_at_ms] == (born or [0])


@given(HAPPENED)
@settings(max_examples=examples(30))
def test_work_names_its_process_and_its_time(happened: Happened) -> None:
    """After work that was let be the session knows when it was, and by which process."""
    for before, command, at_ms, outcome in steps(happened):
        worked = any(one.kind in ("turn.started", "child.started") for one in outcome.rows)
        if worked:
            assert outcome.state.last_work_at_ms == at_ms
            assert outcome.state.run == (command.run or before.run)
            if command.agent:
                assert outcome.state.identity.role == role_of(command)
        elif not any("last_work_at_ms" in to_of(one) for one in outcome.rows):
            assert outcome.state.identity == before.identity
