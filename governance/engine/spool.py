"""
What has happened and could not be journaled, kept in files until it can.

A process that answers one hook ends before the store is there again. What it was told (a
compaction above all) must still stand before the next event of its session, whoever
handles that: so it waits here, outside the project, and nothing asked is let through
before it is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import attrs
from attrs import frozen

from governance.calls import ToolCall
from governance.errors import JournalError, MisuseError
from governance.project import make_private_folder
from governance.session.commands import Command, HostTraits
from governance.values import Json, ValueRefused, dump_json, load_json

if TYPE_CHECKING:
    from governance.journal.vault import Vault

USE = "spool"

FILE_BYTES_MAX = 4_000_000
"""Bytes that may wait for one session; more than that is refused, by name."""


@frozen
class Spool:
    """
    A folder with one file a session, each line a command; made at the first need.

    Attributes:
        vault: What seals each line; ``None``: nothing of the project is encrypted. It does so
            by the key-encryption key, for this is needed when the store cannot be reached.
    """

    folder: str
    vault: Vault | None = None

    def keep(self, command: Command) -> None:
        """
        Keep *command* until its session can be written.

        Raises:
            JournalError: GOV512, it cannot be kept either.
        """
        # A key of its own: two processes that both find it write it once.
        kept = command if command.key else attrs.evolve(command, key=f"kept:{os.urandom(16).hex()}")
        line = self._sealed(dump_json(_plain(kept))) + b"\n"
        path = self._path(command.session)
        try:
            make_private_folder(self.folder)
            with open(path, "ab", opener=_private) as file:
                if file.tell() + len(line) > FILE_BYTES_MAX:
                    raise unkept(f"more than {FILE_BYTES_MAX} bytes wait for it")
                file.write(line)
        except OSError as error:
            raise unkept(error.strerror or type(error).__name__) from None

    def waiting(self, session: str) -> tuple[Command, ...]:
        """
        What waits for *session*, in the order in which it happened.

        Raises:
            JournalError: GOV512, what waits cannot be read; it is left where it is.
        """
        try:
            with open(self._path(session), "rb") as file:  # noqa: PTH123 - hook path
                lines = file.read(FILE_BYTES_MAX + 1).splitlines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise unkept(error.strerror or type(error).__name__) from None
        try:
            return tuple(_command(load_json(self._opened(line))) for line in lines)
        except (ValueRefused, MisuseError, KeyError, TypeError, ValueError) as error:
            raise unkept(f"what waits cannot be read: {error}") from None

    def clear(self, session: str) -> None:
        """Forget what waited for *session*: it stands in its journal now."""
        try:
            os.unlink(self._path(session))  # noqa: PTH108 - hook path
        except FileNotFoundError:
            return
        except OSError as error:
            raise unkept(error.strerror or type(error).__name__) from None

    def _sealed(self, line: bytes) -> bytes:
        return line if self.vault is None else self.vault.seal_aside(line, USE).hex().encode()

    def _opened(self, line: bytes) -> bytes:
        if line.startswith(b"{"):  # from before encryption
            return line
        if self.vault is None:
            raise ValueError("it is encrypted, and no key is configured")
        return self.vault.open_aside(bytes.fromhex(line.decode("ascii")), USE)

    def _path(self, session: str) -> str:
        name = sha256(session.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return os.path.join(self.folder, f"{name}.jsonl")  # noqa: PTH118 - hook path


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def unkept(why: str) -> JournalError:
    """The error for an event that is nowhere: neither in the journal nor where it could wait."""
    return JournalError(
        f"an event that could not be journaled could not be kept either: {why.lower()}",
        code="GOV512",
        remedy="mend what keeps it from being written, then go on",
    )


def _plain(value: object) -> Json:
    if isinstance(value, (Command, HostTraits, ToolCall)):
        named = attrs.fields_dict(type(value))
        return {name: _plain(getattr(value, name)) for name in named}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, frozenset):
        return sorted(value)
    return cast("Json", value)


def _command(data: Json) -> Command:
    fields = cast("dict[str, Any]", data)
    traits, call = fields["traits"], fields["call"]
    sets = {name: frozenset(traits[name]) for name in ("deny_at", "untold")}
    fields["traits"] = HostTraits(**{**traits, **sets})
    fields["call"] = None if call is None else ToolCall(**call)
    for name in ("refused", "unwelcome", "failures"):
        fields[name] = tuple(fields[name])
    return Command(**fields)
