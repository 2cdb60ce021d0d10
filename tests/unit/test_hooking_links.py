"""What ties one session to the next is kept, bounded, and forgotten once it was used."""

from __future__ import annotations

from pathlib import Path

from governance.hooking.links import LINKS_MAX, find, forget, remember


def test_link_is_there_until_it_was_used(tmp_path: Path) -> None:
    """A tie is found by its key, again too, until it is forgotten."""
    remember(tmp_path, "my-host", "prompt-1", "old")
    assert find(tmp_path, "my-host", "prompt-2") == ""
    assert find(tmp_path, "my-host", "prompt-1") == "old"
    assert find(tmp_path, "my-host", "prompt-1") == "old"
    forget(tmp_path, "my-host", "prompt-1")
    assert find(tmp_path, "my-host", "prompt-1") == ""
    forget(tmp_path, "my-host", "prompt-1")


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    """Looking for a tie in a project without any makes no folder."""
    assert find(tmp_path, "my-host", "prompt-1") == ""
    assert list(tmp_path.iterdir()) == []


def test_links_are_bounded(tmp_path: Path) -> None:
    """Ties that nobody takes do not pile up; the newest stay."""
    for number in range(LINKS_MAX + 20):
        remember(tmp_path, "my-host", f"session-{number:04}", f"s{number}")
    folder = tmp_path / ".governance" / "my-host" / "links"
    assert len(list(folder.iterdir())) == LINKS_MAX
    assert find(tmp_path, "my-host", f"session-{LINKS_MAX + 19:04}") == f"s{LINKS_MAX + 19}"
