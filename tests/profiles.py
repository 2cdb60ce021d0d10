"""How many examples a law is tried with, by the profile of Hypothesis that is in force."""

from __future__ import annotations

from hypothesis import settings

_CI = 100
"""Examples of a law that says nothing, in the profile ``ci``."""


def examples(in_ci: int) -> int:
    """*in_ci* examples, and as much fewer as the profile in force is briefer than ``ci``."""
    profile = settings.default
    assert profile is not None, "conftest.py has loaded one"
    most = profile.max_examples
    return max(1, in_ci * min(most, _CI) // _CI)
