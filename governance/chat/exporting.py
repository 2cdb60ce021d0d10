"""
A chat history as JSON and as JSON lines, in pieces, and back.

Both hold the same: what format it is, each content that lies on the shelf, in base64, right
before the first message that names it, and the messages in order.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from attrs import evolve

from governance.chat.contents import content_of, whole_part
from governance.chat.messages import Message, message_of_json
from governance.chat.parts import Part
from governance.errors import MisuseError
from governance.journal.records import Journal
from governance.values import Json, ValueRefused, dump_json, load_json

FORMAT = "governance-chat"
FORMAT_VERSION = 1

LINE_BYTES_MAX = 100 * 1024 * 1024
"""Bytes of one line that is read: content of 64 MiB in base64, and room."""

DOCUMENT_BYTES_MAX = 512 * 1024 * 1024
"""Bytes of a JSON document that is read; JSON lines have no such bound."""

CONTENTS_HELD_BYTES_MAX = 512 * 1024 * 1024
"""Bytes of contents that an import holds at once."""

CODES: Mapping[str, str] = {
    "GOV567": "a file that is no exported chat history, or is damaged",
}


def header(session: str) -> dict[str, Json]:
    """What an export begins with."""
    return {"format": FORMAT, "version": FORMAT_VERSION, "session": session}


def entries(
    journal: Journal, session: str, messages: Iterable[Message], *, contents: bool = True
) -> Iterator[dict[str, Json]]:
    """
    The entries of an export: the header, then messages, each behind contents new with it.

    Raises:
        ContentGone: Content is not in the store any more, and *contents* are asked for.
        JournalError: The store cannot be read.
    """
    yield header(session)
    told: set[str] = set()
    for message in messages:
        for part in message.parts if contents else ():
            if part.blob and part.blob not in told:
                told.add(part.blob)
                data = content_of(journal, message, part)
                yield {"blob": part.blob, "base64": base64.b64encode(data).decode("ascii")}
        yield {"message": message.as_json()}


def with_texts(journal: Journal, messages: Iterable[Message]) -> Iterator[Message]:
    """*messages* with all of their texts in them, for readers; media stay on the shelf."""
    for message in messages:
        parts = [
            one if one.type == "media" else whole_part(journal, message, one)
            for one in message.parts
        ]
        yield evolve(message, parts=tuple(parts))


def jsonl(found: Iterable[Mapping[str, Json]]) -> Iterator[str]:
    """*found* as JSON lines."""
    for one in found:
        yield dump_json(one).decode() + "\n"


def json_document(found: Iterable[Mapping[str, Json]]) -> Iterator[str]:
    """*found* as one JSON object, its entries one a line."""
    pieces = iter(found)
    head = dict(next(pieces))
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "entries": [\n'
    for number, one in enumerate(pieces):
        yield (",\n" if number else "") + dump_json(one).decode()
    yield "\n]}\n"


def read_jsonl(lines: Iterable[bytes]) -> Iterator[Message]:
    """
    The messages of exported JSON lines, contents in their parts.

    Raises:
        MisuseError: GOV567, with the number of the line.
    """
    yield from _messages(
        (_json(line, f"line {number}"), f"line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    )


def read_json(data: bytes) -> Iterator[Message]:
    """As `read_jsonl`, of one JSON document."""
    if len(data) > DOCUMENT_BYTES_MAX:
        raise _damaged("the document", f"{len(data)} bytes; export it as JSON lines")
    value = _json(data, "the document")
    if not isinstance(value, Mapping):
        raise _damaged("the document", "no object")
    listed = value.get("entries")
    if not isinstance(listed, (list, tuple)):
        raise _damaged("the document", "no list of `entries`")
    head = {name: one for name, one in value.items() if name != "entries"}
    numbered = ((one, f"entry {number}") for number, one in enumerate(listed, 1))
    yield from _messages([(head, "the document"), *numbered])


def _messages(found: Iterable[tuple[Json, str]]) -> Iterator[Message]:
    contents: dict[str, bytes] = {}
    held = 0
    begun = False
    for value, place in found:
        if not isinstance(value, Mapping):
            raise _damaged(place, "no object")
        if not begun:
            _check_header(value, place)
            begun = True
        elif "blob" in value:
            name, data = _content(value, place)
            held += len(data)
            if held > CONTENTS_HELD_BYTES_MAX:
                raise _damaged(place, f"more than {CONTENTS_HELD_BYTES_MAX} bytes of contents")
            contents[name] = data
        else:
            yield _message(value, place, contents)
    if not begun:
        raise _damaged("the file", "empty")


def _check_header(value: Mapping[str, Json], place: str) -> None:
    if value.get("format") != FORMAT:
        raise _damaged(place, f"its `format` is not `{FORMAT}`")
    if value.get("version") != FORMAT_VERSION:
        raise _damaged(place, f"version {value.get('version')}; this engine reads {FORMAT_VERSION}")


def _content(value: Mapping[str, Json], place: str) -> tuple[str, bytes]:
    name, encoded = value.get("blob"), value.get("base64")
    if not isinstance(name, str) or not isinstance(encoded, str):
        raise _damaged(place, "content without `blob` and `base64`")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _damaged(place, "content that is no base64") from None
    if sha256(data).hexdigest() != name:
        raise _damaged(place, f"content that is not what `{name}` says")
    return name, data


def _message(value: Mapping[str, Json], place: str, contents: Mapping[str, bytes]) -> Message:
    try:
        found = message_of_json(value.get("message"))
    except (MisuseError, ValueRefused) as error:
        raise _damaged(place, error.message) from None
    return evolve(found, parts=tuple(_filled(one, place, contents) for one in found.parts))


def _filled(part: Part, place: str, contents: Mapping[str, bytes]) -> Part:
    """*part* with the content that its name stands for."""
    if not part.blob:
        return part
    data = contents.get(part.blob)
    if data is None:
        raise _damaged(place, f"the content `{part.blob}` is not in the file")
    return evolve(part, text="", content=data, blob="", size_bytes=0)


def _json(data: bytes, place: str) -> Json:
    try:
        return load_json(data, bytes_max=DOCUMENT_BYTES_MAX)
    except ValueRefused as error:
        raise _damaged(place, error.message) from None


def _damaged(place: str, why: str) -> MisuseError:
    return MisuseError(f"{place} is no part of an exported chat history: {why}", code="GOV567")
