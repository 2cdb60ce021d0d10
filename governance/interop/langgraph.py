"""
A checkpointer of LangGraph over a journal.

`JournalSaver` is a ``BaseCheckpointSaver``: each of its writes is one row, whole or not there,
behind the row that its writer knew of. A child of a checkpoint that got another child since it
was read is an error and no second branch. Values are LangGraph's own MessagePack with nothing
but types that are known to be safe; nothing is pickled, and nothing that was is read.
"""

from __future__ import annotations

import base64
import random
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from governance._attrs import frozen
from governance.clock import Clock, SystemClock
from governance.errors import MisuseError, StoreDamaged
from governance.interop.kept import (
    TRIES_MAX,
    Follower,
    MovedOn,
    Place,
    current_session,
    name_of,
    settled,
)
from governance.interop.threads import (
    CHECKPOINT_KIND,
    WRITES_KIND,
    Saved,
    Thread,
    Version,
    body_of,
)
from governance.journal.faults import SessionRemoved
from governance.journal.records import Journal, Row
from governance.values import Json, ValueRefused, dump_json

FAMILY = "langgraph"
THREADS_MAX = 64
"""Threads whose index is kept in memory."""

READS_MAX = 10_000
"""Checkpoints of which it is remembered how far their thread was when they were read."""

PAGE_NAMES = 1_000
EMPTY = "empty"
_SAFE = ("null", "bytes", "bytearray", "msgpack")
_NOTHING = ""

Config: TypeAlias = Mapping[str, Any]
"""LangGraph's ``RunnableConfig``."""

T = TypeVar("T")


class ValueUnsafe(ValueRefused):
    """A value that could be kept only in a form that runs code when it is read."""

    code = "GOV782"


@frozen
class Framework:
    """What is used of LangGraph."""

    base: type[Any]
    safe_serde: Callable[[], Any]
    tuple_of: Callable[..., Any]
    metadata_of: Callable[..., Mapping[str, Any]]
    index_of: Mapping[str, int]
    order_of: Callable[..., Any]


@cache
def framework() -> Framework:
    """
    LangGraph's part for checkpointers, imported.

    Raises:
        MisuseError: GOV780: it is not installed, or too old.
    """
    try:
        base = import_module("langgraph.checkpoint.base")
        serde = import_module("langgraph.checkpoint.serde.jsonplus").JsonPlusSerializer
        return Framework(
            base=base.BaseCheckpointSaver,
            safe_serde=lambda: serde(pickle_fallback=False, allowed_msgpack_modules=None),
            tuple_of=base.CheckpointTuple,
            metadata_of=base.get_checkpoint_metadata,
            index_of=base.WRITES_IDX_MAP,
            order_of=base.writes_sort_key,
        )
    except (ImportError, AttributeError) as error:
        raise MisuseError(
            f"there is no LangGraph here that can be served: {error}",
            code="GOV780",
            remedy="pip install 'langgraph-checkpoint>=4.3,<5'",
        ) from error


class Saving:
    """All that `JournalSaver` does; its other half is LangGraph's base class."""

    serde: Any

    def __init__(
        self, journal: Journal, *, serde: object = None, clock: Clock | None = None
    ) -> None:
        """
        Args:
            serde: LangGraph's serializer; by default its own with safe types alone. What
                it writes must be null, bytes or MessagePack, encrypted or not.

        Raises:
            MisuseError: GOV780: there is no LangGraph.
        """
        used = framework()
        super().__init__(serde=serde or used.safe_serde())  # type: ignore[call-arg]
        self._journal = journal
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._threads: OrderedDict[str, Thread] = OrderedDict()
        self._read: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def get_tuple(self, config: Config) -> Any:
        """
        The checkpoint that *config* names, or the newest of its thread and namespace.

        Raises:
            StoreDamaged: A row is not what the chain says.
            ValueUnsafe: A value that is not read, for it could run code.
        """
        name, namespace, wanted = _named(config)
        with self._lock:
            return self._steadily(name, lambda thread: self._get(thread, name, namespace, wanted))

    def _get(self, thread: Thread, name: str, namespace: str, wanted: str) -> Any:
        found = wanted or thread.latest(namespace)
        self._read[name, namespace, found] = thread.follower.seq
        self._read.move_to_end((name, namespace, found))
        while len(self._read) > READS_MAX:
            self._read.popitem(last=False)
        if (namespace, found) not in thread.saved:
            return None
        return self._tuple(thread, name, namespace, found)

    def list(
        self,
        config: Config | None,
        *,
        filter: Mapping[str, Any] | None = None,
        before: Config | None = None,
        limit: int | None = None,
    ) -> Iterator[Any]:
        """
        Checkpoints, of each thread the newest first.

        Args:
            filter: What their metadata must hold, value for value.

            before: Only those older than the checkpoint that this names.
        """
        left = limit
        bound = _part(before, "checkpoint_id") if before else _NOTHING
        for name in [_named(config)[0]] if config else self._names():
            for namespace, one in self._places(name, config, bound):
                if left is not None and left <= 0:
                    return
                found = self._one(name, namespace, one)
                if found is None or not _holds(found.metadata, filter):
                    continue
                left = None if left is None else left - 1
                yield found

    def _places(self, name: str, config: Config | None, bound: str) -> Sequence[tuple[str, str]]:
        inside = config["configurable"].get("checkpoint_ns") if config else None
        wanted = _part(config, "checkpoint_id") if config else _NOTHING
        with self._lock:
            whole = self._steadily(name, lambda thread: tuple(thread.saved))
        found = [
            (namespace, one)
            for namespace, one in whole
            if inside in (None, namespace) and wanted in ("", one) and (not bound or one < bound)
        ]
        return sorted(found, key=lambda place: place[1], reverse=True)

    def _one(self, name: str, namespace: str, one: str) -> Any:
        def work(thread: Thread) -> Any:
            there = (namespace, one) in thread.saved
            return self._tuple(thread, name, namespace, one) if there else None

        with self._lock:
            return self._steadily(name, work)

    def put(
        self, config: Config, checkpoint: Any, metadata: Any, new_versions: Mapping[str, Version]
    ) -> Any:
        """
        Keep *checkpoint* as the child of the one that *config* names; one row.

        Raises:
            MovedOn: GOV781: that one got another child since it was read here, or was
                never read here and has one.
            ValueUnsafe: A value that LangGraph could only pickle.
        """
        name, namespace, parent = _named(config)
        rest = dict(checkpoint)
        values = rest.pop("channel_values")
        versions = rest.pop("channel_versions")
        told = framework().metadata_of(config, metadata)
        body: dict[str, Json] = {
            "ns": namespace,
            "id": checkpoint["id"],
            "parent": parent,
            "versions": dict(versions),
            "checkpoint": self._dumped(rest),
            "metadata": self._dumped(dict(told)),
            "values": [
                [one, version, *(self._dumped(values[one]) if one in values else (EMPTY, ""))]
                for one, version in new_versions.items()
            ],
        }

        def check(thread: Thread) -> None:
            newest = thread.children.get((namespace, parent))
            if newest is None or newest[0] == checkpoint["id"]:
                return
            # Who names no parent and has read nothing expects nothing.
            known = self._read.get((name, namespace, parent), None if not parent else 0)
            if known is not None and newest[1] > known:
                raise MovedOn(
                    f"the thread `{name}` went on with checkpoint `{newest[0]}`",
                    remedy="read its state again and decide anew",
                )

        self._write(name, CHECKPOINT_KIND, body, check)
        return _config(name, namespace, checkpoint["id"])

    def put_writes(
        self,
        config: Config,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote after the checkpoint that *config* names: all of it, or none."""
        name, namespace, after = _named(config)
        if not after:
            raise MisuseError("writes belong to a checkpoint, and the config names none")
        indices = framework().index_of
        body: dict[str, Json] = {
            "ns": namespace,
            "id": after,
            "task": task_id,
            "path": task_path,
            "writes": [
                [indices.get(channel, index), channel, *self._dumped(value)]
                for index, (channel, value) in enumerate(writes)
            ],
        }
        if writes:
            self._write(name, WRITES_KIND, body, lambda _: None)

    def delete_thread(self, thread_id: str) -> None:
        """
        Let all rows of the thread go; the journal keeps a tombstone with its last hash.

        Raises:
            MovedOn: Others kept on writing to it, or a branch needs its rows.
        """
        with self._lock:
            for _ in range(TRIES_MAX):
                if self._steadily(thread_id, lambda thread: thread.follower.remove()):
                    self._threads.pop(thread_id, None)
                    for key in [one for one in self._read if one[0] == thread_id]:
                        del self._read[key]
                    return
        raise MovedOn(
            f"the thread `{thread_id}` could not be let go: others write to it or need it"
        )

    def get_next_version(self, current: Version | None, channel: None) -> str:  # noqa: ARG002
        """The version after *current*; no two branches of a thread make the same."""
        number = 0 if current is None else int(str(current).partition(".")[0])
        # Tells branches apart and guards nothing.
        return f"{number + 1:032}.{random.getrandbits(64):020}"

    async def aget_tuple(self, config: Config) -> Any:
        """As `get_tuple`, without keeping the event loop."""
        return await settled(lambda: self.get_tuple(config))

    async def alist(
        self,
        config: Config | None,
        *,
        filter: Mapping[str, Any] | None = None,
        before: Config | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Any]:
        """As `list`, without keeping the event loop."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (one := await settled(lambda: next(found, None))) is not None:
            yield one

    async def aput(
        self, config: Config, checkpoint: Any, metadata: Any, new_versions: Mapping[str, Version]
    ) -> Any:
        """As `put`, without keeping the event loop."""
        return await settled(lambda: self.put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self,
        config: Config,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """As `put_writes`, without keeping the event loop."""
        await settled(lambda: self.put_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`, without keeping the event loop."""
        await settled(lambda: self.delete_thread(thread_id))

    def _names(self) -> Iterator[str]:
        after = start = f"@{FAMILY}/"
        while page := self._journal.sessions(after=after, limit=PAGE_NAMES):
            for head in page:
                if not head.session.startswith(start):
                    return
                name = name_of(FAMILY, head.session)
                if name is not None:
                    yield name
            after = page[-1].session

    def _thread(self, name: str) -> Thread:
        """The thread as it is now, under the lock."""
        thread = self._threads.get(name)
        if thread is None or not self._journal.head(thread.follower.session).seq:
            session = current_session(self._journal, FAMILY, name)
            thread = self._threads[name] = Thread(Follower(self._journal, session))
        self._threads.move_to_end(name)
        while len(self._threads) > THREADS_MAX:
            self._threads.popitem(last=False)
        thread.refresh()
        return thread

    def _steadily(self, name: str, work: Callable[[Thread], T]) -> T:
        """*work* on the thread; once more where it was removed just then."""
        try:
            return work(self._thread(name))
        except MovedOn:
            self._threads.pop(name, None)
            return work(self._thread(name))

    def _write(
        self, name: str, kind: str, body: Mapping[str, Json], check: Callable[[Thread], None]
    ) -> None:
        row = Row(kind, self._clock.now_ms(), dump_json(body))
        with self._lock:
            for _ in range(TRIES_MAX):
                thread = self._steadily(name, lambda found: found)
                check(thread)
                try:
                    if thread.follower.append(row):
                        return
                except SessionRemoved:
                    self._threads.pop(name, None)
        raise MovedOn(f"others wrote to the thread `{name}` faster, {TRIES_MAX} times")

    def _tuple(self, thread: Thread, name: str, namespace: str, one: str) -> Any:
        used = framework()
        saved = thread.saved[namespace, one]
        bodies: dict[int, Mapping[str, Any]] = {}

        def body(place: Place) -> Mapping[str, Any]:
            if place.seq not in bodies:
                bodies[place.seq] = body_of(thread.follower.again(place))
            return bodies[place.seq]

        own = body(saved.place)
        pending = thread.writes.get((namespace, one), {})
        ordered = sorted(pending.items(), key=lambda item: used.order_of(item[1].path, *item[0]))
        writes = []
        for (task, _), write in ordered:
            _, channel, form, data = body(write.place)["writes"][write.item]
            writes.append((task, channel, self._loaded(form, data)))
        checkpoint = {
            **self._loaded(*own["checkpoint"]),
            "channel_versions": dict(own["versions"]),
            "channel_values": self._values(saved, body),
        }
        return used.tuple_of(
            _config(name, namespace, one),
            checkpoint,
            self._loaded(*own["metadata"]),
            _config(name, namespace, saved.parent) if saved.parent else None,
            writes,
        )

    def _values(self, saved: Saved, body: Callable[[Place], Mapping[str, Any]]) -> dict[str, Any]:
        found = {}
        versions = body(saved.place)["versions"]
        for channel, place in saved.values.items():
            for one, version, form, data in body(place)["values"]:
                if (one, version) == (channel, versions[channel]) and form != EMPTY:
                    found[channel] = self._loaded(form, data)
        return found

    def _dumped(self, value: object) -> tuple[str, str]:
        try:
            form, data = self.serde.dumps_typed(value)
        except Exception as error:
            raise ValueUnsafe(f"a value that LangGraph cannot write: {error}") from error
        _refuse_unsafe(form)
        return form, base64.b64encode(data).decode("ascii")

    def _loaded(self, form: str, data: str) -> Any:
        _refuse_unsafe(form)
        try:
            whole = base64.b64decode(data, validate=True)
        except ValueError as error:
            raise StoreDamaged("a value of a checkpoint that is no base64") from error
        return self.serde.loads_typed((form, whole))


def _refuse_unsafe(form: str) -> None:
    """An encrypted form is what was encrypted, a plus, and how."""
    if form.partition("+")[0] not in _SAFE:
        raise ValueUnsafe(f"a value in the form `{form}`; safe are {', '.join(_SAFE)}")


def _part(config: Config, name: str) -> str:
    return str(config["configurable"].get(name) or "")


def _named(config: Config) -> tuple[str, str, str]:
    """Thread, namespace and checkpoint, the last two ``""`` where none is named."""
    thread = str(config["configurable"]["thread_id"])
    return thread, _part(config, "checkpoint_ns"), _part(config, "checkpoint_id")


def _config(name: str, namespace: str, one: str) -> dict[str, Any]:
    parts = {"thread_id": name, "checkpoint_ns": namespace, "checkpoint_id": one}
    return {"configurable": parts}


def _holds(metadata: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    return all(metadata.get(key) == value for key, value in (wanted or {}).items())


if TYPE_CHECKING:
    from langgraph.checkpoint.base import (  # pyright: ignore[reportMissingImports]
        BaseCheckpointSaver,
    )

    class JournalSaver(Saving, BaseCheckpointSaver):  # type: ignore[misc]
        """What `Saving` says, as a checkpointer that LangGraph takes."""


@cache
def _saver() -> type[Any]:
    doc = "A checkpointer of LangGraph over a journal."
    return type(
        "JournalSaver", (Saving, framework().base), {"__doc__": doc, "__module__": __name__}
    )


def __getattr__(name: str) -> object:
    # Its base class is LangGraph's, which is imported when somebody asks for it.
    if name == "JournalSaver":
        return _saver()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
