"""The table of keys, and the file that a new project gets, are made from the classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.config import KEYS, LEVELS, default_toml, key_table, level_table, read_config

PROJECT = Path("/project")


# The defaults that were promised, in the order of the file.
DEFAULTS = """
project.name ""
project.time_zone ""
packs.paths ["shipped"]
packs.layers ["machine", "user", "project"]
session.language "English"
session.document_language ""
session.phase ""
session.style ""
session.level "standard"
resume.notice_seconds_min 3600
resume.stale_seconds_min 172800
resume.fresh_seconds_min 604800
idle.idle_seconds_max 1800
live.sessions_max 10000
live.megabytes_max 50
live.idle_seconds_max 86400
live.preload_sessions_max 0
live.rules_check_ms 1000
journal.url "sqlite:///.governance/journal.db"
journal.redaction true
redaction.patterns {}
redaction.detectors []
encryption.key ""
encryption.previous []
encryption.required false
access.actors {}
access.roles {}
audit.reads false
audit.repeat_seconds_min 300
retention.age_days_max 0
retention.sessions_max 0
retention.megabytes_max 0
retention.session_megabytes_max 100
retention.archive true
retention.archive_folder ".governance/archive"
retention.interval_minutes_min 60
backup.age_seconds_max 86400
backup.backups_max 7
backup.folder ".governance/backups"
backup.seconds_max 600
health.wal_megabytes_max 64
health.free_megabytes_min 100
health.load_seconds_max 5
health.save_seconds_max 2
health.memory_megabytes_max 500
context.characters_max 8000
context.tokens_max none
contexts.value_kilobytes_max 4000
contexts.scope_megabytes_max 64
contexts.values_max 10000
contexts.grants_max 1000
contexts.scopes_held_max 64
contexts.held_megabytes_max 50
stall.repeats_max 3
stall.reaction "record"
defaults.tool "allow"
defaults.unknown_role "deny"
defaults.mode "enforce"
service.enabled true
service.idle_seconds_max 1800
listeners.entry_points []
listeners.threads_max 16
listeners.queue_max 1000
listeners.drain_ms 2000
notify.command []
notify.on ["halt", "ask", "guard-gap"]
notify.seconds_max 10
notify.hourly_max 60
hosts.NAME.roles {}
hosts.NAME.unbriefed "allow"
hosts.NAME.unbound "deny"
hosts.NAME.after_end "deny"
hosts.NAME.unknown_tool "ask"
hosts.NAME.deadline_ms 5000
hosts.NAME.custom false
listener[].name required
listener[].events required
listener[].command required
listener[].mode "audit"
listener[].priority 50
listener[].time_limit_ms 2000
listener[].on_error "fail"
exempt[] none
fields.NAME none
"""


def test_every_default_is_the_promised_one() -> None:
    """A default is part of the contract: changing one changes what projects are governed by."""
    made = [f"{one.key} {one.default}" for one in KEYS]

    assert made == DEFAULTS.strip().splitlines()


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

    for name in ("project", "packs", "session", "resume", "idle", "live", "journal",
                 "redaction", "encryption", "access", "audit", "retention", "backup", "context",
                 "stall", "defaults", "listeners"):  # fmt: skip
        one, other = repr(getattr(usual, name)), repr(getattr(explicit, name))
        assert one.replace("mappingproxy({})", "{}") == other.replace("mappingproxy({})", "{}")
    assert repr(usual.host("claude-code")) == repr(explicit.host("claude-code")).replace(
        "roles={}", "roles=mappingproxy({})"
    )


def test_no_line_is_too_long_to_read() -> None:
    """The file is for people."""
    assert max(map(len, default_toml(["shipped"], hosts=["codex"]).splitlines())) <= 100
