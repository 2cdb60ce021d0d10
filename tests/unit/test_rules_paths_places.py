"""Paths as rules compare them: absolute, both forms, every spelling."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.rules.globs import PatternError, expand_braces, text_glob, tool_pattern
from governance.rules.moved import moved_folders
from governance.rules.paths import PLAIN_PLACES, Places, check_path_glob, places_of
from governance.rules.vocabulary import Unknown

WINDOWS = Places("C:/Work/Project", "C:/Users/Ann", case_sensitive=False)


@pytest.mark.parametrize(
    ("text", "cwd", "wanted"),
    [
        ("a.py", None, "/project/a.py"),
        ("a.py", "/project/sub", "/project/sub/a.py"),
        ("./a/../b//c/.", None, "/project/b/c"),
        ("../../../etc/passwd", None, "/etc/passwd"),
        ("~", None, "/home/user"),
        ("~/.ssh/id", "/tmp", "/home/user/.ssh/id"),
        ("~other/x", None, "/project/~other/x"),
        ("//etc//passwd", None, "/etc/passwd"),
        ("/", None, "/"),
        ("cafe\u0301", None, "/project/caf\u00e9"),
        ("a\\b", None, "/project/a\\b"),
    ],
)
def test_absolute(text: str, cwd: str | None, wanted: str) -> None:
    """Every spelling of a path becomes the one absolute path."""
    assert PLAIN_PLACES.absolute(text, cwd) == wanted


@pytest.mark.parametrize(
    ("text", "cwd", "wanted"),
    [
        ("a\\b.py", None, "C:/Work/Project/a/b.py"),
        ("c:\\Windows\\x", None, "C:/Windows/x"),
        ("\\Windows\\x", "D:/y", "D:/Windows/x"),
        ("\\\\?\\C:\\x", None, "C:/x"),
        ("\\\\server\\share\\x", None, "//server/share/x"),
        (".env.", None, "C:/Work/Project/.env"),
        (".env::$DATA", None, "C:/Work/Project/.env"),
        ("..\\x", None, "C:/Work/x"),
    ],
)
def test_absolute_on_windows(text: str, cwd: str | None, wanted: str) -> None:
    """Drive letters, back slashes, and what Windows drops from a name."""
    assert WINDOWS.absolute(text, cwd) == wanted


@pytest.mark.parametrize("text", ["", "a\0b", "x" * 20_000])
def test_no_path_is_unknown(text: str) -> None:
    """What can be no path is unknown."""
    assert isinstance(PLAIN_PLACES.absolute(text), Unknown)


def test_both_forms_follow_links_before_dots(tmp_path: Path) -> None:
    """`..` after a link leads from where the link points, as the system has it."""
    (tmp_path / "project").mkdir()
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "project" / "link").symlink_to(tmp_path / "far" / "deep")
    places = places_of(str(tmp_path / "project"))
    root = str(tmp_path.resolve())

    forms = places.forms("link/../secret")

    assert forms == (f"{tmp_path}/project/secret", f"{root}/far/secret")


def test_a_path_that_cannot_be_resolved_is_unknown() -> None:
    """An error of the file system makes the path unknown, not harmless."""

    def fail(path: str) -> str:
        raise OSError("too many links")

    forms = Places("/project", "/home/user", resolve=fail).forms("a")

    assert isinstance(forms, Unknown)


def test_globs_start_at_both_spellings_of_the_project(tmp_path: Path) -> None:
    """A project reached through a link is itself, however a path names it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    places = places_of(str(tmp_path / "linked"))

    fits = places.glob("src/**")

    assert fits(f"{tmp_path}/linked/src/a")
    assert fits(f"{tmp_path.resolve()}/real/src/a")


def test_case_of_this_file_system_is_found_out(tmp_path: Path) -> None:
    """Case counts exactly where two spellings are two files."""
    (tmp_path / "probe").write_text("x")

    places = places_of(str(tmp_path / "probe").rsplit("/", 1)[0])

    assert places.case_sensitive is not (tmp_path / "PROBE").exists()


@pytest.mark.parametrize(
    ("glob", "wanted"),
    [
        ("a", ("a",)),
        ("{a,b}", ("a", "b")),
        ("x{a,b{1,2}}y", ("xay", "xb1y", "xb2y")),
        ("{a,}", ("a", "")),
        ("\\{a,b\\}", ("\\{a,b\\}",)),
        ("{a\\,b,c}", ("a\\,b", "c")),
        ("x\\{{a,b}", ("x\\{a", "x\\{b")),
    ],
)
def test_braces(glob: str, wanted: tuple[str, ...]) -> None:
    """Braces are alternatives, nested too."""
    assert expand_braces(glob) == wanted


@pytest.mark.parametrize("glob", ["{a", "a}", "{a}", "{a,b}" * 7, "x\\"])
def test_refused_braces(glob: str) -> None:
    """Braces that are open, alone, or stand for too much are refused."""
    with pytest.raises(PatternError):
        text_glob(glob)


@pytest.mark.parametrize("glob", ["src/**", "**/*.py", "./a", "~/x", "/etc/**", "**"])
def test_globs_that_can_be_meant(glob: str) -> None:
    """A glob with a folder says what it means."""
    check_path_glob(glob)


def test_the_folder_of_a_project_is_no_pattern() -> None:
    """Signs of a glob in the project's own path are plain signs."""
    fits = Places("/a[1]*", "/home/user").glob("**/x")

    assert fits("/a[1]*/y/x")
    assert not fits("/a1b/y/x")


@pytest.mark.parametrize(
    ("pattern", "tool", "wanted"),
    [
        ("mcp:airline:book_*", "mcp:airline:book_flight", True),
        ("mcp:airline:book_*", "mcp:airline:list", False),
        ("mcp:*:push", "mcp:git:push", True),
        ("mcp:*", "mcp:git", True),
        ("mcp:*:*", "mcp:a:b:c", False),
        ("read", "read", True),
        ("read", "reads", False),
    ],
)
def test_tool_patterns(pattern: str, tool: str, wanted: bool) -> None:
    """A star in a tool's name stops at the colon."""
    assert tool_pattern(pattern)(tool) is wanted


# -- folders that stand elsewhere --------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "path", "wanted"),
    [
        ("~/.codex/config.toml", "/srv/codex/config.toml", True),
        ("/**/.codex/{config.toml,hooks.json}", "/srv/codex/hooks.json", True),
        ("/**/.codex/hooks/**", "/srv/codex/hooks/a/b.sh", True),
        ("/home/*/.codex/config.toml", "/srv/codex/config.toml", True),
        ("~/.codex", "/srv/codex", True),
        ("~/.{claude,codex}/x", "/srv/codex/x", True),
        ("~/.codex/config.toml", "/home/ana/.codex/config.toml", True),
        ("~/.codex/config.toml", "/srv/codex/other.toml", False),
        ("./.codex/config.toml", "/srv/codex/config.toml", False),
        ("/home/other/.codex/config.toml", "/srv/codex/config.toml", False),
        ("~/.claude/settings.json", "/srv/codex/settings.json", False),
        ("~/**", "/srv/codex/config.toml", False),
        ("~/.config/opencode/opencode.json", "/srv/xdg/opencode/opencode.json", True),
        ("/**/.config/opencode/**", "/srv/xdg/opencode/plugin/x.js", True),
        ("~/.gemini/trustedFolders.json", "/srv/trusted.json", True),
        ("~/.gemini/settings.json", "/srv/trusted.json", False),
        ("~/.gemini/settings.json", "/srv/gem/.gemini/settings.json", True),
    ],
)
def test_globs_reach_folders_that_stand_elsewhere(glob: str, path: str, wanted: bool) -> None:
    """A pattern that means a folder where it stands by default means where it stands."""
    environment = {
        "CODEX_HOME": "/srv/codex", "XDG_CONFIG_HOME": "/srv/xdg", "GEMINI_CLI_HOME": "/srv/gem",
        "GEMINI_CLI_TRUSTED_FOLDERS_PATH": "/srv/trusted.json",
    }  # fmt: skip
    places = Places("/home/ana/work", "/home/ana", moved=moved_folders(environment, "/home/ana"))
    assert places.glob(glob)(path) is wanted


def test_single_paths_reach_them_too() -> None:
    """As globs do, so do the spellings of one path and of folders."""
    places = Places("/home/ana/work", "/home/ana", moved=(("/home/ana/.codex", "/srv/co[d]ex"),))
    assert places.spellings("~/.codex/a") == {"/home/ana/.codex/a", "/srv/co[d]ex/a"}
    assert places.folders(["~/.codex"]) == {"/home/ana/.codex", "/srv/co[d]ex"}
    assert places.glob("~/.codex/*")("/srv/co[d]ex/a")


def test_links_of_a_folder_elsewhere_are_followed(tmp_path: Path) -> None:
    """The place as the variable spells it, and the one that it leads to."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    moved = (("/home/ana/.codex", str(tmp_path / "link")),)
    places = Places("/home/ana/work", "/home/ana", resolve=os.path.realpath, moved=moved)
    test = places.glob("~/.codex/config.toml")
    assert test(f"{tmp_path}/link/config.toml")
    assert test(f"{tmp_path}/real/config.toml")


@pytest.mark.parametrize("given", ["", "  ", "relative/path", "/home/ana/.codex/", "~/.codex"])
def test_what_names_no_other_folder_moves_nothing(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty, relative, or the default itself."""
    monkeypatch.setenv("HOME", "/home/ana")
    assert moved_folders({"CODEX_HOME": given}, "/home/ana") == ()


def test_variables_of_this_process_move_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The places of this machine are those that its programs are told."""
    monkeypatch.setenv("CODEX_HOME", "/srv/codex")
    assert places_of("/work").glob("~/.codex/config.toml")("/srv/codex/config.toml")
