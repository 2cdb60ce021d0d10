"""The scripted model behind OpenAI's Responses interface, which Codex speaks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hosts.model_server import ModelServer, Step


class ResponsesServer(ModelServer):
    """
    As `ModelServer`; a request is kept in the shape that the other one's have.

    Each keeps the request as it came under ``raw``. Tool names with a colon are freeform
    tools of that name: ``custom:apply_patch``, whose argument is a text.
    """

    def conversation(self, path: str, raw: bytes) -> dict[str, Any] | None:
        """As `ModelServer.conversation`."""
        if not path.split("?")[0].endswith("/responses"):
            return None
        body: dict[str, Any] = json.loads(raw)
        messages = [one for item in body.get("input", []) if (one := _message(item))]
        return {
            "model": body.get("model", ""),
            "system": body.get("instructions", ""),
            "tools": body.get("tools", []),
            "messages": messages,
            "raw": body,
        }

    def events(
        self, body: Mapping[str, Any], step: Step
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """As `ModelServer.events`."""
        name = f"resp_{uuid.uuid4().hex[:16]}"
        yield _event("response.created", response={"id": name})
        tools = list(step.get("tools", ()))
        if "tool" in step:
            tools.append((step["tool"], step.get("input", {})))
        items: list[dict[str, Any]] = []
        if "text" in step:
            content = [{"type": "output_text", "text": step["text"], "annotations": []}]
            items.append({"type": "message", "role": "assistant", "content": content})
        items.extend(_call(tool, arguments) for tool, arguments in tools)
        for index, item in enumerate(items):
            item["id"] = f"item_{uuid.uuid4().hex[:16]}"
            yield _event("response.output_item.done", output_index=index, item=item)
        tokens = step.get("input_tokens", 100)
        usage = {
            "input_tokens": tokens,
            "input_tokens_details": None,
            "output_tokens": 1,
            "output_tokens_details": None,
            "total_tokens": tokens + 1,
        }
        yield _event("response.completed", response={"id": name, "usage": usage})


def _event(kind: str, **fields: Any) -> tuple[str, Mapping[str, Any]]:
    return kind, {"type": kind, **fields}


def _call(tool: str, arguments: Any) -> dict[str, Any]:
    call = f"call_{uuid.uuid4().hex[:16]}"
    kind, _, name = tool.rpartition(":")
    if kind == "custom":
        return {"type": "custom_tool_call", "call_id": call, "name": name, "input": arguments}
    named = {"name": name, "namespace": kind} if kind else {"name": name}
    sent = json.dumps(arguments)
    return {"type": "function_call", "call_id": call, **named, "arguments": sent}


def _message(item: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = item.get("type", "message")
    if kind == "message":
        parts = item["content"]
        texts = [parts] if isinstance(parts, str) else [one.get("text", "") for one in parts]
        content: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
        return {"role": item["role"], "content": content}
    if kind in ("function_call", "custom_tool_call"):
        return {"role": "assistant", "content": [{"type": "tool_use", "name": item["name"]}]}
    if kind in ("function_call_output", "custom_tool_call_output"):
        output = item["output"]
        text = output if isinstance(output, str) else json.dumps(output)
        return {"role": "user", "content": [{"type": "tool_result", "content": text}]}
    return None
