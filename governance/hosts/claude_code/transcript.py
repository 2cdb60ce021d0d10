"""
Transcripts of Claude Code as messages, and what of them no message carries.

A transcript is JSON lines that point at their predecessors; messages are taken in the order of
the file, for a chain of pointers with a hole in it loses what lies before the hole.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import field

from governance._attrs import define
from governance.chat.messages import ID_CHARS_MAX, PARTS_MAX, Message, Role
from governance.chat.parts import NAME_CHARS_MAX, Part
from governance.values import Json, ValueRefused, check_json, mend_text

ORIGIN = "claude-code"

LINE_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one line that is read; a longer one is counted as not read."""

_DEPTH_MAX = 60


@define(eq=False)
class Transcript:
    """
    The messages of one transcript, read once, and what was left out.

    Attributes:
        left_out: What no message carries → how often it was met.
    """

    left_out: Counter[str] = field(factory=Counter)
    _seen: set[str] = field(factory=set)

    def messages(self, lines: Iterable[bytes]) -> Iterator[Message]:
        """The messages of *lines*, as they stand in the file."""
        for line in lines:
            if not line.strip():
                continue
            message = self._line(line)
            if message is None:
                continue
            if message.id in self._seen:
                self.left_out["a message that stands there twice"] += 1
                continue
            self._seen.add(message.id)
            yield message

    def _line(self, line: bytes) -> Message | None:
        if len(line) > LINE_BYTES_MAX:
            self.left_out["a line that is too long"] += 1
            return None
        try:
            entry = mended(json.loads(line))
            check_json(entry)
        except (ValueError, RecursionError, ValueRefused):
            self.left_out["a line that cannot be read"] += 1
            return None
        if not isinstance(entry, Mapping):
            self.left_out["a line that is no entry"] += 1
            return None
        return self._entry(entry)

    def _entry(self, entry: Mapping[str, Json]) -> Message | None:
        kind = entry.get("type")
        if kind not in ("user", "assistant", "system"):
            self.left_out[f"an entry of type {str(kind)[:40]}"] += 1
            return None
        if entry.get("isSidechain") is True:
            self.left_out["a message of a sub-agent"] += 1
            return None
        inner = entry.get("message")
        said = inner.get("content") if isinstance(inner, Mapping) else entry.get("content")
        parts = tuple(self._parts(said))
        ident = entry.get("uuid")
        if not parts or not isinstance(ident, str) or not 1 <= len(ident) <= ID_CHARS_MAX:
            self.left_out[f"an entry of type {kind} without content or id"] += 1
            return None
        if len(parts) > PARTS_MAX:
            self.left_out["a part beyond what one message may have"] += len(parts) - PARTS_MAX
        before = entry.get("parentUuid")
        return Message(
            role=_role(str(kind), parts),
            parts=parts[:PARTS_MAX],
            id=ident,
            at_ms=self._at_ms(entry.get("timestamp")),
            epoch=1,
            reply_to=before[:ID_CHARS_MAX] if isinstance(before, str) else "",
            origin=ORIGIN,
            about=_about(entry, inner if isinstance(inner, Mapping) else {}),
        )

    def _at_ms(self, stamp: Json) -> int:
        if isinstance(stamp, str):
            try:
                return int(datetime.fromisoformat(stamp).timestamp() * 1000)
            except (ValueError, OverflowError):
                pass
        self.left_out["a time that cannot be read"] += 1
        return 0

    def _parts(self, said: Json) -> Iterator[Part]:
        if isinstance(said, str):
            yield Part(type="text", text=said)
            return
        for block in said if isinstance(said, (list, tuple)) else ():
            if isinstance(block, Mapping):
                yield from self._block(block)
            else:
                self.left_out["a block that is no object"] += 1

    def _block(self, block: Mapping[str, Json]) -> Iterator[Part]:
        match block.get("type"):
            case "text":
                yield Part(type="text", text=_text(block, "text"))
            case "thinking":
                if block.get("signature"):
                    self.left_out["a signature of thinking"] += 1
                yield Part(type="thinking", text=_text(block, "thinking"))
            case "tool_use":
                yield Part(
                    type="tool_call",
                    name=_name(block, "name"),
                    call_id=_name(block, "id"),
                    value=block.get("input"),
                )
            case "tool_result":
                yield from self._result(block)
            case "image" | "document":
                yield from self._media(block, "")
            case other:
                self.left_out[f"a block of type {str(other)[:40]}"] += 1

    def _result(self, block: Mapping[str, Json]) -> Iterator[Part]:
        call, content = _name(block, "tool_use_id"), block.get("content")
        inner = content if isinstance(content, (list, tuple)) else ()
        texts = [content] if isinstance(content, str) else []
        others: list[Part] = []
        for one in inner:
            if isinstance(one, Mapping) and one.get("type") == "text":
                texts.append(_text(one, "text"))
            elif isinstance(one, Mapping) and one.get("type") == "image":
                others += self._media(one, call)
            else:
                kind = one.get("type") if isinstance(one, Mapping) else "none"
                self.left_out[f"a block of type {str(kind)[:40]} in a result"] += 1
        failed = block.get("is_error") is True
        yield Part(type="tool_result", text="\n".join(texts), call_id=call, failed=failed)
        yield from others

    def _media(self, block: Mapping[str, Json], call: str) -> Iterator[Part]:
        source = block.get("source")
        given = source if isinstance(source, Mapping) else {}
        kind, data, url = _name(given, "media_type"), given.get("data"), _name(given, "url")
        if url:
            yield Part(type="media", media_type=kind, reference=url, call_id=call)
            return
        try:
            content = base64.b64decode(data if isinstance(data, str) else "", validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if content:
            yield Part(type="media", media_type=kind, content=content, call_id=call)
        else:
            self.left_out["media that cannot be read"] += 1


def _role(kind: str, parts: tuple[Part, ...]) -> Role:
    """Who said it: what stands under `user` and holds nothing but results came of tools."""
    if kind == "assistant":
        return "assistant"
    if kind == "system":
        return "system"
    said = {one.type for one in parts}
    return "tool" if "tool_result" in said and said <= {"tool_result", "media"} else "user"


def _about(entry: Mapping[str, Json], inner: Mapping[str, Json]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for name, key in (("model", "model"), ("id", "message_id"), ("stop_reason", "stop_reason")):
        if isinstance(inner.get(name), str):
            made[key] = inner[name]
    for name, key in (("isMeta", "meta"), ("isCompactSummary", "compact_summary")):
        if entry.get(name) is True:
            made[key] = True
    if isinstance(entry.get("subtype"), str):
        made["subtype"] = entry["subtype"]
    return made


def _text(block: Mapping[str, Json], name: str) -> str:
    found = block.get(name)
    return found if isinstance(found, str) else ""


def _name(block: Mapping[str, Json], name: str) -> str:
    return _text(block, name)[:NAME_CHARS_MAX]


def mended(value: object, depth: int = 0) -> Json:
    """
    *value*, as ``json.loads`` gave it, with lone surrogates and NUL made visible.

    Raises:
        ValueRefused: Nested deeper than 60 levels, or no JSON.
    """
    if depth > _DEPTH_MAX:
        raise ValueRefused(f"nested deeper than {_DEPTH_MAX} levels")
    if isinstance(value, str):
        return mend_text(value)
    if isinstance(value, dict):
        return {mend_text(str(name)): mended(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [mended(one, depth + 1) for one in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise ValueRefused("no JSON value")
