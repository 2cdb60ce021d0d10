"""The rows of one step while it is being decided, and the session as they leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from attrs import field

from governance._attrs import define, frozen
from governance.ledger import StepTaken, Violation, halted, in_force
from governance.machine import Step
from governance.session.commands import Command
from governance.session.evolve import evolve, registers_json
from governance.session.law import Gathered, Law
from governance.session.remembering import NOTHING_SEEN, Seen, begun, told
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

if TYPE_CHECKING:
    from governance.temporal.cells import Keys

ROWS_PER_STEP_MAX = 1000


@frozen
class DraftRow:
    """A row that is not encoded yet; ``durable`` as in `governance.journal.Row`."""

    kind: str
    at_ms: int
    body: Mapping[str, Json]
    durable: bool = True


@frozen
class Outcome:
    """
    What one command leads to, if the journal takes it.

    Attributes:
        rows: For this session's journal, in order; may be empty.

        state: The session as the rows leave it.

        violations: To be counted in the parent's journal in the same commit.

        interrupts: Live children to interrupt in the same commit, and why.

        counted: What happened here and is counted at the root of the tree, in that commit.

        wanted: Globs that rules asked for and nobody had looked for; with an answer the
            command may come out otherwise.
    """

    rows: tuple[DraftRow, ...]
    state: SessionState
    reply: Reply
    violations: tuple[Violation, ...] = ()
    interrupts: tuple[str, ...] = ()
    interrupt_reason: str = ""
    counted: tuple[Mapping[int, Keys], ...] = ()
    wanted: tuple[str, ...] = ()


@define(eq=False, repr=False)
class Draft:
    """
    Collects the rows of one step; every row is folded at once.

    The state seen while deciding is therefore exactly the one that replay will see.

    Attributes:
        charged: A violation of the call at hand is counted already.

        known: The state that the session's facts were read off last, these facts, and the
            labels of its calls that a person has yet to allow.
    """

    law: Law
    command: Command
    gathered: Gathered
    state: SessionState
    rows: list[DraftRow] = field(factory=list)
    violations: list[Violation] = field(factory=list)
    interrupts: tuple[str, ...] = ()
    interrupt_reason: str = ""
    notes: list[str] = field(factory=list)
    counted: list[Mapping[int, Keys]] = field(factory=list)
    looked: dict[str, bool | None] = field(factory=dict)
    wanted: dict[str, None] = field(factory=dict)
    gap_ms: int | None = None
    step: Step | None = None
    charged: bool = False
    known: tuple[SessionState, dict[str, object], tuple[str, ...]] | None = None

    @property
    def at_ms(self) -> int:
        return self.gathered.at_ms

    def emit(
        self,
        kind: str,
        data: Mapping[str, Json],
        *,
        to: Mapping[str, Json] | None = None,
        step: Step | None = None,
        durable: bool = True,
        seen: Seen = NOTHING_SEEN,
    ) -> None:
        """
        Record *kind* with its own fields *data*.

        Args:
            to: Registers and fields of the session that this row sets.

            step: The machine's step; what it changed is added to *to*.

            seen: What it adds to what the session remembers.
        """
        # INVARIANT: one host event leads to a bounded number of rows.
        assert len(self.rows) < ROWS_PER_STEP_MAX, "a step grew without bound"
        changes = dict(to or {})
        if step is not None and step.after is not step.before:
            changes |= registers_json(step.before, step.after)
        begins = begun(kind, step, history_lost=self.command.history == "lost")
        past = told(self.law.rules.watch, self.state, seen, begins, self.at_ms)
        if past:
            changes["past"] = past
        if seen.counted:
            self.counted.append(seen.counted)
        before = self.state.registers.state
        redacted, hidden = self.law.redact(dict(data))
        body: dict[str, Json] = {"data": redacted, "before": str(before)}
        if changes:
            body["to"] = changes
        body |= self._envelope()
        if self.looked:
            files, _ = self.law.redact([{"glob": g, "there": t} for g, t in self.looked.items()])
            body["files"] = files
            self.looked.clear()
        if hidden:
            body["redacted"] = list(hidden)
        after = evolve(self.state, self.state.head + 1, kind, self.at_ms, body)
        body["after"] = str(after.registers.state)
        body["epoch"] = after.registers.epoch
        self.state = after
        self.rows.append(DraftRow(kind, self.at_ms, body, durable))

    def look(self, glob: str) -> bool | None:
        """Whether a file fits *glob*, as it was gathered; what was not is asked for."""
        if glob not in self.gathered.files:
            self.wanted[glob] = None
            return None
        self.looked[glob] = self.gathered.files[glob]
        return self.looked[glob]

    def _envelope(self) -> dict[str, Json]:
        command = self.command
        fields: dict[str, Json] = {"host": command.host}
        if self.state.identity.role:
            fields["role"] = self.state.identity.role
        if self.state.identity.parent:
            fields["parent"] = self.state.identity.parent
        if command.actor:
            fields["actor"] = command.actor
        if command.call is not None and command.call.call_id:
            fields["call_id"] = command.call.call_id
        if command.written and not self.rows:
            # What a listener wrote is a program's word, which may hold a secret as well.
            written, _ = self.law.redact({name: dict(one) for name, one in command.written.items()})
            fields["written"] = written
        return fields

    @property
    def halted(self) -> str:
        """Why nobody may work now, by the session's own ledger or one above it; or ``""``."""
        for one in (self.state, *self.gathered.parents):
            reason = halted(one.ledger, self.at_ms)
            if reason is not None:
                return reason
        return ""

    @property
    def steps(self) -> tuple[StepTaken, ...]:
        """The steps of the ladder that hold now: its own, then those of each above it."""
        return tuple(
            step
            for one in (self.state, *self.gathered.parents)
            if one.ledger.step_kinds
            for step in in_force(one.ledger, self.at_ms)
        )

    def outcome(self, reply: Reply) -> Outcome:
        """The finished step with its answer."""
        return Outcome(
            rows=tuple(self.rows),
            state=self.state,
            reply=attrs.evolve(reply, halted=self.halted) if self.halted else reply,
            violations=tuple(self.violations),
            interrupts=self.interrupts,
            interrupt_reason=self.interrupt_reason,
            counted=tuple(self.counted),
            wanted=tuple(self.wanted),
        )


def texts(values: Sequence[object]) -> list[Json]:
    """*values* as a JSON list of strings."""
    return [str(one) for one in values]
