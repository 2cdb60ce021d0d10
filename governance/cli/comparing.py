"""`replay`: recorded sessions run through another rule set, and what it would change."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click
from attrs import field

from governance._attrs import define
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.opening import law_of, require_session, store_of
from governance.cli.other_law import other_law, rules_named
from governance.cli.output import (
    Tone,
    action_text,
    console,
    moment,
    print_json,
    print_line,
    styled,
    value_text,
)
from governance.cli.progress import progressing
from governance.cli.replayed import Answer, Compared, Coverage, Replay
from governance.cli.sessions import session_ids
from governance.cli.tables import print_table
from governance.clock import SystemClock
from governance.errors import SessionErased, StoreDamaged, number_of
from governance.journal.records import Journal
from governance.project import Project
from governance.rules.format import parse_duration
from governance.session.law import Law
from governance.values import Json

SILENT_SHOWN = 20
"""Rules without a say that people are shown by name."""

KEPT_MAX = 10_000
"""Differences that one run keeps to be shown; all are counted."""

_TOLD_CHARACTERS = 100
_CHANGES = ("stricter", "laxer", "rules", "unknown")
_MEANINGS: Mapping[str, str] = {
    "stricter": "would be refused or asked about that were let be, or more severely",
    "laxer": "would be let be that were refused or asked about, or more mildly",
    "rules": "would have the same answer by other rules",
    "unknown": "cannot be known, for rows do not keep all that decides",
}


class Since(click.ParamType[int]):
    """A moment, as a date, a date with a time (UTC), or how long ago; in milliseconds."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        seconds = parse_duration(text)
        if seconds:
            return SystemClock().now_ms() - seconds * 1000
        try:
            found = datetime.datetime.fromisoformat(text)
            if found.tzinfo is None:
                found = found.replace(tzinfo=datetime.UTC)
            return int(found.timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"`{text}` is no moment; write `2026-01-31`, `2026-01-31T08:00`, or how long "
                "ago: `2h`, `7d`",
                param,
                ctx,
            )


@define(eq=False)
class Difference:
    """
    What a run has found.

    Attributes:
        damaged: Sessions of which not all rows could be read; what is behind them is not known.

        kept: Decisions that are not the same, at most `KEPT_MAX`.

        by_rule: Change → rule → decisions that it makes the difference of.
    """

    sessions: set[str] = field(factory=set)
    damaged: list[str] = field(factory=list)
    counts: Counter[str] = field(factory=Counter)
    kept: list[Compared] = field(factory=list)
    by_rule: dict[str, Counter[str]] = field(factory=dict)

    def add(self, one: Compared) -> None:
        """Count *one*, and keep it if it differs."""
        self.sessions.add(one.record.session)
        self.counts[one.change] += 1
        if one.change == "same":
            return
        if one.change != "unknown":
            counted = self.by_rule.setdefault(one.change, Counter())
            counted.update(one.by)
        if len(self.kept) < KEPT_MAX:
            self.kept.append(one)


@command(
    "replay",
    examples=[
        Example("governance replay", "What today's rules would have said of every session."),
        Example(
            "governance replay demo --rules . --rules shipped:git-safety --since 7d",
            "One session under the project's rules and one pack more, only the last week.",
        ),
        Example(
            "governance replay --rules shipped --regression laxer --format json",
            "For a pipeline that must not let anything through which was refused.",
        ),
        Example("governance replay --limit 5", "List five of the changed decisions at most."),
    ],
    exits="0 no regression, 1 some decision changes as --regression says or a session is damaged, "
    "2 could not look",
)
@click.argument("sessions", nargs=-1, metavar="[SESSION]…")
@click.option(
    "--rules",
    "names",
    multiple=True,
    help="A pack, a folder of packs, a project, `shipped` or `shipped:NAME`; give it again for "
    "more.  [default: the project's own]",
)
@click.option(
    "--since",
    "since_ms",
    type=Since(),
    default=None,
    help="Only decisions since a date, or so long ago (`7d`).",
)
@click.option(
    "--regression",
    "regressions",
    type=click.Choice(["stricter", "laxer", "rules", "unknown"]),
    multiple=True,
    default=("stricter", "laxer"),
    show_default=True,
    help="Which changes make the exit code 1; give it again for more.",
)
@click.option(
    "--limit",
    type=click.IntRange(0, KEPT_MAX),
    default=50,
    show_default=True,
    help="How many of the changed decisions are listed.",
)
@format_option()
@dir_option
def replay(
    sessions: tuple[str, ...],
    names: tuple[str, ...],
    since_ms: int | None,
    regressions: tuple[str, ...],
    limit: int,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Run recorded sessions through another rule set and tell what it changes.

    Every recorded call, and every prompt and command that was let be, is decided again by
    the rules of --rules in the session as it was then: state, role and ledger are those of
    its rows, and what these rules look back at is remembered from them. What differs is told
    by rule and by call, and of each rule how often it had a say; rules that never had one
    stand apart. Nothing is written, no session is touched, and nothing that was called is
    run.

    A secret that was taken out of the journal, or an argument that was too long to be kept,
    leaves a decision unknown. So does what rows never keep; the rules that need it are named. Of
    all sessions those that are erased are left out, and of a damaged one what comes after it.
    """
    project = project_of(directory)
    law = _law(project, names)
    found = Difference()
    with store_of(project) as journal:
        replaying = Replay(law, journal)
        chosen = _chosen(journal, sessions)
        decisions = _each(replaying, chosen, since_ms or 0, found, alone=bool(sessions))
        for one in progressing(decisions, "deciding again"):
            found.add(one)
    coverage = list(replaying.coverage.values())
    # What cannot be looked at may be what changes.
    worse = bool(found.damaged) or any(found.counts[change] for change in regressions)
    if format_name == "json":
        print_json(_json(found, coverage, replaying.skipped, limit, worse))
        return FOUND if worse else FINE
    _print_counts(found, replaying.skipped)
    _print_rules(found)
    _print_calls(found, limit)
    print_coverage(coverage)
    return FOUND if worse else FINE


def _law(project: Project, names: Sequence[str]) -> Law:
    return other_law(project, rules_named(names)) if names else law_of(project)


def _chosen(journal: Journal, sessions: Sequence[str]) -> Iterable[str]:
    for session in sessions:
        require_session(journal, session)
    if sessions:
        return dict.fromkeys(sessions)
    return session_ids(journal)


def _each(
    replaying: Replay, chosen: Iterable[str], since_ms: int, found: Difference, *, alone: bool
) -> Iterator[Compared]:
    """
    Every decision of the sessions *chosen*; those that are erased are passed over.

    Args:
        alone: They were named, so that one that cannot be read is an error.
    """
    for session in chosen:
        try:
            yield from replaying.run((session,), since_ms=since_ms)
        except SessionErased:
            if alone:
                raise
        except StoreDamaged as error:
            if alone:
                raise
            found.damaged.append(session)
            print_line(f"left out from there on: {error.message}", "bad", stderr=True)


def _print_counts(found: Difference, skipped: Mapping[str, int]) -> None:
    total = sum(found.counts.values())
    same = found.counts["same"]
    print_line(
        f"{number_of(total, 'decision')} of {number_of(len(found.sessions), 'session')} taken "
        f"again: {same} the same",
        "good" if total == same else "wary",
    )
    for change in _CHANGES:
        if found.counts[change]:
            tone: Tone = "quiet" if change in ("rules", "unknown") else "bad"
            print_line(f"  {found.counts[change]:>6} {_MEANINGS[change]} ({change})", tone)
    for why, count in sorted(skipped.items()):
        print_line(f"  {count:>6} left out: {why}", "quiet")
    print_line("")


def _print_rules(found: Difference) -> None:
    rows = [
        (change, rule, str(count))
        for change in ("stricter", "laxer", "rules")
        for rule, count in found.by_rule.get(change, Counter()).most_common()
    ]
    if rows:
        print_table(("change", "by rule", "decisions"), rows, whole=("change", "decisions"))


def _print_calls(found: Difference, limit: int) -> None:
    shown = found.kept[:limit]
    if not shown:
        return
    print_table(
        ("session", "row", "when", "what", "then", "now"),
        [
            (
                one.record.session,
                str(one.record.seq),
                moment(one.record.at_ms)[5:-1].replace("T", " "),
                _what(one),
                action_text(one.then.action),
                styled(one.why, "quiet") if one.why else action_text(one.now.action),
            )
            for one in shown
        ],
        whole=("row", "then"),
    )
    changed = sum(found.counts[change] for change in _CHANGES)
    if changed > len(shown):
        print_line(f"the first {len(shown)} of {changed}; `--limit` shows more", "quiet")
    print_line("`governance why SESSION ROW` says more of one", "quiet")
    print_line("")


def _what(one: Compared) -> str:
    words = " ".join(value_text(value, _TOLD_CHARACTERS) for value in one.told.values())
    return value_text(f"{one.tool or one.event} {words}", _TOLD_CHARACTERS)


def print_coverage(coverage: Sequence[Coverage]) -> None:
    """How often each rule had a say, for people."""
    fired = [one for one in coverage if one.matched]
    if fired:
        print_table(
            ("rule", "action", "matched", "decided"),
            [
                (
                    one.rule,
                    f"{one.action}, shadow" if one.shadow else one.action,
                    str(one.matched),
                    str(one.decided),
                )
                for one in sorted(fired, key=lambda each: (-each.matched, each.rule))
            ],
            whole=("action", "matched", "decided"),
        )
    silent = [one.rule for one in coverage if not one.matched and not one.unseen]
    if silent:
        line = styled(f"never matched ({len(silent)}): ", "wary")
        line.append_text(styled(", ".join(silent[:SILENT_SHOWN])))
        if len(silent) > SILENT_SHOWN:
            line.append_text(styled(" …; `--format json` names them all"))
        console().print(line)
    for one in coverage:
        if one.unseen:
            print_line(f"{one.rule} cannot be replayed: {one.unseen}", "quiet")


def _json(
    found: Difference,
    coverage: Sequence[Coverage],
    skipped: Mapping[str, int],
    limit: int,
    worse: bool,
) -> dict[str, Json]:
    return {
        "ok": not worse,
        "sessions": len(found.sessions),
        "damaged": found.damaged,
        "decisions": sum(found.counts.values()),
        "counts": {change: found.counts[change] for change in ("same", *_CHANGES)},
        "skipped": dict(skipped),
        "by_rule": {change: dict(rules) for change, rules in found.by_rule.items()},
        "changed": [_compared_json(one) for one in found.kept[:limit]],
        "coverage": [
            {
                "rule": one.rule,
                "action": one.action,
                "shadow": one.shadow,
                "matched": one.matched,
                "decided": one.decided,
                "unseen": one.unseen,
            }
            for one in coverage
        ],
    }


def _compared_json(one: Compared) -> dict[str, Json]:
    return {
        "session": one.record.session,
        "seq": one.record.seq,
        "at_ms": one.record.at_ms,
        "event": one.event,
        "tool": one.tool,
        "arguments": dict(one.told),
        "change": one.change,
        "why": one.why,
        "then": _answer_json(one.then),
        "now": _answer_json(one.now),
    }


def _answer_json(one: Answer) -> dict[str, Json]:
    return {"action": one.action, "rules": list(one.rules), "message": one.message}


COMMANDS = {"replay": replay}
