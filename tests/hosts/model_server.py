"""
A scripted model behind the Anthropic Messages API, on loopback, for the real client.

It keeps no state of a conversation: the last user text that holds ``SCENARIO:<name>``
picks a script, and the number of assistant messages after it is the step. So resuming,
retries, sub-agents and parallel clients all work alike.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Mapping[str, Any]
"""
One assistant turn: ``{"text"}``, ``{"tool", "input"}``, ``{"tools": [(name, input), …]}``,
``{"error": status, "message"}``; any of them with ``"input_tokens"``, ``"sleep_seconds"`` or
``"before"``, which is called before the turn is sent.
"""

SUMMARY_MARK = "detailed summary of the conversation"
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


class ModelServer:
    """Serves scripts on an ephemeral port of loopback; ``requests`` keeps every body sent."""

    def __init__(self) -> None:
        self.scripts: dict[str, Sequence[Step]] = {}
        self.requests: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                return None

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD  # noqa: N815

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if not self.path.startswith("/v1/messages"):
                    self._plain(404, {"error": {"type": "not_found_error", "message": self.path}})
                    return
                body = json.loads(raw)
                if "count_tokens" in self.path:
                    self._plain(200, {"input_tokens": 100})
                    return
                with outer._lock:
                    outer.requests.append(body)
                step = outer.step_for(body)
                time.sleep(step.get("sleep_seconds", 0))
                step.get("before", _nothing)()
                if "error" in step:
                    error = {"type": "invalid_request_error", "message": step["message"]}
                    self._plain(step["error"], {"type": "error", "error": error})
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                for event in stream(body.get("model", "scripted"), step):
                    line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                    self.wfile.write(line.encode())
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
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def step_for(self, body: Mapping[str, Any]) -> Step:
        """The scripted turn that answers *body*."""
        messages = body["messages"]
        if TITLE_MARK in str(body.get("system")):
            return {"text": "A scripted title"}
        if SUMMARIZER_MARK in str(body.get("system")):
            return {"text": SUMMARY}
        if messages and SUMMARY_MARK in "\n".join(texts_of(messages[-1])):
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
            with self._lock:
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
