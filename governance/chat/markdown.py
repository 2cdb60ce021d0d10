"""
A chat history as Markdown, in pieces: nothing that was said becomes markup of the page.

What was said stands in fences that are longer than any run of backticks in it, and names stand
in code spans that hold no backtick. So no heading, link, image, HTML or fence of the history
can arise: the headings are the page's own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from governance.chat.messages import Message
from governance.chat.parts import Part
from governance.errors import number_of
from governance.values import dump_json

_TICKS = re.compile("`+")
_NAME_CHARS_MAX = 200
_INFO = {"text": "text", "thinking": "text", "tool_result": "text"}
# Signs that end a line for some readers, and those that no page should hold.
_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_HIDDEN = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")


def markdown(session: str, messages: Iterable[Message]) -> Iterator[str]:
    """*messages* of *session* as a page, a heading a message and a fence a part."""
    yield f"# Chat history of {span(session)}\n"
    for message in messages:
        yield "".join(_message(message))


def _message(message: Message) -> Iterator[str]:
    by = f", {span(message.actor)}" if message.actor else ""
    yield f"\n## {message.role}{by}\n\n"
    yield f"{_moment(message.at_ms)}, epoch {message.epoch}\n"
    for part in message.parts:
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    label = _label(part)
    if label:
        yield f"\n{label}\n"
    if part.type == "media":
        return
    body, info = part.text, _INFO.get(part.type, "json")
    if not part.text and part.value is not None:
        body, info = dump_json(part.value).decode(), "json"
    yield "\n" + fenced(body, info)
    if part.blob:
        size = number_of(part.size_bytes, "byte")
        yield f"\nThis is the beginning of {size}, sha256 {part.blob}.\n"


def _label(part: Part) -> str:
    """What a part is, in a line, where it is not just text."""
    match part.type:
        case "thinking":
            return "Thinking:"
        case "tool_call":
            return f"Call of the tool {span(part.name)}:"
        case "tool_result":
            return "Result of a tool, which failed:" if part.failed else "Result of a tool:"
        case "media":
            name = f" {span(part.name)}" if part.name else ""
            where = f"sha256 {part.blob}" if part.blob else f"kept at {span(part.reference)}"
            size = number_of(part.size_bytes, "byte")
            return f"Media{name} of type {span(part.media_type)}, {size}, {where}."
        case _:
            return ""


def fenced(text: str, info: str) -> str:
    """
    *text* as a fenced block that it cannot leave.

    >>> print(fenced("a ``` b", "text"), end="")
    ````text
    a ``` b
    ````
    """
    clean = _HIDDEN.sub(_shown, _ENDS.sub("\n", text))
    longest = max((len(run) for run in _TICKS.findall(clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{clean}\n{fence}\n"


def span(name: str) -> str:
    """
    *name* as a code span on one line, cut to 200 characters.

    >>> span("[x](http://a.test) `*b*`")
    "`[x](http://a.test) '*b*'`"
    """
    line = " ".join(_HIDDEN.sub(_shown, _ENDS.sub(" ", name)).replace("`", "'").split())
    return f"`{line[:_NAME_CHARS_MAX]}`" if line else "(unknown)"


def _shown(sign: re.Match[str]) -> str:
    return f"<U+{ord(sign[0]):04X}>"


def _moment(at_ms: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at_ms / 1000))
    except (OverflowError, OSError, ValueError):
        return f"{at_ms} ms"
