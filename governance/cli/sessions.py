"""`sessions`: which sessions there are, and how each of them stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import field

from governance._attrs import frozen
from governance.cli.durations import DURATION
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.opening import store_of
from governance.cli.output import Tone, console, moment, print_json, print_line, span, styled
from governance.cli.progress import progressing
from governance.cli.tables import print_table, width_of
from governance.clock import SystemClock
from governance.engine.restoring import restore
from governance.errors import SessionErased, StoreDamaged, number_of
from governance.journal.records import Journal
from governance.ledger import halted
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from rich.text import Text

PAGE_SESSIONS = 500
ERASED = "erased"
"""What stands in place of the state of a session whose key was destroyed."""

DAMAGED = "damaged"
"""What stands in place of the state of a session whose rows do not hold."""

READ_MAX = 10_000
"""Sessions that one call looks at; the next call begins after them."""

OWN_MARK = "@"
"""What the ids of the project's own journals begin with; they are no sessions of anybody."""

STATE_TONES: Mapping[str, Tone] = {
    "beginning": "wary",
    "between-turn": "good",
    "compacted": "wary",
    "resumed": "wary",
    "interrupted": "quiet",
    "ended": "quiet",
    "absent": "quiet",
    ERASED: "quiet",
    DAMAGED: "bad",
}


@frozen
class Summary:
    """
    One session in a list.

    Attributes:
        branched_from: Session that it goes on from, or ``""``.

        depth: How far it stands under a session that is in the list as well.
    """

    id: str
    host: str
    role: str
    parent: str
    state: str
    injected: bool
    turns: int
    tools: int
    denied: int
    violations: Mapping[str, int] = field(hash=False)
    last_work_at_ms: int | None
    created_at_ms: int
    halted: str
    branched_from: str = ""
    depth: int = 0

    @property
    def seen_at_ms(self) -> int:
        """When something was last known of it."""
        return self.last_work_at_ms or self.created_at_ms

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        return {
            "id": self.id,
            "host": self.host,
            "role": self.role,
            "parent": self.parent,
            "depth": self.depth,
            "state": self.state,
            "governance_injected": self.injected,
            "turns": self.turns,
            "tools": self.tools,
            "denied": self.denied,
            "violations": dict(self.violations),
            "last_work_at_ms": self.last_work_at_ms,
            "halted": self.halted,
            "branched_from": self.branched_from,
        }


def summary_of(state: SessionState, now_ms: int, *, state_name: str = "") -> Summary:
    """What a list says of the session that is in *state*."""
    return Summary(
        id=state.id,
        host=state.identity.host,
        role=state.identity.role,
        parent=state.identity.parent,
        state=state_name or str(state.state),
        injected=state.governance_injected,
        turns=state.metrics.turns,
        tools=state.metrics.tools_asked,
        denied=state.metrics.tools_denied,
        violations=state.ledger.counts,
        last_work_at_ms=state.last_work_at_ms,
        created_at_ms=state.created_at_ms,
        halted=halted(state.ledger, now_ms) or "",
        branched_from=state.origin[0] if state.origin is not None else "",
    )


def session_ids(journal: Journal, *, after: str = "") -> Iterator[str]:
    """Ids of the sessions of agents in the store that sort behind *after*, in order."""
    while page := journal.sessions(after=after, limit=PAGE_SESSIONS):
        yield from (head.session for head in page if not head.session.startswith(OWN_MARK))
        after = page[-1].session


def states_of(
    journal: Journal, *, after: str = "", unread: Callable[[str, str], None] | None = None
) -> Iterator[SessionState]:
    """
    The sessions of the store with what is known of each, with progress; no bound.

    Those that are erased or damaged are left out. *unread* is told of each, and which of the
    two it is; without it people are told of damage.
    """
    for name in progressing(session_ids(journal, after=after), "reading sessions"):
        try:
            state = restore(journal, name)
        except SessionErased:
            if unread is not None:
                unread(name, ERASED)
        except StoreDamaged as error:
            if unread is not None:
                unread(name, DAMAGED)
            else:
                print_line(f"left out: {error.message}", "bad", stderr=True)
        else:
            yield state


def unread_summary(session: str, why: str) -> Summary:
    """What a list says of a session that cannot be read."""
    return summary_of(SessionState(id=session), 0, state_name=why)


@command(
    "sessions",
    examples=[
        Example("governance sessions", "All sessions, the last worked on first."),
        Example("governance sessions --state interrupted --since 1d", "Those that wait."),
        Example("governance sessions --format json", "For a program."),
        Example(
            "governance sessions --host claude-code --limit 20 --after m",
            "Of one host, page by page by their ids.",
        ),
        Example("governance sessions --halted", "Those that wait for a pardon."),
    ],
)
@click.option(
    "--state",
    type=click.Choice([one.value for one in State]),
    default=None,
    help="Only those that stand in this state.",
)
@click.option("--host", default=None, help="Only those of this host.")
@click.option("--since", type=DURATION, default=None, help="Only those worked on since: 2h, 7d.")
@click.option("--halted", "only_halted", is_flag=True, help="Only those that are halted.")
@click.option(
    "--limit",
    type=click.IntRange(1, READ_MAX),
    default=50,
    show_default=True,
    help="How many lines at most.",
)
@click.option("--after", default="", help="Leave out the ids that sort up to this one.")
@format_option()
@dir_option
def sessions(
    state: str | None,
    host: str | None,
    since: int | None,
    only_halted: bool,
    limit: int,
    after: str,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    List the sessions of the project, sub-sessions indented under their parents.

    Those last worked on come first. "briefed" says whether the model has been told all
    that it must be told. One call reads at most 10000 sessions and says which id to go on
    after when there are more.
    """
    now_ms = SystemClock().now_ms()
    found: list[Summary] = []
    read, last = 0, ""
    more = False
    with store_of(project_of(directory)) as journal:
        unread: list[Summary] = []
        told = states_of(
            journal, after=after, unread=lambda *name: unread.append(unread_summary(*name))
        )
        for one in told:
            if read == READ_MAX:
                more = True
                break
            read, last = read + 1, one.id
            summary = summary_of(one, now_ms)
            wanted = (
                (state is None or summary.state == state)
                and (host is None or summary.host == host)
                and (since is None or summary.seen_at_ms >= now_ms - since)
                and (not only_halted or bool(summary.halted))
            )
            if wanted:
                found.append(summary)
    if not any((state, host, since, only_halted)):
        found += unread
    shown = in_tree(found)[:limit]
    if format_name == "json":
        print_json(
            {
                "sessions": [one.as_json() for one in shown],
                "matched": len(found),
                "read": read,
                "next_after": last if more else "",
            }
        )
        return FINE
    _print(shown, now_ms)
    _print_rest(shown, found, read, last if more else "")
    return FINE


def in_tree(found: Sequence[Summary]) -> list[Summary]:
    """*found* with children behind their parents and the last worked on first."""
    from attrs import evolve

    ids = {one.id for one in found}
    below: dict[str, list[Summary]] = {}
    for one in sorted(found, key=lambda each: (-each.seen_at_ms, each.id)):
        below.setdefault(one.parent if one.parent in ids else "", []).append(one)
    ordered: list[Summary] = []
    # Taken from the end, so the first of each family is put in last. Parents form no ring.
    waiting = [(one, 0) for one in reversed(below.get("", ()))]
    while waiting:
        one, depth = waiting.pop()
        ordered.append(evolve(one, depth=depth))
        waiting += [(child, depth + 1) for child in reversed(below.get(one.id, ()))]
    return ordered


def counts_text(counts: Mapping[str, int], between: str = ", ") -> str:
    """Counts by severity, the gravest first: ``"1 critical, 2 high"``."""
    return between.join(f"{number} {name}" for name, number in reversed(list(counts.items())))


def ago(at_ms: int | None, now_ms: int, *, parts: int = 2) -> str:
    """How long ago *at_ms* was, in its one or two largest units."""
    if at_ms is None:
        return "never"
    if at_ms > now_ms:
        return moment(at_ms)
    words = span(now_ms - at_ms).split()
    return f"{' '.join(words[: 2 * parts])} ago"


_PAST = ("violations", "last work")


def _print(shown: Sequence[Summary], now_ms: int) -> None:
    if not shown:
        return
    every: tuple[str, ...] = (
        "session", "host", "role", "state", "briefed", "turns", "tools", *_PAST
    )  # fmt: skip
    rows = [_wide(one, now_ms) for one in shown]
    if width_of(every, rows) > console().width:
        every = ("session", "state", "briefed", "work", *_PAST)
        rows = [_narrow(one, now_ms) for one in shown]
    print_table(every, rows, whole=set(every) - {"session", "host", "role"})


def _wide(one: Summary, now_ms: int) -> list[Text]:
    denied = f" ({one.denied} denied)" if one.denied else ""
    return [
        _name(one),
        styled(one.host),
        styled(one.role),
        *_standing(one),
        styled(str(one.turns)),
        styled(f"{one.tools}{denied}"),
        *_past(one, now_ms),
    ]


def _narrow(one: Summary, now_ms: int) -> list[Text]:
    name = _name(one)
    if one.role:
        name.append_text(styled(f"\n{'  ' * one.depth}{one.role}", "quiet"))
    work = styled(f"{number_of(one.turns, 'turn')}\n{number_of(one.tools, 'tool')}")
    return [name, *_standing(one), work, *_past(one, now_ms)]


def _name(one: Summary) -> Text:
    return styled(("  " * (one.depth - 1) + "└─" if one.depth else "") + one.id)


def _standing(one: Summary) -> tuple[Text, Text]:
    state = styled(one.state, STATE_TONES.get(one.state, "plain"))
    if one.halted:
        state.append_text(styled("\nhalted", "bad"))
    return state, styled("yes", "good") if one.injected else styled("no", "wary")


def _past(one: Summary, now_ms: int) -> tuple[Text, Text]:
    tone: Tone = "bad" if _grave(one.violations) else "plain"
    when = ago(one.last_work_at_ms, now_ms, parts=1)
    return styled(counts_text(one.violations, "\n"), tone), styled(when)


def _grave(counts: Mapping[str, int]) -> bool:
    return any(counts.get(name) for name in ("high", "critical"))


def _print_rest(
    shown: Sequence[Summary], found: Sequence[Summary], read: int, next_after: str
) -> None:
    if not found:
        text = "no session fits" if read else "no session has been governed here yet"
        print_line(text, "quiet")
    elif len(shown) < len(found):
        rest = len(found) - len(shown)
        print_line(f"{rest} more; `--limit {len(found)}` shows all", "quiet")
    else:
        print_line(number_of(len(shown), "session"), "quiet")
    if next_after:
        print_line(f"only {read} were read; go on with `--after {next_after}`", "quiet")


COMMANDS = {"sessions": sessions}
