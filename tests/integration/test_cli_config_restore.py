"""`governance restore --config`: what a project's configuration was, put back by a person."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import FrameType

import pytest

from governance.cli.guard import MARKS
from governance.engine import Engine, config_files
from governance.engine.backing import BackupStatus, read_status, status_file, write_status
from governance.engine.config_files import (
    STAGE,
    Change,
    changes_of,
    finish_put_back,
    own_files,
    put_back,
)
from governance.errors import MisuseError
from governance.journal import open_journal
from governance.journal.config_copy import ConfigCopy, ConfigFile, read_copy
from governance.project import Project
from tests.integration.conftest import Run, made_project
from tests.postgres_server import Server, wait_for

CONFIG = '[packs]\npaths = ["rules", "one.toml"]\n[backup]\nage_seconds_max = 0\n'


def pack(name: str, word: str, *, mode: str = "enforce") -> str:
    """A pack with one rule, which denies commands that begin with *word*."""
    return f"""format = 1
[pack]
name = "{name}"
version = "1.0.0"
summary = "What {name} forbids."
[[rule]]
id = "{name}.no"
tools = ["shell"]
mode = "{mode}"
when.command = {{ starts_with = "{word}" }}
action = "deny"
message = "A person does that."
must_match = [{{ tool = "shell", command = "{word} now" }}]
must_not_match = [{{ tool = "shell", command = "true" }}]
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two packs of its own: one in a folder, one by its name."""
    monkeypatch.setenv("COLUMNS", "160")
    packs = {"rules/a.toml": pack("a", "deploy"), "one.toml": pack("one", "release")}
    return made_project(tmp_path, monkeypatch, CONFIG, packs)


def files_of(project: Path) -> dict[str, bytes]:
    """All files of *project* but the private ones."""
    found = (one for one in project.rglob("*") if one.is_file())
    return {
        str(one.relative_to(project)): one.read_bytes()
        for one in found
        if not one.is_relative_to(Project(project).private)
    }


def recorded(project: Path) -> list[object]:
    with closing(open_journal(base=project, create=False)) as journal:
        rows = journal.read("@project")
        return [
            json.loads(one.body)["data"]["what"] for one in rows if one.kind == "session.repaired"
        ]


def test_what_was_changed_and_lost_comes_back(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """All files are as they were, what the backup does not know stays, and it is recorded."""
    before = files_of(project)
    assert run("backup")[0] == 0
    (project / "rules" / "a.toml").unlink()
    (project / "one.toml").chmod(0o600)
    (project / "rules" / "new.toml").write_text(pack("new", "format"))

    code, out, _ = run("restore", "latest", "--config-only", *key)

    assert (code, "made" in out, "rules/a.toml" in out) == (0, True, True)
    assert files_of(project) == before | {"rules/new.toml": pack("new", "format").encode()}
    (told,) = recorded(project)
    assert str(told).startswith("the configuration was restored from `journal-")
    assert str(told).endswith(": rules/a.toml")
    assert not (Project(project).private / STAGE).exists()


def test_a_weaker_law_takes_a_second_word(project: Path, run: Run, key: tuple[str, str]) -> None:
    """A rule that goes, reads otherwise or is milder is named; nothing changes without the word."""
    assert run("backup")[0] == 0
    (project / "rules" / "new.toml").write_text(pack("new", "format"))
    (project / "governance.toml").write_text(CONFIG.replace('"one.toml"', '"rules/new.toml"'))
    (project / "rules" / "a.toml").write_text(pack("a", "dep"))
    (project / "rules" / "new.toml").rename(project / "two.toml")
    (project / "governance.toml").write_text(CONFIG.replace("one.toml", "two.toml"))
    before = files_of(project)

    code, out, _ = run("restore", "latest", "--config-only", "--dry-run")
    assert code == 1
    for words in ("new rules: one.no", "rules that go: new.no", "rules that read otherwise: a.no"):
        assert words in out
    assert '-paths = ["rules", "two.toml"]' in out
    code, _, err = run("restore", "latest", "--config-only", *key)
    assert (code, "GOV573" in err, "`new.no` is gone" in err) == (2, True, True)
    assert (files_of(project), recorded(project)) == (before, [])

    assert run("restore", "latest", "--config-only", "--allow-weaker", *key)[0] == 0
    assert files_of(project) == {
        "governance.toml": CONFIG.encode(),
        "one.toml": pack("one", "release").encode(),
        "two.toml": pack("new", "format").encode(),
        "rules/a.toml": pack("a", "deploy").encode(),
    }


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (f'{CONFIG}[defaults]\nmode = "shadow"\n', "`defaults.mode` is milder"),
        (f'{CONFIG}[[exempt]]\nrule = "a.no"\nreason = "tired of it"\n', "tired of it"),
    ],
)
def test_milder_configuration_is_weaker_too(
    project: Path, run: Run, key: tuple[str, str], then: str, why: str
) -> None:
    """Not only rules: a default that is milder, or an exemption, takes the second word as well."""
    (project / "governance.toml").write_text(then)
    assert run("backup")[0] == 0
    (project / "governance.toml").write_text(CONFIG)

    code, _, err = run("restore", "latest", "--config-only", *key)

    assert (code, "GOV573" in err, why in err) == (2, True, True)


def test_a_stricter_law_needs_no_second_word(project: Path, run: Run, key: tuple[str, str]) -> None:
    """A rule that was switched to shadow since is enforced again without further ado."""
    assert run("backup")[0] == 0
    (project / "governance.toml").write_text(f'{CONFIG}[defaults]\nmode = "shadow"\n')

    assert run("restore", "latest", "--config-only", *key)[0] == 0
    assert files_of(project)["governance.toml"] == CONFIG.encode()


def test_a_project_that_lost_everything_is_whole_again(
    project: Path, run: Run, key: tuple[str, str], tmp_path: Path
) -> None:
    """Store and configuration come back by one command, from a backup that lies elsewhere."""
    assert run("backup", "--to", str(tmp_path / "own"))[0] == 0
    (made,) = (tmp_path / "own").glob("*.db")
    before = files_of(project)
    shutil.rmtree(project)
    project.mkdir()

    code, out, _ = run("restore", str(made), "--config", *key)

    assert (code, "cannot be read, so nothing is compared" in out) == (0, True)
    assert files_of(project) == before
    assert run("verify")[0] == 0
    assert len(recorded(project)) == 2


def test_a_broken_configuration_is_mended_by_its_backup(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """Where nothing in force can be read nothing can be weakened, and it is recorded after."""
    assert run("backup")[0] == 0
    before = files_of(project)
    (project / "governance.toml").write_text("no toml")

    assert run("restore", "latest", "--config-only", *key)[0] == 0
    assert files_of(project) == before
    assert len(recorded(project)) == 1


def test_no_law_at_all_is_refused(project: Path, run: Run, key: tuple[str, str]) -> None:
    """A backup of a project whose rules were broken is not put in the place of sound ones."""
    (project / "one.toml").write_text(pack("one", "release").replace("deny", "frown"))
    assert run("backup")[0] == 0
    (project / "one.toml").write_text(pack("one", "release"))
    before = files_of(project)

    code, _, err = run("restore", "latest", "--config-only", "--allow-weaker", *key)

    assert (code, "frown" in err) == (2, True)
    assert files_of(project) == before


def test_only_a_person_restores_it(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal and a key, and inside a host, nothing is changed; looking is free."""
    assert run("backup")[0] == 0
    (project / "one.toml").unlink()
    for word in ("--config", "--config-only"):
        code, _, err = run("restore", "latest", word)
        assert (code, "GOV602" in err) == (2, True)
        monkeypatch.setenv(MARKS["claude-code"][0], "1")
        assert "GOV601" in run("restore", "latest", word)[2]
        assert run("restore", "latest", word, "--dry-run")[0] == 0
        monkeypatch.delenv(MARKS["claude-code"][0])
    assert not (project / "one.toml").exists()


def test_a_backup_without_configuration_is_said_to_be_one(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """One that was made by an older engine has none, and a damaged one is not used."""
    assert run("backup")[0] == 0
    (made,) = (Project(project).private / "backups").glob("*.config")
    made.write_bytes(made.read_bytes()[:-20])
    assert "GOV570" in run("restore", "latest", "--config-only", *key)[2]
    made.unlink()
    for named in ("latest", made.with_suffix(".db").name):
        assert "GOV572" in run("restore", named, "--config-only", *key)[2]


def test_a_dry_run_of_both_tells_of_both(project: Path, run: Run) -> None:
    """What would change of the files, and what of the store; where it lies may not be known yet."""
    run("backup")
    config = project / "governance.toml"
    config.write_text(config.read_text() + "\n# later\n")
    before = files_of(project)

    code, out, _ = run("restore", "latest", "--config", "--dry-run")
    assert code == 0
    assert "would be changed" in out
    assert "would be there" in out
    told = json.loads(run("restore", "latest", "--config", "--dry-run", "--format", "json")[1])
    assert (told["ok"], told["dry_run"], told["lost"]) == (True, True, 0)
    assert told["config"]["files"]
    assert files_of(project) == before

    config.write_text("nothing that can be read")
    code, out, _ = run("restore", "latest", "--config", "--dry-run")
    assert code == 0
    assert "where the store lies is known once the configuration is back" in out


def test_only_the_projects_own_files_are_copied(project: Path, run: Run, tmp_path: Path) -> None:
    """Neither packs from elsewhere, nor by a link, nor what a person trusted, nor private ones."""
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(pack("elsewhere", "x"))
    (project / "rules" / "link.toml").symlink_to(elsewhere)
    private = Project(project).private / "hidden.toml"
    private.write_text(pack("hidden", "y"))
    names = ["shipped:git-safety", "rules", "one.toml", str(elsewhere), "../elsewhere.toml"]
    text = CONFIG.replace('["rules", "one.toml"]', json.dumps([*names, ".governance/hidden.toml"]))
    (project / "governance.toml").write_text(text)
    Project(project).trust_file().parent.mkdir(parents=True, exist_ok=True)

    code, out, err = run("backup", "--config-only", "--format", "json")

    assert code == 0, err
    copy = read_copy(Path(json.loads(out)["path"]))
    assert {one.path for one in copy.files} == {"governance.toml", "rules/a.toml", "one.toml"}


def test_a_store_on_a_server_has_its_configuration_backed_up(
    project: Path, run: Run, key: tuple[str, str], server: Server
) -> None:
    """The store is the server's own to back up; the configuration is copied and put back."""
    url = server.url(tenant=f"c{os.urandom(6).hex()}")
    text = f'{CONFIG}[journal]\nurl = "{url}"\n'
    (project / "governance.toml").write_text(text)
    open_journal(url, base=project, create=True).close()
    code, _, err = run("backup")
    assert (code, "--config-only" in err) == (2, True)
    status = read_status(Project(project))
    assert status is None or not status.error

    assert run("backup", "--config-only")[0] == 0
    status = read_status(Project(project))
    assert status is not None
    assert status.path.endswith(".config")
    assert "the configuration alone" in run("backup", "list")[1]
    (project / "one.toml").unlink()
    assert run("restore", "latest", "--config-only", *key)[0] == 0

    assert (project / "one.toml").read_text() == pack("one", "release")
    with closing(open_journal(url, base=project, create=False)) as journal:
        assert [one.kind for one in journal.read("@project")].count("session.repaired") == 1


def test_a_store_on_a_server_has_its_configuration_backed_up_by_itself(
    project: Path, run: Run, key: tuple[str, str], server: Server
) -> None:
    """When it is due a decision has the copy made; `doctor` tells of it, and it can be put back."""
    url = server.url(tenant=f"c{os.urandom(6).hex()}")
    text = CONFIG.replace("age_seconds_max = 0", "age_seconds_max = 3600")
    (project / "governance.toml").write_text(f'{text}[journal]\nurl = "{url}"\n')
    open_journal(url, base=project, create=True).close()
    place = Project(project)
    write_status(place, BackupStatus(0))
    os.utime(status_file(place), (0, 0))

    with Engine.open(project) as engine, engine.start("one") as session:
        session.tool("read", {"path": "a"}, call_id="c")

    wait_for(lambda: (one := read_status(place)) is not None and (one.path or one.error), 60)
    status = read_status(place)
    assert status is not None
    assert (status.error, Path(status.path).suffix) == ("", ".config")
    assert "of the configuration alone" in run("doctor")[1]
    (found,) = json.loads(run("backup", "list", "--format", "json")[1])
    assert (found["path"], found["config"]) == ("", status.path)
    assert found["at_ms"] == read_copy(Path(status.path)).at_ms
    (project / "one.toml").unlink()
    assert run("restore", "latest", "--config-only", *key)[0] == 0
    assert (project / "one.toml").read_text() == pack("one", "release")


def test_backups_of_a_store_that_moved_to_a_server_are_listed(
    project: Path, run: Run, server: Server
) -> None:
    """What was kept of the file that it was before is named still."""
    assert run("backup")[0] == 0
    (kept,) = json.loads(run("backup", "list", "--format", "json")[1])
    url = server.url(tenant=f"c{os.urandom(6).hex()}")
    (project / "governance.toml").write_text(f'{CONFIG}[journal]\nurl = "{url}"\n')

    code, out, _ = run("backup", "list")

    assert (code, Path(kept["path"]).name in out) == (0, True)


# -- killed, and refused by the system --------------------------------------------------


def changed(project: Path) -> tuple[Change, ...]:
    """Three files that all change: one is new, one by its mode and text, one by its text."""
    copy = ConfigCopy(
        0,
        (
            ConfigFile("governance.toml", 0o644, b"new configuration"),
            ConfigFile("more/b.toml", 0o600, b"new pack"),
            ConfigFile("one.toml", 0o600, b"changed pack"),
        ),
    )
    return changes_of(Project(project), copy)


def killed_at(line: int, work: Callable[[], object]) -> bool:
    """Whether a child was killed at its *line*-th line of what puts files back."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _: object) -> object:
            nonlocal left
            if frame.f_code.co_filename != config_files.__file__:
                return None
            if event == "line":
                left -= 1
                if left <= 0:
                    os._exit(9)
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def each_kill(project: Path, work: Callable[[], object]) -> Iterator[None]:
    kept = project.with_name("kept")
    shutil.copytree(project, kept)
    for line in range(1, 2_000, 2):
        shutil.rmtree(project)
        shutil.copytree(kept, project)
        killed = killed_at(line, work)
        yield
        if not killed:
            return


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_restore_that_is_killed_is_ended_by_the_next(project: Path) -> None:
    """Killed at any line all files are old or, once the next one has ended it, all are new."""
    place, before = Project(project), files_of(project)
    after = before | {one.file.path: one.file.data for one in changed(project)}
    seen = set()
    for _ in each_kill(project, lambda: put_back(place, changed(project))):
        halfway = files_of(project)
        told = finish_put_back(place)
        ended = files_of(project)
        assert ended in (before, after)
        # Half of it is never left unsaid.
        assert halfway in (before, after) or told
        assert not [one for one in place.private.iterdir() if one.name == config_files.STAGE]
        seen.add((halfway == before, halfway == after, ended == after))
    assert seen == {
        (True, False, False), (True, False, True), (False, False, True), (False, True, True)
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_files_that_are_moved_without_a_plan_are_left_halfway(project: Path) -> None:
    """The control: killed between two moves, nobody knows of the second one."""
    place, before = Project(project), files_of(project)
    after = before | {one.file.path: one.file.data for one in changed(project)}

    def careless() -> None:
        stage = place.private / config_files.STAGE
        stage.mkdir()
        for number, one in enumerate(changed(project)):
            config_files._write(stage / f"new-{number}", one.file.data, 0o600)
        for number, one in enumerate(changed(project)):
            config_files._move(stage, number, one.place)

    ended = []
    for _ in each_kill(project, careless):
        finish_put_back(place)
        ended.append(files_of(project) in (before, after))
    assert not all(ended)


def test_what_the_system_refuses_is_taken_back(project: Path) -> None:
    """Where a file cannot be moved, those before it are as they were, and it can be tried again."""
    before = files_of(project)
    changes = changed(project)
    (project / "more").write_text("in the way")

    with pytest.raises(MisuseError) as refused:
        put_back(Project(project), tuple(reversed(changes)))

    assert refused.value.code == "GOV574"
    assert files_of(project) == before | {"more": b"in the way"}
    (project / "more").unlink()
    put_back(Project(project), changes)
    assert (project / "more" / "b.toml").read_bytes() == b"new pack"
    assert (project / "one.toml").stat().st_mode & 0o777 == 0o600


def test_no_file_is_put_outside_or_among_private_ones(project: Path, tmp_path: Path) -> None:
    """A link that leads out, and the private folder, are no place for a file of a backup."""
    (project / "out").symlink_to(tmp_path)
    for path in ("out/x.toml", ".governance/journal.db", ".governance"):
        copy = ConfigCopy(0, (ConfigFile(path, 0o644, b"x"),))
        with pytest.raises(MisuseError, match="leads out of the project"):
            changes_of(Project(project), copy)
    assert not (tmp_path / "x.toml").exists()


def test_a_second_restore_waits_for_none(project: Path) -> None:
    """While one is under way another one is refused."""
    (Project(project).private / config_files.STAGE).mkdir()
    (Project(project).private / config_files.STAGE / "plan.json").write_text("[]")

    with pytest.raises(MisuseError, match="under way"):
        put_back(Project(project), changed(project))


def test_own_files_have_their_modes(project: Path) -> None:
    """Who may read a file stays; that others may write it does not."""
    from governance.config import load_config

    (project / "one.toml").chmod(0o666)
    (project / "rules" / "a.toml").chmod(0o600)

    modes = {one.path: one.mode for one in own_files(load_config(project))}

    assert modes["one.toml"] == 0o644
    assert modes["rules/a.toml"] == 0o600
