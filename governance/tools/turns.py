"""Turns of a session in this process: what its model is owed, carried by each request."""

from __future__ import annotations

from contextlib import suppress

from attrs import evolve, field

from governance._attrs import define
from governance.engine import Session
from governance.errors import GovernanceError, JournalError
from governance.session.commands import Command
from governance.session.replies import Injection, Reply
from governance.states import State
from governance.tools.deciding import deny_text
from governance.values import Json


class TurnRefused(GovernanceError):
    """
    Governance refused a session, a prompt, a request or a sub-agent; nothing was sent.

    Attributes:
        reply: The engine's answer, with rules and reasons.
    """

    code = "GOV763"

    def __init__(self, reply: Reply) -> None:
        super().__init__(deny_text(reply))
        self.reply = reply


def begun(session: Session) -> Session:
    """
    *session*, which was just started or taken up again.

    Raises:
        TurnRefused: It may not begin, and does not exist. One that is halted exists: what it
            asks for is refused, until a person pardons it.
    """
    reply = session.reply
    if reply is not None and reply.denied and session.state.state is State.ABSENT:
        raise TurnRefused(reply)
    return session


@define(eq=False)
class Turns:
    """
    The turns of one session, whose host puts a text before each request.

    Attributes:
        injection: What the requests of this turn carry, or ``None``.
    """

    session: Session
    injection: Injection | None = None
    _told: bool = field(default=False, init=False)
    _used: tuple[int, int] = field(default=(0, 0), init=False)

    @property
    def text(self) -> str:
        """What to put before the instructions of a request, or ``""``."""
        return self.injection.text if self.injection is not None else ""

    def begin(self, prompt: str, *, source: str = "user") -> None:
        """
        Ask whether a turn may begin.

        Raises:
            TurnRefused: It may not.
        """
        command = self.session.turn_command(prompt, source=source)
        reply = self.session.engine.handle(evolve(command, delivery="after_flush"))
        if reply.denied:
            raise TurnRefused(reply)
        told = reply.injection
        self.injection = told if told is not None and told.text else None
        self._told = False

    def answered(self) -> None:
        """The model has answered a request, so what it carried was read; told once a turn."""
        told = self.injection
        if told is None or self._told:
            return
        self._told = True
        blocks: list[Json] = list(told.blocks)
        self.session.engine.handle(
            Command(
                event="brief",
                session=self.session.id,
                host=self.session.host,
                traits=self.session.traits,
                run=self.session.run,
                role=self.session.role,
                parent=self.session.parent,
                delivery="none",
                data={
                    "sha256": told.sha256,
                    "rendered_at": told.rendered_at,
                    "blocks": blocks,
                    "why": told.why,
                    "characters": len(told.text),
                },
            )
        )

    def used(self, input_tokens: object, output_tokens: object) -> None:
        """
        Report what a request has used, as its provider told; of one that tells nothing, nothing.

        What could not be written comes with the next one's: until then no tool is let run.
        """
        sent, made = self._used
        sent, made = sent + _tokens(input_tokens), made + _tokens(output_tokens)
        self._used = sent, made
        if not sent and not made:
            return
        with suppress(JournalError):
            self.session.used(input_tokens=sent, output_tokens=made)
            self._used = 0, 0

    def ended(self, *, failure: str = "") -> None:
        """The turn is over."""
        self.session.turn_ended(failure=failure)


def _tokens(told: object) -> int:
    return told if isinstance(told, int) and not isinstance(told, bool) and told > 0 else 0
