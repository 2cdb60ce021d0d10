"""The decorator: a function of the program's own that asks before it runs."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial, wraps
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, cast, get_args, overload
from uuid import uuid4

from governance._attrs import frozen
from governance.engine import Session
from governance.errors import GovernanceError, MisuseError, did_you_mean
from governance.rules.host_tools import HostTools, ToolMap
from governance.session.replies import Reply
from governance.tools.deciding import (
    Gate,
    ToolRefused,
    error_text,
    output_text,
    session_here,
)
from governance.tools.naming import map_of
from governance.tools.signature import Bound, Signature, signature_of
from governance.tools.waiting import aside

P = ParamSpec("P")
T = TypeVar("T")
Function: TypeAlias = Callable[..., Any]

Denial = Literal["raise", "text"]


@overload
def governed_tool(function: Callable[P, T], /) -> Callable[P, T]: ...


@overload
def governed_tool(
    *,
    session: Session | None = ...,
    tool: str | ToolMap = ...,
    denial: Denial = ...,
) -> Callable[[Callable[P, T]], Callable[P, T]]: ...


def governed_tool(
    function: Callable[P, T] | None = None,
    /,
    *,
    session: Session | None = None,
    tool: str | ToolMap = "",
    denial: Denial = "raise",
) -> Callable[P, T] | Callable[[Callable[P, T]], Callable[P, T]]:
    """
    Have a function ask before it runs, and report what became of it.

    Functions, methods, generators, and the asynchronous ones of each. A generator asks when
    it is first read. The arguments are asked about by their names, defaults included; a rule
    may change them, and what has no place in JSON is shown as text. Nothing runs where there
    is no session, no store, or no leave. Asynchronous functions need the extra ``async``.

    Args:
        session: Whose tool it is; without it the one that `governing` names when it is called.

        tool: The canonical tool that it is (``"shell"``, ``"read"`` …, ``"mcp:server:tool"``),
            or a `ToolMap` where its arguments have other names. Without it, it is a tool of
            the function's name, which rules know as *other*: ``unknown_tool`` says what it gets.

        denial: ``"raise"``: `ToolRefused`. ``"text"``: the reason is what the function gives,
            for a model to read; a generator yields it.

    Raises:
        MisuseError: GOV762, when it decorates what it cannot govern. GOV761, when the tool is
            called outside of every session.

    >>> from governance import governed_tool, governing
    >>> from governance.testing.engines import memory_engine
    >>> @governed_tool(tool="read")
    ... def look(path: str) -> str:
    ...     return "nothing in " + path
    >>> with memory_engine() as engine, engine.start("s-1") as session, governing(session):
    ...     look("a.txt")
    'nothing in a.txt'
    """

    if denial not in get_args(Denial):
        raise MisuseError(
            f"`denial` is `{denial}`, expected one of {', '.join(get_args(Denial))}",
            code="GOV762",
            remedy=did_you_mean(str(denial), get_args(Denial)),
        )

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        return cast("Callable[P, T]", _governed(function, session, tool, denial))

    return decorate if function is None else decorate(function)


def _governed(
    function: Function, session: Session | None, tool: str | ToolMap, denial: Denial
) -> Function:
    if not inspect.isfunction(function):
        raise MisuseError(
            f"`{type(function).__name__}` is no function",
            code="GOV762",
            remedy="put `@governed_tool` below `@staticmethod` and `@classmethod`",
        )
    signature = signature_of(function)
    one = _Tool(*_named(function, tool, signature), session, signature, denial)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, one)
    if inspect.iscoroutinefunction(function):
        return _async_function(function, one)
    if inspect.isgeneratorfunction(function):
        return _generator(function, one)
    return _function(function, one)


def _named(
    function: Function, tool: str | ToolMap, signature: Signature
) -> tuple[str, HostTools | None]:
    """The name that is asked about, and the table that says what it is."""
    name = function.__name__
    if tool == "":
        return name, HostTools("python", {})
    if isinstance(tool, str) and tool.startswith("mcp:"):
        return tool, None
    given = map_of(name, tool)
    if given.fields and not signature.spread:
        lacking = sorted({one.partition("[")[0] for one in given.fields.values()} - signature.names)
        # Of a bare name a tool needs not all facts; of a map each field was written down.
        if len(lacking) == len(given.fields) or (lacking and isinstance(tool, ToolMap)):
            hint = did_you_mean(lacking[0], signature.names)
            raise MisuseError(
                f"`{name}` is said to be `{given.canonical}`, and has no `{lacking[0]}`",
                code="GOV762",
                remedy=hint or "name its arguments by a `ToolMap`",
            )
    return name, HostTools("python", {name: given})


@frozen
class _Tool:
    """A function as a tool."""

    name: str
    table: HostTools | None
    session: Session | None
    signature: Signature
    denial: Denial

    def here(self) -> Session:
        return self.session if self.session is not None else session_here()

    def ask(
        self, session: Session, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> _Call | ToolRefused:
        bound = self.signature.bind(args, kwargs)
        gate, call_id = Gate(session, self.table), uuid4().hex
        reply = gate.ask(self.name, bound.shown, call_id)
        if reply.denied:
            return ToolRefused(reply)
        if reply.action == "rewrite" and reply.rewritten is not None:
            try:
                bound = bound.changed(reply.rewritten)
            except TypeError as error:
                gate.report(call_id, "refused", error=str(error))
                said = f"`{self.name}` does not take the call that a rule makes of it: {error}"
                return ToolRefused(reply, message=said)
        return _Call(gate, call_id, bound, session.engine.clock.monotonic_ms())

    def told(self, refused: ToolRefused) -> str:
        """A refusal in the way that was chosen."""
        if self.denial == "text":
            return refused.message
        raise refused


@frozen
class _Call:
    """A call that was let through."""

    gate: Gate
    call_id: str
    bound: Bound
    begun_ms: int

    def ended(self, outcome: str, *, output: str | None = None, error: str | None = None) -> Reply:
        passed_ms = self.gate.session.engine.clock.monotonic_ms() - self.begun_ms
        return self.gate.report(
            self.call_id, outcome, output=output, error=error, duration_ms=passed_ms
        )

    def ok(self, result: object) -> object:
        """What the caller gets: *result*, or what a rule has made of it."""
        reply = self.ended("ok", output=output_text(result))
        if reply.denied:
            return ToolRefused(reply, has_run=True)
        if reply.action == "rewrite" and reply.rewritten is not None:
            return str(reply.rewritten.get("output", ""))
        return result

    def failed(self, error: BaseException) -> None:
        """Report *error*, which goes on to the caller whatever becomes of the report."""
        # A generator that nobody reads on has done part of its work, and nothing went wrong.
        outcome = "unknown" if isinstance(error, GeneratorExit) else "failed"
        try:
            self.ended(outcome, error=error_text(error))
        except GovernanceError as lost:
            error.add_note(f"governance could not record it: {lost}")


def _function(function: Function, tool: _Tool) -> Function:
    @wraps(function)
    def governed(*args: object, **kwargs: object) -> object:
        call = tool.ask(tool.here(), args, kwargs)
        if isinstance(call, ToolRefused):
            return tool.told(call)
        try:
            result = function(*call.bound.args, **call.bound.kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        given = call.ok(result)
        return tool.told(given) if isinstance(given, ToolRefused) else given

    return governed


def _generator(function: Function, tool: _Tool) -> Function:
    @wraps(function)
    def governed(*args: object, **kwargs: object) -> Generator[object, object, object]:
        call = tool.ask(tool.here(), args, kwargs)
        if isinstance(call, ToolRefused):
            yield tool.told(call)
            return None
        try:
            result = yield from function(*call.bound.args, **call.bound.kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        call.ended("ok")
        return result

    return governed


def _async_function(function: Function, tool: _Tool) -> Function:
    _anyio()

    @wraps(function)
    async def governed(*args: object, **kwargs: object) -> object:
        call = await aside(partial(tool.ask, tool.here(), args, kwargs))
        if isinstance(call, ToolRefused):
            return tool.told(call)
        try:
            result = await function(*call.bound.args, **call.bound.kwargs)
        except BaseException as error:
            await aside(partial(call.failed, error))
            raise
        given = await aside(partial(call.ok, result))
        return tool.told(given) if isinstance(given, ToolRefused) else given

    return governed


def _async_generator(function: Function, tool: _Tool) -> Function:
    _anyio()

    @wraps(function)
    async def governed(*args: object, **kwargs: object) -> AsyncGenerator[object, object]:
        call = await aside(partial(tool.ask, tool.here(), args, kwargs))
        if isinstance(call, ToolRefused):
            yield tool.told(call)
            return
        made = function(*call.bound.args, **call.bound.kwargs)
        try:
            step = made.asend(None)
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    break
                try:
                    sent = yield value
                except GeneratorExit:
                    raise
                except BaseException as thrown:  # noqa: BLE001 - it is the tool's to catch
                    step = made.athrow(thrown)
                else:
                    step = made.asend(sent)
        except BaseException as error:
            try:
                await made.aclose()
            finally:
                await aside(partial(call.failed, error))
            raise
        await aside(partial(call.ended, "ok"))

    return governed


def _anyio() -> None:
    """
    Raises:
        MisuseError: GOV762, nothing is here to wait with.
    """
    try:
        import anyio  # noqa: F401
    except ImportError as error:
        raise MisuseError(
            "asynchronous tools need anyio",
            code="GOV762",
            remedy="pip install 'session-governance[async]'",
        ) from error
