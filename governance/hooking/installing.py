"""What `init`, `uninstall` and `doctor` ask of a host, whatever its settings look like."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from governance._attrs import frozen


@frozen
class Change:
    """
    What was done to one file, or with a dry run what would be.

    Attributes:
        before: Its text, or ``None`` where it was not there.

        after: Its text now, or ``None`` where it is gone.
    """

    file: Path
    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> str:
        """A unified diff; empty when nothing changes."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            (self.after or "").splitlines(keepends=True),
            f"{self.file} (before)",
            f"{self.file} (after)",
        )
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


class Install(Protocol):
    """
    Puts a hook for every event that the engine acts on into the host's settings of a project.

    Idempotent; what an older installation of ours left is replaced.

    Raises:
        SettingsRefused: The settings are not what they should be; nothing was written.
    """

    def __call__(self, directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]: ...


@frozen
class Shadow:
    """
    Settings that keep a project's hooks from being called, and that no installation changes.

    Attributes:
        mend: What to do about it.
    """

    message: str
    file: Path
    mend: str


def no_shadows(_: Mapping[str, str]) -> tuple[Shadow, ...]:
    """For a host that has no settings which could switch a project's hooks off."""
    return ()


def no_switches(_: Path) -> tuple[Shadow, ...]:
    """For a host whose switches are told as problems, or that has none in a project."""
    return ()


@frozen
class Installer:
    """
    How one host is set up.

    Attributes:
        settings: The file that `install` changes first, relative to the project or absolute.

        what: What is put in, in a few words.

        start: What a person types to start the host, for the words after `init`.

        install, uninstall: Every file that changes, or would; the bytes come back.

        problems: Why the hooks of a project would not be called, or would fail, by its
            files alone; empty when all is well.

        commands: Event → the command line of our hook, as the settings of a project have it.

        record: A file whose time is that of the installation; gone where there is none.

        shadows: What above the project switches its hooks off, given a person's variables.

        switches: What in the project's own settings switches its hooks off or turns them
            elsewhere, so that no installation mends it.
    """

    settings: Path
    what: str
    start: str
    install: Install
    uninstall: Install
    problems: Callable[[Path], tuple[str, ...]]
    commands: Callable[[Path], Mapping[str, str]]
    record: Callable[[Path], Path]
    shadows: Callable[[Mapping[str, str]], tuple[Shadow, ...]] = no_shadows
    switches: Callable[[Path], tuple[Shadow, ...]] = no_switches
