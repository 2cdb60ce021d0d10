"""What Gemini CLI's tools give back."""

from __future__ import annotations

import re
from collections.abc import Mapping

from governance.values import Json

_EXIT = re.compile(r"^Exit Code: (\d{1,3})$", re.MULTILINE)


def output_text(response: Mapping[str, Json]) -> str:
    """
    What the model is given, as text.

    >>> output_text({"llmContent": "a"})
    'a'
    >>> output_text({"llmContent": [{"text": "a"}, {"text": "b"}]})
    'a\\nb'
    """
    content = response.get("llmContent")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else (content,)
    texts = [one.get("text") for one in parts if isinstance(one, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def outcome_of(response: Mapping[str, Json]) -> dict[str, Json]:
    """
    How a tool ended: the error that the client tells, or the exit code in the shell's words.

    >>> outcome_of({"llmContent": "Output: x\\nExit Code: 2\\n"})
    {'outcome': 'failed', 'error': 'exit code 2', 'exit_code': 2}
    """
    error = response.get("error")
    if error:
        told = error.get("message") if isinstance(error, Mapping) else error
        return {"outcome": "failed", "error": str(told)}
    found = _EXIT.findall(output_text(response))
    code = int(found[-1]) if found else 0
    if not code:
        return {"outcome": "ok"}
    return {"outcome": "failed", "error": f"exit code {code}", "exit_code": code}
