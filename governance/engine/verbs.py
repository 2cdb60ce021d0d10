"""Verbs of an engine that work on whole sessions: branch, switch, merge, keep, page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from governance._attrs import define
from governance.engine.encoding import event_of
from governance.engine.given import checked
from governance.events import Event
from governance.formats import body_of
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.merging import MergeReport, Take
    from governance.engine.pruning import PruneReport
    from governance.engine.retention import RetentionPolicy
    from governance.engine.session import Session
    from governance.journal.archive import Archived
    from governance.journal.records import Head, Record


@define(eq=False, repr=False)
class SessionVerbs:
    """
    What an `Engine` can do with whole sessions; each verb is a room of its own.

    None of it is on the way of a decision, so each is imported when it is asked for.
    """

    def _open(self, actor: str | None = None, *asked: tuple[str, str]) -> tuple[Engine, str]:
        """The engine, and who acts, after each ``(action, session)`` was *asked* for."""
        engine = cast("Engine", self)
        engine._check_open()
        guard = engine.guard if asked else None
        if guard is not None:
            for action, session in asked:
                guard.require(action, session, actor=actor)
        return engine, actor or engine.options.actor or "engine"

    @checked
    def branch(
        self,
        session: str,
        *,
        at: int | None = None,
        name: str | None = None,
        actor: str | None = None,
    ) -> Session:
        """
        Begin a session that goes on from row *at* of *session*; one row, however long that is.

        Both share the rows up to there. In the branch nobody works yet and no model was told
        anything; open calls, approvals and sub-sessions stay behind; the ledger is the
        parent's of now; labels, fields, anchors, figures and what rules remember go on.

        Args:
            at: A row of *session*; ``None``: its last.

            name: Id of the branch; by default that of *session* with the row, ``s~12``.

            actor: Who begins it; by default the engine's own, here and below.

        Raises:
            AccessRefused: *actor* may not read *session*, or not write the branch.

            MisuseError: GOV523, no such row, the name is taken, or too deep a branch. A branch
                of that name and row that was cut short before its first row is finished.

            SessionRemoved: The rows of *session* were removed.
        """
        from governance.engine.branching import branch

        engine, who = self._open(actor, ("read", session))
        made = branch(engine, session, at, name, who)
        made.actor = actor
        return made

    @checked
    def switch(self, session: str, to: str, *, actor: str | None = None) -> Session:
        """
        Leave *session* and go on in *to*: one is interrupted, the other resumed.

        The new context has nothing of what the model was told, so all that must be is owed:
        the next `Session.turn` carries it. ``.reply`` is the answer to the resume, without a text.

        Raises:
            AccessRefused: *actor* may not write one of the two; both are as they were.

            MisuseError: GOV523, one of the two was never seen.
        """
        from governance.engine.branching import switch

        engine, _ = self._open(actor, ("write", session), ("write", to))
        return switch(engine, session, to, actor)

    @checked
    def merge(self, target: str, source: str, *, actor: str | None = None) -> MergeReport:
        """
        Take over in *target* what *source* has come to since their common ancestor.

        Fields, settings, labels and anchors are merged each by its own law; what both have
        changed stays as *target* has it, as a conflict that `resolve` settles. Violations
        count where they happened. Merging again what was merged writes nothing.

        Raises:
            AccessRefused: *actor* may not read *source*, or not write *target*.

            MisuseError: GOV524, no common ancestor, a halted session, too many conflicts.
        """
        from governance.engine.merging import merge_sessions

        engine, who = self._open(actor, ("read", source), ("write", target))
        return merge_sessions(engine, target, source, who)

    @checked
    def resolve(
        self, session: str, conflict: str, take: Take, *, value: Json = None, actor: str
    ) -> Record:
        """
        Settle a *conflict* of *session* by its id: ``"ours"``, ``"theirs"`` or a *value*.

        Raises:
            AccessRefused: *actor* may not write *session*.

            MisuseError: GOV524, there is no such conflict, or its kind takes no such value.
        """
        from governance.engine.merging import resolve

        engine, who = self._open(actor, ("write", session))
        return resolve(engine, session, conflict, take, value, who)

    @checked
    def approve(
        self,
        session: str,
        ident: str,
        *,
        by: str,
        deny: bool = False,
        lasts_ms: int | None = None,
        reason: str = "",
    ) -> Record:
        """
        Answer the open question *ident* of *session*, as a person that the program asked.

        The leave is bound to the very call, and used up by it: the agent makes it again. A
        refusal counts as a violation of the rules that asked.

        Args:
            by: Who answered. Never let a model say it, or decide it.

            lasts_ms: How long the leave holds from now; by default as long as the question.

        Raises:
            AccessRefused: *by* may not.

            MisuseError: GOV631, no such question is open.
        """
        from governance.engine.approving import approve

        engine, _ = self._open(by, ("approve", session))
        return approve(engine, session, ident, by=by, deny=deny, lasts_ms=lasts_ms, reason=reason)

    @checked
    def events(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
        actor: str | None = None,
    ) -> tuple[Event, ...]:
        """
        A page of what happened in *session*, read when asked for; reversed: the newest first.

        Rows with ``after < seq < before``. Those that a branch shares bear the id of the
        session that wrote them.

        Raises:
            AccessRefused: *actor* may not read *session*.
        """
        engine, _ = self._open(actor, ("read", session))
        page = engine._journal.read(
            session, after=after, before=before, limit=limit, reverse=reverse
        )
        return tuple(event_of(record, body_of(record)) for record in page)

    @checked
    def archive(self, session: str, to: Path, *, actor: str | None = None) -> Archived:
        """
        Write the rows of *session* to a file in the folder *to*, and remove them from the store.

        A tombstone stays, `verify` accepts it, and `unarchive` gives the same session back.
        What is encrypted is so in the file, by the same key.

        Raises:
            AccessRefused: *actor* may not.

            MisuseError: GOV526, it is live, needed by a branch, or the project's own.

            JournalError: GOV525, the file cannot be written; nothing was removed.
        """
        from governance.engine.keeping import archive

        engine, who = self._open(actor, ("keep", session))
        return archive(engine, session, to, "person", who)

    @checked
    def unarchive(self, file: Path, *, actor: str | None = None) -> Head:
        """
        Put the session that *file* holds back, with the same head; again: nothing happens.

        Raises:
            AccessRefused: *actor* may not; what is in a file is nobody's own.

            JournalError: GOV525, *file* is no whole archive, or is encrypted by a key that this
                store has not; GOV521, it does not fit the store.
        """
        from governance.engine.keeping import unarchive

        engine, who = self._open(actor, ("keep", ""))
        return unarchive(engine, file, who)

    @checked
    def prune(
        self, policy: RetentionPolicy, *, dry_run: bool = False, actor: str | None = None
    ) -> PruneReport:
        """
        Archive or remove what *policy* does not keep, the longest untouched first.

        Never a session that is live, halted, has conflicts open or is needed by a branch,
        and never the project's own.

        Raises:
            AccessRefused: *actor* may not do so with every session.
        """
        from governance.engine.pruning import prune

        engine, who = self._open(actor, ("keep", ""))
        return prune(engine, policy, dry_run=dry_run, actor=who)

    @checked
    def preload(self, count: int) -> int:
        """
        Bring the *count* sessions that moved last into memory; how many came in.

        Raises:
            AccessRefused: The engine's actor may not read every session.
        """
        from governance.engine.preloading import preload

        return preload(self._open(None, ("read", ""))[0], count)
