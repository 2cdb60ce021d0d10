"""Where a project is, what makes it, and what is unsafe about it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from governance.authoring.subjects import text_of
from governance.errors import WARNING, DefinitionError, Diagnostic
from governance.project import (
    CODES,
    Project,
    create_project,
    find_project,
    inspect_project,
    machine_config,
    network_file_system,
    open_project,
    read_file,
    user_config,
    user_config_directory,
    user_state_directory,
)

LOCAL = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


def refused(error: pytest.ExceptionInfo[DefinitionError]) -> list[Diagnostic]:
    return list(error.value.diagnostics)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def made(tmp_path: Path) -> Project:
    return create_project(tmp_path, "# nothing\n")[0]


def test_making_a_project(tmp_path: Path) -> None:
    """The private folder is its owner's alone and stays out of version control."""
    project, paths = create_project(tmp_path, "# mine\n")

    assert set(paths) == {
        tmp_path / ".governance",
        tmp_path / ".governance" / ".gitignore",
        tmp_path / "governance.toml",
    }
    assert mode(project.private) == 0o700
    assert (project.private / ".gitignore").read_text() == "*\n"
    assert project.config_file.read_text() == "# mine\n"
    assert open_project(tmp_path) == project


def test_making_it_again_makes_nothing(made: Project) -> None:
    """A policy that is there stays as it is, and an open folder is closed again."""
    made.config_file.write_text("# changed by a person\n")
    made.private.chmod(0o777)

    _, paths = create_project(made.directory, "# another\n")

    assert paths == ()
    assert made.config_file.read_text() == "# changed by a person\n"
    assert mode(made.private) == 0o700


def test_the_private_folder_is_no_link(tmp_path: Path) -> None:
    """A link could lead to where others may write."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".governance").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DefinitionError) as caught:
        create_project(tmp_path, "# x\n")

    assert [one.code for one in refused(caught)] == ["GOV333"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "governance.toml").exists()


@pytest.mark.parametrize("name", [".governance", "governance.toml"])
def test_what_is_in_the_way(tmp_path: Path, name: str) -> None:
    """A file for a folder, or a folder for a file, is told and left as it is."""
    if name == "governance.toml":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("mine")

    with pytest.raises(DefinitionError) as caught:
        create_project(tmp_path, "# x\n")

    assert [one.code for one in refused(caught)] == ["GOV333"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A misspelled folder is no project."""
    with pytest.raises(DefinitionError) as caught:
        create_project(tmp_path / "nowhere", "# x\n")

    assert [one.code for one in refused(caught)] == ["GOV333"]
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_made_is_told() -> None:
    """What the system refuses is told with the path, in the family of the file's errors."""
    if not Path("/proc/self").is_dir():
        pytest.skip("platform: no folder is known here in which nobody may make anything")

    with pytest.raises(DefinitionError) as caught:
        create_project(Path("/proc/self"), "# x\n")

    assert [one.code for one in refused(caught)] == ["GOV334"]
    assert "/proc/self/.governance" in str(caught.value)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes into it: whoever read it would hold up every decision."""
    os.mkfifo(tmp_path / "pack.toml")

    with pytest.raises(DefinitionError) as caught:
        read_file(tmp_path / "pack.toml")

    assert "not a regular file" in refused(caught)[0].message
    with pytest.raises(DefinitionError):
        text_of(tmp_path / "pack.toml")


def test_all_that_is_missing_is_told_at_once_and_nothing_is_made(tmp_path: Path) -> None:
    """A vanished store is not a new one: only `init` makes anything."""
    with pytest.raises(DefinitionError) as caught:
        open_project(tmp_path)

    assert [one.code for one in refused(caught)] == ["GOV331", "GOV332"]
    assert all("governance init" in one.suggestion for one in refused(caught))
    assert list(tmp_path.iterdir()) == []


def test_a_project_whose_private_folder_vanished(made: Project) -> None:
    """The rest being there does not make up for it."""
    for one in made.private.iterdir():
        one.unlink()
    made.private.rmdir()

    with pytest.raises(DefinitionError) as caught:
        open_project(made.directory)

    assert [one.code for one in refused(caught)] == ["GOV332"]


def test_parts_that_are_something_else(tmp_path: Path) -> None:
    """A folder is no configuration, a file no store."""
    (tmp_path / "governance.toml").mkdir()
    (tmp_path / ".governance").write_text("")

    with pytest.raises(DefinitionError) as caught:
        open_project(tmp_path)

    assert [one.code for one in refused(caught)] == ["GOV333", "GOV333"]


def test_a_folder_that_is_a_file_cannot_be_read(tmp_path: Path) -> None:
    """What the system refuses is not taken for missing."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DefinitionError) as caught:
        open_project(tmp_path / "file")

    assert {one.code for one in refused(caught)} == {"GOV334"}


def test_people_are_found_from_below(made: Project) -> None:
    """The nearest folder upwards is the project; a folder without one is told."""
    inner = made.directory / "src" / "deep"
    inner.mkdir(parents=True)

    assert find_project(inner) == made
    assert find_project(made.directory) == made
    with pytest.raises(DefinitionError) as caught:
        find_project(made.directory.parent)
    assert [one.code for one in refused(caught)] == ["GOV331"]


def test_the_places_of_a_project(made: Project, tmp_path: Path) -> None:
    """What the agent must not reach lies outside, under a name of the folder's own."""
    home = {"HOME": "/home/anna"}
    link = tmp_path / "link"
    link.symlink_to(made.directory)

    assert made.journal_file == made.private / "journal.db"
    assert made.log_file.parent == made.private
    assert made.trust_file(home).is_relative_to(
        "/home/anna/.local/state/session-governance/projects"
    )
    assert Project(link).key == made.key != Project(made.directory / "other").key


@pytest.mark.parametrize(
    ("environment", "config", "state"),
    [
        ({"HOME": "/h"}, "/h/.config/session-governance", "/h/.local/state/session-governance"),
        (
            {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"},
            "/c/session-governance",
            "/s/session-governance",
        ),
        (
            {"HOME": "/h", "XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": ""},
            "/h/.config/session-governance",
            "/h/.local/state/session-governance",
        ),
    ],
)
def test_where_a_person_keeps_things(environment: dict[str, str], config: str, state: str) -> None:
    """As the XDG specification says, relative paths ignored."""
    assert str(user_config_directory(environment)) == config
    assert str(user_state_directory(environment)) == state
    assert str(user_config(environment)) == f"{config}/governance.toml"
    assert str(machine_config()) == "/etc/session-governance/governance.toml"


def test_without_a_home_the_system_is_asked() -> None:
    """A process with an empty environment still has a person behind it."""
    assert user_config_directory({}) == Path("~").expanduser() / ".config" / "session-governance"


def test_reading_takes_one_byte_more_than_the_bound(tmp_path: Path) -> None:
    """A huge file is known to be too large without being read whole."""
    (tmp_path / "f").write_bytes(b"x" * 100)

    assert read_file(tmp_path / "f", bytes_max=10) == b"x" * 11
    assert read_file(tmp_path / "g") is None


def test_a_safe_project_has_no_findings(made: Project) -> None:
    """What was made is right as it was made."""
    made.directory.chmod(0o755)

    assert inspect_project(made, mounts=LOCAL) == ()


@pytest.mark.parametrize(
    ("part", "bits", "mend"),
    [("private", 0o750, "700"), ("config_file", 0o664, "644"), ("directory", 0o777, "775")],
)
def test_what_lets_others_in_is_found(made: Project, part: str, bits: int, mend: str) -> None:
    """With the command that mends it; nothing is changed."""
    made.directory.chmod(0o755)
    path = getattr(made, part)
    path.chmod(bits)

    (found,) = inspect_project(made, mounts=LOCAL)

    assert (found.code, found.severity, found.file) == ("GOV335", WARNING, str(path))
    assert found.suggestion == f"`chmod {mend} {path}`"
    assert mode(path) == bits


def test_what_is_missing_is_found(tmp_path: Path) -> None:
    """An inspection of half a project ends with findings, not with an error."""
    found = inspect_project(Project(tmp_path), mounts=LOCAL)

    assert [one.code for one in found if one.code == "GOV334"] == ["GOV334", "GOV334"]


MOUNTINFO = (
    LOCAL
    + "23 22 0:50 / /net rw shared:1 - nfs4 server:/x rw\n"
    + "24 23 8:2 / /net/local rw - xfs /dev/sdb rw\n"
    + "25 22 0:51 / /with\\040space rw - fuse.sshfs host: rw\n"
    + "26 22 8:3 / /twice rw - cifs //a/b rw\n"
    + "27 26 8:4 / /twice rw - ext4 /dev/sdc rw\n"
)
MOUNT = "/dev/disk1 on / (apfs, local)\n//a@b/c on /Volumes/with space (smbfs, nodev, nosuid)\n"


@pytest.mark.parametrize(
    ("path", "mounts", "kind"),
    [
        ("/home/x", MOUNTINFO, ""),
        ("/net", MOUNTINFO, "nfs4"),
        ("/net/home/p", MOUNTINFO, "nfs4"),
        ("/network", MOUNTINFO, ""),
        ("/net/local/p", MOUNTINFO, ""),
        ("/with space/p", MOUNTINFO, "fuse.sshfs"),
        ("/twice/p", MOUNTINFO, ""),
        ("/Volumes/with space/p", MOUNT, "smbfs"),
        ("/Users/x", MOUNT, ""),
        ("/x", "", ""),
        ("/x", "garbage\n - \n x on y\n", ""),
    ],
)
def test_network_file_systems_are_known(path: str, mounts: str, kind: str) -> None:
    """The innermost mount decides, the last of equal ones."""
    assert network_file_system(Path(path), mounts=mounts) == kind


def test_a_project_on_a_network_file_system_is_found(made: Project) -> None:
    """Locks are not kept there, so `doctor` says so."""
    made.directory.chmod(0o755)
    mounts = LOCAL + f"9 1 0:5 / {made.directory} rw - nfs server:/x rw\n"

    (found,) = inspect_project(made, mounts=mounts)

    assert (found.code, found.severity) == ("GOV336", WARNING)
    assert "`nfs`" in found.message


def test_the_system_itself_is_asked(made: Project) -> None:
    """Here, too, the answer is a type or nothing."""
    assert network_file_system(made.private) in ("", "9p", "nfs", "nfs4")


def test_every_code_is_given_somewhere_above() -> None:
    """No code stands in the table that nothing gives."""
    assert set(CODES) == {f"GOV33{number}" for number in range(1, 7)}
