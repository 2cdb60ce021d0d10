"""
What tests of a program that embeds the engine need: fakes, strategies, contract suites.

`ManualClock`, `FailingJournal` and `RecordingListener` are fakes that keep the contract of
what they stand for. `governance.testing.strategies` holds Hypothesis strategies and
`governance.testing.journal_contract` the suite that any journal must pass; both import what
only tests have installed, so they are imported by their own names.
"""

from __future__ import annotations

from governance.testing.fakes import FailingJournal, ManualClock, RecordingListener

__all__ = ["FailingJournal", "ManualClock", "RecordingListener"]
