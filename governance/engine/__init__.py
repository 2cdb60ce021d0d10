"""
The engine: open it on a project, start sessions, ask before tools run.

>>> from governance import Engine

Names are imported when they are first used: who only reads a store does not pay for the engine.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.options import EngineOptions
    from governance.engine.session import Session

__all__ = ["Engine", "EngineOptions", "Session"]

_HOMES = {
    "Engine": "governance.engine.engine",
    "EngineOptions": "governance.engine.options",
    "Session": "governance.engine.session",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `governance.engine` has no attribute `{name}`")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
