"""`violations`, `pardon` and `approve`: what a session has to answer for, and a person's word."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import define, frozen

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
from governance.cli.opening import law_of, require_session, rows_of, store_of
from governance.cli.output import (
    Tone,
    moment,
    print_json,
    print_line,
    print_table,
    span,
    styled,
)
from governance.cli.recording import DURATION, person_name, recorded_json, recording_engine
from governance.cli.sessions import ago, counts_text, number_of, states_of
from governance.clock import SystemClock
from governance.engine import Engine
from governance.engine.encoding import body_of
from governance.engine.restoring import restore
from governance.errors import DefinitionError, MisuseError, did_you_mean
from governance.journal.records import Journal
from governance.ledger import Approval, Ledger, Violation, halted
from governance.project import Project
from governance.session.state import SessionState
from governance.values import Json

if TYPE_CHECKING:
    from rich.text import Text

LISTED_MAX = 10_000

PARENTS_MAX = 64
"""Sessions above one another that a refusal is counted in."""

CODES: Mapping[str, str] = {
    "GOV631": "an approval that is not open",
    "GOV632": "a pardon of what does not stand",
}

_SEVERITY_TONES: Mapping[str, Tone] = {"critical": "bad", "high": "bad", "medium": "wary"}


@define(eq=False)
class Told:
    """One violation as a row tells it, and whether it was forgiven since."""

    session: str
    seq: int
    violation: Violation
    pardoned: bool = False

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        own = self.violation.as_json()
        return {
            "session": self.session,
            "seq": self.seq,
            "at_ms": self.violation.at_ms,
            **own,
            "pardoned": self.pardoned,
        }


@frozen
class Account:
    """What one session has to answer for: exact counts, and the newest rows about it."""

    state: SessionState
    newest: tuple[Told, ...]


@command(
    "violations",
    examples=[
        Example("governance violations", "Of every session that has any."),
        Example("governance violations demo", "One after the other, the newest last."),
        Example("governance violations demo --format json", "For a program."),
    ],
    exits="0 none stands, 1 some stand, 2 could not look",
)
@click.argument("session", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, LISTED_MAX),
    default=50,
    show_default=True,
    help="How many of a session's newest are listed.",
)
@format_option()
@dir_option
def violations(session: str | None, limit: int, format_name: str, directory: Path | None) -> int:
    """
    List what was done against the rules.

    A violation is a warn, a deny, a halt, or an ask that was refused. Those of
    sub-sessions count in their parents as well and are named there. Counts are exact;
    pardoned ones stand in the list and count nowhere.
    """
    with store_of(project_of(directory)) as journal:
        if session is None:
            accounts = [
                Account(one, _told(journal, one.id, limit))
                for one in states_of(journal)
                if one.ledger.total
            ]
        else:
            require_session(journal, session)
            accounts = [Account(restore(journal, session), _told(journal, session, limit))]
    if format_name == "json":
        print_json([_account_json(one) for one in accounts])
    else:
        for one in accounts:
            _print_account(one)
        if not accounts:
            print_line("no violation stands in any session", "good")
    return FOUND if any(one.state.ledger.total for one in accounts) else FINE


def _told(journal: Journal, session: str, limit: int) -> tuple[Told, ...]:
    """The newest violations that rows of *session* tell of, at most *limit*, oldest first."""
    kept: deque[Told] = deque(maxlen=limit)
    for record in rows_of(journal, session):
        if record.kind == "violation.counted":
            violation = Violation.from_json(_data(body_of(record)), record.at_ms)
            kept.append(Told(session, record.seq, violation))
        elif record.kind == "violation.pardoned":
            rule = str(_data(body_of(record)).get("rule") or "")
            for one in kept:
                one.pardoned = one.pardoned or rule in ("", one.violation.rule)
    return tuple(kept)


def _data(body: Mapping[str, Json]) -> Mapping[str, Json]:
    data = body.get("data")
    return data if isinstance(data, Mapping) else {}


def _account_json(one: Account) -> Json:
    ledger = one.state.ledger
    return {
        "session": one.state.id,
        "total": ledger.total,
        "pardoned": ledger.violations.pardoned,
        "by_severity": dict(ledger.counts),
        "by_rule": dict(ledger.count_by("rule")),
        "halted": halted(ledger),
        "newest": [each.as_json() for each in one.newest],
    }


def _print_account(one: Account) -> None:
    ledger = one.state.ledger
    pardoned = ledger.violations.pardoned
    words = [
        number_of(ledger.total, "violation") if ledger.total else "no violation stands",
        counts_text(ledger.counts),
        f"{pardoned} pardoned" if pardoned else "",
        "halted" if halted(ledger) is not None else "",
    ]
    tone: Tone = "bad" if ledger.total else "good"
    print_line(f"{one.state.id}: {', '.join(word for word in words if word)}", tone)
    if one.newest:
        print_table(
            ("row", "when", "rule", "severity", "action", "what"),
            [
                (
                    styled(str(each.seq)),
                    styled(moment(each.violation.at_ms)[5:-1].replace("T", " ")),
                    styled(each.violation.rule, "quiet" if each.pardoned else "plain"),
                    _severity(each),
                    styled("pardoned" if each.pardoned else each.violation.action),
                    styled(_what(each.violation)),
                )
                for each in one.newest
            ],
            whole=("row", "severity", "action"),
        )


def _severity(one: Told) -> Text:
    tone = _SEVERITY_TONES.get(one.violation.severity, "plain")
    return styled(one.violation.severity, "quiet" if one.pardoned else tone)


def _what(violation: Violation) -> str:
    where = [f"by {violation.child}"] if violation.child else []
    where += [f"as {violation.role}"] if violation.role else []
    return f"{violation.intent} ({', '.join(where)})" if where else violation.intent


@command(
    "pardon",
    examples=[
        Example(
            """governance pardon demo --rule git.no-force-push --reason "it was agreed" """.strip(),
            "Forgive what was done against one rule.",
        ),
        Example(
            """governance pardon demo --reason "looked at together" """.strip(),
            "Forgive everything, and lift every halt.",
        ),
    ],
)
@click.argument("session")
@click.option("--rule", default="", help="Only what was done against this rule.  [default: all]")
@click.option("--reason", required=True, help="Why; it is recorded.")
@format_option()
@key_option
@dir_option
def pardon(
    session: str,
    rule: str,
    reason: str,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Forgive violations, and lift the halts and steps that they led to.

    A person's command. With --rule only that rule's violations and halts go, and the steps
    of the ladder that it had a part in. A halted session goes on with its next message.
    The row that records it says who, what, how many and why.
    """
    project = project_of(directory)
    require_person("pardon", project, key_file)
    with recording_engine(project) as engine:
        require_session(engine.journal, session)
        before = engine.state(session).ledger
        after = before.apply("violation.pardoned", {"rule": rule}, 0)
        if after == before:
            raise _nothing_to_pardon(session, rule, before)
        data: dict[str, Json] = {
            "rule": rule,
            "count": before.total - after.total,
            "by": person_name(),
            "reason": reason,
        }
        record = engine.record(session, "violation.pardoned", data, actor=person_name())
        left = halted(engine.state(session).ledger)
    lifted = len(before.halts) - len(after.halts)
    if format_name == "json":
        told = {**data, "halts_lifted": lifted, "halted": left}
        print_json(recorded_json(told, session=session, seq=record.seq))
        return FINE
    what = f" of {rule}" if rule else ""
    print_line(f"{number_of(before.total - after.total, 'violation')}{what} pardoned", "good")
    if lifted:
        print_line(f"{number_of(lifted, 'halt')} lifted", "good")
    if left is not None:
        print_line(f"the session is still halted: {' '.join(left.split())}", "bad")
    return FINE


def _nothing_to_pardon(session: str, rule: str, ledger: Ledger) -> MisuseError:
    what = f"nothing of `{rule}` stands" if rule else "no violation and no halt stands"
    known = [*ledger.count_by("rule"), *(one.rule for one in ledger.halts)]
    names = ", ".join(f"`{one}`" for one in dict.fromkeys(known) if one)
    hint = did_you_mean(rule, known) or (f"what stands: {names}" if names else "")
    return MisuseError(f"{what} in session `{session}`", code="GOV632", remedy=hint)


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
@click.option("--reason", default="", help="Why; it is recorded.")
@format_option()
@key_option
@dir_option
def approve(
    session: str | None,
    ident: str | None,
    deny: bool,
    lasts_ms: int | None,
    reason: str,
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
            if deny or lasts_ms is not None:
                raise click.UsageError("name the question's ID to answer it")
            return _list_open(journal, name, now_ms, format_name)
    require_person("approve", project, key_file)
    with recording_engine(project) as engine:
        found = _open_question(engine.journal, name, wanted, now_ms)
        return _settle(engine, project, *found, now_ms, deny, lasts_ms, reason, format_name)


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
    project: Project,
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
    if deny:
        _count_refusal(engine, project, session, approval)
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


def _count_refusal(engine: Engine, project: Project, session: str, approval: Approval) -> None:
    """An ask that a person refused is a violation, here and in every parent."""
    state = engine.state(session)
    open_call = next((one for one in state.open_calls if one.approval == approval.id), None)
    intent = open_call.intent if open_call else approval.summary.partition(": ")[2]
    severities = _severities(project, approval.rules)
    for rule in approval.rules:
        violation = Violation(
            rule=rule,
            action="ask",
            severity=severities.get(rule, "medium"),
            role=state.identity.role,
            turn=state.registers.turn,
            epoch=state.registers.epoch,
            intent=intent,
        )
        above, below = session, state
        for _ in range(PARENTS_MAX):
            counts = below.ledger.plus(violation).counts
            data = violation.as_json() | {"counts": dict(counts)}
            engine.record(above, "violation.counted", data, actor=person_name())
            violation, above = violation.rolled_up(above), below.identity.parent
            if not above:
                break
            below = engine.state(above)


def _severities(project: Project, rules: Sequence[str]) -> Mapping[str, str]:
    """How grave each of *rules* is today; broken packs tell nothing, and stop nobody here."""
    try:
        known = law_of(project).rules.rules
    except DefinitionError:
        return {}
    return {name: known[name].severity for name in rules if name in known}


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


COMMANDS = {"approve": approve, "pardon": pardon, "violations": violations}
