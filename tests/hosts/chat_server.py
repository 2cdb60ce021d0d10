"""
A scripted model behind OpenAI's chat completions, on loopback, for real clients.

It keeps no state of a conversation: the last user text that holds ``SCENARIO:<name>`` picks a
script, and the number of assistant messages after it is the step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.hosts.loopback_server import JsonHandler, LoopbackServer

Step = Mapping[str, Any]
"""One assistant turn: ``{"text"}`` or ``{"tool", "args"}`` or ``{"tools": [(name, args), …]}``."""

MARK = "SCENARIO:"


def texts_of(message: Mapping[str, Any]) -> list[str]:
    """Every text in one message."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or [] if part.get("type") == "text"]


def request_text(body: Mapping[str, Any]) -> str:
    """All texts of a request, in order, one a line."""
    return "\n".join(text for message in body["messages"] for text in texts_of(message))


class ChatServer(LoopbackServer):
    """Serves scripts on an ephemeral port; ``requests`` keeps every body that was sent."""

    PATH = "/v1"

    def __init__(self) -> None:
        self.scripts: dict[str, Sequence[Step]] = {}
        outer = self

        class Handler(JsonHandler):
            protocol_version = "HTTP/1.1"

            def get(self) -> None:
                self.answer(200, {"object": "list", "data": [{"id": "scripted"}]})

            def post(self) -> None:
                body = json.loads(self.body())
                if "messages" not in body:
                    self.answer(404, {"error": {"message": self.path}})
                    return
                with outer.lock:
                    outer.requests.append(body)
                message = outer.step_for(body)
                if not body.get("stream"):
                    self.answer(200, _completion(message))
                    return
                self.begin_events()
                for chunk in _chunks(message):
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")

        super().__init__(Handler)

    def step_for(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The assistant's message that answers *body*."""
        messages = body["messages"]
        for at in range(len(messages) - 1, -1, -1):
            named = [text for text in texts_of(messages[at]) if MARK in text]
            if messages[at]["role"] == "user" and named:
                name = named[-1].rsplit(MARK, 1)[1].split()[0]
                done = sum(1 for one in messages[at + 1 :] if one["role"] == "assistant")
                script = self.scripts.get(name, ())
                return _message(script[done] if done < len(script) else {"text": "done"}, at + done)
        return _message({"text": "a summary of nothing"}, 0)


def _message(step: Step, number: int) -> dict[str, Any]:
    calls = step.get("tools") or ([(step["tool"], step["args"])] if "tool" in step else [])
    made: dict[str, Any] = {"role": "assistant", "content": step.get("text")}
    if calls:
        made["tool_calls"] = [
            {
                "id": f"call_{number}_{at}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(args)},
            }
            for at, (name, args) in enumerate(calls)
        ]
    return made


_HEAD = {"id": "scripted-1", "created": 1, "model": "scripted"}
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def _completion(message: Mapping[str, Any]) -> dict[str, Any]:
    why = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": message, "finish_reason": why}
    return {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}


def _chunks(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    head = {**_HEAD, "object": "chat.completion.chunk"}
    delta: dict[str, Any] = {"role": "assistant", "content": message.get("content") or ""}
    calls = message.get("tool_calls")
    if calls:
        delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
    yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    why = "tool_calls" if calls else "stop"
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": why}]}
    yield {**head, "choices": [], "usage": _USAGE}
