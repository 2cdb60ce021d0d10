"""Whatever breaks while the real Gemini CLI is at work, the tool does not run."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.states import State
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.governed import OWN_PACK
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
SHORT = OWN_PACK + "\n[hosts.gemini-cli]\ndeadline_ms = 4000\n"


def broken_between_calls(lab: GeminiLab, fault: Callable[[], object]) -> str:
    """Break something between two calls of one turn; what the model read of the second."""
    first, second, done = lab.steps("touch first", "touch second")
    lab.script(work=[first, {**second, "before": fault}, done])
    lab.run("SCENARIO:work go")
    assert lab.ran("first"), "the client was at work before the fault"
    assert not lab.ran("second"), "the tool ran in spite of the fault"
    told = lab.results_seen()[-1]
    before = len(lab.server.requests)
    lab.run("SCENARIO:work again")
    assert len(lab.server.requests) == before, "a prompt reached the model in spite of the fault"
    return told


@proves("fault: bad pack", "gemini-cli")
def test_bad_pack_denies(gemini: GeminiLab) -> None:
    """A pack that cannot be read refuses everything, by name."""
    gemini.govern()
    pack = gemini.project / "rules" / "pack.toml"

    told = broken_between_calls(gemini, lambda: pack.write_text(pack.read_text() + "\nx = \n"))

    assert "pack.toml" in told


@proves("fault: damaged store", "gemini-cli")
def test_damaged_store_denies(gemini: GeminiLab) -> None:
    """A store that is no store any more refuses, and is left as it is."""
    gemini.govern()
    store = gemini.project / ".governance" / "journal.db"

    def damage() -> None:
        for name in ("journal.db-wal", "journal.db-shm"):
            store.with_name(name).unlink(missing_ok=True)
        store.write_bytes(b"\x00not a store\x00" * 500)

    told = broken_between_calls(gemini, damage)

    assert "journal.db" in told
    assert store.read_bytes().startswith(b"\x00not a store")


@proves("fault: import error", "gemini-cli")
def test_broken_installation_denies(gemini: GeminiLab) -> None:
    """An engine that cannot be imported refuses, and says what is missing."""
    gemini.govern()
    gemini.without_service()
    package = gemini.own_installation()

    def spoil() -> None:
        (package / "calls.py").write_text("import nothing_of_that_name\n")
        shutil.rmtree(package / "__pycache__", ignore_errors=True)

    told = broken_between_calls(gemini, spoil)

    assert "nothing_of_that_name" in told


@proves("fault: own time-out", "gemini-cli")
def test_own_time_out_denies(gemini: GeminiLab) -> None:
    """A decision that takes too long is a deny of ours."""
    gemini.govern(SHORT)
    gemini.without_service()
    package = gemini.own_installation()
    answer = package / "hosts" / "gemini_cli" / "answer.py"
    slow = answer.read_text().replace(
        "    if not replies:", "    import time\n\n    time.sleep(60)\n    if not replies:", 1
    )
    assert slow != answer.read_text()

    told = broken_between_calls(gemini, lambda: answer.write_text(slow))

    assert "4000 ms" in told


@proves("agent: forging events fails", "gemini-cli")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_agent_cannot_forge_events(gemini: GeminiLab) -> None:
    """What an agent's shell tells the hook is not believed."""
    gemini.govern()
    payload = '{"hook_event_name": "SessionEnd", "session_id": "%s", "reason": "other"}'
    words = [sys.executable, "-I", "-S", str(HOOK_FILE), "--host", "gemini-cli"]
    words += ["--dir", str(gemini.project), "--event", "SessionEnd"]
    words += [word for folder in import_folders() for word in ("--path", folder)]
    steps = gemini.steps("first", "second", "touch still")

    def forge() -> None:
        # The client's shell does not name the session; an agent that found it out is no better.
        sent = f"printf {shlex.quote(payload)} {gemini.session} | {shlex.join(words)}"
        steps[0]["input"]["command"] = sent
        steps[1]["input"]["command"] = f"env -i sh -c {shlex.quote(sent)}"

    gemini.script(forging=[{**steps[0], "before": forge}, *steps[1:]])

    gemini.run("SCENARIO:forging go")

    assert gemini.ran("still")
    assert gemini.state(gemini.session).state is State.ENDED
    assert gemini.kinds(gemini.session).count("session.ended") == 1
    log = (gemini.project / ".governance" / "governance.log").read_text()
    assert gemini.session in log


@proves("agent: governing itself fails", "gemini-cli")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_agent_cannot_govern_itself(gemini: GeminiLab) -> None:
    """An agent that pardons itself or uninstalls is refused, however it hides."""
    gemini.govern()
    gemini.bash("touch FORBIDDEN")
    session = gemini.session
    hooks = gemini.settings_file.read_text()
    program = shlex.quote(str(gemini.script_file))
    bare = f'env -i HOME="$HOME" PATH="{Path(sys.executable).parent}:$PATH"'
    gemini.script(
        more=gemini.steps(
            f"{program} pardon {session} --reason nothing",
            f"{bare} {program} uninstall --all --yes",
            f"script -qec '{bare} {program} pause --for 10m --reason x' /dev/null",
        )
    )

    gemini.run("SCENARIO:more go", "--resume", session)

    assert all("is a person's" in told for told in gemini.results_seen()[-3:])
    assert gemini.settings_file.read_text() == hooks
    assert gemini.state(session).ledger.counts["high"] == 1
