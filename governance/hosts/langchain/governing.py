"""How a program has an agent of LangChain governed."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from governance.engine import Engine, Session
from governance.hosts.langchain import NAME, framework
from governance.hosts.langchain.capabilities import TRAITS
from governance.hosts.langchain.seat import Call, Seat
from governance.tools.naming import Named, tools_of
from governance.tools.turns import begun
from governance.tools.waiting import aside


def start(engine: Engine, session: str, *, role: str | None = None) -> Session:
    """
    Start *session*, or take it up again, as one of this host; used in ``with`` it ends once.

    An agent may be invoked in it many times: each is a turn.

    Raises:
        TurnRefused: GOV763, the session may not begin.
    """
    return begun(engine.start(session, role=role, host=NAME, traits=TRAITS))


def middleware(session: Session, *, tools: Named | None = None) -> Any:
    """
    The middleware by which an agent asks before each tool, for ``create_agent``.

    It stands last in ``middleware=[…]``: what it decides is what the others have made of a
    call. Synchronous and asynchronous runs are governed alike.

    Args:
        tools: The program's tools → canonical tools, such as ``{"run": "shell"}``. Others
            get what ``unknown_tool`` says.

    Raises:
        MisuseError: GOV764, there is no LangChain here that can be governed.
    """
    framework.langchain()
    return _middleware_class()(Seat(session, tools_of(NAME, tools or {})))


@cache
def _middleware_class() -> type[Any]:
    base: Any = framework.langchain().middleware_class

    class Governance(base):  # type: ignore[misc]
        """Asks before prompts and tools, and puts the briefing into each request."""

        def __init__(self, seat: Seat) -> None:
            super().__init__()
            self.seat = seat

        def before_agent(self, state: Any, runtime: Any) -> None:  # noqa: ARG002
            self.seat.begin(state["messages"])

        async def abefore_agent(self, state: Any, runtime: Any) -> None:  # noqa: ARG002
            await aside(partial(self.seat.begin, state["messages"]))

        def after_agent(self, state: Any, runtime: Any) -> None:  # noqa: ARG002
            self.seat.end()

        async def aafter_agent(self, state: Any, runtime: Any) -> None:  # noqa: ARG002
            await aside(self.seat.end)

        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            answer = handler(self.seat.told(request))
            self.seat.answered(answer)
            return answer

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            answer = await handler(self.seat.told(request))
            await aside(partial(self.seat.answered, answer))
            return answer

        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            call = self.seat.ask(request)
            if not isinstance(call, Call):
                return call
            try:
                result = handler(call.request)
            except BaseException as error:
                self.seat.broke(call, error)
                raise
            return self.seat.ran(call, result)

        async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
            call = await aside(partial(self.seat.ask, request))
            if not isinstance(call, Call):
                return call
            try:
                result = await handler(call.request)
            except BaseException as error:
                await aside(partial(self.seat.broke, call, error))
                raise
            return await aside(partial(self.seat.ran, call, result))

    return Governance
