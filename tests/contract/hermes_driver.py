"""Hermes' callbacks called as Hermes calls them; `tests/hosts` has the client itself."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from governance.hosts.hermes.bridge import Bridge
from governance.hosts.hermes.guard import Guard
from governance.hosts.hermes.lifecycle import Lifecycle
from governance.hosts.hermes.profile import PROFILE
from governance.hosts.hermes.tool_calls import ToolCalls
from governance.project import create_project
from governance.testing.host_contract_driver import EngineHost, Seen

CHAT = {"platform": "telegram", "user_id": "u1", "session_key": "chat-1"}


class Hermes(EngineHost):
    """
    One process of Hermes after the other, all on one engine, and somebody who can be asked.

    Attributes:
        history: The messages of each session, as Hermes keeps them.
    """

    profile = PROFILE

    def __init__(self, folder: Path) -> None:
        super().__init__()
        create_project(folder, "[packs]\npaths = []\n")
        self.history: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.folder = folder
        self.guard = self._process()
        self._patch = pytest.MonkeyPatch()
        gate: Any = ModuleType("tools.approval")
        gate._YOLO_MODE_FROZEN = False
        gate.is_current_session_yolo_enabled = lambda: False
        self._patch.setitem(sys.modules, "tools", ModuleType("tools"))
        self._patch.setitem(sys.modules, "tools.approval", gate)

    def close(self) -> None:
        self._patch.undo()
        super().close()

    def _process(self) -> Guard:
        bridge = Bridge(self.folder)
        # As if the bridge had opened it: the law is that of the contract.
        bridge._engine = self.engine
        lifecycle = Lifecycle(bridge)
        return Guard(bridge, lifecycle, ToolCalls(bridge, lifecycle))

    def _hook(self, name: str, **given: Any) -> Any:
        return self.guard.hooks()[name](given)

    def start(self, session: str) -> Seen:
        self._hook("on_session_start", session_id=session, model="m", platform="telegram")
        return Seen()

    def prompt(self, session: str, text: str) -> Seen:
        seen = self._turn(session, text)
        self._hook("on_session_end", session_id=session, completed=True, platform="telegram")
        return seen

    def _turn(self, session: str, text: str) -> Seen:
        history = self.history[session]
        answer = self._hook(
            "pre_llm_call", session_id=session, user_message=text, conversation_history=history
        )
        told = answer["context"] if answer else ""
        history.append({"role": "user", "content": f"{text}\n\n{told}"})
        self._hook("pre_api_request", session_id=session, request_messages=list(history))
        history.append({"role": "assistant", "content": "hi"})
        return Seen(text, told)

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        given: dict[str, Any] = {
            "session_id": session,
            "tool_name": "terminal",
            "args": {"command": command},
            "tool_call_id": call,
        }
        changed = self.guard.middleware()["tool_request"](given)
        if isinstance(changed, dict):
            given["args"] = changed["args"]
        directive = self._hook("pre_tool_call", **given)
        if directive is not None and directive.get("action") == "block" and directive["message"]:
            said = str(directive["message"])
            status = {"status": "blocked", "error_message": said}
            self._hook("post_tool_call", result=json.dumps({"error": said}), **given, **status)
            return Seen(None, said)
        if directive is not None and directive.get("action") == "approve":
            return Seen(None, str(directive["message"]), asked=True)
        ran: list[str] = []

        def tool() -> str:
            ran.append(given["args"]["command"])
            return output

        result = self.guard.middleware()["tool_execution"]({**given, "next_call": tool})
        self._hook("post_tool_call", result=result, status="ok", duration_ms=3, **given)
        told = self._hook("transform_tool_result", result=result, **given)
        return Seen(ran[0] if ran else None, str(result if told is None else told))

    def end(self, session: str) -> None:
        self._hook("on_session_finalize", session_id=session, platform="telegram")

    def resume(self, session: str) -> Seen:
        """Hermes says nothing of it: another process takes the history up."""
        self.guard = self._process()
        return Seen()

    def reset(self, session: str) -> str:
        after = f"{session}-next"
        ids = {"old_session_id": session, "new_session_id": after, "platform": "telegram"}
        self._hook("on_session_finalize", session_id=session, **ids)
        self._hook("on_session_reset", **{**ids, "session_id": after})
        return after

    def compact(self, session: str) -> Seen:
        self.guard.gateway(
            "session:compress",
            {**CHAT, "session_id": session, "old_session_id": "", "in_place": True},
        )
        self.history[session] = [{"role": "user", "content": "what was said before"}]
        return Seen()

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        child = f"{session}-{name}"
        ids = {"parent_session_id": session, "child_session_id": child}
        self._hook("subagent_start", child_role=name, **ids)
        self._turn(child, "do this")
        seen = self.tool(child, command, call="k1")
        self._hook("subagent_stop", child_status="completed", **ids)
        return child, seen

    def slash(self, session: str, name: str) -> Seen:
        self.guard.gateway("agent:start", {**CHAT, "session_id": session})
        words = {"command": name, "raw_args": "", "args": ""}
        answer = self.guard.gateway(f"command:{name}", {**CHAT, **words})
        match answer:
            case None:
                return Seen(name)
            case {"decision": "rewrite", "command_name": other}:
                return Seen(other)
            case {"decision": "deny", "message": message}:
                return Seen(None, message)
            case _:
                return Seen(name)
