"""`governance diagram` and `listeners`: the machine, a session's way, and who listens."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from governance import cli
from governance.cli.machines import MOVED_BY, path_of
from governance.diagrams.png import svg_sha256_of
from governance.engine import Engine
from governance.machine import load_machine
from governance.project import Project
from governance.rules.trust import grant_trust
from governance.testing import ManualClock
from tests.integration.conftest import made_project

PACK = """\
format = 1

[pack]
name = "team"
version = "1.0.0"
summary = "What the team agreed on."

[[rule]]
id = "team.no-deploy"
tools = ["shell"]
when.command = "make deploy"
action = "deny"
message = "A person deploys."
must_match = [{ tool = "shell", command = "make deploy" }]
must_not_match = [{ tool = "shell", command = "make test" }]

[[rule]]
id = "team.no-compaction"
on = "transition"
when.event = "compacting"
when.from = "resumed"
action = "deny"
message = "Not now."
must_match = [{ event = "compacting", from = "resumed" }]
must_not_match = [{ event = "compacting", from = "beginning" }]
"""

CONFIG = """\
[packs]
paths = ["team.toml"]

[[listener]]
name = "late"
events = ["session.*"]
command = ["true"]
mode = "background"

[[listener]]
name = "early"
events = ["tool.asked"]
command = ["true"]
mode = "sequential"
priority = 10
time_limit_ms = 1500
"""

HOUR_SECONDS = 3_600
DAY_SECONDS = 24 * HOUR_SECONDS

Run = Callable[..., tuple[int, bytes, str]]


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one session that took a long way."""
    monkeypatch.setenv("COLUMNS", "160")
    folder = made_project(tmp_path, monkeypatch, CONFIG, {"team.toml": PACK})
    clock = ManualClock(1_700_000_000_000)
    with Engine.open(folder, clock=clock, listeners=None) as engine:
        way = engine.start("way")
        clock.advance(5_000)
        way.turn("one")
        clock.advance(60_000)
        for number in range(2):
            way.tool("shell", {"command": "make deploy"}, call_id=f"c{number}")
        way.compact()
        clock.advance(7_000)
        way.turn("two")
        clock.advance(1_000)
        way.interrupt("shutdown")
        clock.advance(60_000)
        way.resume()
        way.interrupt("shutdown")
        clock.advance(2 * HOUR_SECONDS * 1_000)
        way.turn("three")
        way.end()
        clock.advance(30 * DAY_SECONDS * 1_000)
        way.resume()
    return folder


@pytest.fixture(name="run")
def _run(project: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs a command on the project; what it writes as bytes."""

    def run(*words: str) -> tuple[int, bytes, str]:
        code = cli.main((*words, "--dir", str(project)))
        shown = capfdbinary.readouterr()
        return code, shown.out, shown.err.decode()

    return run


class TestPath:
    """The way of a session, read off its rows."""

    def test_edges_times_and_denials_are_those_of_the_session(self, project: Path) -> None:
        """Each move once for each time it was made; a gap that was too long is a resume."""
        with Engine.open(project) as engine:
            path = path_of(engine.journal, "way", load_machine().definition)

        assert dict(path.edges) == {
            ("absent", "start", "beginning"): 1,
            ("beginning", "brief", "between-turn"): 2,
            ("between-turn", "compact", "compacted"): 1,
            ("compacted", "brief", "between-turn"): 1,
            ("between-turn", "interrupt", "interrupted"): 2,
            ("interrupted", "resume", "between-turn"): 1,
            ("interrupted", "resume", "resumed"): 1,
            ("resumed", "brief", "between-turn"): 1,
            ("between-turn", "end", "ended"): 1,
            ("ended", "resume", "beginning"): 1,
        }
        assert dict(path.returns) == {("interrupted", "resume", "between-turn"): 1}
        assert dict(path.denials) == {"between-turn": 2}
        assert path.spent_ms["beginning"] == 5_000
        assert path.spent_ms["between-turn"] == 61_000
        assert path.spent_ms["compacted"] == 7_000
        assert path.spent_ms["interrupted"] == 60_000 + 2 * HOUR_SECONDS * 1_000

    def test_every_event_that_moves_is_told_by_a_row(self) -> None:
        """No edge of the machine is without a kind of row that stands for it."""
        moved = {event for _, event, _, _ in load_machine().definition.moves()}

        assert moved == set(MOVED_BY.values())

    def test_every_row_that_moves_is_emitted_by_its_event(self) -> None:
        """The kinds of rows are those that the machine's own table names."""
        definition = load_machine().definition
        for kind, event in MOVED_BY.items():
            emitted = {
                name
                for cell in definition.events[event].cells.values()
                for branch in cell.branches
                for name in branch.emits
            }
            assert kind in emitted


class TestDiagram:
    """The command."""

    def test_the_session_s_way_is_drawn(self, run: Run) -> None:
        """Counts at the edges, times and denials in the states, the id above."""
        code, out, _ = run("diagram", "--session", "way", "--format", "svg")
        text = out.decode()

        assert code == 0
        assert text.startswith("<svg") or text.startswith("<?xml")
        assert "interrupt ×2" in text
        assert "2 denied" in text
        assert ">way<" in text

    def test_rules_that_guard_a_transition_are_named(self, project: Path, run: Run) -> None:
        """At the event they look at; packs that cannot be loaded leave them out, and say so."""
        _, out, err = run("diagram", "--format", "svg")
        assert b"compacting is guarded by team.no-compaction" in out
        assert err == ""

        (project / "team.toml").write_text("broken = [", encoding="utf-8")
        code, out, err = run("diagram", "--format", "svg")
        assert code == 0
        assert b"team.no-compaction" not in out
        assert "rules on transitions are left out" in err

    def test_the_name_of_the_file_says_the_format(self, tmp_path: Path, run: Run) -> None:
        """`-o x.png` is a PNG of the SVG that `-o x.svg` writes; an outright format wins."""
        svg, png, dot = (tmp_path / name for name in ("a.svg", "a.png", "b.svg"))
        for words in ((svg,), (png,), (dot, "--format", "dot")):
            code, out, _ = run("diagram", "--session", "way", "-o", *map(str, words))
            assert (code, out) == (0, b"")

        assert svg_sha256_of(png.read_bytes()) == sha256(svg.read_bytes()).hexdigest()
        assert dot.read_text(encoding="utf-8").startswith("digraph")

    def test_a_pipe_gets_the_bytes_of_a_png(self, run: Run) -> None:
        """Only a terminal is spared them."""
        code, out, _ = run("diagram", "--format", "png")

        assert code == 0
        assert out.startswith(b"\x89PNG")

    def test_a_terminal_gets_no_png(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is refused with what to do instead, and nothing is written."""
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        code = cli.main(("diagram", "--format", "png", "--dir", str(project)))
        shown = capsys.readouterr()

        assert code == 2
        assert shown.out == ""
        assert "GOV635" in shown.err
        assert "-o machine.png" in shown.err

    @pytest.mark.parametrize("name", ["machine.pdf", "machine.jpeg", "machine.PNGX"])
    def test_a_file_of_no_known_format_is_not_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        """A text under the name of a picture would be neither."""
        file = tmp_path / name

        assert cli.main(("diagram", "-o", str(file))) == 2
        assert "`.svg`" in capsys.readouterr().err
        assert not file.exists()
        assert cli.main(("diagram", "--format", "dot", "-o", str(file))) == 0

    def test_outside_a_project_the_plain_machine_is_drawn(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfdbinary: pytest.CaptureFixture[bytes],
    ) -> None:
        """The machine needs no project; a session does."""
        monkeypatch.chdir(tmp_path)

        assert cli.main(("diagram",)) == 0
        assert capfdbinary.readouterr().out.startswith(b"stateDiagram-v2")
        assert cli.main(("diagram", "--session", "way")) == 2

    def test_a_file_that_cannot_be_written_is_an_error(self, tmp_path: Path, run: Run) -> None:
        """With its path; an unknown session likewise."""
        code, _, err = run("diagram", "-o", str(tmp_path / "none" / "x.svg"))
        assert code == 2
        assert "GOV610" in err

        code, _, err = run("diagram", "--session", "wya")
        assert code == 2
        assert "did you mean `way`?" in err


class TestListeners:
    """Who is registered."""

    def test_they_stand_in_the_order_of_their_turns(self, run: Run) -> None:
        """With everything that was said of each."""
        code, out, _ = run("listeners", "--format", "json")

        early, late = json.loads(out)
        assert code == 0
        assert early["name"] == "early"
        assert early["mode"] == "sequential"
        assert early["priority"] == 10
        assert early["time_limit_ms"] == 1_500
        assert early["events"] == ["tool.asked"]
        assert early["source"] == "command"
        assert early["enabled"] is False, "nobody has trusted this project yet"
        assert late["patterns"] == ["session.*"]
        assert "session.created" in late["events"]

    def test_trusted_ones_are_called(self, project: Path, run: Run) -> None:
        """What a person has trusted is enabled, and shown so."""
        config = project / "governance.toml"
        grant_trust(
            str(Project(project).trust_file()),
            config.read_text(),
            file="governance.toml",
            project=str(project),
            by="me",
            at_ms=1,
        )

        _, out, _ = run("listeners", "--format", "json")

        assert [one["enabled"] for one in json.loads(out)] == [True, True]

    def test_people_see_a_table_or_that_there_are_none(self, project: Path, run: Run) -> None:
        """A project without listeners is told how to register one."""
        _, out, _ = run("listeners")
        assert b"early" in out
        assert b"1500 ms" in out

        (project / "governance.toml").write_text('[packs]\npaths = ["team.toml"]\n')
        code, out, _ = run("listeners")
        assert code == 0
        assert b"no listeners" in out
