"""
Hypothesis profiles: `ci` (the default, always the same examples), `brief`, `dev`, `nightly`.

And no hook of a test starts a service by itself: the tests of the service say so outright.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.postgres_server import Server

# A slow machine is no broken promise: no test here asserts a time, so no deadline either.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("ci", derandomize=True, **_COMMON)
settings.register_profile("brief", derandomize=True, max_examples=10, **_COMMON)
settings.register_profile("dev", max_examples=50, **_COMMON)
settings.register_profile("nightly", max_examples=2_000, print_blob=True, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

os.environ.setdefault("GOVERNANCE_SERVICE", "off")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One PostgreSQL server for all tests of a process, begun by the first that asks."""
    from tests.postgres_server import running_server

    with running_server() as running:
        yield running
