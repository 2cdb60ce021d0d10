"""
A scripted model behind OpenAI's chat completions, on loopback, for real clients.

It keeps no state of a conversation: the last user text that holds ``SCENARIO:<name>`` picks a
script, and the number of assistant messages after it is the step.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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


class ChatServer:
    """Serves scripts on an ephemeral port; ``requests`` keeps every body that was sent."""

    def __init__(self) -> None:
        self.scripts: dict[str, Sequence[Step]] = {}
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                return None

            def do_GET(self) -> None:
                self._plain(200, {"object": "list", "data": [{"id": "scripted"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                if "messages" not in body:
                    self._plain(404, {"error": {"message": self.path}})
                    return
                with outer._lock:
                    outer.requests.append(body)
                message = outer.step_for(body)
                if not body.get("stream"):
                    self._plain(200, _completion(message))
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                for chunk in _chunks(message):
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")
                self.close_connection = True

            def _plain(self, status: int, value: object) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

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
