"""Parts of messages: what they may hold, and how they stand in a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from attrs import field

from governance._attrs import frozen
from governance.errors import MisuseError
from governance.values import Json

CODES: Mapping[str, str] = {
    "GOV565": "a message that no history can hold",
    "GOV566": "a part of a message whose content is gone or is not what was kept",
}

PartType = Literal["text", "thinking", "media", "tool_call", "tool_result", "json"]
PART_TYPES: tuple[str, ...] = get_args(PartType)

TEXTUAL = frozenset({"text", "thinking", "tool_result"})
"""Types whose content is `Part.text`; of the others it is `Part.value` or the bytes alone."""

NAME_CHARS_MAX = 1_000
SHA256_CHARS = 64


@frozen(kw_only=True)
class Part:
    """
    One part of a message.

    Attributes:
        type: ``"text"``, ``"thinking"`` (what a model thought aloud), ``"media"`` (an image, a
            sound, a file), ``"tool_call"``, ``"tool_result"``, or ``"json"`` for anything else.

        text: The text; of a part whose content lies on the shelf only the beginning of it.

        value: Arguments of a call, or the value of a ``"json"`` part.

        content: Bytes of media that are to be kept; never there in a part that was read.

        blob: sha256 of the content on the shelf, in hexadecimal; ``""``: it is all here.

        size_bytes: Length of the content on the shelf.

        media_type: Such as ``"image/png"``.

        name: Name of a file, or of the tool that is called.

        call_id: Ties a result to its call.

        failed: The tool call did not succeed.

        reference: An address at which media lies that is not kept here.
    """

    type: PartType
    text: str = ""
    value: Json = None
    content: bytes | None = field(default=None, repr=False)
    blob: str = ""
    size_bytes: int = 0
    media_type: str = ""
    name: str = ""
    call_id: str = ""
    failed: bool = False
    reference: str = ""

    @property
    def whole(self) -> bool:
        """Whether all of its content is in it, and nothing on the shelf."""
        return not self.blob

    def as_json(self) -> dict[str, Json]:
        """As it stands in a row: without what is empty, and without `content`."""
        made: dict[str, Json] = {"type": self.type}
        texts = ("text", "blob", "media_type", "name", "call_id", "reference")
        made |= {name: text for name in texts if (text := getattr(self, name))}
        if self.value is not None:
            made["value"] = self.value
        if self.size_bytes:
            made["size_bytes"] = self.size_bytes
        if self.failed:
            made["failed"] = True
        return made


def text(content: str) -> Part:
    """A part that is text."""
    return Part(type="text", text=content)


def media(content: bytes, media_type: str, *, name: str = "") -> Part:
    """A part that is an image, a sound or a file, at most 64 MiB."""
    return Part(type="media", content=content, media_type=media_type, name=name)


_FIELDS: Mapping[str, type] = {
    "text": str,
    "blob": str,
    "media_type": str,
    "name": str,
    "call_id": str,
    "reference": str,
    "size_bytes": int,
    "failed": bool,
}


def part_of(data: object) -> Part:
    """
    The part that `Part.as_json` wrote.

    >>> part_of({"type": "text", "text": "hello"}) == text("hello")
    True

    Raises:
        MisuseError: GOV565, it is none.
    """
    if not isinstance(data, Mapping):
        raise MisuseError(f"a part of a message is an object, not {_kind(data)}", code="GOV565")
    kind = data.get("type")
    if kind not in PART_TYPES:
        known = ", ".join(PART_TYPES)
        raise MisuseError(f"a part of type `{kind}`; expected one of {known}", code="GOV565")
    for name, value in data.items():
        if name in ("type", "value"):
            continue
        wanted = _FIELDS.get(str(name))
        if wanted is None:
            raise MisuseError(f"a part of a message has no field `{name}`", code="GOV565")
        if type(value) is not wanted:
            raise MisuseError(
                f"`{name}` of a part is {wanted.__name__}, not {_kind(value)}", code="GOV565"
            )
    made = Part(**{str(name): value for name, value in data.items()})
    check_part(made)
    return made


def check_part(part: Part) -> None:
    """
    Return quietly if *part* can stand in a message.

    Raises:
        MisuseError: GOV565.
    """
    for name in ("media_type", "name", "call_id", "reference"):
        if len(getattr(part, name)) > NAME_CHARS_MAX:
            raise MisuseError(
                f"`{name}` of a part has more than {NAME_CHARS_MAX} characters", code="GOV565"
            )
    if part.blob and not _is_sha256(part.blob):
        raise MisuseError("`blob` of a part is no sha256 in hexadecimal", code="GOV565")
    if part.size_bytes < 0:
        raise MisuseError("`size_bytes` of a part is below 0", code="GOV565")
    if part.type == "media" and part.content is None and not (part.blob or part.reference):
        raise MisuseError("a media part has neither content nor a reference", code="GOV565")


def _is_sha256(name: str) -> bool:
    return len(name) == SHA256_CHARS and set(name) <= set("0123456789abcdef")


def _kind(value: object) -> str:
    return type(value).__name__
