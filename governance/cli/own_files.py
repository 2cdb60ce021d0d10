"""
What a command never writes over or beside because a person named it as a place for something else.

An agent may call `governance report -o FILE` and its like, and a slip of the finger names any file.
The store, the configuration, the packs in force, the hooks in the settings of hosts and what a
person has outside the project are not for them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from governance.config import Config, load_config
from governance.engine.backing import backup_folder, is_embedded
from governance.engine.lawmaking import archive_folder, trusted_config
from governance.engine.project_rules import own_sources, pack_sources
from governance.errors import DefinitionError, Diagnostic
from governance.hosts import INSTALLABLE, installer_of
from governance.journal.opening import store_path
from governance.project import (
    CONFIG_NAME,
    HOME_NAME,
    PRIVATE_NAME,
    folder_around,
    machine_config,
    user_config_directory,
    user_state_directory,
)

Written = Literal["output", "pack", "key", "copy"]
"""What is written: something to look at, a pack, a new key, or a folder of backups or archives."""

_OF_NOBODY = ("output", "copy")
"""What has no place of its own in a person's folder of configuration."""

CODES: Mapping[str, str] = {"GOV613": "a file of governance itself, given as a place to write to"}

_HOMES = ((".config", HOME_NAME), (".local", "state", HOME_NAME))
_SHARED_IN_HOMES = ((".cache",), (".local", "share"))
"""Of what is hidden in a home, that which programs may put their files into."""

_STORE_ENDINGS = ("", "-wal", "-shm", "-journal")
_KEY_FILE = "file:"


def require_other(path: Path, what: Written = "output", project: Path | None = None) -> None:
    """
    Return quietly if *path* may be written, which follows links and is compared as a file.

    A pack may be written over itself, and it and a key may lie in a person's own folder of
    configuration. Copies go into a folder: where *project* has them, or into one that is neither
    a home nor hidden in one. Looked at are *project* and the projects around *path* and around
    this process.

    Raises:
        DefinitionError: GOV613, it is one of governance's own files or would be.
    """
    place = Path(os.path.realpath(path))
    if what == "copy" and project is not None and _is_for_copies(place, project):
        return
    reason = _always(place, what) or _of_projects(place, what, _around(place, project))
    if what == "copy":
        reason = reason or _of_persons(place, project)
    if reason:
        mend = f"name another {'folder' if what == 'copy' else 'file'}"
        message = f"is not written: {reason}"
        raise DefinitionError((Diagnostic("GOV613", message, str(path), suggestion=mend),))


def _is_for_copies(place: Path, project: Path) -> bool:
    """Whether *place* is where the configuration of *project* has backups or archives."""
    config = trusted_config(load_config(project))
    return any(_is_same(place, one) for one in (backup_folder(config), archive_folder(config)))


def _of_persons(place: Path, project: Path | None) -> str:
    """Why no copies are put into *place*, a person's home or what is hidden in one, or ``""``."""
    for home in map(Path, map(os.path.realpath, _homes())):
        if _is_in(home, place):
            return "it is the home of a person, or holds it"
        # A project may lie in a hidden folder; one that is a home has not all of it for its own.
        if project is not None and _is_in(place, project) and not _is_in(home, project):
            continue
        if not place.is_relative_to(home):
            continue
        parts = tuple(name.casefold() for name in place.relative_to(home).parts)
        shared = any(parts[: len(one)] == one for one in _SHARED_IN_HOMES)
        if parts[0].startswith(".") and not shared:
            return f"in `{home / parts[0]}` lies what is a person's own"
    return ""


def _homes() -> Iterator[str]:
    """The home as the environment has it, and as the system does, whoever moved the first."""
    yield os.path.expanduser("~")  # noqa: PTH111 - one that cannot be known is no error here
    with suppress(ImportError, KeyError):  # a platform without it, a user that it does not know
        import pwd

        yield pwd.getpwuid(os.getuid()).pw_dir


def _always(place: Path, what: Written) -> str:
    """Why *place* is never written, whatever the project; ``""``: it may be."""
    names = [one.casefold() for one in place.parts]
    if PRIVATE_NAME in names:
        return f"in `{PRIVATE_NAME}/` lies what governance alone writes"
    if names[-1] == CONFIG_NAME or _is_same(place, machine_config()):
        return "it is a configuration of governance"
    homes = [user_state_directory()]
    if what in _OF_NOBODY:
        homes.append(user_config_directory())
    mine = any(_is_in(place, one) for one in homes)
    # Whoever moves the home by a variable must not reach that of the person.
    for home in _HOMES if what in _OF_NOBODY else _HOMES[1:]:
        pairs = (tuple(names[at : at + len(home)]) for at in range(len(names)))
        mine = mine or any(pair == home for pair in pairs)
    return "there lies what governance has outside its projects" if mine else ""


def _around(place: Path, project: Path | None) -> Iterator[Path]:
    found = {} if project is None else {project.absolute(): None}
    for start in (place.parent, Path()):
        with suppress(OSError):  # the folder that we are in may be gone
            folder = folder_around(start)
            if folder is not None:
                found[folder] = None
    return iter(found)


def _of_projects(place: Path, what: Written, projects: Iterator[Path]) -> str:
    for folder in projects:
        if any(_is_settings(place, one, folder) for one in INSTALLABLE):
            return "it belongs to the settings of a host, which may hold the hooks"
        try:
            config = load_config(folder)
        except DefinitionError:
            continue  # what it names cannot be known; its own folder is safe already
        reason = _of_config(place, what, config)
        if reason:
            return reason
    return ""


def _is_settings(place: Path, host: str, folder: Path) -> bool:
    """Whether *place* lies beside the settings of *host*, in the project or the person's home."""
    settings = installer_of(host).settings
    with suppress(RuntimeError):  # a user without a home
        if _is_in(place, (Path.home() / settings).parent):
            return True
    return _is_in(place, (folder / settings).parent)


def _of_config(place: Path, what: Written, config: Config) -> str:
    if is_embedded(config):
        store = store_path(config.journal.url, config.directory)
        if any(_is_same(place, store.with_name(store.name + one)) for one in _STORE_ENDINGS):
            return "it is the store of the project"
    for key in (config.encryption.key, *config.encryption.previous):
        named = config.directory / Path(key.removeprefix(_KEY_FILE)).expanduser()
        if key.startswith(_KEY_FILE) and _is_same(place, named):
            return "it is the key of the journal"
    for kept in () if what == "copy" else (backup_folder(config), archive_folder(config)):
        if not _is_in(config.directory, kept) and _is_in(place, kept):
            return f"`{kept}` is for backups or archives alone"
    if what == "pack":
        return ""
    try:
        sources = pack_sources(config)
    except DefinitionError:
        sources = own_sources(config)  # a pack that is missing must not give up the others
    for source in sources:
        pack = Path(source.file)
        if source.name:
            continue
        if _is_same(place, pack):
            return "it is a pack that is in force"
        if place.suffix == pack.suffix and _is_same(place.parent, pack.parent):
            return "there are packs in force, and it would be taken for another one"
    return ""


def _is_same(place: Path, other: Path) -> bool:
    try:
        return place.samefile(other)
    except OSError:
        return str(place).casefold() == os.path.realpath(other).casefold()


def _is_in(place: Path, folder: Path) -> bool:
    return any(_is_same(one, folder) for one in (place, *place.parents))
