"""The names for which a search of a folder looks are calls of their own, within bounds."""

from __future__ import annotations

import pytest

from governance.calls import ToolCall
from governance.rules.notable import NOTABLE
from governance.rules.searched import NAMES_CHARACTERS_MAX, NAMES_MAX, files_searched
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
