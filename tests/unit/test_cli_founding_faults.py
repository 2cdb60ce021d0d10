"""A project that could be made or removed in part alone can be made, or removed, again."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.cli.founding import found_project, remove_project
from governance.cli.guard import key_path, require_person
from governance.config import default_toml, load_config
from governance.errors import GovernanceError
from governance.journal.opening import open_journal
from governance.project import Project
from governance.testing.file_faults import Fault, faults
from governance.testing.host_contract_settings import tree


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A folder that is none yet; all that belongs to its person is below the test's own."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


def _files(project: Project) -> set[str]:
    """Every file, what a process that was killed had begun to write among them."""
    return {name for name, data in tree(project.directory.parent).items() if data is not None}


def _is_whole(project: Project) -> None:
    assert project.config_file.read_text() == default_toml()
    load_config(project.directory)
    open_journal(base=project.directory, create=False).close()
    require_person("approve", project, key_path(project))


def _told(fault: Fault) -> None:
    if fault.error is not None:
        named = isinstance(fault.error, OSError) and fault.error.filename
        assert named or isinstance(fault.error, GovernanceError), fault


def test_a_project_is_made_after_all(project: Project) -> None:
    """Whatever file could not be written, what is there is whole, and the next `init` ends it."""
    for fault in faults():
        with fault:
            found_project(project.directory, default_toml())
        _told(fault)
        if project.config_file.exists():
            assert project.config_file.read_text() == default_toml(), fault
        found_project(project.directory, default_toml())
        _is_whole(project)
        remove_project(project, erase_journal=True)
        assert _files(project) == set(), fault


def test_a_project_is_removed_after_all(project: Project) -> None:
    """What could not be removed is told, and the next `uninstall` removes it."""
    for fault in faults():
        found_project(project.directory, default_toml())
        with fault:
            remove_project(project, erase_journal=True)
        _told(fault)
        remove_project(project, erase_journal=True)
        assert _files(project) == set(), fault
