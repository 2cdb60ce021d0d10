"""What a process tells of itself: loads, saves, memory and CPU, from the engine to a scrape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from governance import cli
from governance.aengine import AsyncEngine
from governance.engine.health import HealthLimits, health_of
from governance.journal.memory import MemoryJournal
from governance.journal.sqlite import SqliteJournal
from governance.process_metrics import (
    BOUNDS_SECONDS,
    NEWEST_MAX,
    PROCESS,
    Durations,
    cpu_seconds,
    memory_bytes,
)
from governance.service.client import ask, stop
from governance.testing.engines import memory_engine
from tests.integration.test_service import Place, placed


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of this process are wanted, and begin with nothing."""
    monkeypatch.setattr(PROCESS, "on", True)
    monkeypatch.setattr(PROCESS, "load", Durations())
    monkeypatch.setattr(PROCESS, "save", Durations())


def test_durations_fall_into_steps_and_have_bounds() -> None:
    """Each is counted once, in the step that it does not exceed; only the newest wait."""
    durations = Durations()
    for seconds in (0.0, 0.0001, 0.3, 4.9, 60.0):
        durations.add(seconds)

    found = dict(zip((*BOUNDS_SECONDS, None), durations.counts, strict=True))
    assert {bound: count for bound, count in found.items() if count} == {
        0.0001: 2, 0.5: 1, 5.0: 1, None: 1
    }  # fmt: skip
    assert durations.take() == (0.0, 0.0001, 0.3, 4.9, 60.0)
    assert durations.take() == ()
    for _ in range(NEWEST_MAX + 5):
        durations.add(0.1)
    assert len(durations.take()) == NEWEST_MAX
    assert sum(durations.counts) == NEWEST_MAX + 10


def test_memory_and_cpu_are_those_of_this_process() -> None:
    """Both grow with what is done: some megabytes that are held, some work."""
    memory, (user, system) = memory_bytes(), cpu_seconds()
    # Each is more than what an allocator keeps for later: it comes from the system.
    held = [bytes([number]) * 40_000_000 for number in range(1, 3)]
    sum(number * number for number in range(2_000_000))

    assert memory_bytes() > memory + 32_000_000
    assert sum(cpu_seconds()) > user + system
    assert len(held) == 2


@pytest.mark.usefixtures("wanted")
def test_loads_and_saves_are_measured() -> None:
    """Each step is a save; a session that is held is not loaded again."""
    journal = MemoryJournal()
    memory_engine(journal=journal).start("s-1")
    before = sum(PROCESS.save.counts), sum(PROCESS.load.counts)
    engine = memory_engine(journal=journal)
    session = engine.session("s-1")
    session.turn("go")
    session.tool("read", {"path": "a"}, call_id="c1")

    assert before[0] == 1
    assert sum(PROCESS.save.counts) == 3
    assert sum(PROCESS.load.counts) == before[1] + 1
    assert PROCESS.save.seconds > 0


@pytest.mark.usefixtures("wanted")
def test_a_step_that_an_event_loop_awaits_is_measured(tmp_path: Path) -> None:
    """What is committed in another thread is a save as well, once."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True)

    async def work() -> None:
        session = await AsyncEngine(engine).start("s-1")
        await session.turn("go")
        before = sum(PROCESS.save.counts)
        await session.tool("read", {"path": "a"}, call_id="c1")
        await session.tool("read", {"path": "b"}, call_id="c2")
        assert sum(PROCESS.save.counts) == before + 2

    with memory_engine(journal=journal) as engine:
        anyio.run(work)


def test_nothing_is_measured_that_nobody_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default: an engine adds to nothing."""
    monkeypatch.setattr(PROCESS, "on", False)
    before = list(PROCESS.save.counts), list(PROCESS.load.counts)

    memory_engine().start("s-1").turn("go")

    assert (list(PROCESS.save.counts), list(PROCESS.load.counts)) == before


def test_slow_loads_and_saves_turn_health_red() -> None:
    """Each by its own limit, with what it took; a session is loaded each time, in turn."""
    engine = memory_engine()
    engine.start("s-1")
    engine.start("s-2")
    ticks = iter(range(10_000))

    def timer() -> float:
        return next(ticks) * 3.0

    fast, again = engine.health(), engine.health()
    slow = health_of(engine.journal, now_ms=1, timer=timer)
    patient = health_of(
        engine.journal, now_ms=1, timer=timer, limits=HealthLimits(save_seconds_max=4)
    )

    assert fast.ok
    loads = [next(one.saw for one in seen.checks if one.name == "load") for seen in (fast, again)]
    assert ["s-1" in loads[0], "s-2" in loads[1]] == [True, True]
    assert [one.name for one in slow.checks if not one.ok] == ["write"]
    assert {found.code for one in slow.checks for found in one.findings} == {"GOV583"}
    assert {one.name: one.seconds for one in slow.checks}["load"] == 3.0
    assert patient.ok
    short = health_of(engine.journal, now_ms=1, timer=timer, limits=HealthLimits(1, 1, 2.0, 4.0))
    assert {found.code for one in short.checks for found in one.findings} == {"GOV582"}


def test_a_session_that_cannot_be_loaded_is_red() -> None:
    """Rows that no engine has written hold as a chain, and are no session all the same."""
    from governance.journal.records import Append, Row

    journal = MemoryJournal()
    journal.append([Append("s-1", 0, (Row("turn.started", 1, b"no json"),))])

    seen = health_of(journal, now_ms=1)

    assert [one.name for one in seen.checks if not one.ok] == ["load"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A project with a service that its hooks start."""
    with placed(tmp_path, monkeypatch) as made:
        yield made


def test_a_scrape_tells_of_the_service(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Its loads and saves as histograms, memory and CPU; health is red where it takes too much."""
    directory = ["--dir", str(place.project)]
    alone = cli.main(["metrics", *directory]), capsys.readouterr().out
    for number in range(4):
        place.hook(session_id=f"s{number}")
        place.hook("Stop", session_id=f"s{number}")
    told = ask("status") or {}

    code = cli.main(["metrics", *directory])
    text = capsys.readouterr().out
    red = cli.main(["health", "--memory-megabytes-max", "1", "--format", "json", *directory])
    report = json.loads(capsys.readouterr().out)
    green = cli.main(["health", *directory])
    file = place.project / "governance.toml"
    file.write_text(f"{file.read_text()}\n[health]\nmemory_megabytes_max = 1\n")
    configured = cli.main(["health", *directory])
    stop()

    assert (alone[0], code, red, green, configured) == (0, 0, 1, 0, 1)
    assert 'process="service"' not in alone[1]
    assert 'governance_process_cpu_seconds_total{process="metrics"}' in alone[1]
    assert "process" in told
    counts = {
        name: int(count)
        for name, count in re.findall(
            r'governance_session_(\w+)_duration_seconds_count\{process="service"\} (\d+)', text
        )
    }
    assert counts["load"] >= 1
    assert counts["save"] >= 4
    memory = re.search(r'resident_memory_bytes\{process="service"\} (\d+)', text)
    assert memory is not None
    assert int(memory[1]) > 5_000_000
    assert [one["check"] for one in report["checks"] if not one["ok"]] == ["service"]
    assert {one["code"] for one in report["diagnostics"]} == {"GOV584"}
