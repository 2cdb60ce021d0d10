"""The deciding half of a hook keeps to the shorter of two deadlines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve, frozen

from governance.hooking.adapter import Adapter
from governance.hooking.worker import run
from governance.hosts.claude_code.adapter import ADAPTER


@frozen
class Given:
    dir: str
    event: str
    now_ms: int | None = None
    home: str = ""
    config: str = ""
    state: str = ""


class Told(Exception):
    """Carries the deadline out, for nothing after it is of interest."""


class Line:
    def read(self) -> bytes:
        payload = {"hook_event_name": "Stop", "session_id": "s"}
        return json.dumps(payload).encode()

    def limit(self, deadline_ms: int) -> None:
        raise Told(deadline_ms)

    def serve(self) -> None:
        """Nobody is there to start one."""

    def answer(self, out: bytes, *, told: bool = False) -> bool:
        raise AssertionError(out)

    def note(self, text: str) -> None:
        raise AssertionError(text)


def waiting(seconds: int) -> Adapter:
    """An adapter whose host waits so long for the answer to `Stop`."""
    event = evolve(ADAPTER.events["Stop"], timeout_seconds=seconds)
    return evolve(ADAPTER, events={"Stop": event})


@pytest.mark.parametrize(
    ("configured", "seconds", "told"),
    [(5_000, 30, 5_000), (600_000, 30, 28_000), (5_000, 3, 2_250), (5_000, 1, 750)],
)
def test_answer_is_due_before_the_host_gives_up(
    tmp_path: Path, configured: int, seconds: int, told: int
) -> None:
    """What the project allows is cut to what the host waits for, less two seconds or a quarter."""
    (tmp_path / "governance.toml").write_text(
        f"[packs]\npaths = []\n[hosts.claude-code]\ndeadline_ms = {configured}\n"
    )
    with pytest.raises(Told, match=f"^{told}$"):
        run(waiting(seconds), Given(str(tmp_path), "Stop"), Line())
