"""What the adapter for Mellea makes commands of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from governance.engine.given import check_command
from governance.hosts.mellea import translate


def _payload(lasted: object) -> Any:
    call = SimpleNamespace(name="shell", args={"command": "ls"})
    return SimpleNamespace(
        model_tool_call=call,
        tool_invocation_id="t-1",
        success=True,
        tool_output="a.py",
        execution_time_ms=lasted,
    )


@pytest.mark.parametrize(
    ("lasted", "kept"),
    [(7, 7), (1.5, 1), (-0.25, None), (-7, None), (2**70, None), (float("nan"), None),
     (float("inf"), None), (None, None)],
)  # fmt: skip
def test_a_time_that_none_can_be_is_left_out(lasted: object, kept: int | None) -> None:
    """By a clock that went back a call still comes to its outcome: nothing is refused of it."""
    one = translate.tool_after(translate.Identity(session="s"), _payload(lasted))

    check_command(one)
    assert (one.event, one.data["outcome"]) == ("tool_after", "ok")
    assert one.data.get("duration_ms") == kept
