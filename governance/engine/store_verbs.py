"""Verbs of an engine that look into its store as a whole, or keep what decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from governance._attrs import define
from governance.engine.given import checked
from governance.values import Json

if TYPE_CHECKING:
    from governance.chat.finding import Found
    from governance.engine.contexts import Contexts
    from governance.engine.engine import Engine
    from governance.engine.following import Cursor, Follower
    from governance.engine.health import Health, HealthLimits
    from governance.journal.records import Journal, Record


@define(eq=False, repr=False)
class StoreVerbs:
    """
    What an `Engine` can do with its store; each verb is a room of its own.

    None of it is on the way of a decision, so each is imported when it is asked for.
    """

    def _asked(self, action: str, session: str, actor: str | None) -> Engine:
        """The engine, open, after *action* was asked for, if any."""
        engine = cast("Engine", self)
        engine._check_open()
        guard = engine.guard if action else None
        if guard is not None:
            guard.require(action, session, actor=actor)
        return engine

    def _is_closed(self) -> bool:
        return cast("Engine", self)._closed

    @property
    def journal(self) -> Journal:
        """
        The store as the engine's actor may see and write it: itself, where nobody is asked.

        Else every verb of it is asked for and every look recorded, as by the engine's own.
        """
        engine = cast("Engine", self)
        guard = engine.guard
        if guard is None:
            return engine._journal
        from governance.access.guarded import guarded

        return guarded(engine._journal, guard)

    @property
    def visible(self) -> Journal:
        """As `journal`, of an engine that is open."""
        return self._asked("", "", None).journal

    @property
    def contexts(self) -> Contexts:
        """Named values of sessions, of the project and of users; see `governance.scopes`."""
        from governance.engine.contexts import Contexts

        engine = self._asked("", "", None)
        if engine._contexts is None:
            limits = engine.options.context_limits
            engine._contexts = Contexts(engine, limits()) if limits else Contexts(engine)
        return engine._contexts

    @checked
    def record_all(
        self,
        session: str,
        rows: Sequence[tuple[str, Mapping[str, Json]]],
        *,
        actor: str,
        durable: bool = True,
        key: str | None = None,
        expected_seq: int | None = None,
    ) -> tuple[Record, ...]:
        """
        Write *rows*, each a kind and its own fields, in one commit; decided by nobody else.

        Args:
            durable: ``False`` for observations, whose tail may be lost with the power.

            key: Idempotency key: where it was seen before, its row is given and none written.

            expected_seq: Write only while this is the last row; else nothing is given.

        Raises:
            AccessRefused: *actor* may not write the session.

            JournalError: None of it could be written.
        """
        from governance.engine.recording import record_all

        engine = self._asked("write", session, actor)
        return record_all(
            engine, session, rows, actor=actor, durable=durable, key=key, expected_seq=expected_seq
        )

    @checked
    def cursor(self) -> Cursor:
        """
        The place behind every row that is written now, for a `follow` that begins here.

        Looks at the head of every session.
        """
        from governance.engine.following import cursor_now

        return cursor_now(self.visible)

    @checked
    def follow(self, after: Cursor | None = None, *, session: str | None = None) -> Follower:
        """
        The rows of every process on the store as they come, without an end.

        Of each session in its order, none missed and none twice; ``follower.cursor`` is what
        the next start goes on *after*. Ends when it, or the engine, is closed.

        Args:
            after: Begin behind this place; by default with the first row there is.

            session: Follow this one alone.
        """
        from governance.engine.following import Follower

        visible = self.visible
        return Follower.after(visible, after, session=session, over=self._is_closed)

    @checked
    def health(self, limits: HealthLimits | None = None) -> Health:
        """
        Whether the store can be read, written and trusted now; ``.ok``, and what was seen.

        Each call walks another part of the chain; it writes nothing into any session.

        Args:
            limits: What counts as healthy; by default what ``[health]`` says.
        """
        from governance.engine.health import health_of

        engine = self._asked("verify", "", None)
        configured = engine.options.health_limits
        if limits is None and configured is not None:
            limits = configured()
        return health_of(engine._journal, now_ms=engine.clock.now_ms(), limits=limits)

    @checked
    def search(
        self, text: str, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> Found:
        """
        Messages that hold every word of *text*, a phrase in double quotes as a whole.

        Args:
            session: Only of this session; of a branch also what was said before it.

            ranked: The best first, in place of the newest.

            limit: How many at most, up to 1,000.

        Raises:
            MisuseError: GOV569, *text* asks for nothing, or too much.

            JournalError: The store cannot be read.
        """
        from governance.chat.finding import find

        return find(self.visible, text, session=session, ranked=ranked, limit=limit)
