"""Retention: which sessions go by the project's bounds, and a thread that lets them go."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.engine.keeping import archive, candidates, remove, settle, tell_project
from governance.engine.retention import Candidate, RetentionPolicy, Why, plan
from governance.errors import (
    GovernanceError,
    JournalError,
    MisuseError,
)
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine

LEASES, LEASE = "lease", "retention"
"""Shelf and name under which it stands who kept the store when."""

PRUNED_MAX = 100
"""Sessions that an engine prunes by itself in one go; the next go takes the next."""

STOP_SECONDS_MAX = 2.0
"""How long closing waits for what keeps the store; every step of it may be its last."""


@frozen
class PruneReport:
    """
    What retention did, or would do.

    Attributes:
        gone: Sessions with the bound that asked for each, in order.

        kept: How many sessions stay.

        needed: Sessions that a bound asks for and that stay, with why.
    """

    gone: tuple[tuple[str, Why], ...]
    kept: int
    needed: tuple[tuple[str, str], ...] = ()


def prune(
    engine: Engine,
    policy: RetentionPolicy,
    *,
    dry_run: bool = False,
    actor: str,
    limit: int | None = None,
    stopped: threading.Event | None = None,
) -> PruneReport:
    """As `Engine.prune`; at most *limit* sessions, and none after *stopped* was set."""
    if not dry_run:
        settle(engine)
    now = engine.clock.now_ms()
    found = candidates(engine._journal, now)
    going = plan(found, policy, now)
    if dry_run:
        return PruneReport(going, len(found) - len(going), _held(found, policy, now))
    done: list[tuple[str, Why]] = []
    problem = ""
    for session, why in going[:limit]:
        if stopped is not None and stopped.is_set():
            break
        try:
            if _prune_one(engine, session, policy, why, actor):
                done.append((session, why))
        except MisuseError:
            # It was worked on since it was looked at, and stays.
            continue
        except JournalError as error:
            problem = error.message
            break
    if done or problem:
        data: dict[str, Json] = {
            "archived": len(done) if policy.folder else 0,
            "removed": 0 if policy.folder else len(done),
            "kept": len(found) - len(done),
            "by": actor,
        }
        tell_project(engine, "retention.pruned", data | ({"problem": problem} if problem else {}))
    return PruneReport(tuple(done), len(found) - len(done), _held(found, policy, now))


def _prune_one(engine: Engine, session: str, policy: RetentionPolicy, why: Why, actor: str) -> bool:
    if policy.folder:
        archive(engine, session, Path(policy.folder), why, actor)
        return True
    return remove(engine, session, why, actor)


def _held(
    found: tuple[Candidate, ...], policy: RetentionPolicy, now_ms: int
) -> tuple[tuple[str, str], ...]:
    """Those that would have gone as well, were they not needed."""
    free = tuple(evolve(one, needed="") for one in found)
    asked = {name for name, _ in plan(free, policy, now_ms)}
    return tuple((one.session, one.needed) for one in found if one.needed and one.session in asked)


@define(eq=False, repr=False)
class Keeper:
    """
    Prunes a store by itself, in a thread of its own, so that no decision waits for it.

    Attributes:
        interval_ms: How long after one run, by whichever process, the next may begin.
    """

    policy: RetentionPolicy
    interval_ms: int
    _next_ms: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _stopped: threading.Event = field(factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def look(self, engine: Engine) -> None:
        """Begin a run if one is due; costs a comparison of two numbers where none is."""
        now = engine.clock.now_ms()
        if not self._is_due(now) or not self._lock.acquire(blocking=False):
            return
        try:
            if not self._is_due(now) or (self._thread is not None and self._thread.is_alive()):
                return
            self._next_ms = now + self.interval_ms
            thread = threading.Thread(
                target=self._run, args=(engine,), name="governance-retention", daemon=True
            )
            thread.start()
            self._thread = thread
        except RuntimeError:
            # No thread is free: what was decided stands, and the next run takes this one up.
            return
        finally:
            self._lock.release()

    def _is_due(self, now_ms: int) -> bool:
        # A clock that went back does not put the next run off for longer than the interval.
        return not 0 < self._next_ms - now_ms <= self.interval_ms

    def wait(self) -> None:
        """Return once no run is under way."""
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Let the run that is under way end with the session that it is at."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS_MAX)

    def _run(self, engine: Engine) -> None:
        try:
            if self._takes_lease(engine):
                prune(engine, self.policy, actor="engine", limit=PRUNED_MAX, stopped=self._stopped)
        except GovernanceError:
            # The store cannot be kept now, or is closed: a decision will say so where it
            # matters, and the next run takes up what this one left.
            return

    def _takes_lease(self, engine: Engine) -> bool:
        shelf, now = engine._journal.shelf, engine.clock.now_ms()
        last = shelf.get(LEASES, LEASE)
        if last is not None and 0 <= now - _moment_of(last.value) < self.interval_ms:
            return False
        version = last.version if last is not None else 0
        return (
            shelf.put(LEASES, LEASE, json.dumps(now).encode(), expected_version=version) is not None
        )


def _moment_of(lease: bytes) -> int:
    """When the last run began; what is no moment is one that was long ago."""
    try:
        return int(lease)
    except ValueError:
        return 0
