"""`log` and `verify`: what is in the journal, and whether it still is what was written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from attrs import evolve

from governance.cli.frame import (
    FINE,
    FOUND,
    ROW_MAX,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
    until_interrupted,
)
from governance.cli.opening import (
    behind_guard,
    require_session,
    rows_of,
    sessions_in,
    store_of,
    stored_form_of,
)
from governance.cli.output import moment, print_json, print_line
from governance.cli.progress import working
from governance.cli.row_text import row_body, row_text
from governance.cli.tables import print_table
from governance.config import load_config
from governance.engine.following import Cursor, Follower
from governance.engine.kept_states import kept_findings
from governance.engine.kept_values import kept_in
from governance.engine.lawmaking import trusted_config
from governance.errors import MisuseError, SessionErased, StoreDamaged, number_of
from governance.journal.heads import Exported, compare_heads, read_heads_file, read_public_key
from governance.journal.opening import mirror_for, store_path
from governance.journal.records import Finding, Journal, Record, VerifyReport
from governance.project import Project
from governance.values import Json

_BODY_CHARACTERS = 200


@command(
    "log",
    examples=[
        Example("governance log demo", "Every row of one session, in order."),
        Example("governance log demo --format jsonl", "The same, one JSON object a line."),
        Example(
            "governance log demo --after 20 --follow", "Go on from a row, and with what comes."
        ),
    ],
)
@click.argument("session", required=False)
@click.option("--after", type=click.IntRange(0, ROW_MAX), default=0, help="Begin after this row.")
@click.option("--follow", is_flag=True, help="Go on with what is written from now on.")
@format_option("jsonl")
@dir_option
def log(
    session: str | None, after: int, follow: bool, format_name: str, directory: Path | None
) -> int:
    """
    Print the rows of the journal, in order.

    Without SESSION the rows of all sessions are printed, in order within each. With
    `--follow` rows of every process that writes to the store appear as they come, those of each
    session in order, and none is missed; Ctrl-C ends it.
    """
    if follow and format_name == "json":
        raise MisuseError(
            "rows that go on coming are no one JSON document", remedy="take `--format jsonl`"
        )
    with store_of(project_of(directory)) as journal:
        if session is not None:
            require_session(journal, session)
        if format_name == "json":
            print_json([_record_json(one) for one in _rows(journal, session, after)])
            return FINE
        if not follow:
            for record in _rows(journal, session, after):
                _print_record(record, format_name)
            return FINE
        with until_interrupted():
            for record in _following(journal, session, after):
                _print_record(record, format_name)
                sys.stdout.flush()
    return FINE


def _rows(journal: Journal, session: str | None, after: int) -> Iterator[Record]:
    if session is not None:
        yield from rows_of(journal, session, after=after)
        return
    broken: StoreDamaged | None = None
    for name in sessions_in(journal):
        # Among all sessions the rows that a branch shares are told once, by who wrote them.
        origin = journal.origin(name)
        begin = max(after, origin.seq if origin is not None else 0)
        try:
            yield from rows_of(journal, name, after=begin)
        except SessionErased as error:
            print_line(error.message, "quiet", stderr=True)
        except StoreDamaged as error:
            broken = broken or error
            print_line(f"left out from there on: {error.message}", "bad", stderr=True)
    if broken is not None:
        raise broken


def _following(journal: Journal, session: str | None, after: int) -> Iterator[Record]:
    """Rows with a sequence above *after*, until whoever reads them ends it."""
    cursor = Cursor(0, {session: after}) if session is not None else None
    follower = Follower.after(journal, cursor, session=session)
    return (record for record in follower if record.seq > after)


def _print_record(record: Record, format_name: str) -> None:
    if format_name == "jsonl":
        print_json(_record_json(record), lines=True)
        return
    said = row_text(record, _BODY_CHARACTERS)
    print_line(f"{record.session} {record.seq:>6} {moment(record.at_ms)} {record.kind} {said}")


def _record_json(record: Record) -> Mapping[str, Json]:
    return {
        "session": record.session,
        "seq": record.seq,
        "kind": record.kind,
        "at_ms": record.at_ms,
        "durable": record.durable,
        "key": record.key,
        "hash": record.hash.hex(),
        "body": row_body(record),
    }


@command(
    "verify",
    examples=[
        Example("governance verify", "Walk the chain of every session."),
        Example("governance verify demo --format json", "One session, for a program."),
    ],
    exits="0 all holds, 1 something does not (the first bad row is named), 2 could not look",
)
@click.argument("session", required=False)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    default=None,
    help="Compare with a file of heads as well; see `governance anchor-heads`.",
)
@click.option(
    "--public-key",
    type=click.Path(path_type=Path),
    default=None,
    help="Whose signature that file must carry, as PEM.",
)
@format_option()
@dir_option
def verify(
    session: str | None,
    against: Path | None,
    public_key: Path | None,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Prove that the journal still is what was written.

    The chain over every column of every row is computed anew, the order is checked, and
    the heads are compared with their mirror outside the store. Where there is no mirror
    the report says so: a chain alone cannot prove that its end was not cut off. Where it was
    made anew, for a store that had rows, the report says since when. What is encrypted needs
    no key for this.

    What is kept of the rows to save time has to be what they tell: states of sessions and of
    contexts, what messages and contexts are found by, and figures are made anew and compared, and
    contents that lie beside the rows are there; not so where they are encrypted.

    With --against, heads that were exported before are compared too: a session that was
    cut, rewritten or removed since is named.
    """
    if public_key is not None and against is None:
        raise click.UsageError("--public-key is about the file of --against")
    key = read_public_key(public_key) if public_key is not None else None
    exported = read_heads_file(against, key) if against is not None else None
    project = project_of(directory)
    was_mirrored = _is_mirrored(project)
    with stored_form_of(project) as journal:
        if session is not None:
            require_session(journal, session)
        with working("proving"):
            report = journal.verify(session)
            # One that was made by this very opening can tell nothing of what was before.
            report = evolve(report, anchored=report.anchored and was_mirrored)
            report = _with(report, _kept(behind_guard(journal), report, session), session)
            if exported is not None:
                report = _with(report, compare_heads(journal, exported), session)
    if format_name == "json":
        print_json(_verified_json(report, exported))
    else:
        _print_verified(report, exported, f"{against}")
    return FINE if report.ok else FOUND


def _kept(journal: Journal, report: VerifyReport, session: str | None) -> tuple[Finding, ...]:
    """What is wrong with what is kept of sessions whose rows hold, or of that one."""
    blamed = {one.session for one in report.findings}
    try:
        if session is not None:
            return () if session in blamed else kept_findings(journal, session)
        return kept_in(journal, blamed).findings
    except StoreDamaged as error:
        # What was found of the rows is told all the same.
        message = f"what is kept of the rows cannot be read: {error.message}"
        return (Finding("unreadable", session or "", 0, message),)


def _verified_json(report: VerifyReport, exported: Exported | None) -> dict[str, Json]:
    compared: dict[str, Json] = {}
    if exported is not None:
        compared = {"compared": len(exported.heads), "signed_by": exported.signed_by}
    return {
        "ok": report.ok,
        "sessions": report.sessions,
        "rows": report.rows,
        "anchored": report.anchored,
        "mirrored_since_ms": report.anew_ms,
        **compared,
        "findings": [
            {"what": one.what, "session": one.session, "seq": one.seq, "message": one.message}
            for one in report.findings
        ],
    }


def _print_verified(report: VerifyReport, exported: Exported | None, against: str) -> None:
    for one in report.findings[:1]:
        row = f" row {one.seq}" if one.seq else ""
        where = f"first bad row: session {one.session}{row}: " if one.session else ""
        print_line(f"{where}{one.message}", "bad")
    if report.findings:
        print_table(
            ("session", "row", "what", "message"),
            [(one.session, f"{one.seq or ''}", one.what, one.message) for one in report.findings],
        )
    # What differs from the mirror is a finding, and not all findings are of that kind.
    matched = "heads match their mirror" if report.ok else "heads were compared with their mirror"
    anchored = matched if report.anchored else "heads are not mirrored"
    if report.anchored and report.anew_ms:
        anchored += f", which was made anew at {moment(report.anew_ms)} and knows nothing of before"
    if exported is not None:
        by = f"signed by {exported.signed_by}" if exported.signed_by else "not signed"
        anchored += f"; compared with {number_of(len(exported.heads), 'head')} of {against}, {by}"
    print_line(
        f"{number_of(report.rows, 'row')} of {number_of(report.sessions, 'session')}; {anchored}; "
        + ("all holds" if report.ok else number_of(len(report.findings), "finding")),
        "good" if report.ok else "bad",
    )


def _is_mirrored(project: Project) -> bool:
    """Whether there is a mirror of the heads before the store is opened, which makes one."""
    url = trusted_config(load_config(project.directory)).journal.url
    if not url.startswith("sqlite:///"):
        return True
    mirror = mirror_for(url, store_path(url, project.directory))
    return mirror is not None and mirror.exists()


def _with(report: VerifyReport, more: tuple[Finding, ...], session: str | None) -> VerifyReport:
    """*report* with what exported heads show besides; of one session where one was named."""
    known = {(one.what, one.session, one.seq) for one in report.findings}
    added = [
        one
        for one in more
        if (one.what, one.session, one.seq) not in known and session in (None, one.session)
    ]
    return evolve(report, findings=(*report.findings, *added))


COMMANDS = {"log": log, "verify": verify}
