"""Runs random cases and prints what they came to; 1 when a law was broken."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from tests.quality.fuzz import long_cases, pack_cases, shell_cases
from tests.quality.fuzz.findings import Finding, Outcome

CASES_MAX = 10_000_000
KINDS = {"shell": shell_cases.run, "long": long_cases.run, "packs": pack_cases.run}
PIECE = 2_000
"""So many cases are run between two words about how far a run has come."""


def main(words: Sequence[str]) -> int:
    """Run the cases that *words* ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.fuzz", description=__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    given = parser.parse_args(words)
    last = given.first + min(given.cases, CASES_MAX)
    run = KINDS[given.kind]
    outcome = Outcome()
    for begin in range(given.first, last, PIECE):
        told = len(outcome.findings)
        run(given.seed, range(begin, min(begin + PIECE, last)), outcome)
        print(f"up to {min(begin + PIECE, last):,}: {dict(outcome.broken)}", file=sys.stderr)
        for one in outcome.findings[told:]:
            print(_line(one), file=sys.stderr)
    print(f"{given.kind}, seed {given.seed}, cases {given.first:,} to {last:,}")
    print("\n".join(outcome.lines()))
    for one in (*outcome.findings, *outcome.differences):
        print(_line(one))
    return 1 if outcome.broken else 0


def _line(one: Finding) -> str:
    return json.dumps({"number": one.number, "law": one.law, "text": one.text})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
