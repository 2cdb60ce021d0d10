"""
What has happened and could not be journaled, kept in files until it can.

A process that answers one hook ends before the store is there again. What it was told (a
compaction above all) must still stand before the next event of its session, whoever
handles that: so it waits here, outside the project, and nothing asked is let through
before it is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from time import time, time_ns
from typing import TYPE_CHECKING, Any, cast

import attrs

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.errors import JournalError, MisuseError
from governance.project import make_private_folder
from governance.session.commands import Command, HostTraits
from governance.values import Json, ValueRefused, dump_json, load_json
from governance.whole_file import DRAFT, write_whole

if TYPE_CHECKING:
    from governance.journal.vault import Vault

USE = "spool"

BYTES_MAX = 4_000_000
"""Bytes that may wait for one session; more than that is refused, by name."""

TRIES_MAX = 8
"""How often a file is written anew whose folder another process has just tidied away."""

DRAFT_SECONDS_MAX = 60
"""After so long whoever wrote a draft is not at it any more."""


@frozen
class Kept:
    """
    A command that waits.

    Attributes:
        sent: What was handed in for it and may have been committed, for each session: its id,
            the rows before, how many rows, and their digest, by which they are known again.

        line: Its session, the parent of that, and so on to the root; ``()``: it was not known.

        place: Grows with each command that is kept, of whichever session.

        file: Where it waits; ``""``: in memory.
    """

    command: Command
    sent: tuple[tuple[str, int, int, str], ...] = ()
    line: tuple[str, ...] = ()
    place: int = 0
    file: str = ""


@frozen
class Spool:
    """
    A folder with a folder a session and in it a file a command; made at the first need.

    A file is there whole or not at all, also where the disk is full or the process is killed,
    and goes as soon as its command is written: other processes may keep more meanwhile.

    Attributes:
        vault: What seals each file; ``None``: nothing of the project is encrypted. It does so
            by the key-encryption key, for this is needed when the store cannot be reached.
    """

    folder: str
    vault: Vault | None = None

    def keep(self, kept: Kept) -> None:
        """
        Keep *kept* until its session can be written.

        Raises:
            JournalError: GOV512, it cannot be kept either.
        """
        text = self._text(kept)
        folder = self._folder(kept.command.session)
        for tries in range(TRIES_MAX):
            try:
                self._write(folder, text)
                return
            except FileNotFoundError as error:
                # Another process has tidied the folder away just now.
                if tries == TRIES_MAX - 1:
                    raise unkept(_words(error)) from None
            except OSError as error:
                raise unkept(_words(error)) from None

    def _write(self, folder: str, text: bytes) -> None:
        make_private_folder(folder)
        names = _listed(folder)
        size = sum(os.path.getsize(one) for one in names)  # noqa: PTH202 - hook path
        if size + len(text) > BYTES_MAX:
            raise unkept(f"more than {BYTES_MAX} bytes wait for it")
        last = max((_place(one) for one in names), default=0)
        write_whole(f"{folder}/{next_place(last):020}-{os.urandom(4).hex()}", text)

    def replace(self, kept: Kept) -> None:
        """
        Keep *kept* in its file, in place of what was known of it.

        Raises:
            OSError: It cannot be written; what was there stays.
        """
        write_whole(kept.file, self._text(kept))

    def any(self) -> bool:
        """
        Whether anything waits, of whichever session.

        Raises:
            JournalError: GOV512, its folder cannot be read.
        """
        return bool(self._folders())

    def sessions(self) -> list[str]:
        """The sessions of which something waits; what cannot be read holds up its own alone."""
        found: list[str] = []
        for folder in self._folders():
            with suppress(JournalError):
                waiting = self._read(folder, 1)
                found += [one.command.session for one in waiting]
                if not waiting:
                    _tidy(folder)
        return found

    def waits(self, session: str) -> bool:
        """
        Whether anything waits for *session*.

        Raises:
            JournalError: GOV512, its folder cannot be read.
        """
        return bool(_files(self._folder(session)))

    def waiting(self, session: str) -> tuple[Kept, ...]:
        """
        What waits for *session*, in the order in which it happened.

        Raises:
            JournalError: GOV512, what waits cannot be read; it is left where it is.
        """
        return self._read(self._folder(session))

    def current(self, kept: Kept) -> Kept | None:
        """*kept* as it waits now, or ``None``: another thread or process has written it."""
        found = self._opened_file(kept.file)
        return found[0] if found else None

    def forget(self, kept: Kept) -> None:
        """Forget what waited: it stands in its journal now."""
        _removed([kept.file])

    def clear(self, session: str) -> None:
        """Forget all that waits for *session*, unread: nobody may read it any more."""
        _removed(_entries(self._folder(session)))

    def _read(self, folder: str, count: int | None = None) -> tuple[Kept, ...]:
        found: list[Kept] = []
        for path in _files(folder)[:count]:
            found += self._opened_file(path)
        return tuple(found)

    def _opened_file(self, path: str) -> list[Kept]:
        """What *path* holds, if another process has not written it meanwhile."""
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - hook path
                text = file.read(BYTES_MAX)
            return [_kept(load_json(self._opened(text)), path)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unread(path, _words(error)) from None
        except (ValueRefused, MisuseError, LookupError, TypeError, ValueError) as error:
            raise _unread(path, str(error)) from None

    def _folders(self) -> list[str]:
        return _entries(self.folder)

    def _text(self, kept: Kept) -> bytes:
        sent: list[Json] = [list(one) for one in kept.sent]
        plain: dict[str, Json] = {"command": _plain(kept.command), "sent": sent}
        return self._sealed(dump_json({**plain, "line": list(kept.line)}))

    def _sealed(self, line: bytes) -> bytes:
        return line if self.vault is None else self.vault.seal_aside(line, USE).hex().encode()

    def _opened(self, line: bytes) -> bytes:
        if line.startswith(b"{"):  # from before encryption
            return line
        if self.vault is None:
            raise ValueError("it is encrypted, and no key is configured")
        return self.vault.open_aside(bytes.fromhex(line.decode("ascii")), USE)

    def _folder(self, session: str) -> str:
        name = sha256(session.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return os.path.join(self.folder, name)  # noqa: PTH118 - hook path


def _files(folder: str) -> list[str]:
    return [one for one in _entries(folder) if not one.endswith(DRAFT)]


def _entries(folder: str) -> list[str]:
    """What is in *folder*, if there is one."""
    try:
        return _listed(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unread(folder, _words(error)) from None


def _listed(folder: str) -> list[str]:
    """The files of *folder*, in the order of their places."""
    return [f"{folder}/{one}" for one in sorted(os.listdir(folder))]  # noqa: PTH208 - hook path


def _removed(files: Sequence[str]) -> None:
    """Remove *files* of one folder, and it once it is empty."""
    try:
        for one in files:
            with suppress(FileNotFoundError):  # another process has written it as well
                os.unlink(one)  # noqa: PTH108 - hook path
    except OSError as error:
        raise _unread(files[0], _words(error)) from None
    for one in files[-1:]:
        _tidy(os.path.dirname(one))  # noqa: PTH120 - hook path


def _tidy(folder: str) -> None:
    """Remove *folder* if nothing waits in it, with drafts that a killed process left there."""
    with suppress(OSError, JournalError):
        left = _entries(folder)
        if not all(one.endswith(DRAFT) for one in left):
            return
        for one in left:
            if time() - os.path.getmtime(one) > DRAFT_SECONDS_MAX:  # noqa: PTH204 - hook path
                os.unlink(one)  # noqa: PTH108 - hook path
        os.rmdir(folder)  # noqa: PTH106 - hook path; another process may be writing there


def next_place(last: int) -> int:
    """A place behind *last*, and, as clocks go, behind those of all other sessions."""
    return max(last + 1, time_ns())


def _place(path: str) -> int:
    digits = os.path.basename(path).partition("-")[0]  # noqa: PTH119 - hook path
    return int(digits) if digits.isdecimal() else 0


def unkept(why: str) -> JournalError:
    """The error for an event that is nowhere: neither in the journal nor where it could wait."""
    return JournalError(
        f"an event that could not be journaled could not be kept either: {why}",
        code="GOV512",
        remedy="mend what keeps it from being written, then go on",
    )


def _unread(path: str, why: str) -> JournalError:
    return JournalError(
        f"what waits in `{path}` can be neither read nor let go: {why}",
        code="GOV512",
        remedy="mend what keeps it from being read, or move it away",
    )


def _words(error: OSError) -> str:
    words = error.strerror or type(error).__name__
    return words[:1].lower() + words[1:]


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


def _kept(data: Json, file: str) -> Kept:
    fields = cast("dict[str, Any]", data)
    sent = tuple((str(a), int(b), int(c), str(d)) for a, b, c, d in fields["sent"])
    return Kept(
        _command(fields["command"]),
        sent,
        tuple(str(one) for one in fields["line"]),
        _place(file),
        file,
    )


def _command(data: Json) -> Command:
    fields = cast("dict[str, Any]", data)
    traits, call = fields["traits"], fields["call"]
    sets = {name: frozenset(traits[name]) for name in ("deny_at", "untold")}
    fields["traits"] = HostTraits(**{**traits, **sets})
    fields["call"] = None if call is None else ToolCall(**call)
    for name in ("refused", "unwelcome", "failures"):
        fields[name] = tuple(fields[name])
    return Command(**fields)
