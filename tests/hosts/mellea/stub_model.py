"""
A scripted model behind the chat completions API, on loopback, for the real Mellea.

Requests are answered by the script in the order in which they come; what they held is kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Mapping[str, Any]
"""One answer: ``{"text"}``, ``{"tool", "arguments"}``, or ``{"error": status}``."""


class StubModel:
    """Serves on an ephemeral port; ``requests`` keeps the body of every request."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.requests: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                return None

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(body)
                step = outer.steps.pop(0) if outer.steps else {"text": "that is all"}
                status = step.get("error", 200)
                made = answer(step) if status == 200 else {"error": {"message": "scripted"}}
                data = json.dumps(made).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def script(self, *steps: Step) -> None:
        """What the model answers from now on."""
        self.steps = list(steps)

    def system(self, index: int = -1) -> str:
        """The system prompts of a request, one a line."""
        return "\n".join(_texts(self.requests[index], "system"))

    def said(self, index: int = -1) -> str:
        """All text of a request."""
        return json.dumps(self.requests[index]["messages"])

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


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
