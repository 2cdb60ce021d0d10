"""Asking about a tool call and reporting it, for whatever runs tools in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import evolve

from governance._attrs import frozen
from governance.engine import Session
from governance.errors import GovernanceError, MisuseError
from governance.rules.host_tools import HostTools, call_of
from governance.session.commands import Command, Delivery
from governance.session.replies import Reply
from governance.values import Json, ValueRefused, dump_json, json_of, whole_text

_SESSION: ContextVar[Session] = ContextVar("governance.tools.session")


class ToolRefused(GovernanceError):
    """
    Governance refused a tool, or withheld what it gave.

    Attributes:
        reply: The engine's answer, with rules and reasons.

        has_run: The tool did its work, and only its output is withheld.
    """

    code = "GOV760"

    def __init__(self, reply: Reply, *, has_run: bool = False, message: str = "") -> None:
        super().__init__(message or deny_text(reply))
        self.reply = reply
        self.has_run = has_run


@frozen
class Gate:
    """
    Where the tools of one session are asked about and reported.

    What is owed to the model is never carried by a tool's answer here (a function cannot
    put it before a model): it stays owed until a turn or a request carries it.

    Attributes:
        table: The program's table of its tools, or ``None`` for the engine's of the host.
    """

    session: Session
    table: HostTools | None = None

    def ask(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        delivery: Delivery = "none",
    ) -> Reply:
        """
        Whether *tool* may run with *arguments*.

        Arguments that no journal can hold are refused: a model may write half a sign, or a
        number that is none, and has to read of it.
        """
        command = self._command(tool, arguments, call_id)
        try:
            return self.session.engine.handle(evolve(command, delivery=delivery))
        except ValueRefused as error:
            return self.refuse(tool, call_id, str(error))

    def refuse(self, tool: str, call_id: str, why: str) -> Reply:
        """Refuse a call of *tool* whose arguments cannot be read; it is recorded without them."""
        command = self._command(tool, {}, whole_text(call_id))
        said = f"governance refuses arguments that cannot be read: {why}"
        return self.session.engine.handle(evolve(command, refused=(said,), delivery="none"))

    def _command(self, tool: str, arguments: Mapping[str, Json], call_id: str) -> Command:
        cwd = _cwd()
        command = self.session.tool_command(tool, arguments, call_id=call_id, cwd=cwd)
        if self.table is None:
            return command
        call = call_of(self.table, tool, arguments, cwd=cwd, call_id=call_id)
        return evolve(command, call=call)

    def report(
        self,
        call_id: str,
        outcome: str,
        *,
        output: str | None = None,
        error: str | None = None,
        duration_ms: int | None = None,
    ) -> Reply:
        """
        Tell what became of a call that was let through; a denial withholds the output.

        Args:
            outcome: ``"ok"``, ``"failed"``, ``"refused"`` or ``"unknown"``.
        """
        command = self.session.finished_command(
            call_id, outcome=outcome, output=output, error=error, duration_ms=duration_ms
        )
        return self.session.engine.handle(evolve(command, delivery="none"))


@contextmanager
def governing(session: Session) -> Iterator[Session]:
    """
    Have the governed tools that this context calls belong to *session*.

    Tasks that are begun within take it over; threads do not, and what they call is refused
    unless they enter `governing` themselves.
    """
    token = _SESSION.set(session)
    try:
        yield session
    finally:
        _SESSION.reset(token)


def session_here() -> Session:
    """
    The session of this context.

    Raises:
        MisuseError: GOV761, there is none.
    """
    found = _SESSION.get(None)
    if found is None:
        raise MisuseError(
            "a governed tool was called outside of every session, and has not run",
            code="GOV761",
            remedy="call it within `with governing(session):`, or give it its `session`",
        )
    return found


def deny_text(reply: Reply) -> str:
    """Why *reply* denies, in the words that the model reads."""
    return reply.message or "; ".join(reply.reasons) or "governance refuses this"


def arguments_of(
    given: Mapping[str, Any],
    wanted: Mapping[str, Json],
    shown: Callable[[Any], Json] = json_of,
) -> dict[str, Any]:
    """
    The arguments *wanted* by a rule, with the very objects *given* where they are alike.

    Args:
        shown: What a rule sees of an argument.
    """
    return {
        name: given[name] if name in given and shown(given[name]) == value else value
        for name, value in wanted.items()
    }


def output_text(result: object) -> str:
    """What a tool gave, as rules on results and withheld outputs read it."""
    if result is None:
        return ""
    if isinstance(result, str):
        return result
    try:
        return dump_json(json_of(result)).decode()
    except GovernanceError:
        return str(result)


def error_text(error: BaseException) -> str:
    """What went wrong, with its kind in front."""
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _cwd() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - a text, thousands of times a second
    except OSError:
        return None
