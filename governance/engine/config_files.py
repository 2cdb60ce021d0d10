"""
A project's own configuration: gathered for a backup, and put back, all of it or nothing.

What is put back is first written beside its places, with what stands there now, and a plan that
names all of it comes last. From then on it only has to be moved: whoever is killed has left
the plan, and the next one who restores goes on by it. An error takes back what was moved.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from governance._attrs import frozen
from governance.config import Config
from governance.engine.project_rules import own_sources
from governance.errors import MisuseError
from governance.journal.config_copy import ConfigCopy, ConfigFile
from governance.project import CONFIG_NAME, Project, make_private_folder
from governance.whole_file import sync_folder

STAGE = "restoring-config"
"""Folder in a project's private one, while its configuration is put back."""

PLAN = "plan.json"
_PLAN_BYTES_MAX = 16_000_000
_MODE = 0o755
_STALE_SECONDS = 3_600

CODES: Mapping[str, str] = {
    "GOV574": "a place that a file of configuration cannot be put back to",
}


@frozen
class Change:
    """
    What putting one file back does.

    Attributes:
        before: What stands there now; ``None``: nothing.
    """

    file: ConfigFile
    place: Path
    before: bytes | None

    @property
    def changes(self) -> bool:
        """Whether it is another one than stands there."""
        return self.before != self.file.data


def own_files(config: Config) -> tuple[ConfigFile, ...]:
    """
    ``governance.toml`` and the rule packs that the project of *config* names as its own.

    One that lies outside the project's folder, itself or by a link, or in the private folder,
    belongs to somebody else and is left out; so is one that is not there.
    """
    project = Project(config.directory)
    named: dict[str, str | bytes] = {str(project.config_file): config.document.text}
    named |= {one.file: one.text for one in own_sources(config)}
    found: dict[str, ConfigFile] = {}
    for file, text in named.items():
        path = _below(project, Path(file))
        if path is not None:
            data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
            found[path] = ConfigFile(path, _mode(Path(file)), data)
    return tuple(found.values())


def _mode(file: Path) -> int:
    try:
        return file.stat().st_mode & _MODE
    except OSError:
        return 0o644  # it went since it was read


def _below(project: Project, file: Path) -> str | None:
    """The path of *file* below *project*; ``None`` for one that is not its own."""
    plain = Path(os.path.normpath(file))
    if not plain.is_relative_to(project.directory) or not _is_own(project, plain):
        return None
    return plain.relative_to(project.directory).as_posix()


def _is_own(project: Project, file: Path) -> bool:
    real, home = Path(os.path.realpath(file)), Path(os.path.realpath(project.directory))
    private = Path(os.path.realpath(project.private))
    state = Path(os.path.realpath(project.state_directory()))
    inside = real.is_relative_to(home) and real != home
    return inside and not real.is_relative_to(private) and not real.is_relative_to(state)


def changes_of(project: Project, copy: ConfigCopy) -> tuple[Change, ...]:
    """
    What putting *copy* back into *project* does, file by file, in the order of their paths.

    Raises:
        MisuseError: GOV574, a file of it has no place there.
    """
    found = []
    for one in sorted(copy.files, key=lambda file: file.path):
        place = _place(project, one.path)
        try:
            before = place.read_bytes() if place.exists() else None
        except OSError as error:
            raise _no_place(place, (error.strerror or str(error)).lower()) from None
        found.append(Change(one, place, before))
    return tuple(found)


def _place(project: Project, path: str) -> Path:
    """Where the file *path* of *project* is, links followed."""
    place = project.directory / path
    if not _is_own(project, place):
        raise _no_place(place, "it leads out of the project, or to its private folder")
    return Path(os.path.realpath(place))


def _no_place(place: Path, why: str) -> MisuseError:
    return MisuseError(
        f"`{place}` cannot be put back: {why}",
        code="GOV574",
        remedy="look at what stands there, its owner and its mode, then try again",
    )


def _failed(error: OSError, place: Path) -> MisuseError:
    return _no_place(Path(error.filename or place), (error.strerror or str(error)).lower())


def put_back(project: Project, changes: tuple[Change, ...]) -> None:
    """
    Make *project* have the files of *changes*; ``governance.toml`` is moved last.

    Raises:
        MisuseError: GOV574, the system refused, or another restore of its configuration is
            under way; every file is as it was.
    """
    todo = sorted(
        (one for one in changes if one.changes), key=lambda one: one.file.path == CONFIG_NAME
    )
    if not todo:
        return
    stage = project.private / STAGE
    try:
        make_private_folder(project.private)
        _write_stage(stage, todo)
    except OSError as error:
        raise _failed(error, project.private) from None
    done: list[int] = []
    try:
        for number, one in enumerate(todo):
            _move(stage, number, one.place)
            done.append(number)
    except OSError as error:
        _take_back(stage, [(number, todo[number]) for number in done])
        raise _failed(error, project.directory) from None
    _clear(stage)


def _write_stage(stage: Path, todo: list[Change]) -> None:
    draft = stage.with_name(f".{STAGE}.{os.getpid()}-{os.urandom(4).hex()}")
    make_private_folder(draft)
    try:
        for number, one in enumerate(todo):
            _write(draft / f"new-{number}", one.file.data, one.file.mode & _MODE)
            if one.before is not None:
                _write(draft / f"old-{number}", one.before, one.place.stat().st_mode & 0o777)
        plan = json.dumps([one.file.path for one in todo]).encode("ascii")
        _write(draft / PLAN, plan, 0o600)
        sync_folder(draft)
        try:
            draft.rename(stage)
        except OSError:
            if stage.exists():
                raise MisuseError(
                    "another restore of the configuration is under way",
                    code="GOV574",
                    remedy="let it end, then try again",
                ) from None
            raise
        sync_folder(stage.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(file: Path, data: bytes, mode: int) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def _move(stage: Path, number: int, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    (stage / f"new-{number}").replace(place)
    sync_folder(place.parent)


def _take_back(stage: Path, done: list[tuple[int, Change]]) -> None:
    for number, one in reversed(done):
        if one.before is None:
            one.place.unlink(missing_ok=True)
        else:
            (stage / f"old-{number}").replace(one.place)
    _clear(stage)


def _clear(stage: Path) -> None:
    """The plan first: what is left without one means nothing."""
    (stage / PLAN).unlink(missing_ok=True)
    shutil.rmtree(stage, ignore_errors=True)


def finish_put_back(project: Project) -> tuple[str, ...]:
    """
    End a `put_back` of *project* that was killed; the paths that it was about, if there is one.

    Raises:
        MisuseError: GOV574, the system refused; a further call goes on.
    """
    stage = project.private / STAGE
    try:
        for left in project.private.glob(f".{STAGE}.*"):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        paths = unfinished(project)
        for number, path in enumerate(paths):
            if (stage / f"new-{number}").exists():
                _move(stage, number, _place(project, path))
        if stage.exists():
            _clear(stage)
    except OSError as error:
        raise _failed(error, project.private) from None
    return paths


def unfinished(project: Project) -> tuple[str, ...]:
    """
    The paths that a `put_back` of *project* was about that was killed; none: there is none.

    Raises:
        MisuseError: GOV574, the system refused, or it is no plan.
    """
    file = project.private / STAGE / PLAN
    try:
        if not file.exists():
            return ()
        with file.open("rb") as stream:
            found = json.loads(stream.read(_PLAN_BYTES_MAX))
    except OSError as error:
        raise _failed(error, file) from None
    except ValueError:
        raise _no_place(file, "it is no plan of a restore") from None
    return tuple(map(str, found))
