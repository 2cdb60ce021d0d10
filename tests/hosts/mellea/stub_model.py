"""
A scripted model behind the chat completions API, on loopback, for the real Mellea.

Requests are answered by the script in the order in which they come; what they held is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.hosts.loopback_server import JsonHandler, LoopbackServer

Step = Mapping[str, Any]
"""One answer: ``{"text"}``, ``{"tool", "arguments"}``, or ``{"error": status}``."""


class StubModel(LoopbackServer):
    """Serves on an ephemeral port; ``requests`` keeps the body of every request."""

    PATH = "/v1"

    def __init__(self) -> None:
        self.steps: list[Step] = []
        outer = self

        class Handler(JsonHandler):
            def post(self) -> None:
                body = json.loads(self.body())
                outer.requests.append(body)
                step = outer.steps.pop(0) if outer.steps else {"text": "that is all"}
                status = step.get("error", 200)
                made = answer(step) if status == 200 else {"error": {"message": "scripted"}}
                self.answer(status, made)

        super().__init__(Handler)

    def script(self, *steps: Step) -> None:
        """What the model answers from now on."""
        self.steps = list(steps)

    def system(self, index: int = -1) -> str:
        """The system prompts of a request, one a line."""
        return "\n".join(_texts(self.requests[index], "system"))

    def said(self, index: int = -1) -> str:
        """All text of a request."""
        return json.dumps(self.requests[index]["messages"])


def _texts(body: Mapping[str, Any], role: str) -> Sequence[str]:
    return [str(one["content"]) for one in body["messages"] if one["role"] == role]


def answer(step: Step) -> dict[str, Any]:
    """The body of a completion that says what *step* says."""
    message: dict[str, Any] = {"role": "assistant", "content": step.get("text", "")}
    if "tool" in step:
        message["tool_calls"] = [
            {
                "id": "call_1",
                "type": "function",
                "function": {
                    "name": step["tool"],
                    "arguments": json.dumps(step.get("arguments", {})),
                },
            }
        ]
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "stub",
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if "tool" in step else "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
