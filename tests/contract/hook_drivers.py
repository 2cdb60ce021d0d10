"""
How the hosts that call a command speak and listen, for the contract of adapters.

What is read here is what the pinned clients were seen to do with an answer, careless where they
are careless; `tests/hosts` proves the same with the clients themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from governance.hosts import adapter_of
from governance.testing.host_contract_driver import Seen
from governance.testing.host_contract_hook_driver import Act, Heard, HookHost, Sent

CWD = "/home/dev/project"


def table(value: object) -> dict[str, Any]:
    """*value* where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def parsed(out: bytes) -> dict[str, Any]:
    """The object in *out*; what is none says nothing to a client."""
    try:
        return table(json.loads(out))
    except ValueError:
        return {}


class SessionHooks(HookHost):
    """
    What Claude Code and Codex have in common: names of events, and most of their payloads.

    Attributes:
        ACTS: What the host does, by the event that its hook is called for.
    """

    ACTS: ClassVar[Mapping[Act, str]] = {
        "start": "SessionStart",
        "resume": "SessionStart",
        "compacted": "SessionStart",
        "clear_start": "SessionStart",
        "prompt": "UserPromptSubmit",
        "tool": "PreToolUse",
        "tool_ok": "PostToolUse",
        "turn_end": "Stop",
        "compacting": "PreCompact",
        "child_start": "SubagentStart",
        "child_stop": "SubagentStop",
        "clear_end": "SessionEnd",
        "end": "SessionEnd",
    }

    def payload(self, act: Act, session: str, **given: Any) -> Sent | None:
        event = self.ACTS.get(act)
        if event is None:
            return None
        values: dict[str, Any] = {"session_id": session, "cwd": CWD, "hook_event_name": event}
        if event == "SessionStart":
            sources = {"resume": "resume", "compacted": "compact", "clear_start": "clear"}
            values["source"] = sources.get(act, "startup")
        if act == "prompt":
            values["prompt"] = given["text"]
        if "agent" in given:
            values |= {"agent_id": given["agent"], "agent_type": given["agent"]}
        if "command" in given:
            values |= {
                "tool_name": "Bash",
                "tool_input": {"command": given["command"]},
                "tool_use_id": given["call"],
            }
        return event, values | self.own(act, given)

    def own(self, act: Act, given: Mapping[str, Any]) -> dict[str, Any]:
        """What only this host's payload of *act* has."""
        raise NotImplementedError(act)


class ClaudeCode(SessionHooks):
    """Claude Code runs the tool on anything but a well-formed deny or question."""

    adapter = adapter_of("claude-code")
    ACTS: ClassVar[Mapping[Act, str]] = {
        **SessionHooks.ACTS,
        "slash": "UserPromptExpansion",
        "tool_batch": "PostToolBatch",
    }

    def payload(self, act: Act, session: str, **given: Any) -> Sent | None:
        made = super().payload(act, session, **given)
        if made is not None and act == "tool_batch":
            values = made[1]
            call = {name: values.pop(name) for name in ("tool_name", "tool_input", "tool_use_id")}
            values["tool_calls"] = [{**call, "tool_response": given["output"]}]
        return made

    def own(self, act: Act, given: Mapping[str, Any]) -> dict[str, Any]:
        match act:
            case "clear_end":
                return {"reason": "clear", "prompt_id": "p-clear"}
            case "clear_start":
                return {"prompt_id": "p-clear"}
            case "end":
                return {"reason": "other"}
            case "compacting":
                return {"trigger": "manual", "custom_instructions": ""}
            case "slash":
                return {"command_name": given["name"], "command_args": "", "prompt": ""}
            case "tool_ok":
                return {"tool_response": {"stdout": given["output"], "stderr": ""}}
            case _:
                return {}

    def heard(self, event: str, out: bytes) -> Heard:
        answer = parsed(out)
        specific = table(answer.get("hookSpecificOutput"))
        if specific.get("hookEventName") != event:
            specific = {}
        context = str(specific.get("additionalContext") or "")
        if not answer and event == "PreCompact":
            context = out.decode()
        decision = specific.get("permissionDecision")
        if event == "PreToolUse" and decision in ("deny", "ask"):
            reason = str(specific.get("permissionDecisionReason") or "")
            return Heard(decision == "deny", reason, asked=decision == "ask")
        if answer.get("decision") == "block":
            if event in ("UserPromptSubmit", "UserPromptExpansion", "PreCompact"):
                return Heard(True, str(answer.get("reason") or ""))
            return Heard(context=str(answer.get("reason") or ""))
        args, output = specific.get("updatedInput"), specific.get("updatedToolOutput")
        return Heard(
            granted=decision == "allow" or answer.get("decision") == "approve",
            args=args if event == "PreToolUse" and isinstance(args, dict) else None,
            output=table(output).get("stdout") if event == "PostToolUse" else None,
            context=context,
            stops=event == "PostToolBatch" and answer.get("continue") is False,
        )


class Codex(SessionHooks):
    """Codex takes an answer with a key that it does not know for none at all."""

    adapter = adapter_of("codex")
    TOP = frozenset({"hookSpecificOutput", "decision", "reason"})
    SPECIFIC: Mapping[str, frozenset[str]] = {
        "PreToolUse": frozenset(
            {
                "hookEventName", "permissionDecision", "permissionDecisionReason", "updatedInput",
                "additionalContext",
            }
        ),
        "PostToolUse": frozenset({"hookEventName", "additionalContext"}),
        "UserPromptSubmit": frozenset({"hookEventName", "additionalContext"}),
        "SessionStart": frozenset({"hookEventName", "additionalContext"}),
        "SubagentStart": frozenset({"hookEventName", "additionalContext"}),
    }  # fmt: skip

    def own(self, act: Act, given: Mapping[str, Any]) -> dict[str, Any]:
        response = {"tool_response": given["output"]} if act == "tool_ok" else {}
        return {"model": "gpt-5", **response}

    def heard(self, event: str, out: bytes) -> Heard:
        answer = parsed(out)
        specific = table(answer.get("hookSpecificOutput"))
        known = self.SPECIFIC.get(event, frozenset())
        if not answer.keys() <= self.TOP or not specific.keys() <= known:
            return Heard()
        if specific and specific.get("hookEventName") != event:
            return Heard()
        if answer.get("decision") == "block":
            reason = str(answer.get("reason") or "")
            if not reason.strip():
                return Heard()
            if event == "PostToolUse":
                return Heard(output=reason)
            return Heard(event == "UserPromptSubmit", reason)
        decision, args = specific.get("permissionDecision"), specific.get("updatedInput")
        reason = str(specific.get("permissionDecisionReason") or "")
        context = str(specific.get("additionalContext") or "")
        if decision == "deny":
            return Heard(True, reason) if reason.strip() else Heard()
        if decision == "allow" and isinstance(args, dict):
            # Its sandbox, its rules and its user's approval come after the hook.
            return Heard(args=args, context=context)
        return Heard(granted=decision == "allow", context=context)


class GeminiCli(HookHost):
    """Gemini CLI reads decisions at the top level, and what is to be told to the model below."""

    adapter = adapter_of("gemini-cli")
    ACTS: ClassVar[Mapping[Act, str]] = {
        "start": "SessionStart",
        "resume": "SessionStart",
        "clear_start": "SessionStart",
        "prompt": "BeforeAgent",
        "tool": "BeforeTool",
        "tool_ok": "AfterTool",
        "turn_end": "AfterAgent",
        "clear_end": "SessionEnd",
        "end": "SessionEnd",
    }

    def payload(self, act: Act, session: str, **given: Any) -> Sent | None:
        event = self.ACTS.get(act)
        if event is None:
            return None
        values: dict[str, Any] = {"session_id": session, "cwd": CWD, "hook_event_name": event}
        if event == "SessionStart":
            sources = {"resume": "resume", "clear_start": "clear"}
            values["source"] = sources.get(act, "startup")
        if act == "prompt":
            values["prompt"] = given["text"]
        if "command" in given:
            arguments = {"command": given["command"], "description": "x"}
            values |= {"tool_name": "run_shell_command", "tool_input": arguments}
        if act == "tool_ok":
            text = given["output"]
            values["tool_response"] = {"llmContent": f"Output: {text}", "returnDisplay": text}
        return event, values

    def heard(self, event: str, out: bytes) -> Heard:
        answer = parsed(out)
        specific = table(answer.get("hookSpecificOutput"))
        reason = str(answer.get("reason") or "")
        if answer.get("decision") in ("deny", "block"):
            if event == "AfterTool":
                return Heard(output=reason)
            return Heard(event in ("BeforeTool", "BeforeAgent"), reason)
        args = specific.get("tool_input")
        told = specific.get("additionalContext") if event != "BeforeTool" else ""
        return Heard(
            asked=answer.get("decision") == "ask",
            granted=answer.get("decision") in ("allow", "approve"),
            args=args if event == "BeforeTool" and isinstance(args, dict) else None,
            context=str(told or ""),
        )


class OpenCode(HookHost):
    """OpenCode with our plugin, which denies whatever it does not understand."""

    adapter = adapter_of("opencode")
    payloads_are_ours = True
    ACTIONS = ("allow", "rewrite", "deny")
    FIELDS: Mapping[str, type] = {
        "message": str, "note": str, "context": str, "output": str, "args": dict, "inject": dict,
    }  # fmt: skip

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.resumed: set[str] = set()
        self.carried = ""
        self.told: dict[str, Any] | None = None

    def payload(self, act: Act, session: str, **given: Any) -> Sent | None:
        made = self._own(act, session, given)
        if made is None:
            return None
        event, own = made
        agent = given.get("agent", "")
        common: dict[str, Any] = {
            "hook_event_name": event,
            "session_id": self.child_session(session, agent) if agent else session,
            "parent_id": session if agent else "",
            "agent": agent or "build",
            "cwd": CWD,
            "run": "7-a",
        }
        if self.told is not None and act in ("tool", "turn_end"):
            common["told"] = self.told
        return event, common | own

    def _own(self, act: Act, session: str, given: Mapping[str, Any]) -> Sent | None:
        tool = {"tool": "bash", "callID": given.get("call", "")}
        args = {"command": given.get("command", ""), "description": "x"}
        match act:
            case "start" | "child_start":
                return "session.created", {"input": {"info": {}}}
            case "prompt":
                own = {"prompt": given["text"], "output": {"id": f"m-{given['text'][-12:]}"}}
                return "chat.message", {**own, "resumed": session in self.resumed}
            case "slash":
                own = {"input": {"command": given["name"], "arguments": ""}}
                return "command.execute.before", own
            case "tool":
                return "tool.execute.before", {"input": tool, "output": {"args": args}}
            case "tool_ok":
                output = {"output": given["output"], "metadata": {"exit": 0}}
                return "tool.execute.after", {"input": {**tool, "args": args}, "output": output}
            case "turn_end":
                return "session.idle", {}
            case "compacting":
                return "experimental.session.compacting", {"trigger": "manual"}
            case "compacted":
                return "session.compacted", {"trigger": "manual"}
            case "end":
                return "session.deleted", {}
            case _:
                return None

    def child_session(self, session: str, agent: str) -> str:
        return f"{session}-{agent}"

    def answer(self, event: str, data: bytes, *, call_id: str = "") -> bytes:
        out = super().answer(event, data, call_id=call_id)
        if not self.flushes:
            return out
        inject = table(parsed(out).get("inject"))
        if inject or event == "chat.message":
            # A prompt that is let through begins a turn, whose requests carry just this.
            self.carried, self.told = str(inject.get("text") or ""), inject.get("told")
        return out

    def heard(self, event: str, out: bytes) -> Heard:
        waits = event in self.refusal["DECIDING"]
        if not out:
            return Heard(waits, "no answer") if waits else Heard()
        answer = parsed(out)
        fields = {k: v for k, v in answer.items() if k not in ("governance", "event", "action")}
        action = answer.get("action")
        sound = answer.get("governance") == 1 and answer.get("event") == event
        sound = sound and action in self.ACTIONS and (action != "deny" or bool(fields["message"]))
        if not sound or not all(isinstance(v, self.FIELDS.get(k, bool)) for k, v in fields.items()):
            return Heard(waits, "not understood")
        if action == "deny":
            return Heard(waits, str(fields["message"]))
        inject = str(table(fields.get("inject")).get("text") or "")
        context = "\n".join(
            str(x) for x in (inject, fields.get("note"), fields.get("context")) if x
        )
        return Heard(args=fields.get("args"), output=fields.get("output"), context=context)

    def send(self, act: Act, session: str, **given: Any) -> Heard:
        heard = super().send(act, session, **given)
        if act in ("tool", "turn_end"):
            self.told = None
        return heard

    def resume(self, session: str) -> Seen:
        """The client says nothing of it: the next prompt comes from another process."""
        self.resumed.add(session)
        return Seen()

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """A sub-session has a prompt of its own; the end of `task` is its end."""
        child = self.child_session(session, name)
        self.send("child_start", session, agent=name)
        self.send("prompt", session, agent=name, text="do this")
        seen = self._tool(session, command, call="k1", output="done", agent=name)
        self.send("turn_end", session, agent=name)
        tool = {"tool": "task", "callID": "t1", "args": {"prompt": "do this"}}
        common = {"session_id": session, "parent_id": "", "agent": "build", "run": "7-a"}
        values = {
            **common,
            "hook_event_name": "tool.execute.after",
            "input": tool,
            "output": {"output": "done", "metadata": {"sessionId": child}},
        }
        self.answer("tool.execute.after", json.dumps(values).encode())
        return child, seen


DRIVERS: Mapping[str, type[HookHost]] = {
    "claude-code": ClaudeCode,
    "codex": Codex,
    "gemini-cli": GeminiCli,
    "opencode": OpenCode,
}
