"""`violations` and `pardon`: what a session has to answer for, and a person's word on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governance._attrs import define, frozen
from governance.cli.frame import (
    FAILED,
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
from governance.cli.opening import data_of, require_session, rows_of, store_of
from governance.cli.output import Tone, moment, print_json, print_line, styled
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.cli.sessions import DAMAGED, counts_text, states_of
from governance.cli.shadowed import tell_shadows
from governance.cli.tables import print_table
from governance.cli.values import REASON
from governance.engine.restoring import restore
from governance.errors import MisuseError, did_you_mean, number_of
from governance.formats import body_of
from governance.journal.records import Journal
from governance.ledger import Ledger, Violation, halted
from governance.session.state import SessionState
from governance.values import Json

if TYPE_CHECKING:
    from rich.text import Text

LISTED_MAX = 10_000
_NAMED_MAX = 5

CODES: Mapping[str, str] = {
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
        Example(
            "governance violations --shadow",
            "What rules in shadow mode would have refused, by rule, in every session.",
        ),
        Example("governance violations demo --limit 5", "The five newest of a session."),
    ],
    exits="0 none stands, 1 some stand, 2 could not look; with --shadow: 1 some rule has matched",
)
@click.argument("session", required=False)
@click.option(
    "--shadow",
    is_flag=True,
    help="Instead: what rules in shadow mode would have done.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, LISTED_MAX),
    default=50,
    show_default=True,
    help="How many of a session's newest are listed.",
)
@format_option()
@dir_option
def violations(
    session: str | None, shadow: bool, limit: int, format_name: str, directory: Path | None
) -> int:
    """
    List what was done against the rules.

    A violation is a warn, a deny, a halt, or an ask that was refused. Those of
    sub-sessions count in their parents as well and are named there. Counts are exact;
    pardoned ones stand in the list and count nowhere.

    With --shadow it tells of the rules that only watch: how often each has matched, what it
    would have done, and how many events it would have kept from happening. That is what
    `governance replay` tells beforehand, seen live.
    """
    if shadow:
        return tell_shadows(project_of(directory), session, limit, format_name)
    damaged: list[str] = []

    def unread(name: str, why: str) -> None:
        if why == DAMAGED:
            damaged.append(name)

    with store_of(project_of(directory)) as journal:
        if session is None:
            accounts = [
                Account(one, _told(journal, one.id, limit))
                for one in states_of(journal, unread=unread)
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
        if not accounts and not damaged:
            print_line("no violation stands in any session", "good")
    if damaged:
        names = ", ".join(f"`{name}`" for name in damaged[:_NAMED_MAX])
        print_line(
            f"{number_of(len(damaged), 'session')} cannot be read and may have more: {names}; "
            "`governance repair` mends them",
            "bad",
            stderr=True,
        )
        return FAILED
    return FOUND if any(one.state.ledger.total for one in accounts) else FINE


def _told(journal: Journal, session: str, limit: int) -> tuple[Told, ...]:
    """The newest violations that rows of *session* tell of, at most *limit*, oldest first."""
    kept: deque[Told] = deque(maxlen=limit)
    for record in rows_of(journal, session):
        if record.kind == "violation.counted":
            violation = Violation.from_json(data_of(body_of(record)), record.at_ms)
            kept.append(Told(session, record.seq, violation))
        elif record.kind == "violation.pardoned":
            rule = str(data_of(body_of(record)).get("rule") or "")
            for one in kept:
                one.pardoned = one.pardoned or rule in ("", one.violation.rule)
    return tuple(kept)


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
@click.option("--reason", type=REASON, required=True, help="Why; it is recorded.")
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


COMMANDS = {"pardon": pardon, "violations": violations}
