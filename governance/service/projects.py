"""
The engines that the service has open: one a project, each only as long as it is what a hook
that decides by itself would open now.

A project that is replayed has a second engine for that, whose clock each call sets: it is there
only while the mark outside the project says that a person replays it.

Before each call the files of the project are looked at: its configuration with the layers
above it, its packs, what a person trusts, the store itself, and the day. Where anything has
changed the engine is closed, and the call is left to the hook: what is broken now is refused
there, with the reason. Nothing waits for an engine that opens.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.config import Config, load_config
from governance.engine import Engine
from governance.engine.lawmaking import trusted_config
from governance.engine.opening import PROJECT_SESSION
from governance.engine.project_rules import pack_sources
from governance.engine.reloading import (
    Marks,
    is_settled,
    made_of,
    mark_of,
    marks_of,
    trust_mark,
)
from governance.errors import DefinitionError, GovernanceError
from governance.hooking.worker import StandingClock
from governance.journal.opening import store_path
from governance.project import Project

if TYPE_CHECKING:
    from governance.rules.host_tools import HostTools

PROJECTS_MAX = 16
"""Projects whose engines are open at once; the one not asked for longest is let go."""

AGAIN_SECONDS = 5
"""How long a project that could not be opened, or does without the service, is not tried."""

NEVER_MS = 1 << 53
MAGIC_BYTES = 16
"""How much of a store says that it is one, and does not change while it is written."""

Key: TypeAlias = tuple[Path, bool]
"""The folder of a project, and whether it is a replay that is decided."""

Standing: TypeAlias = Literal["same", "changed", "lost"]
StoreMark: TypeAlias = tuple[tuple[int, ...] | bytes, ...]


@frozen
class Absent:
    """Why a project has no engine here; hooks decide by themselves."""

    why: str
    since: float


@define(eq=False)
class Held:
    """
    One open engine.

    Attributes:
        in_force: What its law was made of.

        store: The file of its journal, where it is one.

        key_marks: Of the files with keys of the journal, which it holds in memory.

        users: Calls that are being decided by it.

        used: When the last one came, on the clock that only goes forward.

        clock: Of the engine, where it is one for replays: for them one call at a time is decided.
    """

    engine: Engine
    config: Config
    in_force: str
    store: Path | None
    store_mark: StoreMark
    day: datetime.date
    used: float
    clock: StandingClock | None = None
    users: int = 0
    leaving: bool = False
    key_marks: Marks = ()
    _marks: Marks | None = None
    _turn: threading.Lock = field(factory=threading.Lock, init=False)

    @contextmanager
    def at(self, now_ms: int | None) -> Iterator[None]:
        """For a replay, let it be *now_ms* meanwhile."""
        if self.clock is None or now_ms is None:
            yield
            return
        with self._turn:
            self.clock.at_ms = now_ms
            yield

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a hook with the variables *environment* would find the same keys."""
        places = (one.partition(":") for one in _key_places(self.config))
        named = [name for scheme, _, name in places if scheme == "env"]
        return all(environment.get(name) == os.environ.get(name) for name in named)

    def standing(self) -> Standing:
        """Whether a hook that opened the project now would decide by the same."""
        if _store_mark(self.store) != self.store_mark:
            return "lost"
        if _day_of(self.clock) != self.day or _key_marks(self.config) != self.key_marks:
            return "changed"
        # Taken before the texts are read: what changes meanwhile is seen the next time.
        marks = tuple(marks_of(self.config.directory, self.config))
        if marks == self._marks:
            return "same"
        try:
            same = _law_text(self.config.directory)[1] == self.in_force
        except DefinitionError:
            return "changed"
        self._marks = marks if same and is_settled(marks) else None
        return "same" if same else "changed"


@define(eq=False)
class Projects:
    """
    The engines of the projects that are asked for; thread-safe.

    Attributes:
        tools: Tables of native tools of all hosts that call hooks.

        begun: Some project was asked for.

        lost: Engines whose store is gone or spoilt under them. To close one would write into
            what has become of it: they are left as they are, and the process ends at once.
    """

    tools: Sequence[HostTools]
    begun: bool = field(default=False, init=False)
    lost: list[Held] = field(factory=list, init=False)
    _held: OrderedDict[Key, Held] = field(factory=OrderedDict, init=False)
    _absent: dict[Key, Absent] = field(factory=dict, init=False)
    _opening: set[Key] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @contextmanager
    def use(self, directory: Path, now_ms: int | None = None) -> Iterator[Held | None]:
        """
        What is open of *directory*, kept open meanwhile; ``None``: not, or not any more.

        Args:
            now_ms: For a replay, the time at which to decide.
        """
        key = (directory, now_ms is not None)
        if now_ms is not None and not _is_replayed(directory):
            yield None  # by itself the hook refuses it
            return
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                held.users += 1
                held.used = time.monotonic()
                self._held.move_to_end(key)
        if held is None:
            self.want(directory, now_ms)
            yield None
            return
        try:
            with held.at(now_ms):
                standing = held.standing()
                if standing == "same":
                    yield held
                else:
                    self._drop(key, held, lost=standing == "lost")
                    self.want(directory, now_ms)
                    yield None
        finally:
            with self._lock:
                held.users -= 1
            self._close_left(held)

    def want(self, directory: Path, now_ms: int | None = None) -> None:
        """Have *directory* opened for the calls to come, in a thread of its own."""
        key = (directory, now_ms is not None)
        with self._lock:
            absent = self._absent.get(key)
            young = absent is not None and time.monotonic() - absent.since < AGAIN_SECONDS
            crowded = key in self._opening or len(self._opening) >= PROJECTS_MAX
            if self.lost or young or crowded:
                return
            self._opening.add(key)
            self.begun = True
        threading.Thread(target=self._open, args=(directory, now_ms), daemon=True).start()

    def tick(self) -> bool:
        """Let go what nobody has asked for; whether anything is held, opens or was just tried."""
        now = time.monotonic()
        with self._lock:
            every = tuple(self._held.items())
            self._absent = {
                key: one for key, one in self._absent.items() if now - one.since < AGAIN_SECONDS
            }
        for key, held in every:
            directory, replayed = key
            idle = now - held.used > held.config.service.idle_seconds_max
            if idle or (replayed and not _is_replayed(directory)):
                self._drop(key, held)
                self._close_left(held)
        with self._lock:
            return bool(self._held or self._opening or self._absent)

    def names(self) -> tuple[str, ...]:
        """The projects that are open now."""
        with self._lock:
            return tuple(dict.fromkeys(str(directory) for directory, _ in self._held))

    def close(self) -> None:
        """Close every engine that nobody uses; the others go with the process."""
        with self._lock:
            every = tuple(self._held.items())
        for key, held in every:
            self._drop(key, held)
            self._close_left(held)

    def _open(self, directory: Path, now_ms: int | None) -> None:
        key = (directory, now_ms is not None)
        made: Held | Absent
        try:
            made = self._made(directory, None if now_ms is None else StandingClock(now_ms))
        except (GovernanceError, OSError) as error:
            made = Absent(f"{type(error).__name__}: {error}"[:500], time.monotonic())
        except BaseException as error:
            with self._lock:
                self._opening.discard(key)
                self._absent[key] = Absent(type(error).__name__, time.monotonic())
            raise
        crowded: list[tuple[Key, Held]] = []
        with self._lock:
            self._opening.discard(key)
            if isinstance(made, Absent):
                self._absent[key] = made
                return
            self._held[key] = made
            crowded = list(self._held.items())[: max(0, len(self._held) - PROJECTS_MAX)]
        for old, held in crowded:
            self._drop(old, held)
            self._close_left(held)

    def _made(self, directory: Path, clock: StandingClock | None) -> Held | Absent:
        day = _day_of(clock)
        config, in_force = _law_text(directory)
        keys = _key_marks(config)
        if not config.service.enabled:
            return Absent("switched off", time.monotonic())
        url = config.journal.url
        if url == "memory:":
            return Absent("its journal is of one process alone", time.monotonic())
        store = store_path(url, config.directory) if url.startswith("sqlite:") else None
        before = _store_mark(store)
        engine = Engine.open(directory, clock=clock, run="", tools=self.tools)
        # Its first reading makes the files beside the store, if they were not there.
        engine._journal.head(PROJECT_SESSION)
        mark = _store_mark(store)
        if mark[1:2] != before[1:2]:
            engine.close()
            return Absent("its store was changed meanwhile", time.monotonic())
        # Changes are looked for here, before each call, and by hooks alone nothing gets idle.
        engine.options = evolve(engine.options, bulletin=None, idle_ms_max=NEVER_MS)
        return Held(
            engine, config, in_force, store, mark, day, time.monotonic(), clock, key_marks=keys
        )

    def _drop(self, key: Key, held: Held, *, lost: bool = False) -> None:
        with self._lock:
            held.leaving = not lost
            if lost:
                self.lost.append(held)
            if self._held.get(key) is held:
                del self._held[key]

    def _close_left(self, held: Held) -> None:
        with self._lock:
            if not held.leaving or held.users:
                return
            held.leaving = False
        held.engine.close()


def _law_text(directory: Path) -> tuple[Config, str]:
    mark = trust_mark(directory)
    loaded = load_config(directory)
    config = trusted_config(loaded)
    return config, made_of(config, pack_sources(config), mark)


def _key_places(config: Config) -> tuple[str, ...]:
    return (config.encryption.key, *config.encryption.previous)


def _key_marks(config: Config) -> Marks:
    """What differs once a file with a key of the journal is gone, another one, or opened to all."""
    places = (one.partition(":") for one in _key_places(config))
    files = [Path(name).expanduser() for scheme, _, name in places if scheme == "file"]
    return tuple((str(file), mark_of(file)) for file in files)


def _store_mark(store: Path | None) -> StoreMark:
    """
    What differs once the store is gone, another one, damaged in place, or closed to us.

    An open store goes on being written where its file or its log were unlinked under it,
    and what is written so is lost.
    """
    if store is None:
        return ()
    found: list[tuple[int, ...] | bytes] = []
    for file in (str(store.parent), str(store), f"{store}-wal", f"{store}-shm"):
        try:
            status = os.stat(file)  # noqa: PTH116 -- before each call
        except OSError:
            found.append(())
        else:
            found.append((status.st_ino, status.st_mode, status.st_uid))
    try:
        handle = os.open(store, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return (*found, b"")
    try:
        header = os.pread(handle, MAGIC_BYTES, 0)
    finally:
        os.close(handle)
    return (*found, header)


def _day_of(clock: StandingClock | None) -> datetime.date:
    seconds = time.time() if clock is None else clock.at_ms / 1000
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()


def _is_replayed(directory: Path) -> bool:
    """Whether a person says, outside of the project, that it is replayed."""
    return Project(directory).replay_mark().is_file()
