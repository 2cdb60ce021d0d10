"""A text beside a prompt counts as told once the turn goes on, and not before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.hooking import offers
from governance.hosts import profile_of
from governance.session.commands import Command, HostTraits

TOLD = {"sha256": "ab" * 32, "rendered_at": 3, "blocks": ["one"], "why": "briefing"}


def command(event: str, session: str = "s", **more: object) -> Command:
    return Command(event=event, session=session, host="claude-code", **more)  # type: ignore[arg-type]


def offered(project: Path, session: str = "s") -> None:
    offers.keep(project, command("brief", session, data=TOLD))


@pytest.mark.parametrize("event", sorted(offers.SHOWS_USE))
def test_the_next_event_of_the_turn_reports_it(tmp_path: Path, event: str) -> None:
    """The report is the one that was kept, and is due until it is forgotten."""
    offered(tmp_path)

    for _ in range(2):
        due = offers.shown(tmp_path, command(event, key="k", delivery="after_flush"))
        assert due is not None
        assert (due.event, due.session, due.key, due.delivery) == ("brief", "s", None, "none")
        assert due.data == TOLD
    offers.forget(tmp_path, command(event))
    assert offers.shown(tmp_path, command(event)) is None


@pytest.mark.parametrize("event", ["turn_start", "end", "interrupt", "resume", "start", "compact"])
def test_other_events_show_nothing(tmp_path: Path, event: str) -> None:
    """None of them says that a model was given the prompt."""
    offered(tmp_path)

    assert offers.shown(tmp_path, command(event)) is None


def test_sessions_are_apart(tmp_path: Path) -> None:
    """A child's text is not its parent's."""
    offered(tmp_path, "s/kid")

    assert offers.shown(tmp_path, command("tool_before")) is None
    assert offers.shown(tmp_path, command("tool_before", "s/kid")) is not None


def test_half_of_a_file_is_none(tmp_path: Path) -> None:
    """What was cut off is told again."""
    offered(tmp_path)
    (file,) = (tmp_path / ".governance" / "claude-code" / "offers").iterdir()

    file.write_bytes(file.read_bytes()[:-5])

    assert offers.shown(tmp_path, command("tool_before")) is None


def test_the_oldest_is_forgotten(tmp_path: Path) -> None:
    """No more than so many wait, however many prompts came to nothing."""
    for number in range(offers.OFFERS_MAX + 3):
        offered(tmp_path, f"s{number}")
        file = tmp_path / ".governance" / "claude-code" / "offers" / f"s{number}"
        os.utime(file, (number, number))

    folder = tmp_path / ".governance" / "claude-code" / "offers"
    assert len(list(folder.iterdir())) == offers.OFFERS_MAX
    assert not (folder / "s0").exists()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_only_a_prompt_s_text_waits() -> None:
    """Other answers reach the model whatever other hooks say; requests report by themselves."""
    claude = profile_of("claude-code").traits

    assert offers.waits(command("turn_start", traits=claude))
    assert not offers.waits(command("start", traits=claude))
    assert not offers.waits(command("turn_start", traits=HostTraits(inject="request")))
