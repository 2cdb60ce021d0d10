"""
The data keys of a store, each wrapped by the key-encryption key, on the shelf ``"key"``.

There is one data key a session: a journal knows of no tree of sessions (who is whose parent
stands in bodies that are sealed), a branch reads the rows it shares by the key of whoever
wrote them, and erasing one session then makes unreadable that session and nothing else.

The entry ``vault`` has a name and is itself sealed by the key-encryption key, so that a wrong
key is found out when the store is opened, before anything is read or written. Each data key has
that name too, and opens under it alone; a store that has an id has its vault named by that. So
the entry, where it is lost, is made again, and keys that come back from a copy still open.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from threading import Lock

from attrs import field

from governance._attrs import define
from governance.errors import JournalError, SessionErased, StoreDamaged
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.records import KEY_SHELF as SHELF
from governance.journal.records import VAULT, Entry, Shelf
from governance.journal.sealing import (
    KEY_BYTES,
    KEY_ID_BYTES,
    NONCE_BYTES,
    DataKey,
    SealBroken,
    aead,
    is_sealed,
    sealed_by,
    texts_bound,
)
from governance.values import Json, ValueRefused, dump_json, load_json

KEPT_MAX = 4_096
"""Data keys held in memory; the one not used for longest goes first."""

CHECK_SECONDS = 5.0
"""A data key in memory is looked up again after so long, so that an erasure by another
process is noticed."""

ERASED_PREFIX = "erased:"
"""How the names of marks begin that say that a key was destroyed."""

PAGE_ENTRIES = 500
PASSES_MAX = 16
_ENTRY_BYTES_MAX = 10_000
_FORMAT = 1
_TRIES_MAX = 8


class WrongKey(JournalError):
    """The key at hand is not the one that this store was encrypted with."""

    code = "GOV551"


@define(eq=False, repr=False)
class _Held:
    key: DataKey
    value: bytes
    until: float


@define(eq=False, repr=False)
class Vault:
    """
    Finds, makes, re-wraps and destroys data keys. Thread-safe; made by `open`.

    Attributes:
        current: The key that wraps what is made from now on.
    """

    shelf: Shelf
    current: KeyEncryptionKey
    _keys: Mapping[str, KeyEncryptionKey]
    _id: str
    _held: OrderedDict[str, _Held] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    @classmethod
    def open(
        cls,
        shelf: Shelf,
        current: KeyEncryptionKey,
        previous: Sequence[KeyEncryptionKey] = (),
        *,
        store_id: str = "",
    ) -> Vault:
        """
        The vault of the store behind *shelf*; a store that has none gets one.

        Args:
            store_id: What tells the store from every other, where it has such a name.

        Raises:
            WrongKey: Neither *current* nor one of *previous* opens it.
            StoreDamaged: Its entry is no whole one, or gone, and no data key opens that names it.
        """
        keys = {one.name: one for one in (*previous, current)}
        for _ in range(_TRIES_MAX):
            entry = shelf.get(SHELF, VAULT)
            if entry is not None:
                ident = _opened(entry.value, keys)
                return cls(shelf, current, keys, ident)
            page = shelf.scan(SHELF, limit=PAGE_ENTRIES)
            made = sha256(f"vault of {store_id}".encode()).digest() if store_id else os.urandom(32)
            ident = _named(page, keys) if page else made[:16].hex()
            shelf.put(SHELF, VAULT, _vault_value(ident, current), expected_version=0)
        raise _damaged("its entry comes and goes")

    def key_of(self, scope: str, *, make: bool) -> DataKey | None:
        """
        The data key of *scope*, such as ``session:ID``; ``None`` where there is none.

        Args:
            make: Make one where there is none.

        Raises:
            SessionErased: It was destroyed.
            WrongKey: No key at hand opens it, or another process rotated keys meanwhile.
        """
        now = time.monotonic()
        with self._lock:
            held = self._held.get(scope)
            if held is not None and now < held.until:
                self._held.move_to_end(scope)
                return held.key
        name = entry_name(scope)
        for _ in range(_TRIES_MAX):
            entry = self.shelf.get(SHELF, name)
            if entry is not None:
                key = held.key if held and held.value == entry.value else None
                self._refuse_erased(scope)
                return self._keep(scope, key or self._unwrapped(entry.value, scope), entry.value)
            self._forget(scope)
            self._refuse_erased(scope)
            if not make:
                return None
            self._check_current()
            value = self._wrapped(DataKey.new(), scope)
            self.shelf.put(SHELF, name, value, expected_version=0)
        raise _damaged(f"the key of `{scope}` comes and goes")

    def is_erased(self, scope: str) -> bool:
        """Whether the key of *scope* was destroyed."""
        return self.shelf.get(SHELF, erased_name(scope)) is not None

    def knows(self, scope: str) -> bool:
        """Whether *scope* has a key, or had one that was destroyed."""
        return self.shelf.get(SHELF, entry_name(scope)) is not None or self.is_erased(scope)

    def erase(self, scope: str, at_ms: int) -> bool:
        """
        Destroy the key of *scope*; whether there still was one.

        The mark that it is erased comes first: killed between the two, every reader refuses
        already, and a second call ends it.
        """
        mark = dump_json({"format": _FORMAT, "scope": scope, "erased_at_ms": at_ms})
        self.shelf.put(SHELF, erased_name(scope), mark, expected_version=0)
        self._forget(scope)
        return self.shelf.delete(SHELF, entry_name(scope))

    def rotate(self) -> int:
        """
        Wrap everything by the current key that an older one wraps; how many it were.

        Killed at any moment, both keys together still open all; a second call ends it.

        Raises:
            WrongKey: An entry is wrapped by a key that is not at hand; those before it are done.
        """
        self._claim()
        done = 0
        for _ in range(PASSES_MAX):
            # A process that began before may just have made a key, so look until none is left.
            changed = sum(self._rewrap(name) for name in self._names())
            done += changed
            if not changed:
                return done
        raise WrongKey(
            "other processes keep making keys under the old key-encryption key",
            remedy="stop them, then run `governance keys rotate` again",
        )

    def wrapping(self) -> Mapping[str, int]:
        """Name of a key-encryption key → how many entries it wraps, the vault's among them."""
        found: dict[str, int] = {}
        for name in (VAULT, *self._names()):
            entry = self.shelf.get(SHELF, name)
            if entry is not None:
                kek = str(_fields(entry.value).get("kek"))
                found[kek] = found.get(kek, 0) + 1
        return found

    def seal_aside(self, value: bytes, use: str) -> bytes:
        """*value* sealed by the key-encryption key itself, for what lies beside the store."""
        nonce = os.urandom(NONCE_BYTES)
        bound = texts_bound("aside", self._id, use)
        sealed = aead()(self.current.secret).encrypt(nonce, value, bound)
        return bytes.fromhex(self.current.name) + nonce + sealed

    def open_aside(self, sealed: bytes, use: str) -> bytes:
        """
        What `seal_aside` has sealed.

        Raises:
            SealBroken: It was changed, or the key that sealed it is not at hand.
        """
        key = self._keys.get(sealed[:8].hex())
        if key is None:
            raise SealBroken(f"the {use} was sealed by a key that is not at hand")
        return _decrypted(key, sealed[8:], texts_bound("aside", self._id, use), use)

    # -- machinery ------------------------------------------------------------------------

    def _names(self) -> list[str]:
        found: list[str] = []
        after = ""
        while page := self.shelf.scan(SHELF, after=after, limit=PAGE_ENTRIES):
            found += [one.name for one in page if one.name.startswith(_KEYS)]
            after = page[-1].name
        return found

    def _rewrap(self, name: str) -> int:
        entry = self.shelf.get(SHELF, name)
        if entry is None or _fields(entry.value).get("kek") == self.current.name:
            return 0
        scope = str(_fields(entry.value).get("scope"))
        value = self._wrapped(self._unwrapped(entry.value, scope), scope)
        self.shelf.put(SHELF, name, value, expected_version=entry.version)
        return 1

    def _claim(self) -> None:
        """Say in the vault that the current key is the one to wrap by."""
        for _ in range(_TRIES_MAX):
            entry = self.shelf.get(SHELF, VAULT)
            if entry is None:
                raise _damaged("its entry is gone")
            if _fields(entry.value).get("kek") == self.current.name:
                return
            value = _vault_value(self._id, self.current)
            self.shelf.put(SHELF, VAULT, value, expected_version=entry.version)
        raise _damaged("its entry comes and goes")

    def _check_current(self) -> None:
        entry = self.shelf.get(SHELF, VAULT)
        if entry is None or _fields(entry.value).get("kek") not in self._keys:
            raise WrongKey(
                "the store's keys were rotated while this process had it open",
                remedy="start it again with the new key",
            )

    def _refuse_erased(self, scope: str) -> None:
        if self.is_erased(scope):
            self._forget(scope)
            raise erased(scope)

    def _keep(self, scope: str, key: DataKey, value: bytes) -> DataKey:
        with self._lock:
            self._held[scope] = _Held(key, value, time.monotonic() + CHECK_SECONDS)
            self._held.move_to_end(scope)
            while len(self._held) > KEPT_MAX:
                self._held.popitem(last=False)
        return key

    def _forget(self, scope: str) -> None:
        with self._lock:
            self._held.pop(scope, None)

    def _wrapped(self, key: DataKey, scope: str) -> bytes:
        nonce, kek = os.urandom(NONCE_BYTES), self.current
        bound = _wrap_bound(self._id, scope, kek, key.key_id)
        wrapped = nonce + aead()(kek.secret).encrypt(nonce, key.secret, bound)
        return dump_json(
            {
                "format": _FORMAT,
                "vault": self._id,
                "scope": scope,
                "kek": kek.name,
                "key_id": key.key_id.hex(),
                "wrapped": wrapped.hex(),
            }
        )

    def _unwrapped(self, value: bytes, scope: str) -> DataKey:
        return _unwrapped(_fields(value), self._id, scope, self._keys)


def opener(value_of: Callable[[str], bytes | None], scope: str) -> Callable[[bytes], bool]:
    """
    What says of a value of *scope* that nobody has lost the key which opens it.

    Of one that is not sealed, and of one whose key was destroyed on purpose, it says so too.

    Args:
        value_of: Gives what lies under a name on the shelf of keys.
    """
    if value_of(erased_name(scope)) is not None:
        return lambda _: True
    entry = value_of(entry_name(scope))
    try:
        key_id = bytes.fromhex(str(_fields(entry).get("key_id"))) if entry is not None else None
    except (StoreDamaged, ValueError):
        key_id = None
    return lambda value: not is_sealed(value) or sealed_by(value) == key_id


def opener_in(shelf: Shelf, scope: str) -> Callable[[bytes], bool]:
    """As `opener`, by the keys on *shelf*."""

    def value_of(name: str) -> bytes | None:
        entry = shelf.get(SHELF, name)
        return entry.value if entry is not None else None

    return opener(value_of, scope)


_KEYS = ("session:", "shelf:")


def session_scope(session: str) -> str:
    """The scope of the data key of *session*."""
    return f"session:{session}"


def shelf_scope(kind: str) -> str:
    """The scope of the data key of what lies on the shelf *kind* and belongs to no session."""
    return f"shelf:{kind}"


def entry_name(scope: str) -> str:
    """Where on the shelf the key of *scope* lies."""
    return f"{scope.partition(':')[0]}:{_digest(scope)}"


def erased_name(scope: str) -> str:
    """Where on the shelf the mark lies that the key of *scope* was destroyed."""
    return f"{ERASED_PREFIX}{_digest(scope)}"


def _digest(scope: str) -> str:
    return sha256(scope.encode()).hexdigest()


def vault_id(value: bytes) -> str:
    """
    Which vault the entry `VAULT` with this *value* is of; needs no key.

    Raises:
        StoreDamaged: It is no whole one.
    """
    return str(_fields(value).get("id"))


def erased(scope: str) -> SessionErased:
    """The error for *scope*, whose key was destroyed."""
    name = scope.partition(":")[2]
    return SessionErased(
        f"the session `{name}` was erased: its rows are there and nobody can read them",
        remedy="`governance log @project` says who erased it and why",
    )


def wrong_key(name: str, what: str) -> WrongKey:
    """The error for *what*, which the key called *name* wraps."""
    return WrongKey(
        f"{what} is wrapped by the key `{name}`, which is not the one at hand",
        remedy="set `[encryption] key`, or name it under `previous`",
    )


def _vault_value(ident: str, key: KeyEncryptionKey) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    bound = texts_bound("vault", ident, key.name)
    sealed = nonce + aead()(key.secret).encrypt(nonce, ident.encode(), bound)
    fields: dict[str, Json] = {
        "format": _FORMAT,
        "id": ident,
        "kek": key.name,
        "sealed": sealed.hex(),
    }
    return dump_json(fields)


def _opened(value: bytes, keys: Mapping[str, KeyEncryptionKey]) -> str:
    fields = _fields(value)
    ident, name = str(fields.get("id")), str(fields.get("kek"))
    key = keys.get(name)
    if key is None:
        raise wrong_key(name, "the store")
    try:
        sealed = bytes.fromhex(str(fields.get("sealed")))
    except ValueError:
        raise _damaged("its entry is no whole one") from None
    if _decrypted(key, sealed, texts_bound("vault", ident, name), "the vault") != ident.encode():
        raise _damaged("its entry contradicts itself")
    return ident


def _named(page: Sequence[Entry], keys: Mapping[str, KeyEncryptionKey]) -> str:
    """
    The vault that the data keys in *page* name; the first that opens proves it.

    Raises:
        WrongKey: None opens, and one is wrapped by a key that is not at hand.
        StoreDamaged: None opens.
    """
    refused: JournalError = _damaged("the store holds data keys, but nothing says whose")
    for entry in page:
        fields = _fields(entry.value) if entry.name.startswith(_KEYS) else {}
        if "vault" in fields:
            ident = str(fields["vault"])
            try:
                _unwrapped(fields, ident, str(fields.get("scope")), keys)
            except JournalError as error:
                refused = error
            else:
                return ident
    raise refused


def _unwrapped(
    fields: Mapping[str, Json], ident: str, scope: str, keys: Mapping[str, KeyEncryptionKey]
) -> DataKey:
    kek = keys.get(str(fields.get("kek")))
    if kek is None:
        raise wrong_key(str(fields.get("kek")), f"the key of `{scope}`")
    try:
        key_id = bytes.fromhex(str(fields["key_id"]))
        wrapped = bytes.fromhex(str(fields["wrapped"]))
    except (KeyError, ValueError):
        raise _damaged(f"the key of `{scope}` is no whole one") from None
    bound = _wrap_bound(ident, scope, kek, key_id)
    secret = _decrypted(kek, wrapped, bound, f"the key of `{scope}`")
    if len(secret) != KEY_BYTES or len(key_id) != KEY_ID_BYTES:
        raise _damaged(f"the key of `{scope}` is no whole one")
    return DataKey(key_id, secret)


def _wrap_bound(ident: str, scope: str, kek: KeyEncryptionKey, key_id: bytes) -> bytes:
    return texts_bound("wrap", ident, scope, kek.name, key_id.hex())


def _decrypted(key: KeyEncryptionKey, sealed: bytes, bound: bytes, what: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return aead()(key.secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise _damaged(f"{what} cannot be opened by its own key: it was changed or moved") from None


def _fields(value: bytes) -> Mapping[str, Json]:
    try:
        found = load_json(value, bytes_max=_ENTRY_BYTES_MAX)
    except ValueRefused:
        found = None
    if not isinstance(found, Mapping) or found.get("format") != _FORMAT:
        raise _damaged("an entry is not of the form that this engine writes")
    return found


def _damaged(why: str) -> StoreDamaged:
    return StoreDamaged(
        f"the store's vault of keys is damaged: {why}",
        remedy="restore the store from a backup; without its keys nothing can be read",
    )
