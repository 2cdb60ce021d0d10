"""Whether a file fits a glob: read from a real folder, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.engine import looking
from governance.engine.looking import GLOBS_MAX, look
from governance.rules.paths import places_of


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    for name in ("phases/3/01-PLAN.md", "docs/a/b/c.md", ".idumb/state.json", "x{1}.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("here")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    return tmp_path


@pytest.mark.parametrize(
    ("glob", "there"),
    [
        ("phases/3/*PLAN.md", True),
        ("phases/4/*PLAN.md", False),
        ("phases/*/*PLAN.md", True),
        ("phases/3/PLAN.md", False),
        ("phases/3", True),
        ("./phases/3/01-PLAN.md", True),
        ("**/c.md", True),
        ("docs/**/c.md", True),
        ("docs/**", True),
        ("**/d.md", False),
        (".idumb/*.json", True),
        ("*/state.json", True),
        ("docs/a/b/{d,c}.md", True),
        ("phases/3/01-PLAN.md/x", False),
        ("dangling", True),
        ("nowhere/**", False),
        ("phases/?", None),
    ],
)
def test_a_glob_is_looked_for(project: Path, glob: str, there: bool | None) -> None:
    """As in rules: `*` within a folder, `**` across, dot files too; `?` is no sign."""
    assert look(places_of(str(project)), [glob]) == {glob: there}


def test_a_glob_of_the_whole_disk_starts_where_it_says(project: Path) -> None:
    """An absolute glob is none of the project."""
    glob = f"{project}/docs/*/b/c.md"

    assert look(places_of("/"), [glob]) == {glob: True}


def test_too_much_to_read_is_unknown(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look ends at its bound, and says neither yes nor no."""
    monkeypatch.setattr(looking, "ENTRIES_MAX", 3)

    assert look(places_of(str(project)), ["**/none.md"]) == {"**/none.md": None}


def test_too_many_globs_are_unknown(project: Path) -> None:
    """Of one command only so many are looked for."""
    globs = [f"a/{number}" for number in range(GLOBS_MAX + 1)]

    found = look(places_of(str(project)), globs)

    assert found[globs[-1]] is None
    assert found[globs[0]] is False
