"""
Bugs that were reproduced in session managers, seen from the engine that stands on the store.

The name of each test says the bug; the docstring says what must hold instead. Those of the
store alone are in `test_journal_faults_reproduced`; `docs/defects.md` lists all of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from governance.config import KEYS, load_config
from governance.engine import Engine
from governance.errors import DefinitionError, StoreFull
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Row
from governance.ledger import Ledger
from governance.rules.deciding import History, RuleEvent
from governance.rules.facts import session_facts
from governance.states import State
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import law_of, memory_engine

ROOT = Path(__file__).parents[2]

PACK = """
format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Rules for these tests."

[[rule]]
id = "house.ask"
tools = ["shell"]
when.command = { starts_with = "publish" }
action = "ask"
message = "Publishing cannot be undone."
must_match = [{ tool = "shell", command = "publish now" }]
must_not_match = [{ tool = "shell", command = "pack" }]

[[rule]]
id = "house.full"
on = "prompt"
when.usage.context_ratio = { gte = 0.9 }
action = "warn"
message = "The context is nearly full."
must_match = [{ prompt = "go", usage.context_ratio = 0.95 }]
must_not_match = [{ prompt = "go", usage.context_ratio = 0.01 }]

[[rule]]
id = "house.high"
tools = ["shell"]
when.command = "high"
action = "warn"
severity = "high"
message = "High."

[[rule]]
id = "house.critical"
tools = ["shell"]
when.command = "critical"
action = "warn"
severity = "critical"
message = "Critical."

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    with memory_engine(PACK) as engine:
        yield engine


def rows(engine: Engine, session: str) -> list[bytes]:
    return [record.body for record in engine.journal.read(session, limit=10_000)]


@pytest.mark.parametrize(("ratio", "action"), [(0.01, "allow"), (0.89, "allow"), (0.9, "warn")])
def test_one_percent_used_is_critical(ratio: float, action: str) -> None:
    """A share is a number from 0 to 1 on both sides of the comparison."""
    facts = {**session_facts(host="python", turn=1), "prompt": "go"}
    facts["usage.context_ratio"] = ratio

    made = law_of(PACK).rules.decide(RuleEvent("prompt", facts, None), History(known=True))

    assert made.action == action


def test_a_threshold_has_no_unit() -> None:
    """Every number of the configuration that is an amount says of what, also in its name."""
    amounts = [
        key for key in KEYS if key.type in ("int", "float") and key.key != "listener[].priority"
    ]

    assert len(amounts) > 10
    assert [key.key for key in amounts if not key.unit] == []
    assert [key.key for key in amounts if not key.key.endswith(("_max", "_min", "_ms"))] == []


def test_ids_made_within_one_second_are_alike(engine: Engine) -> None:
    """A thousand questions in one instant have a thousand ids, and so have their events."""
    session = engine.start("s")
    session.turn("go")
    for number in range(200):
        session.tool("shell", {"command": f"publish {number}"}, call_id=str(number))

    asked = [r for r in engine.journal.read("s", limit=10_000) if r.kind == "approval.asked"]
    assert len({r.body.split(b'"id":"')[1].split(b'"')[0] for r in asked}) == len(asked) == 200
    assert len({r.hash for r in engine.journal.read("s", limit=10_000)}) == session.state.head


def test_archiving_does_not_begin_anew(engine: Engine) -> None:
    """After a reset the session is a new epoch, unbriefed, and the old rows are all there."""
    session = engine.start("s")
    session.turn("go")
    before = rows(engine, "s")
    session.reset()

    assert session.state.registers.epoch == 2
    assert session.state.state is State.BEGINNING
    assert not session.governance_injected
    assert rows(engine, "s")[: len(before)] == before


def test_a_message_without_optional_fields_raises(engine: Engine) -> None:
    """Events that say as little as they may are taken, each with its row."""
    session = engine.start("s")
    session.turn("")
    session.tool("shell", {})
    session.tool_finished("never-asked", outcome="unknown")
    session.turn_ended()
    session.compact()
    session.interrupt()
    session.resume()
    session.end()

    assert session.state.state is State.ENDED


def test_the_words_no_errors_count_as_an_error(engine: Engine) -> None:
    """How a call ended is what the host says, never a word of its output."""
    session = engine.start("s")
    session.turn("go")
    session.tool("shell", {"command": "make"}, call_id="1")
    session.tool_finished("1", outcome="ok", output="0 errors. No errors found. ERROR: none")

    assert session.state.metrics.tools_ok == 1
    assert session.state.metrics.tools_failed == 0


def test_severities_are_compared_as_text(engine: Engine) -> None:
    """Critical is graver than high, although it comes before it in the alphabet."""
    session = engine.start("s")
    session.turn("go")
    for command in ("critical", "high"):
        session.tool("shell", {"command": command})
    ledger: Ledger = session.state.ledger

    assert list(ledger.counts) == ["high", "critical"]


def test_a_bad_configuration_becomes_the_defaults(tmp_path: Path) -> None:
    """A file with one wrong key configures nothing, and says where it is wrong."""
    (tmp_path / "governance.toml").write_text("[session]\nlanguage = 5\n\n[jurnal]\n")

    with pytest.raises(DefinitionError) as caught:
        load_config(tmp_path)

    assert {one.line for one in caught.value.diagnostics} == {2, 4}


def test_a_loader_that_finds_nothing_says_ready(tmp_path: Path) -> None:
    """Opening a folder without a project is an error, and makes none."""
    with pytest.raises(DefinitionError):
        Engine.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_saver_that_fails_says_all_is_well() -> None:
    """What could not be kept was not allowed, and the session stands where it stood."""
    journal = FailingJournal(MemoryJournal())
    with memory_engine(PACK, journal=journal) as engine:
        session = engine.start("s")
        session.turn("go")
        before = session.state
        journal.fail("append", StoreFull("the disk is full"))
        reply = session.tool("shell", {"command": "ls"})
        after = session.state

    assert reply.denied
    assert "disk is full" in reply.message
    assert after == before


def test_a_step_stores_the_whole_state_again(engine: Engine) -> None:
    """The row of a call is as long after two thousand rows as after twenty."""
    session = engine.start("s")
    session.turn("go")
    lengths = []
    for number in range(1_000):
        session.tool("read", {"path": "a.py"}, call_id=f"{number:04}")
        session.tool_finished(f"{number:04}", outcome="ok")
        if number in (10, 999):
            lengths.append(sum(map(len, rows(engine, "s")[-2:])))

    assert lengths[1] < 1.2 * lengths[0]


def test_loading_runs_what_was_stored(engine: Engine) -> None:
    """Stored text is data, whatever class it names: nothing here can make an object of it."""
    loads = {"pickle", "marshal", "shelve", "dill", "jsonpickle"}
    imported = {
        name.split(".")[0]
        for file in sorted((ROOT / "governance").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _imported(node)
    }
    session = engine.start("s")
    made = b'{"lc":2,"type":"constructor","id":["os","system"],"args":["false"]}'
    body = b'{"data":{"name":"x","arguments":[' + made + b"]}}"
    engine.live.drop("s")
    engine.journal.append([Append("s", session.state.head, (Row("command.executed", 0, body),))])
    engine.live.drop("s")

    assert not imported & loads
    assert session.turn("go").action == "allow"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_the_clock_decides_the_order(engine: Engine) -> None:
    """Rows are in the order in which they were written, also when the clock went back."""
    session = engine.start("s")
    clock = engine.clock
    assert isinstance(clock, ManualClock)
    for step_ms in (1_000, -5_000, 3_000):
        clock.skew(step_ms)
        session.turn("go")

    found = engine.journal.read("s", limit=1_000)
    assert all(b.seq == a.seq + 1 for a, b in pairwise(found))
    assert engine.journal.verify("s").ok
