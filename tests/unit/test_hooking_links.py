"""What ties one session to the next is kept once, bounded, and taken once."""

from __future__ import annotations

from pathlib import Path

from governance.hooking.links import LINKS_MAX, remember, take


def test_link_is_taken_once(tmp_path: Path) -> None:
    """A tie is found by its key, and not a second time."""
    remember(tmp_path, "my-host", "prompt-1", "old")
    assert take(tmp_path, "my-host", "prompt-2") == ""
    assert take(tmp_path, "my-host", "prompt-1") == "old"
    assert take(tmp_path, "my-host", "prompt-1") == ""


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    """Looking for a tie in a project without any makes no folder."""
    assert take(tmp_path, "my-host", "prompt-1") == ""
    assert list(tmp_path.iterdir()) == []


def test_links_are_bounded(tmp_path: Path) -> None:
    """Ties that nobody takes do not pile up; the newest stay."""
    for number in range(LINKS_MAX + 20):
        remember(tmp_path, "my-host", f"session-{number:04}", f"s{number}")
    folder = tmp_path / ".governance" / "my-host" / "links"
    assert len(list(folder.iterdir())) == LINKS_MAX
    assert take(tmp_path, "my-host", f"session-{LINKS_MAX + 19:04}") == f"s{LINKS_MAX + 19}"
