"""Live globs of command lines, expanded on a file system."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from governance.rules import live_globs
from governance.rules.live_globs import expand
from governance.rules.notable import MEANT_MAX, NOTABLE, meant_by
from governance.rules.paths import places_of
from governance.rules.shell_facts import ShellCall
from governance.rules.vocabulary import Unknown
from governance.shell.values import Command, Line, Word


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (".env", "a.py", "b.py", "c.txt", "sub/a.py", "sub/.env", "[x]", "deep/er/z"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["a.py", "b.py"]),
        ("[ab].py", ["a.py", "b.py"]),
        ("[!a].py", ["b.py"]),
        ("?.py", ["a.py", "b.py"]),
        ("*/a.py", ["sub/a.py"]),
        ("*/.e*", ["sub/.env"]),
        ("*", ["[x]", "a.py", "b.py", "c.txt", "deep", "sub"]),
        (".*", [".env"]),
        ("s*/../c.*", ["sub/../c.txt"]),
        ("**/a.py", ["sub/a.py"]),
        ("d*/e*/z", ["deep/er/z"]),
        ("*.rs", []),
        ("none/*", []),
        ("c.txt/*", []),
    ],
)
def test_a_glob_stands_for_what_the_shell_would_give(
    tree: Path, pattern: str, found: list[str]
) -> None:
    """Signs, hidden names and folders as in a shell; nothing where nothing matches."""
    assert expand(f"{tree}/{pattern}", 100) == [f"{tree}/{one}" for one in found]


def test_what_would_be_too_much_is_unknown(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither many paths nor many entries are gone through to the end."""
    few = expand(f"{tree}/*", 3)
    monkeypatch.setattr(live_globs, "ENTRIES_MAX", 5)
    far = expand(f"{tree}/*/*", 100)

    for found in (few, far):
        assert isinstance(found, Unknown)
        assert found.more


def test_places_of_this_machine_expand(tree: Path) -> None:
    """A line of a real project names the files that its globs match, links followed."""
    (tree / "link").symlink_to(tree / "sub")
    places = evolve(places_of(str(tree)), home=str(tree))
    cat = Command(program="cat", name="cat", reads=(Word("l*/.e*", glob=True), Word("~/[x]")))
    real: dict[str, str] = {}

    call = ShellCall(Line((cat,)), cwd=None, places=places, real=real)

    assert call.value(0, "reads") == [f"{tree}/link/.env", f"{tree}/[x]"]
    assert real == {f"{tree}/link/.env": f"{tree}/sub/.env"}


def test_a_glob_below_a_folder_that_is_not_known_is_kept(tree: Path) -> None:
    """Where it is not known in which folder a glob stands, nothing is looked for."""
    cat = Command(program="cat", name="cat", reads=(Word("*.py", glob=True),), cwd=Word("\ufffc"))

    call = ShellCall(Line((cat,)), cwd=None, places=places_of(str(tree)), real={})

    assert call.value(0, "reads") == ["\ufffc/*.py"]


@pytest.mark.parametrize(
    ("glob", "meant"),
    [
        ("~/.s?h/id_rs?", ["~/.ssh/id_rsa"]),
        ("prod.en?", ["prod.env"]),
        ("*nv", [".env", "x.env"]),
        ("test_*", []),
        ("/e?c/sh?dow", ["/etc/shadow"]),
        (".en[v]", [".env"]),
        ("*.py", []),
        ("*", []),
        ("src/c*g.txt", []),
    ],
)
def test_a_glob_means_the_notable_names_that_it_would_hit(glob: str, meant: list[str]) -> None:
    """Two letters of a name are enough; a glob that hits anything means nothing of note."""
    assert meant_by(glob) == meant


def test_a_glob_means_few_paths() -> None:
    """However many names a glob would hit, no more than the bound are looked at."""
    assert len(meant_by("/".join(["?*[a-z]_or*[a-z]?"] * 4))) <= MEANT_MAX
    assert len(meant_by("*e*n*/*e*n*/*e*n*")) <= MEANT_MAX < len(NOTABLE) ** 2
