"""What `init` makes and `uninstall` takes away: a project's parts, and a host's settings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from governance._attrs import frozen
from governance.cli.frame import file_error
from governance.cli.guard import PersonNeeded, key_path, make_key, remove_key, require_person
from governance.config import BackupTable, default_toml, load_config
from governance.engine.backing import backup_folder
from governance.engine.lawmaking import trusted_config
from governance.engine.store_place import require_own_place
from governance.errors import DefinitionError
from governance.hosts import INSTALLABLE, installer_of, profile_of
from governance.journal.backup import backups_in
from governance.journal.mirror import mirror_identity
from governance.journal.opening import DEFAULT_URL, default_mirror, store_path
from governance.journal.protected import open_protected
from governance.project import (
    CONFIG_NAME,
    PARENTS_MAX,
    PRIVATE_NAME,
    Project,
    create_project,
    open_project,
)
from governance.whole_file import remove_drafts

MADE = "made"
CHANGED = "changed"
REMOVED = "removed"
KEPT = "kept"

_STORE_SUFFIXES = ("", "-wal", "-shm")
_DISK = "sqlite:///"


@frozen
class Effect:
    """
    What became of one file or folder, or with a dry run what would.

    Attributes:
        verb: `MADE`, `CHANGED`, `REMOVED` or `KEPT`.

        note: What it is for, or why it was kept.

        diff: The lines that change, for a file that is another's as well.
    """

    verb: str
    path: Path
    note: str = ""
    diff: str = ""


def found_project(
    directory: Path, config_text: str, *, key_file: Path | None = None, dry_run: bool = False
) -> tuple[Effect, ...]:
    """
    Make *directory* a project with its store and its person's key; what is there stays.

    A project that this person had here before, and that has lost its configuration or its
    private folder, is made anew by a person alone: an agent could have deleted its policy.
    A dry run asks nobody.

    Raises:
        PersonNeeded: See above.

        DefinitionError: What is there is wrong, or something cannot be made.

        JournalError: The store is damaged, or one that is known of has vanished.
    """
    project = Project(directory.absolute())
    if not dry_run and _has_lost_parts(project):
        try:
            require_person("init", project, key_file)
        except PersonNeeded as error:
            lost = "it was a project before, and has lost its configuration or its private folder"
            message = f"{error.message}; {lost}"
            raise PersonNeeded(message, code=error.code, remedy=error.remedy) from None
    store = _store(project)
    wanted = (
        (project.config_file, "the rules in force, and how sessions are treated"),
        (project.private, "private: the journal and the log"),
        *(((store, "the journal of all sessions"),) if store else ()),
        (key_path(project), "lets a person's commands run without a terminal; move it away"),
    )
    new = [place for place, _ in wanted if not place.exists()]
    if not dry_run:
        _make(project, config_text)
    return tuple(
        Effect(MADE if place in new else KEPT, place, note)
        for place, note in wanted
        # A key that a person has moved away is not made again.
        if dry_run or place.exists()
    )


def _make(project: Project, config_text: str) -> None:
    try:
        project.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(project.directory, error) from None
    create_project(project.directory, config_text)
    config = trusted_config(load_config(project.directory))
    require_own_place(config)
    open_protected(config, create=True).close()
    try:
        make_key(project)
    except OSError as error:
        raise file_error(key_path(project), error) from None


def _has_lost_parts(project: Project) -> bool:
    known = project.state_directory().is_dir()
    return known and not (project.config_file.exists() and project.private.is_dir())


def _store(project: Project) -> Path | None:
    """The file of the store, or ``None`` for one that is no file."""
    url = DEFAULT_URL
    if project.config_file.exists():
        # Before anything is made: a wrong file must not leave half a project behind.
        url = trusted_config(load_config(project.directory)).journal.url
    return store_path(url, project.directory) if url.startswith(_DISK) else None


def install_host(project: Project, host: str, *, dry_run: bool = False) -> tuple[Effect, ...]:
    """
    Put our hooks into the settings of *host* for *project*.

    Raises:
        SettingsRefused: The settings are not what they should be; they were left alone.

        MisuseError: GOV710, nothing can be put into this host.
    """
    installer, title = installer_of(host), profile_of(host).title
    effects = []
    for change in installer.install(project.directory, dry_run=dry_run):
        if change.changed:
            verb = MADE if change.before is None else CHANGED
            note = f"{installer.what} of {title}"
            effects.append(Effect(verb, change.file, note, change.diff))
        else:
            note = f"the {installer.what} are in it already"
            effects.append(Effect(KEPT, change.file, note))
    return tuple(effects)


def uninstall_host(project: Project, host: str, *, dry_run: bool = False) -> tuple[Effect, ...]:
    """
    Take everything of ours out of the settings of *host* for *project*.

    Raises:
        SettingsRefused: As `install_host`.

        MisuseError: GOV710, nothing can be put into this host.
    """
    installer = installer_of(host)
    effects = []
    for change in installer.uninstall(project.directory, dry_run=dry_run):
        if not change.changed:
            effects.append(Effect(KEPT, change.file, "nothing of ours is in it"))
        elif change.after is None:
            effects.append(Effect(REMOVED, change.file, "it was not there before us", change.diff))
        else:
            note = f"our {installer.what} left it"
            effects.append(Effect(CHANGED, change.file, note, change.diff))
    return tuple(effects)


def installed_hosts(project: Project) -> tuple[str, ...]:
    """The hosts that `install_host` was run for in *project*, as it has written down."""
    return tuple(
        host for host in INSTALLABLE if installer_of(host).record(project.directory).is_file()
    )


def remove_project(
    project: Project, *, erase_journal: bool, dry_run: bool = False
) -> tuple[Effect, ...]:
    """
    Take away what `found_project` made; the journal stays unless it is to be erased.

    A ``governance.toml`` that somebody has changed is that person's work, and stays.

    Raises:
        DefinitionError: Something cannot be removed; what was removed before is gone.
    """
    found = tuple(_parts(project, erase_journal=erase_journal))
    if dry_run:
        return found
    store = _known_store(project)
    mirrors = () if store is None else (default_mirror(store),)
    for one in found:
        if one.verb == REMOVED and one.path != key_path(project):
            try:
                _remove(one.path)
            except OSError as error:
                raise file_error(one.path, error) from None
    remove_key(project)
    for place in (project.config_file, key_path(project), *mirrors):
        remove_drafts(place)
    shutil.rmtree(project.state_directory(), ignore_errors=True)
    return found


def _parts(project: Project, *, erase_journal: bool) -> Iterator[Effect]:
    store = _known_store(project)
    if project.config_file.is_file():
        ours = project.config_file.read_bytes() == default_toml().encode()
        yield (
            Effect(REMOVED, project.config_file)
            if ours
            else Effect(KEPT, project.config_file, "somebody has changed it: it is theirs")
        )
    inside = store is not None and store.is_relative_to(project.private.resolve())
    if store is not None and erase_journal and not inside:
        for suffix in _STORE_SUFFIXES:
            part = store.with_name(store.name + suffix)
            if part.exists():
                yield Effect(REMOVED, part, "the journal of all sessions")
    if store is not None and erase_journal:
        yield from _backups_elsewhere(project, store)
    if store is not None and not erase_journal and store.exists():
        yield Effect(KEPT, store, "the journal; `--erase-journal` removes it")
    if store is not None and erase_journal and default_mirror(store).exists():
        yield Effect(REMOVED, default_mirror(store), "what the journal's end was checked against")
    if project.private.is_dir() and not project.private.is_symlink():
        yield from _private_parts(project, store if not erase_journal else None)
    if key_path(project).exists():
        yield Effect(REMOVED, key_path(project), "the key of the person's commands")


def _private_parts(project: Project, kept_store: Path | None) -> Iterator[Effect]:
    """The private folder whole, or what is in it besides the store that is kept."""
    if kept_store is None or kept_store.parent != project.private.resolve():
        yield Effect(REMOVED, project.private)
        return
    names = {kept_store.name + suffix for suffix in _STORE_SUFFIXES} | {".gitignore"}
    names.add(Path(BackupTable().folder).name)
    for path in sorted(project.private.iterdir()):
        # What repairs and restores keep aside is named after the store.
        if path.name not in names and not path.name.startswith(f"{kept_store.name}."):
            yield Effect(REMOVED, path)


def _backups_elsewhere(project: Project, store: Path) -> Iterator[Effect]:
    """Backups of the store that lie outside of the project's private folder."""
    known = mirror_identity(default_mirror(store))
    try:
        folder = backup_folder(load_config(project.directory))
    except DefinitionError:
        return  # nobody can say where they are
    if known is None or folder.is_relative_to(project.private):
        return
    for one in backups_in(folder, known.store):
        for path in (one.path, one.heads, one.config):
            if path.exists():
                yield Effect(REMOVED, path, "a backup of the journal")


def remains_of(directory: Path | None) -> Project:
    """The project in *directory*, else the nearest upwards from here, or what is left of it."""
    if directory is not None:
        return Project(directory.absolute())
    here = Path.cwd()
    for folder in (here, *here.parents)[:PARENTS_MAX]:
        if (folder / CONFIG_NAME).is_file() or (folder / PRIVATE_NAME).is_dir():
            return Project(folder)
    return Project(here)


def examined(directory: Path | None) -> Project:
    """
    As `remains_of`, for what tells how a project is: one that has lost a part is told of.

    Raises:
        DefinitionError: GOV331, no project is there, and none was.
    """
    project = remains_of(directory)
    parts = (project.config_file, project.private, project.state_directory())
    if not any(part.exists() for part in parts):
        open_project(project.directory)
    return project


def _known_store(project: Project) -> Path | None:
    try:
        return _store(project)
    except DefinitionError:
        # A configuration that cannot be read must not keep its project from being removed.
        return store_path(DEFAULT_URL, project.directory)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        os.unlink(path)  # noqa: PTH108 -- a name, whatever it is, and never what it leads to
