"""What a session does for rules that look back: it remembers, forgets, counts and waits."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from governance.engine import Engine
from governance.engine.restoring import restore
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.rules.paths import places_of
from governance.session.commands import HostTraits
from governance.session.snapshot import state_bytes, state_of_bytes
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine

MINUTE_MS = 60_000

HEAD = """
format = 1
[pack]
name = "history"
version = "1.0.0"
summary = "Rules that look back."
"""

READ_FIRST = """
[[rule]]
id = "history.read-first"
tools = ["edit"]
requires = { tools = ["read"], same = ["path"], within = "context" }
action = "deny"
message = "Read {path} first."
must_match = [{ tool = "edit", path = "a" }]
must_not_match = [{ tool = "edit", path = "a", after = [{ tool = "read", path = "a" }] }]
"""

TWO_FETCHES = """
[[rule]]
id = "history.two"
tools = ["fetch"]
limit = { max = 2, per = "turn" }
action = "deny"
message = "Two are enough."
must_match = [{ tool = "fetch", url = "https://a.b/", repeat = 2 }]
must_not_match = [{ tool = "fetch", url = "https://a.b/", repeat = 1 }]
"""

WINDOW = """
[[rule]]
id = "history.window"
tools = ["fetch"]
limit = { max = 1, per = "10m" }
action = "deny"
message = "One in ten minutes."
must_match = [{ tool = "fetch", url = "https://a.b/", repeat = 1 }]
must_not_match = [{ tool = "fetch", url = "https://a.b/" }]
"""

SECRET = """
[[rule]]
id = "history.secret"
tools = ["read"]
when.path = "./secret"
action = "ask"
message = "May it?"
labels = ["secret"]
must_match = [{ tool = "read", path = "secret" }]
must_not_match = [{ tool = "read", path = "plain" }]

[[rule]]
id = "history.shut"
tools = ["fetch"]
forbids = { label = "secret", within = "context" }
action = "deny"
message = "A secret was read."
must_match = [
  { tool = "fetch", url = "https://a.b/", after = [{ tool = "read", path = "secret" }] },
]
must_not_match = [{ tool = "fetch", url = "https://a.b/" }]
"""

TREE = """
[[rule]]
id = "history.tree"
tools = ["fetch"]
limit = { max = 2, per = "epoch", scope = "tree" }
action = "deny"
message = "The whole tree has two."
must_match = [{ tool = "fetch", url = "https://a.b/", repeat = 2 }]
must_not_match = [{ tool = "fetch", url = "https://a.b/", repeat = 1 }]
"""

RETRY = """
[[rule]]
id = "history.retry"
tools = ["shell"]
limit.max = 2
limit.per = "epoch"
limit.same = ["intent"]
limit.outcome = "failed"
limit.not_since = { same = ["intent"], outcome = "ok" }
action = "deny"
message = "It failed twice."
must_match = [{ tool = "shell", command = "x", after = [
  { tool = "shell", command = "x", outcome = "failed", repeat = 2 },
] }]
must_not_match = [{ tool = "shell", command = "x" }]
"""


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


def engine_of(*rules: str, clock: ManualClock | None = None, **given: object) -> Engine:
    return memory_engine(HEAD + "".join(rules), clock=clock or ManualClock(), **given)  # type: ignore[arg-type]


def done(session, tool: str, arguments: dict, *, call_id: str, outcome: str = "ok"):
    reply = session.tool(tool, arguments, call_id=call_id)
    if not reply.denied:
        session.tool_finished(call_id, outcome=outcome)
    return reply


def test_a_tool_of_a_server_reads_and_writes_as_any_other() -> None:
    """What a server's tool read was read, and what it failed at has the intent of what it did."""
    session = engine_of(READ_FIRST.replace('["edit"]', '["edit", "write"]'), RETRY).start("s")
    session.turn("go")

    assert done(session, "mcp:fs:write_file", {"path": "a.py"}, call_id="1").denied
    assert not done(session, "mcp:fs:read_file", {"path": "a.py"}, call_id="2").denied
    assert not done(session, "mcp:fs:write_file", {"path": "./a.py"}, call_id="3").denied
    assert not session.tool("edit", {"path": "a.py"}, call_id="4").denied
    for number in range(2):
        one = {"command": "make it"}
        assert not done(session, "mcp:sh:run", one, call_id=f"r{number}", outcome="failed").denied
    assert session.tool("shell", {"command": "make it"}, call_id="5").denied


def test_an_edit_waits_for_the_read_of_the_same_file() -> None:
    """The read must have come out well, of the same file by any spelling of it."""
    session = engine_of(READ_FIRST).start("s")
    session.turn("go")

    assert session.tool("edit", {"path": "a.py"}, call_id="1").denied
    assert not session.tool("read", {"path": "./x/../a.py"}, call_id="2").denied
    assert session.tool("edit", {"path": "a.py"}, call_id="3").denied
    session.tool_finished("2", outcome="ok")
    assert not session.tool("edit", {"path": "a.py"}, call_id="4").denied
    assert session.tool("edit", {"path": "b.py"}, call_id="5").denied


@pytest.mark.parametrize("outcome", ["failed", "refused", "unknown"])
def test_only_what_came_out_well_is_enough(outcome: str) -> None:
    """A read that failed, was refused, or was never heard of satisfies nothing."""
    session = engine_of(READ_FIRST).start("s")
    session.turn("go")
    done(session, "read", {"path": "a"}, call_id="1", outcome=outcome)

    assert session.tool("edit", {"path": "a"}, call_id="2").denied


def test_a_compaction_forgets_the_context_and_keeps_the_epoch() -> None:
    """What was read in a lost context must be read again."""
    session = engine_of(READ_FIRST).start("s")
    session.turn("go")
    done(session, "read", {"path": "a"}, call_id="1")
    session.compact()
    session.turn("go on")

    assert session.tool("edit", {"path": "a"}, call_id="2").rules == ("history.read-first",)


@pytest.mark.parametrize(("history", "forgets"), [("kept", False), ("lost", True)])
def test_a_history_that_is_lost_is_forgotten(history: str, forgets: bool) -> None:
    """Where the host went on without it, what was read must be read again, and no label stands."""
    session = engine_of(READ_FIRST, SECRET).start("s")
    session.turn("go")
    done(session, "read", {"path": "a"}, call_id="1")
    done(session, "read", {"path": "secret"}, call_id="2")
    session.tool_finished("2", outcome="ok")
    session.interrupt()
    session.resume(history=history)
    session.turn("go on")

    edit = session.tool("edit", {"path": "a"}, call_id="3")
    fetch = session.tool("fetch", {"url": "https://a.b/"}, call_id="4")

    assert edit.denied == forgets
    assert fetch.denied != forgets


def test_a_limit_counts_calls_that_run_at_once(clock: ManualClock) -> None:
    """Calls count when they are let through: three at once are one too many."""
    session = engine_of(TWO_FETCHES, clock=clock).start("s")
    session.turn("go")

    replies = [session.tool("fetch", {"url": "https://a.b/"}, call_id=str(n)) for n in range(3)]

    assert [reply.denied for reply in replies] == [False, False, True]
    assert replies[2].rules == ("history.two",)


def test_a_new_turn_of_the_user_begins_the_count_anew() -> None:
    """A turn that the host or the agent makes by itself begins nothing anew."""
    session = engine_of(TWO_FETCHES).start("s")
    session.turn("go")
    for number in range(2):
        done(session, "fetch", {"url": "https://a.b/"}, call_id=str(number))

    session.turn_ended()
    session.turn("go on", source="host")
    assert session.tool("fetch", {"url": "https://a.b/"}, call_id="3").denied
    session.turn_ended()
    session.turn("please")
    assert not session.tool("fetch", {"url": "https://a.b/"}, call_id="4").denied


def test_an_interval_is_closed_and_survives_a_reset(clock: ManualClock) -> None:
    """At exactly ten minutes the call still counts, and one millisecond later it does not."""
    session = engine_of(WINDOW, clock=clock).start("s")
    session.turn("go")
    done(session, "fetch", {"url": "https://a.b/"}, call_id="1")
    session.reset()
    session.turn("go")
    clock.advance(10 * MINUTE_MS)

    assert session.tool("fetch", {"url": "https://a.b/"}, call_id="2").denied
    clock.advance(1)
    assert not session.tool("fetch", {"url": "https://a.b/"}, call_id="3").denied


def test_a_repeated_failure_is_forgotten_by_a_success() -> None:
    """Failures count per call, and a success of that very call begins anew."""
    session = engine_of(RETRY).start("s")
    session.turn("go")
    for number in range(2):
        done(session, "shell", {"command": "x"}, call_id=f"x{number}", outcome="failed")

    assert session.tool("shell", {"command": "x"}, call_id="1").denied
    assert not session.tool("shell", {"command": "y"}, call_id="2").denied


def test_a_question_sets_its_label_when_it_is_allowed() -> None:
    """Until a person has answered nobody knows, and a refused call has set nothing."""
    session = engine_of(SECRET).start("s")
    session.turn("go")
    fetch = {"url": "https://a.b/"}
    assert session.tool("read", {"path": "secret"}, call_id="1").action == "ask"

    assert session.tool("fetch", fetch, call_id="2").action == "ask"
    session.tool_finished("1", outcome="refused")
    assert session.tool("fetch", fetch, call_id="3").action == "allow"
    assert session.tool("read", {"path": "secret"}, call_id="4").action == "ask"
    session.tool_finished("4", outcome="ok")
    assert session.tool("fetch", fetch, call_id="5").action == "deny"
    session.compact()
    session.turn("go on")
    assert session.tool("fetch", fetch, call_id="6").action == "allow"


def test_replay_needs_no_rules_and_snapshots_hold_it_all() -> None:
    """The journal alone, and a snapshot alone, give the very state that was decided on."""
    engine = engine_of(READ_FIRST, TWO_FETCHES, RETRY, SECRET)
    session = engine.start("s")
    session.turn("go")
    done(session, "read", {"path": "a"}, call_id="1")
    session.tool("read", {"path": "secret"}, call_id="2")
    done(session, "shell", {"command": "x"}, call_id="3", outcome="failed")
    session.compact()
    session.turn("more")
    session.tool("fetch", {"url": "https://a.b/"}, call_id="4")

    held = engine.state("s")

    assert any(held.past.slots)
    assert restore(engine.journal, "s") == held
    assert state_of_bytes(state_bytes(held)) == held
    assert hash(held.past) == hash(restore(engine.journal, "s").past)


def test_changed_rules_begin_anew_and_unchanged_ones_go_on() -> None:
    """Under other rules a monitor that is alike goes on; a changed or new one starts fresh."""
    journal = MemoryJournal()
    session = engine_of(READ_FIRST, TWO_FETCHES, journal=journal).start("s")
    session.turn("go")
    done(session, "read", {"path": "a"}, call_id="1")
    for number in range(2):
        done(session, "fetch", {"url": "https://a.b/"}, call_id=f"f{number}")
    changed = TWO_FETCHES.replace("max = 2", "max = 1").replace("repeat = 1", "files = []")

    after = engine_of(READ_FIRST, changed, RETRY, journal=journal).session("s")

    assert not after.tool("edit", {"path": "a"}, call_id="2").denied
    assert not after.tool("fetch", {"url": "https://a.b/"}, call_id="3").denied
    assert after.tool("fetch", {"url": "https://a.b/"}, call_id="4").denied


def test_rules_that_were_away_do_not_come_back_with_an_old_turn() -> None:
    """Whoever looked back and was taken out has missed what came, and begins anew."""
    journal = MemoryJournal()
    session = engine_of(READ_FIRST, journal=journal).start("s")
    session.turn("go")
    done(session, "read", {"path": "a"}, call_id="1")
    engine_of(journal=journal).session("s").compact()

    back = engine_of(READ_FIRST, journal=journal).session("s")
    back.turn("go on")

    assert back.tool("edit", {"path": "a"}, call_id="2").rules == ("history.read-first",)


def test_a_tree_counts_what_all_its_sessions_do() -> None:
    """A child's call counts at the root, in the same commit, and is refused by its count."""
    engine = engine_of(TREE)
    root = engine.start("s")
    root.turn("go")
    child = root.child("a")
    child.turn("do")
    grandchild = child.child("b")
    grandchild.turn("do")
    fetch = {"url": "https://a.b/"}

    assert not grandchild.tool("fetch", fetch, call_id="1").denied
    assert not root.tool("fetch", fetch, call_id="2").denied
    assert child.tool("fetch", fetch, call_id="3").denied
    assert root.tool("fetch", fetch, call_id="4").denied
    kinds = [record.kind for record in engine.journal.read("s")]
    assert kinds.count("child.counted") >= 1
    assert restore(engine.journal, "s") == engine.state("s")


COMMANDS = """
[[rule]]
id = "history.plan"
on = "command"
when.command = "execute"
requires = { file = "phases/{arguments.0}/*PLAN.md" }
action = "rewrite"
rewrite.command = "plan {arguments.0}"
unknown = "deny"
message = "Phase {arguments.0} has no plan."

[[rule]]
id = "history.roadmap"
on = "command"
when.command = "roadmap"
requires = { any = [{ file = "./PROJECT.md" }, { file = "./docs/PROJECT.md" }] }
action = "deny"
deny.override = "force"
message = "There is no PROJECT.md."
must_match = [{ command = "roadmap" }]
must_not_match = [{ command = "roadmap", files = ["docs/PROJECT.md"] }]

[[rule]]
id = "history.validated"
on = "command"
when.command = "commit"
requires = { on = "command", when = { command = "validate" }, within = "10m" }
action = "deny"
deny.override = "acknowledge"
message = "Validate first."
must_match = [{ command = "commit" }]
must_not_match = [{ command = "commit", after = [{ command = "validate" }] }]
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    return tmp_path


def command_engine(project: Path, clock: ManualClock | None = None) -> Engine:
    law = attrs.evolve(law_of(HEAD + COMMANDS), places=places_of(str(project)))
    return memory_engine(law=law, clock=clock or ManualClock())


def test_a_command_is_redirected_where_its_file_is_missing(project: Path) -> None:
    """With the plan there it runs; without, the command that makes the plan runs instead."""
    engine = command_engine(project)
    session = engine.start("s")
    session.turn("go")

    reply = session.command("execute", ["3"])
    (project / "phases" / "3").mkdir(parents=True)
    (project / "phases" / "3" / "01-PLAN.md").write_text("plan")

    assert reply.action == "rewrite"
    assert reply.rewritten == {"command": "plan 3"}
    assert session.command("execute", ["3"]).action == "allow"
    rows = [body_of(r) for r in engine.journal.read("s") if r.kind == "command.executed"]
    assert [row["data"]["name"] for row in rows] == ["plan", "execute"]
    assert rows[0]["data"]["redirected_from"] == "execute"
    files = [row["files"] for row in map(body_of, engine.journal.read("s")) if "files" in row]
    assert [[one["there"] for one in row] for row in files] == [[False], [True]]


@pytest.mark.parametrize("word", ["..", "a/b", "*", "{a,b}", "", "a\\b", "[x]"])
def test_a_placeholder_that_leads_elsewhere_is_unknown(project: Path, word: str) -> None:
    """No argument of a command reaches another folder than its rule names."""
    (project / "phases").mkdir()
    (project / "PLAN.md").write_text("not this one")
    session = command_engine(project).start("s")
    session.turn("go")

    reply = session.command("execute", [word])

    assert reply.action == "deny"
    assert "cannot be known" in reply.message


def test_a_host_that_cannot_redirect_refuses_and_names_the_command(project: Path) -> None:
    """The user reads what to give instead, and nothing has run."""
    engine = command_engine(project)
    session = engine.session("s", traits=HostTraits(redirects=False))
    session.turn("go")

    reply = session.command("execute", ["3"])

    assert reply.action == "deny"
    assert "run instead: /plan 3" in reply.message
    assert "command.executed" not in [record.kind for record in engine.journal.read("s")]


def test_a_denied_command_is_overridden_by_the_user_alone(project: Path) -> None:
    """The word lifts the denial that allows it, only from the user, and stands in the journal."""
    engine = command_engine(project)
    session = engine.start("s")
    session.turn("go")

    assert session.command("roadmap").denied
    assert session.command("roadmap", ["--force"], source="agent").denied
    assert session.command("roadmap", ["--acknowledge"]).denied
    assert session.command("roadmap", ["--force"]).action == "allow"
    assert session.command("commit", ["--acknowledge"]).action == "allow"
    rows = [body_of(r)["data"] for r in engine.journal.read("s") if r.kind == "command.executed"]
    assert [(row["override"], row["overridden"]) for row in rows] == [
        ("--force", ["history.roadmap"]),
        ("--acknowledge", ["history.validated"]),
    ]


def test_a_host_that_leaves_the_slash_does_not_get_past_the_rules(project: Path) -> None:
    """A command is judged by its name alone, and stands so in the journal."""
    engine = command_engine(project)
    session = engine.start("s")
    session.turn("go")

    assert session.command("/roadmap").denied
    assert session.command("/roadmap", ["--force"]).action == "allow"
    rows = [body_of(r)["data"] for r in engine.journal.read("s") if r.kind == "command.executed"]
    assert [row["name"] for row in rows] == ["roadmap"]


def test_a_command_can_require_another_command(project: Path, clock: ManualClock) -> None:
    """What ran ten minutes ago is enough, and what ran before that is not."""
    session = command_engine(project, clock).start("s")
    session.turn("go")
    session.command("validate")
    clock.advance(10 * MINUTE_MS)

    assert session.command("commit").action == "allow"
    clock.advance(1)
    assert session.command("commit").action == "deny"


def test_a_lost_past_is_not_made_up() -> None:
    """Without a session, a rule that needs one decides nothing and says so."""
    law = law_of(HEAD + READ_FIRST)
    from governance.rules.facts import facts_of_call
    from governance.rules.host_tools import PYTHON_TOOLS, call_of
    from governance.rules.verdicts import RuleEvent

    call = call_of(PYTHON_TOOLS, "edit", {"path": "a"})
    decision = law.rules.decide(RuleEvent("tool", facts_of_call(call, law.places), call))

    assert decision.action == "allow"
    assert decision.skipped == ("history.read-first",)
