"""What a tool of OpenCode gave back: text of its own tools, blocks of those of MCP servers."""

from __future__ import annotations

from collections.abc import Mapping

from governance.values import Json


def output_text(output: Mapping[str, Json]) -> str:
    """
    What the model will read of *output*, as text.

    >>> output_text({"title": "t", "output": "hi", "metadata": {}})
    'hi'
    >>> output_text({"content": [{"type": "text", "text": "a"}, {"type": "image"}]})
    'a'
    """
    text = output.get("output")
    if isinstance(text, str):
        return text
    blocks = output.get("content")
    if not isinstance(blocks, (list, tuple)):
        return ""
    texts = [one.get("text") for one in blocks if isinstance(one, Mapping)]
    return "\n".join(one for one in texts if isinstance(one, str))


def exit_code(output: Mapping[str, Json]) -> int | None:
    """The exit code of a command, where there is one: a command that was broken off has none."""
    metadata = output.get("metadata")
    code = metadata.get("exit") if isinstance(metadata, Mapping) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
