"""Each key of ``governance.toml`` changes what the engine does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance._shipped import pack_texts
from governance.engine import Engine
from governance.engine.health import InFile, health_of
from governance.journal.opening import open_journal
from governance.project import Project, create_project
from governance.rules.trust import grant_trust
from governance.scopes import PROJECT, Grant, Reader, Refusal, Scope
from governance.session.commands import Command, HostTraits
from governance.states import State
from governance.testing import ManualClock

HOUR_MS = 3_600_000

PACK = """
format = 1
[pack]
name = "own"
version = "1.0.0"
summary = "A pack of the project's own."

[[rule]]
id = "own.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
message = "No."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "own.night"
tools = ["shell"]
when.command = "night"
when.time = { between = [00:00:00, 12:00:00] }
action = "deny"
message = "Not before noon."
must_match = [{ tool = "shell", command = "night", at = 2026-01-01T03:00:00 }]
must_not_match = [{ tool = "shell", command = "night", at = 2026-01-01T13:00:00 }]

[[rule]]
id = "own.field"
tools = ["shell"]
when.command = "deploy"
when.fields.frozen = true
action = "deny"
message = "Frozen."
must_match = [{ tool = "shell", command = "deploy", fields.frozen = true }]
must_not_match = [{ tool = "shell", command = "deploy", fields.frozen = false }]

[[role]]
name = "reader"
tools = ["read"]

[[context]]
id = "tongue"
at = ["beginning", "compacted", "resumed"]
keep = true
text = "Answer in {fields.language}, documents in {fields.document_language}."

[[context]]
id = "long"
at = ["beginning", "compacted", "resumed"]
text = "LONG aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"""  # noqa: E501 - one block has to be long

BASE = """
[project]
time_zone = "UTC"
[packs]
paths = ["own.toml"]
[fields]
frozen = false
"""

Opener = Callable[..., Engine]


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="opened")
def _opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock):
    """Opens an engine on a project with the given configuration, trusted by its person."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    engines: list[Engine] = []

    def opened(config: str = "", *, base: str = BASE, trusted: bool = True) -> Engine:
        directory = tmp_path / f"project-{len(engines)}"
        directory.mkdir()
        text = base + config
        create_project(directory, text)
        (directory / "own.toml").write_text(PACK)
        record = str(Project(directory).trust_file())
        for file, content in (("governance.toml", text), ("own.toml", PACK)):
            if trusted:
                grant_trust(record, content, file=file, project=str(directory), by="me", at_ms=1)
        url = "sqlite:///.governance/journal.db"
        if "other.db" in config:
            url = "sqlite:///.governance/other.db"
        open_journal(url, base=directory, create=True).close()
        engine = Engine.open(directory, clock=clock)
        engines.append(engine)
        return engine

    yield opened
    for engine in engines:
        engine.close()


def shell(engine: Engine, command: str, **start: str) -> str:
    session = engine.session("s", **start)
    if engine.state("s").state is State.ABSENT:
        session.turn("go")
    return session.tool("shell", {"command": command}).action


def test_packs_paths(opened: Opener) -> None:
    """Only the packs that are named decide."""
    shipped = BASE.replace('"own.toml"', '"shipped:git-safety"')

    assert shell(opened(), "forbidden") == "deny"
    assert shell(opened(base=shipped), "forbidden") == "allow"
    assert shell(opened(base=shipped), "git push -f") == "deny"


def test_packs_layers(opened: Opener, tmp_path: Path) -> None:
    """A user's file may leave out what projects below it say."""
    user = tmp_path / "config" / "session-governance"
    user.mkdir(parents=True)
    (user / "governance.toml").write_text('[packs]\npaths = []\nlayers = ["machine", "user"]\n')

    assert shell(opened(), "forbidden") == "allow"


def test_project_time_zone(opened: Opener, clock: ManualClock) -> None:
    """The time of day is that of the project's zone."""
    clock.wall_ms = 1_767_236_400_000  # 2026-01-01 03:00 in UTC, 14:00 in Sydney

    assert shell(opened(), "night") == "deny"
    assert shell(opened(base=BASE.replace("UTC", "Australia/Sydney")), "night") == "allow"


def test_project_name(opened: Opener) -> None:
    """The project is called as it says."""
    from governance.config import load_config

    engine = opened(base=BASE.replace("[project]", '[project]\nname = "Atlas"'))

    assert load_config(Path(engine.law.places.project)).name == "Atlas"


def test_session_languages_phase_and_style(opened: Opener) -> None:
    """Sessions begin with the languages, phase and style of the project."""
    engine = opened(
        '[session]\nlanguage = "Danish"\ndocument_language = "Welsh"\nphase = "build"\n'
        'style = "terse"\n'
    )

    text = engine.session("s").turn("go").text
    identity = engine.state("s").identity

    assert "Answer in Danish, documents in Welsh." in text
    assert (identity.phase, identity.style) == ("build", "terse")


def test_session_level(opened: Opener) -> None:
    """Minimal only watches; strict asks about what no rule matches."""
    assert shell(opened('[session]\nlevel = "minimal"\n'), "forbidden") == "allow"
    assert shell(opened('[session]\nlevel = "strict"\n'), "fine") == "ask"


@pytest.mark.parametrize(
    ("config", "hours", "state"),
    [
        ("", 2, State.RESUMED),
        ("[resume]\nnotice_seconds_min = 10800\n", 2, State.BETWEEN_TURN),
        ("", 200, State.BEGINNING),
        ("[resume]\nfresh_seconds_min = 1000000\n", 200, State.RESUMED),
    ],
)
def test_resume_bounds(
    opened: Opener, clock: ManualClock, config: str, hours: int, state: State
) -> None:
    """A gap leads where the bounds say."""
    engine = opened(config)
    session = engine.session("s")
    session.turn("go")
    session.interrupt()
    clock.advance(hours * HOUR_MS)

    engine.handle(Command(event="resume", session="s", delivery="none", history="kept"))

    assert engine.state("s").state is state


@pytest.mark.parametrize(("bound", "stale"), [(172_800, True), (300_000, False)])
def test_resume_stale_bound(opened: Opener, clock: ManualClock, bound: int, stale: bool) -> None:
    """After the bound the first write needs leave."""
    engine = opened(f"[resume]\nstale_seconds_min = {bound}\n")
    session = engine.session("s")
    session.turn("go")
    session.interrupt()
    clock.advance(60 * HOUR_MS)
    session.resume()

    assert engine.state("s").registers.stale is stale


@pytest.mark.parametrize(
    ("seconds", "state"), [(1800, State.BETWEEN_TURN), (600, State.INTERRUPTED)]
)
def test_idle_time_out(opened: Opener, clock: ManualClock, seconds: int, state: State) -> None:
    """A session without work for longer is interrupted."""
    engine = opened(f"[idle]\nidle_seconds_max = {seconds}\n")
    session = engine.session("s")
    session.turn("go")
    session.turn_ended()
    clock.advance(700_000)

    engine.session("other").turn("go")

    assert engine.state("s").state is state


@pytest.mark.parametrize(
    ("config", "held"),
    [("", 3), ("[live]\nsessions_max = 2\n", 2), ("[live]\nidle_seconds_max = 10\n", 1)],
)
def test_live_bounds(opened: Opener, clock: ManualClock, config: str, held: int) -> None:
    """Only so many sessions, and only so old ones, stay in memory."""
    engine = opened(config)
    for name in ("a", "b", "c"):
        clock.advance(11_000)
        engine.session(name).turn("go")

    assert len(engine.live) == held


def test_live_rules_check(opened: Opener, clock: ManualClock) -> None:
    """So often, and no more, a running engine looks whether its rules have changed."""
    for milliseconds, action in ((500, "deny"), (5_000, "allow"), (0, "allow")):
        engine = opened(f"[live]\nrules_check_ms = {milliseconds}\n")
        session = engine.session(f"every-{milliseconds}")
        session.turn("go")
        file = Path(engine.law.places.project) / "governance.toml"
        file.write_text(file.read_text() + '[defaults]\ntool = "deny"\n')
        clock.advance(1_000)

        assert session.tool("read", {"path": "a"}).action == action


def test_live_megabytes(opened: Opener) -> None:
    """The bound in megabytes is one in sessions, by their size."""
    assert opened("[live]\nmegabytes_max = 1\n").live.capacity < opened().live.capacity


def test_journal_url(opened: Opener) -> None:
    """The store lies where the configuration says."""
    engine = opened('[journal]\nurl = "sqlite:///.governance/other.db"\n')
    engine.session("s").turn("go")

    assert (Path(engine.law.places.project) / ".governance" / "other.db").exists()


@pytest.mark.parametrize(
    ("config", "kept"), [("", False), ("[journal]\nredaction = false\n", True)]
)
def test_journal_redaction(opened: Opener, config: str, kept: bool) -> None:
    """Secrets are taken out unless a trusted project says otherwise."""
    engine = opened(config)
    engine.session("s").turn("key AKIAIOSFODNN7EXAMPLE")

    stored = b"".join(record.body for record in engine.journal.read("s"))

    assert (b"AKIAIOSFODNN7EXAMPLE" in stored) is kept


def test_redaction_patterns_and_detectors(opened: Opener) -> None:
    """What a project's own patterns and a library find is in no row; untrusted, only the latter."""
    own = '[redaction]\npatterns.staff = "EMP-[0-9]{6}"\n'
    library = '[redaction]\ndetectors = ["detect-secrets"]\n'
    basic = "http://ann:pa55w0rd@example.org/"

    def rows(engine: Engine) -> bytes:
        engine.session("s").turn(f"EMP-123456 at {basic}")
        return b"".join(one.body for one in engine.journal.read("s"))

    assert b"EMP-123456" in rows(opened())
    assert b"[redacted:staff] at" in rows(opened(own))
    assert b"EMP-123456" in rows(opened(own, trusted=False, base="[packs]\npaths = []\n"))
    assert b"pa55w0rd" not in rows(opened(library + "[journal]\nredaction = false\n"))


@pytest.mark.parametrize(
    ("config", "told"), [("", True), ("[context]\ncharacters_max = 250\n", False)]
)
def test_context_characters(opened: Opener, config: str, told: bool) -> None:
    """What exceeds the budget is left out, blocks that are kept are not."""
    text = opened(config).session("s").turn("go").text

    assert ("LONG" in text) is told
    assert "Answer in English" in text


@pytest.mark.parametrize(("config", "told"), [("", True), ("[context]\ntokens_max = 60\n", False)])
def test_context_tokens(opened: Opener, config: str, told: bool) -> None:
    """The bound in tokens holds in every host, told or not how long one is."""
    assert ("LONG" in opened(config).session("s").turn("go").text) is told


ME = Reader(actor="ada")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("", ""),
        ("[contexts]\nvalue_kilobytes_max = 2", "GOV562"),
        ("[contexts]\nscope_megabytes_max = 1", "GOV562"),
        ("[contexts]\nvalues_max = 2", "GOV562"),
    ],
)
def test_contexts_bounds(opened: Opener, config: str, code: str) -> None:
    """A value, a scope and their number are bounded; what is beyond is refused."""
    contexts = opened(config).contexts
    contexts.set(PROJECT, "code", "a", 1, by=ME)
    # The second fits into each bound, the third goes over one of them.
    contexts.set(PROJECT, "code", "b", "x" * (1_000 if "kilo" in config else 900_000), by=ME)

    third = contexts.set(PROJECT, "code", "c", "x" * 200_000, by=ME)

    assert (third.code if isinstance(third, Refusal) else "") == code


@pytest.mark.parametrize(("most", "taken"), [(0, 0), (1, 1), (3, 2)])
def test_contexts_grants(opened: Opener, most: int, taken: int) -> None:
    """Leave that is there already is given again; beyond the bound none is."""
    contexts = opened(f"[contexts]\ngrants_max = {most}").contexts
    own = Scope("user", "ada")

    for name in ("user:bob", "user:eve", "user:bob"):
        contexts.grant(own, Grant(name, "*", "*", "read"), by=ME)

    assert len(contexts.grants(own, by=ME)) == taken
    left = contexts.revoke(own, Grant("user:bob", "*", "*", "read"), by=ME)
    assert not isinstance(left, Refusal)


@pytest.mark.parametrize(
    ("config", "held"),
    [
        ("", 3),
        ("[contexts]\nscopes_held_max = 2", 2),
        ("[contexts]\nheld_megabytes_max = 1", 1),
    ],
)
def test_contexts_held(opened: Opener, config: str, held: int) -> None:
    """What is held in memory is bounded in number and in bytes; the newest is always held."""
    contexts = opened(config).contexts
    for name in ("ada", "bob", "eve"):
        me = Reader(actor=name)
        for number in range(200):
            contexts.set(Scope("user", name), "code", f"k{number}", "x" * 4_000, by=me)

    assert len(contexts.held) == held
    assert contexts.held[-1] == Scope("user", "eve")
    assert len(contexts.find(Scope("user", "ada"), by=ME)) == 200


@pytest.mark.parametrize(("repeats", "stalls"), [(3, 1), (4, 0)])
def test_stall_repeats(opened: Opener, repeats: int, stalls: int) -> None:
    """So many equal failures are a stall."""
    engine = opened(f"[stall]\nrepeats_max = {repeats}\n")
    fail_three_times(engine)

    assert engine.state("s").metrics.stalls == stalls


@pytest.mark.parametrize(
    ("reaction", "state"), [("record", "between-turn"), ("halt", "interrupted")]
)
def test_stall_reaction(opened: Opener, reaction: str, state: str) -> None:
    """What follows a stall is the project's choice."""
    engine = opened(f'[stall]\nreaction = "{reaction}"\n')
    fail_three_times(engine)

    assert engine.state("s").state == state


def fail_three_times(engine: Engine) -> None:
    session = engine.session("s")
    session.turn("go")
    for number in range(3):
        session.tool("shell", {"command": "make"}, call_id=str(number))
        session.tool_finished(str(number), outcome="failed", error="broken")


def test_defaults_tool(opened: Opener) -> None:
    """What no rule matches gets the default."""
    assert shell(opened('[defaults]\ntool = "deny"\n'), "fine") == "deny"


@pytest.mark.parametrize(
    ("policy", "shell_action", "read_action"),
    [("deny", "deny", "deny"), ("read-only", "deny", "allow"), ("allow", "allow", "allow")],
)
def test_defaults_unknown_role(
    opened: Opener, policy: str, shell_action: str, read_action: str
) -> None:
    """A role that no pack declares may do what the policy says."""
    engine = opened(f'[defaults]\nunknown_role = "{policy}"\n')
    session = engine.session("s", role="stranger")
    session.turn("go")

    assert session.tool("shell", {"command": "fine"}).action == shell_action
    assert session.tool("read", {"path": "a.py"}).action == read_action


def test_defaults_mode(opened: Opener) -> None:
    """In shadow mode the project's rules only watch, and what they saw is journaled."""
    engine = opened('[defaults]\nmode = "shadow"\n')

    assert shell(engine, "forbidden") == "allow"
    assert b'"shadows":["own.deny"]' in engine.journal.read("s")[-1].body


def test_untrusted_configuration_loosens_nothing(opened: Opener) -> None:
    """The same configuration in a folder that nobody has trusted still denies."""
    config = '[defaults]\nmode = "shadow"\n[hosts.python]\nunknown_tool = "allow"\n'
    engine = opened(config, trusted=False)

    assert shell(engine, "forbidden") == "deny"
    assert engine.session("s").tool("teleport", {}).action == "ask"


UPPER = """
format = 1
[pack]
name = "upper"
version = "1.0.0"
summary = "What a user wants of every project."

[[rule]]
id = "upper.night"
tools = ["shell"]
when.command = "nightly"
when.time = { between = [00:00:00, 12:00:00] }
unknown = "deny"
action = "deny"
message = "Not before noon."
must_match = [{ tool = "shell", command = "nightly", at = 2026-01-01T03:00:00 }]
must_not_match = [{ tool = "shell", command = "nightly", at = 2026-01-01T13:00:00 }]

[[rule]]
id = "upper.frozen"
tools = ["shell"]
when.command = "release"
unless.fields.frozen = false
action = "deny"
message = "Frozen."
must_match = [{ tool = "shell", command = "release", fields.frozen = true }]
must_not_match = [{ tool = "shell", command = "release", fields.frozen = false }]
"""

SYDNEY = BASE.replace("UTC", "Australia/Sydney")


@pytest.fixture(name="user")
def _user(tmp_path: Path) -> Path:
    """The file of the user's layer, with a pack that looks at what a project says."""
    folder = tmp_path / "config" / "session-governance"
    folder.mkdir(parents=True)
    (folder / "upper.toml").write_text(UPPER)
    file = folder / "governance.toml"
    file.write_text('[packs]\npaths = ["upper.toml"]\n')
    return file


def test_a_stranger_moves_no_hours_of_a_user(
    opened: Opener, clock: ManualClock, user: Path
) -> None:
    """To a user's rule the time is unknown by the zone of a project that nobody has trusted."""
    clock.wall_ms = 1_767_236_400_000  # 2026-01-01 03:00 in UTC, 14:00 in Sydney

    assert shell(opened(base=SYDNEY), "nightly") == "allow"
    assert shell(opened(base=SYDNEY, trusted=False), "nightly") == "deny"
    assert shell(opened(base=SYDNEY, trusted=False), "night") == "allow"

    user.write_text(user.read_text() + '[project]\ntime_zone = "UTC"\n')
    assert shell(opened(base=SYDNEY), "nightly") == "deny"
    assert shell(opened(base=SYDNEY), "night") == "deny"


def test_a_stranger_s_fields_excuse_from_no_rule_of_a_user(opened: Opener, user: Path) -> None:
    """They excuse once a person has trusted the file that fills them."""
    assert user.exists()
    assert shell(opened(), "release") == "allow"
    assert shell(opened(trusted=False), "release") == "deny"
    assert shell(opened(base=BASE.replace("= false", "= true"), trusted=False), "deploy") == "deny"


def test_a_stranger_does_not_leave_out_the_guard(opened: Opener) -> None:
    """Without a word of a person the shipped pack that protects governance stays in force."""
    assert shell(opened(), "echo > governance.toml") == "allow"
    assert shell(opened(trusted=False), "echo > governance.toml") == "deny"


def test_fields(opened: Opener) -> None:
    """Rules read the fields of the project."""
    assert shell(opened(), "deploy") == "allow"
    assert shell(opened(base=BASE.replace("frozen = false", "frozen = true")), "deploy") == "deny"


def test_exempt(opened: Opener) -> None:
    """An exempted rule does not hold."""
    engine = opened('[[exempt]]\nrule = "own.deny"\nreason = "known"\n')

    assert shell(engine, "forbidden") == "allow"


def test_hosts_roles(opened: Opener) -> None:
    """The host's agent names stand for roles."""
    engine = opened('[hosts.python.roles]\nscout = "reader"\n')
    start = Command(event="start", session="s", agent="scout")
    engine.handle(start)

    assert engine.state("s").identity.role == "reader"
    assert shell(engine, "fine") == "deny"


@pytest.mark.parametrize("policy", ["allow", "ask", "deny"])
def test_hosts_unbriefed(opened: Opener, policy: str) -> None:
    """Where the model cannot be briefed, tools get what the project says."""
    engine = opened(f'[hosts.python]\nunbriefed = "{policy}"\n')
    session = engine.session("s", traits=HostTraits(inject="none"))
    session.turn("go")

    assert session.tool("shell", {"command": "fine"}).action == policy


@pytest.mark.parametrize(
    ("policy", "action"), [("deny", "deny"), ("ask", "ask"), ("rules", "allow")]
)
def test_hosts_after_end(opened: Opener, policy: str, action: str) -> None:
    """A tool after the end gets what the project says."""
    engine = opened(f'[hosts.python]\nafter_end = "{policy}"\n')
    session = engine.session("s")
    session.turn("go")
    session.end()

    assert session.tool("shell", {"command": "fine"}).action == action


@pytest.mark.parametrize("policy", ["allow", "ask", "deny"])
def test_hosts_unknown_tool(opened: Opener, policy: str) -> None:
    """A tool that no table names gets what the project says."""
    engine = opened(f'[hosts.python]\nunknown_tool = "{policy}"\n')
    session = engine.session("s")
    session.turn("go")

    assert session.tool("teleport", {"to": "mars"}).action == policy


def _over(engine: Engine, *names: str) -> None:
    for name in names:
        session = engine.start(name)
        session.turn("go")
        session.end()


def _kept(engine: Engine) -> set[str]:
    keeper = engine.options.keeper
    if keeper is not None:
        keeper.wait()
    return {one.session for one in engine.journal.sessions()} - {"@project"}


@pytest.mark.parametrize(
    ("bound", "left"),
    [
        ("", {"old", "older", "now"}),
        ("age_days_max = 1", {"now"}),
        ("sessions_max = 2", {"old", "now"}),
        ("age_days_max = 1\ninterval_minutes_min = 0", {"old", "older", "now"}),
    ],
)
def test_retention_bounds(opened: Opener, clock: ManualClock, bound: str, left: set[str]) -> None:
    """What goes by age and number goes while an engine runs, unless only a person prunes."""
    engine = opened(f"[retention]\n{bound}\n")
    _over(engine, "older")
    _kept(engine)
    clock.advance(60_000)
    _over(engine, "old")
    clock.advance(48 * HOUR_MS)

    engine.start("now")

    assert _kept(engine) == left


def test_retention_megabytes_max(opened: Opener, clock: ManualClock) -> None:
    """The rows of all sessions together stay below it."""
    engine = opened("[retention]\nmegabytes_max = 1\n")
    for number in range(3):
        _over(engine, f"s{number}")
        data = {"rule": "", "count": 0, "by": "me", "reason": "x" * 600_000}
        engine.record(f"s{number}", "violation.pardoned", data, actor="me")
        clock.advance(1000)
    _kept(engine)
    clock.advance(2 * HOUR_MS)

    engine.start("now")

    assert _kept(engine) == {"s2", "now"}


def test_retention_session_megabytes_max(opened: Opener) -> None:
    """A session over its quota asks for nothing more, and what it is told says the way on."""
    data = {"rule": "", "count": 0, "by": "me", "reason": "x" * 1_100_000}
    answers = []
    for config in ("", "[retention]\nsession_megabytes_max = 1\n"):
        engine = opened(config)
        assert shell(engine, "fine") == "allow"
        engine.record("s", "violation.pardoned", data, actor="me")
        answers.append(shell(engine, "fine"))

    assert answers == ["allow", "deny"]
    told = engine.session("s").tool("shell", {"command": "fine"}).message
    assert "its quota is 1000000" in told
    assert "go on in a new session, or raise `retention.session_megabytes_max`" in told


def test_a_session_has_a_quota_unless_its_people_want_none(opened: Opener) -> None:
    """100 MB by themselves; a file that nobody trusted may set it lower, and not away."""
    unlimited = "[retention]\nsession_megabytes_max = 0\n"
    lower = "[retention]\nsession_megabytes_max = 5\n"

    quotas = [
        opened(config, trusted=trusted).law.settings.session_bytes_max
        for config, trusted in (("", True), (unlimited, True), (unlimited, False), (lower, False))
    ]

    assert quotas == [100_000_000, 0, 100_000_000, 5_000_000]


@pytest.mark.parametrize("archive", [True, False])
def test_retention_archive_and_its_folder(
    opened: Opener, clock: ManualClock, tmp_path: Path, archive: bool
) -> None:
    """What goes is in a file of the folder, or in none at all."""
    folder = tmp_path / "cold"
    table = f'archive_folder = "{folder}"\narchive = {str(archive).lower()}\n'
    engine = opened(f"[retention]\nage_days_max = 1\n{table}")
    _over(engine, "old")
    _kept(engine)
    clock.advance(48 * HOUR_MS)

    engine.start("now")

    assert _kept(engine) == {"now"}
    assert folder.exists() == archive


def test_nothing_goes_until_the_file_is_trusted(opened: Opener, clock: ManualClock) -> None:
    """A folder that came from elsewhere takes nothing of what was recorded away."""
    engine = opened("[retention]\nage_days_max = 1\narchive = false\n", trusted=False)
    _over(engine, "old")
    clock.advance(48 * HOUR_MS)
    engine.start("now")

    assert engine.options.keeper is None
    assert _kept(engine) == {"old", "now"}


@pytest.mark.parametrize("count", [0, 2])
def test_live_preload_sessions_max(opened: Opener, clock: ManualClock, count: int) -> None:
    """The sessions that moved last are in memory before anybody asks for them."""
    engine = opened(f"[live]\npreload_sessions_max = {count}\n")
    _over(engine, "a", "b", "c")
    directory = engine.law.places.project

    with Engine.open(directory, clock=clock) as other:
        deadline = time.monotonic() + 30
        while len(other.live) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert {one.id for one in other.live.oldest(9)} == ({"b", "c"} if count else set())


@pytest.mark.parametrize(
    ("limit", "red"),
    [
        ("load_seconds_max = 2", "load"),
        ("save_seconds_max = 2", "write"),
        ("free_megabytes_min = 1000000000", "disk"),
        ("wal_megabytes_max = 1", "log"),
    ],
)
def test_health_limits(opened: Opener, limit: str, red: str) -> None:
    """What is looked at is red by its own limit alone: each look takes 3 s, the log has 1.5 MB."""
    wide = {"load_seconds_max": 4, "save_seconds_max": 4, "free_megabytes_min": 0}
    ticks = iter(range(1_000))
    seen = []
    for tight in ({}, {limit.partition(" ")[0]: int(limit.rpartition(" ")[2])}):
        lines = "\n".join(f"{key} = {value}" for key, value in {**wide, **tight}.items())
        engine = opened(f"[health]\n{lines}\n")
        engine.start("s")
        journal, limits = engine.journal, engine.options.health_limits
        assert isinstance(journal, InFile)
        log = journal.path.with_name(f"{journal.path.name}-wal")
        os.truncate(log, max(log.stat().st_size, 1_500_000))
        assert limits is not None
        found = health_of(journal, now_ms=1, limits=limits(), timer=lambda: next(ticks) * 3.0)
        seen.append([one.name for one in found.checks if not one.ok])
        if red in ("disk", "log"):
            assert engine.health().ok is not bool(tight)
    assert seen == [[], [red]]


def test_a_copy_of_the_guard_stands_for_it(opened: Opener, tmp_path: Path) -> None:
    """A project that brings the same text as a file of its own is not told of names twice."""
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "guard.toml"
    copy.write_text(pack_texts()["self-protection"])
    base = BASE.replace('["own.toml"]', f'["own.toml", "{copy}"]')

    assert shell(opened(base=base, trusted=False), "echo > governance.toml") == "deny"
