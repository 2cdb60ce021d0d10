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
from governance.shell.lines import read_line
from governance.shell.substituting import FOLDERS_MAX
from governance.shell.values import GLOBS_MAX, HOLE, Command, Line, Word


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

    assert call.value(0, "reads") == [f"{tree}/link/.env", f"{tree}/l*/.e*", f"{tree}/[x]"]
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


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("for f in *.py; do rm $f; done", ["a.py", "b.py"]),
        ('for f in ./*.py; do rm "$f"; done', ["a.py", "b.py"]),
        ('a=(*.py c.*); rm "${a[@]}"', ["a.py", "b.py", "c.txt"]),
        ('set -- [ab].py; rm "$1"', ["a.py", "b.py"]),
        ('set -- *.py; rm "$@"', ["a.py", "b.py"]),
        ('f() { rm "$1"; }; f ?.py', ["a.py", "b.py"]),
        ("bash -c 'rm \"$1\"' _ *.py", ["a.py", "b.py"]),
        ("echo *.py | xargs rm", ["a.py", "b.py"]),
        ("echo *.py | xargs -I{} rm {}", ["a.py", "b.py"]),
        ("ls *.py | xargs rm", ["a.py", "b.py"]),
        ("x=$(ls -1 *.py); rm $x", ["a.py", "b.py"]),
        ('for f in *.py; do g=$f; rm "./$g"; done', ["a.py", "b.py"]),
        ('for f in $(echo *.py); do rm "$f"; done', ["a.py", "b.py"]),
        ("tar --remove-files -cf /dev/null *.py", ["a.py", "b.py"]),
        ('for d in s*; do rm "$d/a.py"; done', ["sub/a.py"]),
        ("cd s*; rm a.py", ["sub/a.py"]),
        ('for d in s*; do (cd "$d" && rm a.py); done', ["sub/a.py"]),
    ],
)
def test_a_glob_stays_one_wherever_its_value_goes(tree: Path, line: str, found: list[str]) -> None:
    """A loop, an array, words that are handed on: what is removed is what is there."""
    call = ShellCall(read_line(line), cwd=None, places=places_of(str(tree)), real={})

    removed = [one for one in call.all("removes") if isinstance(one, str) and HOLE not in one]
    assert [one for one in removed if "*" not in one and "?" not in one and "[" not in one] == [
        f"{tree}/{one}" for one in found
    ]


@pytest.mark.parametrize(
    "line",
    [
        "rm '*.py' \"[ab].py\" \\?.py",
        'f="*.py"; rm "$f"',
        'for f in "*.py"; do rm "$f"; done',
        'for f in *.py.bak; do mv "$f" "${f%.bak}"; done',
        'for f in sub/*.py; do rm "old/${f##*/}"; done',
        'for f in sub/*.py; do rm "old/$(basename "$f")"; done',
    ],
)
def test_a_name_that_is_no_glob_of_this_folder_stands_for_nothing_here(
    tree: Path, line: str
) -> None:
    """What stands in quotes, and what is cut off a name, is not what lies here."""
    call = ShellCall(read_line(line), cwd=None, places=places_of(str(tree)), real={})

    touched = [*call.all("removes"), *call.all("writes")]
    assert not {f"{tree}/a.py", f"{tree}/b.py"} & {one for one in touched if isinstance(one, str)}


def test_a_glob_that_a_value_brings_may_make_new_names(tree: Path) -> None:
    """`x` of `for x in *` stands for what is there, with an ending for what nobody knows."""
    line = read_line("for f in *.py; do cp $f $f.orig; done")

    call = ShellCall(line, cwd=None, places=places_of(str(tree)), real={})

    assert f"{HOLE}.py.orig" in call.all("writes")
    assert call.value(0, "words") == [f"{HOLE}.py", f"{HOLE}.py.orig"]


def test_many_globs_are_over_a_bound(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a line with more patterns than are expanded it is said that it is too much."""
    names = [f"{one}*" for one in range(GLOBS_MAX + 1)]
    looked: list[str] = []
    places = evolve(places_of(str(tree)), expand=lambda one, _: looked.append(one) or ())
    few, many = (read_line(f"rm {' '.join(one)}") for one in (names[1:], names))

    removed = ShellCall(many, cwd=None, places=places, real={}).all("removes")

    assert [one.kind for one in many.opaque] == ["bound"]
    assert not few.opaque
    assert len(looked) == GLOBS_MAX
    assert any(isinstance(one, Unknown) for one in removed)


def test_a_glob_that_goes_too_far_still_means_the_notable_names(tree: Path) -> None:
    """Where not all is known that a glob hits, it is read as what rules look for, too."""
    places = evolve(places_of(str(tree)), expand=lambda *_: Unknown("too many", more=True))

    removed = ShellCall(read_line("rm /*/*/governance.tom?"), cwd=None, places=places, real={}).all(
        "removes"
    )

    assert f"/{HOLE}/{HOLE}/governance.toml" in removed
    assert any(isinstance(one, Unknown) for one in removed)


def test_folders_far_below_each_other_are_over_a_bound() -> None:
    """Thousands of `cd` do not cost their square."""
    line = read_line("cd a; " * (FOLDERS_MAX + 2) + "rm x")
    assert [one.kind for one in line.opaque] == ["bound"]
    assert line.commands[-1].cwd == HOLE
