"""
One sealed value: AES-256-GCM under a data key, bound to the place it belongs in.

A sealed value begins with a byte that no JSON text begins with, so that values from before
encryption are told from sealed ones by their first bytes. What it is bound to (the session,
the sequence, the kind …) is authenticated and not stored with it: moved elsewhere, it does
not open.
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import JournalError, StoreDamaged

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_ID_BYTES = 8

MAGIC = b"\x00GE\x01"
"""What a sealed value begins with; its last byte is the version of the form."""

OVERHEAD_BYTES = len(MAGIC) + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES
"""Bytes that a sealed value is longer than what it holds."""

_LENGTH = struct.Struct(">Q")
_NUMBERS = struct.Struct(">QqBQQ")


class SealBroken(StoreDamaged):
    """A sealed value does not open: it was changed, cut, or moved from another place."""

    code = "GOV552"


class CryptoMissing(JournalError):
    """Encryption is asked for and the library that does it is not installed."""

    code = "GOV559"


@lru_cache(maxsize=1)
def aead() -> type[AESGCM]:
    """
    The class that seals, imported at the first need.

    Raises:
        CryptoMissing: The extra ``crypto`` is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise CryptoMissing(
            "encryption needs the library `cryptography`",
            remedy="install `session-governance[crypto]`",
        ) from None
    return AESGCM


@define(eq=False, repr=False)
class DataKey:
    """
    A key that seals values; its bytes never leave it in a `repr`.

    Attributes:
        key_id: 8 bytes that stand in each value it sealed; they tell nothing of the key.
    """

    key_id: bytes
    _secret: bytes
    _cipher: AESGCM = field(init=False)
    _refusal: type[Exception] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cipher = aead()(self._secret)
        from cryptography.exceptions import InvalidTag

        self._refusal = InvalidTag

    @classmethod
    def new(cls) -> DataKey:
        """A random one."""
        return cls(os.urandom(KEY_ID_BYTES), os.urandom(KEY_BYTES))

    @property
    def secret(self) -> bytes:
        """The key itself, to be wrapped and for nothing else."""
        return self._secret

    def seal(self, value: bytes, bound: bytes) -> bytes:
        """*value* sealed and bound to *bound*, 40 bytes longer; never twice the same."""
        nonce = os.urandom(NONCE_BYTES)
        return b"".join((MAGIC, self.key_id, nonce, self._cipher.encrypt(nonce, value, bound)))

    def has_sealed(self, value: bytes) -> bool:
        """Whether *value* says that this key sealed it; `open` alone proves that."""
        return value[len(MAGIC) : len(MAGIC) + KEY_ID_BYTES] == self.key_id

    def open(self, sealed: bytes, bound: bytes, what: str, *names: object) -> bytes:
        """
        What is in *sealed*, which *what*, formatted with *names*, stands for in messages.

        Raises:
            SealBroken: It is not what was sealed, not by this key, or not bound to *bound*.
        """
        start = len(MAGIC) + KEY_ID_BYTES
        if sealed[: len(MAGIC)] != MAGIC:
            raise broken(what.format(*names), "it is of no form that this engine knows")
        if len(sealed) < OVERHEAD_BYTES:
            raise broken(what.format(*names), "it is too short")
        if not self.has_sealed(sealed):
            raise broken(what.format(*names), "another key sealed it")
        nonce, text = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, bound)
        except self._refusal:
            why = "it was changed, or belongs elsewhere"
            raise broken(what.format(*names), why) from None


def is_sealed(value: bytes) -> bool:
    """Whether *value* claims to be sealed, in this form or in a later one."""
    return value[: len(MAGIC) - 1] == MAGIC[:-1]


def sealed_by(value: bytes) -> bytes:
    """The id of the key that sealed *value*."""
    return value[len(MAGIC) : len(MAGIC) + KEY_ID_BYTES]


def broken(what: str, why: str) -> SealBroken:
    """The error for *what*, which does not open."""
    return SealBroken(
        f"{what} cannot be decrypted: {why}",
        remedy="`governance verify` says what does not hold, and `governance repair` mends what it "
        "can; keep a copy of the store as evidence",
    )


def key_gone(session: str, seq: int) -> SealBroken:
    """The error for row *seq* of *session*, whose data key is lost."""
    return SealBroken(
        f"row {seq} of `{session}` cannot be decrypted: the key of its session is gone, and nobody "
        "erased it",
        remedy="`governance repair --from COPY` takes it from a copy; where none has it, "
        f"`governance repair --accept {session} --reason WHY` gives its rows up",
    )


def row_bound(session: str, seq: int, kind: str, at_ms: int, durable: bool) -> bytes:
    """
    What the body of one row is bound to.

    The sequence is known before the row is written, for an append is valid only at its
    expected head: a conflict writes nothing, and what is decided again is sealed again.
    """
    name, sort = session.encode(), kind.encode()
    numbers = _NUMBERS.pack(seq, at_ms, durable, len(name), len(sort))
    return b"".join((b"governance/body/1\n", numbers, name, sort))


def snapshot_bound(session: str, seq: int, row_hash: bytes, version: int) -> bytes:
    """What the body of a snapshot is bound to."""
    return texts_bound("snapshot", session) + _LENGTH.pack(seq) + _LENGTH.pack(version) + row_hash


def texts_bound(use: str, *texts: str) -> bytes:
    """What a value for *use* is bound to; no two lists of texts give the same bytes."""
    parts = [f"governance/{use}/1\n".encode()]
    for one in texts:
        data = one.encode()
        parts += (_LENGTH.pack(len(data)), data)
    return b"".join(parts)
