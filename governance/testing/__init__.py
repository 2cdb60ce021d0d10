"""
What tests of a program that embeds the engine need: fakes, strategies, contract suites.

`ManualClock`, `FailingJournal` and `RecordingListener` are fakes that keep the contract of
what they stand for. `governance.testing.strategies` holds Hypothesis strategies and
`governance.testing.journal_contract` and `governance.testing.host_contract` the suites that any
journal and any adapter must pass; they import what only tests have installed, so they are
imported by their own names.
`governance.testing.pytest_plugin` lets pytest run the examples and scenarios of packs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.testing.fakes import FailingJournal, ManualClock, RecordingListener

__all__ = ["FailingJournal", "ManualClock", "RecordingListener"]


def __getattr__(name: str) -> object:
    # pytest loads the plugin of this room in every project: it must not load the engine.
    if name in __all__:
        from governance.testing import fakes

        return getattr(fakes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
