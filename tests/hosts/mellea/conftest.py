"""The fixtures of the proofs; this folder is run by a Python that has Mellea."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.mellea import lab as labs
from tests.hosts.mellea.lab import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An engine, a scripted model, and Mellea."""
    yield from labs.made()
