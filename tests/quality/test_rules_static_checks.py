"""
What only `check` tells of packs that work: covered rules, meetings, needless exemptions.

A file in ``packs/told`` says at the end of a line what is told there, and what the message
holds: ``# tell-warning GOV266 …``, ``# tell-info GOV255 …``. A witness stands in the message.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def check(*files: Path) -> list[Diagnostic]:
    """Everything that is told of *files*, but what sets stand for and known gaps."""
    sources = [PackSource("", one.read_text("utf-8"), one.name, "user") for one in files]
    found = check_rules(sources, default_vocabulary(), settings=SETTINGS)
    return [one for one in found if one.code not in ("GOV254", "GOV256")]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_what_check_tells_is_told_where_it_stands(file: Path) -> None:
    """Exactly the announced findings, each on its line, with its witness or its reason."""
    expected = [
        (number, *found.groups())
        for number, line in enumerate(file.read_text("utf-8").split("\n"), 1)
        if (found := TOLD.search(line))
    ]

    told = check(file)

    assert [(one.line, one.severity, one.code) for one in told] == [one[:3] for one in expected], (
        "\n".join(map(str, told))
    )
    for one, (_, _, _, words) in zip(told, expected, strict=True):
        assert words in one.message


def test_shipped_packs_are_told_nothing_to_mend() -> None:
    """No check warns of a pack that ships, alone or beside all others."""
    files = sorted((ROOT / "rules").glob("*.toml"))

    found = [one for one in check(*files) if one.severity != "info"]

    assert found == []
