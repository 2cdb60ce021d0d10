"""A server of the Model Context Protocol on standard input and output, with two small tools."""

from __future__ import annotations

import json
import sys
from typing import Any

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    {"name": name, "description": "A tool of the tests.", "inputSchema": SCHEMA}
    for name in ("echo", "drop")
]


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """The result of one request; ``None`` for what is none."""
    match message.get("method"):
        case "initialize":
            return {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "tests", "version": "1"},
            }
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            given = message["params"]
            text = f"{given['name']} ran: {given['arguments']['text']}"
            return {"content": [{"type": "text", "text": text}]}
        case "ping":
            return {}
        case _:
            return None


def main() -> None:
    """Answer line by line until there is no more."""
    for line in sys.stdin:
        message = json.loads(line)
        result = answer(message)
        if "id" in message:
            unknown = {"code": -32601, "message": "no such method"}
            body = {"result": result} if result is not None else {"error": unknown}
            reply = {"jsonrpc": "2.0", "id": message["id"], **body}
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
