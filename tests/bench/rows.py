"""
Every bound that is measured: what over what, and by which function.

`BENCHES` are ratios against yardsticks; `THRESHOLDS` are walls with a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from tests.bench import (
    bench_engine,
    bench_hosts,
    bench_journal,
    bench_peers,
    bench_postgres,
    bench_process,
    bench_rules,
    bench_soaks,
    bench_temporal,
    bench_thresholds,
)
from tests.bench.disks import slow_disk

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


def _anywhere(measure: Callable[[], tuple[float, float]]) -> Measure:
    """A measure that needs no folder, as one that is given one."""
    return lambda _folder: measure()


def _slowly(measure: Callable[..., tuple[float, float]]) -> Measure:
    """A measure of what is kept durably, on a disk whose syncs take their time."""

    def slow(folder: Path) -> tuple[float, float]:
        with slow_disk() as disk:
            return measure(folder, disk=disk)

    return slow


BENCHES = (
    Bench(
        "append",
        "a durable append of one row, over `write` + `fdatasync` of its bytes",
        bench_journal.durable_append,
    ),
    Bench(
        "encryption",
        "a durable append of one row to an encrypted store, over one to a plain store",
        bench_journal.encrypted_append,
    ),
    Bench(
        "decision",
        "a durable decision (decide, append, state), over `write` + `fdatasync` of its bytes",
        bench_engine.durable_decision,
    ),
    Bench(
        "langgraph-sqlite",
        "a durable decision, over LangGraph's `SqliteSaver.put` with one message in the state",
        bench_peers.over_sqlite_saver,
    ),
    Bench(
        "langgraph-sqlite-long",
        "a durable decision, over LangGraph's `SqliteSaver.put` with 1,000 messages in the state",
        bench_peers.over_long_sqlite_saver,
    ),
    Bench(
        "openai-sqlite",
        "a durable decision, over `SQLiteSession.add_items` of the OpenAI Agents SDK, one item",
        bench_peers.over_sqlite_session,
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
        "calls a second of 32 threads, decided and ended durably, over one caller",
        bench_engine.group_commit_of_threads,
        least=True,
    ),
    Bench(
        "engine-tasks",
        "calls a second of 32 tasks of `AsyncEngine`, decided and ended durably, over one task",
        bench_engine.group_commit_of_tasks,
        least=True,
    ),
    Bench(
        "slow-decision",
        "`decision`, on a disk whose syncs take 1 ms more",
        _slowly(bench_engine.durable_decision),
    ),
    Bench(
        "slow-journal-threads",
        "`journal-threads`, on that disk",
        _slowly(bench_journal.group_commit),
        least=True,
    ),
    Bench(
        "slow-journal-tasks",
        "`journal-tasks`, on that disk",
        _slowly(bench_engine.group_commit_of_appends),
        least=True,
    ),
    Bench(
        "slow-engine-threads",
        "`engine-threads`, on that disk",
        _slowly(bench_engine.group_commit_of_threads),
        least=True,
    ),
    Bench(
        "slow-engine-tasks",
        "`engine-tasks`, on that disk",
        _slowly(bench_engine.group_commit_of_tasks),
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
        "server-append",
        "a durable append of one row to PostgreSQL, over an `INSERT` of its bytes there",
        bench_postgres.durable_append,
    ),
    Bench(
        "server-decision",
        "a durable decision on PostgreSQL, over an `INSERT` of its bytes there",
        bench_postgres.durable_decision,
    ),
    Bench(
        "langgraph-server",
        "a durable decision on PostgreSQL, over `PostgresSaver.put` with one message in the state",
        bench_peers.over_postgres_saver,
    ),
    Bench(
        "langgraph-server-long",
        "a durable decision on PostgreSQL, over `PostgresSaver.put` with 1,000 messages",
        bench_peers.over_long_postgres_saver,
    ),
    Bench(
        "server-length",
        "an append on PostgreSQL to a session of 200,000 rows, over one of 1,000",
        bench_postgres.append_at_length,
    ),
    Bench(
        "server-restore",
        "a session of 10,000 events on PostgreSQL from its snapshot, over the full fold",
        bench_postgres.restore_of_a_session,
    ),
    Bench(
        "server-threads",
        "durable rows a second of 8 threads on PostgreSQL, over one caller",
        bench_postgres.concurrent_callers,
        least=True,
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
        unit="MB",
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
        "statusline",
        "the status line's process, 963 rows of a session, over `python -I -S -c pass`",
        bench_hosts.status_line,
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
        "Microsoft's `PolicyEvaluator` on the same 1,000 rules, over a decision of ours",
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
        "shell",
        "1,000 rules on programs, a line that runs some of them, over the bare parse of the line",
        _anywhere(bench_rules.over_parse),
    ),
    Bench(
        "shell-unparsed",
        "1,000 rules on programs, a line that runs none of them, over taking the line apart",
        _anywhere(bench_rules.unparsed),
    ),
    Bench(
        "history",
        "one event of 100 temporal rules by the generated function, over their closure trees",
        _anywhere(bench_temporal.one_function),
    ),
)

THRESHOLDS = (
    Bench(
        "load",
        "the slowest of 5 new processes that load a session of 10,000 events from its rows alone",
        bench_thresholds.load,
        unit="s",
    ),
    Bench(
        "load-largest",
        "the slowest of 3 new processes that load a session of 100 MB, by its snapshot",
        bench_thresholds.load_of_the_largest,
        unit="s",
    ),
    Bench(
        "save",
        "the slowest of 300 durable steps (a call, its outcome, a message) of a session of 100 MB",
        bench_thresholds.save,
        unit="s",
    ),
    Bench(
        "context",
        "the slowest of 30 reads, finds and changes in a scope that is full (10,000 values)",
        bench_thresholds.context,
        unit="s",
    ),
    Bench(
        "mean",
        "the mean of 19 operations of programs and of the command, on a session of 10,000 events",
        bench_thresholds.mean,
        unit="s",
    ),
    Bench(
        "resident",
        "the most memory of a process with 5,000 live sessions that reads one of 100 MB",
        bench_thresholds.memory,
        unit="MB",
    ),
    Bench(
        "storage",
        "the store of a session of 10,000 events on disk, with its log and index",
        bench_thresholds.storage,
        unit="MB",
    ),
    Bench(
        "cpu",
        "of one core, a process that governs 20 agents, each with a call a second",
        bench_soaks.cpu,
        unit="%",
    ),
    Bench(
        "cpu-hooks",
        "of one core, the service and the hooks of 10 agents, each with a call every 4 seconds",
        bench_soaks.cpu_of_hooks,
        unit="%",
    ),
    Bench(
        "integrity",
        "of the rows acknowledged as durable, those that 360 simulated power cuts have left whole",
        bench_soaks.integrity_of_rows,
        unit="%",
        least=True,
    ),
    Bench(
        "recovery",
        "of 96 damaged stores, those that `repair` brought back with every row that lies elsewhere",
        bench_soaks.recovery_of_stores,
        unit="%",
        least=True,
    ),
    Bench(
        "integrity-server",
        "of the rows that PostgreSQL had acknowledged as durable, those that 40 crashes have left",
        bench_soaks.integrity_of_a_server,
        unit="%",
        least=True,
    ),
    Bench(
        "recovery-server",
        "of 40 crashes of PostgreSQL amid appends, those after which all goes on, each row once",
        bench_soaks.recovery_of_a_server,
        unit="%",
        least=True,
    ),
)
"""Each is far off: on a busy machine too."""
