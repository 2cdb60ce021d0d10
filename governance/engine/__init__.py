"""
The engine: open it on a project, start sessions, ask before tools run.

>>> from governance import Engine
"""

from governance.engine.engine import Engine
from governance.engine.options import EngineOptions
from governance.engine.session import Session

__all__ = ["Engine", "EngineOptions", "Session"]
