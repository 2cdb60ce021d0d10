"""The table of keys, and the file that a new project gets, are made from the classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.config import KEYS, LEVELS, default_toml, key_table, level_table, read_config

PROJECT = Path("/project")


def test_every_key_has_a_sentence() -> None:
    """The docs table has no empty cell where one is due."""
    for one in KEYS:
        assert re.fullmatch(r".*\.|.*…", one.doc), one.key
        assert one.type


@pytest.mark.parametrize("one", [one for one in KEYS if one.type == "int"], ids=lambda one: one.key)
def test_a_figure_has_its_unit(one: object) -> None:
    """Whoever writes a figure knows of what; only a place in an order has none."""
    assert one.unit or one.key == "listener[].priority"  # type: ignore[attr-defined]


def test_the_tables_name_every_key_and_level() -> None:
    """Nothing is left out of the docs."""
    table = key_table()

    for one in KEYS:
        assert f"| `{one.key}` | {one.type} | `{one.default}` | {one.unit} |" in table
    assert level_table().splitlines()[0] == "| key | " + " | ".join(LEVELS) + " |"
    assert '| `defaults.mode` | `"enforce"` | `"enforce"` | `"shadow"` |' in level_table()


def test_a_new_projects_file_loads_clean() -> None:
    """What `governance init` writes has no problem, and says what it was given."""
    text = default_toml(["shipped", 'a "b".toml'], name="Atlas \\ 1", hosts=["claude-code"])

    config = read_config(text, "governance.toml", PROJECT)

    assert config.packs.paths == ("shipped", 'a "b".toml')
    assert config.name == "Atlas \\ 1"
    assert list(config.hosts) == ["claude-code"]


def test_what_stands_behind_the_sign_is_the_default() -> None:
    """Taking away every `#` before a key changes nothing: no comment tells a false default."""
    text = default_toml(["shipped"], hosts=["claude-code"])
    told = re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)
    assert told.count("\n") == text.count("\n")
    assert len(re.findall(r"^\w+ = ", told, re.MULTILINE)) > 30

    usual, explicit = (read_config(one, "x", PROJECT) for one in (text, told))

    for name in ("project", "packs", "session", "resume", "idle", "live", "journal", "context",
                 "stall", "defaults", "listeners"):  # fmt: skip
        assert repr(getattr(usual, name)) == repr(getattr(explicit, name))
    assert repr(usual.host("claude-code")) == repr(explicit.host("claude-code")).replace(
        "roles={}", "roles=mappingproxy({})"
    )


def test_no_line_is_too_long_to_read() -> None:
    """The file is for people."""
    assert max(map(len, default_toml(["shipped"], hosts=["codex"]).splitlines())) <= 100
