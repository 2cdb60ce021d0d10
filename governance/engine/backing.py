"""
Backups that are made by themselves: when one is due, a process of its own makes it.

A decision is never delayed by it and never fails for it: whoever answers looks at one file's
age, at most once a minute, and leaves all else to a thread that does no more than start the
process. What became of it stands in a small file of the project, which `governance doctor` reads.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define, frozen
from governance.project import Project
from governance.whole_file import write_whole

if TYPE_CHECKING:
    from governance.config import Config

LOOK_SECONDS = 60.0
"""How often it is looked whether a backup is due."""

STATUS_NAME = "backup.json"
_STATUS_BYTES_MAX = 65_536
_ERROR_CHARACTERS_MAX = 2_000
_NICE = 10

# With `-I` the folder that an agent works in cannot put a module in the way.
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from governance.engine.backing import main; sys.exit(main(sys.argv[2]))"
)


@frozen
class BackupStatus:
    """
    What became of the last backup of a project.

    Attributes:
        at_ms: When it was tried, in milliseconds since 1970 UTC.

        path: The backup; ``""`` where it failed, or none was tried yet.

        error: Why it failed, or ``""``.
    """

    at_ms: int
    path: str = ""
    error: str = ""


def status_file(project: Project) -> Path:
    """Where the last outcome stands; the age of the file is the age of the last try."""
    return project.private / STATUS_NAME


def read_status(project: Project) -> BackupStatus | None:
    """The last outcome, or none where there is none or it cannot be read."""
    import json

    try:
        with status_file(project).open("rb") as file:
            told = json.loads(file.read(_STATUS_BYTES_MAX))
        return BackupStatus(int(told["at_ms"]), str(told["path"]), str(told["error"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_status(project: Project, status: BackupStatus) -> None:
    """
    Leave *status* for whoever looks; whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    import json

    told = {"at_ms": status.at_ms, "path": status.path, "error": status.error}
    write_whole(status_file(project), json.dumps(told).encode(), synced=False)


@define(eq=False, repr=False)
class BackupSchedule:
    """
    Looks whether a backup is due and has it made; called after a decision, outside of locks.

    Attributes:
        start: Starts the process that makes one.
    """

    project: Project
    interval_seconds: int
    start: Callable[[], None]
    _next_look: float = field(default=0.0, init=False)
    _busy: threading.Lock = field(factory=threading.Lock, init=False)

    def look(self) -> None:
        """Have a backup made if one is due; raises nothing and waits for nothing."""
        now = time.monotonic()
        if now < self._next_look or not self._busy.acquire(blocking=False):
            return
        self._next_look = now + LOOK_SECONDS
        try:
            if self._is_due():
                # Not a daemon: a process that ends now still gets it started.
                threading.Thread(target=self._begin, name="governance-backup").start()
                return
        except (OSError, RuntimeError):
            # A folder that cannot be looked at is what `doctor` is for; no thread is free.
            pass
        self._busy.release()

    def _is_due(self) -> bool:
        file = status_file(self.project)
        try:
            age = time.time() - file.stat().st_mtime
        except FileNotFoundError:
            # A project that has just begun has nothing to lose yet.
            write_status(self.project, BackupStatus(int(time.time() * 1000)))
            return False
        # A clock that went back has left a time behind that may be years ahead.
        return not -LOOK_SECONDS <= age < self.interval_seconds

    def _begin(self) -> None:
        try:
            # Claimed first: another process that looks now does not begin a second one.
            os.utime(status_file(self.project))
            self.start()
        except OSError:
            return
        finally:
            self._busy.release()


def schedule_of(config: Config) -> BackupSchedule | None:
    """
    What *config* wants made by itself, or none.

    Of a store on a server that is the configuration alone. One in memory leaves nothing behind,
    and no process either.
    """
    if not config.backup.age_seconds_max or config.journal.url.startswith("memory:"):
        return None
    if not hasattr(os, "posix_spawn"):
        return None  # there the system's own scheduler calls `governance backup`
    return BackupSchedule(
        Project(config.directory),
        config.backup.age_seconds_max,
        lambda: start_backup(config.directory),
    )


def start_backup(directory: Path) -> None:
    """
    Start a process that makes a backup of the project in *directory*, and do not wait for it.

    Raises:
        OSError: It cannot be started.
    """
    home = str(Path(__file__).parents[2])
    words = [sys.executable, "-I", "-c", _CODE, home, str(directory)]
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    pid = os.posix_spawn(sys.executable, words, os.environ, file_actions=silent)
    # Whoever ends first: a thread that only waits keeps no dead child behind.
    threading.Thread(target=os.waitpid, args=(pid, 0), daemon=True).start()


def main(directory: str) -> int:
    """
    Make the backup of the project in *directory* and leave what became of it; of a store that is
    its server's to back up, a copy of the configuration.
    """
    os.setsid()
    os.nice(_NICE)
    project = Project(Path(directory))
    try:
        made = make_backup if is_embedded(_config_of(project)) else make_config_backup
        path, error = str(made(project)), ""
    except Exception as failure:  # noqa: BLE001 - nobody else is there to be told
        path, error = "", str(failure)[:_ERROR_CHARACTERS_MAX] or type(failure).__name__
    write_status(project, BackupStatus(int(time.time() * 1000), path, error))
    return 1 if error else 0


def make_backup(project: Project, to: Path | None = None) -> Path:
    """
    A new backup of the store of *project*, by its configuration, which is put beside it.

    Args:
        to: Folder for it, in place of the configured one.

    Raises:
        DefinitionError: The configuration is wrong.
        MisuseError: GOV546, the store is none that is backed up here.
        JournalError: As `governance.journal.backup.backup_store`.
    """
    from governance.engine.config_files import own_files
    from governance.journal.backup import backup_store

    config = _config_of(project)
    folder = to if to is not None else backup_folder(config)
    return backup_store(
        embedded_store(config),
        folder,
        now_ms=int(time.time() * 1000),
        backups_max=config.backup.backups_max,
        seconds_max=config.backup.seconds_max,
        config=own_files(config),
    ).path


def make_config_backup(project: Project, to: Path | None = None) -> Path:
    """
    A copy of the configuration of *project* alone, whatever its store is and wherever.

    Args:
        to: As in `make_backup`.

    Raises:
        DefinitionError: The configuration is wrong.
        JournalError: As `governance.journal.config_copy.backup_config`.
    """
    from governance.engine.config_files import own_files
    from governance.journal.config_copy import backup_config

    config = _config_of(project)
    return backup_config(
        to if to is not None else backup_folder(config),
        own_files(config),
        project=project.key,
        now_ms=int(time.time() * 1000),
        backups_max=config.backup.backups_max,
    )


def _config_of(project: Project) -> Config:
    from governance.config import load_config
    from governance.engine.lawmaking import trusted_config

    return trusted_config(load_config(project.directory))


def is_embedded(config: Config) -> bool:
    """Whether the store of *config* is a file, which is backed up here."""
    return config.journal.url.startswith("sqlite:")


def backup_folder(config: Config) -> Path:
    """Where the backups of a project are."""
    return (config.directory / config.backup.folder).absolute()


def embedded_store(config: Config) -> Path:
    """
    The file of the store of *config*.

    Raises:
        MisuseError: GOV546, its store is no file.
        StoreElsewhere: A link leads to it, and nobody has trusted the configuration.
    """
    from governance.engine.store_place import require_own_place
    from governance.errors import MisuseError
    from governance.journal.opening import store_path

    url = config.journal.url
    if not is_embedded(config):
        raise MisuseError(
            f"the store `{url.partition(':')[0]}:` is no file that could be backed up here",
            code="GOV546",
            remedy="use the tools of its server; `governance backup --config-only` copies the "
            "configuration",
        )
    require_own_place(config)
    return store_path(url, config.directory)


CODES = {"GOV546": "a store that is no file, so that backups and repairs of it are made elsewhere"}
