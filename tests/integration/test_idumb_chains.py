"""The shipped pack of chains holds its steps in a session, on real folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import Engine
from governance._shipped import BY_NAME, pack_texts
from governance.config import default_toml
from governance.formats import body_of
from governance.journal.opening import open_journal
from governance.project import create_project
from governance.session.commands import HostTraits
from governance.testing import ManualClock


def made(folder: Path, packs: str) -> Path:
    directory = folder / "project"
    directory.mkdir()
    create_project(directory, default_toml().replace('["shipped"]', f'["{packs}"]'))
    open_journal(base=directory, create=True).close()
    return directory


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    return made(tmp_path, "shipped:idumb-chains")


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="session")
def _session(project: Path, clock: ManualClock):
    with Engine.open(project, clock=clock) as engine:
        session = engine.start("s", host="python")
        session.turn("go")
        yield session


def put(project: Path, *files: str) -> None:
    for name in files:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("here")


def test_before_init_every_command_leads_to_init(session, project: Path) -> None:
    """INIT-01 wins over what would come later in the chain, and never holds `init` itself."""
    assert session.command("idumb:roadmap").denied  # PROJ-01 refuses it as well
    for name in ("idumb:discuss-phase", "idumb:execute-phase", "idumb:anything"):
        assert session.command(name, ["3"]).rewritten == {"command": "idumb:init"}
    for name in ("idumb:init", "idumb:help", "idumb:status", "compact"):
        assert session.command(name).action == "allow"


def test_a_roadmap_needs_a_project_and_the_user_may_insist(session, project: Path) -> None:
    """PROJ-01 blocks, and only the user's own `--force` lifts it."""
    put(project, ".idumb/brain/state.json")

    assert session.command("idumb:roadmap").denied
    assert session.command("idumb:roadmap", ["--force"], source="agent").denied
    assert session.command("idumb:roadmap", ["--force"]).action == "allow"
    put(project, "PROJECT.md")
    assert session.command("idumb:roadmap").action == "allow"


def test_a_phase_is_planned_before_it_is_executed(session, project: Path) -> None:
    """PHASE-01 redirects to the plan of the very phase, PHASE-02 warns and goes on."""
    put(project, ".idumb/brain/state.json", "PROJECT.md", "ROADMAP.md", "phases/4/PLAN.md")

    assert session.command("idumb:execute-phase", ["3"]).rewritten == {
        "command": "idumb:plan-phase 3"
    }
    for word in ("..", "*", "4/../4", ""):
        assert session.command("idumb:execute-phase", [word]).denied
    assert session.command("idumb:execute-phase", []).denied
    warned = session.command("idumb:execute-phase", ["4"])
    assert (warned.action, warned.rules) == ("allow", ("idumb.phase-02",))
    put(project, "phases/4/04-CONTEXT.md")
    assert session.command("idumb:execute-phase", ["4"]).rules == ()


def test_verification_and_completion_need_what_they_speak_of(session, project: Path) -> None:
    """PHASE-03 and VAL-01 refuse until the summary and the verification are there."""
    put(project, ".idumb/brain/state.json")

    assert session.command("idumb:verify-phase", ["3"]).denied
    assert session.command("idumb:complete-phase", ["3"]).denied
    put(project, ".planning/phases/3/03-SUMMARY.md", "phases/3/VERIFICATION.md")
    assert session.command("idumb:verify-phase", ["3"]).action == "allow"
    assert session.command("idumb:complete-phase", ["3"]).action == "allow"
    assert session.command("idumb:complete-phase", ["4", "--force"]).denied


def test_a_commit_wants_a_validation_of_the_last_ten_minutes(session, clock: ManualClock) -> None:
    """VAL-02 warns; a validation counts for ten minutes and no longer."""
    commit = {"command": "git commit -m x"}

    assert session.tool("shell", commit, call_id="1").action == "warn"
    session.command("idumb:validate")
    clock.advance(600_000)
    assert session.tool("shell", commit, call_id="2").action == "allow"
    clock.advance(1)
    assert session.tool("shell", commit, call_id="3").action == "warn"


def test_the_chain_stands_in_the_journal(session, project: Path) -> None:
    """What was given, what ran instead, and what was found of files: replay needs no disk."""
    session.command("idumb:execute-phase", ["3"])

    rows = [body_of(record) for record in session.engine.journal.read("s")]
    executed = [row["data"] for row in rows if "redirected_from" in row["data"]]
    assert executed[0]["name"] == "idumb:init"
    assert executed[0]["redirected_from"] == "idumb:execute-phase"
    told = [one for row in rows for one in row.get("files", ())]
    assert {"glob": ".idumb/brain/state.json", "there": False} in told


def test_a_host_without_redirects_refuses_and_names_the_step(project: Path) -> None:
    """The command does not run, and its user reads what to run."""
    with Engine.open(project) as engine:
        session = engine.session("s", traits=HostTraits(redirects=False))
        session.turn("go")

        reply = session.command("idumb:execute-phase", ["3"])

    assert reply.denied
    assert "run instead: /idumb:init" in reply.message


def test_the_pack_is_in_force_only_where_it_is_named(tmp_path: Path) -> None:
    """`shipped` does not bring it in."""
    assert set(pack_texts()) > BY_NAME
    with Engine.open(made(tmp_path, "shipped")) as engine:
        assert not any(name.startswith("idumb.") for name in engine.law.rules.rules)
