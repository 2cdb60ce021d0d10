"""
``python -m tests.bench [NAME …] [--from NAME] [--write]``: measured, bound and margin; a miss
exits 1.

``--write`` puts what is measured into the tables of `docs/reference/bench.md`, a row at a time,
so that a run which was broken off has written what it had; ``--from NAME`` goes on from there. A
full run takes some minutes. What is compared with others needs them:
``pip install -e ".[bench]"``.
"""

from __future__ import annotations

import math
import platform
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.bench.rows import BENCHES, THRESHOLDS, Bench

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bench.md"
EVERY = (*BENCHES, *THRESHOLDS)
MARKS: Mapping[str, Sequence[Bench]] = {"last run": BENCHES, "thresholds": THRESHOLDS}
"""Marks around a table of the page → the benches that stand in it."""

USAGE = "python -m tests.bench [NAME …] [--from NAME] [--write]"


@frozen
class Found:
    """What one run of a bench gave."""

    bench: Bench
    measured: float
    bound: float
    seconds: float

    @property
    def margin(self) -> float:
        """How many times better than the bound; below 1 is a miss."""
        if self.bench.least:
            return self.measured / self.bound
        # What is added to a process may be less than what chance adds.
        return self.bound / self.measured if self.measured > 0 else math.inf

    @property
    def missed(self) -> bool:
        """Whether the bound does not hold."""
        return self.margin < 1

    def cells(self) -> tuple[str, ...]:
        """This result as cells of a table, what was measured first."""
        sign = "≥" if self.bench.least else "≤"
        return (
            self.bench.name,
            self.bench.what,
            f"{_figure(self.measured)} {self.bench.unit}",
            f"{sign} {_figure(self.bound)} {self.bench.unit}",
            f"{_figure(self.margin)} ×" + (" **missed**" if self.missed else ""),
        )


def _figure(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def run(bench: Bench) -> Found:
    """Measure *bench* in a folder of its own, on the disk of temporary files."""
    with tempfile.TemporaryDirectory(prefix="governance-bench-") as folder:
        start = time.perf_counter()
        measured, bound = bench.measure(Path(folder))
        return Found(bench, measured, bound, time.perf_counter() - start)


def rows_of(text: str) -> dict[str, str]:
    """The rows of the tables in *text*, each by the name of the bench that stands first in it."""
    lines = re.findall(r"^\| [\w-]+ \|.*$", text, re.MULTILINE)
    known = {one.name for one in EVERY}
    return {name: line for line in lines if (name := line.split()[1]) in known}


def page_with(page: str, results: Iterable[Found]) -> str:
    """*page* with *results* in its tables; what was not measured stays as it stands there."""
    given = {one.bench.name: "| " + " | ".join(one.cells()) + " |" for one in results}
    for mark, benches in MARKS.items():
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        head, _, rest = page.partition(begin)
        table, _, tail = rest.partition(end)
        rows = rows_of(table) | given
        lines = ["| name | what | measured | bound | margin |", "|" + " --- |" * 5]
        lines += [rows[one.name] for one in benches if one.name in rows]
        body = "\n".join(lines)
        page = f"{head}{begin}\n{body}\n\nMeasured with {_machine()}.\n\n{end}{tail}"
    return page


def _machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.system()} on {platform.machine()}"


def chosen(words: Sequence[str]) -> tuple[tuple[Bench, ...], str]:
    """The benches that *words* ask for, or what is wrong with them."""
    rest = [word for word in words if word != "--write"]
    benches: tuple[Bench, ...] = EVERY
    known = {one.name: place for place, one in enumerate(EVERY)}
    if "--from" in rest:
        place = rest.index("--from")
        name = rest[place + 1] if place + 1 < len(rest) else ""
        if name not in known:
            return (), f"`--from` needs a name: {USAGE}"
        benches = EVERY[known[name] :]
        del rest[place : place + 2]
    unknown = sorted(set(rest) - known.keys())
    if unknown:
        return (), f"unknown: {', '.join(unknown)}; one of {', '.join(known)}"
    return tuple(one for one in benches if not rest or one.name in rest), ""


def main(words: Sequence[str]) -> int:
    """Run the benches named, or all; 1 if one misses its bound, 2 if a name is unknown."""
    benches, wrong = chosen(words)
    if wrong:
        print(wrong)
        return 2
    results: list[Found] = []
    failed: list[str] = []
    start = time.perf_counter()
    for bench in benches:
        print(f"{bench.name:22} {bench.what}", flush=True)
        try:
            found = run(bench)
        except ModuleNotFoundError as error:
            print(f"{'':22} not measured: no module `{error.name}`; pip install -e '.[bench]'")
            failed.append(bench.name)
            continue
        except Exception:  # noqa: BLE001 -- whatever breaks one must not take the others' figures with it
            traceback.print_exc()
            failed.append(bench.name)
            continue
        results.append(found)
        _, _, measured, bound, margin = found.cells()
        line = f"measured {measured}, bound {bound}, margin {margin}"
        print(f"{'':22} {line} ({found.seconds:.0f} s)".replace("**", ""), flush=True)
        if "--write" in words:
            page = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(page_with(page, [found]), encoding="utf-8")
    missed = [found.bench.name for found in results if found.missed]
    took = time.perf_counter() - start
    print(f"{len(results) - len(missed)} hold, {len(missed)} missed: {', '.join(missed) or 'none'}")
    print(f"{took:.0f} s")
    if failed:
        print(f"{len(failed)} not measured: {', '.join(failed)}")
    return int(bool(missed or failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
