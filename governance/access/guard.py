"""
The one place that is asked before anything is done or shown, and that records who looked.

A read is recorded before it is given, so that a reader who is killed has still been seen; a
read that cannot be recorded is refused. What is recorded stands in a journal of the project's
own and is written by the store beneath, which asks nobody: there is no audit of the audit's
own rows, only of those who read them.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from attrs import field

from governance._attrs import define
from governance.access.actors import process_actor
from governance.access.grants import Authorize, Grants
from governance.errors import GovernanceError, JournalError, SessionErased
from governance.formats import body_of, stamped
from governance.journal.faults import StoreReadOnly
from governance.journal.records import Append, Appended, Journal, Record, Row
from governance.ledger.fold import BEGINNINGS
from governance.values import Json, ValueRefused, dump_json

if TYPE_CHECKING:
    from governance.clock import Clock
    from governance.config import Config

AUDIT_SESSION = "@audit"
"""The journal of who looked at what."""

DATA_ACCESSED = "data.accessed"
LOOKING = frozenset({"read", "list", "verify", "export"})
"""
Actions that are recorded; what else is done in a session or to one leaves rows of its own.

Whoever copies the whole store takes it for an ``export``: see `record_copying`.
"""

SINGLE_READS_MAX = 20
"""Sessions of which one guard records the reading one by one; what it reads beyond them is
recorded once, as all sessions."""

PAGING_SECONDS = 60.0
"""So long, at least, a recorded look stands for the pages that go on with it: what a look writes
into the audit must not call for another look by whoever pages through the audit itself."""

ALL_SESSIONS = "*"
_FIRST_ROWS = 5
_OWNERS_KEPT_MAX = 10_000
_NOTED_MAX = 10_000
_CONFLICTS_MAX = 16
_REASONS_MAX = 5
_REASON_CHARACTERS_MAX = 500

Write: TypeAlias = Callable[[Mapping[str, Json], str], None]
"""Writes one row of the audit: its own fields, and who is meant."""


class AccessRefused(GovernanceError):
    """
    An actor asked for what it was not granted; nothing was done or shown.

    Attributes:
        reasons: Why, one reason an element.
    """

    code = "GOV556"

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons), remedy="`[access]` says who may do what")
        self.reasons = reasons


@define(eq=False, repr=False)
class Guard:
    """
    Asks and records for one process; made by `guard_of`. Thread-safe.

    Attributes:
        actor: Who acts where nobody else is named.

        through: How it is looked at, such as ``"cli"`` or ``"api"``.
    """

    actor: str
    through: str
    _authorize: Authorize | None
    _write: Write | None
    _repeat_seconds: float
    _noted: OrderedDict[tuple[str, str, str], float] = field(factory=OrderedDict, init=False)
    _single: dict[str, int] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def reasons(
        self, action: str, session: str = "", *, actor: str | None = None
    ) -> tuple[str, ...]:
        """Why *actor* may not do *action*; empty: it may. What fails refuses."""
        if self._authorize is None:
            return ()
        who = actor or self.actor
        try:
            return tuple(str(one) for one in self._authorize(who, action, session))
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - a program of the user's, whatever it raises
            return (f"what says who may do what has failed: {type(error).__name__}",)

    def require(
        self,
        action: str,
        session: str = "",
        *,
        actor: str | None = None,
        audited: bool = True,
        goes_on: bool = False,
    ) -> None:
        """
        Return quietly if *actor* may do *action*, after recording that it looks if *audited*.

        Args:
            goes_on: What is asked for is no first page: the look that was recorded within the
                last `PAGING_SECONDS` stands for it. One that begins so is recorded.

        Raises:
            AccessRefused: It may not; that is recorded as well.
            JournalError: It could not be recorded, so nothing may be shown.
        """
        reasons = self.reasons(action, session, actor=actor)
        if audited and action in LOOKING:
            self._note(actor or self.actor, action, session, reasons, goes_on)
        if reasons:
            raise AccessRefused(reasons)

    @property
    def shows_all(self) -> bool:
        """
        Whether its actor may read every session that there is and will be.

        Only grants say that at once; a program that decides is asked of each session.
        """
        asked = self._authorize
        return asked is None or (isinstance(asked, Grants) and not self.reasons("read"))

    def hides(self, session: str) -> bool:
        """Whether a list must leave *session* out, for its actor may not read it."""
        return bool(self.reasons("read", session))

    def _note(
        self, actor: str, action: str, session: str, reasons: tuple[str, ...], goes_on: bool
    ) -> None:
        if self._write is None:
            return
        now = time.monotonic()
        with self._lock:
            named = self._named(actor, action, session, bool(reasons), now, goes_on)
        if named is None:
            return
        words: list[Json] = [one[:_REASON_CHARACTERS_MAX] for one in reasons[:_REASONS_MAX]]
        data: dict[str, Json] = {
            "action": action,
            "session": named,
            "outcome": "refused" if reasons else "granted",
            "through": self.through,
        }
        if words:
            data["reasons"] = words
        self._write(data, actor)
        with self._lock:
            # Only now: what could not be written has not been noted.
            self._noted[actor, f"{action}{bool(reasons)}", named] = now
            while len(self._noted) > _NOTED_MAX:
                self._noted.popitem(last=False)

    def _named(
        self, actor: str, action: str, session: str, refused: bool, now: float, goes_on: bool
    ) -> str | None:
        """What the row will name, or ``None`` where one still stands for it."""
        kind, repeat = f"{action}{refused}", self._repeat_seconds
        # What is refused shows no page, so no further one can follow.
        stands = max(repeat, PAGING_SECONDS) if goes_on and not refused else repeat
        for one in (ALL_SESSIONS, session):
            noted = self._noted.get((actor, kind, one))
            if noted is not None and now - noted < stands:
                return None
        if not session:
            return session
        count = self._single.get(actor, 0)
        if count >= SINGLE_READS_MAX:
            self._single[actor] = 0
            return ALL_SESSIONS
        self._single[actor] = count + 1
        return session


def guard_of(
    config: Config,
    journal: Journal,
    *,
    through: str,
    clock: Clock,
    actor: str | None = None,
    authorize: Authorize | None = None,
    write: Write | None = None,
    once: bool = False,
) -> Guard | None:
    """
    What is asked in the project of *config*; ``None``: nothing is.

    Args:
        journal: The store, without any guard.

        actor: Who acts; by default the user whose process this is.

        authorize: Decides in place of ``[access]``.

        write: Writes the audit's rows in place of an append to *journal*.

        once: Record the same look once and never again, as for one command.
    """
    asked = authorize
    if asked is None and config.access.actors:
        owners = Owners(journal)
        asked = Grants(config.access.actors, config.access.roles, owners.owner_of)
    reads = config.audit.reads
    if asked is None and not reads:
        return None
    return Guard(
        actor or process_actor(),
        through,
        asked,
        (write or partial(append_audit, journal, clock)) if reads else None,
        math.inf if once else float(config.audit.repeat_seconds_min),
    )


def require_whole(config: Config, action: str) -> None:
    """
    Return quietly if the user of this process may do *action* with the whole store.

    For what a store is worked on with while it is closed, damaged or gone.

    Raises:
        AccessRefused: It may not.
    """
    if config.access.actors:
        reasons = Grants(config.access.actors, config.access.roles, lambda _session: None)(
            process_actor(), action, ""
        )
        if reasons:
            raise AccessRefused(reasons)


def record_copying(config: Config, journal: Journal, *, through: str, clock: Clock) -> None:
    """
    Record that the user of this process is about to copy all of *journal*, where reads are.

    It asks nobody: what a copy takes has been asked for, by `require_whole`.

    Raises:
        JournalError: It could not be recorded, so nothing may be copied.
    """
    if config.audit.reads:
        write = partial(append_audit, journal, clock)
        Guard(process_actor(), through, None, write, math.inf).require("export")


def append_audit(journal: Journal, clock: Clock, data: Mapping[str, Json], actor: str) -> None:
    """
    Append a row of the audit to *journal*.

    Raises:
        JournalError: It could not be written.
        StoreReadOnly: The store may only be read here.
    """
    try:
        _append(journal, clock, data, actor)
    except StoreReadOnly as error:
        raise StoreReadOnly(
            f"`[audit] reads` has every look recorded, and this one cannot be: {error.message}",
            remedy="copy the project to where it may be written, and look at the copy",
        ) from None


def _append(journal: Journal, clock: Clock, data: Mapping[str, Json], actor: str) -> None:
    for _ in range(_CONFLICTS_MAX):
        body = stamped(DATA_ACCESSED, {"actor": actor, "data": data, "host": "person"})
        row = Row(DATA_ACCESSED, clock.now_ms(), dump_json(body))
        head = journal.head(AUDIT_SESSION)
        if isinstance(journal.append([Append(AUDIT_SESSION, head.seq, (row,))]), Appended):
            return
    raise JournalError("the audit is written by others all the time", code="GOV511")


@define(eq=False, repr=False)
class Owners:
    """Who began each session: the actor of the row that tells of it. Bounded; never changes."""

    _journal: Journal
    _known: OrderedDict[str, str] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def owner_of(self, session: str) -> str | None:
        """The actor that began *session*, ``""`` where no row says so; ``None``: there is none."""
        with self._lock:
            known = self._known.get(session)
        if known is not None:
            return known
        origin = self._journal.origin(session)
        begun = origin.seq if origin is not None else 0
        try:
            rows = self._journal.read(session, after=begun, limit=_FIRST_ROWS)
        except SessionErased:
            return ""  # nobody can read who began it
        if not rows:
            # A branch without a row of its own yet shows what its parent's owner began.
            return self.owner_of(origin.parent) if origin is not None else None
        # What the engine itself had to tell of the rules can stand before it.
        born = next((one for one in rows if one.kind in BEGINNINGS), rows[0])
        owner = _actor_of(born)
        with self._lock:
            self._known[session] = owner
            while len(self._known) > _OWNERS_KEPT_MAX:
                self._known.popitem(last=False)
        return owner


def _actor_of(record: Record) -> str:
    try:
        actor = body_of(record).get("actor")
    except ValueRefused:
        return ""
    return actor if isinstance(actor, str) else ""
