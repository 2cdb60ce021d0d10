"""
A host's own file of settings: read whole, written whole, and brought back as it was.

What it was without us is kept in the project's private folder, so that it can have its very
bytes again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from governance._attrs import frozen
from governance.errors import GovernanceError
from governance.hooking.installing import Change
from governance.hooking.members import members
from governance.values import Json
from governance.whole_file import remove_drafts, write_whole

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

    def keep(
        self,
        file: Path,
        before: str | None,
        original: str | None,
        after: str,
        *,
        beside: Iterable[Path] = (),
    ) -> None:
        """
        Remember the file as it was without us, and what it is with us; before it is written.

        Args:
            before: Its text until now.

            original: The same without anything of ours.

            after: Its text from now on.

            beside: Other files that will be written, for the folders that these make.
        """
        ours_before = before is not None and before != after and self.is_ours(before)
        made = {str(one) for path in (file, *beside) for one in path.parents if not one.exists()}
        record = {
            "file": str(file),
            "after": _digest(after),
            "held": _digest(before or "") if ours_before else "",
            "folders": sorted(made.union(map(str, self.folders()))),
        }
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.is_ours(before):
            if original is None:
                (self.folder / BACKUP).unlink(missing_ok=True)
            else:
                write_whole(self.folder / BACKUP, original.encode("utf-8"))
        write_whole(self.record, json.dumps(record, indent=2).encode() + b"\n")

    def is_ours(self, text: str | None) -> bool:
        """
        Whether *text* is what we wrote, to the byte.

        It may be what we wrote before, where the process ended before the file was replaced.
        """
        record = self._recorded()
        return text is not None and _digest(text) in (record.get("after"), record.get("held"))

    def folders(self) -> tuple[Path, ...]:
        """Folders that were not there before us, those further in first."""
        held = self._recorded().get("folders")
        names = held if isinstance(held, (list, tuple)) else ()
        return tuple(Path(str(one)) for one in sorted(map(str, names), reverse=True))

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
            remove_drafts(self.folder / name)
        remove_empty(self.folder)

    def _recorded(self) -> Mapping[str, Json]:
        try:
            value: Json = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, Mapping) else {}


def restore(
    file: Path,
    kept: Kept,
    without_ours: Callable[[str], str | None],
    *,
    dry_run: bool,
    ours: Iterable[Path] = (),
) -> Change:
    """
    Take everything of ours out of *file*, and forget what was kept of it.

    The file has its earlier bytes again (or is gone, if it was not there) when nobody else
    changed it since; otherwise it becomes what *without_ours* makes of its text. Folders that
    we made go when nothing is left in them.

    Args:
        ours: Files that are ours alone, in folders that are; they are removed after *file* no
            longer names them.

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
        elif change.changed:
            write_text(file, change.after)
        remove_drafts(file)
        for one in ours:
            one.unlink(missing_ok=True)
            remove_drafts(one)
            # Python leaves what it compiled beside a file.
            shutil.rmtree(one.parent / "__pycache__", ignore_errors=True)
            remove_empty(one.parent)
        around = {folder for one in (file, *ours) for folder in one.parents}
        for folder in kept.folders():
            if folder in around:
                remove_empty(folder)
        # Last: until then, whoever is cut off can do it again.
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
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # From its first byte on nobody reads it who may not read the file: it may hold a token.
        write_whole(file, text.encode("utf-8"), mode=None)
    except OSError as error:
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
