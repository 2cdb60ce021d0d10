"""
The contract of what puts hooks into a host's settings, and takes them out again.

    class TestMySettings(SettingsContract):
        installer = INSTALLER
        texts = ("{}", '{"theirs": 1}')

This module imports pytest, so it is for tests only.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import pytest

from governance.errors import GovernanceError
from governance.hooking.installing import Installer
from governance.testing.file_faults import Fault, faults
from governance.whole_file import DRAFT


class SettingsContract:
    """
    What `init` and `uninstall` promise of one host.

    Attributes:
        installer: What is tried.

        texts: Settings that a person may have had before; that there were none is tried too.

        variables: Variables that lead the host's own folders elsewhere, each below the
            folder of the test.
    """

    installer: ClassVar[Installer]
    texts: ClassVar[tuple[str, ...]]
    variables: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A project, and an empty home beside it."""
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        for name in self.variables:
            monkeypatch.setenv(name, str(tmp_path / name.lower()))
        made = tmp_path / 'pro ject "x" é'
        (made / ".governance").mkdir(parents=True)
        return made

    def test_the_very_bytes_come_back(self, project: Path) -> None:
        """Put in and taken out, every file is what it was, and none is left."""
        for text in (None, *self.texts):
            self._put(project, text)
            before = tree(project.parent)
            self.installer.install(project)
            assert self.installer.problems(project) == ()
            assert tree(project.parent) != before
            self.installer.uninstall(project)
            assert tree(project.parent) == before, f"with {text!r} before"

    def test_an_empty_folder_that_was_there_stays(self, project: Path) -> None:
        """Only folders that were made for our files go with them."""
        self.settings_file(project).parent.mkdir(parents=True)
        before = tree(project.parent)
        for _ in range(2):
            self.installer.install(project)
        self.installer.uninstall(project)
        assert tree(project.parent) == before

    def test_putting_in_twice_is_putting_in_once(self, project: Path) -> None:
        """The second time changes nothing, and one uninstall takes out what two put in."""
        for text in (None, *self.texts):
            self._put(project, text)
            before = tree(project.parent)
            self.installer.install(project)
            once = tree(project.parent)
            assert not any(one.changed for one in self.installer.install(project))
            assert tree(project.parent) == once
            self.installer.uninstall(project)
            assert tree(project.parent) == before

    def test_a_dry_run_writes_nothing(self, project: Path) -> None:
        """It tells what would be changed, both ways, and touches no file."""
        self._put(project, self._usual)
        before = tree(project.parent)
        changes = self.installer.install(project, dry_run=True)
        assert tree(project.parent) == before
        assert any(one.diff for one in changes)
        self.installer.install(project)
        installed = tree(project.parent)
        assert any(one.changed for one in self.installer.uninstall(project, dry_run=True))
        assert tree(project.parent) == installed
        self.installer.uninstall(project)

    def test_a_hook_that_was_taken_out_by_hand_is_missed(self, project: Path) -> None:
        """Settings that somebody has put back to what they were are a problem, and said so."""
        self._put(project, self._usual)
        self.installer.install(project)
        self._put(project, self._usual)
        assert self.installer.problems(project) != ()
        self.installer.install(project)
        assert self.installer.problems(project) == ()

    def test_every_command_names_its_project(self, project: Path) -> None:
        """The hooks that the host will call are those of this project."""
        self._put(project, None)
        self.installer.install(project)
        commands = self.installer.commands(project).values()
        assert all(str(project) in shlex.split(one) for one in commands)

    def test_putting_in_that_is_cut_off(self, project: Path) -> None:
        """A file is as before or as it should be; what is done again, or undone, ends well."""
        self._putting_in_is_cut_off(project, older=False)

    def test_putting_in_anew_that_is_cut_off(self, project: Path) -> None:
        """The same where an older installation of ours is there."""
        self._putting_in_is_cut_off(project, older=True)

    def _putting_in_is_cut_off(self, project: Path, *, older: bool) -> None:
        for text, fault in self._cases():
            self._put(project, text)
            before = tree(project.parent)
            if older:
                with patch.object(sys, "executable", "/opt/older/bin/python"):
                    self.installer.install(project)
            installed = tree(project.parent)
            wanted = self._wanted(project)
            with fault:
                self.installer.install(project)
            self._held(project, installed, wanted, fault)
            if fault.number % 2:
                self.installer.install(project)
                assert self.installer.problems(project) == (), fault
            self.installer.uninstall(project)
            assert tree(project.parent) == before, (fault, text)

    def test_taking_out_that_is_cut_off(self, project: Path) -> None:
        """A file is as before or as it should be; done again, all is as it was without us."""
        for text, fault in self._cases():
            self._put(project, text)
            before = tree(project.parent)
            self.installer.install(project)
            installed = tree(project.parent)
            with fault:
                self.installer.uninstall(project)
            self._held(project, installed, before, fault)
            self.installer.uninstall(project)
            assert tree(project.parent) == before, (fault, text)

    def _cases(self) -> Iterator[tuple[str | None, Fault]]:
        for text in (None, *self.texts[-1:]):
            for fault in faults():
                yield text, fault

    def _wanted(self, project: Path) -> Mapping[str, bytes | None]:
        """What an installation makes of the files."""
        changes = self.installer.install(project, dry_run=True)
        return {
            os.path.relpath(one.file, project.parent): (one.after or "").encode() for one in changes
        }

    def _held(
        self,
        project: Path,
        before: Mapping[str, bytes | None],
        after: Mapping[str, bytes | None],
        fault: Fault,
    ) -> None:
        """Every file of the host's is as *before* or as *after*, and an error names its file."""
        private = f"{project.name}/.governance/"
        for name, data in tree(project.parent).items():
            draft = fault.kind.startswith("killed") and name.endswith(DRAFT)
            if data is not None and not name.startswith(private) and not draft:
                assert data in (before.get(name), after.get(name)), (fault, name)
        if fault.error is not None:
            named = isinstance(fault.error, OSError) and fault.error.filename
            assert named or isinstance(fault.error, GovernanceError), fault

    def settings_file(self, project: Path) -> Path:
        """The file that a person may have written before, and that is changed."""
        return project / self.installer.settings

    @property
    def _usual(self) -> str | None:
        return self.texts[-1] if self.texts else None

    def _put(self, project: Path, text: str | None) -> None:
        file = self.settings_file(project)
        if text is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())


def tree(folder: Path) -> Mapping[str, bytes | None]:
    """Every file and folder below *folder*, with its bytes."""
    return {
        str(one.relative_to(folder)): one.read_bytes() if one.is_file() else None
        for one in sorted(folder.rglob("*"))
    }
