"""The scripted model behind the Gemini interface, which Gemini CLI speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hosts.model_server import ModelServer, Step

HIDDEN = ("classify the complexity", "loop detection", "next speaker")
"""What the client's own questions to the model are known by."""


class GeminiServer(ModelServer):
    """
    As `ModelServer`; a request is kept in the shape that the other one's have.

    Each keeps the request as it came under ``raw``.
    """

    def conversation(self, path: str, raw: bytes) -> dict[str, Any] | None:
        """As `ModelServer.conversation`."""
        model, _, method = path.split("?")[0].rpartition("/")[2].partition(":")
        if method not in ("streamGenerateContent", "generateContent"):
            return None
        body: dict[str, Any] = json.loads(raw)
        system = body.get("systemInstruction") or {}
        tools = [
            one for group in body.get("tools", []) for one in group.get("functionDeclarations", [])
        ]
        return {
            "model": model,
            "system": "\n".join(part.get("text", "") for part in system.get("parts", [])),
            "tools": tools,
            "messages": [_message(one) for one in body["contents"]],
            "raw": body,
        }

    def events(
        self, body: Mapping[str, Any], step: Step
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """As `ModelServer.events`."""
        tools = list(step.get("tools", ()))
        if "tool" in step:
            tools.append((step["tool"], step.get("input", {})))
        parts: list[dict[str, Any]] = [{"text": step["text"]}] if "text" in step else []
        parts += [{"functionCall": {"name": name, "args": given}} for name, given in tools]
        tokens = step.get("input_tokens", 100)
        yield (
            "",
            {
                "candidates": [
                    {
                        "content": {"role": "model", "parts": parts},
                        "finishReason": "STOP",
                        "index": 0,
                    }
                ],
                "usageMetadata": {
                    "promptTokenCount": tokens,
                    "candidatesTokenCount": 20,
                    "totalTokenCount": tokens + 20,
                },
            },
        )


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for part in item.get("parts", []):
        if "text" in part:
            content.append({"type": "text", "text": part["text"]})
        elif "functionCall" in part:
            content.append({"type": "tool_use", "name": part["functionCall"]["name"]})
        elif "functionResponse" in part:
            response = part["functionResponse"].get("response", {})
            content.append({"type": "tool_result", "content": json.dumps(response)})
    role = "assistant" if item.get("role") == "model" else "user"
    return {"role": role, "content": content}
