"""
A governed host at work in a test: what a driver does, and what is seen of it.

Who writes an adapter writes one driver. Its verbs are what a host does (begin a session, take
a prompt, run a tool); the contract gives the orders and looks at what came of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from governance._attrs import frozen
from governance.engine import Engine
from governance.errors import MisuseError, StoreFull
from governance.formats import body_of
from governance.hooking.adapter import Profile
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.listeners import Refuse
from governance.rules.host_tools import HostTools
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from governance.testing.fakes import FailingJournal
from governance.testing.host_contract_pack import PACK
from governance.values import Json

CODES = {
    "GOV770": "a driver of the host contract lacks a verb for what its host claims to do",
}

ROWS_MAX = 1_000
FOREVER = 1_000_000
"""Appends that fail once a host was cut off from its engine."""


@frozen
class Seen:
    """
    What came of one thing that a host did, seen from outside.

    Attributes:
        ran: The command line that the tool was run with, the prompt that reached the model,
            the slash command that was run; ``None``: it was kept from happening.

        told: All that the model gets to read because of it: reasons, context, output.

        asked: A person was asked, and has not answered yet.

        granted: The host was told to run it without asking its own permissions.

        stopped: The turn is over with it: the model is not asked what to do next.
    """

    ran: str | None = None
    told: str = ""
    asked: bool = False
    granted: bool = False
    stopped: bool = False


class Host(ABC):
    """
    One governed host, made anew for each test; the law is `PACK`.

    Attributes:
        profile: What the adapter says of its host. What it claims is tried, and where it
            claims nothing the stricter thing is demanded.
    """

    profile: Profile

    @property
    @abstractmethod
    def journal(self) -> Journal:
        """Where the engine of this host writes."""

    @abstractmethod
    def start(self, session: str) -> Seen:
        """Begin *session*."""

    @abstractmethod
    def prompt(self, session: str, text: str) -> Seen:
        """A turn without tools: *text* to the model, which answers; the turn ends."""

    @abstractmethod
    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        """The model calls the shell with *command*; run, it gives *output*."""

    @abstractmethod
    def end(self, session: str) -> None:
        """The host leaves *session*."""

    @abstractmethod
    def cut(self) -> None:
        """From now on the engine cannot decide: its store is full, broken or gone."""

    def resume(self, session: str) -> Seen:
        """Take *session* up again; by default as it was begun."""
        return self.start(session)

    def reset(self, session: str) -> str:
        """Throw the history of *session* away; the id that goes on. ``""``: no host does so."""
        del session
        return ""

    def compact(self, session: str) -> Seen:
        """Compact the history of *session*."""
        raise self._lacks("see compaction", "compact", session)

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """The sub-agent *name* of *session* calls the shell, and stops; its session's id."""
        raise self._lacks("see sub-agents", "child", session, name, command)

    def slash(self, session: str, name: str) -> Seen:
        """The user types the slash command *name*."""
        raise self._lacks("refuse a slash command", "slash", session, name)

    def forbid(self, event: str, why: str) -> None:
        """From now on whatever *event* (``session.creating``, …) asks leave for is refused."""
        raise self._lacks("refuse something", "forbid", event, why)

    def close(self) -> None:  # noqa: B027 -- most have nothing to close
        """Let go of what was opened."""

    def can(self, capability: str) -> bool:
        """Whether the adapter claims *capability*."""
        return any(one.can for one in self.profile.capabilities if one.name == capability)

    def kinds(self, session: str) -> list[str]:
        """The kinds of the rows of *session*, in order."""
        return [one.kind for one in self.journal.read(session, limit=ROWS_MAX)]

    def rows(self, session: str, kind: str) -> list[Mapping[str, Json]]:
        """What the rows of that kind say."""
        found = self.journal.read(session, limit=ROWS_MAX)
        said = [body_of(one).get("data") for one in found if one.kind == kind]
        return [one for one in said if isinstance(one, Mapping)]

    def _lacks(self, capability: str, verb: str, *words: str) -> MisuseError:
        call = f"{verb}({', '.join(words)})"
        return MisuseError(
            f"{self.profile.title} is said to `{capability}`, and its driver has no `{call}`",
            code="GOV770",
            remedy="give the driver the verb, or do not claim the capability",
        )


class EngineHost(Host):
    """
    A host of Python, on an engine in memory.

    Attributes:
        engine: What the adapter is given.
    """

    def __init__(self) -> None:
        self._failing = FailingJournal(MemoryJournal())
        law = contract_law(self.profile.tools)
        self.engine = memory_engine(law=law, journal=self._failing)

    @property
    def journal(self) -> Journal:
        """The journal in memory."""
        return self._failing

    def cut(self) -> None:
        """The store is full."""
        self._failing.fail("append", StoreFull("the disk is full"), times=FOREVER)

    def forbid(self, event: str, why: str) -> None:
        """By a listener."""
        refuse_at(self.engine, event, why)

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()


def refuse_at(engine: Engine, event: str, why: str) -> None:
    """Have a listener of *engine* refuse *event* from now on."""
    engine.listeners.register(event, lambda _: Refuse(why), mode="sequential", name="contract")


_LAWS: dict[str, tuple[HostTools, Law]] = {}


def contract_law(tools: HostTools) -> Law:
    """The law that every host is tried on, with the table of its own *tools*; made once."""
    held = _LAWS.get(tools.name)
    if held is None or held[0] != tools:
        held = _LAWS[tools.name] = tools, law_of(PACK, tools=(tools,))
    return held[1]
