"""
What a session manager may take of a CPU, and what of it survives: soaks, and faults counted.

As in `bench_thresholds`, these are walls with a unit, and each function gives
``(measured, bound)``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from governance.service.client import ask
from governance.testing.services import running_service
from tests.bench.bench_hosts import hook_words, payload_of
from tests.bench.projects import make_project, printed
from tests.quality.fault_counts import Share, crashes, integrity, recovery

SOAK_SECONDS = float(os.environ.get("GOVERNANCE_SOAK_SECONDS", "20"))
_SOAK = """
import time
from governance import Engine
agents, a_second, seconds = {agents}, {a_second}, {seconds}
with Engine.open({project!r}) as engine:
    sessions = [engine.start(f"agent-{{n}}", role="builder") for n in range(agents)]
    for session in sessions:
        session.turn("go")
    began, spent, number = time.monotonic(), time.process_time(), 0
    while (due := began + number / a_second) < began + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        session, call = sessions[number % agents], f"c{{number}}"
        session.tool("shell", {{"command": f"git status part-{{number}}"}}, call_id=call)
        session.tool_finished(call, outcome="ok", duration_ms=40)
        if number // agents % 10 == 9:
            session.message("assistant", f"part {{number}} is done")
            session.turn_ended()
            session.turn("go on")
        number += 1
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    print((time.process_time() - spent) / (time.monotonic() - began) * 100)
"""
AGENTS = 20


def cpu(folder: Path, *, seconds: float = SOAK_SECONDS) -> tuple[float, float]:
    """
    The share of one core that a process takes that governs 20 agents at work.

    Each makes a call a second, which is decided and ends, both durably; every tenth ends its
    turn. `GOVERNANCE_SOAK_SECONDS` makes it longer.
    """
    place = make_project(folder)
    script = _SOAK.format(
        project=str(place.project), agents=AGENTS, a_second=AGENTS, seconds=seconds
    )
    return printed(place, script), 30.0


HOOKED_AGENTS = 10
CALL_SECONDS = 4.0


def cpu_of_hooks(folder: Path, *, seconds: float = SOAK_SECONDS) -> tuple[float, float]:
    """
    The share of one core that the local service and all hooks take together.

    Each of 10 agents makes a call every four seconds, with a hook before it and one after it.
    """
    place = make_project(folder)
    hooks = tuple(
        (hook_words(place.project, event), event) for event in ("PreToolUse", "PostToolUse")
    )
    gap = CALL_SECONDS / HOOKED_AGENTS
    with running_service(place.project):
        _call(hooks, 0)
        spent, began, number = _cpu_seconds(), time.monotonic(), 1
        while (due := began + number * gap) < began + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            _call(hooks, number)
            number += 1
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        share = (_cpu_seconds() - spent) / (time.monotonic() - began)
    return share * 100, 30.0


def _call(hooks: Sequence[tuple[tuple[str, ...], str]], number: int) -> None:
    for words, event in hooks:
        more = {"hook_event_name": event, "session_id": f"agent-{number % HOOKED_AGENTS}"}
        if event == "PostToolUse":
            more |= {"tool_response": {"stdout": "done", "stderr": ""}}  # type: ignore[dict-item]
        data = payload_of(str(number), **more)
        subprocess.run(words, input=data, check=True, stdout=subprocess.DEVNULL)


def _cpu_seconds() -> float:
    """CPU time of the service, which runs, and of all hooks, which have ended."""
    told = ask("status") or {}
    process = told.get("process")
    assert isinstance(process, Mapping)
    own = float(process["cpu_user_seconds"]) + float(process["cpu_system_seconds"])
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own + ended.ru_utime + ended.ru_stime


def integrity_of_rows(folder: Path) -> tuple[float, float]:
    """Rows that were acknowledged as durable and are there, to the bit, after power cuts."""
    control = integrity(folder / "control", power_safe=False, seeds=(1,)).percent
    # INVARIANT: the count can fall short.
    assert control < 99.9, "the control has lost nothing"
    return integrity(folder / "own").percent, 99.9


def recovery_of_stores(folder: Path) -> tuple[float, float]:
    """Damaged stores that `repair` brought back, each with every row that lies elsewhere."""
    control = recovery(folder / "control", cases=12, repair=False).percent
    # INVARIANT: the count can fall short.
    assert control < 95, "the control has come back by itself"
    return recovery(folder / "own").percent, 95.0


def integrity_of_a_server(folder: Path) -> tuple[float, float]:
    """Rows that a server had acknowledged as durable and that are there after its crashes."""
    own, control = _crashed(folder)
    # INVARIANT: the count can fall short.
    assert control[0].percent < 99.9, "the control has lost nothing"
    return own[0].percent, 99.9


def recovery_of_a_server(folder: Path) -> tuple[float, float]:
    """Crashes of a server after which the same journal goes on, each row there once."""
    own, control = _crashed(folder)
    # INVARIANT: the count can fall short.
    assert control[1].percent < 95, "the control has come back by itself"
    return own[1].percent, 95.0


def _crashed(folder: Path) -> tuple[tuple[Share, Share], tuple[Share, Share]]:
    """What the crashes have left of durable rows, and of such as were acknowledged too early."""
    from tests.postgres_server import running_server

    for name in ("own", "control"):
        (folder / name).mkdir(parents=True)
    with running_server() as server:
        own = crashes(server, folder / "own")
        return own, crashes(server, folder / "control", rounds=4, durable=False)
