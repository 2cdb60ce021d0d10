"""`repair` and `restore`: what a person does about a store that is damaged or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from governance.access.guard import require_whole
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
from governance.cli.opening import (
    behind_guard,
    require_session,
    sessions_in,
    store_of,
    stored_form_of,
)
from governance.cli.output import print_json, print_line
from governance.cli.progress import working
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.cli.tables import print_table
from governance.cli.values import REASON, require_unset
from governance.clock import SystemClock
from governance.config import Config, load_config
from governance.engine import Engine
from governance.engine.backing import backup_folder, embedded_store
from governance.engine.config_files import finish_put_back, put_back, unfinished
from governance.engine.kept_values import (
    FIGURES,
    INDEX_OF_MESSAGES,
    KEY,
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
    SessionErased,
    StoreDamaged,
    number_of,
)
from governance.journal.backup import backups_in
from governance.journal.encrypted import EncryptedJournal
from governance.journal.gaps import DAMAGED_KIND
from governance.journal.opening import mirror_for, open_journal
from governance.journal.protected import require_key
from governance.journal.records import Finding, Journal
from governance.journal.repair import RepairReport, SessionRepair, repair_store
from governance.journal.restore import restore_store
from governance.journal.servers import RepairsInPlace
from governance.journal.sources import FileSource, JournalSource, Source, copies_of
from governance.journal.staging import GivenUp
from governance.ledger import damage
from governance.project import Project
from governance.values import Json

SNAPSHOT_ROWS_MIN = 1000
"""Rows from which on a session's state is kept as a snapshot again after a repair."""

PAGE_ROWS = 1_000
_UNMENDED_MAX = 20
_ON_SERVER = ("postgresql:", "postgres:")
_OF_STORE = {INDEX_OF_MESSAGES: "what messages are found by", FIGURES: "what figures count"}

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
        return _accept(project, accepted, accept_all, reason, format_name)
    require_unset(["reason"], "goes with --accept, or with --accept-all")
    if not dry_run:
        require_person("repair", project, key_file)
        require_key(config)
    report = _mended(project, config, copies, dry_run=dry_run)
    if report.needed and not dry_run:
        _tell_engine(project, report, "")
    # What would be kept of rows that are still to be brought back is not known.
    anew, lost = ((), ()) if report.needed and dry_run else _kept_anew(project, dry_run=dry_run)
    return _told(report, format_name, anew=anew, lost=lost)


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
    return _told(report, format_name, plan)


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
        _record(engine, PROJECT_SESSION, plan.what, 0)
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
        told: dict[str, Json] = {"ok": True} if report is None else _as_json(report)
        told |= {"dry_run": True} | ({} if plan is None else {"config": plan.as_json()})
        print_json(told | {"ok": bool(told["ok"]) and not weaker})
        return FOUND if weaker or (report is not None and _code_of(report)) else FINE
    if plan is not None:
        print_plan(plan, dry_run=True)
        if weaker:
            print_line("this weakens what is in force: it takes `--allow-weaker`", "bad")
        if report is None and not config_only:
            print_line("where the store lies is known once the configuration is back", "wary")
    code = FINE if report is None else _told(report, format_name)
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
            _record(engine, PROJECT_SESSION, restored, report.rows)
        for name in sessions_in(behind_guard(engine.journal)):
            _keep_snapshot(engine, name)


def _tell_session(engine: Engine, one: SessionRepair) -> None:
    if one.fresh:
        newest = behind_guard(engine.journal).read(one.session, limit=1, reverse=True)
        engine.announce([row for row in newest if row.kind == DAMAGED_KIND])
    elif one.merged and not one.lost:
        what = f"{number_of(one.merged, 'row')} came from a copy"
        _record(engine, one.session, what, one.merged)


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
            session = one if one not in _OF_STORE else PROJECT_SESSION
            _record(engine, session, f"{_anew(one, 'was')}".partition(": ")[2], 0)
        if INDEX_OF_MESSAGES in made:
            for name in sessions_in(behind_guard(engine.journal)):
                _keep_snapshot(engine, name)
    return made, found.lost


def _anew(one: str, would: str) -> str:
    what = _OF_STORE.get(one, "the state that is kept of it")
    subject = "the store" if one in _OF_STORE else one
    return f"{subject}: {what} {would} made anew"


def _record(engine: Engine, session: str, what: str, rows: int) -> int:
    data: dict[str, Json] = {"what": what, "rows": rows}
    return engine.record(session, "session.repaired", data, actor=person_name()).seq


def _keep_snapshot(engine: Engine, session: str) -> None:
    if behind_guard(engine.journal).head(session).seq < SNAPSHOT_ROWS_MIN:
        return
    try:
        store = behind_guard(engine.journal)
        keep_snapshot(store, restore_state(store, session))
    except GovernanceError:
        return  # a snapshot saves time and nothing else


def _give_up(
    project: Project, config: Config, accepted: Sequence[str], *, everything: bool
) -> None:
    """
    Put stand-ins in the place of rows that nobody can read, in sessions whose loss is accepted.

    Their key is lost, or they are not what it sealed, and no copy that is known has better ones.
    """
    with store_of(project, "verify") as guarded:
        journal = behind_guard(guarded)
        for session in accepted:
            require_session(journal, session)
        names = sessions_in(journal) if everything else accepted
        closed = {name: rows for name in names if (rows := _closed_rows(journal, name))}
    if closed:
        _tell_engine(project, _mended(project, config, (), closed, dry_run=False), "")


def _closed_rows(journal: Journal, session: str) -> frozenset[int]:
    """The sequences of rows of *session* that are there and that nobody can read."""
    if not isinstance(journal, EncryptedJournal):
        return frozenset()
    stored, closed = journal.inner, set[int]()
    origin = stored.origin(session)
    after = origin.seq if origin is not None else 0
    try:
        while page := stored.read(session, after=after, limit=PAGE_ROWS):
            closed.update(record.seq for record in page if not journal.can_open(record))
            after = page[-1].seq
    except (SessionErased, StoreDamaged):
        return frozenset()  # what was erased is no loss, and what is damaged is to be mended first
    return frozenset(closed)


def _accept(
    project: Project, accepted: Sequence[str], everything: bool, reason: str, format_name: str
) -> int:
    told: list[Json] = []
    with recording_engine(project) as engine:
        for session in accepted:
            if not _damage(engine, session):
                raise MisuseError(
                    f"nothing is lost of session `{session}`",
                    code="GOV547",
                    remedy="`governance verify` names those of which something is",
                )
        names, left = _harmed(engine) if everything else (list(accepted), [])
        for session in dict.fromkeys(names):
            what = f"accepted: {_damage(engine, session)}"
            seq = _record(engine, session, f"{what}: {reason}", 0)
            told.append(recorded_json({"what": what}, session=session, seq=seq))
            if format_name != "json":
                print_line(f"{session}: the loss is accepted, and the session may work", "good")
    if format_name == "json":
        print_json(told)
    elif not told:
        print_line("nothing is lost of any session", "good")
    for error in left:
        print_line(f"left out, for it cannot be read: {error.message}", "bad", stderr=True)
    return FOUND if left else FINE


def _harmed(engine: Engine) -> tuple[list[str], list[GovernanceError]]:
    """The sessions of which something is lost, and why others cannot be read."""
    harmed: list[str] = []
    left: list[GovernanceError] = []
    for name in sessions_in(behind_guard(engine.journal)):
        try:
            if _damage(engine, name):
                harmed.append(name)
        except GovernanceError as error:
            left.append(error)
    return harmed, left


def _damage(engine: Engine, session: str) -> str:
    """What is lost of *session*; nothing of one that nobody may work on again."""
    try:
        return damage(engine.state(session, audited=False).ledger)
    except SessionErased:
        return ""


def _told(
    report: RepairReport,
    format_name: str,
    plan: ConfigRestore | None = None,
    *,
    anew: tuple[str, ...] = (),
    lost: tuple[Finding, ...] = (),
) -> int:
    would = "would be" if report.dry_run else "was"
    code = FOUND if lost else _code_of(report)
    if format_name == "json":
        told = _as_json(report) | {"anew": list(anew), "gone": [_gone(one) for one in lost]}
        told["ok"] = bool(told["ok"]) and not lost
        print_json(told | ({} if plan is None else {"config": plan.as_json()}))
        return code
    if report.needed:
        _print(report)
    elif not anew and not lost and not report.unmended:
        print_line(f"nothing is to be repaired in {number_of(report.rows, 'row')}", "good")
    for one in anew:
        print_line(_anew(one, would), "good")
    for one in report.unmended[:_UNMENDED_MAX]:
        print_line(f"not mended: {one}", "bad")
    if len(report.unmended) > _UNMENDED_MAX:
        print_line(f"and {len(report.unmended) - _UNMENDED_MAX} more", "bad")
    if report.unmended:
        print_line(
            "copy what is sound into a file with `governance store copy`, and bring the rest there "
            "with `governance repair --from`",
            "wary",
        )
    _print_gone(lost)
    return code


def _print_gone(lost: tuple[Finding, ...]) -> None:
    for one in lost[:_UNMENDED_MAX]:
        print_line(f"{_gone(one)}", "bad")
    if len(lost) > _UNMENDED_MAX:
        print_line(f"and {len(lost) - _UNMENDED_MAX} more", "bad")
    if lost:
        print_line("`governance repair --from COPY` takes it from a copy that has it", "wary")
    if any(one.what == KEY for one in lost):
        mend = "governance repair --accept SESSION --reason WHY"
        print_line(f"where none has a key, `{mend}` gives up the rows that it opens", "wary")


def _gone(one: Finding) -> str:
    return f"row {one.seq} of `{one.session}`: {one.message}"


def _code_of(report: RepairReport) -> int:
    bad = report.unmended or report.values_lost or any(one.fresh for one in report.sessions)
    return FOUND if bad else FINE


def _print(report: RepairReport) -> None:
    would = "would be " if report.dry_run else ""
    print_line(f"{number_of(report.rows, 'row')} {would}there", "good")
    if report.merged:
        print_line(
            f"{number_of(report.merged, 'row')} of them {would}brought back from copies", "good"
        )
    if report.sessions:
        print_table(
            ("session", "lost", "brought back", "which are lost"),
            [_line(one) for one in report.sessions],
            whole=("lost", "brought back"),
        )
    if report.more:
        print_line(f"and {number_of(report.more, 'further session')}", "wary")
    if report.kept is not None:
        print_line(f"what stood there is kept as {report.kept}")
    if report.values_merged:
        print_line(
            f"{number_of(report.values_merged, 'value')} beside them {would}whole again", "good"
        )
    if report.quarantine is not None:
        held = [(report.quarantined, "row"), (report.quarantined_values, "damaged value")]
        told = " and ".join(number_of(count, what) for count, what in held if count)
        print_line(f"what fits nowhere, {told}, is in {report.quarantine}")
    for one in report.values_lost[:_UNMENDED_MAX]:
        print_line(f"{would}lost: {one}", "bad")
    if len(report.values_lost) > _UNMENDED_MAX:
        print_line(f"and {len(report.values_lost) - _UNMENDED_MAX} more", "bad")
    if report.lost:
        print_line(f"{number_of(report.lost, 'row')} {would}lost", "bad")
    if any(one.fresh for one in report.sessions) and not report.dry_run:
        mend = "governance repair --accept SESSION --reason WHY"
        print_line(f"their sessions may not work until `{mend}`", "wary")


def _line(one: SessionRepair) -> tuple[str, ...]:
    stretches = [str(a) if a == b else f"{a}-{b}" for a, b in one.lost[:20]]
    more = len(one.lost) - len(stretches)
    words = ", ".join(stretches) + (f" and {more} more" if more else "")
    if one.unproven:
        words += f" ({number_of(one.unproven, 'row')} after them cannot be proven)"
    return one.session, str(one.lost_rows), str(one.merged), words


def _as_json(report: RepairReport) -> dict[str, Json]:
    return {
        "ok": not (report.lost or report.values_lost or report.unmended),
        "needed": report.needed,
        "dry_run": report.dry_run,
        "rows": report.rows,
        "merged": report.merged,
        "lost": report.lost,
        "values_merged": report.values_merged,
        "values_lost": list(report.values_lost),
        "quarantined": report.quarantined,
        "quarantined_values": report.quarantined_values,
        "kept": str(report.kept or ""),
        "quarantine": str(report.quarantine or ""),
        "sources": list(report.sources),
        "problems": list(report.problems),
        "unmended": list(report.unmended),
        "more": report.more,
        "sessions": [
            {
                "session": one.session,
                "rows": one.rows,
                "merged": one.merged,
                "lost": [[first, last] for first, last in one.lost],
                "fresh": one.fresh,
                "unproven": one.unproven,
            }
            for one in report.sessions
        ],
    }


COMMANDS = {"repair": repair, "restore": restore}
