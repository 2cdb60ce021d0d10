"""What a run of cases came to: what was counted, and what should not have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from time import process_time

from attrs import Factory, define, frozen

SECONDS_MAX = 2.0
"""Processor time of one case, in seconds; a case that takes longer is a finding."""


@frozen
class Finding:
    """One case that broke what must hold; *number* and the seed of the run make it again."""

    number: int
    law: str
    text: str


@define(eq=False)
class Outcome:
    """
    Counts over the cases of a run.

    Attributes:
        counts: What the cases were, by name.

        findings: What broke a law; `kept_max` of each law are kept, all are counted.

        differences: Where the engine and bash disagree on what is a script at all.
    """

    kept_max: int = 20
    counts: Counter[str] = Factory(Counter)
    broken: Counter[str] = Factory(Counter)
    findings: list[Finding] = Factory(list)
    differences: list[Finding] = Factory(list)
    slowest_seconds: float = 0.0

    def found(self, number: int, law: str, text: str) -> None:
        """The case *number* broke *law*."""
        self.broken[law] += 1
        if self.broken[law] <= self.kept_max:
            self.findings.append(Finding(number, law, text))

    def differs(self, number: int, how: str, text: str) -> None:
        """Of the case *number* the engine does not say what bash says."""
        self.counts[f"otherwise than bash: {how}"] += 1
        if len(self.differences) < self.kept_max:
            self.differences.append(Finding(number, how, text))

    def lines(self) -> Iterator[str]:
        """The figures, for people."""
        for name, count in sorted(self.counts.items()):
            yield f"{name}: {count:,}"
        yield f"slowest case: {self.slowest_seconds:.3f} s of processor time"
        for name, count in sorted(self.broken.items()):
            yield f"BROKEN {name}: {count:,}"


def tried(
    outcome: Outcome,
    number: int,
    text: str,
    case: Callable[[], object],
    clock: Callable[[], float] = process_time,
) -> None:
    """Runs *case*; an exception that comes out of it, or too long a time, is a finding."""
    begun = clock()
    try:
        case()
    except Exception as error:  # noqa: BLE001 - whatever comes out is the finding
        outcome.found(number, f"never a crash ({type(error).__name__}: {error})"[:160], text)
    took = clock() - begun
    outcome.slowest_seconds = max(outcome.slowest_seconds, took)
    if took > SECONDS_MAX:
        outcome.found(number, f"no case takes more than {SECONDS_MAX} s", text)
