"""
A project's own files beside its backups: as bytes, whatever they say.

A copy is JSON lines: a header, then one line a file with its path below the project, its mode,
its sha256 and its text, in which bytes that are no UTF-8 stand as lone surrogates. It holds
nothing from outside the project, so no record of what a person trusted and no key.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

from governance._attrs import frozen
from governance.errors import JournalError
from governance.journal.faults import folder_error
from governance.journal.replacing import ms_of, stamp_of
from governance.project import FILE_MODE
from governance.whole_file import sync_folder

FORMAT = 1
KIND = "governance-config"
SUFFIX = ".config"
FILES_MAX = 1_000
BYTES_MAX = 16_000_000
"""Bytes of all files of a copy together."""

_LINE_BYTES_MAX = 6 * BYTES_MAX + 65_536
_PATH_CHARACTERS_MAX = 4_096
_MODE_MAX = 0o777
_NAME = re.compile(r".+-[0-9a-f]{32}-\d{8}T\d{6}\.\d{3}Z\.config")
_OWN = "config"


class ConfigCopyRefused(JournalError):
    """A copy of configuration is damaged, of a newer format, or leads out of the project."""

    code = "GOV570"


class ConfigTooLarge(JournalError):
    """The project's own files are more, or larger, than a backup takes."""

    code = "GOV571"


@frozen
class ConfigFile:
    """
    One file of a project.

    Attributes:
        path: Below the project's folder, with ``/`` between names.

        mode: Permissions, without the bits that let others write.
    """

    path: str
    mode: int
    data: bytes


@frozen
class ConfigCopy:
    """What a copy holds, and when it was made, in milliseconds since 1970 UTC."""

    at_ms: int
    files: tuple[ConfigFile, ...]


def write_copy(path: Path, files: Sequence[ConfigFile], at_ms: int) -> None:
    """
    Put a copy of *files* at *path*, which is not there yet; synced and read back.

    Raises:
        ConfigTooLarge: They are too many, or too large.
        OSError: The system refused.
    """
    size = sum(len(one.data) for one in files)
    if len(files) > FILES_MAX or size > BYTES_MAX:
        raise ConfigTooLarge(
            f"the project's own configuration is {len(files)} files of {size:,} bytes, and a "
            f"backup takes {FILES_MAX:,} of {BYTES_MAX:,} together",
            remedy="take packs that are not needed off `[packs] paths`",
        )
    header = {"kind": KIND, "format": FORMAT, "at_ms": at_ms, "files": len(files)}
    lines = [header, *map(_line, files)]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.writelines(json.dumps(line).encode("ascii") + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    if read_copy(path).files != tuple(files):
        raise refused(path, "it does not read back as it was written")


def _line(one: ConfigFile) -> dict[str, object]:
    return {
        "path": one.path,
        "mode": one.mode,
        "sha256": sha256(one.data).hexdigest(),
        "text": one.data.decode("utf-8", "surrogateescape"),
    }


def read_copy(path: Path) -> ConfigCopy:
    """
    What the copy at *path* holds, after all of it was found whole.

    Raises:
        ConfigCopyRefused: It is not, or a file of it would lie outside of a project.
    """
    try:
        with path.open("rb") as file:
            head = _parsed(path, file.readline(65_536))
            count = head.get("files")
            if head.get("kind") != KIND or not isinstance(count, int):
                raise refused(path, "it is no copy of configuration")
            if head.get("format") != FORMAT:
                raise refused(path, f"it has the format {head.get('format')}, and not {FORMAT}")
            at_ms = head.get("at_ms")
            if not isinstance(at_ms, int) or not 0 <= count <= FILES_MAX:
                raise refused(path, "its first line is no whole one")
            files = [_file(path, file.readline(_LINE_BYTES_MAX)) for _ in range(count)]
            if file.read(1):
                raise refused(path, f"more than its {count} files are in it")
    except OSError as error:
        raise refused(path, (error.strerror or str(error)).lower()) from None
    if len({one.path for one in files}) != count:
        raise refused(path, "a file is in it twice")
    if sum(len(one.data) for one in files) > BYTES_MAX:
        raise refused(path, "its files are larger than a backup takes")
    return ConfigCopy(at_ms, tuple(files))


def _parsed(path: Path, line: bytes) -> dict[str, object]:
    if not line.endswith(b"\n"):
        raise refused(path, "a line of it is cut")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refused(path, "a line of it is damaged")
    return found


def _file(path: Path, line: bytes) -> ConfigFile:
    found = _parsed(path, line)
    name, mode, text = found.get("path"), found.get("mode"), found.get("text")
    if not isinstance(name, str) or not isinstance(mode, int) or not isinstance(text, str):
        raise refused(path, "a file of it is damaged")
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise refused(path, f"the text of `{name}` is damaged") from None
    if sha256(data).hexdigest() != found.get("sha256"):
        raise refused(path, f"`{name}` is not what was copied")
    if not _is_below(name) or not 0 <= mode <= _MODE_MAX:
        raise refused(path, f"`{name}` is no file of a project")
    return ConfigFile(name, mode, data)


def _is_below(name: str) -> bool:
    """Whether *name* is a plain path below a folder, whatever there is in that."""
    parts = PurePosixPath(name).parts
    return (
        0 < len(name) <= _PATH_CHARACTERS_MAX
        and "\0" not in name
        and not name.startswith("/")
        and ".." not in parts
        and "/".join(parts) == name
    )


def refused(path: Path, why: str) -> ConfigCopyRefused:
    """The error for the copy at *path*."""
    return ConfigCopyRefused(
        f"the copy of configuration `{path}` cannot be used: {why}",
        remedy="take another backup: `governance backup list`",
    )


def copies_in(folder: Path) -> tuple[Path, ...]:
    """
    The copies in *folder*, the newest first, those beside a backup of a store among them.

    Raises:
        JournalError: The folder is there and cannot be read.
    """
    try:
        found = [one for one in folder.iterdir() if _NAME.fullmatch(one.name)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise folder_error(error, folder) from None
    # The time stands last in each name, in a form that sorts.
    return tuple(sorted(found, key=lambda one: one.name.rpartition("-")[2], reverse=True))


def backup_config(
    folder: Path, files: Sequence[ConfigFile], *, project: str, now_ms: int, backups_max: int
) -> Path:
    """
    A copy of *files* alone, for a store that is backed up elsewhere; the oldest such ones go.

    Args:
        project: 32 hexadecimal digits that stand for it.

    Raises:
        ConfigTooLarge: They are too many, or too large.
        JournalError: It cannot be written; nothing is left of it.
    """
    from governance.journal.sqlite_schema import make_folder

    make_folder(folder)
    draft = folder / f".{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
    made = _next_of(folder, project, now_ms)
    try:
        write_copy(draft, files, now_ms)
        draft.replace(made)
        sync_folder(folder)
    except OSError as error:
        raise folder_error(error, folder) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    for old in _alone_in(folder, project)[max(1, backups_max) :]:
        with contextlib.suppress(OSError):
            old.unlink(missing_ok=True)
    return made


def _alone_in(folder: Path, project: str) -> list[Path]:
    """The copies of *project* alone, the newest first."""
    start = f"{_OWN}-{project}-"
    return [one for one in copies_in(folder) if one.name.startswith(start)]


def _next_of(folder: Path, project: str, now_ms: int) -> Path:
    """Where a copy at *now_ms* goes, or right after the newest where a clock went back."""
    others = _alone_in(folder, project)
    if others:
        stamp = others[0].name.removesuffix(SUFFIX).rpartition("-")[2]
        now_ms = max(now_ms, ms_of(stamp) + 1)
    return folder / f"{_OWN}-{project}-{stamp_of(now_ms)}{SUFFIX}"
