"""
A host's own file of settings: read whole, written whole, and brought back as it was.

What it was without us is kept in the project's private folder, so that it can have its very
bytes again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from attrs import frozen

from governance.errors import GovernanceError
from governance.hooking.installing import Change
from governance.hooking.members import members
from governance.project import write_private_file
from governance.values import Json

BACKUP = "settings.before"
RECORD = "settings.json"
BYTES_MAX = 4_000_000


class SettingsRefused(GovernanceError):
    """The host's settings cannot be read as what they should be; they were left alone."""

    code = "GOV702"


@frozen
class Kept:
    """
    Where the settings of one host are kept as they were before us.

    Attributes:
        folder: A folder of this host's own below the project's private one.
    """

    folder: Path

    @property
    def record(self) -> Path:
        """The file that says what we wrote; its time is that of the installation."""
        return self.folder / RECORD

    def keep(self, file: Path, before: str | None, original: str | None, after: str) -> None:
        """
        Remember the file as it was without us, and what it is with us.

        Args:
            before: Its text until now.

            original: The same without anything of ours.

            after: Its text from now on.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.is_ours(before):
            if original is None:
                (self.folder / BACKUP).unlink(missing_ok=True)
            else:
                write_private_file(self.folder / BACKUP, original.encode("utf-8"))
        record = {"file": str(file), "after": _digest(after)}
        write_private_file(self.record, json.dumps(record, indent=2).encode() + b"\n")

    def is_ours(self, text: str | None) -> bool:
        """Whether *text* is what we wrote, to the byte."""
        return text is not None and _digest(text) == self._recorded().get("after")

    def backup(self) -> str | None:
        """The text before us, or ``None`` where there was no file."""
        try:
            return (self.folder / BACKUP).read_bytes().decode("utf-8")
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """Remove all of it, and the folder when nothing else is in it."""
        for name in (BACKUP, RECORD):
            (self.folder / name).unlink(missing_ok=True)
        remove_empty(self.folder)

    def _recorded(self) -> Mapping[str, Json]:
        try:
            value: Json = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, Mapping) else {}


def restore(
    file: Path, kept: Kept, without_ours: Callable[[str], str | None], *, dry_run: bool
) -> Change:
    """
    Take everything of ours out of *file*, and forget what was kept of it.

    The file has its earlier bytes again (or is gone, if it was not there) when nobody else
    changed it since; otherwise it becomes what *without_ours* makes of its text.

    Raises:
        SettingsRefused: It cannot be read, cannot be written, or is not what it should be.
    """
    before = read_text(file)
    if before is None:
        change = Change(file, None, None)
    elif kept.is_ours(before):
        change = Change(file, before, kept.backup())
    else:
        change = Change(file, before, without_ours(before))
    if not dry_run:
        if change.after is None:
            file.unlink(missing_ok=True)
            remove_empty(file.parent)
        elif change.changed:
            write_text(file, change.after)
        kept.forget()
    return change


def real(file: Path) -> Path:
    """*file* with links followed, so that a link stays one when it is written."""
    return Path(os.path.realpath(file))


def read_text(file: Path) -> str | None:
    """
    All of *file*, or ``None`` where it is not there.

    Raises:
        SettingsRefused: It cannot be read, is no UTF-8, or is larger than `BYTES_MAX`.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsRefused(f"`{file}` cannot be read: {error.strerror}") from None
    if len(data) > BYTES_MAX:
        raise SettingsRefused(f"`{file}` is larger than {BYTES_MAX} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsRefused(f"`{file}` is no UTF-8 at offset {error.start}") from None


def parsed(text: str, file: Path) -> Mapping[str, Json]:
    """
    The members of the JSON object in *text*, read from *file*.

    Raises:
        SettingsRefused: It is none, with the line that is wrong.
    """
    try:
        found = members(text)
    except ValueError as error:
        raise refused(f"`{file}` is not the JSON object it should be: {error}") from None
    return {one.key: one.value for one in found}


def refused(message: str) -> SettingsRefused:
    """The error for settings that somebody has to mend first."""
    return SettingsRefused(message, remedy="mend it by hand; nothing was changed")


def write_text(file: Path, text: str) -> None:
    """
    Put *text* in place of *file* at once, with the same permissions.

    Raises:
        SettingsRefused: It cannot be written; what was there is there still.
    """
    made = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else None
        made.unlink(missing_ok=True)
        # From its first byte on nobody reads it who may not read the file: it may hold a token.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        handle = os.open(made, flags, 0o666 if mode is None else mode)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            made.chmod(mode)
        made.replace(file)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise SettingsRefused(f"`{file}` cannot be written: {error.strerror}") from None


def write_changes(changes: Iterable[Change]) -> None:
    """
    Write every file of *changes* that is to have another text; see `write_text`.

    Raises:
        SettingsRefused: One of them cannot be written; those before it were.
    """
    for change in changes:
        if change.changed and change.after is not None:
            write_text(change.file, change.after)


def remove_empty(folder: Path) -> None:
    """Remove *folder* if nothing is in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
