"""
The engine of one project as Hermes' many threads reach it: opened once, with a time limit.

Hermes has no time limit for a plugin and takes an exception for leave. So everything asked
goes through `Bridge.ask`, which answers within ``deadline_ms`` or says why not, and everything
told through `Bridge.tell`, which leaves a line in the log when it fails.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, field

from governance._attrs import define
from governance.errors import GovernanceError
from governance.hosts.hermes.log import note
from governance.hosts.hermes.sightings import Sightings
from governance.hosts.hermes.tools import HOST, TOOLS
from governance.hosts.hermes.translate import command
from governance.session.commands import Command
from governance.session.replies import Reply

if TYPE_CHECKING:
    from governance.engine import Engine
    from governance.session.law import HostSettings

T = TypeVar("T")

WAITING_MAX = 64
"""Questions that may be open at once, a thread each; what comes on top is refused."""

RETRY_SECONDS = 1.0
"""How long an engine that could not be opened is not tried again."""

CLOSE_SECONDS_MAX = 5.0
"""How long the end of a process waits for background listeners and the store."""

END_SECONDS_MAX = 10.0
"""How long sessions may be ended for when the process ends."""


class NoAnswer(GovernanceError):
    """The engine did not answer in time, or is too busy: what was asked is refused."""

    code = "GOV741"


@define(eq=False, repr=False)
class Bridge:
    """One project's engine in this process. Thread-safe; made by `bridge_for`."""

    project: Path
    seen: Sightings = field(factory=Sightings)
    _engine: Engine | None = field(init=False, default=None)
    _failure: tuple[float, GovernanceError] | None = field(init=False, default=None)
    _opening: threading.Lock = field(init=False, factory=threading.Lock)
    _slots: threading.BoundedSemaphore = field(init=False)
    _run: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._slots = threading.BoundedSemaphore(WAITING_MAX)
        self._run = f"{os.getpid()}-{os.urandom(4).hex()}"

    @property
    def settings(self) -> HostSettings:
        """
        What the project wants of this host, by the law in force.

        Raises:
            DefinitionError: No engine is open, and there is no configuration, or it is wrong.
        """
        engine = self._engine
        if engine is not None:
            return engine.law.settings.host(HOST)
        from governance.config import load_config
        from governance.engine.lawmaking import settings_of, trusted_config

        return settings_of(trusted_config(load_config(self.project))).host(HOST)

    def ask(self, asked: Command) -> Reply:
        """
        The engine's reply to *asked*, within the project's ``deadline_ms``.

        Raises:
            GovernanceError: There is none, and why; what was asked has to be refused.
        """
        return self.within(lambda engine: engine.handle(evolve(asked, run=self._run)))

    def tell(self, *told: Command) -> tuple[Reply, ...]:
        """What the engine replies to what has happened; fewer where it could not be told."""
        replies = []
        for one in told:
            try:
                replies.append(self.ask(one))
            except Exception as error:  # noqa: BLE001 -- an observer never breaks its host
                note(self.project, one.event, f"{one.session}: {error}")
                break
        return tuple(replies)

    def within(self, work: Callable[[Engine], T]) -> T:
        """
        What *work* gives, done by a thread of ours within ``deadline_ms``.

        Raises:
            NoAnswer: It took longer, or too much was waiting.

            GovernanceError: The engine cannot be opened, or *work* says so.
        """
        limit_ms = self.settings.deadline_ms
        if not self._slots.acquire(blocking=False):
            raise NoAnswer(f"{WAITING_MAX} questions are waiting already")
        future: Future[T] = Future()
        # No thread of a pool, for these are waited for when the process ends: a store that
        # stays locked would keep Hermes from ending.
        thread = threading.Thread(
            target=self._work, args=(work, future), name="governance", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # The interpreter ends and starts no threads any more: this one does it.
            self._work(work, future)
        try:
            return future.result(limit_ms / 1000)
        except TooLate:
            raise NoAnswer(
                f"there was no answer within {limit_ms} ms",
                remedy="`governance doctor` looks at store and rules",
            ) from None

    def _work(self, work: Callable[[Engine], T], future: Future[T]) -> None:
        try:
            future.set_result(work(self._opened()))
        except BaseException as error:  # noqa: BLE001 -- it is raised where the answer is awaited
            future.set_exception(error)
        finally:
            # Only what has really ended makes room for the next.
            self._slots.release()

    def end_all(self, reason: str) -> None:
        """End every session that is open here, for as long as `END_SECONDS_MAX` allows."""
        end = time.monotonic() + END_SECONDS_MAX
        for one in self.seen.open():
            if time.monotonic() > end:
                note(self.project, "end", "no time was left to end all sessions")
                return
            one.ended = True
            self.tell(command(one, "end", {"reason": reason}))

    def close(self, reason: str = "process_ended") -> None:
        """End what is open and release the store; it is opened again when somebody asks."""
        if self._engine is None:
            return
        self.end_all(reason)
        with self._opening:
            engine, self._engine = self._engine, None
        if engine is not None:
            # A store that stays locked must not keep Hermes from ending.
            closing = threading.Thread(target=engine.close, name="governance-end", daemon=True)
            try:
                closing.start()
                closing.join(CLOSE_SECONDS_MAX)
            except RuntimeError:
                engine.close()

    def _opened(self) -> Engine:
        if self._engine is not None:
            return self._engine
        with self._opening:
            if self._engine is None:
                self._engine = self._open()
            return self._engine

    def _open(self) -> Engine:
        from governance.engine import Engine

        if self._failure is not None and time.monotonic() - self._failure[0] < RETRY_SECONDS:
            raise self._failure[1]
        try:
            return Engine.open(self.project, tools=(TOOLS,), run=self._run)
        except GovernanceError as error:
            self._failure = (time.monotonic(), error)
            note(self.project, "open", str(error))
            raise


_bridges: dict[Path, Bridge] = {}
_making = threading.Lock()


def bridge_for(project: Path) -> Bridge:
    """The one bridge of this process to *project*; it is closed when the process ends."""
    with _making:
        found = _bridges.get(project)
        if found is None:
            found = _bridges[project] = Bridge(project)
            atexit.register(found.close)
        return found
