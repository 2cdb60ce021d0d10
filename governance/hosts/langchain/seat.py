"""The engine as LangChain's middleware asks it: one session, its turns and its tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field

from governance._attrs import define, frozen
from governance.engine import Session
from governance.errors import GovernanceError
from governance.hosts.langchain import framework
from governance.rules.host_tools import HostTools
from governance.tools.deciding import Gate, arguments_of, deny_text, error_text, output_text
from governance.tools.requiring import ungoverned
from governance.tools.turns import Turns
from governance.values import json_of


@frozen
class Call:
    """A tool call that was let through, and the request that it is made by."""

    call_id: str
    name: str
    request: Any
    begun_ms: int


@define(eq=False)
class Seat:
    """What the middleware of one session asks and reports."""

    session: Session
    tools: HostTools
    turns: Turns = field(init=False)
    _open: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.turns = Turns(self.session)

    def begin(self, messages: Sequence[Any]) -> None:
        """
        A run of the agent is a turn; one that an exception ended is ended first.

        Raises:
            TurnRefused: The prompt was refused.
        """
        self.end("unknown")
        said = [one for one in messages if getattr(one, "type", "") == "human"]
        self.turns.begin(_text(said[-1].content) if said else "")
        self._open = True

    def end(self, failure: str = "") -> None:
        """The turn that is open is over."""
        if self._open:
            self._open = False
            self.turns.ended(failure=failure)

    def told(self, request: Any) -> Any:
        """
        *request* with the briefing in front of its system message.

        Raises:
            MisuseError: GOV764, it offers a tool that runs at the provider.
        """
        for tool in request.tools:
            if isinstance(tool, dict):
                raise ungoverned(
                    f"the tool `{tool.get('name') or tool.get('type')}`",
                    "only tools that run in this process ask before they run",
                )
        text = self.turns.text
        if not text:
            return request
        own = request.system_message
        made: object = text
        if own is not None:
            made = f"{text}\n\n{own.content}"
            if not isinstance(own.content, str):
                made = [{"type": "text", "text": text}, *own.content]
        return request.override(system_message=framework.langchain().system_message(content=made))

    def answered(self, answer: Any) -> None:
        """The model has given *answer*: it was told, and says what that has used."""
        for message in getattr(answer, "result", None) or (answer,):
            usage = getattr(message, "usage_metadata", None) or {}
            self.turns.used(usage.get("input_tokens"), usage.get("output_tokens"))
        self.turns.answered()

    def ask(self, request: Any) -> Call | Any:
        """Leave to run the tool of *request*, or the message that the model reads instead."""
        given = request.tool_call
        name, call_id = given["name"], given["id"] or ""
        if not call_id:
            raise ungoverned("a tool call without an id")
        arguments = {str(key): json_of(one) for key, one in given["args"].items()}
        reply = Gate(self.session, self.tools).ask(name, arguments, call_id)
        if reply.denied:
            return self._instead(name, call_id, deny_text(reply))
        if reply.action == "rewrite" and reply.rewritten is not None:
            changed = arguments_of(given["args"], reply.rewritten)
            request = request.override(tool_call={**given, "args": changed})
        return Call(call_id, name, request, self.session.engine.clock.monotonic_ms())

    def ran(self, call: Call, result: Any) -> Any:
        """What the model reads of a tool that gave *result*."""
        content = getattr(result, "content", result)
        text = output_text(content)
        failed = getattr(result, "status", "") == "error"
        reply = self._gate_report(call, "failed" if failed else "ok", text)
        if reply.denied:
            return self._instead(call.name, call.call_id, deny_text(reply))
        if reply.action == "rewrite" and reply.rewritten is not None:
            text = str(reply.rewritten.get("output", ""))
            return self._instead(call.name, call.call_id, text, status="success")
        return result

    def broke(self, call: Call, error: BaseException) -> None:
        """A tool raised *error*, which goes on; a pause for a person is no failure."""
        paused = isinstance(error, framework.langchain().pause)
        try:
            self._gate_report(call, "unknown" if paused else "failed", error_text(error))
        except GovernanceError as lost:
            error.add_note(f"governance could not record it: {lost}")

    def _gate_report(self, call: Call, outcome: str, text: str) -> Any:
        passed_ms = self.session.engine.clock.monotonic_ms() - call.begun_ms
        ok = outcome == "ok"
        return Gate(self.session, self.tools).report(
            call.call_id,
            outcome,
            output=text if ok else None,
            error=None if ok else text,
            duration_ms=passed_ms,
        )

    def _instead(self, name: str, call_id: str, text: str, status: str = "error") -> Any:
        return framework.langchain().tool_message(
            content=text, name=name, tool_call_id=call_id, status=status
        )


def _text(content: object) -> str:
    """The text of a message, also where it is in blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(
        str(one.get("text", "")) if isinstance(one, dict) else str(one) for one in blocks
    )
