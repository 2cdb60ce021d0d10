"""
The plugin: what Hermes loads and calls ``register`` of.

It may be named in two ways, and registers itself once in either: as the entry point
``session-governance``, and by the folder that `governance init --host hermes` puts into Hermes'
home, which also blocks every tool where this package cannot be loaded.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.hosts.hermes.shapes import UNREADY, block

if TYPE_CHECKING:
    from governance.hosts.hermes.guard import Guard

RECORD = "governance.json"
"""File in the plugin's folder that names the project which governs."""

RECORD_BYTES_MAX = 10_000

Callback = Callable[[Mapping[str, object]], object]

_guards: dict[Path, Guard] = {}
_making = threading.Lock()


def register(ctx: Any, project: str | os.PathLike[str] | None = None) -> None:
    """
    Put our callbacks into Hermes' lists; where they are there already, nothing happens.

    Args:
        project: The project whose rules hold; by default that which ``init`` wrote down.

    Raises nothing: where the project is not known, every tool is blocked.
    """
    manager = ctx._manager
    if any(_is_ours(one) for one in manager._hooks.get("pre_tool_call", ())):
        return
    hooks: Mapping[str, Callback]
    try:
        guard = guard_of(Path(project) if project is not None else project_of())
        hooks, middleware = guard.hooks(), guard.middleware()
    except Exception as error:  # noqa: BLE001 -- a plugin that fails is one that is not there
        why = f"{UNREADY}: {error}"
        hooks = {"pre_tool_call": lambda _: block(why)}
        middleware = {"tool_execution": lambda _: json.dumps({"error": why})}
    for name, callback in hooks.items():
        ctx.register_hook(name, _Ours(callback))
    for name, callback in middleware.items():
        ctx.register_middleware(name, _Ours(callback))


def armed() -> bool:
    """Whether Hermes calls us before every tool."""
    from governance.hosts.hermes import client

    return any(_is_ours(one) for one in client.hooks().get("pre_tool_call", ()))


def project_of() -> Path:
    """
    The project that ``init`` wrote down in Hermes' home.

    Raises:
        CallRefused: None is written there.
    """
    from governance.hosts.hermes import client

    return recorded_project(client.home() / "plugins" / client.PLUGIN / RECORD)


def recorded_project(file: Path) -> Path:
    """
    The project that is written down in *file*.

    Raises:
        CallRefused: None is.
    """
    from governance.hosts.hermes.calls import CallRefused

    try:
        with file.open("rb") as stream:
            value = json.loads(stream.read(RECORD_BYTES_MAX))
        return Path(value["project"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CallRefused(
            f"`{file}` names no project: {error}", remedy="run `governance init --host hermes`"
        ) from None


def guard_of(project: Path) -> Guard:
    """The one guard of this process for *project*."""
    from governance.hosts.hermes.guard import Guard

    with _making:
        if project not in _guards:
            _guards[project] = Guard.of(project)
        return _guards[project]


class _Ours:
    """A callback of ours, told from others' by its type."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self.__name__ = getattr(callback, "__name__", "governance")

    def __call__(self, **kwargs: object) -> object:
        return self._callback(kwargs)


def _is_ours(callback: object) -> bool:
    return isinstance(callback, _Ours)
