"""
What is too big for a row: kept on a shelf of the store under its sha256.

A value on the shelf is named ``SESSION#SHA256``: it belongs to one session, is read through
the session's rows alone, and goes with them. Texts and values lie there compressed, media as
they are; the hash is that of the content.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256

from attrs import evolve

from governance._attrs import frozen
from governance.chat.messages import Message
from governance.chat.parts import TEXTUAL, Part
from governance.errors import GovernanceError, MisuseError
from governance.journal.limits import VALUE_BYTES_MAX
from governance.journal.records import Journal
from governance.journal.session_values import BLOB_SHELF, shelf_name
from governance.values import Json, check_json, dump_json, load_json

INLINE_CHARS_MAX = 32_768
"""Characters of all parts of one message that stand in its row; the rest goes on the shelf."""

START_CHARS = 1_000
"""Characters of a text on the shelf that its part begins with."""

CONTENT_BYTES_MAX = VALUE_BYTES_MAX
"""Bytes of one part of a message."""

_LEVEL = 3
"""Of zlib: what is said once is read seldom."""

Redact = Callable[[Json], tuple[Json, tuple[str, ...]]]


class ContentGone(GovernanceError):
    """The content of a part is not on the shelf, or is not what was put there."""

    code = "GOV566"


@frozen
class Prepared:
    """
    A message that is ready for its row.

    Attributes:
        contents: What has to be on the shelf before the row is written, by the sha256 of what
            it is a content of.
    """

    message: Message
    contents: tuple[tuple[str, bytes], ...]


def prepared(message: Message, redact: Redact) -> Prepared:
    """
    *message* without secrets and with its big parts as contents for the shelf.

    Secrets are taken out of all text and of bytes that are UTF-8; other bytes stay as they are.

    Raises:
        MisuseError: GOV565, a part of more than 64 MiB, or a big one with a text and a value.
        ValueRefused: A part holds what no journal may.
    """
    left = INLINE_CHARS_MAX
    parts: list[Part] = []
    contents: dict[str, bytes] = {}
    for part in message.parts:
        check_json(part.as_json())
        clean = _clean(part, redact)
        data = _content(clean, left)
        if data is None:
            left -= _size(clean)
            parts.append(clean)
            continue
        if len(data) > CONTENT_BYTES_MAX:
            raise MisuseError(
                f"a part of {len(data)} bytes; at most {CONTENT_BYTES_MAX} are taken",
                code="GOV565",
                remedy="keep it in a file, and put a reference into the message",
            )
        name = sha256(data).hexdigest()
        contents[name] = data if clean.type == "media" else zlib.compress(data, _LEVEL)
        start = "" if clean.type == "media" else data[: 4 * START_CHARS].decode("utf-8", "ignore")
        parts.append(
            evolve(
                clean,
                text=start[:START_CHARS],
                value=None,
                content=None,
                blob=name,
                size_bytes=len(data),
            )
        )
    return Prepared(evolve(message, parts=tuple(parts)), tuple(contents.items()))


def _size(part: Part) -> int:
    return len(part.text) + (0 if part.value is None else len(dump_json(part.value)))


def _content(part: Part, left: int) -> bytes | None:
    """What of *part* goes on the shelf, or none where it has room in the row, or lies there."""
    if part.content is not None:
        return part.content
    if part.blob or _size(part) <= left:
        return None
    if part.value is None:
        return part.text.encode()
    if part.text:
        # Only one of them can lie on the shelf, and the other would be lost.
        raise MisuseError(
            "a part that has both a text and a value, and is too big for its row",
            code="GOV565",
            remedy="make two parts of it",
        )
    return dump_json(part.value)


def _clean(part: Part, redact: Redact) -> Part:
    content = part.content
    if content is not None:
        try:
            told = content.decode("utf-8")
        except UnicodeDecodeError:
            return part
        clean, hidden = redact(told)
        return evolve(part, content=str(clean).encode()) if hidden else part
    if not part.text and part.value is None:
        return part
    told_text, _ = redact(part.text)
    value, _ = redact(part.value)
    return evolve(part, text=str(told_text), value=value)


def keep(journal: Journal, session: str, contents: tuple[tuple[str, bytes], ...]) -> None:
    """Put *contents* on the shelf of *session*, durably, also over what was damaged there."""
    for blob, data in contents:
        name = shelf_name(session, blob)
        if journal.shelf.put(BLOB_SHELF, name, data, expected_version=0) is not None:
            continue
        there = journal.shelf.get(BLOB_SHELF, name)
        if there is None or there.value != data:
            journal.shelf.put(BLOB_SHELF, name, data)


def content_of(journal: Journal, message: Message, part: Part) -> bytes:
    """
    The content of *part*, a part of *message*: of a text its UTF-8, of a value its JSON.

    Raises:
        ContentGone: It is not on the shelf, or not what was put there.
        JournalError: The store cannot be read.
    """
    if part.content is not None:
        return part.content
    if part.blob:
        entry = journal.shelf.get(BLOB_SHELF, shelf_name(message.session, part.blob))
        if entry is None:
            raise ContentGone(
                f"the content `{part.blob}` of message `{message.id}` is not in the store"
            )
        data = _content_in(entry.value, part.blob, part.size_bytes)
        if data is not None:
            return data
        raise ContentGone(
            f"the content `{part.blob}` of message `{message.id}` is not what was kept"
        )
    return dump_json(part.value) if part.value is not None else part.text.encode()


def is_content(value: bytes, blob: str, size_bytes: int) -> bool:
    """Whether *value*, from the shelf, holds what *blob* is the sha256 of."""
    return _content_in(value, blob, size_bytes) is not None


def _content_in(value: bytes, blob: str, size_bytes: int) -> bytes | None:
    found = (data for data in _readings(value, size_bytes) if sha256(data).hexdigest() == blob)
    return next(found, None)


def _readings(value: bytes, size_bytes: int) -> Iterator[bytes]:
    """What *value* may hold: itself, or what it was packed from, no more than *size_bytes*."""
    yield value
    with suppress(zlib.error):
        yield zlib.decompressobj().decompress(value, size_bytes + 1)


def whole_part(journal: Journal, message: Message, part: Part) -> Part:
    """*part* with all of its text or value in it; media with its bytes. Raises as `content_of`."""
    if part.whole:
        return part
    data = content_of(journal, message, part)
    if part.type in TEXTUAL and part.value is None:
        return evolve(part, text=data.decode("utf-8"), blob="", size_bytes=0)
    if part.type == "media":
        return evolve(part, content=data)
    return evolve(part, text="", value=load_json(data), blob="", size_bytes=0)
