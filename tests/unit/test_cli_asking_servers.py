"""Asking an MCP server for its tools: real processes, and every way in which they misbehave."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from governance.authoring.tool_schemas import _tools_in
from governance.cli.asking_servers import listed_by
from governance.errors import MisuseError

SERVER = Path(__file__).parents[1] / "hosts" / "mcp_server.py"
FRAME = """
import json, sys, time
def say(message):
    sys.stdout.write(json.dumps(message) + "\\n"); sys.stdout.flush()
def ask():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit()
first = ask()
say({{"id": first["id"], "result": {{}}}})
ask()
{then}
"""


def server(then: str) -> list[str]:
    return [sys.executable, "-c", FRAME.format(then=then)]


def names(command: list[str]) -> list[object]:
    tools = _tools_in(list(listed_by(command)))
    assert tools is not None
    return [one["name"] for one in tools]


def test_a_server_lists_its_tools() -> None:
    """The little server of the tests of hosts, as it stands."""
    assert names([sys.executable, str(SERVER)]) == ["echo", "drop"]


def test_pages_are_asked_for_until_the_last() -> None:
    """Noise between the lines and requests of the server do not disturb it."""
    then = """
print("a greeting", flush=True)
say({"id": 77, "method": "ping"}); say({"method": "notifications/x"})
number = 0
while True:
    message = ask()
    if message.get("method") != "tools/list":
        assert message == {"jsonrpc": "2.0", "id": 77, "result": {}}
        continue
    number += 1
    more = {"nextCursor": "p"} if number < 3 else {}
    say({"id": message["id"], "result": {"tools": [{"name": f"t{number}"}], **more}})
"""
    assert names(server(then)) == ["t1", "t2", "t3"]


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("", "ended without an answer"),
        ("time.sleep(60)", "not listed its tools in time"),
        ("while True: print('x' * 100000, flush=True)", "writes more than"),
        ("say({'id': ask()['id'], 'error': {'message': 'no\\nway'}})", "no way"),
        (
            "while True: say({'id': ask()['id'], 'result': {'nextCursor': 'p'}})",
            "has no end",
        ),
        ("say({'id': ask()['id'], 'result': {'nextCursor': 'p' * 20000}})", "has no end"),
    ],
)
def test_a_server_that_misbehaves_is_an_error(then: str, words: str) -> None:
    """It is told what is wrong, soon."""
    with pytest.raises(MisuseError, match=words) as raised:
        listed_by(server(then), seconds_max=1.0)

    assert raised.value.code == "GOV636"


def test_what_the_server_started_is_ended_with_it(tmp_path: Path) -> None:
    """A child that would go on for a minute is gone."""
    mark = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(mark)!r}).touch()"
    then = f"import subprocess; subprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)"
    with pytest.raises(MisuseError):
        listed_by(server(then), seconds_max=0.7)
    time.sleep(1.8)

    assert not mark.exists()


def test_a_program_that_is_not_there_is_told() -> None:
    """No traceback, and its name."""
    with pytest.raises(MisuseError, match="no-such-program"):
        listed_by(["no-such-program"])
