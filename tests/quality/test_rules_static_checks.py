"""
What only `check` tells of packs that work: covered rules, meetings, needless exemptions.

A file in ``packs/told`` says at the end of a line what is told there, and what the message
holds: ``# tell-warning GOV266 …``, ``# tell-info GOV255 …``. A witness stands in the message.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve

from governance.errors import Diagnostic
from governance.rules.check import check_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "packs" / "told"
FILES = sorted(FOLDER.glob("*.toml"))
TOLD = re.compile(r"# tell-(warning|info) (GOV\d{3}) (.*)$")
SETTINGS = LoadSettings(
    fields={"language": "English", "phase": "1"}, time_zone="UTC", trusted=lambda _: True
)


def told(*sources: PackSource, settings: LoadSettings = SETTINGS) -> list[Diagnostic]:
    """Everything that is told of *sources*, but what sets stand for and known gaps."""
    found = check_rules(sources, default_vocabulary(), settings=settings)
    return [one for one in found if one.code not in ("GOV254", "GOV256")]


def sources_of(*files: Path) -> list[PackSource]:
    return [PackSource("", one.read_text("utf-8"), one.name, "user") for one in files]


def check(*files: Path) -> list[Diagnostic]:
    """As `told`, of *files*."""
    return told(*sources_of(*files))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_what_check_tells_is_told_where_it_stands(file: Path) -> None:
    """Exactly the announced findings, each on its line, with its witness or its reason."""
    expected = [
        (number, *found.groups())
        for number, line in enumerate(file.read_text("utf-8").split("\n"), 1)
        if (found := TOLD.search(line))
    ]

    found = check(file)

    assert [(one.line, one.severity, one.code) for one in found] == [one[:3] for one in expected], (
        "\n".join(map(str, found))
    )
    for one, (_, _, _, words) in zip(found, expected, strict=True):
        assert words in one.message


def test_shipped_packs_are_told_nothing_to_mend() -> None:
    """No check warns of a pack that ships, alone or beside all others."""
    files = sorted((ROOT / "rules").glob("*.toml"))

    found = [one for one in check(*files) if one.severity != "info"]

    assert found == []


def test_a_pack_beside_released_ones_is_told_what_is_its_own() -> None:
    """
    What those are among themselves was looked for before, and no calls are built of two of them.

    So of calls that several rules match a few may be told less, and nothing that is to be mended.
    """
    files = ROOT / "rules" / "git-safety.toml", FOLDER.parent / "beside" / "pushes.toml"
    sources = sources_of(*files)
    released = evolve(SETTINGS, released=lambda text_hash: text_hash == sources[0].hash)

    whole, beside = (
        [one for one in told(*sources, settings=each) if "more rules" not in one.message]
        for each in (SETTINGS, released)
    )

    own = [one for one in whole if "`team." in one.message]
    assert len(own) < len(whole)
    assert [one for one in own if one in beside] == beside
    assert len(beside) >= len(own) - 1
    assert [one for one in beside if one.code == "GOV266"] == [
        one for one in own if one.code == "GOV266"
    ]
