"""One engine in memory, one scripted model, and the real Mellea between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any

from attrs import define, field
from mellea import MelleaSession, start_session
from mellea.backends import ModelOption
from mellea.backends.openai import OpenAIBackend
from mellea.backends.tools import MelleaTool
from mellea.stdlib.functional import call_tools

from governance.engine import Engine
from governance.events import Event
from governance.formats import body_of
from governance.hosts.mellea import governed_session
from governance.journal.memory import MemoryJournal
from governance.session.state import SessionState
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import law_of, memory_engine
from governance.testing.host_contract_pack import RULES, TOLD
from tests.hosts.mellea.stub_model import StubModel

OWN = """
[[rule]]
id = "trial.cool"
on = "session"
action = "rewrite"
rewrite.model_options.temperature = { max = 0.3 }

[[rule]]
id = "trial.short"
on = "session"
action = "rewrite"
rewrite.model_options.max_tokens = { max = 100 }

[[rule]]
id = "trial.unborn"
on = "session"
when.context_type = "ForbiddenContext"
action = "deny"
message = "TRIAL-UNBORN: no such session."
must_match = [{ context_type = "ForbiddenContext" }]
must_not_match = [{ context_type = "ChatContext" }]

[[escalation]]
id = "trial.three"
count = 3
within = "1h"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "TRIAL-HALTED: three serious violations."
"""
"""Rules on what Mellea alone has: sessions that are about to begin."""

PACK = RULES + OWN + TOLD

TOOLS = {"run": "shell"}

trial_law = cache(partial(law_of, PACK))
"""The law of the trial pack, loaded once."""


@define(eq=False)
class Lab:
    """
    What a proof needs.

    Attributes:
        ran: The commands that the tool `run` was called with.

        output: What it gives.
    """

    model: StubModel
    journal: FailingJournal
    clock: ManualClock
    engine: Engine
    ran: list[str] = field(factory=list)
    output: str = "done"

    def start(self, **options: Any) -> MelleaSession:
        """A session by Mellea's own function, on the scripted model."""
        return start_session("openai", "stub", base_url=self.model.url, api_key="none", **options)

    def backend(self, **options: Any) -> OpenAIBackend:
        """A backend on the scripted model."""
        return OpenAIBackend(
            "stub", base_url=self.model.url, api_key="none", model_options=options or None
        )

    def session(
        self, source: MelleaSession | Callable[[], MelleaSession] | None = None, **options: Any
    ) -> AbstractContextManager[MelleaSession]:
        """A governed session."""
        given: dict[str, Any] = {"engine": self.engine, "tools": TOOLS} | options
        return governed_session(source or self.start, **given)

    def tool(self) -> MelleaTool:
        """The tool `run`, a plain function."""

        def run(command: str) -> str:
            """Run a command.

            Args:
                command: The command line.
            """
            self.ran.append(command)
            return self.output

        return MelleaTool.from_callable(run)

    def call(self, session: MelleaSession, command: str, tool: MelleaTool | None = None) -> str:
        """Have the model call `run` with *command*; what the model is to read of it."""
        self.model.script({"tool": "run", "arguments": {"command": command}})
        result = session.instruct(
            "use the tool",
            strategy=None,
            tool_calls=True,
            model_options={ModelOption.TOOLS: [tool or self.tool()]},
        )
        (message,) = call_tools(result, session.backend)
        return str(message.content)

    def listen(self, events: str) -> list[Event]:
        """What a listener will see of *events*, as it comes."""
        seen: list[Event] = []

        def keep(event: Event) -> None:
            seen.append(event)

        self.engine.listeners.register(events, keep, name="lab")
        return seen

    def kinds(self, session: str) -> list[str]:
        """The kinds of a session's rows, in order."""
        return [record.kind for record in self.engine.journal.read(session)]

    def rows(self, session: str, kind: str) -> list[dict[str, Any]]:
        """What rows of that kind say."""
        found = [one for one in self.engine.journal.read(session) if one.kind == kind]
        return [dict(body_of(one)["data"]) for one in found]  # type: ignore[call-overload]

    def state(self, session: str) -> SessionState:
        """What is known of a session."""
        return self.engine.state(session)


def made() -> Iterator[Lab]:
    """A lab, taken down afterwards."""
    model, clock = StubModel(), ManualClock()
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=trial_law(), clock=clock, journal=journal) as engine:
        yield Lab(model, journal, clock, engine)
    model.close()
