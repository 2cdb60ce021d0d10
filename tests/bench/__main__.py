"""
``python -m tests.bench [NAME …] [--write]``: measured, bound and margin; a miss exits 1.

``--write`` puts the table of this run into `docs/reference/bench.md`. A full run takes some
minutes, most of them for a session of a million events. What is compared with others needs
them: ``pip install -e ".[bench]"``.
"""

from __future__ import annotations

import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from tests.bench import (
    bench_engine,
    bench_hosts,
    bench_journal,
    bench_process,
    bench_rules,
    bench_temporal,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bench.md"
_TABLE = re.compile(r"(?<=<!-- last run -->\n).*?(?=<!-- end of last run -->)", re.DOTALL)

Measure = Callable[[Path], tuple[float, float]]


@frozen
class Bench:
    """
    One bound.

    Attributes:
        what: What is measured, over what.

        least: The bound is the least that will do; else it is the most.
    """

    name: str
    what: str
    measure: Measure
    unit: str = "×"
    least: bool = False


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
        return self.bound / self.measured

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


def _anywhere(measure: Callable[[], tuple[float, float]]) -> Measure:
    """A measure that needs no folder, as one that is given one."""
    return lambda _folder: measure()


BENCHES = (
    Bench(
        "append",
        "a durable append of one row, over `write` + `fdatasync` of its bytes",
        bench_journal.durable_append,
    ),
    Bench(
        "decision",
        "a durable decision (decide, append, state), over `write` + `fdatasync` of its bytes",
        bench_engine.durable_decision,
    ),
    Bench(
        "journal-threads",
        "durable rows a second of 32 threads on the journal, over one caller",
        bench_journal.group_commit,
        least=True,
    ),
    Bench(
        "journal-tasks",
        "durable rows a second of 32 tasks on the journal, over one task",
        bench_engine.group_commit_of_appends,
        least=True,
    ),
    Bench(
        "engine-threads",
        "durable decisions a second of 32 threads, over one caller",
        bench_engine.group_commit_of_threads,
        least=True,
    ),
    Bench(
        "engine-tasks",
        "durable decisions a second of 32 tasks of `AsyncEngine`, over one task",
        bench_engine.group_commit_of_tasks,
        least=True,
    ),
    Bench(
        "length",
        "an append to a session of 1,000,000 rows, over one of 1,000",
        bench_journal.append_at_length,
    ),
    Bench(
        "page",
        "the newest 50 rows of a session of 1,000,000, over reading all of them",
        bench_journal.first_page,
    ),
    Bench(
        "rows",
        "reading a snapshot and 100 rows, over reading 10,000",
        bench_journal.restore_from_snapshot,
    ),
    Bench(
        "restore",
        "a session of 10,000 events from its snapshot, over the full fold",
        bench_engine.restore_of_a_session,
    ),
    Bench(
        "import",
        "what `import governance` adds to a bare interpreter",
        bench_process.import_of_the_package,
        unit="ms",
    ),
    Bench(
        "first-decision",
        "a process with `Engine.open` and a first decision, over `python -I -S -c pass`",
        bench_process.first_decision,
    ),
    Bench(
        "memory",
        "100,000 live sessions of 20 events, 3 violations and 2 anchors",
        bench_engine.live_sessions,
        unit="MiB",
    ),
    Bench(
        "payload",
        "from a payload's bytes to the answer's, over `json.loads` of the payload",
        bench_hosts.payload_to_answer,
    ),
    Bench(
        "hook-service",
        "a hook's process, 200 rules, the service running, over `python -I -S -c pass`",
        bench_hosts.hook_with_service,
    ),
    Bench(
        "hook-alone",
        "a hook's process, 200 rules, no service, over `python -I -S -c pass`",
        bench_hosts.hook_without_service,
    ),
    Bench(
        "rules",
        "1,000 rules of which none matches, over 1,000 closures made for the same tests",
        _anywhere(bench_rules.over_closures),
    ),
    Bench(
        "flat",
        "10,000 rules of which none matches, over 10",
        _anywhere(bench_rules.flat),
    ),
    Bench(
        "cedar",
        "cedarpy on the same 1,000 rules, read once, over a decision of ours",
        _anywhere(bench_rules.over_cedar),
        least=True,
    ),
    Bench(
        "evaluator",
        "`PolicyEvaluator` of agent-os-kernel on the same 1,000 rules, over a decision of ours",
        _anywhere(bench_rules.over_evaluator),
        least=True,
    ),
    Bench(
        "other-tools",
        "1,000 rules on other tools beside 10 of its own, over the 10 alone",
        _anywhere(bench_rules.other_tools_are_free),
    ),
    Bench(
        "argument",
        "a decision on an argument of 4 kB, over one of 100 bytes",
        _anywhere(bench_rules.long_argument),
    ),
    Bench(
        "history",
        "one event of 100 temporal rules by the generated function, over their closure trees",
        _anywhere(bench_temporal.one_function),
    ),
)


def run(bench: Bench) -> Found:
    """Measure *bench* in a folder of its own, on the disk of temporary files."""
    with tempfile.TemporaryDirectory(prefix="governance-bench-") as folder:
        start = time.perf_counter()
        measured, bound = bench.measure(Path(folder))
        return Found(bench, measured, bound, time.perf_counter() - start)


def table(results: Sequence[Found]) -> str:
    """*results* as a table in Markdown, with what it was measured on."""
    head = ("name", "what", "measured", "bound", "margin")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(one.cells()) + " |" for one in results]
    machine = f"{platform.python_implementation()} {platform.python_version()}"
    place = f"{platform.system()} on {platform.machine()}"
    return "\n" + "\n".join(lines) + f"\n\nMeasured with {machine}, {place}.\n\n"


def main(words: Sequence[str]) -> int:
    """Run the benches named, or all; 1 if one misses its bound, 2 if a name is unknown."""
    names = [word for word in words if word != "--write"]
    unknown = sorted(set(names) - {bench.name for bench in BENCHES})
    if unknown:
        print(f"unknown: {', '.join(unknown)}; one of {', '.join(b.name for b in BENCHES)}")
        return 2
    results: list[Found] = []
    unmeasured: list[str] = []
    for bench in BENCHES:
        if names and bench.name not in names:
            continue
        print(f"{bench.name:16} {bench.what}", flush=True)
        try:
            found = run(bench)
        except ModuleNotFoundError as error:
            unmeasured.append(bench.name)
            print(f"{'':16} not measured: no module `{error.name}`; pip install -e '.[bench]'")
            continue
        results.append(found)
        _, _, measured, bound, margin = found.cells()
        line = f"measured {measured}, bound {bound}, margin {margin}"
        print(f"{'':16} {line} ({found.seconds:.0f} s)".replace("**", ""), flush=True)
    if "--write" in words and not names:
        text = _TABLE.sub(lambda _: table(results), PAGE.read_text(encoding="utf-8"))
        PAGE.write_text(text, encoding="utf-8")
    missed = [found.bench.name for found in results if found.missed]
    print(f"{len(results) - len(missed)} hold, {len(missed)} missed: {', '.join(missed) or 'none'}")
    if unmeasured:
        print(f"{len(unmeasured)} not measured: {', '.join(unmeasured)}")
    return int(bool(missed or unmeasured))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
