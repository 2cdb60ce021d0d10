"""The fixtures of the proofs; this folder is run by a Python that has Mellea."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hosts.mellea.lab import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An engine, a scripted model, and Mellea."""
    # Whoever looks for tests below `tests` reads this file, with Mellea or without.
    from tests.hosts.mellea.lab import made

    yield from made()
