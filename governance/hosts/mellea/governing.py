"""
How a program has its Mellea sessions governed.

A process has one engine for them at a time: most of what Mellea's hooks are given names no
session, so two engines could not tell whose it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar, cast, overload

from attrs import field

from governance._attrs import define
from governance.engine import Engine
from governance.errors import MisuseError
from governance.hooking.answering import deny_text
from governance.hosts.mellea import NAME, reading, translate
from governance.hosts.mellea.decider import Decider
from governance.hosts.mellea.framework import PLUGIN, framework, installed
from governance.hosts.mellea.held import Announcement, Book, Denial, Held, Options, prompt_among
from governance.hosts.mellea.plugin import ANNOUNCED, LOG, Seat
from governance.hosts.mellea.tools import tools_of
from governance.hosts.mellea.verdicts import code_of
from governance.session.commands import Command
from governance.tools.naming import Named
from governance.values import Json

SessionT = TypeVar("SessionT")


@define(eq=False)
class _Process:
    """Who sits in this process: one engine, as long as somebody uses it."""

    seat: Seat | None = None
    users: int = 0
    lock: threading.Lock = field(factory=threading.Lock)

    def take(self, engine: Engine, options: Options, *, strict: bool) -> Seat:
        """The seat of *engine*, taken if nobody sits there; with *strict*, by these options."""
        with self.lock:
            seat = self.seat
            if seat is None:
                decider = Decider(
                    engine, options if strict else Options(), Book(engine.options.run)
                )
                seat = Seat(framework(), decider)
            elif seat.decider.engine is not engine:
                raise MisuseError(
                    "another engine governs the Mellea sessions of this process",
                    code="GOV732",
                    remedy="use that engine, or end its `govern` first",
                )
            elif strict and seat.decider.options != options:
                raise MisuseError(
                    "Mellea sessions of this process are governed with other options",
                    code="GOV732",
                    remedy="give options of one session to `governed_session`",
                )
            try:
                seat.take()
            except BaseException:
                if not self.users:
                    seat.leave()
                raise
            self.seat = seat
            self.users += 1
            return seat

    def leave(self) -> None:
        """One user less; the last one takes the plugins out."""
        with self.lock:
            seat, self.users = self.seat, self.users - 1
            # INVARIANT: who leaves has taken.
            assert seat is not None, "nobody leaves an empty seat"
            if not self.users:
                self.seat = None
                seat.leave()


_process = _Process()


@contextmanager
def govern(
    engine: Engine,
    *,
    tools: Named | None = None,
    role: str | None = None,
    denial: Denial = "soft",
    inject: bool = True,
) -> Iterator[None]:
    """
    Have every Mellea session of this process governed by *engine* while the block runs.

    Programs need no change: ``start_session`` and every session that is used within
    ``with`` come to the engine by Mellea's own hooks. What belongs to no session is refused
    as ``unbound`` says.

    Args:
        tools: The program's tools → canonical tools, such as ``{"run": "shell"}``.

        role: The role that its sessions have.

        denial: What a denied tool is: ``"soft"``, a tool that answers with the reason, so
            that the model reads it; ``"hard"``, Mellea's ``PluginViolationError``.

        inject: Whether the backend heeds the system prompt among the model options; if
            not, ``unbriefed`` says what its tools get.

    Raises:
        MisuseError: GOV730: there is no Mellea that can be governed. GOV732: another
            engine, or other options, govern this process already.
    """
    options = Options(tools=tools_of(tools or {}), role=role, denial=denial, inject=inject)
    _process.take(engine, options, strict=True)
    try:
        yield
    finally:
        _process.leave()


@overload
def governed_session(
    source: Callable[[], SessionT],
    *,
    engine: Engine,
    tools: Named | None = ...,
    role: str | None = ...,
    parent: object = ...,
    denial: Denial = ...,
    inject: bool = ...,
) -> AbstractContextManager[SessionT]: ...


@overload
def governed_session(
    source: SessionT,
    *,
    engine: Engine,
    tools: Named | None = ...,
    role: str | None = ...,
    parent: object = ...,
    denial: Denial = ...,
    inject: bool = ...,
) -> AbstractContextManager[SessionT]: ...


def governed_session(
    source: object,
    *,
    engine: Engine,
    tools: Named | None = None,
    role: str | None = None,
    parent: object = None,
    denial: Denial = "soft",
    inject: bool = True,
) -> AbstractContextManager[Any]:
    """
    One Mellea session, governed, entered, and ended exactly once, also on an exception.

    Args:
        source: A ``MelleaSession`` that was built directly or cloned, or what makes one
            without arguments: ``lambda: start_session("openai", …)``, or a class. What is
            made within can be refused before its backend exists.

        parent: The session that it was cloned from; it is then its child, and has no more
            leave than its parent.

        tools, role, denial, inject: As `govern` says, for this session alone.

    Raises:
        mellea.plugins.PluginViolationError: The session is refused.

        MisuseError: As `govern`; GOV732 also for a session that is governed already.
    """
    options = Options(
        tools=tools_of(tools or {}),
        role=role,
        parent=str(cast("Any", parent).id) if parent is not None else None,
        denial=denial,
        inject=inject,
    )
    return _governed(source, engine, options)


@contextmanager
def _governed(source: object, engine: Engine, options: Options) -> Iterator[Any]:
    with ExitStack() as stack:
        seat = _process.take(engine, options, strict=False)
        stack.callback(_process.leave)
        session, held = _begun(seat, source, options)
        stack.push(_Ending(seat, held))
        yield stack.enter_context(session)


@contextmanager
def bound(session_id: str) -> Iterator[None]:
    """
    Let what is called in the block belong to the session *session_id*.

    For work of a session in threads of the program's own, which Mellea's own mark of the
    session does not reach.
    """
    with framework().enter(session_id=session_id):
        yield


@define(eq=False)
class _Ending:
    """The last of a session: its end, if Mellea's own hook has not told it."""

    seat: Seat
    held: Held

    def __call__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        held, decider = self.held, self.seat.decider
        held.managed = False
        try:
            if not installed():
                _guard_was_off(decider.engine, held)
            if not held.ended:
                decider.end(held, translate.end(held.who, None, None, error))
        except Exception:  # noqa: BLE001 - what the program ends with goes before it
            # The engine keeps an end that found no store, and writes it first of all.
            LOG.exception("the end of `%s` could not be recorded", held.who.session)
        return False


def _guard_was_off(engine: Engine, held: Held) -> None:
    """Somebody has taken our plugins out while the session ran."""
    state = engine.state(held.who.session, audited=False)
    since = state.last_work_at_ms if state.last_work_at_ms is not None else state.created_at_ms
    data: dict[str, Json] = {"host": NAME, "from": since, "to": engine.clock.now_ms(), "missed": 0}
    engine.record(held.who.session, "guard.gap", data, actor="engine")


def _begun(seat: Seat, source: object, options: Options) -> tuple[Any, Held]:
    """The session of *source*, started, or the exception that it is refused with."""
    book = seat.decider.book
    made: Any = source if _is_session(seat, source) else _made(seat, source, options)
    if not _is_session(seat, made):
        raise MisuseError(
            f"`{type(made).__name__}` is no MelleaSession",
            remedy="give one, or a function without arguments that makes one",
        )
    if (
        options.parent is not None
        and not seat.decider.engine.state(options.parent, audited=False).head
    ):
        raise MisuseError(
            f"the parent `{options.parent}` is not governed",
            code="GOV732",
            remedy="clone a session that is",
        )
    held = book.get(made.id)
    if held is not None and held.managed:
        raise MisuseError(f"`{made.id}` is governed already", code="GOV732", remedy="clone it")
    if held is None or held.ended:
        held = _started(seat, made, options)
    else:
        # It began under `govern`: what is said of it alone goes before that.
        held.who, held.options = options.identity(made.id, book.run), options
    held.managed = True
    return made, held


def _is_session(seat: Seat, value: object) -> bool:
    return isinstance(value, seat.mellea.session_class)


def _made(seat: Seat, source: object, options: Options) -> Any:
    if not callable(source):
        return source
    announcement = Announcement(options)
    token = ANNOUNCED.set(announcement)
    try:
        return source()
    except BaseException as error:
        for name in announcement.started:
            # It came to our hooks, and then to nothing: its backend could not be built.
            _Ending(seat, seat.decider.book.adopt(name, options))(None, error, None)
        raise
    finally:
        ANNOUNCED.reset(token)


def _started(seat: Seat, session: Any, options: Options) -> Held:
    """Start a session that Mellea has told nobody of."""
    backend = session.backend
    settings = getattr(backend, "model_options", None)
    default = prompt_among(settings, seat.mellea.system_prompt)
    held = seat.decider.book.make(session.id, options, default)
    command = translate.start(
        held.who,
        backend_name=str(getattr(backend, "_provider", "") or type(backend).__name__),
        model_id=_model_id(backend),
        model_options=settings,
        context_type=type(session.ctx).__name__,
        items=reading.items_of(session.ctx),
    )
    _ask(seat, held, command)
    return held


def _model_id(backend: Any) -> str:
    given = getattr(backend, "model_id", None) or getattr(backend, "_model_id", None)
    return str(given or "")


def _ask(seat: Seat, held: Held, command: Command) -> None:
    reply = seat.decider.begin(held, command)
    if reply.denied:
        held.ended = True
        raise seat.mellea.refusal("session_pre_init", deny_text(reply), code_of(reply), PLUGIN)
    if reply.action == "rewrite":
        # Its backend is built, and perhaps others use it: what a rule changes comes too late.
        seat.decider.end(held, translate.end(held.who, None, None, None))
        raise seat.mellea.refusal(
            "session_pre_init",
            f"{reply.message or 'its model or options must be others'}; "
            "build it by `start_session`, where they can be changed",
            code_of(reply),
            PLUGIN,
        )
