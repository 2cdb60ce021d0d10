"""`archive`, `unarchive` and `prune`: what the store keeps, and what a file does."""

from __future__ import annotations

from pathlib import Path

import click

from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.giving_back import MEGABYTE, give_back
from governance.cli.guard import require_person
from governance.cli.opening import behind_guard, require_session
from governance.cli.output import print_json, print_line
from governance.cli.own_files import require_other
from governance.cli.progress import working
from governance.cli.recording import person_name, recording_engine
from governance.cli.tables import print_table
from governance.config import Config, load_config
from governance.engine.backing import embedded_store, is_embedded
from governance.engine.lawmaking import archive_folder, retention_of, trusted_config
from governance.engine.pruning import PruneReport
from governance.errors import JournalError, number_of
from governance.values import Json

_FREE_SECONDS_MAX = 10.0


@command(
    "archive",
    examples=[
        Example("governance archive demo~3", "It goes to `.governance/archive`."),
        Example("governance archive demo~3 --to /mnt/cold", "It goes elsewhere."),
    ],
)
@click.argument("session")
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of the file.  [default: `retention.archive_folder`]",
)
@format_option()
@key_option
@dir_option
def archive(
    session: str,
    to: Path | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Write a session to a file and remove its rows from the store.

    A person's command. The file is private, whole before it has its name, and proves itself
    by its chain. A tombstone with the head stays, which `governance verify` knows; what comes
    for the session later is denied. One that is live, or that a branch needs, stays.
    """
    project = project_of(directory)
    require_person("archive", project, key_file)
    if to is not None:
        require_other(to, "copy", project.directory)
    folder = to if to is not None else archive_folder(load_config(project.directory))
    with recording_engine(project) as engine:
        require_session(behind_guard(engine.journal), session)
        with working("archiving"):
            made = engine.archive(session, folder.absolute(), actor=person_name())
    if format_name == "json":
        told: dict[str, Json] = {"session": session, "path": str(made.path)}
        told |= {"rows": made.rows, "values": made.values}
        print_json({"ok": True, **told, "seq": made.head.seq, "hash": made.head.hash.hex()})
    else:
        values = f" and {number_of(made.values, 'value')}" if made.values else ""
        print_line(f"{session}: {number_of(made.rows, 'row')}{values} in {made.path}", "good")
    return FINE


@command(
    "unarchive",
    examples=[
        Example(
            "governance unarchive .governance/archive/demo~3-4-1f0c.jsonl.zst", "It comes back."
        ),
    ],
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@format_option()
@key_option
@dir_option
def unarchive(file: Path, format_name: str, key_file: Path | None, directory: Path | None) -> int:
    """
    Put an archived session back into the store.

    A person's command. Each row is checked by the chain before any is put back, and the
    session has the head that it had. FILE stays where it is. A store that never had the
    session takes it too, if it has the row that a branch goes on from.
    """
    project = project_of(directory)
    require_person("unarchive", project, key_file)
    with recording_engine(project) as engine, working("putting back"):
        head = engine.unarchive(file.absolute(), actor=person_name())
    if format_name == "json":
        print_json({"ok": True, "session": head.session, "seq": head.seq, "hash": head.hash.hex()})
    else:
        print_line(f"{head.session} is back, with row {head.seq} as its last", "good")
    return FINE


@command(
    "prune",
    examples=[
        Example("governance prune --dry-run", "What would go by `[retention]`."),
        Example("governance prune", "Archive or remove it."),
    ],
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@format_option()
@key_option
@dir_option
def prune(dry_run: bool, format_name: str, key_file: Path | None, directory: Path | None) -> int:
    """
    Archive or remove the sessions that `[retention]` does not keep.

    A person's command, but for --dry-run; an engine that runs does the same by itself, but for
    this: room that is left in a store's file is given back to the disk, within ten seconds. The
    longest untouched go first, and none before `governance.toml` is trusted. Sessions that
    are live, halted, or wait for a person stay, as does what a branch needs, and the
    project's own journal.
    """
    project = project_of(directory)
    config = trusted_config(load_config(project.directory))
    policy = retention_of(config)
    if not dry_run:
        require_person("prune", project, key_file)
    with recording_engine(project, for_reading=dry_run) as engine, working("pruning"):
        report = engine.prune(policy, dry_run=dry_run, actor=person_name())
    freed = 0
    if report.gone and not dry_run and is_embedded(config):
        freed = _freed(config)
    if format_name == "json":
        told = _report_json(report, dry_run=dry_run, archived=bool(policy.folder))
        print_json({**told, "freed_bytes": freed})
        return FINE
    _print(report, dry_run=dry_run, archived=bool(policy.folder))
    if freed:
        print_line(f"{freed / MEGABYTE:.1f} MB were given back to the disk", "good")
    return FINE


def _freed(config: Config) -> int:
    """How many bytes were given back; what was not is told by `governance health`."""
    try:
        before, after, _ = give_back(embedded_store(config), _FREE_SECONDS_MAX)
    except JournalError as error:
        # The pruning is done, whatever becomes of this.
        print_line(f"no room was given back: {error.message}", "wary", stderr=True)
        return 0
    return before - after


def _report_json(report: PruneReport, *, dry_run: bool, archived: bool) -> dict[str, Json]:
    return {
        "dry_run": dry_run,
        "archived": archived,
        "gone": [{"session": name, "why": why} for name, why in report.gone],
        "kept": report.kept,
        "needed": [{"session": name, "why": why} for name, why in report.needed],
    }


def _print(report: PruneReport, *, dry_run: bool, archived: bool) -> None:
    rows = [(name, "goes", f"by {why}") for name, why in report.gone]
    rows += [(name, "stays", why) for name, why in report.needed]
    if rows:
        print_table(("session", "it", "why"), rows)
    what = "archived" if archived else "removed"
    would = "would be " if dry_run else ""
    print_line(
        f"{number_of(len(report.gone), 'session')} {would}{what}, {report.kept} kept",
        "good" if report.gone else "quiet",
    )


COMMANDS = {"archive": archive, "prune": prune, "unarchive": unarchive}
