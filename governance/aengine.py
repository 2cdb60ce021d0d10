"""
The engine for asynchronous programs, on anyio: the same verbs, awaited.

A task that waits for the disk holds up no other, and tasks that wait at once share one
commit. Turns and tool calls of a session that is in memory are decided where they are
asked, in a fraction of a millisecond, and their commit alone is awaited; whatever may have
to wait runs in a worker thread. Needs the extra ``async``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, final

from attrs import field

from governance._attrs import define
from governance.engine import Engine, Session
from governance.engine.following import WAIT_SECONDS_MAX, WAIT_SECONDS_MIN, Cursor, Follower
from governance.engine.given import checked
from governance.engine.later import handle_later
from governance.engine.mail import Mail
from governance.errors import JournalError, MisuseError
from governance.events import Event
from governance.journal.records import AppendsLater, Record
from governance.session.commands import Command, History, HostTraits
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

if TYPE_CHECKING:
    from anyio import CapacityLimiter

    from governance.access.grants import Authorize
    from governance.acontexts import AsyncContexts
    from governance.calls import ToolCall
    from governance.chat import Message, Page, Part, Role, Said
    from governance.chat.finding import Found
    from governance.clock import Clock
    from governance.engine.health import Health, HealthLimits
    from governance.engine.merging import MergeReport, Take
    from governance.engine.pruning import PruneReport
    from governance.engine.retention import RetentionPolicy
    from governance.journal.archive import Archived
    from governance.journal.key_sources import KeySource
    from governance.journal.records import Head, Journal
    from governance.ledger import Approval
    from governance.listeners import Listeners
    from governance.rules.vocabulary import HostTools

THREADS_MAX = 64
"""Calls of one engine that run at once; the next ones wait their turn."""

P = ParamSpec("P")
T = TypeVar("T")


def _require_anyio() -> None:
    """
    Return quietly if there is something to wait with; names are there also without it.

    Raises:
        MisuseError: The extra ``async`` is not installed.
    """
    try:
        import anyio  # noqa: F401
    except ImportError as error:
        raise MisuseError(
            "an engine for asynchronous programs needs anyio",
            remedy="pip install 'session-governance[async]'",
        ) from error


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
        _require_anyio()
        from anyio import CapacityLimiter

        self._limiter = CapacityLimiter(THREADS_MAX)
        journal = self.engine._journal
        self._journal = journal if isinstance(journal, AppendsLater) else None

    @classmethod
    @checked
    def open(
        cls,
        directory: str | Path = ".",
        *,
        clock: Clock | None = None,
        journal: Journal | None = None,
        listeners: Listeners | None = None,
        run: str | None = None,
        tools: Sequence[HostTools] = (),
        actor: str | None = None,
        authorize: Authorize | None = None,
        key: KeySource | None = None,
    ) -> AsyncOpening:
        """
        As `Engine.open`; awaited, or entered by ``async with`` as it is.

        Raises:
            MisuseError: The extra ``async`` is not installed; nothing was opened.
        """
        _require_anyio()
        return AsyncOpening(
            partial(
                Engine.open,
                directory,
                clock=clock,
                journal=journal,
                listeners=listeners,
                run=run,
                tools=tools,
                actor=actor,
                authorize=authorize,
                key=key,
            )
        )

    async def __aenter__(self) -> AsyncEngine:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @checked
    async def close(self) -> None:
        """As `Engine.close`, once what was decided so far is in the journal's hands."""
        if self._mail is not None:
            self._mail.hand_in()
        await self._call(self.engine.close)

    @checked
    async def start(
        self,
        session: str,
        *,
        role: str | None = None,
        host: str = "python",
        traits: HostTraits | None = None,
        history: History = "lost",
        model_id: str = "",
        model_options: Mapping[str, Json] | None = None,
        actor: str | None = None,
        **data: Json,
    ) -> AsyncSession:
        """As `Engine.start`."""

        def start() -> Session:
            return self.engine.start(
                session,
                role=role,
                host=host,
                traits=traits,
                history=history,
                model_id=model_id,
                model_options=model_options,
                actor=actor,
                **data,
            )

        return AsyncSession(self, await self._call(start))

    @checked
    def session(
        self,
        session: str,
        *,
        role: str | None = None,
        host: str = "python",
        traits: HostTraits | None = None,
        actor: str | None = None,
    ) -> AsyncSession:
        """As `Engine.session`; nothing of it has to wait."""
        made = self.engine.session(session, role=role, host=host, traits=traits, actor=actor)
        return AsyncSession(self, made)

    @checked
    def call(
        self,
        host: str,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        cwd: str | None = None,
        call_id: str = "",
    ) -> ToolCall:
        """As `Engine.call`; nothing of it has to wait."""
        return self.engine.call(host, tool, arguments, cwd=cwd, call_id=call_id)

    @checked
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

    @checked
    async def search(
        self, text: str, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> Found:
        """As `Engine.search`."""
        return await self._call(
            partial(self.engine.search, text, session=session, ranked=ranked, limit=limit)
        )

    @checked
    async def state(
        self, session: str, *, actor: str | None = None, audited: bool = True
    ) -> SessionState:
        """As `Engine.state`."""
        return await self._call(partial(self.engine.state, session, actor=actor, audited=audited))

    @checked
    async def record(
        self,
        session: str,
        kind: str,
        data: Mapping[str, Json],
        *,
        actor: str,
        host: str = "person",
        key: str | None = None,
    ) -> Record:
        """As `Engine.record`."""
        verb = partial(self.engine.record, session, kind, data, actor=actor, host=host, key=key)
        return await self._call(verb)

    @checked
    async def record_all(
        self,
        session: str,
        rows: Sequence[tuple[str, Mapping[str, Json]]],
        *,
        actor: str,
        durable: bool = True,
        key: str | None = None,
        expected_seq: int | None = None,
    ) -> tuple[Record, ...]:
        """As `Engine.record_all`."""
        verb = partial(self.engine.record_all, session, rows, actor=actor, durable=durable)
        return await self._call(partial(verb, key=key, expected_seq=expected_seq))

    @checked
    async def announce(self, records: Sequence[Record]) -> None:
        """As `Engine.announce`."""
        await self._call(self.engine.announce, records)

    @checked
    async def health(self, limits: HealthLimits | None = None) -> Health:
        """As `Engine.health`."""
        return await self._call(self.engine.health, limits)

    @checked
    async def cursor(self) -> Cursor:
        """As `Engine.cursor`."""
        return await self._call(self.engine.cursor)

    @checked
    def follow(self, after: Cursor | None = None, *, session: str | None = None) -> AsyncFollower:
        """As `Engine.follow`; its rows are awaited."""
        return AsyncFollower(self, self.engine.follow(after, session=session))

    @checked
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

    @checked
    async def switch(self, session: str, to: str, *, actor: str | None = None) -> AsyncSession:
        """As `Engine.switch`."""
        verb = partial(self.engine.switch, session, to, actor=actor)
        return AsyncSession(self, await self._call(verb))

    @checked
    async def merge(self, target: str, source: str, *, actor: str | None = None) -> MergeReport:
        """As `Engine.merge`."""
        return await self._call(partial(self.engine.merge, target, source, actor=actor))

    @checked
    async def resolve(
        self, session: str, conflict: str, take: Take, *, value: Json = None, actor: str
    ) -> Record:
        """As `Engine.resolve`."""
        verb = partial(self.engine.resolve, session, conflict, take, value=value, actor=actor)
        return await self._call(verb)

    @checked
    async def approve(
        self,
        session: str,
        ident: str,
        *,
        by: str,
        deny: bool = False,
        lasts_ms: int | None = None,
        reason: str = "",
    ) -> Record:
        """As `Engine.approve`."""
        verb = partial(self.engine.approve, session, ident, by=by, deny=deny)
        return await self._call(partial(verb, lasts_ms=lasts_ms, reason=reason))

    @checked
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

    @checked
    async def archive(self, session: str, to: Path, *, actor: str | None = None) -> Archived:
        """As `Engine.archive`."""
        return await self._call(partial(self.engine.archive, session, to, actor=actor))

    @checked
    async def unarchive(self, file: Path, *, actor: str | None = None) -> Head:
        """As `Engine.unarchive`."""
        return await self._call(partial(self.engine.unarchive, file, actor=actor))

    @checked
    async def prune(
        self, policy: RetentionPolicy, *, dry_run: bool = False, actor: str | None = None
    ) -> PruneReport:
        """As `Engine.prune`."""
        verb = partial(self.engine.prune, policy, dry_run=dry_run, actor=actor)
        return await self._call(verb)

    @checked
    async def preload(self, count: int) -> int:
        """As `Engine.preload`."""
        return await self._call(self.engine.preload, count)

    async def _call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        from anyio import to_thread

        return await to_thread.run_sync(partial(verb, *args, **kwargs), limiter=self._limiter)


@final
@define(eq=False, repr=False)
class AsyncOpening:
    """An engine on its way: ``await`` gives it, ``async with`` closes it as well."""

    _open: Callable[[], Engine]
    _made: AsyncEngine | None = field(default=None, init=False)

    def __await__(self) -> Generator[Any, Any, AsyncEngine]:
        return self._opened().__await__()

    async def __aenter__(self) -> AsyncEngine:
        self._made = await self._opened()
        return self._made

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._made is not None:
            await self._made.close()

    async def _opened(self) -> AsyncEngine:
        from anyio import to_thread

        return AsyncEngine(await to_thread.run_sync(self._open))


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
        from anyio import sleep

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

    async def state(self) -> SessionState:
        """As `Session.state`, which has to look."""
        return await self._call(lambda: self.session.state)

    async def governance_injected(self) -> bool:
        """As `Session.governance_injected`, which has to look."""
        return await self._call(lambda: self.session.governance_injected)

    async def questions(self) -> tuple[Approval, ...]:
        """As `Session.questions`, which has to look."""
        return await self._call(lambda: self.session.questions)

    @checked
    async def approve(
        self,
        ident: str,
        *,
        by: str,
        deny: bool = False,
        lasts_ms: int | None = None,
        reason: str = "",
    ) -> Record:
        """As `Session.approve`."""
        verb = partial(self.session.approve, ident, by=by, deny=deny)
        return await self._call(partial(verb, lasts_ms=lasts_ms, reason=reason))

    @checked
    def turn_command(self, prompt: str, *, source: str = "user") -> Command:
        """As `Session.turn_command`; nothing of it has to wait."""
        return self.session.turn_command(prompt, source=source)

    @checked
    def tool_command(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        call_id: str = "",
        cwd: str | None = None,
    ) -> Command:
        """As `Session.tool_command`; nothing of it has to wait."""
        return self.session.tool_command(tool, arguments, call_id=call_id, cwd=cwd)

    @checked
    def finished_command(
        self,
        call_id: str,
        *,
        outcome: str,
        tool: str = "",
        output: str | None = None,
        error: str | None = None,
        exit_code: int | None = None,
        duration_ms: int | None = None,
    ) -> Command:
        """As `Session.finished_command`; nothing of it has to wait."""
        return self.session.finished_command(
            call_id,
            outcome=outcome,
            tool=tool,
            output=output,
            error=error,
            exit_code=exit_code,
            duration_ms=duration_ms,
        )

    @checked
    async def turn(self, prompt: str, *, source: str = "user") -> Reply:
        """As `Session.turn`."""
        return await self.aengine.handle(self.session.turn_command(prompt, source=source))

    @checked
    async def turn_ended(self, *, failure: str = "") -> Reply:
        """As `Session.turn_ended`."""
        return await self._call(partial(self.session.turn_ended, failure=failure))

    @checked
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

    @checked
    async def tool_finished(
        self,
        call_id: str,
        *,
        outcome: str,
        tool: str = "",
        output: str | None = None,
        error: str | None = None,
        exit_code: int | None = None,
        duration_ms: int | None = None,
    ) -> Reply:
        """As `Session.tool_finished`."""
        return await self.aengine.handle(
            self.session.finished_command(
                call_id,
                outcome=outcome,
                tool=tool,
                output=output,
                error=error,
                exit_code=exit_code,
                duration_ms=duration_ms,
            )
        )

    @checked
    async def command(
        self, name: str, arguments: Sequence[str] = (), *, source: str = "user", style: str = ""
    ) -> Reply:
        """As `Session.command`."""
        verb = partial(self.session.command, name, arguments, source=source, style=style)
        return await self._call(verb)

    @checked
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

    @checked
    async def messages(
        self, *, after: int = 0, before: int | None = None, limit: int = 100, reverse: bool = False
    ) -> Page:
        """As `Session.messages`."""
        return await self._call(
            partial(self.session.messages, after=after, before=before, limit=limit, reverse=reverse)
        )

    @checked
    async def content(self, message: Message, part: Part) -> bytes:
        """As `Session.content`."""
        return await self._call(self.session.content, message, part)

    @checked
    async def compacting(self, *, trigger: str = "manual") -> Reply:
        """As `Session.compacting`."""
        return await self._call(partial(self.session.compacting, trigger=trigger))

    @checked
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

    @checked
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

    @checked
    async def lapse(self, why: str = "not_delivered") -> Reply:
        """As `Session.lapse`."""
        return await self._call(self.session.lapse, why)

    @checked
    async def interrupt(self, reason: str = "interrupted") -> Reply:
        """As `Session.interrupt`."""
        return await self._call(partial(self.session.interrupt, reason))

    @checked
    async def resume(self, *, history: History = "kept") -> Reply:
        """As `Session.resume`."""
        return await self._call(partial(self.session.resume, history=history))

    @checked
    async def reset(self) -> Reply:
        """As `Session.reset`."""
        return await self._call(self.session.reset)

    @checked
    async def child(self, name: str, *, role: str | None = None, agent: str = "") -> AsyncSession:
        """As `Session.child`."""
        made = await self._call(partial(self.session.child, name, role=role, agent=agent))
        return AsyncSession(self.aengine, made)

    @checked
    async def end(self, reason: str = "ended", *, exception: str = "") -> Reply:
        """As `Session.end`."""
        return await self._call(partial(self.session.end, reason, exception=exception))

    async def _call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.aengine._call(verb, *args, **kwargs)
