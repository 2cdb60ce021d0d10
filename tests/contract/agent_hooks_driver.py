"""A host that speaks agent-hooks, as its contract says that hosts treat verdicts."""

from __future__ import annotations

import itertools
from typing import Any

from governance.hosts.agent_hooks import Governance
from governance.hosts.agent_hooks.profile import PROFILE
from governance.testing.host_contract_driver import EngineHost, Seen

Verdict = dict[str, Any]


class AgentHooks(EngineHost):
    """An agent loop that shows each point to the one interceptor."""

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.interceptor = Governance(self.engine, tools={"sh": "shell"})
        self._numbers = itertools.count()

    def _emit(self, session: str, point: str, target: Any, **fields: Any) -> tuple[Verdict, Any]:
        """The verdict, and the target as it is to be used."""
        context = {
            "spec": "agent-hooks/0.1",
            "interception_point": point,
            "timestamp": "2026-01-01T00:00:00Z",
            "sequence": next(self._numbers),
            "agent": {"id": "a", "framework": "f"},
            "session": {"id": session},
            "target": target,
            **fields,
        }
        made = self.interceptor.intercept(context)
        if made["decision"] == "transform":
            path, value = made["transform"]["path"], made["transform"]["value"]
            name = path.removeprefix("$target").removeprefix(".")
            return made, {**target, name: value} if name else value
        return made, target

    @staticmethod
    def _stopped(verdict: Verdict) -> Seen:
        asked = "approval" in verdict
        return Seen(None, str(verdict.get("message", "")), asked=asked)

    def start(self, session: str) -> Seen:
        self._emit(session, "agent_startup", {}, agent_init={"tools_registered": ["sh"]})
        return Seen()

    def _turn(self, session: str, text: str, answer: dict[str, Any]) -> tuple[Seen, list[Any]]:
        said = {"content": text, "role": "user"}
        verdict, _ = self._emit(session, "input", said, input=said)
        if verdict["decision"] == "deny":
            return self._stopped(verdict), []
        messages = [said]
        made, sent = self._emit(session, "pre_model_call", messages, messages=messages)
        if made["decision"] == "deny":
            return self._stopped(made), []
        self._emit(session, "post_model_call", answer, response=answer)
        told = "\n".join(one["content"] for one in sent if one["role"] == "system")
        return Seen(text, told), sent

    def prompt(self, session: str, text: str) -> Seen:
        answer = {"content": "hi", "tool_calls": [], "finish_reason": "stop"}
        seen, sent = self._turn(session, text, answer)
        if sent:
            output = {"content": "hi"}
            self._emit(session, "output", output, output=output)
        return seen

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        seen, sent = self._turn(session, "use the tool", {"content": None, "tool_calls": []})
        if not sent:
            return seen
        wanted = {"id": call, "name": "sh", "args": {"command": command}}
        verdict, args = self._emit(session, "pre_tool_call", wanted["args"], tool_call=wanted)
        if verdict["decision"] == "deny":
            return self._stopped(verdict)
        result = {"value": output, "is_error": False}
        after, value = self._emit(
            session, "post_tool_call", output, tool_call=wanted, tool_result=result
        )
        self._emit(session, "output", {"content": "done"}, output={"content": "done"})
        read = after["message"] if after["decision"] == "deny" else value
        return Seen(args["command"], read)

    def end(self, session: str) -> None:
        self._emit(session, "agent_shutdown", {}, summary={"reason": "completed"})
