"""Whatever breaks while the real Codex is at work, the tool does not run."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.states import State
from tests.hosts.codex_lab import CodexLab
from tests.hosts.governed import OWN_PACK
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
SHORT = OWN_PACK + "\n[hosts.codex]\ndeadline_ms = 4000\n"


def broken_between_calls(lab: CodexLab, fault: Callable[[], object]) -> str:
    """Break something between two calls of one turn; what the model read of the second."""
    first, second, done = lab.steps("touch first", "touch second")
    lab.script(work=[first, {**second, "before": fault}, done])
    lab.run("SCENARIO:work go")
    assert lab.ran("first"), "the client was at work before the fault"
    assert not lab.ran("second"), "the tool ran in spite of the fault"
    told = lab.results_seen()[-1]
    before = len(lab.server.requests)
    lab.run("resume", lab.session, "SCENARIO:work again")
    assert len(lab.server.requests) == before, "a prompt reached the model in spite of the fault"
    return told


@proves("fault: bad pack", "codex")
def test_bad_pack_denies(codex: CodexLab) -> None:
    """A pack that cannot be read refuses everything, by name."""
    codex.govern()
    pack = codex.project / "rules" / "pack.toml"

    told = broken_between_calls(codex, lambda: pack.write_text(pack.read_text() + "\nx = \n"))

    assert "pack.toml" in told


@proves("fault: damaged store", "codex")
def test_damaged_store_denies(codex: CodexLab) -> None:
    """A store that is no store any more refuses, and is left as it is."""
    codex.govern()
    store = codex.project / ".governance" / "journal.db"

    def damage() -> None:
        for name in ("journal.db-wal", "journal.db-shm"):
            store.with_name(name).unlink(missing_ok=True)
        store.write_bytes(b"\x00not a store\x00" * 500)

    told = broken_between_calls(codex, damage)

    assert "journal.db" in told
    assert store.read_bytes().startswith(b"\x00not a store")


@proves("fault: import error", "codex")
def test_broken_installation_denies(codex: CodexLab) -> None:
    """An engine that cannot be imported refuses, and says what is missing."""
    codex.govern()
    codex.without_service()
    package = codex.own_installation()

    def spoil() -> None:
        (package / "calls.py").write_text("import nothing_of_that_name\n")
        shutil.rmtree(package / "__pycache__", ignore_errors=True)

    told = broken_between_calls(codex, spoil)

    assert "nothing_of_that_name" in told


@proves("fault: own time-out", "codex")
def test_own_time_out_denies(codex: CodexLab) -> None:
    """A decision that takes too long is a deny of ours."""
    codex.govern(SHORT)
    codex.without_service()
    package = codex.own_installation()
    answer = package / "hosts" / "codex" / "answer.py"
    slow = answer.read_text().replace(
        "    if not replies:", "    import time\n\n    time.sleep(60)\n    if not replies:", 1
    )
    assert slow != answer.read_text()

    told = broken_between_calls(codex, lambda: answer.write_text(slow))

    assert "4000 ms" in told


@proves("agent: forging events fails", "codex")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_agent_cannot_forge_events(codex: CodexLab) -> None:
    """What an agent's shell tells the hook is not believed."""
    codex.govern()
    payload = '{"hook_event_name": "SessionEnd", "session_id": "%s", "reason": "other"}'
    words = [sys.executable, "-I", "-S", str(HOOK_FILE), "--host", "codex"]
    words += ["--dir", str(codex.project), "--event", "SessionEnd"]
    words += [word for folder in import_folders() for word in ("--path", folder)]
    sent = f"printf {shlex.quote(payload)} $CODEX_SESSION_ID | {shlex.join(words)}"

    codex.bash(sent, f"env -i sh -c {shlex.quote(sent)}", "touch still")

    assert codex.ran("still")
    assert codex.state(codex.session).state is State.ENDED
    assert codex.kinds(codex.session).count("session.ended") == 1
    log = (codex.project / ".governance" / "governance.log").read_text()
    assert codex.session in log


@proves("agent: governing itself fails", "codex")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_agent_cannot_govern_itself(codex: CodexLab) -> None:
    """An agent that pardons itself or uninstalls is refused, however it hides."""
    codex.govern()
    codex.bash("touch FORBIDDEN")
    session = codex.session
    hooks = codex.settings_file.read_text()
    program = shlex.quote(str(codex.script_file))
    bare = f'env -i HOME="$HOME" PATH="{Path(sys.executable).parent}:$PATH"'
    codex.script(
        more=codex.steps(
            f"{program} pardon {session} --reason nothing",
            f"{bare} {program} uninstall --all --yes",
            f"script -qec '{bare} {program} pause --for 10m --reason x' /dev/null",
        )
    )

    codex.run("resume", session, "SCENARIO:more go")

    assert all("is a person's" in told for told in codex.results_seen()[-3:])
    assert codex.settings_file.read_text() == hooks
    assert codex.state(session).ledger.counts["high"] == 1
