"""`backup`: a whole copy of the store, made while others write, and the list of those there are."""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from pathlib import Path

import click

from governance.access.guard import require_whole
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    file_error,
    format_option,
    project_of,
)
from governance.cli.opening import record_copy
from governance.cli.output import moment, print_json, print_line, span
from governance.cli.own_files import require_other
from governance.cli.progress import working
from governance.cli.tables import print_table
from governance.config import Config, load_config
from governance.engine.backing import (
    BackupStatus,
    backup_folder,
    embedded_store,
    is_embedded,
    make_backup,
    make_config_backup,
    write_status,
)
from governance.engine.lawmaking import trusted_config
from governance.errors import GovernanceError, MisuseError
from governance.journal.backup import Backup, backups_in
from governance.journal.config_copy import ConfigCopyRefused, copies_in, read_copy
from governance.journal.opening import open_journal
from governance.project import Project, make_private_folder
from governance.values import Json


@command(
    "backup",
    examples=[
        Example("governance backup", "Make one now, among those that are made by themselves."),
        Example("governance backup list", "Those that there are, the newest first."),
        Example("governance backup --to copies", "Make one in a folder of its own."),
        Example("governance backup --config-only", "Only the configuration and own packs."),
    ],
)
@click.argument("what", required=False, type=click.Choice(["list"]))
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder, in place of the configured one.",
)
@click.option(
    "--config-only", is_flag=True, help="Copy the configuration alone, whatever the store is."
)
@format_option()
@dir_option
def backup(
    what: str | None,
    to: Path | None,
    config_only: bool,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Copy the store while agents go on, and prove the copy before it counts.

    The copy is one file, named by the store and the time; beside it are the heads that it
    has, and in a third file `governance.toml` and the project's own rule packs. Every row of
    the copy is read back and checked, and only then the oldest beyond
    `[backup] backups_max` go. With `[backup] age_seconds_max` a running engine has one made by
    itself when it is due. `governance restore` puts one in the store's place.

    A store on a server is copied by the tools of the server; `--config-only` copies what
    belongs to the project beside it, and by itself that is what is made when it is due.
    """
    project = project_of(directory)
    config = trusted_config(load_config(project.directory))
    require_whole(config, "keep")
    if what == "list":
        return _list(config, to or backup_folder(config), format_name)
    if to is not None:
        to = to.absolute()
        require_other(to, "copy", project.directory)
        try:
            str(to).encode()
            make_private_folder(to)
        except UnicodeEncodeError:
            raise file_error(to, OSError("its name is no UTF-8")) from None
        except OSError as error:
            raise file_error(to, error) from None
    if config_only:
        copied = make_config_backup(project, to)
        if to is None and not is_embedded(config):
            # There it is what is made by itself as well, so that `doctor` tells of it.
            _note(project, str(copied), "")
        if format_name == "json":
            print_json({"ok": True, "path": str(copied), "size_bytes": copied.stat().st_size})
        else:
            print_line(f"the configuration is copied to {copied}", "good")
        return FINE
    if config.audit.reads:
        embedded_store(config)  # a store that is not backed up here is none to be written here
        url = config.journal.url
        with closing(
            open_journal(url, base=config.directory, create=False, for_reading=True)
        ) as journal:
            record_copy(config, journal)
    made = _make(project, to)
    size = made.stat().st_size
    if format_name == "json":
        print_json({"ok": True, "path": str(made), "size_bytes": size})
    else:
        print_line(f"backed up to {made}: {_size(size)}, every row of it holds", "good")
    return FINE


def _make(project: Project, to: Path | None) -> Path:
    """A backup; one among the usual ones, or its failure, is what `doctor` tells of."""
    try:
        with working("copying and proving"):
            made = make_backup(project, to)
    except MisuseError:
        raise  # nothing was tried
    except GovernanceError as error:
        if to is None:
            _note(project, "", str(error))
        raise
    if to is None:
        _note(project, str(made), "")
    return made


def _note(project: Project, path: str, error: str) -> None:
    try:
        write_status(project, BackupStatus(int(time.time() * 1000), path, error))
    except OSError:
        return  # what was done is told at the terminal


def _list(config: Config, folder: Path, format_name: str) -> int:
    found = backups_in(folder)
    alone = [one for one in copies_in(folder) if not one.with_suffix(".db").exists()]
    if format_name == "json":
        print_json([*map(_as_json, found), *map(_alone_as_json, alone)])
        return FINE
    for copy in alone:
        print_line(f"the configuration alone: {copy.name}", "quiet")
    if not found:
        if not alone:
            print_line(f"no backup is in {folder}", "wary")
        return FINE
    # What was kept of a file that has moved to a server since is still there to be put back.
    own = embedded_store(config).stem if is_embedded(config) else ""
    now_ms = int(time.time() * 1000)
    print_table(
        ("made", "age", "size", "name"),
        [
            (moment(one.at_ms), span(now_ms - one.at_ms), _size(one.size_bytes), one.path.name)
            for one in found
            if one.path.name.startswith(own)
        ],
        whole=("made", "age", "size"),
    )
    print_line(f"in {folder}{os.sep}", "quiet")
    return FINE


def _as_json(one: Backup) -> dict[str, Json]:
    return {
        "path": str(one.path),
        "store": one.store_id,
        "at_ms": one.at_ms,
        "size_bytes": one.size_bytes,
        "config": str(one.config) if one.config.is_file() else "",
    }


def _alone_as_json(copy: Path) -> dict[str, Json]:
    """A copy of the configuration alone, which has no store; 0 ms where it cannot be read."""
    at_ms = size_bytes = 0
    with suppress(ConfigCopyRefused, OSError):
        at_ms, size_bytes = read_copy(copy).at_ms, copy.stat().st_size
    return {
        "path": "",
        "store": "",
        "at_ms": at_ms,
        "size_bytes": size_bytes,
        "config": str(copy),
    }


def _size(size_bytes: int) -> str:
    kilobytes = size_bytes / 1000
    return f"{kilobytes / 1000:.1f} MB" if kilobytes >= 1000 else f"{kilobytes:.0f} kB"


COMMANDS = {"backup": backup}
