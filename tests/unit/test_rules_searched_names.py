"""The names for which a search of a folder looks are calls of their own, within bounds."""

from __future__ import annotations

import pytest

from governance.calls import ToolCall
from governance.rules.facts import facts_of_call, one_by_one
from governance.rules.notable import NOTABLE
from governance.rules.paths import PLAIN_PLACES
from governance.rules.searched import NAMES_CHARACTERS_MAX, NAMES_MAX, files_searched
from governance.rules.verdicts import RuleEvent
from governance.values import Json


def names(folder: str, globs: Json) -> list[Json]:
    """What a search of *folder* with *globs* comes to."""
    call = ToolCall("grep", own={"path": folder}, args={"glob": globs})
    paths = files_searched(call)[0].own["path"]
    assert isinstance(paths, list)
    return paths


def test_each_of_many_globs_is_a_name() -> None:
    """Also the last of two hundred."""
    assert "src/.env" in names("src", [*(f"*.x{at}" for at in range(200)), ".env"])


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        (".en?", ".env"),
        (".e*", ".env"),
        (".??v", ".env"),
        ("*nv", ".env"),
        (".[a-f]nv", ".env"),
        (".[^x]nv", ".env"),
        ("**/.[!x]nv", ".env"),
        ("prod.en?", "prod.env"),
        ("prod.e*", "prod.env"),
        ("deploy/*.k?y", "deploy/x.key"),
        ("id_rs?", "id_rsa"),
        ("{.env}", ".env"),
        (".*", ".env"),
        ("{" + ",".join(f".{at}" for at in range(99)) + ",.env}", ".env"),
        ("." + "{" + ",".join(str(at) for at in range(99)) + ",env}", ".env"),
    ],
)
def test_a_glob_stands_for_what_rules_look_for(glob: str, name: str) -> None:
    """However it is written, a name that it would hit is among those that are decided."""
    assert f"src/{name}" in names("src", glob)


@pytest.mark.parametrize("glob", ["*", "**", "**/*", "*.*", "*.py", "src/**/*.{ts,tsx}", "test_*"])
def test_a_glob_of_anything_stands_for_nothing_of_note(glob: str) -> None:
    """A search of all files is one of the folder."""
    paths = [str(one).rpartition("/")[2] for one in names("src", glob)]
    assert not {".env", "id_rsa", "x.env", "x.key"}.intersection(paths)


def test_more_globs_than_are_looked_at_stand_for_what_rules_look_for() -> None:
    """Neither is a glob left out, nor does any number of them take more than its share."""
    many = names("src", " ".join(f"a{at}" for at in range(NAMES_MAX + 1)))
    long = names("x" * NAMES_CHARACTERS_MAX, "a b c")

    assert many == [f"src/{one}" for one in NOTABLE]
    assert len(long) == len(NOTABLE)


def test_each_of_several_folders_is_searched() -> None:
    """A folder that may be two, and a list of them: the names are looked for in each."""
    call = ToolCall("grep", own={"path": ["a", "b"]}, args={"glob": ".env"})
    assert files_searched(call)[0].own["path"] == ["a/.env", "b/.env"]


def test_a_search_of_several_folders_is_decided() -> None:
    """The search in each of them, and each of the files that it is about."""
    call = ToolCall("grep", own={"path": ["a", "b"]}, args={"glob": ".env"})
    facts = facts_of_call(call, PLAIN_PLACES)

    paths = [one.facts["path"] for one in one_by_one(RuleEvent("tool", facts, call))]

    assert sorted(map(str, paths)) == [
        "/project/a", "/project/a/.env", "/project/b", "/project/b/.env",
    ]  # fmt: skip
