"""
Heads taken out of a store, signed if one likes, and a store compared with them later.

A chain proves that nothing in it was changed as long as its end is known from elsewhere. An
exported file of heads is that elsewhere: kept where whoever can write the store cannot write,
it exposes a cut, rewritten or removed session. Signed with Ed25519, it also says who made it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from governance._attrs import frozen
from governance.errors import GovernanceError, JournalError
from governance.journal.key_sources import check_private
from governance.journal.records import Finding, Head, Journal
from governance.journal.sealing import CryptoMissing
from governance.project import plain_file
from governance.values import Json, ValueRefused, dump_json, load_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HEADS_MAX = 1_000_000
"""Sessions that one file holds."""

FILE_BYTES_MAX = 512 * 1024 * 1024
FINDINGS_MAX = 10_000
PAGE_HEADS = 1_000
_KEY_BYTES_MAX = 10_000
_KIND = "governance-heads"
_FORMAT = 1
_DOMAIN = b"governance/heads/1\n"
_ALGORITHM = "ed25519"


class HeadsRefused(GovernanceError):
    """A file of heads, or a key for it, that cannot be used or does not hold."""

    code = "GOV558"


@frozen
class Exported:
    """
    The heads of a store at one moment.

    Attributes:
        store: What tells the store from every other; ``""`` where it has no such name.

        at_ms: When they were taken, by the clock of whoever took them.

        by: Who took them.

        signed_by: The public key that the file's signature holds under, in hexadecimal, or
            ``""`` for one without a signature.
    """

    store: str
    at_ms: int
    by: str
    heads: tuple[Head, ...]
    signed_by: str = ""


def take_heads(journal: Journal, *, at_ms: int, by: str) -> Exported:
    """
    The heads of all sessions of *journal*, each as it is when it is looked at.

    Raises:
        JournalError: The store cannot be read, or holds more than 1,000,000 sessions.
    """
    heads: list[Head] = []
    after = ""
    while page := journal.sessions(after=after, limit=PAGE_HEADS):
        heads += page
        after = page[-1].session
        if len(heads) > HEADS_MAX:
            raise JournalError(f"more than {HEADS_MAX} sessions, which no file of heads takes")
    return Exported(store_id(journal), at_ms, by, tuple(heads))


def store_id(journal: Journal) -> str:
    """What tells the store of *journal* from every other, where it has such a name."""
    within: object = journal
    for _ in range(4):
        found = getattr(within, "store_id", None)
        if isinstance(found, str):
            return found
        within = getattr(within, "inner", None)
    return ""


def heads_bytes(exported: Exported, key: Ed25519PrivateKey | None = None) -> bytes:
    """*exported* as a file holds it, signed by *key*."""
    fields = _fields(exported)
    if key is not None:
        fields["signature"] = {
            "algorithm": _ALGORITHM,
            "public_key": public_bytes(key).hex(),
            "value": key.sign(_signed(fields)).hex(),
        }
    return dump_json(fields) + b"\n"


def _fields(exported: Exported) -> dict[str, Json]:
    heads: list[Json] = [[one.session, one.seq, one.hash.hex()] for one in exported.heads]
    return {
        "kind": _KIND,
        "format": _FORMAT,
        "store": exported.store,
        "at_ms": exported.at_ms,
        "by": exported.by,
        "heads": heads,
    }


def _signed(fields: Mapping[str, Json]) -> bytes:
    return _DOMAIN + dump_json({k: v for k, v in fields.items() if k != "signature"})


def read_heads_file(path: Path, public_key: bytes | None = None) -> Exported:
    """
    What the file at *path* holds.

    Args:
        public_key: Whose signature it must carry; without it any signature need only hold.

    Raises:
        HeadsRefused: It cannot be read, is no such file, or its signature does not hold.
    """
    try:
        with open(path, "rb", opener=plain_file) as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise refused(path, (error.strerror or "it cannot be read").lower()) from None
    try:
        fields = load_json(data, bytes_max=FILE_BYTES_MAX)
        if not isinstance(fields, Mapping) or fields.get("kind") != _KIND:
            raise refused(path, "it is no file of heads")
        if fields.get("format") != _FORMAT:
            raise refused(path, "a newer engine wrote it", "upgrade `session-governance`")
        heads = tuple(_heads(fields))
        exported = Exported(
            str(fields["store"]), int(cast("int", fields["at_ms"])), str(fields["by"]), heads
        )
        signed_by = _signer(path, fields)
    except (ValueRefused, KeyError, TypeError, ValueError):
        raise refused(path, "it is damaged") from None
    if public_key is not None and signed_by != public_key.hex():
        why = "another key signed it" if signed_by else "nobody signed it"
        raise refused(path, why, "ask whoever made it for another")
    return Exported(exported.store, exported.at_ms, exported.by, heads, signed_by)


def _heads(fields: Mapping[str, Json]) -> Iterator[Head]:
    listed = fields["heads"]
    if not isinstance(listed, (list, tuple)):
        raise ValueError("no list of heads")
    for one in listed:
        if not isinstance(one, (list, tuple)):
            raise ValueError("no head")
        session, seq, hash_ = one
        if type(session) is not str or type(seq) is not int or type(hash_) is not str:
            raise ValueError("no head")
        yield Head(session, seq, bytes.fromhex(hash_))


def _signer(path: Path, fields: Mapping[str, Json]) -> str:
    signature = fields.get("signature")
    if signature is None:
        return ""
    if not isinstance(signature, Mapping) or signature.get("algorithm") != _ALGORITHM:
        raise refused(path, "its signature is of no kind that this engine knows")
    _load_ed25519()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = bytes.fromhex(str(signature["public_key"]))
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            bytes.fromhex(str(signature["value"])), _signed(fields)
        )
    except InvalidSignature:
        raise refused(path, "its signature does not hold: it was changed") from None
    return public.hex()


def compare_heads(journal: Journal, exported: Exported) -> tuple[Finding, ...]:
    """
    What *journal* has lost or changed of what *exported* holds; later rows are no matter.

    Raises:
        JournalError: The store cannot be read at all.
    """
    own = store_id(journal)
    if exported.store and own and exported.store != own:
        message = f"the heads are those of store {exported.store}, and this is {own}"
        return (Finding("vanished", "", 0, message),)
    removed = _removed(journal)
    found: list[Finding] = []
    for one in exported.heads:
        finding = _compared(journal, one, removed.get(one.session)) if one.seq else None
        if finding is not None:
            found.append(finding)
        if len(found) >= FINDINGS_MAX:
            break
    return tuple(found)


def _removed(journal: Journal) -> Mapping[str, Head]:
    found: dict[str, Head] = {}
    after = ""
    while page := journal.removed(after=after, limit=PAGE_HEADS):
        found.update((one.session, one) for one in page)
        after = page[-1].session
    return found


def _compared(journal: Journal, known: Head, tombstone: Head | None) -> Finding | None:
    session, seq = known.session, known.seq
    if tombstone is not None:
        # Its rows went as they were allowed to; of its last one the tombstone has the hash.
        if tombstone.seq < seq:
            return Finding("cut", session, tombstone.seq + 1, f"it had {seq} rows when exported")
        if tombstone.seq == seq and tombstone.hash != known.hash:
            return Finding("hash", session, seq, "the row was another one when exported")
        return None
    try:
        rows = journal.read(session, after=seq - 1, limit=1)
        head = journal.head(session) if not rows else None
    except JournalError as error:
        return Finding("unreadable", session, seq, f"cannot be read: {error.message}")
    if head is not None:
        if not head.seq:
            return Finding("removed", session, 1, "the session was there when exported")
        return Finding("cut", session, head.seq + 1, f"it had {seq} rows when exported")
    if rows[0].hash != known.hash:
        return Finding("hash", session, seq, "the row was another one when exported")
    return None


def new_signing_key() -> Ed25519PrivateKey:
    """
    A random key to sign with.

    Raises:
        CryptoMissing: The extra ``crypto`` is not installed.
    """
    return _load_ed25519().generate()


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """
    The private key in *path*, as PEM.

    Raises:
        KeyUnavailable: It is not there, or others can read it.
        HeadsRefused: It is no such key.
    """
    kind = _load_ed25519()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    check_private(path, str(path))
    try:
        key = load_pem_private_key(_key_file(path), None)
    except (ValueError, TypeError):
        raise refused(path, "it is no private key in PEM without a password") from None
    if not isinstance(key, kind):
        raise refused(path, "it is no Ed25519 key")
    return key


def read_public_key(path: Path) -> bytes:
    """
    The 32 bytes of the public key in *path*, as PEM.

    Raises:
        HeadsRefused: It is not there, or no such key.
    """
    _load_ed25519()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_key_file(path))
    except ValueError:
        raise refused(path, "it is no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise refused(path, "it is no Ed25519 key")
    return key.public_bytes_raw()


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half of *key*."""
    return key.public_key().public_bytes_raw()


def private_pem(key: Ed25519PrivateKey) -> str:
    """*key* as its file holds it."""
    from cryptography.hazmat.primitives import serialization as form

    return key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    ).decode()


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public half of *key* as its file holds it."""
    from cryptography.hazmat.primitives import serialization as form

    return (
        key.public_key()
        .public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _load_ed25519() -> type[Ed25519PrivateKey]:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise CryptoMissing(
            "signing needs the library `cryptography`",
            remedy="install `session-governance[crypto]`",
        ) from None
    return Ed25519PrivateKey


def _key_file(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=plain_file) as file:
            return file.read(_KEY_BYTES_MAX)
    except OSError as error:
        raise refused(path, (error.strerror or "it cannot be read").lower()) from None


def refused(path: os.PathLike[str], why: str, remedy: str = "") -> HeadsRefused:
    """The error for the file at *path*."""
    return HeadsRefused(
        f"`{os.fspath(path)}` cannot be used: {why}", remedy=remedy or "name another file"
    )
