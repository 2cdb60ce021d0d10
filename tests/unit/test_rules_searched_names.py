"""The names for which a search of a folder looks are calls of their own, within bounds."""

from __future__ import annotations

from governance.calls import ToolCall
from governance.rules.meant import NAMES_CHARACTERS_MAX, NAMES_MAX, files_searched
from governance.rules.notable import NOTABLE
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


def test_more_globs_than_are_looked_at_stand_for_what_rules_look_for() -> None:
    """Neither is a glob left out, nor does any number of them take more than its share."""
    many = names("src", " ".join(f"a{at}" for at in range(NAMES_MAX + 1)))
    long = names("x" * NAMES_CHARACTERS_MAX, "a b c")

    assert many == [f"src/{one}" for one in NOTABLE]
    assert len(long) == len(NOTABLE)
