"""`approve`: answering what a rule put to a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from governance.cli.durations import DURATION
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person
from governance.cli.opening import behind_guard, require_session, store_of
from governance.cli.output import moment, print_json, print_line, span
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.cli.sessions import ago, states_of
from governance.cli.tables import print_table
from governance.cli.values import REASON
from governance.clock import SystemClock
from governance.engine import Engine
from governance.engine.restoring import restore
from governance.errors import MisuseError, did_you_mean, number_of
from governance.journal.records import Journal
from governance.ledger import Approval
from governance.values import Json

CODES: Mapping[str, str] = {"GOV631": "an approval that is not open"}


@command(
    "approve",
    examples=[
        Example("governance approve", "What waits for a person, in all sessions."),
        Example("governance approve demo", "What waits in one session."),
    ],
    exits="0 answered or listed, 2 could not do what was asked",
)
@click.argument("session", required=False, metavar="[SESSION|ID]")
@click.argument("ident", required=False, metavar="[ID]")
@click.option("--deny", is_flag=True, help="Refuse it.")
@click.option(
    "--for",
    "lasts_ms",
    type=DURATION,
    default=None,
    help="How long the leave holds from now: 10m.  [default: as long as the question]",
)
@click.option("--reason", type=REASON, default=None, help="Why; it is recorded.")
@format_option()
@key_option
@dir_option
def approve(
    session: str | None,
    ident: str | None,
    deny: bool,
    lasts_ms: int | None,
    reason: str | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Answer a question that a rule put to a person; without an ID, list what waits.

    Answering is a person's command. The leave is bound to the very call (its tool,
    arguments, paths, and the packs as they are), is used up by it, and ends by itself:
    the agent makes the same call again and it runs. ID alone is enough when no two
    sessions ask for the same.
    """
    project = project_of(directory)
    now_ms = SystemClock().now_ms()
    with store_of(project) as journal:
        name, wanted = _session_and_id(journal, session, ident)
        if not wanted:
            if deny or lasts_ms is not None or reason is not None:
                raise click.UsageError("name the question's ID to answer it")
            return _list_open(journal, name, now_ms, format_name)
    require_person("approve", project, key_file)
    with recording_engine(project) as engine:
        found = _open_question(behind_guard(engine.journal), name, wanted, now_ms)
        return _settle(engine, *found, now_ms, deny, lasts_ms, reason or "", format_name)


def _session_and_id(journal: Journal, session: str | None, ident: str | None) -> tuple[str, str]:
    """The session that was named, or ``""``, and the id, or ``""``."""
    if session is not None and ident is not None:
        require_session(journal, session)
        return session, ident
    if session is not None and journal.head(session).seq:
        return session, ""
    return "", session or ""


def _open_question(journal: Journal, session: str, ident: str, now_ms: int) -> tuple[str, Approval]:
    """
    The open question of that id and the session that put it.

    Raises:
        MisuseError: GOV631, none is open, or several sessions have one of that id.
    """
    states = [restore(journal, session)] if session else states_of(journal)
    found: list[tuple[str, Approval]] = []
    over: Approval | None = None
    known: list[str] = []
    for state in states:
        for one in state.ledger.approvals:
            known.append(one.id)
            if one.id == ident and one.open_at(now_ms):
                found.append((state.id, one))
            elif one.id == ident:
                over = one
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"`{name}`" for name, _ in found)
        text, hint = f"several sessions ask `{ident}`: {names}", "name the session before the id"
    elif over is not None:
        ended = span(now_ms - over.expires_at_ms)
        text = f"the question `{ident}` ended {ended} ago"
        hint = "the agent has to make its call again; then it can be approved"
    else:
        text = f"no open question has the id `{ident}`"
        hint = did_you_mean(ident, known) or "`governance approve` lists what waits"
    raise MisuseError(text, code="GOV631", remedy=hint)


def _settle(
    engine: Engine,
    session: str,
    approval: Approval,
    now_ms: int,
    deny: bool,
    lasts_ms: int | None,
    reason: str,
    format_name: str,
) -> int:
    data: dict[str, Json] = {
        "id": approval.id,
        "by": person_name(),
        "decision": "denied" if deny else "granted",
    }
    if not deny and lasts_ms is not None:
        data["expires_at_ms"] = now_ms + lasts_ms
    if reason:
        data["reason"] = reason
    record = engine.record(session, "approval.settled", data, actor=person_name())
    if format_name == "json":
        print_json(recorded_json(data, session=session, seq=record.seq))
        return FINE
    if deny:
        print_line(f"refused: {approval.summary}", "bad")
        print_line(f"counted against {', '.join(approval.rules)}", "quiet")
        return FINE
    until = now_ms + lasts_ms if lasts_ms is not None else approval.expires_at_ms
    uses = number_of(approval.uses_left, "use")
    print_line(f"granted: {approval.summary}", "good")
    print_line(f"for {uses}, until {moment(until)} ({span(until - now_ms)} from now)", "quiet")
    return FINE


def _list_open(journal: Journal, session: str, now_ms: int, format_name: str) -> int:
    states = [restore(journal, session)] if session else states_of(journal)
    found = [(state.id, one) for state in states for one in state.ledger.open_approvals(now_ms)]
    if format_name == "json":
        print_json([{"session": name} | one.as_json() for name, one in found])
    elif not found:
        print_line("nothing waits for a person", "good")
    else:
        _print_open(found, now_ms)
    return FINE


def _print_open(found: Sequence[tuple[str, Approval]], now_ms: int) -> None:
    print_table(
        ("id", "session", "what", "asked by", "asked", "ends in"),
        [
            (
                one.id,
                name,
                one.summary,
                ", ".join(one.rules),
                ago(one.asked_at_ms, now_ms, parts=1),
                span(one.expires_at_ms - now_ms),
            )
            for name, one in found
        ],
        whole=("id", "asked", "ends in"),
    )
    print_line("`governance approve ID` grants one, with `--deny` it is refused", "quiet")


COMMANDS = {"approve": approve}
