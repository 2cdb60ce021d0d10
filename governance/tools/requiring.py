"""What a harness must have to be governed: its package, and parts that can be asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from governance.errors import MisuseError

T = TypeVar("T")


def required(title: str, requirement: str, load: Callable[[], T]) -> T:
    """
    What *load* finds of the harness *title*.

    Args:
        requirement: What has to be installed for it, as ``pip`` takes it.

    Raises:
        MisuseError: GOV764, it is not installed, or has not what governing it needs.
    """
    try:
        return load()
    except (ImportError, AttributeError) as error:
        raise MisuseError(
            f"there is no {title} here that can be governed: {error}",
            code="GOV764",
            remedy=f"pip install '{requirement}'",
        ) from error


def ungoverned(what: str, remedy: str = "") -> MisuseError:
    """The error for a part of an agent that would work without being asked about."""
    return MisuseError(f"{what} cannot be governed", code="GOV764", remedy=remedy)
