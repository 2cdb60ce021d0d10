"""What a call is charged with: each rule once, an unanswered question lightly, a step by calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from governance.engine import Engine
from governance.engine.session import Session
from governance.formats import body_of
from governance.ledger import halted
from governance.session.commands import HostTraits
from governance.session.law import HostSettings
from governance.testing import ManualClock
from governance.testing.engines import memory_engine, settings_with

PACK = """
format = 1
[pack]
name = "charges"
version = "1.0.0"
summary = "Rules that one call breaks together, and steps that count calls."

[[rule]]
id = "charges.keys"
tools = ["write"]
when.path = { glob = "**/keys/**" }
action = "ask"
severity = "critical"
message = "These are keys."
must_match = [{ tool = "write", path = "keys/a", content = "" }]
must_not_match = [{ tool = "write", path = "a", content = "" }]

[[rule]]
id = "charges.hidden"
tools = ["write"]
when.path = { glob = "**/.*" }
action = "ask"
severity = "critical"
message = "It is hidden."
must_match = [{ tool = "write", path = ".a", content = "" }]
must_not_match = [{ tool = "write", path = "a", content = "" }]

[[rule]]
id = "charges.noted"
tools = ["write"]
when.path = { glob = "**/.*" }
action = "warn"
severity = "info"
message = "Noted."

[[rule]]
id = "charges.whispered"
tools = ["write"]
when.path = { glob = "**/whispers/**" }
action = "ask"
severity = "info"
message = "Sure?"
must_match = [{ tool = "write", path = "whispers/a", content = "" }]
must_not_match = [{ tool = "write", path = "a", content = "" }]

[[rule]]
id = "charges.denied"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "No."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "charges.denied-too"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "Never."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[escalation]]
id = "charges.halt"
count = 3
within = "1h"
of = { severity = ["high", "critical"] }
action = "halt"
lasts = "pardon"
message = "Three times."

[[escalation]]
id = "charges.careful"
count = 2
within = "1h"
of = { severity = ["medium"] }
action = "ask"
lasts = "10m"
message = "A person is asked now."
"""


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    settings = settings_with(host_defaults=HostSettings(unknown_tool="ask"))
    with memory_engine(PACK, clock=ManualClock(), settings=settings) as engine:
        yield engine


def begun(engine: Engine) -> Session:
    session = engine.start("s")
    session.turn("go")
    return session


def write(session: Session, path: str, number: int, outcome: str = "refused") -> tuple[str, ...]:
    """The rules that asked about a call which then came to *outcome*."""
    call_id = f"c{number}"
    reply = session.tool("write", {"path": path, "content": ""}, call_id=call_id)
    assert reply.action == "ask"
    session.tool_finished(call_id, outcome=outcome)
    return reply.rules


def counted(engine: Engine, session: str = "s") -> list[Mapping[str, Any]]:
    found = engine.journal.read(session, limit=1000)
    return [body_of(one)["data"] for one in found if one.kind == "violation.counted"]  # type: ignore[misc]


def charges(engine: Engine) -> dict[str, str]:
    made = counted(engine)
    assert len({one["rule"] for one in made}) == len(made), "one call counts once a rule"
    return {one["rule"]: one["severity"] for one in made}


def test_a_refused_question_is_charged_to_the_rules_that_asked(engine: Engine) -> None:
    """What only warned has counted already, as a warning."""
    session = begun(engine)

    rules = write(session, ".a", 1)

    assert set(rules) == {"charges.hidden", "charges.noted"}
    assert charges(engine) == {"charges.hidden": "critical", "charges.noted": "info"}


def test_a_question_for_want_of_knowledge_is_charged_lightly(engine: Engine) -> None:
    """A call that no rule could be tried on matched none: it is no grave violation of all."""
    session = begun(engine)

    write(session, "", 1)

    assert charges(engine) == {
        "charges.hidden": "low",
        "charges.keys": "low",
        "charges.noted": "info",
        "charges.whispered": "info",
    }
    assert halted(session.state.ledger) is None


def test_a_person_who_says_no_elsewhere_charges_the_same() -> None:
    """Where the host cannot ask, the refusal of `governance deny` counts as the host's own."""
    with memory_engine(PACK, clock=ManualClock()) as engine:
        session = engine.session("s", traits=HostTraits(asks=False))
        session.turn("go")
        session.tool("write", {"path": "", "content": ""}, call_id="1")
        (asked,) = session.state.ledger.open_approvals(engine.clock.now_ms())

        answer = {"id": asked.id, "by": "me", "decision": "denied"}
        engine.record("s", "approval.settled", answer, actor="me")

        assert set(charges(engine).values()) == {"low", "info"}


def test_one_call_is_one_of_a_steps_count_however_many_rules_it_breaks(engine: Engine) -> None:
    """Each rule counts it, and the step that counts to three is reached by the third call."""
    session = begun(engine)

    for number in range(2):
        session.tool("shell", {"command": "forbidden"}, call_id=f"{number}")
        assert halted(session.state.ledger) is None
    assert session.state.ledger.counts == {"high": 4}
    write(session, "keys/.a", 3)

    assert session.state.ledger.counts == {"info": 1, "high": 4, "critical": 2}
    assert halted(session.state.ledger) == "Three times."
    (step,) = session.state.ledger.steps
    assert step.count == 3


def test_calls_that_are_settled_together_count_each(engine: Engine) -> None:
    """What is one moment for the session were three calls of the model."""
    session = begun(engine)
    for number in range(3):
        session.tool("write", {"path": f"keys/.{number}", "content": ""}, call_id=f"{number}")

    session.turn("go on")

    assert session.state.ledger.counts["critical"] == 6
    assert halted(session.state.ledger) == "Three times."


def test_the_calls_of_a_child_are_calls_in_its_parent(engine: Engine) -> None:
    """What rolls up is counted above as it was below."""
    parent = begun(engine)
    child = parent.child("a")
    child.turn("go")

    for number in range(2):
        child.tool("shell", {"command": "forbidden"}, call_id=f"{number}")
    assert parent.state.ledger.counts == {"high": 4}
    assert halted(parent.state.ledger) is None
    child.tool("shell", {"command": "forbidden"}, call_id="3")

    assert halted(parent.state.ledger) == "Three times."


def test_a_question_that_no_rule_put_is_charged_to_nobody(engine: Engine) -> None:
    """A step in force, or a tool that is not known: they are no rules, and feed no step."""
    session = begun(engine)
    medium = {"rule": "x", "severity": "medium", "action": "deny"}
    for _ in range(2):
        engine.record("s", "violation.counted", {**medium, "intent": "", "counts": {}}, actor="me")
    step = {"step": "charges.careful", "action": "ask", "message": "A person is asked now."}
    engine.record("s", "session.escalated", step, actor="me")
    before = session.state.ledger.total

    asked = session.tool("read", {"path": "a"}, call_id="1")
    assert (asked.action, asked.rules) == ("ask", ("charges.careful",))
    session.tool_finished("1", outcome="refused")
    session.tool("never-heard-of", {}, call_id="2")
    session.tool_finished("2", outcome="refused")

    assert session.state.ledger.total == before
    assert session.state.ledger.open_approvals(engine.clock.now_ms()) == ()
