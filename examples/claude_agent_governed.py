"""
An agent of the Claude Agent SDK, governed in the program's process.

`client` takes the place of ``ClaudeSDKClient``: the model is told what governs it, and a tool
that a rule denies does not run, whatever permissions the client was given.

The model is a scripted one on loopback, so that no key is needed: leave out ``env`` to speak to
the real one. Needs ``pip install 'session-governance[claude-agent-sdk]'``; the variable
``GOVERNANCE_CLAUDE`` names another client than the one that the SDK brings along. Run it in a
project that ``governance init`` has made::

    python examples/claude_agent_governed.py path/to/project
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, ResultMessage, TextBlock

from governance import Engine
from governance.hosts.claude_agent_sdk import client

COMMANDS = ("wc -l governance.toml", "git push --force origin main")
ASKED: list[str] = []


class Scripted(BaseHTTPRequestHandler):
    """Makes a call of the shell for each of `COMMANDS`, and says what came of the last."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ASKED.append(json.dumps(body.get("messages")))
        results = [
            block["content"]
            for message in body.get("messages", ())
            if isinstance(message["content"], list)
            for block in message["content"]
            if block.get("type") == "tool_result"
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in stream(results):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.close_connection = True


def stream(results: list[Any]) -> Iterator[dict[str, Any]]:
    """The events of one answer of the model, when it has read *results*."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": f"msg_{len(results)}",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    yield {"type": "message_start", "message": message}
    if len(results) < len(COMMANDS):
        ident = f"toolu_{len(results)}"
        block = {"type": "tool_use", "id": ident, "name": "Bash", "input": {}}
        command = json.dumps({"command": COMMANDS[len(results)]})
        delta = {"type": "input_json_delta", "partial_json": command}
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": str(results[-1])}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    reason = "tool_use" if block["type"] == "tool_use" else "end_turn"
    ended = {"stop_reason": reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


async def work(engine: Engine, directory: str, url: str) -> None:
    options = ClaudeAgentOptions(
        cwd=directory,
        cli_path=os.environ.get("GOVERNANCE_CLAUDE"),
        setting_sources=[],
        allowed_tools=["Bash"],
        env={"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-scripted"},
    )
    async with client(engine, options) as claude:
        await claude.query("Write it and publish it")
        async for message in claude.receive_response():
            if isinstance(message, AssistantMessage):
                for block in message.content:
                    if isinstance(block, TextBlock):
                        print(block.text)
            if isinstance(message, ResultMessage):
                print(f"session {message.session_id}")


def main(directory: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Engine.open(directory) as engine:
        asyncio.run(work(engine, directory, f"http://127.0.0.1:{server.server_port}"))
    told = next((one for one in ASKED if "governance" in one), "")
    print(f"the model was told {len(told)} characters")
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
