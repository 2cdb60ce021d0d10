"""
A scripted model behind the Anthropic Messages API, on loopback, for the real client.

It keeps no state of a conversation: the last user text that holds ``SCENARIO:<name>``
picks a script, and the number of assistant messages after it is the step. So resuming,
retries, sub-agents and parallel clients all work alike.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.hosts.loopback_server import JsonHandler, LoopbackServer

Step = Mapping[str, Any]
"""
One assistant turn: ``{"text"}``, ``{"tool", "input"}``, ``{"tools": [(name, input), …]}``,
``{"error": status, "message"}``; any of them with ``"input_tokens"``, ``"sleep_seconds"`` or
``"before"``, which is called before the turn is sent.
"""

SUMMARY_MARK = "detailed summary of the conversation"
CHECKPOINT_MARK = "CONTEXT CHECKPOINT COMPACTION"
SUMMARIZER_MARK = "You are a context summarization agent"
TITLE_MARK = "You are a title generator"
SUMMARY = "<analysis>scripted</analysis>\n<summary>SCRIPTED-SUMMARY of the talk</summary>"
MARK = "SCENARIO:"


def texts_of(message: Mapping[str, Any]) -> list[str]:
    """Every text in one API message: plain content, text blocks and tool results."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    found: list[str] = []
    for block in content or []:
        if block.get("type") == "text":
            found.append(block["text"])
        elif block.get("type") == "tool_result":
            found.extend(texts_of(block))
    return found


def request_text(body: Mapping[str, Any]) -> str:
    """All texts of a request's messages, in order, one a line."""
    return "\n".join(text for message in body["messages"] for text in texts_of(message))


def tool_results(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every tool result block of a request, in order."""
    return [
        block
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block.get("type") == "tool_result"
    ]


class ModelServer(LoopbackServer):
    """Serves scripts on an ephemeral port of loopback; ``requests`` keeps every body sent."""

    def __init__(self) -> None:
        self.scripts: dict[str, Sequence[Step]] = {}
        self.problems: list[str] = []
        outer = self

        class Handler(JsonHandler):
            protocol_version = "HTTP/1.1"

            def post(self) -> None:
                raw = self.body()
                if "count_tokens" in self.path.lower():
                    self.answer(200, {"input_tokens": 100, "totalTokens": 100})
                    return
                body = outer.conversation(self.path, raw)
                if body is None:
                    self.answer(404, {"error": {"type": "not_found_error", "message": self.path}})
                    return
                with outer.lock:
                    outer.requests.append(body)
                step = outer.step_for(body)
                time.sleep(step.get("sleep_seconds", 0))
                step.get("before", _nothing)()
                if "error" in step:
                    error = {"type": "invalid_request_error", "message": step["message"]}
                    self.answer(step["error"], {"type": "error", "error": error})
                    return
                self.begin_events()
                for name, event in outer.events(body, step):
                    head = f"event: {name}\n" if name else ""
                    self.wfile.write(f"{head}data: {json.dumps(event)}\n\n".encode())

        super().__init__(Handler)

    def conversation(self, path: str, raw: bytes) -> dict[str, Any] | None:
        """The request in *raw* as one of this interface; ``None`` where *path* takes none."""
        if not path.startswith("/v1/messages"):
            return None
        body: dict[str, Any] = json.loads(raw)
        return body

    def events(
        self, body: Mapping[str, Any], step: Step
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Name and data of each event that answers *body*; a name may be empty."""
        for event in stream(body.get("model", "scripted"), step):
            yield event["type"], event

    def step_for(self, body: Mapping[str, Any]) -> Step:
        """The scripted turn that answers *body*."""
        messages = body["messages"]
        if TITLE_MARK in str(body.get("system")):
            return {"text": "A scripted title"}
        if SUMMARIZER_MARK in str(body.get("system")):
            return {"text": SUMMARY}
        last = "\n".join(texts_of(messages[-1])) if messages else ""
        if SUMMARY_MARK in last or CHECKPOINT_MARK in last:
            return {"text": SUMMARY}
        for at in range(len(messages) - 1, -1, -1):
            if messages[at]["role"] != "user":
                continue
            named = [text for text in texts_of(messages[at]) if MARK in text]
            if named:
                name = named[-1].rsplit(MARK, 1)[1].split()[0].strip("\"'.,`<")
                done = sum(1 for one in messages[at + 1 :] if one["role"] == "assistant")
                return self._scripted(name, done)
        return {"text": "no scenario was named"}

    def _scripted(self, name: str, done: int) -> Step:
        script = self.scripts.get(name)
        if script is None:
            with self.lock:
                self.problems.append(f"unknown scenario `{name}`")
            return {"text": f"unknown scenario {name}"}
        return script[done] if done < len(script) else {"text": "that is all"}


def _nothing() -> None:
    return None


def stream(model: str, step: Step) -> Iterator[dict[str, Any]]:
    """The server-sent events of one assistant turn."""
    usage = {"input_tokens": step.get("input_tokens", 100), "output_tokens": 1}
    yield {
        "type": "message_start",
        "message": {
            "id": f"msg_{uuid.uuid4().hex[:24]}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        },
    }
    tools = list(step.get("tools", ()))
    if "tool" in step:
        tools.append((step["tool"], step.get("input", {})))
    index = 0
    if "text" in step:
        yield from _block(index, {"type": "text", "text": ""}, "text_delta", "text", step["text"])
        index += 1
    for name, arguments in tools:
        opened = {
            "type": "tool_use",
            "id": f"toolu_{uuid.uuid4().hex[:24]}",
            "name": name,
            "input": {},
        }
        sent = json.dumps(arguments)
        yield from _block(index, opened, "input_json_delta", "partial_json", sent)
        index += 1
    reason = "tool_use" if tools else "end_turn"
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 20},
    }
    yield {"type": "message_stop"}


def _block(
    index: int, opened: Mapping[str, Any], kind: str, field: str, value: str
) -> Iterator[dict[str, Any]]:
    yield {"type": "content_block_start", "index": index, "content_block": dict(opened)}
    delta = {"type": kind, field: value}
    yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
