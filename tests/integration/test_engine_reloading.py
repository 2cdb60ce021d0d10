"""A running engine takes up changed rules whole, or not at all, and says so in the journal."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.access.guard import AccessRefused
from governance.config import default_toml
from governance.engine import Engine
from governance.engine.session import Session
from governance.errors import JournalError
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.journal.opening import open_journal
from governance.project import Project, create_project
from governance.rules.trust import grant_trust
from governance.scopes import PROJECT, Reader
from governance.testing import FailingJournal, ManualClock

CHECK_MS = 1_000

HEAD = """
format = 1
[pack]
name = "own"
version = "1.0.0"
summary = "A pack that changes."
"""

RULE = """
[[rule]]
id = "own.{name}"
tools = ["shell"]
when.command = "{command}"
action = "deny"
message = "Refused by {name}."
must_match = [{{ tool = "shell", command = "{command}" }}]
must_not_match = [{{ tool = "shell", command = "fine" }}]
"""

CONTEXT = """
[[context]]
id = "own.briefing"
at = ["beginning", "compacted", "resumed"]
text = "{text}"
"""


def pack(*commands: str, text: str = "Be kind.") -> str:
    """A pack that denies *commands* and briefs with *text*."""
    rules = [RULE.format(name=f"r{n}", command=one) for n, one in enumerate(commands)]
    return HEAD + "".join(rules) + CONTEXT.format(text=text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one pack of its own, whose state is kept in a folder of the test."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, 'packs.paths = ["packs"]\n')
    (folder / "packs").mkdir()
    (folder / "packs" / "own.toml").write_text(pack("one"))
    open_journal(base=folder, create=True).close()
    return folder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(project: Path, clock: ManualClock) -> Iterator[Engine]:
    with Engine.open(project, clock=clock) as opened:
        yield opened


def change(project: Path, text: str, name: str = "own.toml") -> None:
    """Put *text* in place of a pack, as an editor does: whole."""
    file = project / "packs" / name
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.replace(file)


def trust(project: Path, text: str, file: str) -> None:
    """Let a person trust *text*, as the content of *file*."""
    record = str(Project(project).trust_file())
    grant_trust(record, text, file=file, project=str(project), by="p", at_ms=0)


def asked(session: Session, command: str) -> str:
    return session.tool("shell", {"command": command}, call_id=os.urandom(4).hex()).action


def rows(engine: Engine, session: str, *kinds: str) -> list[dict[str, object]]:
    """Own fields of the rows of *kinds*, in order."""
    found = engine.journal.read(session, limit=1000)
    return [dict(body_of(one)["data"]) for one in found if one.kind in kinds]  # type: ignore[call-overload]


def started(engine: Engine, name: str = "s") -> Session:
    session = engine.start(name)
    session.turn("go")
    return session


@pytest.mark.parametrize("whole", [True, False])
def test_what_did_not_change_is_no_change(
    project: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Whatever way the project was named; a file with other times and the same text is none."""
    monkeypatch.chdir(project)
    with Engine.open(project if whole else ".", clock=clock) as engine:
        session = started(engine)
        monkeypatch.chdir(project.parent)
        clock.advance(CHECK_MS)
        session.turn("on")
        os.utime(project / "packs" / "own.toml", (1, 1))
        clock.advance(CHECK_MS)
        session.turn("on")

        assert rows(engine, "s", "rules.changed", "rules.refused") == []


def test_a_changed_pack_is_in_force_from_the_next_look_on(
    project: Path, engine: Engine, clock: ManualClock
) -> None:
    """Within the interval the old rules decide, after it the new ones, and the journal says so."""
    session = started(engine)
    before = engine.law.rules.hash
    change(project, pack("one", "two"))

    assert asked(session, "two") == "allow"
    clock.advance(CHECK_MS)
    assert asked(session, "two") == "deny"
    assert rows(engine, "s", "rules.changed") == [
        {"packs": engine.law.rules.hash[:16], "before": before[:16]}
    ]
    assert not rows(engine, "s", "governance.lapsed")


def test_a_bad_pack_is_refused_and_the_old_one_holds(
    project: Path, engine: Engine, clock: ManualClock
) -> None:
    """A change with a problem changes nothing; who works is told once, and when it is mended."""
    session = started(engine)
    change(project, pack("two").replace("when.command", "when.comand"))
    clock.advance(CHECK_MS)

    assert asked(session, "one") == "deny"
    assert asked(session, "two") == "allow"
    clock.advance(CHECK_MS)
    asked(session, "fine")
    (told,) = rows(engine, "s", "rules.refused")
    assert told["packs"] == told["before"] == engine.law.rules.hash[:16]
    assert "GOV220" in str(told["problems"])

    newcomer = started(engine, "later")
    asked(newcomer, "fine")
    assert len(rows(engine, "later", "rules.refused")) == 1

    change(project, pack("two"))
    clock.advance(CHECK_MS)
    assert asked(session, "two") == "deny"
    assert asked(session, "one") == "allow"
    assert len(rows(engine, "s", "rules.changed")) == 1


def test_a_refused_change_that_is_taken_back_is_told(
    project: Path, engine: Engine, clock: ManualClock
) -> None:
    """Back at the rules in force, the session is told that nothing differs any more."""
    session = started(engine)
    change(project, "format = ")
    clock.advance(CHECK_MS)
    asked(session, "fine")
    change(project, pack("one"))
    clock.advance(CHECK_MS)
    asked(session, "fine")

    (told,) = rows(engine, "s", "rules.changed")
    assert told["packs"] == told["before"]


ACCESS = 'packs.paths = ["packs"]\n[access.actors]\nann = ["all"]\n[access.roles]\nall = ["*"]\n'


@pytest.mark.parametrize("before", ["", ACCESS.replace("ann", '"*"')])
def test_changed_grants_are_in_force_from_the_next_look_on(
    project: Path, clock: ManualClock, before: str
) -> None:
    """Who has lost a grant, or never had the one that is needed now, is refused at once."""
    file = project / "governance.toml"
    file.write_text(before or file.read_text())
    with Engine.open(project, clock=clock, actor="bob") as engine:
        session = started(engine)
        assert asked(session, "fine") == "allow"
        by = Reader(actor="bob")
        engine.contexts.set(PROJECT, "project", "phase", "build", by=by)
        file.write_text(ACCESS)

        clock.advance(CHECK_MS)
        with pytest.raises(AccessRefused):
            engine.state("s")
        assert asked(session, "fine") == "deny"
        with pytest.raises(AccessRefused):
            engine.visible.read("s")
        with pytest.raises(AccessRefused):
            engine.contexts.get(PROJECT, "project", "phase", by=by)
        assert engine.state("s", actor="ann").head

        file.write_text(ACCESS.replace("ann", "bob"))
        clock.advance(CHECK_MS)
        assert asked(session, "fine") == "allow"


@pytest.mark.parametrize("what", ["pack", "folder", "config"])
def test_what_is_deleted_stays_in_force(
    project: Path, engine: Engine, clock: ManualClock, what: str
) -> None:
    """Taking the pack, its folder or the configuration away loosens nothing."""
    session = started(engine)
    if what == "config":
        (project / "governance.toml").unlink()
    else:
        (project / "packs" / "own.toml").unlink()
        if what == "folder":
            (project / "packs").rmdir()
    clock.advance(CHECK_MS)

    assert asked(session, "one") == "deny"
    assert len(rows(engine, "s", "rules.refused")) == 1


def test_the_configuration_is_read_anew(project: Path, engine: Engine, clock: ManualClock) -> None:
    """Another default of the project holds after the next look, and a new pack as well."""
    session = started(engine)
    (project / "governance.toml").write_text('packs.paths = ["packs"]\ndefaults.tool = "deny"\n')
    change(project, pack("more").replace('"own', '"other'), "other.toml")
    clock.advance(CHECK_MS)

    assert asked(session, "fine") == "deny"
    own = {name for name in engine.law.rules.rules if not name.startswith("self-protection.")}
    assert own == {"own.r0", "other.r0"}


def test_another_briefing_is_owed_again(project: Path, engine: Engine, clock: ManualClock) -> None:
    """Where the text for the model changed it is told again; other changes owe nothing."""
    texts = pack("one"), pack("one", text="Be brief."), pack("one", "two", text="Be brief.")
    for number, text in enumerate(texts):
        trust(project, text, f"{number}.toml")
    clock.advance(CHECK_MS)
    session = started(engine)
    change(project, texts[1])
    clock.advance(CHECK_MS)
    reply = session.turn("go on")
    change(project, texts[2])
    clock.advance(CHECK_MS)

    assert "Be brief." in reply.text
    assert not session.turn("go on").text
    assert rows(engine, "s", "governance.lapsed") == [{"why": "packs changed"}]
    assert len(rows(engine, "s", "rules.changed")) == 2


def test_what_is_not_trusted_loosens_nothing(
    project: Path, engine: Engine, clock: ManualClock
) -> None:
    """A changed file of the project loosens nothing until a person has trusted this text."""
    config = project / "governance.toml"
    config.write_text('packs.paths = ["packs"]\ndefaults.mode = "shadow"\n')
    session = started(engine)
    clock.advance(CHECK_MS)
    assert asked(session, "one") == "deny"

    trust(project, config.read_text(), str(config))
    clock.advance(CHECK_MS)
    assert asked(session, "one") == "allow"


def test_an_interval_of_nothing_never_looks(project: Path, clock: ManualClock) -> None:
    """With `rules_check_ms = 0` the rules of the start hold to the end."""
    config = project / "governance.toml"
    config.write_text('packs.paths = ["packs"]\nlive.rules_check_ms = 0\n')
    trust(project, config.read_text(), str(config))
    with Engine.open(project, clock=clock) as engine:
        session = started(engine)
        change(project, pack("two"))
        clock.advance(3_600_000)

        assert asked(session, "two") == "allow"


def test_texts_decide_and_not_times(project: Path, engine: Engine, clock: ManualClock) -> None:
    """A pack written again with the same text is no change; another text of old times is one."""
    session = started(engine)
    file = project / "packs" / "own.toml"
    change(project, pack("one"))
    clock.advance(CHECK_MS)
    asked(session, "fine")
    assert not rows(engine, "s", "rules.changed")

    status = file.stat()
    file.write_text(pack("two"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    clock.advance(CHECK_MS)
    assert asked(session, "two") == "deny"


def test_each_decision_is_by_one_whole_set(
    project: Path, engine: Engine, clock: ManualClock
) -> None:
    """While packs are replaced, every answer is that of one set: never of two, never of none."""
    sets = {name: {f"{name}{n}" for n in range(4)} for name in ("a", "b", "c")}
    texts = [pack(*sorted(commands)) for commands in sets.values()]
    texts.append(pack("broken").replace("when.command", "when.comand"))
    change(project, texts[0])
    clock.advance(CHECK_MS)
    started(engine)
    everything = sorted(set().union(*sets.values()))
    stop, wrong = threading.Event(), []

    def decide(number: int) -> None:
        session = started(engine, f"s{number}")
        while not stop.is_set():
            # Where the law was the same before and after, all answers are its own.
            law = engine.law
            seen = {one for one in everything if asked(session, one) == "deny"}
            if law is engine.law and seen not in sets.values():
                wrong.append(seen)

    workers = [threading.Thread(target=decide, args=(number,)) for number in range(4)]
    for one in workers:
        one.start()
    for turn in range(24):
        change(project, texts[turn % len(texts)])
        clock.advance(CHECK_MS)
        asked(engine.session("s"), "fine")
    stop.set()
    for one in workers:
        one.join()
    # Nobody else looks for changes any more, so that none of these two goes unseen.
    for text in texts[-2:]:
        change(project, text)
        clock.advance(CHECK_MS)
        asked(engine.session("s"), "fine")

    assert not wrong
    assert rows(engine, "s", "rules.changed")
    assert rows(engine, "s", "rules.refused")
    # The last change is a broken one: what is in force is what was before it.
    assert {one for one in everything if asked(engine.session("s"), one) == "deny"} == sets["c"]


def test_a_default_project_takes_up_its_first_own_pack(project: Path, clock: ManualClock) -> None:
    """What `init` writes is watched as well."""
    (project / "governance.toml").write_text(default_toml())
    with Engine.open(project, clock=clock) as engine:
        session = started(engine)
        (project / "governance.toml").write_text('packs.paths = ["shipped", "packs"]\n')
        clock.advance(CHECK_MS)

        assert asked(session, "one") == "deny"


def test_a_project_opened_by_a_relative_name_has_not_changed(
    project: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files by another name are no news."""
    monkeypatch.chdir(project)
    with Engine.open(".", clock=clock) as engine:
        session = started(engine)
        for _ in range(3):
            clock.advance(CHECK_MS)
            asked(session, "fine")

        assert rows(engine, "s", "rules.changed", "rules.refused") == []


def test_a_change_that_cannot_be_told_is_told_at_the_next_event(
    project: Path, clock: ManualClock
) -> None:
    """The store was full: what the model knows is old all the same, and so is its session."""
    texts = pack("one"), pack("one", text="Be brief.")
    for number, text in enumerate(texts):
        trust(project, text, f"{number}.toml")
    journal = FailingJournal(MemoryJournal())
    with Engine.open(project, clock=clock, journal=journal) as engine:
        session = started(engine)
        change(project, texts[1])
        clock.advance(CHECK_MS)
        journal.fail("append", JournalError("full", code="GOV501"))
        assert asked(session, "fine") == "deny"
        assert not rows(engine, "s", "rules.changed")

        assert "Be brief." in session.turn("go on").text
        assert len(rows(engine, "s", "rules.changed")) == 1
        assert rows(engine, "s", "governance.lapsed") == [{"why": "packs changed"}]
