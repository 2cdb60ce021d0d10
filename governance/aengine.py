"""
The engine for asynchronous programs, on anyio: the same verbs, awaited.

A task that waits for the disk holds up no other, and tasks that wait at once share one
commit. Turns and tool calls of a session that is in memory are decided where they are
asked, in a fraction of a millisecond, and their commit alone is awaited; whatever may have
to wait runs in a worker thread. Needs the extra ``async``.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar, final

from anyio import CapacityLimiter, sleep, to_thread
from attrs import define, field

from governance.engine import Engine, Session
from governance.engine.following import WAIT_SECONDS_MAX, WAIT_SECONDS_MIN, Cursor, Follower
from governance.engine.later import Rest, handle_later
from governance.errors import GovernanceError, JournalError, MisuseError
from governance.events import Event
from governance.journal.records import (
    Append,
    Appended,
    AppendsLater,
    Conflict,
    Duplicate,
    Record,
)
from governance.session.commands import Command, History, HostTraits
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

if TYPE_CHECKING:
    from governance.access.grants import Authorize
    from governance.acontexts import AsyncContexts
    from governance.chat import Message, Page, Part, Role, Said
    from governance.chat.finding import Found
    from governance.engine.merging import MergeReport, Take
    from governance.engine.pruning import PruneReport
    from governance.engine.retention import RetentionPolicy
    from governance.journal.archive import Archived
    from governance.journal.key_sources import KeySource
    from governance.journal.records import Head, Record

GATHERED_MAX = 16
"""Appends that are gathered before they are handed to the journal, so that few commits take
them all; the end of a round of the loop hands in what there is."""

THREADS_MAX = 64
"""Calls of one engine that run at once; the next ones wait their turn."""

Answer: TypeAlias = Appended | Conflict | Duplicate
Settle: TypeAlias = Callable[[Callable[[], Answer]], None]

P = ParamSpec("P")
T = TypeVar("T")


@final
@define(eq=False, repr=False)
class AsyncEngine:
    """
    An `Engine` whose verbs are awaited; made by `open`, closed by ``async with``.

    Cancelling a task does not undo what was sent to the store: the step runs to its end,
    and the session stands where its journal says.
    """

    engine: Engine
    _limiter: CapacityLimiter = field(init=False)
    _journal: AppendsLater | None = field(init=False)
    _mail: Mail | None = field(default=None, init=False)
    _contexts: AsyncContexts | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS_MAX)
        journal = self.engine._journal
        self._journal = journal if isinstance(journal, AppendsLater) else None

    @classmethod
    async def open(
        cls,
        directory: str | Path = ".",
        *,
        run: str | None = None,
        actor: str | None = None,
        authorize: Authorize | None = None,
        key: KeySource | None = None,
    ) -> AsyncEngine:
        """As `Engine.open`."""
        opened = partial(Engine.open, directory, run=run, actor=actor, authorize=authorize, key=key)
        return cls(await to_thread.run_sync(opened))

    async def __aenter__(self) -> AsyncEngine:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """As `Engine.close`, once what was decided so far is in the journal's hands."""
        if self._mail is not None:
            self._mail.hand_in()
        await self._call(self.engine.close)

    async def start(
        self,
        session: str,
        *,
        role: str | None = None,
        host: str = "python",
        traits: HostTraits | None = None,
        history: History = "lost",
        model_id: str = "",
        actor: str | None = None,
    ) -> AsyncSession:
        """As `Engine.start`."""
        made = await self._call(
            partial(
                self.engine.start,
                session,
                role=role,
                host=host,
                traits=traits,
                history=history,
                model_id=model_id,
                actor=actor,
            )
        )
        return AsyncSession(self, made)

    async def handle(self, command: Command) -> Reply:
        """As `Engine.handle`."""
        mail = self._mail_here()
        if mail is not None:
            future: asyncio.Future[Reply] = mail.loop.create_future()
            if handle_later(self.engine, mail, command, partial(mail.put, future)):
                return await future
        return await self._call(self.engine.handle, command)

    def _mail_here(self) -> Mail | None:
        """What goes between the journal and the loop that runs here, if it is one of asyncio's."""
        journal = self._journal
        if journal is None:
            return None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        mail = self._mail
        if mail is None or mail.loop is not loop:
            mail = self._mail = Mail(loop, journal)
        return mail

    @property
    def contexts(self) -> AsyncContexts:
        """As `Engine.contexts`; its verbs are awaited."""
        from governance.acontexts import AsyncContexts

        if self._contexts is None:
            self._contexts = AsyncContexts(self.engine.contexts, self._call)
        return self._contexts

    async def search(
        self, text: str, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> Found:
        """As `Engine.search`."""
        return await self._call(
            partial(self.engine.search, text, session=session, ranked=ranked, limit=limit)
        )

    async def state(self, session: str, *, actor: str | None = None) -> SessionState:
        """As `Engine.state`."""
        return await self._call(partial(self.engine.state, session, actor=actor))

    async def cursor(self) -> Cursor:
        """As `Engine.cursor`."""
        return await self._call(self.engine.cursor)

    def follow(self, after: Cursor | None = None, *, session: str | None = None) -> AsyncFollower:
        """As `Engine.follow`; its rows are awaited."""
        return AsyncFollower(self, self.engine.follow(after, session=session))

    async def branch(
        self,
        session: str,
        *,
        at: int | None = None,
        name: str | None = None,
        actor: str | None = None,
    ) -> AsyncSession:
        """As `Engine.branch`."""
        verb = partial(self.engine.branch, session, at=at, name=name, actor=actor)
        return AsyncSession(self, await self._call(verb))

    async def switch(self, session: str, to: str, *, actor: str | None = None) -> AsyncSession:
        """As `Engine.switch`."""
        verb = partial(self.engine.switch, session, to, actor=actor)
        return AsyncSession(self, await self._call(verb))

    async def merge(self, target: str, source: str, *, actor: str | None = None) -> MergeReport:
        """As `Engine.merge`."""
        return await self._call(partial(self.engine.merge, target, source, actor=actor))

    async def resolve(
        self, session: str, conflict: str, take: Take, *, value: Json = None, actor: str
    ) -> Record:
        """As `Engine.resolve`."""
        verb = partial(self.engine.resolve, session, conflict, take, value=value, actor=actor)
        return await self._call(verb)

    async def events(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
        actor: str | None = None,
    ) -> tuple[Event, ...]:
        """As `Engine.events`."""
        verb = partial(
            self.engine.events,
            session,
            after=after,
            before=before,
            limit=limit,
            reverse=reverse,
            actor=actor,
        )
        return await self._call(verb)

    async def archive(self, session: str, to: Path, *, actor: str | None = None) -> Archived:
        """As `Engine.archive`."""
        return await self._call(partial(self.engine.archive, session, to, actor=actor))

    async def unarchive(self, file: Path, *, actor: str | None = None) -> Head:
        """As `Engine.unarchive`."""
        return await self._call(partial(self.engine.unarchive, file, actor=actor))

    async def prune(
        self, policy: RetentionPolicy, *, dry_run: bool = False, actor: str | None = None
    ) -> PruneReport:
        """As `Engine.prune`."""
        verb = partial(self.engine.prune, policy, dry_run=dry_run, actor=actor)
        return await self._call(verb)

    async def preload(self, count: int) -> int:
        """As `Engine.preload`."""
        return await self._call(self.engine.preload, count)

    async def _call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await to_thread.run_sync(partial(verb, *args, **kwargs), limiter=self._limiter)


@final
@define(eq=False, repr=False)
class AsyncFollower:
    """
    A `Follower` whose rows come by ``async for``; for one task at a time.

    Rows are read ahead in a thread, a page at a time; `cursor` is behind those that were given.
    """

    aengine: AsyncEngine
    follower: Follower
    _taken: deque[Record] = field(factory=deque, init=False)
    _position: int = field(init=False)
    _given: dict[str, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._position = self.follower.position
        self._given = dict(self.follower.cursor.seqs)

    @property
    def cursor(self) -> Cursor:
        """Behind the last row that was given."""
        position = self._position if self._taken else self.follower.position
        return Cursor(position, dict(self._given))

    def close(self) -> None:
        """As `Follower.close`."""
        self.follower.close()

    def __aiter__(self) -> AsyncFollower:
        return self

    async def __anext__(self) -> Record:
        pause = WAIT_SECONDS_MIN
        while not self._taken:
            if self.follower.closed:
                raise StopAsyncIteration
            self._position = self.follower.position
            try:
                self._taken.extend(await self.aengine._call(self.follower.take))
            except (JournalError, MisuseError):
                if self.follower.closed:
                    continue  # the engine was closed beneath a look that had begun
                raise
            if not self._taken:
                await sleep(pause)
                pause = min(pause * 2, WAIT_SECONDS_MAX)
        record = self._taken.popleft()
        self._given[self.follower.session or record.session] = record.seq
        return record


@final
@define(eq=False, repr=False)
class AsyncSession:
    """
    A `Session` whose verbs are awaited.

    Attributes:
        session: The handle that does the work.
    """

    aengine: AsyncEngine
    session: Session

    @property
    def id(self) -> str:
        """The session's id."""
        return self.session.id

    @property
    def reply(self) -> Reply | None:
        """The answer to the event that this handle was made by."""
        return self.session.reply

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._call(self.session.__exit__, kind, error, trace)

    async def turn(self, prompt: str, *, source: str = "user") -> Reply:
        """As `Session.turn`."""
        return await self.aengine.handle(self.session.turn_command(prompt, source=source))

    async def turn_ended(self, *, failure: str = "") -> Reply:
        """As `Session.turn_ended`."""
        return await self._call(partial(self.session.turn_ended, failure=failure))

    async def tool(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        call_id: str = "",
        cwd: str | None = None,
    ) -> Reply:
        """As `Session.tool`."""
        return await self.aengine.handle(
            self.session.tool_command(tool, arguments, call_id=call_id, cwd=cwd)
        )

    async def tool_finished(
        self, call_id: str, *, outcome: str, output: str | None = None, error: str | None = None
    ) -> Reply:
        """As `Session.tool_finished`."""
        return await self._call(
            partial(
                self.session.tool_finished, call_id, outcome=outcome, output=output, error=error
            )
        )

    async def command(self, name: str, arguments: Sequence[str] = ()) -> Reply:
        """As `Session.command`."""
        return await self._call(partial(self.session.command, name, arguments))

    async def message(
        self,
        role: Role,
        said: Said,
        *,
        ident: str = "",
        reply_to: str = "",
        about: Mapping[str, Json] | None = None,
        actor: str | None = None,
    ) -> Message:
        """As `Session.message`."""
        return await self._call(
            partial(
                self.session.message,
                role,
                said,
                ident=ident,
                reply_to=reply_to,
                about=about,
                actor=actor,
            )
        )

    async def messages(
        self, *, after: int = 0, before: int | None = None, limit: int = 100, reverse: bool = False
    ) -> Page:
        """As `Session.messages`."""
        return await self._call(
            partial(self.session.messages, after=after, before=before, limit=limit, reverse=reverse)
        )

    async def content(self, message: Message, part: Part) -> bytes:
        """As `Session.content`."""
        return await self._call(self.session.content, message, part)

    async def compacting(self, *, trigger: str = "manual") -> Reply:
        """As `Session.compacting`."""
        return await self._call(partial(self.session.compacting, trigger=trigger))

    async def compact(
        self,
        *,
        trigger: str = "manual",
        summary: str | None = None,
        context_size_tokens: int | None = None,
    ) -> Reply:
        """As `Session.compact`."""
        return await self._call(
            partial(
                self.session.compact,
                trigger=trigger,
                summary=summary,
                context_size_tokens=context_size_tokens,
            )
        )

    async def used(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost_usd: float | None = None,
        context_tokens: int | None = None,
        context_ratio: float | None = None,
        whole: bool = False,
    ) -> None:
        """As `Session.used`."""
        await self._call(
            partial(
                self.session.used,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cost_usd=cost_usd,
                context_tokens=context_tokens,
                context_ratio=context_ratio,
                whole=whole,
            )
        )

    async def interrupt(self, reason: str = "interrupted") -> Reply:
        """As `Session.interrupt`."""
        return await self._call(partial(self.session.interrupt, reason))

    async def resume(self, *, history: History = "kept") -> Reply:
        """As `Session.resume`."""
        return await self._call(partial(self.session.resume, history=history))

    async def reset(self) -> Reply:
        """As `Session.reset`."""
        return await self._call(self.session.reset)

    async def child(self, name: str, *, role: str | None = None) -> AsyncSession:
        """As `Session.child`."""
        made = await self._call(partial(self.session.child, name, role=role))
        return AsyncSession(self.aengine, made)

    async def end(self, reason: str = "ended") -> Reply:
        """As `Session.end`."""
        return await self._call(partial(self.session.end, reason))

    async def _call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.aengine._call(verb, *args, **kwargs)


@define(eq=False, repr=False)
class Mail:
    """
    Appends of one loop on their way to the journal, and replies on their way back.

    Both go many at once: a commit takes what several tasks have decided, and the loop is
    woken once for all that it brought, not once a reply.
    """

    loop: asyncio.AbstractEventLoop
    _journal: AppendsLater
    _outgoing: list[tuple[Callable[[], None], Settle]] = field(factory=list, init=False)
    _put: deque[tuple[asyncio.Future[Reply], Reply | None, Rest | None]] = field(
        factory=deque, init=False
    )
    _rung: bool = field(default=False, init=False)

    def append_later(
        self,
        batch: Sequence[Append],
        done: Settle,
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        """As the journal's own, in the loop's thread; what the journal raises, *done* gets."""
        hand_in = partial(
            self._journal.append_later,
            batch,
            done,
            key=key,
            deadline_ms=deadline_ms,
            told=told or self.wake,
        )
        self._outgoing.append((hand_in, done))
        if len(self._outgoing) == 1:
            self.loop.call_soon(self.hand_in)
        elif len(self._outgoing) >= GATHERED_MAX:
            self.hand_in()

    def hand_in(self) -> None:
        """Give the journal what was gathered."""
        outgoing, self._outgoing = self._outgoing, []
        for hand_in, done in outgoing:
            try:
                hand_in()
            except GovernanceError as error:
                done(partial(_raised, error))
                self.wake()

    def put(self, future: asyncio.Future[Reply], reply: Reply | None, rest: Rest | None) -> None:
        """
        Let *future* be settled by *reply*, or by what *rest* gives in a thread, at the next wake.

        From any thread. The loop is woken apart, once all of a commit are there: else it would
        begin with the first of them while the others are still put, and the next commit would
        take few.
        """
        self._put.append((future, reply, rest))

    def wake(self) -> None:
        """Have the loop settle what was put, from any thread."""
        if self._rung:
            return
        self._rung = True
        try:
            self.loop.call_soon_threadsafe(self._look)
        except RuntimeError:
            # The loop is closed and nobody waits; what was begun is ended all the same.
            self._rung = False
            for future, _, left in _emptied(self._put):
                if left is not None:
                    _end(future, left)

    def _look(self) -> None:
        # First, so that whoever puts something from now on wakes it again.
        self._rung = False
        for future, reply, rest in _emptied(self._put):
            if rest is not None:
                _end(future, rest)
            else:
                _set(future, reply, None)


def _raised(error: GovernanceError) -> Answer:
    raise error


def _emptied(items: deque[T]) -> Iterator[T]:
    while items:
        yield items.popleft()


def _end(future: asyncio.Future[Reply], rest: Rest) -> None:
    """Settle *future* by *rest*, which waits, and runs to its end even if nobody else does."""

    def run() -> None:
        try:
            settle = partial(_set, future, rest(), None)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits the future
            settle = partial(_set, future, None, error)
        with suppress(RuntimeError):  # the loop is closed, and nobody awaits anything
            future.get_loop().call_soon_threadsafe(settle)

    threading.Thread(target=run, name="governance-rest").start()


def _set(future: asyncio.Future[Reply], reply: Reply | None, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    elif reply is not None:
        future.set_result(reply)
