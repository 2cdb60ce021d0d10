"""
What was loaded before without a finding, so that a process of one call need not do it again.

A cache, and nothing more: which rule sets had all their examples run, and what the texts of
their packs parse to. It lies in the project's folder of the user's state, where the governed
agent does not reach, beside the record of trust. What is missing, damaged, another's or of
another version is as good as not there; what cannot be written is written another time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from governance import __version__

FILE_NAME = "loaded.json"
BYTES_MAX = 2_000_000
"""Larger files are neither read nor written: reading them would cost more than parsing."""

PROVEN_MAX = 8
"""Rule sets that are remembered of a project, the newest first."""

_FORMAT = 1


@frozen
class Remembered:
    """
    What is known of earlier loading.

    Attributes:
        proven: Keys of rule sets that were loaded without a finding, the newest first.

        parsed: sha256 of a pack's text → what it parses to.
    """

    proven: tuple[str, ...] = ()
    parsed: Mapping[str, Mapping[str, object]] = {}


NOTHING_REMEMBERED = Remembered()


def remembered(folder: Path) -> Remembered:
    """What *folder* remembers; nothing where it cannot be trusted to be our own words."""
    try:
        with open(folder / FILE_NAME, "rb") as file:  # noqa: PTH123 -- fstat of what is read
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return NOTHING_REMEMBERED
            digest, _, body = file.read(BYTES_MAX + 1).partition(b"\n")
        if len(body) > BYTES_MAX or digest != _digest(body):
            return NOTHING_REMEMBERED
        found = json.loads(body)
    except (OSError, ValueError):
        return NOTHING_REMEMBERED
    if not isinstance(found, dict) or found.get("format") != [_FORMAT, __version__]:
        return NOTHING_REMEMBERED
    proven, parsed = found.get("proven"), found.get("parsed")
    if not isinstance(proven, list) or not isinstance(parsed, dict):
        return NOTHING_REMEMBERED
    return Remembered(tuple(proven), parsed)


def remember(
    folder: Path, before: Remembered, key: str, parsed: Iterable[tuple[str, Mapping[str, object]]]
) -> None:
    """
    Write that the rule set *key* is proven, and what its packs parse to.

    Packs that JSON cannot hold, for the times and dates in them, are parsed each time.
    """
    kept: dict[str, Mapping[str, object]] = {}
    for text_hash, data in parsed:
        try:
            if json.loads(_json(data)) == data:
                kept[text_hash] = data
        except (TypeError, ValueError):
            continue
    proven = [key, *(one for one in before.proven if one != key)][:PROVEN_MAX]
    whole = {"format": [_FORMAT, __version__], "proven": proven, "parsed": kept}
    body = _json(whole)
    if len(body) > BYTES_MAX:
        body = _json({**whole, "parsed": {}})
    draft = folder / f"{FILE_NAME}.{os.getpid()}.new"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(body) + b"\n" + body)
            draft.replace(folder / FILE_NAME)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    except OSError:
        # Only a cache: a full or read-only disk makes the next process slower, not wrong.
        return


def _json(value: object) -> bytes:
    # Keys stay in the order of the text: what is told of a rule follows it.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _digest(body: bytes) -> bytes:
    """Tells a file that was cut short or mixed up; who may write it could also compute it."""
    from hashlib import sha256

    return sha256(body).hexdigest().encode()
