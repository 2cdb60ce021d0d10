"""Every TOML block of the documents passes the checker: what is copied from them works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.config import default_toml, read_config
from governance.errors import ERROR, DefinitionError
from governance.rules.check import check_rules
from governance.rules.scenarios import read_scenario_file
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary
from governance.session.law import SESSION_FIELDS

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
]

RECORDED = {"mcp:gh:create_issue": {"title": "str", "visibility": ("public", "private")}}
"""What the page on packs records by a command before it shows a rule on it."""


def problems(block: str) -> list[str]:
    """Errors of *block*: a pack or scenarios when it says a format, else a `governance.toml`."""
    if not re.search(r"^format = ", block, re.MULTILINE):
        try:
            read_config(block, "governance.toml", ROOT)
        except DefinitionError as error:
            return [str(one) for one in error.diagnostics]
        return []
    if not re.search(r"^\[pack\]", block, re.MULTILINE):
        return [str(one) for one in read_scenario_file(block, "x").findings.diagnostics()]
    config = read_config(default_toml(), "governance.toml", ROOT)
    fields = {**dict.fromkeys(SESSION_FIELDS, ""), **config.fields}
    settings = LoadSettings(fields=fields, time_zone="Europe/Berlin", args=RECORDED)
    found = check_rules(
        [PackSource("", block, "pack.toml")], default_vocabulary(), settings=settings
    )
    return [str(one) for one in found if one.severity == ERROR]


def test_there_are_blocks() -> None:
    """The pattern that finds blocks finds them."""
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_passes_the_checker(block: str) -> None:
    """No error; warnings may be."""
    assert problems(block) == []


def test_the_checker_is_really_asked() -> None:
    """One misspelled letter in a block is found."""
    assert problems('format = 1\n[pack]\nname = "x"\nversion = "1.0.0"\nsumary = "x"\n')
    assert problems("[jurnal]\n")
