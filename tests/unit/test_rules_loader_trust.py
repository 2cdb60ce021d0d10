"""The record of trust: bound to the text, outside the project, never made up."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from governance.errors import DefinitionError, MisuseError
from governance.rules.trust import grant_trust, pack_hash, read_trust, withdraw_trust


@pytest.fixture(name="record")
def _record(tmp_path: Path) -> Path:
    return tmp_path / "config" / "trust.json"


def grant(record: Path, text: str, file: str = "p.toml") -> None:
    """Trust *text* as a file of the project beside the record."""
    project = str(record.parents[1] / "project")
    grant_trust(str(record), text, file=file, project=project, by="ana", at_ms=5)


def test_nothing_is_trusted_before_a_person_says_so(record: Path) -> None:
    """A record that does not exist trusts nothing, and reading makes none."""
    assert not read_trust(str(record)).trusts(pack_hash("a = 1"))
    assert not record.exists()


def test_trust_is_bound_to_the_text(record: Path) -> None:
    """The same text is trusted, a changed one is not."""
    grant(record, "a = 1")

    found = read_trust(str(record))
    assert found.trusts(pack_hash("a = 1"))
    assert found.trusts(pack_hash(b"a = 1"))
    assert not found.trusts(pack_hash("a = 2"))


def test_a_new_version_takes_the_place_of_the_old(record: Path) -> None:
    """Going back to an older text asks again; other files keep their trust."""
    grant(record, "a = 1")
    grant(record, "other", file="q.toml")
    grant(record, "a = 2")

    found = read_trust(str(record))
    assert not found.trusts(pack_hash("a = 1"))
    assert found.trusts(pack_hash("a = 2"))
    assert found.trusts(pack_hash("other"))


def test_trust_can_be_withdrawn(record: Path) -> None:
    """Nothing of that project is trusted any longer; other projects keep theirs."""
    grant(record, "a = 1")
    grant_trust(str(record), "b", file="b.toml", project="/elsewhere", by="ana", at_ms=5)

    withdraw_trust(str(record), project=str(record.parents[1] / "project"))

    found = read_trust(str(record))
    assert not found.trusts(pack_hash("a = 1"))
    assert found.trusts(pack_hash("b"))


def test_the_record_is_its_owners_alone(record: Path) -> None:
    """File and folder can be read by nobody else."""
    grant(record, "a = 1")

    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700
    assert [one.name for one in record.parent.iterdir()] == ["trust.json"]


def test_a_record_inside_the_project_is_refused(tmp_path: Path) -> None:
    """Whoever can write the project could trust himself there."""
    record = tmp_path / ".governance" / "trust.json"

    with pytest.raises(MisuseError, match="lies in the project"):
        grant_trust(str(record), "a", file="p", project=str(tmp_path), by="ana", at_ms=5)
    assert not record.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 2, "grants": {}}',
        '{"format": 1, "grants": []}',
        '{"format": 1, "grants": {"x": 1}}',
        '{"format": 1, "grants": {"x": {"file": null}}}',
    ],
)
def test_a_damaged_record_is_an_error_and_stays(record: Path, text: str) -> None:
    """Damage is no clean start: nothing is read from it and nothing is written over it."""
    record.parent.mkdir()
    record.write_text(text)

    with pytest.raises(DefinitionError) as caught:
        read_trust(str(record))
    assert caught.value.diagnostics[0].code == "GOV273"
    with pytest.raises(DefinitionError):
        grant(record, "a = 1")
    assert record.read_text() == text


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to itself"])
def test_a_record_that_is_no_file_is_an_error_at_once(record: Path, kind: str) -> None:
    """Nobody waits for what a pipe may bring: a host goes on without a hook that is late."""
    record.parent.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(record)
    elif kind == "folder":
        record.mkdir()
    else:
        record.symlink_to(record)

    with pytest.raises(DefinitionError) as caught:
        read_trust(str(record))

    assert caught.value.diagnostics[0].code == "GOV273"
