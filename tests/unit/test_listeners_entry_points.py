"""Installed listeners: called when a configuration names them, and never by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.config import read_config
from governance.errors import DefinitionError
from governance.events import Event
from governance.listeners import Listeners, listeners_of, register_entry_points

MODULE = """
from governance.listeners import Refuse

def setup(registrar):
    registrar.register("tool.*", lambda event: Refuse("no"), mode="sequential", name="guard")

def wrong(registrar):
    registrar.register("tol.*", print)

def broken(registrar):
    raise RuntimeError("needs a license")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution on the path with three entry points."""
    (tmp_path / "listening_sample.py").write_text(MODULE)
    info = tmp_path / "listening_sample-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: listening-sample\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[governance.listeners]\n"
        "sample = listening_sample:setup\n"
        "wrong = listening_sample:wrong\n"
        "broken = listening_sample:broken\n"
        "gone = listening_sample:gone\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def config(text: str, folder: Path) -> Listeners:
    return listeners_of(read_config(text, "governance.toml", folder))


def test_a_named_entry_point_registers(installed: Path) -> None:
    """What the configuration names is loaded, and its listeners carry its name."""
    listeners = config('listeners.entry_points = ["sample"]', installed)

    data = {"tool": "x", "facts": {}, "arguments": {}}
    result = listeners.run_before(Event(name="tool.asked", session_id="s", data=data))
    listeners.close(0)

    assert [(one.name, one.source) for one, _ in listeners.describe()] == [
        ("sample:guard", "entry point")
    ]
    assert result.refused


def test_what_is_installed_and_not_named_is_not_called(installed: Path) -> None:
    """Installing a package changes no guard."""
    assert config("# no listeners", installed).describe() == ()


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("sampel", "GOV341", "did you mean `sample`?"),
        ("wrong", "GOV342", "`tol.*` matches no event"),
        ("broken", "GOV342", "RuntimeError: needs a license"),
        ("gone", "GOV342", "cannot be loaded"),
    ],
)
def test_what_cannot_be_loaded_is_told(installed: Path, name: str, code: str, said: str) -> None:
    """A guard that is not there is an error, never a guard less."""
    with pytest.raises(DefinitionError) as caught:
        config(f'listeners.entry_points = ["{name}"]', installed)

    (found,) = caught.value.diagnostics
    assert found.code == code
    assert said in str(found)
    assert found.file == "governance.toml"


def test_every_problem_is_told_at_once(installed: Path) -> None:
    """All names are tried before anything is raised."""
    with pytest.raises(DefinitionError) as caught:
        register_entry_points(Listeners(), ("nothing", "broken", "sample"))

    assert [one.code for one in caught.value.diagnostics] == ["GOV341", "GOV342"]
