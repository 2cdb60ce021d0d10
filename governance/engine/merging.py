"""
Merges of sessions: the common ancestor, the rows that say what came of it, and a person's word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from governance._attrs import frozen
from governance.engine import restoring
from governance.engine.catching_up import publishing, record_command, turn_of
from governance.engine.racing import CONFLICTS_MAX
from governance.engine.related import Step
from governance.errors import JournalError, MisuseError
from governance.journal.records import Appended, Journal, Origin, Record
from governance.ledger import halted
from governance.session import state as kept
from governance.session.commands import Command
from governance.session.draft import Draft, Outcome
from governance.session.law import Gathered, Law
from governance.session.merging import KINDS, Merged, merge
from governance.session.replies import Reply
from governance.session.state import MergeConflict, SessionState
from governance.states import State
from governance.values import Json, check_json

if TYPE_CHECKING:
    from governance.engine.engine import Engine

Take = Literal["ours", "theirs", "value"]

CODES: Mapping[str, str] = {
    "GOV524": "a merge that cannot be made, or a conflict that is not there",
}


@frozen
class MergeReport:
    """
    What came of a merge.

    Attributes:
        seq: Row of the target that says so; 0: the source had nothing new.

        base: The common ancestor.

        merged: What was taken over and what was left open.
    """

    target: str
    source: str
    seq: int
    base: Origin
    merged: Merged

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        return {
            "target": self.target,
            "source": self.source,
            "seq": self.seq,
            "base": {"session": self.base.parent, "seq": self.base.seq},
            "set": self.merged.set,
            "unset": self.merged.unset,
            "conflicts": [conflict_json(one) for one in self.merged.conflicts],
        }


def conflict_json(one: MergeConflict) -> dict[str, Json]:
    """*one* as programs read it, and as its row has it."""
    return {
        "id": one.id,
        "kind": one.kind,
        "key": one.key,
        "source": one.source,
        "sides": dict(one.sides),
    }


def merge_sessions(engine: Engine, target: str, source: str, actor: str) -> MergeReport:
    """As `Engine.merge`."""
    if target == source:
        raise MisuseError("a session is merged with another one", code="GOV524")
    engine._check_id(target)
    engine._check_id(source)
    with publishing(engine) as written:
        # What waits of the source belongs to what is merged.
        with turn_of(engine, record_command(engine, source), written):
            pass
        with turn_of(engine, record_command(engine, target), written):
            report, records = _merge(engine, target, source, actor)
            written.extend(records)
    return report


def _merge(
    engine: Engine, target: str, source: str, actor: str
) -> tuple[MergeReport, tuple[Record, ...]]:
    journal = engine._journal
    for _ in range(CONFLICTS_MAX):
        now = engine.clock.now_ms()
        ours, theirs = engine._newest(target, now), engine._newest(source, now)
        for one in (ours, theirs):
            _check(one, now)
        base = common_ancestor(journal, ours, theirs)
        merged = merge(restoring.restore_at(journal, base.parent, base.seq), ours, theirs)
        if len(merged.conflicts) + len(ours.conflicts) > kept.CONFLICTS_MAX:
            raise MisuseError(
                f"the merge would leave more than {kept.CONFLICTS_MAX} conflicts open",
                code="GOV524",
                remedy="`governance merge --show` lists them; resolve some first",
            )
        if merged.empty and (source, theirs.head) in {(name, seq) for name, seq, _ in ours.merges}:
            return MergeReport(target, source, 0, base, merged), ()
        outcome = _merged(engine.law, journal, (ours, theirs), base, merged, now, actor)
        result = engine._commit([Step(ours, outcome)])
        if isinstance(result, Appended):
            report = MergeReport(target, source, result.records[0].seq, base, merged)
            return report, result.records
    raise JournalError("the session is written by others all the time", code="GOV511")


def _check(state: SessionState, now: int) -> None:
    if state.state is State.ABSENT:
        raise MisuseError(
            f"there is no session `{state.id}`", code="GOV524", remedy="`governance sessions`"
        )
    why = halted(state.ledger, now)
    if why is not None:
        raise MisuseError(
            f"`{state.id}` is halted: {why}", code="GOV524", remedy="`governance pardon` lifts it"
        )


def _merged(
    law: Law,
    journal: Journal,
    sides: tuple[SessionState, SessionState],
    base: Origin,
    merged: Merged,
    now: int,
    actor: str,
) -> Outcome:
    ours, theirs = sides
    draft = _draft(law, ours, now, actor)
    data: dict[str, Json] = {
        "source": theirs.id,
        "source_seq": theirs.head,
        "source_hash": _hash_at(journal, theirs),
        "target_seq": ours.head,
        "target_hash": _hash_at(journal, ours),
        "base": base.parent,
        "base_seq": base.seq,
        "set": merged.set,
        "unset": merged.unset,
        "conflicts": len(merged.conflicts),
        "by": actor,
    }
    draft.emit("session.merged", data)
    for one in merged.conflicts:
        draft.emit("merge.conflicted", conflict_json(one))
    return draft.outcome(Reply(event="record", action="allow", state=draft.state.state))


def _draft(law: Law, state: SessionState, now: int, actor: str) -> Draft:
    command = Command(
        event="record", session=state.id, at_ms=now, actor=actor, host=state.identity.host
    )
    return Draft(law, command, Gathered(at_ms=now), state)


def _hash_at(journal: Journal, state: SessionState) -> str:
    row = journal.read(state.id, after=state.head - 1, limit=1)
    return row[0].hash.hex() if row else ""


def common_ancestor(journal: Journal, ours: SessionState, theirs: SessionState) -> Origin:
    """
    The latest row that both sessions have in their past, by branches and by earlier merges.

    Raises:
        MisuseError: GOV524, they have none.
    """
    one, other = dict(_past(journal, ours)), dict(_past(journal, theirs))
    shared = [Origin(name, min(one[name], other[name])) for name in one if name in other]
    if not shared:
        raise MisuseError(
            f"`{ours.id}` and `{theirs.id}` have no common ancestor",
            code="GOV524",
            remedy="only branches of one session can be merged",
        )
    return max(shared, key=lambda each: (_at_ms(journal, each), each.seq, each.parent))


def _past(journal: Journal, state: SessionState) -> Iterator[tuple[str, int]]:
    """Sessions that *state* contains, each up to which row; the farthest row comes last."""
    found: dict[str, int] = {name: seq for name, seq, _ in state.merges}
    name, upto = state.id, state.head
    origin: Origin | None = Origin(name, upto)
    while origin is not None:
        name, upto = origin.parent, min(upto, origin.seq)
        found[name] = max(upto, found.get(name, 0))
        origin = journal.origin(name)
    yield from found.items()


def _at_ms(journal: Journal, row: Origin) -> int:
    found = journal.read(row.parent, after=row.seq - 1, limit=1)
    return found[0].at_ms if found else -1


def resolve(
    engine: Engine, session: str, conflict: str, take: Take, value: Json, actor: str
) -> Record:
    """As `Engine.resolve`."""
    engine._check_id(session)
    if take == "value":
        check_json(value)
    told = record_command(engine, session)
    with publishing(engine) as written, turn_of(engine, told, written):
        records = _resolve(engine, session, conflict, take, value, actor)
        written.extend(records)
    return records[0]


def _resolve(
    engine: Engine, session: str, conflict: str, take: Take, value: Json, actor: str
) -> tuple[Record, ...]:
    for _ in range(CONFLICTS_MAX):
        now = engine.clock.now_ms()
        state = engine._newest(session, now)
        found = next((one for one in state.conflicts if one.id == conflict), None)
        if found is None:
            names = ", ".join(f"`{one.id}`" for one in state.conflicts)
            raise MisuseError(
                f"`{session}` has no conflict `{conflict}`",
                code="GOV524",
                remedy=f"open are {names}" if names else "none is open",
            )
        if take == "value" and not _accepts(found.kind, value):
            raise MisuseError(
                f"a conflict of `{found.kind}` is not settled by this value",
                code="GOV524",
                remedy="take `ours` or `theirs`",
            )
        data: dict[str, Json] = {"id": found.id, "kind": found.kind, "key": found.key}
        data |= {"take": take, **_taken(found, take, value), "by": actor}
        draft = _draft(engine.law, state, now, actor)
        draft.emit("merge.resolved", data)
        outcome = draft.outcome(Reply(event="record", action="allow", state=draft.state.state))
        result = engine._commit([Step(state, outcome)])
        if isinstance(result, Appended):
            return result.records
    raise JournalError("the session is written by others all the time", code="GOV511")


def _accepts(kind: str, value: Json) -> bool:
    return any(one.name == kind and one.accepts(value) for one in KINDS)


def _taken(found: MergeConflict, take: Take, value: Json) -> dict[str, Json]:
    """What is set or taken out by the word *take*; *ours* may have changed since, and stays."""
    if take == "ours":
        return {"set": {}, "unset": {}}
    if take == "value":
        return {"set": {found.kind: {found.key: value}}, "unset": {}}
    if "theirs" in found.sides:
        return {"set": {found.kind: {found.key: found.sides["theirs"]}}, "unset": {}}
    return {"set": {}, "unset": {found.kind: [found.key]}}
