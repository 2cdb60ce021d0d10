"""A host's own file of settings: what cannot be read or written is refused, and left as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from governance.hooking.installing import Change
from governance.hooking.settings_file import (
    BYTES_MAX,
    SettingsRefused,
    parsed,
    read_text,
    write_changes,
    write_text,
)


def fill(data: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "cannot be read"),
        (fill(b" " * (BYTES_MAX + 1)), f"larger than {BYTES_MAX} bytes"),
        (fill(b'{"a": "\xff"}'), "no UTF-8 at offset 7"),
    ],
)
def test_what_is_no_text_is_refused(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    """A folder, too much, and bytes of another encoding: each by its reason."""
    file = tmp_path / "settings.json"
    make(file)

    with pytest.raises(SettingsRefused, match=said) as refused:
        read_text(file)

    assert refused.value.code == "GOV702"


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    """And one that is not there is none."""
    file = tmp_path / "settings.json"
    assert read_text(file) is None

    file.write_bytes(b" " * BYTES_MAX)

    assert len(read_text(file) or "") == BYTES_MAX


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1', '{"a": 1} x'])
def test_what_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    """Somebody has to mend it first."""
    with pytest.raises(SettingsRefused, match="is not the JSON object") as refused:
        parsed(text, tmp_path / "settings.json")

    assert "nothing was changed" in refused.value.remedy


def test_what_cannot_be_written_is_as_it_was(tmp_path: Path) -> None:
    """In place of a folder no file is put, nothing is left beside it, and no other is written."""
    folder, last = tmp_path / "settings.json", tmp_path / "last.json"
    folder.mkdir()
    changes = [
        Change(tmp_path / "same.json", "{}", "{}"),
        Change(folder, None, "{}"),
        Change(last, None, "{}"),
    ]

    with pytest.raises(SettingsRefused, match="cannot be written"):
        write_changes(changes)

    assert sorted(one.name for one in tmp_path.iterdir()) == ["settings.json"]
    assert list(folder.iterdir()) == []


def test_folders_are_made_and_the_mode_is_kept(tmp_path: Path) -> None:
    """A new file lies in folders of its own; one that was there keeps its rights."""
    file = tmp_path / "a" / "b" / "settings.json"
    write_changes([Change(file, None, "{}")])
    file.chmod(0o666)

    write_text(file, '{"a": 1}')

    assert file.read_text() == '{"a": 1}'
    assert file.stat().st_mode & 0o777 == 0o666
