"""One thing that a look at the health of a store looked at, and what the next look is told."""

from __future__ import annotations

from contextlib import suppress

from governance._attrs import frozen
from governance.errors import Diagnostic
from governance.journal.faults import StoreReadOnly
from governance.journal.records import Journal

SHELF = "health"


@frozen
class HealthCheck:
    """
    One thing that was looked at.

    Attributes:
        saw: What was seen, in a few words.

        findings: What is wrong, each with how to mend it.

        seconds: How long the look took; of ``load`` and ``write`` what loading and saving take.
    """

    name: str
    saw: str
    findings: tuple[Diagnostic, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.findings


def remember(journal: Journal, name: str, value: bytes) -> None:
    """Say to the next look how far this one came; where nothing can be written it begins anew."""
    with suppress(StoreReadOnly):
        journal.shelf.put(SHELF, name, value)
