"""The engine on a real project folder: files, processes, restarts, threads and tasks."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from governance.aengine import AsyncEngine
from governance.engine import Engine
from governance.engine.opening import PROJECT_SESSION, paused_reason
from governance.errors import DefinitionError, StoreDamaged, StoreFull, StoreMissing
from governance.journal.records import Append, Row
from governance.project import Project
from governance.rules.trust import grant_trust
from governance.testing import ManualClock
from tests.integration.conftest import made_project

ROOT = Path(__file__).parents[2]

WORKER = """
import sys
from governance import Engine
with Engine.open(sys.argv[1]) as engine:
    session = engine.session("shared")
    for number in range(int(sys.argv[3])):
        session.tool("shell", {"command": "git push -f"}, call_id=f"{sys.argv[2]}-{number}")
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return made_project(tmp_path, monkeypatch)


MAPPED = """[packs]
paths = ["shipped"]

[hosts.claude-code.roles]
Explore = "reviewer"
Plan = "%s"
"""


def test_an_agent_of_a_host_is_mapped_to_a_role_that_a_pack_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelled role would deny the agent everything: the engine says where, and is not made."""
    project = made_project(tmp_path, monkeypatch, MAPPED % "reviewr")
    config = project / "governance.toml"

    def trust() -> None:
        text = config.read_text()
        record = str(Project(project).trust_file())
        grant_trust(record, text, file=str(config), project=str(project), by="p", at_ms=0)

    trust()
    with pytest.raises(DefinitionError) as caught:
        Engine.open(project)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.file, problem.line) == ("GOV275", str(config), 6)
    assert "`hosts.claude-code.roles.Plan` names the role `reviewr`" in problem.message
    assert problem.suggestion == "did you mean `reviewer`?"

    config.write_text(MAPPED % "validator")
    trust()
    Engine.open(project).close()


def test_a_session_outlives_its_process(project: Path) -> None:
    """A second engine on the folder knows what the first one's sessions did."""
    with Engine.open(project) as first:
        session = first.session("s")
        session.turn("go")
        session.tool("shell", {"command": "git push -f"}, call_id="1")
        before = first.state("s")

    with Engine.open(project) as second:
        assert second.state("s") == before
        assert second.state("s").ledger.total == 1


def test_another_process_is_another_run(project: Path) -> None:
    """A live session that another process starts was interrupted, and is told again."""
    with Engine.open(project, run="one") as first:
        first.start("s").turn("go")
    with Engine.open(project, run="two") as second:
        session = second.start("s")

        kinds = [record.kind for record in second.journal.read("s")]
        assert kinds[-2:] == ["session.interrupted", "session.resumed"]
        assert session.turn("on").text != ""


def test_two_processes_count_exactly(project: Path) -> None:
    """Violations of two racing processes are all counted, and the chain holds."""
    with Engine.open(project) as engine:
        engine.session("shared").turn("go")
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(project), name, "2"], cwd=ROOT)
        for name in ("a", "b")
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]

    with Engine.open(project) as engine:
        decided = [r for r in engine.journal.read("shared") if r.kind == "tool.decided"]
        assert len(decided) == 4
        assert engine.journal.verify().ok


def test_threads_of_one_engine_share_it(project: Path) -> None:
    """Eight threads on eight sessions lose nothing."""
    with Engine.open(project) as engine:

        def work(name: str) -> None:
            session = engine.start(name)
            session.turn("go")
            for number in range(5):
                session.tool("shell", {"command": "ls"}, call_id=str(number))
                session.tool_finished(str(number), outcome="ok")
            session.end()

        threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [engine.state(f"t{n}").metrics.tools_ok for n in range(8)] == [5] * 8
        assert engine.journal.verify().ok


def test_the_async_facade_does_the_same(project: Path) -> None:
    """Tasks await the verbs, and their sessions stand in the same journal."""

    async def main() -> list[str]:
        async with await AsyncEngine.open(project) as engine:
            actions: list[str] = []

            async def work(name: str) -> None:
                async with await engine.start(name) as session:
                    await session.turn("go")
                    verdict = await session.tool("shell", {"command": "git push -f"})
                    actions.append(verdict.action)

            async with anyio.create_task_group() as group:
                for number in range(4):
                    group.start_soon(work, f"a{number}")
            return actions

    assert anyio.run(main) == ["deny"] * 4
    with Engine.open(project) as engine:
        assert engine.state("a3").registers.state == "ended"


def test_a_folder_without_a_project_is_an_error_and_stays_empty(tmp_path: Path) -> None:
    """Only `init` creates: an agent that deletes its policy gets no fresh one."""
    with pytest.raises(DefinitionError, match="GOV331"):
        Engine.open(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_store_that_vanished_is_not_a_new_store(project: Path) -> None:
    """The engine refuses to begin again where a journal was."""
    with Engine.open(project) as engine:
        engine.start("s")
    for file in (project / ".governance").glob("journal.db*"):
        file.unlink()

    with pytest.raises(StoreMissing):
        Engine.open(project)


def test_a_broken_pack_is_an_error_until_a_person_pauses(project: Path) -> None:
    """While governance is paused a broken pack stops nobody; then it stops everybody."""
    clock = ManualClock()
    with Engine.open(project, clock=clock) as engine:
        until = {"until_ms": clock.now_ms() + 600_000, "by": "me", "reason": "pack is broken"}
        engine.record(PROJECT_SESSION, "governance.paused", until, actor="me")
        assert paused_reason(engine.journal, clock.now_ms()) == "pack is broken"
    (project / "bad.toml").write_text("format = 1\n[pack]\nname = 3\n")
    config = project / "governance.toml"
    config.write_text(config.read_text().replace('["shipped"]', '["shipped", "bad.toml"]'))

    with Engine.open(project, clock=clock) as engine:
        session = engine.session("s")
        session.turn("go")
        assert session.tool("shell", {"command": "git push -f"}, call_id="1").action == "allow"
    clock.advance(600_000)
    with pytest.raises(DefinitionError, match=r"bad\.toml"):
        Engine.open(project, clock=clock)


def example(name: str, project: Path) -> str:
    """What an example prints that is run on *project*; it went well."""
    words = [sys.executable, str(ROOT / "examples" / f"{name}.py"), str(project)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=project)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_an_own_session_type_runs(project: Path) -> None:
    """`examples/custom_session.py` reviews a file and is refused a force push."""
    shown = example("custom_session", project)

    assert "findings in" in shown
    assert "git.no-force-push" in shown
    with Engine.open(project) as engine:
        assert engine.state("review-1").registers.state == "ended"


def test_the_example_of_governed_functions_runs(project: Path) -> None:
    """`examples/governed_tools.py` runs tools of three kinds and is refused a force push."""
    shown = example("governed_tools", project)

    assert "run: hello" in shown
    assert "git.no-force-push" in shown
    assert "fetch: the page at https://example.org/" in shown
    with Engine.open(project) as engine:
        kinds = [row.kind for row in engine.journal.read("tools-1")]
    assert kinds.count("tool.finished") == 3


def test_what_a_process_could_not_write_is_written_by_the_next(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compaction that met a full disk stands before what another process is asked."""
    with Engine.open(project) as first:
        session = first.session("s")
        session.turn("go")

        def full(*_args: object, **_named: object) -> None:
            raise StoreFull("no space left")

        monkeypatch.setattr(type(first.journal), "append", full)
        with pytest.raises(StoreFull):
            session.compact()
        assert session.tool("shell", {"command": "ls"}).denied
        monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(project.parent / "state"))

    with Engine.open(project) as second:
        reply = second.session("s").tool("shell", {"command": "ls"}, call_id="1")
        kinds = [record.kind for record in second.journal.read("s")]

        assert reply.rules == ("session.unbriefed",)
        assert kinds.count("session.compacted") == 1
        assert second.session("s").tool("shell", {"command": "ls"}).action == "allow"


def test_a_row_that_no_engine_wrote_is_damage(project: Path) -> None:
    """A well-chained row with a body that says nothing is named, and no fresh start is made."""
    with Engine.open(project) as engine:
        row = Row("command.executed", 1, b'{"data": {}}')
        engine.journal.append([Append("s", 0, (row,))])

        with pytest.raises(StoreDamaged, match=r"row 1 of `s`"):
            engine.state("s")


def test_the_example_of_an_own_harness_runs(project: Path) -> None:
    """`examples/own_harness.py` briefs its model and is refused a force push."""
    shown = example("own_harness", project)

    assert "governance.toml" in shown
    assert "git.no-force-push" in shown
    with Engine.open(project) as engine:
        assert engine.state("own-1").registers.state == "ended"
