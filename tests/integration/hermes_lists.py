"""What Hermes gives a plugin to register itself with, without Hermes."""

from __future__ import annotations

from typing import Any


class Lists:
    """Hermes' lists of callbacks, as a plugin is given them."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[Any]] = {}
        self._middleware: dict[str, list[Any]] = {}
        self._manager = self

    def register_hook(self, name: str, callback: Any) -> None:
        self._hooks.setdefault(name, []).append(callback)

    def register_middleware(self, kind: str, callback: Any) -> None:
        self._middleware.setdefault(kind, []).append(callback)
