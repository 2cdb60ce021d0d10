"""
What every back end checks before it touches its store, so that all refuse alike.

A value that cannot be stored raises `ValueRefused`; a call that breaks the contract raises
`MisuseError`. In both cases nothing was written.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.errors import MisuseError
from governance.journal.records import (
    BODY_BYTES_MAX,
    ROWS_MAX,
    Append,
    Head,
    Origin,
    Record,
    Row,
    Snapshot,
    Whole,
)
from governance.values import INTEGER_MAX, ValueRefused

SESSION_CHARACTERS_MAX = 300
KIND_CHARACTERS_MAX = 100
KEY_CHARACTERS_MAX = 300
SESSIONS_MAX = 1_000
"""Sessions that one append may write to."""

APPEND_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of all bodies of one append."""

POSITION_MAX = 2**62
"""Positions that a store may have given; a counter beyond it is none that an engine wrote."""

LIMIT_MAX = 100_000
"""Rows or heads that one read may ask for."""

SHELF_CHARACTERS_MAX = 100
NAME_CHARACTERS_MAX = 300
VALUE_BYTES_MAX = BODY_BYTES_MAX
"""Bytes of one value on a shelf."""

SCAN_BYTES_MAX = BODY_BYTES_MAX
"""A scan of a shelf ends with the value that brings its answer above this."""

HASH_BYTES = 32
DEADLINE_MS_DEFAULT = 30_000
"""How long a call waits for the store where it names no deadline."""


def check_append(batch: Sequence[Append], key: str | None) -> tuple[Append, ...]:
    """
    *batch* as a tuple, when every back end can store it under *key*.

    Raises:
        MisuseError: No session, a session named twice, a session without rows, too many
            rows or sessions.
        ValueRefused: A text, number or body that is outside what a journal holds.
    """
    whole = tuple(batch)
    if not whole:
        raise MisuseError("an append names at least one session")
    if len(whole) > SESSIONS_MAX:
        raise MisuseError(f"an append of {len(whole)} sessions; at most {SESSIONS_MAX} are taken")
    rows = sum(len(one.rows) for one in whole)
    if rows > ROWS_MAX:
        raise MisuseError(f"an append of {rows} rows; at most {ROWS_MAX} are taken")
    if key is not None:
        check_text("key", key, KEY_CHARACTERS_MAX)
    seen: set[str] = set()
    bytes_left = APPEND_BYTES_MAX
    for one in whole:
        check_session(one.session)
        if one.session in seen:
            raise MisuseError(f"the session `{one.session}` stands twice in one append")
        seen.add(one.session)
        if not one.rows:
            raise MisuseError(f"an append without rows for `{one.session}`")
        if not 0 <= one.expected_seq <= INTEGER_MAX - ROWS_MAX:
            raise MisuseError(f"an expected head of {one.expected_seq}; expected 0 or more")
        for row in one.rows:
            _check_row(row)
            bytes_left -= len(row.body)
    if bytes_left < 0:
        raise ValueRefused(f"an append of more than {APPEND_BYTES_MAX} bytes")
    return whole


def _check_row(row: Row) -> None:
    check_text("kind", row.kind, KIND_CHARACTERS_MAX)
    if type(row.at_ms) is not int or not -INTEGER_MAX - 1 <= row.at_ms <= INTEGER_MAX:
        raise ValueRefused("a time beyond 64 bits of milliseconds")
    if type(row.body) is not bytes:
        raise MisuseError(f"a body of type `{type(row.body).__name__}`; expected bytes")
    if type(row.durable) is not bool:
        raise MisuseError(f"`durable` is `{row.durable!r}`; expected true or false")
    if len(row.body) > BODY_BYTES_MAX:
        raise ValueRefused(f"a body of {len(row.body)} bytes; at most {BODY_BYTES_MAX} are taken")


def check_session(session: str) -> None:
    """
    Return quietly if *session* can name a session.

    Raises:
        MisuseError: No text.
        ValueRefused: Empty, longer than 300 characters, with a NUL or a lone surrogate.
    """
    check_text("session", session, SESSION_CHARACTERS_MAX)


def check_text(what: str, text: str, characters_max: int) -> None:
    """As `check_session`, for the text called *what*."""
    if type(text) is not str:
        raise MisuseError(f"a {what} of type `{type(text).__name__}`; expected text")
    if not 0 < len(text) <= characters_max:
        raise ValueRefused(f"a {what} of {len(text)} characters; expected 1 to {characters_max}")
    if "\x00" in text:
        raise ValueRefused(f"a {what} with a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueRefused(f"a {what} with a lone surrogate") from None


def check_page(after: int, limit: int, before: int | None = None) -> None:
    """
    Return quietly if a page of *limit* between *after* and *before* can be asked for.

    Raises:
        MisuseError: *after* below 0, *before* below 1, *limit* below 1 or above 100,000.
    """
    if type(after) is not int or not 0 <= after <= INTEGER_MAX:
        raise MisuseError(f"`after` is {after!r}; expected 0 or more")
    if before is not None and (type(before) is not int or not 1 <= before <= INTEGER_MAX):
        raise MisuseError(f"`before` is {before!r}; expected 1 or more")
    check_limit(limit)


def check_limit(limit: int) -> None:
    """As `check_page`, for the limit alone."""
    if type(limit) is not int or not 1 <= limit <= LIMIT_MAX:
        raise MisuseError(f"`limit` is {limit!r}; expected 1 to {LIMIT_MAX}")


def check_snapshot(snapshot: Snapshot) -> None:
    """
    Return quietly if *snapshot* can be kept.

    Raises:
        MisuseError: A sequence below 1, a hash that is not 32 bytes, a body that is not bytes.
        ValueRefused: A body beyond the limit, or a bad session.
    """
    check_session(snapshot.session)
    if not 1 <= snapshot.seq <= INTEGER_MAX:
        raise MisuseError(f"a snapshot at sequence {snapshot.seq}; expected 1 or more")
    if len(snapshot.hash) != HASH_BYTES:
        raise MisuseError(f"a hash of {len(snapshot.hash)} bytes; expected {HASH_BYTES}")
    if type(snapshot.version) is not int or not 0 <= snapshot.version <= INTEGER_MAX:
        raise MisuseError(f"a snapshot of version {snapshot.version!r}; expected 0 or more")
    if type(snapshot.body) is not bytes:
        raise MisuseError(f"a body of type `{type(snapshot.body).__name__}`; expected bytes")
    if len(snapshot.body) > BODY_BYTES_MAX:
        raise ValueRefused(
            f"a snapshot of {len(snapshot.body)} bytes; at most {BODY_BYTES_MAX} are taken"
        )


def check_name_after(after: str) -> None:
    """
    Return quietly if sessions after *after* can be listed; the empty text is the beginning.

    Raises:
        MisuseError: No text.
        ValueRefused: Too long, a NUL or a lone surrogate.
    """
    if after != "":
        check_text("session", after, SESSION_CHARACTERS_MAX)


def check_branch(session: str, parent: str, parent_seq: int) -> None:
    """
    Return quietly if *session* may become a branch of *parent* at *parent_seq*.

    Raises:
        MisuseError: A branch of itself, or of no row.
        ValueRefused: A bad session.
    """
    check_session(session)
    check_session(parent)
    if session == parent:
        raise MisuseError(f"`{session}` would be a branch of itself")
    if type(parent_seq) is not int or not 1 <= parent_seq <= INTEGER_MAX:
        raise MisuseError(f"a branch at sequence {parent_seq!r}; expected 1 or more")


def check_head(head: Head) -> None:
    """
    Return quietly if *head* can be that of a session with rows.

    Raises:
        MisuseError: A sequence below 1, a hash that is not 32 bytes.
        ValueRefused: A bad session.
    """
    check_session(head.session)
    if type(head.seq) is not int or not 1 <= head.seq <= INTEGER_MAX:
        raise MisuseError(f"a head at sequence {head.seq!r}; expected 1 or more")
    if type(head.hash) is not bytes or len(head.hash) != HASH_BYTES:
        raise MisuseError(f"a hash that is not {HASH_BYTES} bytes")


def check_restored(
    head: Head, records: Sequence[Record], origin: Origin | None
) -> tuple[Record, ...]:
    """
    *records* as a tuple, when they can be put back as rows of ``head.session``.

    Raises:
        MisuseError: None or too many of them, or records of another session.
        ValueRefused: A text, number or body that is outside what a journal holds.
    """
    check_head(head)
    if origin is not None:
        check_branch(head.session, origin.parent, origin.seq)
        if origin.seq > head.seq:
            raise MisuseError(f"a branch at {origin.seq} whose head is {head.seq}")
    whole = tuple(records)
    if len(whole) > ROWS_MAX:
        raise MisuseError(f"{len(whole)} records to put back; at most {ROWS_MAX} are taken")
    for record in whole:
        if record.session != head.session:
            raise MisuseError(f"a record of `{record.session}` among those of `{head.session}`")
        _check_row(Row(record.kind, record.at_ms, record.body, record.durable))
        if record.key is not None:
            check_text("key", record.key, KEY_CHARACTERS_MAX)
    if sum(len(record.body) for record in whole) > APPEND_BYTES_MAX:
        raise ValueRefused(f"records of more than {APPEND_BYTES_MAX} bytes")
    return whole


def check_wholes(wholes: Sequence[Whole]) -> tuple[Whole, ...]:
    """
    *wholes* as a tuple, when they can be taken in by one commit.

    Raises:
        MisuseError, ValueRefused: As `check_restored`, of all of them together; a session twice.
    """
    given = tuple(wholes)
    rows = sum(len(one.records) for one in given)
    if not 1 <= len(given) <= SESSIONS_MAX or rows > ROWS_MAX:
        raise MisuseError(
            f"{len(given)} sessions of {rows} rows; expected 1 to {SESSIONS_MAX} sessions and at "
            f"most {ROWS_MAX} rows"
        )
    if len({one.head.session for one in given}) < len(given):
        raise MisuseError("a session stands there twice")
    for one in given:
        check_restored(one.head, one.records, None)
    if sum(len(record.body) for one in given for record in one.records) > APPEND_BYTES_MAX:
        raise ValueRefused(f"records of more than {APPEND_BYTES_MAX} bytes")
    return given


def check_entry(shelf: str, name: str, expected_version: int | None = None) -> None:
    """
    Return quietly if *shelf* may hold a value called *name*.

    Raises:
        MisuseError: No texts, or a version below 0.
        ValueRefused: Empty, too long, with a NUL or a lone surrogate.
    """
    check_text("shelf", shelf, SHELF_CHARACTERS_MAX)
    check_text("name", name, NAME_CHARACTERS_MAX)
    if expected_version is not None and (
        type(expected_version) is not int or not 0 <= expected_version <= INTEGER_MAX
    ):
        raise MisuseError(f"an expected version of {expected_version!r}; expected 0 or more")


def check_value(value: bytes) -> None:
    """
    Return quietly if a shelf may hold *value*.

    Raises:
        MisuseError: No bytes.
        ValueRefused: More than 64 MiB.
    """
    if type(value) is not bytes:
        raise MisuseError(f"a value of type `{type(value).__name__}`; expected bytes")
    if len(value) > VALUE_BYTES_MAX:
        raise ValueRefused(f"a value of {len(value)} bytes; at most {VALUE_BYTES_MAX} are taken")


def check_scan(shelf: str, after: str, limit: int) -> None:
    """As `check_entry`, for a page of a shelf; the empty *after* is the beginning."""
    check_entry(shelf, after or "-")
    check_limit(limit)
