"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # `typing` alone would cost more than all else that is imported here
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """
    The ``__getattr__`` of *package*, so that a process pays for what it touches.

    Args:
        homes: Name → the module that has it, such as ``".options"`` below *package*.
    """

    def found(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module `{package}` has no attribute `{name}`")
        value: object = getattr(_imported(home, package), name)
        setattr(sys.modules[package], name, value)
        return value

    return found


def _imported(home: str, package: str) -> object:
    """The module, without looking for garbage meanwhile: all that an import makes stays."""
    import gc
    from importlib import import_module

    looked = gc.isenabled()
    gc.disable()
    try:
        return import_module(home, package)
    finally:
        if looked:
            gc.enable()
