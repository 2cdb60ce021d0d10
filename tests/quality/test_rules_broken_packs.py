"""
Each way a pack can be broken is found, with its code, on its line, and nothing else.

A file in ``packs/broken`` says at the end of a line what is expected there:
``# expect GOV213`` for an error, ``# expect-warning GOV235`` for a warning.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from governance.rules.keys import CODES
from governance.rules.loader import read_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary

FOLDER = Path(__file__).parent / "packs" / "broken"
FILES = sorted(FOLDER.glob("*.toml"))
SETTINGS = LoadSettings(fields={"language": "English"}, today=date(2026, 1, 1))
EXPECTED = re.compile(r"# expect(-warning)?((?: GOV\d{3})+)")

ELSEWHERE = {
    "GOV253": "also here, with its own file",
    "GOV255": "test_rules_loader_check",
    "GOV256": "test_rules_loader_check",
    "GOV257": "test_rules_loader_check",
    "GOV258": "test_rules_loader_layers",
    "GOV259": "test_rules_loader_layers",
    "GOV265": "test_rules_loader_linking",
    "GOV266": "test_rules_static_checks",
    "GOV267": "test_rules_static_checks",
    "GOV268": "test_rules_loader_check",
    "GOV271": "test_rules_loader_linking",
    "GOV273": "test_rules_loader_trust",
    "GOV281": "test_authoring_scenarios",
}
"""Codes that need more than one file to be provoked, and the tests that do."""


def expected_in(text: str) -> list[tuple[int, str, str]]:
    """Line, code and severity of everything that the comments of *text* announce."""
    return sorted(
        (number, code, "warning" if found.group(1) else "error")
        for number, line in enumerate(text.split("\n"), 1)
        for found in EXPECTED.finditer(line)
        for code in found.group(2).split()
    )


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_what_is_wrong_is_found_where_it_stands(file: Path) -> None:
    """Exactly the announced problems, each on its line and with a way to mend it."""
    text = file.read_text("utf-8")
    source = PackSource("", text, file.name, "user")

    loaded = read_rules([source], default_vocabulary(), settings=SETTINGS)

    found = sorted((one.line, one.code, one.severity) for one in loaded.diagnostics)
    assert found == expected_in(text), "\n".join(map(str, loaded.diagnostics))
    assert all(one.file == file.name for one in loaded.diagnostics)
    assert (loaded.rules is None) == any(one[2] == "error" for one in found)


def test_every_code_is_provoked_somewhere() -> None:
    """No code of the registry is without a file or a named test that shows it."""
    shown = {code for file in FILES for _, code, _ in expected_in(file.read_text("utf-8"))}

    assert set(CODES) - shown - set(ELSEWHERE) == set()


def test_problems_of_all_files_come_at_once() -> None:
    """Two broken packs give the problems of both, in one go."""
    sources = [
        PackSource(
            "", file.read_text("utf-8").replace('"broken"', f'"broken-{index}"'), file.name, "user"
        )
        for index, file in enumerate(FILES)
        if file.stem in ("key-unknown", "pack-name")
    ]

    loaded = read_rules(sources, default_vocabulary(), settings=SETTINGS)

    assert {one.file for one in loaded.errors} == {"key-unknown.toml", "pack-name.toml"}
