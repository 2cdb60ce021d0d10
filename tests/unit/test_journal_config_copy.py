"""Copies of a project's configuration: whole or refused, within bounds, and of one project."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.journal.config_copy import (
    BYTES_MAX,
    FILES_MAX,
    ConfigCopyRefused,
    ConfigFile,
    ConfigTooLarge,
    backup_config,
    copies_in,
    read_copy,
    write_copy,
)

FILES = (
    ConfigFile("governance.toml", 0o644, b"[packs]\npaths = []\n"),
    ConfigFile("rules/own.toml", 0o600, "ä\n".encode() + b"\xff\x00\r\n"),
)
PROJECT = "0123456789abcdef" * 2


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Path:
    path = tmp_path / "made.config"
    write_copy(path, FILES, 7)
    return path


def test_a_copy_gives_what_was_copied(copy: Path) -> None:
    """Bytes, modes and order come back, whatever the bytes are; the copy is private."""
    found = read_copy(copy)

    assert (found.files, found.at_ms) == (FILES, 7)
    assert copy.stat().st_mode & 0o777 == 0o600


@given(st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 0o755)), max_size=5))
def test_any_bytes_come_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[bytes, int]]
) -> None:
    """No content is beyond a copy, however little it is text."""
    path = tmp_path_factory.mktemp("any") / "made.config"
    files = tuple(ConfigFile(f"f{n}", mode, data) for n, (data, mode) in enumerate(made))

    write_copy(path, files, 1)

    assert read_copy(path).files == files


def test_every_flipped_byte_is_found(copy: Path) -> None:
    """A copy in which any byte is another one is refused, or says of its files the same."""
    whole = copy.read_bytes()
    told = 0
    for place in range(len(whole)):
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = read_copy(copy)
        except ConfigCopyRefused:
            told += 1
            continue
        # The time, the mode and the name of a file are no content: what they are is shown.
        assert [one.data for one in found.files] == [one.data for one in FILES]
    assert told > 0.8 * len(whole)


def test_every_cut_is_found(copy: Path) -> None:
    """A copy that ends too early, or goes on too long, is refused."""
    whole = copy.read_bytes()
    for text in (*(whole[:size] for size in range(len(whole))), whole + b"x", whole + whole):
        copy.write_bytes(text)
        with pytest.raises(ConfigCopyRefused):
            read_copy(copy)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../out", "a/../../out", "a//b", "./a", "a/", "a\0b", "x" * 5_000]
)
def test_no_path_leads_out_of_a_project(copy: Path, path: str) -> None:
    """Whoever made the copy: a file that is not plainly below the project is refused."""
    line = {"path": path, "mode": 0o644, "sha256": sha256(b"x").hexdigest(), "text": "x"}
    head = {"kind": "governance-config", "format": 1, "at_ms": 1, "files": 1}
    copy.write_text(f"{json.dumps(head)}\n{json.dumps(line)}\n")

    with pytest.raises(ConfigCopyRefused, match="is no file of a project"):
        read_copy(copy)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, "format 2"),
        ({"kind": "other"}, "no copy"),
        ({"files": 10**9}, "first line"),
        ({"at_ms": "now"}, "first line"),
    ],
)
def test_other_headers_are_refused(copy: Path, change: dict[str, object], why: str) -> None:
    """A newer format is named, and nothing is guessed."""
    head, rest = copy.read_bytes().split(b"\n", 1)
    copy.write_bytes(json.dumps(json.loads(head) | change).encode() + b"\n" + rest)

    with pytest.raises(ConfigCopyRefused, match=why):
        read_copy(copy)


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Of two contents of one file nobody could say which counts."""
    with pytest.raises(ConfigCopyRefused, match="twice"):
        write_copy(tmp_path / "made.config", (FILES[0], FILES[0]), 1)


@pytest.mark.parametrize(
    "files",
    [
        tuple(ConfigFile(f"f{n}", 0o644, b"") for n in range(FILES_MAX + 1)),
        (ConfigFile("f", 0o644, b"x" * (BYTES_MAX + 1)),),
    ],
    ids=["count", "size"],
)
def test_too_much_is_refused(tmp_path: Path, files: tuple[ConfigFile, ...]) -> None:
    """Both bounds hold, and nothing is left of the try."""
    with pytest.raises(ConfigTooLarge):
        backup_config(tmp_path / "b", files, project=PROJECT, now_ms=1, backups_max=1)

    assert {one.name for one in (tmp_path / "b").iterdir()} == {".gitignore"}


def test_the_oldest_copies_alone_go(tmp_path: Path) -> None:
    """As many as are wanted stay, the newest first; those of another project are left alone."""
    other = backup_config(tmp_path, FILES, project="f" * 32, now_ms=1, backups_max=2)
    made = [
        backup_config(tmp_path, FILES, project=PROJECT, now_ms=1_000 * n, backups_max=2)
        for n in range(1, 5)
    ]

    assert copies_in(tmp_path) == (made[3], made[2], other)
    assert copies_in(tmp_path / "nowhere") == ()


def test_a_copy_after_the_clock_went_back_is_the_newest(tmp_path: Path) -> None:
    """Copies from a time that never was do not have the new ones rotated away."""
    years_ms = 40 * 365 * 86_400_000
    ahead = [
        backup_config(tmp_path, FILES, project=PROJECT, now_ms=years_ms + n, backups_max=2)
        for n in range(2)
    ]

    made = backup_config(tmp_path, FILES, project=PROJECT, now_ms=1_000, backups_max=2)

    assert copies_in(tmp_path) == (made, ahead[1])
    assert read_copy(made).at_ms == 1_000
