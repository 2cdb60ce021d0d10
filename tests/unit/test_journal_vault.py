"""Data keys: wrapped, rotated, destroyed, and whole whatever is killed in the middle."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from attrs import define, evolve, field

from governance.errors import JournalError, SessionErased, StoreDamaged
from governance.journal.encrypted import EncryptedJournal, encrypted
from governance.journal.key_sources import (
    KeyEncryptionKey,
    KeyUnavailable,
    load_key,
    new_key_text,
)
from governance.journal.memory import MemoryJournal
from governance.journal.records import VAULT, Append, Entry, Row, Shelf
from governance.journal.sealing import SealBroken
from governance.journal.vault import (
    SHELF,
    Vault,
    WrongKey,
    entry_name,
    session_scope,
)
from governance.values import dump_json, load_json

OLD, NEW, OTHER = (KeyEncryptionKey.of(bytes([n]) * 32) for n in (1, 2, 3))
SESSIONS = ("a", "b", "c")


class Killed(BaseException):
    """The process is gone: nothing after this happens."""


@define
class DyingShelf:
    """A shelf whose process is killed before its call number *left*."""

    inner: Shelf
    left: int
    calls: int = field(default=0, init=False)

    def _count(self) -> None:
        if self.calls == self.left:
            raise Killed
        self.calls += 1

    def get(self, shelf: str, name: str) -> Entry | None:
        self._count()
        return self.inner.get(shelf, name)

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        self._count()
        return self.inner.put(shelf, name, value, expected_version=expected_version)

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        self._count()
        return self.inner.delete(shelf, name, expected_version=expected_version)

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        self._count()
        return self.inner.scan(shelf, after=after, limit=limit)


def filled(key: KeyEncryptionKey = OLD) -> MemoryJournal:
    """A store with three sessions under *key*."""
    inner = MemoryJournal()
    journal = encrypted(inner, Vault.open(inner.shelf, key))
    for name in SESSIONS:
        journal.append([Append(name, 0, (Row("k", 1, name.encode()),))])
    return inner


def bodies(journal: EncryptedJournal) -> list[bytes]:
    return [journal.read(name)[0].body for name in SESSIONS]


def each_kill(
    run: Callable[[Shelf], object], fresh: Callable[[], MemoryJournal]
) -> list[MemoryJournal]:
    """The stores that *run* leaves when it is killed before each of its calls."""
    left: list[MemoryJournal] = []
    for number in range(200):
        inner = fresh()
        try:
            run(DyingShelf(inner.shelf, number))
        except Killed:
            left.append(inner)
        else:
            return left
    raise AssertionError("it makes no end")


def test_a_rotation_is_whole_whenever_it_is_killed() -> None:
    """Both keys together open everything at any moment, and a second call ends it."""
    stores = each_kill(lambda shelf: Vault.open(shelf, NEW, [OLD]).rotate(), filled)
    assert len(stores) > 8

    for inner in stores:
        vault = Vault.open(inner.shelf, NEW, [OLD])
        assert bodies(encrypted(inner, vault)) == [b"a", b"b", b"c"]
        vault.rotate()
        alone = Vault.open(inner.shelf, NEW)
        assert bodies(encrypted(inner, alone)) == [b"a", b"b", b"c"]
        assert dict(alone.wrapping()) == {NEW.name: 4}
        with pytest.raises(WrongKey):
            Vault.open(inner.shelf, OLD)


def test_rotating_twice_changes_nothing() -> None:
    """What is wrapped by the current key is left alone."""
    inner = filled()
    vault = Vault.open(inner.shelf, NEW, [OLD])

    assert [vault.rotate(), vault.rotate()] == [3, 0]


def test_a_key_of_a_third_is_named_and_everything_else_is_rotated() -> None:
    """An entry that nobody here can open stops the rotation with an error."""
    inner = filled()
    entry = inner.shelf.get(SHELF, entry_name(session_scope("b")))
    assert entry is not None
    value = entry.value.replace(OLD.name.encode(), OTHER.name.encode())
    inner.shelf.put(SHELF, entry.name, value)

    with pytest.raises(WrongKey, match=OTHER.name):
        Vault.open(inner.shelf, NEW, [OLD]).rotate()


def test_no_key_is_made_under_a_key_that_was_rotated_away() -> None:
    """A process that still has the old key refuses rather than make what nobody can open."""
    inner = filled()
    before = encrypted(inner, Vault.open(inner.shelf, OLD))
    Vault.open(inner.shelf, NEW, [OLD]).rotate()

    with pytest.raises(WrongKey):
        before.append([Append("new", 0, (Row("k", 1, b"x"),))])
    assert inner.head("new").seq == 0


def test_an_erasure_is_whole_whenever_it_is_killed() -> None:
    """The session reads as before or as erased, a second call ends it, the others stay."""
    stores = each_kill(lambda shelf: Vault.open(shelf, OLD).erase(session_scope("b"), 5), filled)
    assert len(stores) == 3

    erased = []
    for inner in stores:
        journal = encrypted(inner, Vault.open(inner.shelf, OLD))
        try:
            assert journal.read("b")[0].body == b"b"
        except SessionErased:
            erased.append(inner)
        journal.vault.erase(session_scope("b"), 6)
        assert inner.shelf.get(SHELF, entry_name(session_scope("b"))) is None
        with pytest.raises(SessionErased, match="`b` was erased"):
            journal.read("b")
        with pytest.raises(SessionErased):
            journal.append([Append("b", 1, (Row("k", 1, b"x"),))])
        assert journal.read("a")[0].body == b"a"
        assert journal.head("b").seq == 1
        assert [one.session for one in journal.sessions()] == list(SESSIONS)
        assert journal.verify().ok
    assert len(erased) == 1


def test_another_process_notices_an_erasure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in memory is looked up again after some seconds, so nothing more is sealed by it."""
    inner = filled()
    other = encrypted(inner, Vault.open(inner.shelf, OLD))
    assert other.read("b")[0].body == b"b"
    Vault.open(inner.shelf, OLD).erase(session_scope("b"), 5)

    assert other.read("b")[0].body == b"b"
    monkeypatch.setattr("governance.journal.vault.CHECK_SECONDS", 0.0)
    other.vault._held[session_scope("b")].until = 0.0

    with pytest.raises(SessionErased):
        other.read("b")


def test_two_processes_that_make_a_key_agree() -> None:
    """Whoever is second takes the key of the first."""
    inner = filled()
    one, two = (encrypted(inner, Vault.open(inner.shelf, OLD)) for _ in range(2))

    one.append([Append("x", 0, (Row("k", 1, b"1"),))])
    two.append([Append("x", 1, (Row("k", 1, b"2"),))])

    assert (
        [row.body for row in one.read("x")] == [b"1", b"2"] == [row.body for row in two.read("x")]
    )


def nameless(inner: MemoryJournal) -> MemoryJournal:
    """*inner* without the value that says whose its data keys are."""
    assert inner.shelf.delete(SHELF, VAULT)
    return inner


@pytest.mark.parametrize("keys", [(OLD,), (NEW, [OLD])])
def test_a_vault_that_vanished_is_named_by_its_keys(keys: Any) -> None:
    """What the store is called stands in each data key, and whoever opens one may say it again."""
    inner = nameless(filled())

    assert bodies(encrypted(inner, Vault.open(inner.shelf, *keys))) == [b"a", b"b", b"c"]
    assert bodies(encrypted(inner, Vault.open(inner.shelf, *keys))) == [b"a", b"b", b"c"]


def test_a_vault_that_vanished_is_nobody_elses() -> None:
    """A key that opens none of them makes nothing, and neither does one for a key that is moved."""
    inner = nameless(filled())
    with pytest.raises(WrongKey):
        Vault.open(inner.shelf, OTHER)

    for name, other in zip(SESSIONS, (*SESSIONS[1:], SESSIONS[0]), strict=True):
        theirs = filled().shelf.get(SHELF, entry_name(session_scope(other)))
        assert theirs is not None
        body = load_json(theirs.value)
        assert isinstance(body, Mapping)
        moved = dump_json({**body, "scope": session_scope(name)})
        inner.shelf.put(SHELF, entry_name(session_scope(name)), moved)
    with pytest.raises(StoreDamaged):
        Vault.open(inner.shelf, OLD)

    assert inner.shelf.get(SHELF, VAULT) is None


def test_a_vault_that_vanished_with_all_keys_is_no_new_one() -> None:
    """Where no data key says whose it is, nothing is made."""
    inner = filled()
    vault = Vault.open(inner.shelf, OLD)
    for name in SESSIONS:
        vault.erase(session_scope(name), 1)
    nameless(inner)

    with pytest.raises(StoreDamaged, match="nothing says whose"):
        Vault.open(inner.shelf, OLD)


def test_a_key_moved_to_another_session_or_store_does_not_open() -> None:
    """A wrapped key is bound to its session and to its store."""
    inner, other = filled(), filled()
    ours = inner.shelf.get(SHELF, entry_name(session_scope("a")))
    theirs = other.shelf.get(SHELF, entry_name(session_scope("b")))
    assert ours is not None
    assert theirs is not None
    for value in (ours.value, theirs.value):
        inner.shelf.put(SHELF, entry_name(session_scope("b")), value)

        with pytest.raises(StoreDamaged):
            encrypted(inner, Vault.open(inner.shelf, OLD)).read("b")


def test_a_session_whose_key_is_gone_is_an_error() -> None:
    """A key that was deleted without the mark of an erasure is damage, not an empty list."""
    inner = filled()
    inner.shelf.delete(SHELF, entry_name(session_scope("b")))

    with pytest.raises(SealBroken, match="nobody erased it"):
        encrypted(inner, Vault.open(inner.shelf, OLD)).read("b")


def test_what_lies_beside_the_store_survives_a_rotation() -> None:
    """It is sealed by the key-encryption key itself, and old ones still open it."""
    inner = filled()
    sealed = Vault.open(inner.shelf, OLD).seal_aside(b"told", "spool")
    vault = Vault.open(inner.shelf, NEW, [OLD])
    vault.rotate()

    assert vault.open_aside(sealed, "spool") == b"told"
    with pytest.raises(SealBroken):
        Vault.open(inner.shelf, NEW).open_aside(sealed, "spool")
    with pytest.raises(JournalError):
        vault.open_aside(sealed, "other")


# -- where keys come from -------------------------------------------------------------


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "journal.key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_key_comes_from_a_file(tmp_path: Path) -> None:
    """64 hexadecimal digits, whoever made them."""
    text = new_key_text()

    key = load_key(f"file:{key_file(tmp_path, text)}")

    assert key == KeyEncryptionKey.of(bytes.fromhex(text.strip()))
    assert text.strip() not in repr(key)
    assert repr(bytes.fromhex(text.strip())) not in repr(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that was seen is none."""
    file = key_file(tmp_path, new_key_text(), mode)

    with pytest.raises(KeyUnavailable, match=f"{mode:04o}"):
        load_key(f"file:{file}")


def test_a_file_in_the_project_is_refused(tmp_path: Path) -> None:
    """The governed agent reads there; a link out of it changes nothing for the better."""
    file = key_file(tmp_path, new_key_text())

    with pytest.raises(KeyUnavailable, match="in the project"):
        load_key(f"file:{file}", directory=tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 bytes"),
        ("ab" * 31, "31 bytes"),
        ("not hexadecimal", "hexadecimal"),
        ("é" * 64, "hex"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str, why: str) -> None:
    """The message says what was expected, and nothing of what is there."""
    with pytest.raises(KeyUnavailable, match=why) as found:
        load_key(f"file:{key_file(tmp_path, text)}")
    assert not text or text not in str(found.value)


def test_a_key_comes_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is not set is an error."""
    monkeypatch.setenv("JOURNAL_KEY", "ab" * 32)

    assert load_key("env:JOURNAL_KEY").secret == b"\xab" * 32
    monkeypatch.delenv("JOURNAL_KEY")
    with pytest.raises(KeyUnavailable, match="not set"):
        load_key("env:JOURNAL_KEY")


class OneEntry(keyring.backend.KeyringBackend):
    """A keyring of the library's own kind, with one entry."""

    priority: Any = 1

    def get_password(self, service: str, username: str) -> str | None:
        return "cd" * 32 if (service, username) == ("governance", "journal") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


def test_a_key_comes_from_the_systems_keyring() -> None:
    """By service and user."""
    before = keyring.get_keyring()
    keyring.set_keyring(OneEntry())
    try:
        assert load_key("keyring:governance/journal").secret == b"\xcd" * 32
        with pytest.raises(KeyUnavailable, match="no such entry"):
            load_key("keyring:governance/other")
    finally:
        keyring.set_keyring(before)


class LockedRing(OneEntry):
    """A keyring that its user has not opened."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


def test_a_locked_keyring_is_an_error() -> None:
    """It says that the keyring refused, and why."""
    before = keyring.get_keyring()
    keyring.set_keyring(LockedRing())
    try:
        with pytest.raises(KeyUnavailable, match="the keyring refused: locked"):
            load_key("keyring:governance/journal")
    finally:
        keyring.set_keyring(before)


def test_a_file_that_is_not_there_or_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that somebody else put there is nobody's own."""
    file = key_file(tmp_path, new_key_text())
    with pytest.raises(KeyUnavailable, match="no such file"):
        load_key(f"file:{tmp_path / 'gone.key'}")
    if os.getuid() == 0:
        os.chown(file, 54_321, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 54_321)

    with pytest.raises(KeyUnavailable, match="belongs to another user"):
        load_key(f"file:{file}")


def test_a_key_comes_from_a_program() -> None:
    """What raises, or gives no 32 bytes, is an error that tells nothing of what it said."""

    def broken() -> bytes:
        raise ValueError("the secret is 12345")

    assert load_key("program", program=lambda: b"k" * 32).secret == b"k" * 32
    for wrong in (broken, lambda: b"short", lambda: "k" * 32):
        with pytest.raises(KeyUnavailable) as found:
            load_key("program", program=wrong)  # type: ignore[arg-type]
        assert "12345" not in str(found.value)
    with pytest.raises(KeyUnavailable, match="handed no key"):
        load_key("program")


@pytest.mark.parametrize(
    "place", ["", "file:", "file:relative", "vault:x", "keyring:x", "entry-point:no"]
)
def test_a_place_that_is_none_is_refused(place: str) -> None:
    """Every form that is not known, or leads nowhere."""
    with pytest.raises(KeyUnavailable):
        load_key(place)


def test_a_key_comes_from_an_installed_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of an entry point, as listeners do."""
    info = tmp_path / "kms-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kms\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[governance.keys]\nkms = kms_of_test:key\n")
    (tmp_path / "kms_of_test.py").write_text("def key():\n    return b'e' * 32\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert load_key("entry-point:kms").secret == b"e" * 32


def test_the_entry_of_a_vault_tells_of_any_change() -> None:
    """Flipped, it is damage; of another key, a wrong key."""
    inner = filled()
    entry = inner.shelf.get(SHELF, "vault")
    assert entry is not None
    ident = entry.value.split(b'"id":"')[1][:32]
    changed = entry.value.replace(ident, bytes(reversed(ident)))
    inner.shelf.put(SHELF, "vault", changed)

    with pytest.raises(StoreDamaged):
        Vault.open(inner.shelf, OLD)
    with pytest.raises(WrongKey):
        Vault.open(inner.shelf, evolve(NEW, secret=os.urandom(32)))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('the secret is 12345')\n", "cannot be loaded: ValueError"),
        ("key = 7\n", "it is no function"),
        ("", "cannot be loaded: AttributeError"),
    ],
)
def test_a_distribution_that_gives_no_function_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    """What is wrong with it is named, and nothing of what it said."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[governance.keys]\nbroken = broken_key_source:key\n")
    (tmp_path / "broken_key_source.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_key_source", raising=False)

    with pytest.raises(KeyUnavailable, match=said) as found:
        load_key("entry-point:broken")

    assert "12345" not in str(found.value)
