"""The hook's process answers in the client's shape, whatever becomes of the engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import governance
from governance.hooking.claude.events import EVENTS
from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.hooking.hook_alone import json_text, search_paths
from governance.hosts.claude_code.refusal import DECIDING
from governance.project import Project, create_project

HOST = "claude-code"
PAYLOAD = {
    "session_id": "s1",
    "cwd": "/",
    "tool_name": "Bash",
    "tool_input": {"command": "ls"},
    "tool_use_id": "t1",
    "prompt": "hello",
}


def payload(event: str, **more: object) -> bytes:
    return json.dumps({"hook_event_name": event, **PAYLOAD, **more}).encode()


def command(directory: Path, event: str, hook: Path = HOOK_FILE, host: str = HOST) -> list[str]:
    words = [sys.executable, "-I", "-S", str(hook), "--host", host, "--dir", str(directory)]
    if event:
        words += ["--event", event]
    for folder in import_folders():
        words += ["--path", folder]
    return words


def run(
    directory: Path,
    event: str,
    data: bytes,
    hook: Path = HOOK_FILE,
    prefix: str = "",
    host: str = HOST,
) -> subprocess.CompletedProcess[bytes]:
    words = command(directory, event, hook, host)
    if prefix:
        words = ["sh", "-c", f'{prefix}; exec "$@"', "sh", *words]
    return subprocess.run(words, input=data, capture_output=True, timeout=60, env={})


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    made = json.loads(done.stdout)
    if "decision" in made:
        assert made["decision"] == "block"
        return str(made["reason"])
    assert made["hookSpecificOutput"]["hookEventName"] == "PreToolUse"
    assert made["hookSpecificOutput"]["permissionDecision"] == "deny"
    return str(made["hookSpecificOutput"]["permissionDecisionReason"])


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_missing_project_denies_decisions_and_creates_nothing(tmp_path: Path, event: str) -> None:
    """Without a configuration leave is refused with what is missing, and nothing is made."""
    done = run(tmp_path, event, payload(event, source="startup", agent_id="a", agent_type="b"))
    assert (done.returncode, done.stderr) == (0, b"")
    if event in DECIDING:
        assert "governance.toml" in reason(done)
    else:
        assert done.stdout == b""
    assert list(tmp_path.iterdir()) == []


def test_journal_in_memory_denies(tmp_path: Path) -> None:
    """It would end with each hook, and with it all violations and every halt."""
    create_project(tmp_path, '[packs]\npaths = []\n[journal]\nurl = "memory:"\n')
    told = reason(run(tmp_path, "PreToolUse", payload("PreToolUse")))
    assert "keeps nothing from one hook to the next" in told
    assert run(tmp_path, "PostToolUse", payload("PostToolUse")).stdout == b""


def test_failure_is_logged_where_a_log_can_be(tmp_path: Path) -> None:
    """A failure leaves a line in the project's log, for answers of observers are empty."""
    (tmp_path / ".governance").mkdir()
    run(tmp_path, "Stop", payload("Stop"))
    line = Project(tmp_path).log_file.read_text()
    assert " Stop " in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff" * 10, b'{"hook_event_name":"Stop"}'])
def test_bad_payload_is_denied(tmp_path: Path, data: bytes) -> None:
    """What cannot be read, or is of another event than the hook's, is no leave."""
    assert "payload" in reason(run(tmp_path, "PreToolUse", data))
    assert run(tmp_path, "PostToolUse", data).stdout == b""


@pytest.mark.parametrize(
    "given", ["PreTolUse", "pretooluse", "Stop", "PostToolUse", "UserPromptSubmit"]
)
@pytest.mark.parametrize("event", sorted(DECIDING))
def test_a_hook_that_was_set_up_for_another_event_denies(
    tmp_path: Path, event: str, given: str
) -> None:
    """The client waits for leave of the event that it has, whatever the settings call it."""
    create_project(tmp_path, "[packs]\npaths = []\n")
    if given != event:
        told = reason(run(tmp_path, given, payload(event)))
        assert f"the payload is of `{event}`, the hook of `{given}`" in told


def test_huge_payload_is_denied(tmp_path: Path) -> None:
    """50 MB are read away, and denied, without breaking the client's pipe."""
    data = payload("PreToolUse", tool_input={"command": "x" * 50_000_000})
    assert "16 MB" in reason(run(tmp_path, "PreToolUse", data))


def test_without_the_event_s_name_failures_exit_with_two(tmp_path: Path) -> None:
    """A hook installed by hand, without `--event`, blocks by the one code that blocks."""
    done = run(tmp_path, "", b"{")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"governance" in done.stderr


@pytest.mark.parametrize("words", [[], ["--dir"], ["--dir", "relative"], ["--what", "x"]])
def test_bad_command_line_denies(words: list[str]) -> None:
    """A command line that makes no sense is no leave."""
    given = ["--host", HOST, "--event", "PreToolUse", *words]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(HOOK_FILE), *given],
        input=payload("PreToolUse"),
        capture_output=True,
        timeout=60,
    )
    assert "usage" in reason(done)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the package, to be broken."""
    root = tmp_path / "copy"
    source = Path(governance.__file__).parent
    shutil.copytree(source, root / "governance", ignore=shutil.ignore_patterns("__pycache__"))
    return root / "governance"


def hook_of(package: Path) -> Path:
    return package / "hooking" / "hook.py"


def test_import_error_denies(broken: Path, tmp_path: Path) -> None:
    """A broken installation refuses, and says which part is broken."""
    (broken / "values.py").write_text("import nothing_of_that_name\n")
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), hook_of(broken))
    assert "nothing_of_that_name" in reason(done)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("raise MemoryError", "MemoryError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import os; os._exit(0)", "died"),
        ("import os; os.kill(os.getpid(), 9)", "died"),
        ("import os; os.kill(os.getpid(), 11)", "died"),
        ("print('allow'); raise ValueError", "ValueError"),
    ],
)
def test_whatever_happens_to_the_worker_is_a_deny(
    broken: Path, tmp_path: Path, line: str, told: str
) -> None:
    """No way for the deciding process to end lets a tool run or prints a word."""
    (broken / "hooking" / "worker.py").write_text(line + "\n")
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), hook_of(broken))
    assert told in reason(done)
    assert done.stderr == b""
    assert run(tmp_path, "Stop", payload("Stop"), hook_of(broken)).stdout == b""


def test_no_memory_denies(tmp_path: Path) -> None:
    """Where the engine finds no memory the tool is refused."""
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), prefix="ulimit -v 24000")
    assert reason(done)


HANG = (
    "import time\ndef run(adapter, options, line, call):\n    line.limit(300)\n    time.sleep(60)\n"
)


def test_hang_is_denied_at_the_deadline(broken: Path, tmp_path: Path) -> None:
    """A decision that does not come in time is a deny, and its process is gone."""
    (broken / "hooking" / "worker.py").write_text(HANG)
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), hook_of(broken))
    assert "300 ms" in reason(done)


def told_to_stop(
    broken: Path, tmp_path: Path, event: str, number: int, then: str
) -> subprocess.CompletedProcess[bytes]:
    """A hook of *event* that is sent *number*, with all of its group, while the worker works."""
    ready = tmp_path / "ready"
    (broken / "hooking" / "worker.py").write_text(
        "import time\ndef run(adapter, options, line, call):\n"
        f"    open({str(ready)!r}, 'w').close()\n"
        f"    {then}\n"
    )
    process = subprocess.Popen(
        command(tmp_path, event, hook_of(broken)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(b"{}")
    process.stdin.close()
    process.stdin = None
    until = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert ready.exists()
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess([], process.returncode, out, err)


STOPPING = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])


@STOPPING
def test_told_to_stop_is_a_deny(broken: Path, tmp_path: Path, number: int) -> None:
    """A hook that is told to stop answers before it does."""
    done = told_to_stop(broken, tmp_path, "PreToolUse", number, "time.sleep(60)")
    assert "signal" in reason(done)


@STOPPING
@pytest.mark.parametrize("text", [b"", b"read this"], ids=["nothing to say", "a text"])
def test_what_is_reported_is_written_down_though_the_hook_is_told_to_stop(
    broken: Path, tmp_path: Path, number: int, text: bytes
) -> None:
    """A client that ends stops its hooks; a text that nobody may read never counts as told."""
    file = tmp_path / "heard"
    then = f"time.sleep(0.3); open({str(file)!r}, 'w').write(str(line.answer({text!r})))"
    done = told_to_stop(broken, tmp_path, "StopFailure", number, then)
    assert done.stdout == b""
    heard = file.exists() and file.read_text() == "True"
    assert heard is not bool(text)


TELLS = """
def run(adapter, options, line, call):
    flushed = line.answer(b"x" * {size})
    open({file!r}, "w").write("told" if flushed else "lost")
"""


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_flush_is_reported_to_the_worker(broken: Path, tmp_path: Path, size: int) -> None:
    """The worker hears that its answer is out, and the client has all of it."""
    file = tmp_path / "heard"
    code = TELLS.format(size=size, file=str(file))
    (broken / "hooking" / "worker.py").write_text(code)
    done = run(tmp_path, "SessionStart", payload("SessionStart"), hook_of(broken))
    assert len(done.stdout) == size
    assert file.read_text() == "told"


def test_broken_pipe_is_no_delivery(broken: Path, tmp_path: Path) -> None:
    """Where the client has gone before the answer was out nothing counts as told."""
    file = tmp_path / "heard"
    code = TELLS.format(size=10, file=str(file))
    (broken / "hooking" / "worker.py").write_text("import time\n" + code)
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        command(tmp_path, "SessionStart", hook_of(broken)), stdin=subprocess.DEVNULL,
        stdout=write_end, stderr=subprocess.PIPE, timeout=30,
    )  # fmt: skip
    os.close(write_end)
    assert done.stderr == b""
    # The worker may be ended before it has written what it heard; it never hears "told".
    assert not file.exists() or file.read_text() in ("", "lost")


def test_trouble_after_the_answer_adds_nothing_to_it(broken: Path, tmp_path: Path) -> None:
    """Two answers would be none: what fails later is only logged."""
    (tmp_path / ".governance").mkdir()
    (broken / "hooking" / "worker.py").write_text(
        "def run(adapter, options, line, call):\n"
        "    line.answer(b'{}')\n    raise ValueError('late')\n"
    )
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), hook_of(broken))
    assert done.stdout == b"{}"
    assert "after the answer: ValueError: late" in Project(tmp_path).log_file.read_text()


@given(st.text())
def test_reason_is_json_for_any_text(text: str) -> None:
    """A reason quoted without the json module is JSON all the same."""
    assert json.loads(json_text(text)) == text


@pytest.mark.parametrize("host", ["no-such-host", "../claude_code", ""])
def test_unknown_host_blocks_by_the_one_code_that_blocks(tmp_path: Path, host: str) -> None:
    """In no shape that is known nothing can be denied: exit code 2 says so."""
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), host=host)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"governance" in done.stderr


@pytest.mark.parametrize("text", [None, "", "import nothing_of_that_name", "raise SystemExit(0)"])
def test_without_its_shape_a_host_is_blocked_all_the_same(
    broken: Path, tmp_path: Path, text: str | None
) -> None:
    """A `refusal.py` that is gone or broken leaves exit code 2."""
    file = broken / "hosts" / "claude_code" / "refusal.py"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    done = run(tmp_path, "PreToolUse", payload("PreToolUse"), hook_of(broken))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"governance.toml" in done.stderr


def test_supervisor_imports_nothing_heavy() -> None:
    """The process that must always answer does not depend on what may be broken."""
    code = (
        "import sys; before=set(sys.modules); import runpy\n"
        f"runpy.run_path({str(HOOK_FILE)!r})\n"
        "print(*sorted(n for n in set(sys.modules)-before if 'governance' in n or n=='json'))"
    )
    out = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert out.stdout.split() == []


def test_paths_are_found_without_site_packages() -> None:
    """With nothing recorded the interpreter's own site-packages are used."""
    found = search_paths([])
    assert found[0] == str(HOOK_FILE.parents[2])
    assert found[1].endswith("site-packages")
    assert search_paths(["/x"]) == [found[0], "/x"]
