"""A program as a listener: what it reads, what it may answer, and how it fails."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from governance.config import read_config
from governance.events import Event
from governance.listeners import Listeners, Refuse, Write, listeners_of
from governance.listeners.commands import ANSWER_BYTES_MAX, CommandFailed, CommandListener

READ = "import json, sys; event = json.load(sys.stdin); "


def asked(**arguments: object) -> Event:
    data = {"tool": "shell", "facts": {}, "arguments": arguments}
    return Event(name="tool.asked", session_id="s-1", event_id="e", data=data)  # type: ignore[arg-type]


def program(
    code: str, *answers: str, folder: Path | None = None, seconds: float = 20
) -> CommandListener:
    return CommandListener(
        (sys.executable, "-I", "-S", "-c", code), answers, folder or Path("/"), seconds
    )


def test_the_program_reads_the_event_and_answers() -> None:
    """The whole event stands on its standard input, as one line of JSON."""
    answer = program(
        READ + "print(json.dumps({'refuse': f\"{event['event']} {event['data']['arguments']}\"}))",
        "refuse",
    )(asked(command="ls"))

    assert answer == Refuse("tool.asked {'command': 'ls'}")


def test_a_transform_program_writes() -> None:
    """Its object of fields becomes a write."""
    answer = program(READ + 'print(\'{"write": {"arguments": {"a": 1}}}\')', "write")(asked())

    assert answer == Write({"arguments": {"a": 1}})


@pytest.mark.parametrize("output", ["", "  \n", "{}"])
def test_nothing_to_say(output: str) -> None:
    """An empty answer lets the event be."""
    assert program(f"print({output!r})", "refuse")(asked()) is None


def test_what_an_audit_program_prints_is_no_answer() -> None:
    """A program that may not answer may still print."""
    assert program("print('looked at it')")(asked()) is None


def test_no_shell_is_between(tmp_path: Path) -> None:
    """Arguments reach the program as they are written, whatever a shell would make of them."""
    argv = (
        sys.executable,
        "-I",
        "-S",
        "-c",
        "import sys, json; print(json.dumps({'refuse': sys.argv[1]}))",
        "$(id); *",
    )

    assert CommandListener(argv, ("refuse",), tmp_path, 20)(asked()) == Refuse("$(id); *")


def test_it_runs_in_the_projects_folder(tmp_path: Path) -> None:
    """Relative paths of a program start at the project."""
    code = "import os, json; print(json.dumps({'refuse': os.getcwd()}))"

    assert program(code, "refuse", folder=tmp_path)(asked()) == Refuse(str(tmp_path.resolve()))


def test_a_program_need_not_read_what_it_is_told() -> None:
    """An event larger than a pipe holds does not block, nor fail, a program that ignores it."""
    event = asked(text="x" * 1_000_000)

    assert program('print(\'{"refuse": "no"}\')', "refuse")(event) == Refuse("no")


def test_a_large_event_is_read_whole() -> None:
    """Nothing is cut off on the way in."""
    code = READ + "print(json.dumps({'refuse': str(len(event['data']['arguments']['text']))}))"

    assert program(code, "refuse")(asked(text="x" * 1_000_000)) == Refuse("1000000")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(3)", "ended with 3"),
        ("import sys; sys.stderr.write('out of order'); sys.exit(1)", "ended with 1: out of order"),
        ("print('{')", "no JSON"),
        ("print('[1]')", "no JSON object"),
        ("print('{\"refuse\": NaN}')", "`NaN` is no JSON number"),
        ('print(\'{"refues": "no"}\')', "did you mean `refuse`?"),
        ("print('{\"write\": {}}')", "has the key `write`, expected `refuse`"),
        (f"print('x' * {ANSWER_BYTES_MAX + 1})", "answered more than"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
    ],
)
def test_what_a_program_may_not_do(code: str, said: str) -> None:
    """Each is a failure with its reason, and never a silent nothing."""
    with pytest.raises(CommandFailed) as caught:
        program(code, "refuse")(asked())

    assert said in str(caught.value)


def test_a_program_that_is_not_there() -> None:
    """A missing program is named."""
    with pytest.raises(CommandFailed, match="`/nowhere/x` cannot be run"):
        CommandListener(("/nowhere/x",), (), Path("/"), 5)(asked())


def test_a_program_past_its_limit_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """No process of a listener outlives the time it was given."""
    marks = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "sleep = [sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)']\n"
        "child = subprocess.Popen(sleep)\n"
        f"open({str(marks)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)\n"
    )
    listener = CommandListener((sys.executable, "-c", code), (), tmp_path, 3)

    with pytest.raises(CommandFailed, match="took too long"):
        listener(asked())

    for pid in marks.read_text().split():
        assert _gone(int(pid)), pid


def _gone(pid: int) -> bool:
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            state = "?"
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


TOML = """
[[listener]]
name = "watch"
events = ["tool.*"]
command = [{argv}]
mode = "{mode}"
"""


def configured(tmp_path: Path, code: str, mode: str, more: str = "") -> Listeners:
    argv = ", ".join(json.dumps(one) for one in (sys.executable, "-I", "-S", "-c", code))
    text = TOML.format(argv=argv, mode=mode) + more
    return listeners_of(read_config(text, "governance.toml", tmp_path))


def test_a_configured_program_decides(tmp_path: Path) -> None:
    """What stands in the configuration is called, and its refusal refuses."""
    listeners = configured(tmp_path, 'print(\'{"refuse": "no shell"}\')', "sequential")

    result = listeners.run_before(asked())
    listeners.close(0)

    assert [(one.listener, one.reason) for one in result.refusals] == [("watch", "no shell")]
    assert [one.source for one, _ in listeners.describe()] == ["command"]


@pytest.mark.parametrize(("more", "refused"), [("", True), ('on_error = "ignore"\n', False)])
def test_a_configured_program_that_fails(tmp_path: Path, more: str, refused: bool) -> None:
    """By default a broken guard denies; the configuration can say otherwise."""
    listeners = configured(tmp_path, "import sys; sys.exit(1)", "audit", more)

    result = listeners.run_before(asked())
    listeners.close(0)

    assert [one.why for one in result.failures] == ["raised"]
    assert result.refused is refused


def test_the_time_limit_is_the_configured_one(tmp_path: Path) -> None:
    """`time_limit_ms` bounds the program."""
    code = "import time; time.sleep(60)"
    listeners = configured(tmp_path, code, "audit", "time_limit_ms = 100\n")

    result = listeners.run_before(asked())
    listeners.close(0)

    assert result.failures[0].why in ("late", "raised")
    assert result.refused


def test_bounds_come_from_the_configuration(tmp_path: Path) -> None:
    """The table `[listeners]` sets threads, queue and drain."""
    text = "[listeners]\nthreads_max = 3\nqueue_max = 7\ndrain_ms = 11\n"

    made = listeners_of(read_config(text, "governance.toml", tmp_path))

    assert (made.threads_max, made.queue_max, made.drain_ms) == (3, 7, 11)
