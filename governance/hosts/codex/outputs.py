"""What Codex's tools give back, as text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from governance.hosts.codex.tools import PATCH
from governance.values import Json, dump_json

_EXIT = re.compile(r"Exit code: (\d{1,3})\n")


def output_text(response: Json) -> str:
    """
    What a tool gave back, as text: most tools give one, servers give parts of content.

    >>> output_text("a")
    'a'
    >>> output_text({"content": [{"type": "text", "text": "hi"}]})
    'hi'
    """
    if isinstance(response, str):
        return response
    content = response.get("content") if isinstance(response, Mapping) else response
    if isinstance(content, (list, tuple)):
        texts = [one.get("text") for one in content if isinstance(one, Mapping)]
        found = [text for text in texts if isinstance(text, str)]
        if found:
            return "\n".join(found)
    return "" if response is None else dump_json(response).decode()


def exit_code(tool: str, output: str) -> int | None:
    """
    The exit code that a patch tells; no other tool's output says it.

    >>> exit_code("apply_patch", "Exit code: 1\\nWall time: 0 seconds\\n")
    1
    """
    found = _EXIT.match(output) if tool == PATCH else None
    return int(found[1]) if found else None
