"""`governance.toml` becomes one typed value, or every problem with its line."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from governance.config import (
    CODES,
    KEYS,
    Config,
    LayerFiles,
    load_config,
    loosenings,
    override_session,
    read_config,
    until_trusted,
)
from governance.errors import DefinitionError, Diagnostic

NO_LAYERS = LayerFiles()
PROJECT = Path("/project")


def read(text: str) -> Config:
    return read_config(text, "governance.toml", PROJECT)


def problems(text: str) -> list[Diagnostic]:
    with pytest.raises(DefinitionError) as caught:
        read(text)
    return list(caught.value.diagnostics)


# Key → another value than the default, as TOML: what is written must be what is read.
CHANGES = {
    "project.name": '"atlas"',
    "project.time_zone": '"Europe/Paris"',
    "packs.paths": '["shipped:git-safety", "policy.toml"]',
    "packs.layers": '["machine", "user", "project"]',
    "session.language": '"Deutsch"',
    "session.document_language": '"English"',
    "session.phase": '"plan"',
    "session.style": '"terse"',
    "session.level": '"strict"',
    "resume.notice_seconds_min": "7200",
    "resume.stale_seconds_min": "100000",
    "resume.fresh_seconds_min": "700000",
    "idle.idle_seconds_max": "60",
    "live.sessions_max": "3",
    "live.megabytes_max": "1",
    "live.idle_seconds_max": "5",
    "live.preload_sessions_max": "4",
    "live.rules_check_ms": "0",
    "journal.url": '"memory:"',
    "journal.redaction": "false",
    "redaction.patterns": '{ staff = "EMP-[0-9]+" }',
    "redaction.detectors": '["detect-secrets"]',
    "encryption.key": '"env:KEY"',
    "encryption.previous": '["env:OLD"]',
    "encryption.required": "true",
    "access.actors": "{ ann = [] }",
    "access.roles": '{ auditor = ["read", "list:own"] }',
    "audit.reads": "true",
    "audit.repeat_seconds_min": "0",
    "retention.age_days_max": "30",
    "retention.sessions_max": "100",
    "retention.megabytes_max": "500",
    "retention.session_megabytes_max": "0",
    "retention.archive": "false",
    "retention.archive_folder": '"/cold"',
    "retention.interval_minutes_min": "0",
    "backup.age_seconds_max": "300",
    "backup.backups_max": "3",
    "backup.folder": '"/elsewhere"',
    "backup.seconds_max": "9",
    "health.wal_megabytes_max": "8",
    "health.free_megabytes_min": "500",
    "health.load_seconds_max": "30",
    "health.save_seconds_max": "10",
    "health.memory_megabytes_max": "900",
    "notify.command": '["tell"]',
    "notify.on": '["halt"]',
    "notify.seconds_max": "3",
    "notify.hourly_max": "7",
    "context.characters_max": "500",
    "context.tokens_max": "100",
    "contexts.value_kilobytes_max": "100",
    "contexts.scope_megabytes_max": "1",
    "contexts.values_max": "50",
    "contexts.grants_max": "0",
    "contexts.scopes_held_max": "2",
    "contexts.held_megabytes_max": "1",
    "stall.repeats_max": "4",
    "stall.reaction": '"halt"',
    "defaults.tool": '"deny"',
    "defaults.unknown_role": '"allow"',
    "defaults.mode": '"shadow"',
    "service.enabled": "false",
    "service.idle_seconds_max": "5",
    "listeners.entry_points": '["a"]',
    "listeners.threads_max": "2",
    "listeners.queue_max": "9",
    "listeners.drain_ms": "0",
    "hosts.NAME.roles": '{ planner = "planner" }',
    "hosts.NAME.unbriefed": '"deny"',
    "hosts.NAME.unbound": '"ask"',
    "hosts.NAME.after_end": '"rules"',
    "hosts.NAME.unknown_tool": '"allow"',
    "hosts.NAME.deadline_ms": "100",
    "hosts.NAME.custom": "true",
}
PRESET = {"defaults.tool", "hosts.codex.unbriefed", "hosts.codex.unknown_tool"}
"""What the level of `CHANGES` sets besides itself."""

# A project has no layer below it that it could leave out.
UNCHANGED = {"packs.layers"}


def test_every_key_has_a_change() -> None:
    """A key that is added must be tried here."""
    scalar = {one.key for one in KEYS if not one.key.startswith(("listener[]", "exempt", "fields"))}

    assert set(CHANGES) == scalar


@pytest.mark.parametrize("key", sorted(CHANGES))
def test_a_key_changes_its_value_and_no_other(key: str) -> None:
    """What is written under a key is read there; all others keep their defaults."""
    host = "mine" if key == "hosts.NAME.custom" else "codex"
    table, _, name = key.replace("NAME", host).rpartition(".")
    hosts = "" if table == "hosts.codex" else "[hosts.codex]\n"
    before = flat(read("[hosts.codex]\n"))
    expected = tomllib.loads(f"x = {CHANGES[key]}")["x"]

    after = flat(read(f"{hosts}[{table}]\n{name} = {CHANGES[key]}\n"))

    found = after[f"{table}.{name}"]
    assert plain(found) == expected
    differ = {one for one in before if before[one] != after[one]}
    differ -= PRESET if key == "session.level" else set()
    changed = {f"{table}.{name}"} if f"{table}.{name}" in before else set()
    assert differ == changed - UNCHANGED


def plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def flat(config: Config) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in ("project", "packs", "session", "resume", "idle", "live", "journal",
                 "redaction", "encryption", "access", "audit", "retention", "backup", "health",
                 "context", "contexts", "stall", "defaults", "service", "listeners",
                 "notify"):  # fmt: skip
        found |= {f"{name}.{key}": value for key, value in slots(getattr(config, name))}
    for host, table in config.hosts.items():
        found |= {f"hosts.{host}.{key}": value for key, value in slots(table)}
    return found


def slots(table: object) -> list[tuple[str, object]]:
    return [(name, getattr(table, name)) for name in type(table).__slots__ if name[0] != "_"]  # type: ignore[attr-defined]


def test_an_empty_configuration_has_every_default() -> None:
    """Nothing needs to be written."""
    config = read("# nothing\n")

    assert config.resume.notice_seconds_min == 3_600
    assert config.resume.stale_seconds_min == 48 * 3_600
    assert config.resume.fresh_seconds_min == 168 * 3_600
    assert config.idle.idle_seconds_max == 1_800
    assert (config.live.sessions_max, config.live.megabytes_max) == (10_000, 50)
    assert config.live.idle_seconds_max == 86_400
    assert config.packs.paths == ("shipped",)
    host = config.host("claude-code")
    assert (host.unbriefed, host.unbound) == ("allow", "deny")
    assert (host.after_end, host.unknown_tool) == ("deny", "ask")
    assert config.name == "project"
    assert [one.name for one in config.layers] == ["project"]


WRONG = [
    ("[sesion]\n", "GOV301", 1, "did you mean `session`?"),
    ('[session]\nlangage = "x"\n', "GOV301", 2, "did you mean `language`?"),
    ("[chat]\nmessages_max = 1\n", "GOV301", 1, "there is no table `chat`"),
    ('[journal]\nencryption = "x"\n', "GOV301", 2, "`journal` has no key `encryption`"),
    ('[[rule]]\nid = "x"\n', "GOV301", 1, "rules stand in a pack"),
    ('time_zone = "UTC"\n', "GOV301", 1, "it stands under `[project]`"),
    ("[resume]\nnotice_seconds_min = true\n", "GOV302", 2, "is a boolean, `true`, expected an int"),
    ("[resume]\nnotice_seconds_min = 3600.0\n", "GOV302", 2, "is a float, `3600.0`"),
    ("[session]\nlanguage = 3\n", "GOV302", 2, "is an integer, `3`, expected a string"),
    ("[journal]\nredaction = 1\n", "GOV302", 2, "expected true or false"),
    ("session = 3\n", "GOV302", 1, "expected a table"),
    ('[packs]\npaths = "x"\n', "GOV302", 2, "expected an array of strings"),
    ('[packs]\npaths = [\n  "a",\n  3,\n]\n', "GOV302", 4, "`packs.paths[1]` is an integer"),
    ('[[context]]\nid = "x"\n', "GOV302", 1, "expected a table"),
    ('[exempt]\nrule = "x"\n', "GOV302", 1, "expected an array of tables, `[[exempt]]`"),
    ("hosts = 3\n", "GOV302", 1, "expected a table of tables"),
    ("[hosts]\ncodex = 3\n", "GOV302", 2, "`hosts.codex` is an integer"),
    ("[fields]\nday = 2024-01-01\n", "GOV302", 2, "is a date or time"),
    ("fields = 3\n", "GOV302", 1, "expected a table"),
    ('[hosts.codex]\nroles = ["x"]\n', "GOV302", 2, "is an array, expected a table"),
    ("[hosts.codex.roles]\nplan = 3\n", "GOV302", 2, "`hosts.codex.roles.plan` is an integer"),
    ('[session]\nlevel = "stritc"\n', "GOV303", 2, "did you mean `strict`?"),
    ("[live]\nsessions_max = 0\n", "GOV303", 2, "is 0, expected 1 to"),
    ('[packs]\npaths = ["a", "a"]\n', "GOV303", 2, "`packs.paths[1]` stands there twice"),
    ('[packs]\npaths = [" "]\n', "GOV303", 2, "`packs.paths[0]` is empty"),
    ('[session]\nlanguage = ""\n', "GOV303", 2, "`session.language` is empty"),
    ('[session]\nphase = "a\\nb"\n', "GOV303", 2, "holds a control character"),
    (f'[session]\nphase = "{"x" * 1001}"\n', "GOV303", 2, "has 1001 characters"),
    ("[fields]\na = nan\n", "GOV303", 2, "`fields.a` is not finite"),
    ("[fields]\na = inf\n", "GOV303", 2, "`fields.a` is not finite"),
    ("[resume]\nstale_seconds_min = 3600\n", "GOV304", 2, "more than `notice_seconds_min`"),
    ("[resume]\nfresh_seconds_min = 172800\n", "GOV304", 2, "more than `stale_seconds_min`"),
    ('[access]\nactors.a = ["x"]\n', "GOV311", 2, "there is no role `x`"),
    ('[access]\nroles.a = [\n  "read",\n  "raed",\n]\n', "GOV311", 4, "did you mean `read`?"),
    ('[access]\nroles.a = "read"\n', "GOV302", 2, "expected an array of strings"),
    ('[encryption]\nrequired = "yes"\n', "GOV302", 2, "expected true or false"),
    ('[redaction]\npatterns.a = "("\n', "GOV312", 2, "RE2 refuses"),
    ('[redaction]\npatterns.a = "a*"\n', "GOV312", 2, "matches an empty text"),
    ("[redaction.patterns]\n'a b' = 'x'\n", "GOV312", 2, "`a b` is no name"),
    ('[redaction]\ndetectors = ["detect-secret"]\n', "GOV303", 2, "did you mean `detect-secrets`?"),
    ("[idle]\nidle_seconds_max = 3601\n", "GOV305", 2, "expected no more than"),
    ('[project]\ntime_zone = "Europe/Pariss"\n', "GOV306", 2, "did you mean `Europe/Paris`?"),
    ('[project]\ntime_zone = "../etc/passwd"\n', "GOV306", 2, "there is no time zone"),
    ("[hosts.claude-cod]\n", "GOV307", 1, "did you mean `claude-code`?"),
    ("[hosts.my-harness]\n", "GOV307", 1, "write `custom = true`"),
    ("[hosts.codex]\ncustom = true\n", "GOV307", 2, "but `codex` is shipped"),
    ('[packs]\nlayers = ["project"]\n', "GOV309", 2, "leaves out `machine`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "said"), WRONG)
def test_what_is_wrong_is_told_with_its_line(text: str, code: str, line: int, said: str) -> None:
    """One problem, its code, its line, what was found and what was meant."""
    (found,) = problems(text)

    assert (found.code, found.line, found.file) == (code, line, "governance.toml")
    assert said in f"{found.message}; {found.suggestion}"


def test_bounds_that_just_hold() -> None:
    """An idle time-out may be the first bound, and bounds may rise by one."""
    config = read(
        "[resume]\nnotice_seconds_min = 5\nstale_seconds_min = 6\nfresh_seconds_min = 7\n"
        "[idle]\nidle_seconds_max = 5\n"
    )

    assert config.idle.idle_seconds_max == config.resume.notice_seconds_min == 5


LISTENER = '[[listener]]\nname = "a"\nevents = ["*"]\ncommand = ["x"]\n'


@pytest.mark.parametrize(
    ("text", "code", "line", "said"),
    [
        ('[[listener]]\nname = "a"\nevents = ["*"]\n', "GOV310", 1, "has no `command`"),
        (LISTENER.replace('"*"', '"tool.askd"'), "GOV308", 3, "did you mean `tool.asked`?"),
        (LISTENER.replace('"*"', ""), "GOV308", 3, "is empty"),
        (LISTENER.replace('["x"]', "[]"), "GOV303", 4, "`listener[0].command` is empty"),
        (LISTENER.replace('["x"]', '[""]'), "GOV303", 4, "names no program"),
        (LISTENER.replace('["x"]', '"x"'), "GOV302", 4, "expected an array of strings"),
        (LISTENER + 'mode = "audti"\n', "GOV303", 5, "did you mean `audit`?"),
        (LISTENER + 'modus = "audit"\n', "GOV301", 5, "did you mean `mode`?"),
        (
            LISTENER.replace('"*"', '"tool.decided"') + 'mode = "transform"\n',
            "GOV308",
            3,
            "has no field that a listener may write",
        ),
        (LISTENER + LISTENER, "GOV308", 6, "another listener is called `a`"),
        ("listener = 3\n", "GOV302", 1, "expected an array of tables"),
    ],
)
def test_a_listener_that_could_never_be_called(text: str, code: str, line: int, said: str) -> None:
    """A misspelled letter in a listener is never silence."""
    (found,) = problems(text)

    assert (found.code, found.line) == (code, line)
    assert said in f"{found.message}; {found.suggestion}"


def test_a_listener_is_read() -> None:
    """Every key of a listener reaches the value."""
    (one,) = read(
        LISTENER + 'mode = "background"\npriority = 3\ntime_limit_ms = 7\non_error = "disable"\n'
    ).listener_commands

    assert (one.name, one.events, one.command) == ("a", ("*",), ("x",))
    assert (one.mode, one.priority, one.time_limit_ms, one.on_error) == (
        "background",
        3,
        7,
        "disable",
    )


def test_every_problem_is_told_at_once() -> None:
    """All of them, in the order of the file."""
    text = "[chat]\n[live]\nsessions_max = 0\n[idle]\nidle_seconds_max = 3601\nwhat = 1\n"

    found = problems(text)

    assert [(one.code, one.line) for one in found] == [
        ("GOV301", 1),
        ("GOV303", 3),
        ("GOV305", 5),
        ("GOV301", 6),
    ]


def test_every_code_of_the_configuration_is_given_by_some_problem() -> None:
    """No code stands in the table that nothing gives."""
    seen = {code for _, code, *_ in WRONG} | {"GOV308", "GOV310"}

    assert seen == set(CODES)


def test_raw_tables_are_handed_on() -> None:
    """Exemptions stay as they are, fields are scalars with their types."""
    config = read(
        '[[exempt]]\nrule = "git.no-force-push"\nreason = "mirror"\n'
        '[fields]\nteam = "a"\nsize = 3\nratio = 0.5\nopen = true\n'
    )

    assert config.exempts == ({"rule": "git.no-force-push", "reason": "mirror"},)
    assert config.fields == {"team": "a", "size": 3, "ratio": 0.5, "open": True}
    assert config.document.line_of(("exempt", 0, "reason")) == 3


def test_a_program_of_ones_own_is_a_host() -> None:
    """Names that no adapter bears are taken when they are meant."""
    assert (
        read('[hosts.my-harness]\ncustom = true\nunbriefed = "deny"\n').host("my-harness").unbriefed
        == "deny"
    )


@pytest.mark.parametrize(
    ("level", "defaults", "host"),
    [
        ("strict", ("ask", "deny", "enforce"), ("deny", "deny")),
        ("standard", ("allow", "deny", "enforce"), ("allow", "ask")),
        ("minimal", ("allow", "read-only", "shadow"), ("allow", "allow")),
    ],
)
def test_a_level_is_a_preset(level: str, defaults: tuple[str, ...], host: tuple[str, ...]) -> None:
    """It stands in place of defaults, for hosts with and without a table."""
    config = read(f'[session]\nlevel = "{level}"\n[hosts.codex]\ndeadline_ms = 200\n')

    made = config.defaults
    assert (made.tool, made.unknown_role, made.mode) == defaults
    for name in ("codex", "claude-code"):
        assert (config.host(name).unbriefed, config.host(name).unknown_tool) == host


def test_what_is_written_wins_over_the_level() -> None:
    """A preset never overrides a key of the file."""
    config = read(
        '[session]\nlevel = "minimal"\n[defaults]\nmode = "enforce"\n'
        '[hosts.codex]\nunknown_tool = "deny"\n'
    )

    assert config.defaults.mode == "enforce"
    assert config.host("codex").unknown_tool == "deny"
    assert config.host("claude-code").unknown_tool == "allow"


def test_a_session_overrides_its_own_table_only() -> None:
    """Language and level of one session; the project's stay for all others."""
    config = read('[session]\nlanguage = "Deutsch"\nphase = "plan"\n[hosts.codex]\n')

    own = override_session(config, {"language": "English", "level": "strict"})

    assert (own.session.language, own.session.phase) == ("English", "plan")
    assert (own.defaults.tool, own.host("codex").unbriefed) == ("ask", "deny")
    assert (config.session.language, config.defaults.tool) == ("Deutsch", "allow")
    assert own.document is config.document
    assert override_session(config, {}) is config


@pytest.mark.parametrize("override", [{"languag": "x"}, {"level": "x"}, {"language": 3}])
def test_a_session_cannot_override_what_is_not_its_own(override: dict[str, object]) -> None:
    """What `[session]` does not take is refused, and blamed on no line of the file."""
    config = read("[session]\n")

    with pytest.raises(DefinitionError) as caught:
        override_session(config, override)

    assert [(one.file, one.line) for one in caught.value.diagnostics] == [("", 0)]


def test_what_a_project_loosens_is_known_and_can_be_put_back() -> None:
    """A cloned repository loosens nothing, and starts no program, before a person trusts it."""
    config = read(
        '[session]\nlevel = "minimal"\n[defaults]\ntool = "deny"\n[journal]\nredaction = false\n'
        '[hosts.codex]\nunbound = "allow"\nunbriefed = "deny"\nroles = { plan = "builder" }\n'
        '[listeners]\nentry_points = ["x"]\n[[exempt]]\nrule = "a.b"\n' + LISTENER
    )

    safe = until_trusted(config)

    assert set(loosenings(config)) == {
        "session.level",
        "listeners.entry_points",
        "defaults.unknown_role",
        "defaults.mode",
        "journal.redaction",
        "hosts.codex.unbound",
        "hosts.codex.unknown_tool",
        "hosts.codex.roles",
    }
    assert loosenings(safe) == ()
    assert (safe.defaults.mode, safe.defaults.unknown_role) == ("enforce", "deny")
    assert (safe.defaults.tool, safe.host("codex").unbriefed) == ("deny", "deny")
    assert safe.host("claude-code").unknown_tool == "ask"
    assert safe.journal.redaction
    assert (safe.exempts, safe.layers[-1].exempts) == ((), ())
    assert (safe.listeners.entry_points, safe.listener_commands) == ((), ())


@pytest.mark.parametrize(
    ("text", "line", "said", "mend"),
    [
        # The bound that is written is blamed, and not the default that it meets.
        ("\n[resume]\nnotice_seconds_min = 500000\n", 3, "`resume.stale_seconds_min`", ""),
        ("[resume]\nnotice_seconds_min = 60\n", 2, "`idle.idle_seconds_max` is 1800", ""),
        ('[resume]\nstale_seconds_min = "2d"\n', 2, "a string, `2d`", "without quotes"),
        ('[redaction.patterns]\nx = "("\n', 2, "RE2 refuses `(`: missing ): (", ""),
        ("[hosts.claude_code]\n", 1, "`claude_code`", "did you mean `claude-code`? Else"),
        (LISTENER.replace('"*"', '"tol.*"'), 3, "matches no event", "did you mean `tool.*`?"),
    ],
)
def test_a_problem_says_where_it_is_and_how_it_is_mended(
    text: str, line: int, said: str, mend: str
) -> None:
    """The line is that of what is written, and the words are those of its author."""
    with pytest.raises(DefinitionError) as caught:
        read(text)

    (found,) = caught.value.diagnostics
    assert found.line == line
    assert said in found.message
    assert mend in found.suggestion


def test_a_missing_configuration_is_an_error(tmp_path: Path) -> None:
    """Nothing is created, and the message names the command that would."""
    with pytest.raises(DefinitionError) as caught:
        load_config(tmp_path, layers=NO_LAYERS)

    (found,) = caught.value.diagnostics
    assert found.code == "GOV331"
    assert "governance init" in found.suggestion
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "GOV102"),
        (b"\xff\xfe", "GOV102"),
        (b"a = ", "GOV101"),
        (b"a = 99999999999999999999", "GOV103"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes, code: str) -> None:
    """Broken bytes are the file's problem, with its name."""
    (tmp_path / "governance.toml").write_bytes(content)

    with pytest.raises(DefinitionError) as caught:
        load_config(tmp_path, layers=NO_LAYERS)

    assert [one.code for one in caught.value.diagnostics] == [code]
    assert caught.value.diagnostics[0].file.endswith("governance.toml")


def test_a_folder_in_its_place_cannot_be_read(tmp_path: Path) -> None:
    """What is there and cannot be read is not taken for missing."""
    (tmp_path / "governance.toml").mkdir()

    with pytest.raises(DefinitionError) as caught:
        load_config(tmp_path, layers=NO_LAYERS)

    assert [one.code for one in caught.value.diagnostics] == ["GOV334"]


def test_loading_imports_nothing_heavy() -> None:
    """A process that answers one hook pays for no library that loading does not need."""
    code = (
        "import sys\nfrom pathlib import Path\nimport attrs\nbefore = set(sys.modules)\n"
        "import governance.config\n"
        "governance.config.read_config('[session]', 'x', Path('/p'))\n"
        "heavy = {'cattrs', 'tomli_w', 'zoneinfo', 'subprocess', 'asyncio', 'logging', 'click',\n"
        "  'rich', 'hypothesis', 'transitions', 'importlib.metadata', 'dataclasses', 'threading',\n"
        "  'governance.config._reference', 'governance.listeners.registry', 'governance.events'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
