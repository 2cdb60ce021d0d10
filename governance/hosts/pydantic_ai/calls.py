"""One call of a tool or an output function: asked about, run, reported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from governance._attrs import frozen
from governance.errors import GovernanceError
from governance.hosts.pydantic_ai import framework
from governance.hosts.pydantic_ai.running import Run
from governance.session.replies import Reply
from governance.tools.deciding import (
    ToolRefused,
    arguments_of,
    deny_text,
    error_text,
    output_text,
)
from governance.tools.turns import TurnRefused
from governance.tools.waiting import aside
from governance.values import Json, json_of

Work = Callable[[dict[str, Any]], Awaitable[Any]]
"""What runs a call with its arguments, which may be others than the model's."""


@frozen
class Call:
    """
    One call, before it runs.

    Attributes:
        within: The run that makes it.

        checked: Makes arguments that a rule has changed what the tool takes.

        approved: A person has said yes to it already, by the host's own way.

        waits: It can be put off until a person has answered.
    """

    within: Run
    name: str
    call_id: str
    args: Mapping[str, Any]
    checked: Callable[[dict[str, Any]], dict[str, Any]] = dict
    approved: bool = False
    waits: bool = False

    async def run(self, work: Work) -> Any:
        """
        What *work* gives, or what the model reads in its place.

        Raises:
            ToolFailed, ApprovalRequired: Pydantic AI's own: denied, or for a person to say.

            ToolRefused: It ran, and what it gave is withheld.
        """
        args = await self.asked()
        gate = self.within.gate
        clock = gate.session.engine.clock
        begun_ms = clock.monotonic_ms()

        def report(outcome: str, output: str | None, error: str | None) -> Reply:
            passed_ms = clock.monotonic_ms() - begun_ms
            return gate.report(
                self.call_id, outcome, output=output, error=error, duration_ms=passed_ms
            )

        try:
            result = await work(args)
        except BaseException as error:
            # To wait for somebody is no failure: the call is made again, and asked about again.
            paused = isinstance(error, framework.pydantic_ai().deferrals)
            outcome, text = "unknown" if paused else "failed", error_text(error)
            try:
                await aside(lambda: report(outcome, None, text))
            except GovernanceError as lost:
                error.add_note(f"governance could not record it: {lost}")
            if isinstance(error, TurnRefused):
                # An agent that this tool was to run: its own model can be told.
                raise framework.pydantic_ai().failed(deny_text(error.reply)) from error
            raise
        reply = await aside(lambda: report("ok", result_text(result), None))
        if reply.denied:
            raise ToolRefused(reply, has_run=True)
        if reply.action == "rewrite" and reply.rewritten is not None:
            return str(reply.rewritten.get("output", ""))
        return result

    async def asked(self) -> dict[str, Any]:
        """
        The arguments that the call may run with.

        Raises:
            ToolFailed, ApprovalRequired: As `run`.
        """
        shown, gate = shown_arguments(self.args), self.within.gate
        reply = await aside(partial(self.within.ask, self.name, shown, self.call_id))
        if reply.action == "ask":
            if self.approved:
                return dict(self.args)
            if self.waits and gate.session.traits.asks:
                await aside(partial(gate.report, self.call_id, "unknown"))
                raise framework.pydantic_ai().approval(metadata={"reason": deny_text(reply)})
        if reply.denied:
            raise framework.pydantic_ai().failed(deny_text(reply))
        if reply.action != "rewrite" or reply.rewritten is None:
            return dict(self.args)
        wanted = arguments_of(self.args, reply.rewritten, shown_argument)
        try:
            return self.checked(wanted)
        except framework.pydantic_ai().invalid as error:
            await aside(partial(gate.report, self.call_id, "refused", error=str(error)))
            said = f"`{self.name}` does not take the call that a rule makes of it: {error}"
            raise framework.pydantic_ai().failed(said) from error


def shown_arguments(args: Mapping[str, Any]) -> dict[str, Json]:
    """*args* as rules see them: models by their fields, what has no place in JSON as text."""
    return {str(name): shown_argument(one) for name, one in args.items()}


def shown_argument(value: Any) -> Json:
    """What rules see of one argument."""
    return json_of(framework.pydantic_ai().plain(value, fallback=str))


def result_text(result: Any) -> str:
    """What a tool gave as text, what it says beside its value included."""
    value = getattr(result, "return_value", result)
    beside = getattr(result, "content", None) if value is not result else None
    plain = framework.pydantic_ai().plain
    texts = [output_text(plain(one, fallback=str)) for one in (value, beside) if one is not None]
    return "\n".join(texts)
