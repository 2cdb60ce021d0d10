"""
What the texts of packs parse to, so that a process of one call need not parse them again.

A cache, and nothing more. It lies beside what is remembered of proven rule sets, in the
project's folder of the user's state, where the governed agent does not reach, and it is plain
JSON: nothing in it is ever run. Texts are read and hashed each time; what they parse to is
taken from here only under the sha256 of exactly these bytes. Everything that follows parsing
is done as ever, so that what comes of a text is the same either way.

A file that is missing, damaged, another's, too large or of another version is as good as not
there; what cannot be written is written another time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path

from governance import __version__
from governance.project import make_private_folder
from governance.whole_file import write_whole

FILE_NAME = "parsed.json"

BYTES_MAX = 8_000_000
"""A larger file is neither read nor written."""

TEXTS_MAX = 256
"""Texts that are kept: those of the newest rule set alone."""

_FORMAT = 1
_MOMENT = b'"":'
"""Stands before each date and time, and wherever else a key is empty."""

_MOMENTS: Mapping[str, type[date] | type[time]] = {"dt": datetime, "d": date, "t": time}


def parsed_texts(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """sha256 of a text → what it parses to; nothing where it may not be our own words."""
    try:
        with open(folder / FILE_NAME, "rb") as file:  # noqa: PTH123 -- fstat of what is read
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return {}
            digest, _, body = file.read(BYTES_MAX + 1).partition(b"\n")
        if len(digest) + len(body) >= BYTES_MAX or digest != _digest(body):
            return {}
        # Hardly a pack holds a date or time, and a look at each table costs as much as reading it.
        found = json.loads(body, object_hook=_moment if _MOMENT in body else None)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.get("format") != [_FORMAT, __version__]:
        return {}
    texts = found.get("texts")
    if not isinstance(texts, dict):
        return {}
    return {name: data for name, data in texts.items() if isinstance(data, dict)}


def keep_parsed(folder: Path, texts: Iterable[tuple[str, Mapping[str, object]]]) -> None:
    """Keep what *texts* parse to, by sha256, in place of all that was kept before."""
    kept: dict[str, object] = {}
    for text_hash, data in texts:
        if len(kept) < TEXTS_MAX and not _has_empty_key(data):
            kept[text_hash] = data
    try:
        body = json.dumps(
            {"format": [_FORMAT, __version__], "texts": kept},
            ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_tagged,
        ).encode()  # fmt: skip
    except (TypeError, ValueError):
        return  # TOML has infinities and JSON has none: such a pack is parsed each time
    if len(body) < BYTES_MAX - 100:
        replace_file(folder, FILE_NAME, _digest(body) + b"\n" + body)


def replace_file(folder: Path, name: str, body: bytes) -> None:
    """
    Put *body* in place of the file *name* in *folder*, whole, readable by its owner alone.

    It is only a cache: a full or read-only disk makes the next process slower, not wrong.
    """
    with suppress(OSError):
        make_private_folder(folder)
        write_whole(folder / name, body, synced=False)


def _digest(body: bytes) -> bytes:
    """Tells a file that was cut short or mixed up; who may write it could also compute it."""
    from hashlib import sha256

    return sha256(body).hexdigest().encode()


def _tagged(value: object) -> dict[str, list[str]]:
    """A date or time of TOML as a table that no pack can hold: its one key is empty."""
    if not isinstance(value, (date, time)):
        raise TypeError(f"no value of TOML: {type(value).__name__}")
    kind = next(name for name, one in _MOMENTS.items() if type(value) is one)
    return {"": [kind, value.isoformat()]}


def _moment(table: dict[str, object]) -> object:
    tagged = table.get("")
    if tagged is None:
        return table
    if len(table) != 1 or not isinstance(tagged, list) or len(tagged) != 2:
        raise ValueError("an empty key that is no date")
    kind, text = tagged
    if kind not in _MOMENTS or not isinstance(text, str):
        raise ValueError("a date of no kind")
    return _MOMENTS[kind].fromisoformat(text)


def _has_empty_key(value: object) -> bool:
    if isinstance(value, Mapping):
        return "" in value or any(_has_empty_key(one) for one in value.values())
    return isinstance(value, list) and any(_has_empty_key(one) for one in value)
