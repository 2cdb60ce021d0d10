"""
Changed rules in a running engine: noticed, checked whole, and put in force whole or not at all.

Before a command is decided, at most once in an interval, the files that the law was made of
are looked at: their names, sizes and times, and their texts where those differ. Texts that
differ are loaded as `Engine.open` loads them. What passes is in force from the next command
on; of what does not pass nothing is, and the old law stays. Either way every session that
works on is told so in its journal.

So with the grants of ``[access]`` and with ``[audit]``. The journal, the listeners and the
bounds of what is kept in memory are those of the start.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import evolve, field

from governance._attrs import define
from governance.engine.lawmaking import settings_of, trusted_config
from governance.engine.news import News
from governance.engine.project_rules import SHIPPED, load_project_rules, pack_sources
from governance.errors import DefinitionError
from governance.journal.redaction import redaction_of
from governance.project import Project, machine_config, user_config
from governance.rules.paths import places_of
from governance.rules.sources import PackSource
from governance.rules.trust import pack_hash
from governance.session.law import Law

if TYPE_CHECKING:
    from governance.config import Config
    from governance.rules.vocabulary import HostTools

SETTLED_NS = 2_000_000_000
"""A file changed more lately than this could change again without its times showing it."""

Marks: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]


@define(eq=False)
class Watch:
    """
    Looks for changes of one project's rules; thread-safe, and never waits for another thread.

    Attributes:
        directory: The project's folder.

        interval_ms: How long it does not look again after it has looked.

        config: As it was read last.

        in_force: What the law in force was made of.

        told: What is called with a configuration that comes into force.
    """

    directory: Path
    tools: Sequence[HostTools]
    interval_ms: int
    config: Config
    in_force: str
    _looked_ms: int
    told: Callable[[Config], None] | None = None
    _seen: str = field(init=False)
    _number: int = field(default=0, init=False)
    _marks: Marks | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self._seen = self.in_force

    def look(self, law: Law, now_ms: int) -> News | None:
        """
        What is new since the last look; ``None``: nothing, or it is not time to look.

        Args:
            law: What is in force.
        """
        # A clock that went back must not keep it from looking for as long.
        if 0 <= now_ms - self._looked_ms < self.interval_ms:
            return None
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._looked_ms = now_ms
            return self._changed(law, now_ms)
        finally:
            self._lock.release()

    def _changed(self, law: Law, now_ms: int) -> News | None:
        # Taken before the texts are read: what changes meanwhile is seen the next time.
        marks = tuple(marks_of(self.directory, self.config))
        if marks == self._marks:
            return None
        self._marks = marks if is_settled(marks) else None
        from governance.config import load_config

        seen = ""
        try:
            mark = trust_mark(self.directory)
            self.config = config = trusted_config(load_config(self.directory))
            sources = pack_sources(config)
            seen = made_of(config, sources, mark)
            if seen == self._seen:
                return None
            if seen != self.in_force:
                law = self._loaded(config, sources, law, now_ms)
                if self.told is not None:
                    self.told(config)
        except DefinitionError as error:
            return self._refused(law, seen, tuple(str(one) for one in error.diagnostics))
        except Exception as error:  # noqa: BLE001 -- whatever fails here, the old law holds
            return self._refused(law, seen, (f"{type(error).__name__}: {error}",))
        self._seen = self.in_force = seen
        return self._news("rules.changed", law)

    def _refused(self, law: Law, seen: str, problems: tuple[str, ...]) -> News | None:
        seen = seen or "\n".join(problems)
        if seen == self._seen:
            return None
        self._seen = seen
        return self._news("rules.refused", law, problems)

    def _loaded(self, config: Config, sources: Sequence[PackSource], law: Law, now_ms: int) -> Law:
        return evolve(
            law,
            rules=load_project_rules(
                config, self.tools, now_ms=now_ms, sources=sources, examples=False
            ),
            settings=settings_of(config),
            places=places_of(str(config.directory)),
            redact=redaction_of(config),
        )

    def _news(
        self,
        kind: Literal["rules.changed", "rules.refused"],
        law: Law,
        problems: tuple[str, ...] = (),
    ) -> News:
        self._number += 1
        return News(self._number, kind, law, problems)


def trust_mark(directory: Path) -> str:
    """A text that differs once a person has trusted more or less of the project."""
    return repr(mark_of(Project(directory).trust_file()))


def made_of(config: Config, sources: Sequence[PackSource], trust: str) -> str:
    """A text that differs wherever the law of *config* could: every file, by its hash."""
    # Not by names of files, which are relative where the project was opened so.
    parts = [f"{one.name} {pack_hash(one.document.text)}" for one in config.layers]
    parts.append(f"own {pack_hash(config.document.text)}")
    parts.append(f"trusted {trust}")
    parts += [f"{one.layer} {one.file} {one.hash}" for one in sources]
    return "\n".join(parts)


def marks_of(directory: Path, config: Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name, size and times of everything that the rules of *config* are read from."""
    project = Project(directory)
    files = [project.config_file, machine_config(), user_config(), project.trust_file()]
    for layer in config.layers:
        own = [one for one in layer.packs.paths if one.partition(":")[0] != SHIPPED]
        files += [layer.directory / one for one in own]
    for file in files:
        status = _status_of(file)
        yield str(file), _mark(status)
        if status is not None and stat.S_ISDIR(status.st_mode):
            yield from ((str(one), mark_of(one)) for one in sorted(file.glob("*.toml")))


def mark_of(file: str | Path) -> tuple[int, ...]:
    """What differs once *file* is another one or was written; ``()`` where there is none."""
    return _mark(_status_of(file))


def _status_of(file: str | Path) -> os.stat_result | None:
    try:
        return os.stat(file)  # noqa: PTH116 -- before each call
    except OSError:
        return None


def _mark(status: os.stat_result | None) -> tuple[int, ...]:
    if status is None:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_settled(marks: Marks) -> bool:
    """Whether none of the *marks* is so young that a further change could look the same."""
    newest = max((one[-1] for _, one in marks if one), default=0)
    return time.time_ns() - newest > SETTLED_NS
