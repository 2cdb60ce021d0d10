"""The command line in a host's settings: whatever becomes of the hook, the host hears a deny."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from governance.hooking import hook
from governance.hooking.adapter import HookEvent
from governance.hooking.command_line import (
    ANSWERED,
    HOOK_FILE,
    entry_command,
    hook_command,
    import_folders,
    person_places,
    quoted,
)
from governance.hosts import INSTALLABLE, adapter_of

ASKS = HookEvent("Asks", True, (), "")
TELLS = HookEvent("Tells", False, (), "")
PAGE = Path(__file__).parents[2] / "docs" / "hosts" / "claude-code.md"
SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh", "fish") if shutil.which(shell)]


def standing_in(tmp_path: Path, script: str) -> str:
    """The command for an event that asks, with *script* in the place of the interpreter."""
    file = tmp_path / "inter preter"
    if script:
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    command = entry_command("claude-code", tmp_path, ASKS)
    assert f'"{sys.executable}"' in command
    return command.replace(f'"{sys.executable}"', f'"{file}"')


def run(command: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell, "-c", command], input="payload", capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "script", ["", "kill -9 $$", "kill -11 $$", "exit 0", "exit 1", "exit 127"]
)
def test_without_an_answer_it_refuses(tmp_path: Path, script: str, shell: str) -> None:
    """One that is gone, killed, fails or says nothing leaves exit code 2, and a word for people."""
    done = run(standing_in(tmp_path, script), shell)
    assert done.returncode == 2
    assert "run governance doctor" in done.stderr


def test_an_answer_passes_as_it_is(tmp_path: Path) -> None:
    """Input, words, output and the codes of an answer go through the shell unchanged."""
    done = run(standing_in(tmp_path, 'cat; echo; echo "$@"; exit 3') + " --now-ms 7")
    assert done.returncode == 0
    assert done.stderr == ""
    first, words = done.stdout.splitlines()
    assert first == "payload"
    assert words.startswith("-I -S /")
    assert words.endswith(" --now-ms 7")
    refused = run(standing_in(tmp_path, "echo why >&2; exit 2"))
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", "why\n")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_shell_that_is_told_to_stop_waits_for_the_answer(
    tmp_path: Path, sent: signal.Signals
) -> None:
    """The signal that reaches the shell alone takes the answer of its hook from nobody."""
    command = standing_in(tmp_path, "echo started; sleep 0.5; echo answer; exit 3")
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "started\n"
        time.sleep(0.05)
        shell.send_signal(sent)
        assert shell.stdout.read() == "answer\n"
    assert shell.returncode == 0


@pytest.mark.parametrize("kept", [0, 1_500])
def test_a_script_that_was_cut_off_refuses(tmp_path: Path, kept: int) -> None:
    """Where the disk was full while it was installed nothing of it may be left, or a part."""
    script = tmp_path / "hook.py"
    script.write_bytes(HOOK_FILE.read_bytes()[:kept])
    command = entry_command("claude-code", tmp_path, ASKS).replace(str(HOOK_FILE), str(script))
    assert str(script) in command
    assert run(command).returncode == 2


def test_the_script_ends_as_its_guard_expects() -> None:
    """The code of an answer is the same on both sides."""
    assert hook.ANSWERED == ANSWERED


def test_an_event_that_only_tells_has_no_guard(tmp_path: Path) -> None:
    """Exit code 2 would keep some hosts from ending their turn."""
    assert entry_command("codex", tmp_path, TELLS) == hook_command("codex", tmp_path, "Tells")


@pytest.mark.parametrize("host", ["claude-code", "codex", "gemini-cli"])
def test_every_event_that_asks_is_behind_it(host: str, tmp_path: Path) -> None:
    """Events of hosts with command hooks are behind the guard just where leave is asked for."""
    assert host in INSTALLABLE
    events = adapter_of(host).events
    guarded = {
        name
        for name, event in events.items()
        if entry_command(host, tmp_path, event).startswith("exec /bin/sh -c ")
    }
    assert guarded == {name for name, event in events.items() if event.decides} != set()


PERSON = {
    "home": "/home/you",
    "config": "/home/you/.config/session-governance",
    "state": "/home/you/.local/state/session-governance",
}


@pytest.mark.parametrize("event", [ASKS, TELLS], ids=["asks", "tells"])
def test_the_page_shows_the_command_as_it_is(tmp_path: Path, event: HookEvent) -> None:
    """Both kinds stand on the page, with places that everybody understands."""
    command = entry_command("claude-code", tmp_path, event)
    shown = {
        sys.executable: "/abs/python",
        str(HOOK_FILE): "/abs/…/hooking/hook.py",
        str(tmp_path): "/abs/project",
    }
    for found, told in shown.items():
        command = command.replace(quoted(found), quoted(told))
    folders = [f"--path {quoted(one)}" for one in import_folders()]
    command = command.replace(" ".join(folders), '--path "/abs/site-packages"')
    for name, place in person_places().items():
        command = command.replace(f"--{name} {quoted(place)}", f'--{name} "{PERSON[name]}"')
    command = command.replace(f"--event {event.name}", "--event NAME")
    assert f"\n{command}\n" in PAGE.read_text(encoding="utf-8")
