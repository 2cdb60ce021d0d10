"""What rules in shadow mode would have done, as rows tell it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import field

from governance._attrs import define, frozen
from governance.cli.frame import FINE, FOUND
from governance.cli.opening import require_session, rows_of, store_of
from governance.cli.output import action_text, moment, print_json, print_line
from governance.cli.sessions import session_ids
from governance.cli.tables import print_table
from governance.errors import SessionErased, StoreDamaged, number_of
from governance.formats import body_of
from governance.journal.records import Journal, Record
from governance.project import Project
from governance.values import Json

UNTOLD = "untold"
"""What a rule would have done, where rows of an earlier version name the rule alone."""

_HOLDS = frozenset({"ask", "deny", "halt"})
_WHAT_CHARACTERS = 80


@frozen
class Match:
    """
    One event that a shadow rule has met.

    Attributes:
        what: The call's intent, or the kind of event.

        action: What it would have done.

        answer: What was decided without it; ``""`` for what is no call, of which this row
            does not tell it.
    """

    session: str
    seq: int
    at_ms: int
    what: str
    action: str
    answer: str

    @property
    def stopped(self) -> bool:
        """Whether it would have kept an event from happening that did happen."""
        return self.action in _HOLDS and self.answer not in _HOLDS

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        return {
            "session": self.session,
            "seq": self.seq,
            "at_ms": self.at_ms,
            "what": self.what,
            "action": self.action,
            "answer": self.answer,
        }


@define(eq=False)
class Watched:
    """
    One shadow rule and what it has met.

    Attributes:
        stopped: Events that it would have kept from happening, and nothing else did.

        newest: The last of them, oldest first.
    """

    rule: str
    newest: deque[Match]
    actions: Counter[str] = field(factory=Counter)
    sessions: set[str] = field(factory=set)
    stopped: int = 0

    @property
    def matched(self) -> int:
        """Events that it has met."""
        return sum(self.actions.values())

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        return {
            "rule": self.rule,
            "matched": self.matched,
            "actions": dict(self.actions),
            "stopped": self.stopped,
            "sessions": sorted(self.sessions),
            "newest": [one.as_json() for one in self.newest],
        }


def tell_shadows(project: Project, session: str | None, limit: int, format_name: str) -> int:
    """
    Print what the shadow rules of *project* have met, in one session or in all of them.

    Raises:
        MisuseError: GOV611, there is no such session.

        JournalError: The store cannot be read.
    """
    damaged: list[str] = []

    def broken(name: str, error: StoreDamaged) -> None:
        damaged.append(name)
        print_line(f"left out from there on: {error.message}", "bad", stderr=True)

    with store_of(project) as journal:
        if session is not None:
            require_session(journal, session)
            watched = shadows_of(journal, (session,), limit)
        else:
            watched = shadows_of(journal, session_ids(journal), limit, broken)
    if format_name == "json":
        print_json([one.as_json() for one in watched])
    else:
        _print_watched(watched)
    return FOUND if watched or damaged else FINE


def shadows_of(
    journal: Journal,
    sessions: Iterable[str],
    newest_max: int,
    broken: Callable[[str, StoreDamaged], None] | None = None,
) -> list[Watched]:
    """
    Each shadow rule that rows of *sessions* name, the one that would stop most first.

    Args:
        broken: Is told of sessions that are damaged, which are left out from there on, as are those
            that are erased; without it either is an error.
    """
    found: dict[str, Watched] = {}
    for session in sessions:
        for record in _rows(journal, session, broken):
            for rule, match in _matches(record):
                one = found.setdefault(rule, Watched(rule, deque(maxlen=newest_max)))
                one.actions[match.action] += 1
                one.sessions.add(session)
                one.stopped += match.stopped
                one.newest.append(match)
    return sorted(found.values(), key=lambda one: (-one.stopped, -one.matched, one.rule))


def _rows(
    journal: Journal, session: str, broken: Callable[[str, StoreDamaged], None] | None
) -> Iterator[Record]:
    try:
        yield from rows_of(journal, session)
    except SessionErased:
        if broken is None:
            raise
    except StoreDamaged as error:
        if broken is None:
            raise
        broken(session, error)


def _matches(record: Record) -> Iterator[tuple[str, Match]]:
    if record.kind not in ("tool.decided", "rules.shadowed"):
        return
    data = body_of(record).get("data")
    if not isinstance(data, Mapping):
        return
    rules, actions = data.get("shadows"), data.get("shadow_actions")
    known = actions if isinstance(actions, Mapping) else {}
    for rule in rules if isinstance(rules, (list, tuple)) else ():
        name = str(rule)
        what = str(data.get("intent") or data.get("tool") or data.get("on") or "")
        action = str(known.get(name) or UNTOLD)
        answer = str(data.get("action") or "")
        yield name, Match(record.session, record.seq, record.at_ms, what, action, answer)


def _print_watched(watched: list[Watched]) -> None:
    if not watched:
        print_line("no rule in shadow mode has matched in any session", "good")
        return
    print_table(
        ("rule", "would", "matched", "would stop", "sessions"),
        [
            (
                one.rule,
                ", ".join(sorted(one.actions)),
                str(one.matched),
                str(one.stopped),
                str(len(one.sessions)),
            )
            for one in watched
        ],
        whole=("matched", "would stop", "sessions"),
    )
    for one in watched:
        print_line(f"{one.rule}: the newest of {number_of(one.matched, 'event')}")
        print_table(
            ("session", "row", "when", "what", "was", "would"),
            [
                (
                    each.session,
                    str(each.seq),
                    moment(each.at_ms)[5:-1].replace("T", " "),
                    each.what[:_WHAT_CHARACTERS],
                    action_text(each.answer or "let be"),
                    action_text(each.action),
                )
                for each in one.newest
            ],
            whole=("row", "was", "would"),
        )
