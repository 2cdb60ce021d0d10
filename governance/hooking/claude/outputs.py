"""What the tools of Claude's client give back, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from governance.values import Json


def output_text(response: Json) -> str:
    """
    What a tool gave back, as text: the ``tool_response`` of each tool has its own shape.

    >>> output_text({"stdout": "a", "stderr": "b"})
    'a\\nb'
    >>> output_text([{"type": "text", "text": "hi"}])
    'hi'
    """
    if isinstance(response, str):
        return response
    if isinstance(response, Mapping):
        if "stdout" in response or "stderr" in response:
            streams = (_text(response.get("stdout")), _text(response.get("stderr")))
            return "\n".join(text for text in streams if text)
        file = response.get("file")
        if isinstance(file, Mapping):
            return _text(file.get("content"))
        for name in ("content", "result", "output", "text"):
            if response.get(name):
                return output_text(response[name])
        return ""
    if isinstance(response, Sequence):
        parts = [output_text(one) for one in response]
        return "\n".join(part for part in parts if part)
    return ""


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
