"""
The engine: open it on a project, start sessions, ask before tools run.

>>> from governance import Engine

Names are imported when they are first used: who only reads a store does not pay for the engine.
"""

from __future__ import annotations

from governance._lazy import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.options import EngineOptions
    from governance.engine.session import Session

__all__ = ["Engine", "EngineOptions", "Session"]

_HOMES = {
    "Engine": ".engine",
    "EngineOptions": ".options",
    "Session": ".session",
}

__getattr__ = lazily(__name__, _HOMES)
