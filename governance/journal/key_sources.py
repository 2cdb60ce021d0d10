"""
Where a key-encryption key comes from: a file, a variable, the system's keyring, a program.

The key is 32 bytes, written as 64 hexadecimal digits. It opens every data key of a store, so
a place that others can read, or that the governed agent can, is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias, cast

from attrs import field

from governance._attrs import frozen
from governance.errors import JournalError
from governance.journal.sealing import KEY_BYTES
from governance.project import plain_file

KeySource: TypeAlias = Callable[[], bytes]
"""Gives the key, such as one that a key-management service unwraps: 32 bytes."""

ENTRY_POINTS = "governance.keys"
"""Group of the entry points that ``entry-point:NAME`` looks in."""

_FILE_BYTES_MAX = 1_000
_SCHEMES = ("file", "env", "keyring", "entry-point")
_FORMS = "`file:PATH`, `env:NAME`, `keyring:SERVICE/USER`, `entry-point:NAME` or `program`"


class KeyUnavailable(JournalError):
    """The key that encrypts the journal's keys cannot be had, or may not be used as it lies."""

    code = "GOV550"


@frozen
class KeyEncryptionKey:
    """
    The key that wraps data keys.

    Attributes:
        name: A fingerprint, which stands beside what it wraps and tells nothing of it.

        secret: 32 bytes.
    """

    name: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> KeyEncryptionKey:
        """The key that is *secret*."""
        return cls(sha256(b"governance/kek/1\n" + secret).hexdigest()[:16], secret)


def load_key(
    place: str, *, directory: Path | None = None, program: KeySource | None = None
) -> KeyEncryptionKey:
    """
    The key at *place*.

    Args:
        place: One of the forms of ``[encryption] key``.

        directory: The project's folder; a key file in it is refused.

        program: What gives the key where *place* is ``program``.

    Raises:
        KeyUnavailable: There is none, it is none, or others can read it.
    """
    check_place(place)
    scheme, _, rest = place.partition(":")
    if scheme == "program":
        if program is None:
            raise _unavailable(place, "this program was handed no key", "open it with `key=…`")
        return _checked(place, _called(place, program))
    if scheme == "file":
        return _checked(place, _digits(place, _from_file(place, rest, directory)))
    if scheme == "env":
        return _checked(place, _digits(place, _from_environment(place, rest, os.environ)))
    if scheme == "keyring":
        return _checked(place, _digits(place, _from_keyring(place, rest)))
    return _checked(place, _called(place, _entry_point(place, rest)))


def check_place(place: str) -> None:
    """
    Return quietly if *place* is one of the forms of ``[encryption] key``.

    Raises:
        KeyUnavailable: It is none of them.
    """
    scheme, _, rest = place.partition(":")
    if place != "program" and not (scheme in _SCHEMES and rest):
        # What stands there may be a key itself, so it is not repeated.
        text = "what `[encryption] key` says is no place of a key"
        raise KeyUnavailable(text, remedy=f"write {_FORMS}")


def new_key_text() -> str:
    """A random key as a key file holds it."""
    return os.urandom(KEY_BYTES).hex() + "\n"


def check_private(path: Path, place: str) -> None:
    """
    Return quietly if nobody but its owner can read *path*, and that is this user or root.

    Raises:
        KeyUnavailable: It is not there, or others can.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _unavailable(place, (error.strerror or "it cannot be read").lower()) from None
    if not stat.S_ISREG(status.st_mode):
        raise _unavailable(place, "not a regular file", "name the file that holds the key")
    if os.name != "posix":
        return
    if status.st_mode & 0o077:
        why = f"its mode is {status.st_mode & 0o7777:04o}, which lets others in"
        raise _unavailable(place, why, f"`chmod 600 {path}`, and make another key if it was seen")
    if status.st_uid not in (os.getuid(), 0):
        raise _unavailable(
            place, "it belongs to another user", "give it to the user that runs this"
        )


def _from_file(place: str, name: str, directory: Path | None) -> str:
    path = Path(name).expanduser()
    if not path.is_absolute():
        raise _unavailable(place, "its path is relative", "write it from `/` or `~/` on")
    if directory is not None and path.resolve().is_relative_to(directory.resolve()):
        hint = "keep it where the governed agent cannot read it"
        raise _unavailable(place, "it lies in the project", hint)
    check_private(path, place)
    try:
        with open(path, "rb", opener=plain_file) as file:
            return file.read(_FILE_BYTES_MAX).decode("ascii", "replace")
    except OSError as error:
        raise _unavailable(place, (error.strerror or "it cannot be read").lower()) from None


def _from_environment(place: str, name: str, environment: Mapping[str, str]) -> str:
    found = environment.get(name)
    if not found:
        raise _unavailable(place, "the variable is not set", "set it for the engine alone")
    return found


def _from_keyring(place: str, rest: str) -> str:
    service, slash, user = rest.rpartition("/")
    if not slash or not service or not user:
        raise _unavailable(place, "it names no user", "write `keyring:SERVICE/USER`")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        hint = "install `session-governance[keyring]`"
        raise _unavailable(place, "the library `keyring` is not installed", hint) from None
    try:
        found = keyring.get_password(service, user)
    except KeyringError as error:
        raise _unavailable(place, f"the keyring refused: {error}") from None
    if not found:
        raise _unavailable(
            place, "the keyring has no such entry", f"`keyring set {service} {user}`"
        )
    return found


def _entry_point(place: str, name: str) -> KeySource:
    from importlib.metadata import entry_points

    found = tuple(entry_points(group=ENTRY_POINTS, name=name))
    if not found:
        raise _unavailable(place, f"no installed distribution offers it under `{ENTRY_POINTS}`")
    try:
        loaded = found[0].load()
    except Exception as error:  # noqa: BLE001 - a program of the user's, whatever it raises
        raise _unavailable(place, f"it cannot be loaded: {type(error).__name__}") from None
    if not callable(loaded):
        raise _unavailable(place, "it is no function")
    return cast("KeySource", loaded)


def _called(place: str, source: KeySource) -> bytes:
    try:
        found: object = source()
    except Exception as error:  # noqa: BLE001 - a program of the user's, whatever it raises
        # Its message may hold what it was about to give, so only its kind is told.
        raise _unavailable(place, f"what gives it has failed: {type(error).__name__}") from None
    if not isinstance(found, bytes):
        raise _unavailable(place, "what gives it gave no bytes")
    return found


def _digits(place: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        # The text is not shown: it may be a key in another form.
        hint = f"write {KEY_BYTES * 2} hexadecimal digits; `governance keys new FILE` does"
        raise _unavailable(place, "it is no hexadecimal text", hint) from None


def _checked(place: str, secret: bytes) -> KeyEncryptionKey:
    if len(secret) != KEY_BYTES:
        raise _unavailable(place, f"it has {len(secret)} bytes, expected {KEY_BYTES}")
    return KeyEncryptionKey.of(secret)


def _unavailable(place: str, why: str, remedy: str = "") -> KeyUnavailable:
    hint = remedy or "put the key back, then try again"
    return KeyUnavailable(f"the key at `{place}` cannot be used: {why}", remedy=hint)
