"""One project's guard in a process of Hermes: which of its calls go where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path

from governance._attrs import define
from governance.hosts.hermes import client, translate
from governance.hosts.hermes.answer import command_decision
from governance.hosts.hermes.bridge import Bridge, bridge_for
from governance.hosts.hermes.lifecycle import Given, Lifecycle
from governance.hosts.hermes.log import note
from governance.hosts.hermes.shapes import UNREADY, denied_command
from governance.hosts.hermes.sightings import Sighting, is_identity
from governance.hosts.hermes.tool_calls import ToolCalls
from governance.values import Json

COMMAND_WORDS_MAX = 1_000

Callback = Callable[[Given], object]

_chat: ContextVar[tuple[str, str]] = ContextVar("governance_hermes_chat", default=("", ""))
"""Chat and session of the message that this task of the gateway handles."""


@define(eq=False)
class Guard:
    """The callbacks of one project; made by `of`."""

    bridge: Bridge
    lifecycle: Lifecycle
    tools: ToolCalls

    @classmethod
    def of(cls, project: Path) -> Guard:
        """The guard of *project*, with the bridge that all of this process share."""
        bridge = bridge_for(project)
        lifecycle = Lifecycle(bridge)
        return cls(bridge, lifecycle, ToolCalls(bridge, lifecycle))

    def hooks(self) -> Mapping[str, Callback]:
        """Hook of Hermes' plugins → what it calls."""
        return {
            "on_session_start": self._quiet("on_session_start", self.lifecycle.started),
            "pre_llm_call": self._turn,
            "pre_api_request": self._quiet("pre_api_request", self.lifecycle.sent),
            "pre_tool_call": self.tools.before,
            "post_tool_call": self.tools.after,
            "transform_tool_result": self.tools.result,
            "on_session_end": self._quiet("on_session_end", self.lifecycle.turn_ended),
            "on_session_finalize": self._quiet("on_session_finalize", self.lifecycle.finalized),
            "on_session_reset": self._quiet("on_session_reset", self.lifecycle.reset),
            "subagent_start": self._quiet("subagent_start", self.lifecycle.child_began),
            "subagent_stop": self._quiet("subagent_stop", self.lifecycle.child_ended),
            "pre_gateway_dispatch": self._quiet("pre_gateway_dispatch", self._dispatched),
        }

    def middleware(self) -> Mapping[str, Callback]:
        """Kind of middleware → what it calls."""
        return {"tool_request": self.tools.request, "tool_execution": self.tools.execution}

    def gateway(self, event: str, context: Given) -> dict[str, str] | None:
        """What an event of the gateway's hook directory leads to; never raises."""
        if event.startswith("command:"):
            return self._command(context)
        handler = {
            "session:start": self.lifecycle.chat_began,
            "session:compress": self.lifecycle.compressed,
            "agent:start": self.lifecycle.met,
            "agent:step": self.lifecycle.met,
            "agent:end": self.lifecycle.answered,
        }.get(event)
        if handler is not None:
            self._quiet(event, handler)(context)
        return None

    def _turn(self, given: Given) -> dict[str, str] | None:
        try:
            text = self.lifecycle.turn(given)
        except Exception as error:  # noqa: BLE001 -- the tools of the turn are refused
            note(self.bridge.project, "pre_llm_call", str(error))
            return None
        return {"context": text} if text else None

    def _dispatched(self, given: Given) -> None:
        """``pre_gateway_dispatch``: a command that comes next in this task is of this chat."""
        key, session = client.chat_of(
            given.get("event"), given.get("gateway"), given.get("session_store")
        )
        _chat.set((key, session))
        if is_identity(session) and not self.bridge.seen.linked("chat", key):
            # A chat that an earlier gateway began: it is known when its session is replaced.
            self.bridge.seen.link("chat", key, session)
            self.bridge.seen.see(session).key = key

    def _command(self, context: Given) -> dict[str, str] | None:
        """A slash command; without an answer of ours it is not run."""
        try:
            key, session = _chat.get()
            one = self.lifecycle.of_chat(key, session, context)
            if one is None:
                why = "the command belongs to no session that is known"
                unbound = self.bridge.settings.unbound
                return None if unbound == "allow" else denied_command(why)
            return self._decided(one, context)
        except Exception as error:  # noqa: BLE001 -- Hermes takes an exception for leave
            note(self.bridge.project, "command", str(error))
            return denied_command(f"{UNREADY}: {error}")

    def _decided(self, one: Sighting, context: Given) -> dict[str, str] | None:
        one.platform = str(context.get("platform") or one.platform)
        one.user = str(context.get("user_id") or one.user)
        words = translate.text_of(context.get("raw_args")).split()[:COMMAND_WORDS_MAX]
        arguments: list[Json] = list(words)
        data: dict[str, Json] = {
            "name": translate.text_of(context.get("command")),
            "arguments": arguments,
            "source": "user",
        }
        self.lifecycle.begin(one)
        return command_decision(self.bridge.ask(translate.command(one, "command", data)))

    def _quiet(self, event: str, work: Callable[[Given], object]) -> Callback:
        """*work* as an observer: a failure leaves a line in the log."""

        def observed(given: Given) -> None:
            try:
                work(given)
            except Exception as error:  # noqa: BLE001 -- an observer never breaks its host
                note(self.bridge.project, event, str(error))

        return observed
