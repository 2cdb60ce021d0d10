"""Listeners that a configuration names: programs, and entry points of installed packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from governance._attrs import frozen
from governance._toml import Document
from governance.errors import DefinitionError, Diagnostic, MisuseError, did_you_mean
from governance.listeners.registry import Listeners

if TYPE_CHECKING:
    from governance.listeners.listener import Function, Listener, Mode, OnError

GROUP = "governance.listeners"

_ANSWERS = {"sequential": ("refuse",), "concurrent": ("refuse",), "transform": ("write",)}


class Command(Protocol):
    """What is needed of one ``[[listener]]`` table."""

    @property
    def name(self) -> str: ...
    @property
    def events(self) -> tuple[str, ...]: ...
    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def priority(self) -> int: ...
    @property
    def time_limit_ms(self) -> int: ...
    @property
    def on_error(self) -> OnError: ...


class Bounds(Protocol):
    """What is needed of the table ``[listeners]``."""

    @property
    def entry_points(self) -> tuple[str, ...]: ...
    @property
    def threads_max(self) -> int: ...
    @property
    def queue_max(self) -> int: ...
    @property
    def drain_ms(self) -> int: ...


class Notify(Protocol):
    """What is needed of the table ``[notify]``."""

    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def on(self) -> tuple[str, ...]: ...
    @property
    def seconds_max(self) -> int: ...
    @property
    def hourly_max(self) -> int: ...


class Settings(Protocol):
    """What is needed of a configuration; it is a room above this one."""

    @property
    def directory(self) -> Path: ...
    @property
    def document(self) -> Document: ...
    @property
    def listeners(self) -> Bounds: ...
    @property
    def notify(self) -> Notify: ...
    @property
    def listener_commands(self) -> tuple[Command, ...]: ...


@frozen
class Registrar:
    """
    What an entry point is given to register its listeners with.

    Attributes:
        entry_point: Its name; stands before the names of the listeners it registers.
    """

    listeners: Listeners
    entry_point: str

    def register(
        self,
        events: str | Sequence[str],
        function: Function,
        *,
        mode: Mode = "audit",
        priority: int = 50,
        time_limit_ms: int = 2_000,
        on_error: OnError = "fail",
        name: str = "",
    ) -> Listener:
        """As `Listeners.register`; the listener is called ``entry-point:name``."""
        own = name or getattr(function, "__name__", type(function).__name__)
        return self.listeners.register(
            events,
            function,
            mode=mode,
            priority=priority,
            time_limit_ms=time_limit_ms,
            on_error=on_error,
            name=f"{self.entry_point}:{own}",
            source="entry point",
        )


def listeners_of(config: Settings) -> Listeners:
    """
    A registry with the bounds of *config* and every listener that it names.

    Raises:
        DefinitionError: As `register_entry_points`.
    """
    bounds = config.listeners
    made = Listeners(
        threads_max=bounds.threads_max, queue_max=bounds.queue_max, drain_ms=bounds.drain_ms
    )
    register_entry_points(made, bounds.entry_points, config.document.file)
    register_commands(made, config.listener_commands, config.directory)
    register_notify(made, config.notify, config.directory)
    return made


def register_notify(listeners: Listeners, notify: Notify, directory: Path) -> None:
    """Register the program of ``[notify]``, if there is one; it runs in *directory*."""
    if not notify.command or not notify.on:
        return
    from governance.listeners.notifying import EVENTS, NAME, TIME_LIMIT_MS, Notifier
    from governance.project import Project

    project = Project(directory)
    notifier = Notifier(
        argv=notify.command,
        directory=directory,
        log=project.log_file,
        record=project.state_directory() / NAME,
        seconds_max=notify.seconds_max,
        hourly_max=notify.hourly_max,
    )
    listeners.register(
        [event for word in notify.on for event in EVENTS[word]],
        notifier,
        mode="background",
        time_limit_ms=TIME_LIMIT_MS,
        on_error="ignore",
        name=NAME,
        source="command",
    )


def register_commands(listeners: Listeners, commands: Iterable[Command], directory: Path) -> None:
    """
    Register a program for each of *commands*; they run in *directory*.

    Raises:
        MisuseError: GOV440, as `Listeners.register`.
    """
    for one in commands:
        from governance.listeners.commands import CommandListener

        function = CommandListener(
            argv=one.command,
            answers=_ANSWERS.get(one.mode, ()),
            directory=directory,
            limit_seconds=one.time_limit_ms / 1000,
        )
        listeners.register(
            one.events,
            function,
            mode=one.mode,
            priority=one.priority,
            time_limit_ms=one.time_limit_ms,
            on_error=one.on_error,
            name=one.name,
            source="command",
        )


def register_entry_points(listeners: Listeners, names: Iterable[str], file: str = "") -> None:
    """
    Load the entry points *names* of the group ``governance.listeners``.

    Each is a function that is given a `Registrar` and registers what it likes. Only those
    that a configuration names are loaded: an installed package becomes no part of the guard
    by itself, and nothing is searched for where none is named.

    Raises:
        DefinitionError: GOV341 for each name that is not installed, GOV342 for each that
            cannot be loaded or registers what cannot be; *file* is named in both.
    """
    wanted = tuple(names)
    if not wanted:
        return
    from importlib.metadata import entry_points

    from governance.listeners.checking import said

    installed = {one.name: one for one in entry_points(group=GROUP)}
    problems: list[Diagnostic] = []
    for name in wanted:
        if name not in installed:
            hint = did_you_mean(name, installed)
            message = f"no listener `{name}` is installed"
            problems.append(Diagnostic("GOV341", message, file, suggestion=hint))
            continue
        try:
            installed[name].load()(Registrar(listeners, name))
        except MisuseError as error:
            message = f"the listener `{name}`: {error.message}"
            problems.append(Diagnostic("GOV342", message, file, suggestion=error.remedy))
        except Exception as error:  # noqa: BLE001
            # What another package raises when it is loaded is told, like any wrong setting.
            message = f"the listener `{name}` cannot be loaded: {said(error)}"
            problems.append(Diagnostic("GOV342", message, file))
    if problems:
        raise DefinitionError(tuple(problems))
