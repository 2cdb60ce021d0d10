"""`repair` and `restore`: what a person does about a store that is damaged or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from governance.access.guard import require_whole
from governance.cli.accepting import accept, closed_rows, record_repair
from governance.cli.config_restoring import (
    ConfigRestore,
    config_source,
    planned,
    print_plan,
    readable_config,
    require_strength,
)
from governance.cli.founding import remains_of
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person
from governance.cli.mending_told import OF_STORE, anew_text, code_of, report_json, told
from governance.cli.opening import (
    behind_guard,
    sessions_in,
    stored_form_of,
)
from governance.cli.output import print_json, print_line
from governance.cli.progress import working
from governance.cli.recording import recording_engine
from governance.cli.values import REASON, require_unset
from governance.clock import SystemClock
from governance.config import Config, load_config
from governance.engine import Engine
from governance.engine.backing import backup_folder, embedded_store
from governance.engine.config_files import finish_put_back, put_back, unfinished
from governance.engine.kept_values import (
    INDEX_OF_MESSAGES,
    kept_in,
    made_anew,
)
from governance.engine.lawmaking import trusted_config
from governance.engine.opening import PROJECT_SESSION
from governance.engine.restoring import keep_snapshot
from governance.engine.restoring import restore as restore_state
from governance.errors import (
    GovernanceError,
    MisuseError,
    StoreDamaged,
    number_of,
)
from governance.journal.backup import backups_in
from governance.journal.gaps import DAMAGED_KIND
from governance.journal.opening import mirror_for, open_journal
from governance.journal.protected import require_key
from governance.journal.records import Finding
from governance.journal.repair import RepairReport, SessionRepair, repair_store
from governance.journal.restore import restore_store
from governance.journal.servers import RepairsInPlace
from governance.journal.sources import FileSource, JournalSource, Source, copies_of
from governance.journal.staging import GivenUp
from governance.project import Project
from governance.values import Json

SNAPSHOT_ROWS_MIN = 1000
"""Rows from which on a session's state is kept as a snapshot again after a repair."""

_ON_SERVER = ("postgresql:", "postgres:")

CODES: Mapping[str, str] = {
    "GOV547": "an acceptance of losses of a session that has none",
    "GOV548": "a backup that is not where it was looked for",
}


@command(
    "repair",
    examples=[
        Example("governance repair --dry-run", "What would come of it; nothing is changed."),
        Example("governance repair", "Mend the store, with what its backups still have."),
        Example(
            "governance repair --accept-all --reason 'the disk was lost'",
            "Work on without what is lost.",
        ),
    ],
    exits="0 all rows are there, 1 rows are lost or something cannot be mended there, 2 it could "
    "not be done",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be found.")
@click.option(
    "--from",
    "copies",
    multiple=True,
    help="A further copy to look for lost rows in: a file, or the url of a store; repeatable.",
)
@click.option("--accept", "accepted", multiple=True, help="Accept what is lost of this session.")
@click.option("--accept-all", is_flag=True, help="Accept what is lost of every session.")
@click.option(
    "--reason", type=REASON, default=None, help="With an acceptance: why; it is recorded."
)
@format_option()
@key_option
@dir_option
def repair(
    dry_run: bool,
    copies: tuple[str, ...],
    accepted: tuple[str, ...],
    accept_all: bool,
    reason: str | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Put a damaged store together again from everything that can still be read.

    Rows are read along their keys from both ends, and page by page where that breaks off;
    what is missing is looked for in the backups, in what earlier repairs kept, and in every
    copy that `--from` names. The hash of a row says whether it is the row, wherever it was
    found. The damaged file is kept beside the store, and what fits nowhere in a file of its own.

    What is kept of the rows to save time and is not what they tell is made anew from them, the
    figures without what removed sessions did.

    A store on a server is mended where it lies, by whoever owns its tables: the sessions that
    are damaged are held meanwhile, all others work on.

    Where the journal is encrypted rows stay so, and the key is needed to record what was done.

    Where a row is found nowhere a `session.gap` row stands in its place, and the session may not
    work until a person accepts the loss with `--accept`. A person's command; `--dry-run` is
    anybody's.
    """
    project = project_of(directory)
    config = trusted_config(load_config(project.directory))
    require_whole(config, "keep")
    if accepted or accept_all:
        require_unset(["dry_run", "copies"], "does not go with an acceptance")
        if reason is None:
            raise click.UsageError("an acceptance needs its --reason")
        require_person("repair", project, key_file)
        require_key(config)
        _give_up(project, config, accepted, everything=accept_all)
        return accept(project, accepted, accept_all, reason, format_name)
    require_unset(["reason"], "goes with --accept, or with --accept-all")
    if not dry_run:
        require_person("repair", project, key_file)
        require_key(config)
    report = _mended(project, config, copies, dry_run=dry_run)
    if report.needed and not dry_run:
        _tell_engine(project, report, "")
    # What would be kept of rows that are still to be brought back is not known.
    anew, lost = ((), ()) if report.needed and dry_run else _kept_anew(project, dry_run=dry_run)
    return told(report, format_name, anew=anew, lost=lost)


def _give_up(
    project: Project, config: Config, accepted: Sequence[str], *, everything: bool
) -> None:
    """Put stand-ins in the place of rows of *accepted*, or of all, that nobody can read."""
    if not closed_rows(project, accepted, everything=everything):
        return
    # First what any repair does: a copy may still have a key, and what it opens is not given up.
    _tell_engine(project, _mended(project, config, (), dry_run=False), "")
    closed = closed_rows(project, accepted, everything=everything)
    if closed:
        _tell_engine(project, _mended(project, config, (), closed, dry_run=False), "")


def _mended(
    project: Project,
    config: Config,
    copies: Sequence[str],
    give_up: GivenUp | None = None,
    *,
    dry_run: bool,
) -> RepairReport:
    if config.journal.url.startswith(_ON_SERVER):
        return _mend_server(project, config, copies, give_up, dry_run=dry_run)
    return _mend_file(config, copies, give_up, dry_run=dry_run)


def _mend_file(
    config: Config, copies: Sequence[str], give_up: GivenUp | None, *, dry_run: bool
) -> RepairReport:
    path = embedded_store(config)
    mirror = mirror_for(config.journal.url, path)
    with ExitStack() as stack:
        sources = [*_named(config, copies), *copies_of(path, backup_folder(config), mirror)]
        for one in sources:
            stack.callback(one.close)
        stack.enter_context(working("reading what is left"))
        return repair_store(
            path,
            now_ms=SystemClock().now_ms(),
            mirror=mirror,
            sources=sources,
            give_up=give_up,
            dry_run=dry_run,
        )


def _mend_server(
    project: Project,
    config: Config,
    copies: Sequence[str],
    give_up: GivenUp | None,
    *,
    dry_run: bool,
) -> RepairReport:
    with ExitStack() as stack:
        journal = open_journal(config.journal.url, base=config.directory, create=False)
        stack.callback(journal.close)
        # INVARIANT: what is on a server is mended where it lies.
        assert isinstance(journal, RepairsInPlace)
        sources = _named(config, copies)
        for one in sources:
            stack.callback(one.close)
        stack.enter_context(working("reading what is left"))
        return journal.repair(
            now_ms=SystemClock().now_ms(),
            beside=project.private / "journal",
            sources=sources,
            give_up=give_up,
            dry_run=dry_run,
        )


@command(
    "restore",
    examples=[
        Example("governance restore latest", "Put the newest backup in the store's place."),
        Example("governance restore latest --dry-run", "What that would lose; nothing is changed."),
        Example(
            "governance restore latest --config-only --dry-run",
            "What putting its configuration back would change.",
        ),
        Example("governance restore latest --config", "The store, its configuration and packs."),
        Example(
            "governance restore latest --config-only --allow-weaker",
            "Also where rules go by it that are in force now.",
        ),
    ],
    exits="0 the backup stands, 1 it stands and newer rows are lost, or with --dry-run would be, "
    "or the law would be weakened, 2 it could not be done",
)
@click.argument("backup")
@click.option("--config", "with_config", is_flag=True, help="Its configuration and packs as well.")
@click.option("--config-only", is_flag=True, help="These alone; the store stays as it is.")
@click.option("--allow-weaker", is_flag=True, help="Also where rules go or read otherwise by it.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be lost and would change.")
@format_option()
@key_option
@dir_option
def restore(
    backup: str,
    with_config: bool,
    config_only: bool,
    allow_weaker: bool,
    dry_run: bool,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Put BACKUP in the place of the store: a file, a name from `backup list`, or `latest`.

    The backup is proven first. What stands in the place is kept beside it. Rows that are known
    to be newer than the backup, by the heads kept outside the project or by the store that is
    replaced, are lost by it: their sessions may not work until a person accepts that with
    `governance repair --accept`; `governance repair` brings them back where the replaced store
    still has them. A person's command; `--dry-run` is anybody's.

    With `--config` or `--config-only` the project's `governance.toml` and its own rule packs are
    put back as well, all of them or none; files that the backup does not know stay. It is refused
    where a rule that is in force would be gone, read otherwise or be milder, unless
    `--allow-weaker` says so, and where the project would have no law at all. What a person has not
    trusted still loosens nothing.
    """
    project = remains_of(directory)
    if not dry_run:
        require_person("restore", project, key_file)
    plan = None
    if with_config or config_only:
        plan = _planned(project, backup, dry_run=dry_run)
    if dry_run:
        return _told_dry(project, backup, plan, format_name, config_only=config_only)
    if plan is not None:
        require_strength(plan, allowed=allow_weaker)
    if plan is not None and config_only:
        _restore_config(project, plan)
        if format_name == "json":
            print_json({"ok": True, "config": plan.as_json()})
        else:
            print_plan(plan, dry_run=False)
        return FINE
    if plan is not None and plan.law is None:
        # What is there says nothing that could be read, the place of the store not either.
        put_back(project, plan.changes)
    config = trusted_config(load_config(project.directory))
    require_key(config)
    report, found = _put_store(config, backup, dry_run=False)
    _tell_engine(project, report, f"the store was restored from `{found.name}`")
    if plan is not None:
        _restore_config(project, plan, moved=plan.law is None)
        if format_name != "json":
            print_plan(plan, dry_run=False)
    return told(report, format_name, plan)


def _planned(project: Project, backup: str, *, dry_run: bool) -> ConfigRestore:
    """What restoring the configuration of *backup* does, once an older restore of it has ended."""
    left = unfinished(project) if dry_run else finish_put_back(project)
    if left:
        was = "was broken off" if dry_run else "was broken off, and is ended now"
        print_line(f"a restore of {number_of(len(left), 'file')} {was}", "wary", stderr=True)
    config = readable_config(project)
    if config is not None:
        require_whole(config, "keep")
    return planned(project, config, config_source(project, config, backup))


def _restore_config(project: Project, plan: ConfigRestore, *, moved: bool = False) -> None:
    """Record and do it; by broken files nothing can be recorded, so that there it comes after."""
    if plan.law is None and not moved:
        put_back(project, plan.changes)
    with recording_engine(project) as engine:
        record_repair(engine, PROJECT_SESSION, plan.what, 0)
    if plan.law is not None:
        put_back(project, plan.changes)


def _put_store(config: Config, backup: str, *, dry_run: bool) -> tuple[RepairReport, Path]:
    require_whole(config, "keep")
    path = embedded_store(config)
    found = _backup(config, backup)
    with working("reading the backup" if dry_run else "restoring"):
        report = restore_store(
            path,
            found,
            now_ms=SystemClock().now_ms(),
            mirror=mirror_for(config.journal.url, path),
            dry_run=dry_run,
        )
    return report, found


def _told_dry(
    project: Project,
    backup: str,
    plan: ConfigRestore | None,
    format_name: str,
    *,
    config_only: bool,
) -> int:
    """Say what restoring would change and lose; the store by the configuration that is there."""
    weaker = plan is not None and plan.law is not None and plan.law.weakens
    report = None
    if not config_only and (plan is None or plan.law is not None):
        config = trusted_config(load_config(project.directory))
        report, _ = _put_store(config, backup, dry_run=True)
    if format_name == "json":
        made: dict[str, Json] = {"ok": True} if report is None else report_json(report)
        made |= {"dry_run": True} | ({} if plan is None else {"config": plan.as_json()})
        print_json(made | {"ok": bool(made["ok"]) and not weaker})
        return FOUND if weaker or (report is not None and code_of(report)) else FINE
    if plan is not None:
        print_plan(plan, dry_run=True)
        if weaker:
            print_line("this weakens what is in force: it takes `--allow-weaker`", "bad")
        if report is None and not config_only:
            print_line("where the store lies is known once the configuration is back", "wary")
    code = FINE if report is None else told(report, format_name)
    return FOUND if weaker else code


def _backup(config: Config, named: str) -> Path:
    folder = backup_folder(config)
    if named == "latest":
        found = backups_in(folder)
        if found:
            return found[0].path
    else:
        for one in (Path(named).absolute(), folder / named):
            if one.is_file():
                return one
    raise MisuseError(
        f"there is no backup `{named}`, neither here nor in `{folder}`",
        code="GOV548",
        remedy="`governance backup list` names those that there are",
    )


def _named(config: Config, copies: Sequence[str]) -> list[Source]:
    """The sources that `--from` names: files, and urls of stores."""
    found: list[Source] = []
    for one in copies:
        if ":" in one and not Path(one).exists():
            journal = open_journal(one, base=config.directory, create=False, for_reading=True)
            found.append(JournalSource(journal, one.partition("?")[0]))
        else:
            found.append(FileSource(Path(one)))
    return found


def _tell_engine(project: Project, report: RepairReport, restored: str) -> None:
    """
    Tell listeners of what was lost, and record what was brought back; snapshots come anew.

    The store is mended by now, whatever becomes of this.
    """
    with recording_engine(project) as engine:
        for one in report.sessions:
            try:
                _tell_session(engine, one)
            except StoreDamaged:
                continue  # its key is lost, which is told of all sessions together
        harmed = {one.session for one in report.sessions if one.lost}
        if restored and PROJECT_SESSION not in harmed:
            record_repair(engine, PROJECT_SESSION, restored, report.rows)
        for name in sessions_in(behind_guard(engine.journal)):
            _keep_snapshot(engine, name)


def _tell_session(engine: Engine, one: SessionRepair) -> None:
    if one.fresh:
        newest = behind_guard(engine.journal).read(one.session, limit=1, reverse=True)
        engine.announce([row for row in newest if row.kind == DAMAGED_KIND])
    elif one.merged and not one.lost:
        what = f"{number_of(one.merged, 'row')} came from a copy"
        record_repair(engine, one.session, what, one.merged)


def _kept_anew(project: Project, *, dry_run: bool) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """
    What was kept of rows and was not what they tell, and is by now unless *dry_run*.

    Also what nothing can be made of: contents and keys that are gone.
    """
    with stored_form_of(project) as guarded, working("folding what is kept"):
        found = kept_in(behind_guard(guarded), frozenset())
    if dry_run or not found.mendable:
        return found.mendable, found.lost
    with recording_engine(project) as engine:
        made = tuple(made_anew(behind_guard(engine.journal), found))
        for one in made:
            session = one if one not in OF_STORE else PROJECT_SESSION
            record_repair(engine, session, f"{anew_text(one, 'was')}".partition(": ")[2], 0)
        if INDEX_OF_MESSAGES in made:
            for name in sessions_in(behind_guard(engine.journal)):
                _keep_snapshot(engine, name)
    return made, found.lost


def _keep_snapshot(engine: Engine, session: str) -> None:
    if behind_guard(engine.journal).head(session).seq < SNAPSHOT_ROWS_MIN:
        return
    try:
        store = behind_guard(engine.journal)
        keep_snapshot(store, restore_state(store, session))
    except GovernanceError:
        return  # a snapshot saves time and nothing else


COMMANDS = {"repair": repair, "restore": restore}
