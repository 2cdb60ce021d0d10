"""What a host brings along: the data that describe it, and its three pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from governance._attrs import frozen
from governance.hooking.answering import Answer
from governance.hooking.payload import Payload
from governance.hooking.processes import Process
from governance.hooking.translation import Translation
from governance.rules.host_tools import HostTools
from governance.session.commands import HostTraits
from governance.session.replies import Reply

Translate = Callable[[Payload, Mapping[str, str]], Translation]
"""
The events that a payload reports, given the hook's environment.

Raises `Unbound` where no session is named, `PayloadRefused` where something else is missing.
"""

MakeAnswer = Callable[[Payload, Sequence[Reply], int], Answer]
"""The answer to a payload, given the replies to its commands and which of them decides."""

MakeUnbound = Callable[[str, str, str], Answer]
"""The answer to an event, by name, that names no session: strictness and reason follow."""

AgentSession = Callable[[Mapping[str, str]], str]
"""The session whose agent's shell has these variables, or ``""`` where it is no such shell."""


ForkedFrom = Callable[[Payload, Sequence[Process]], str]
"""The session that the one of a payload was forked from, by the processes above, or ``""``."""


@frozen
class Capability:
    """One thing that a host may be able to do, and how it is done here."""

    name: str
    can: bool
    how: str


@frozen
class HookEvent:
    """
    One event of the host that the adapter listens to.

    Attributes:
        decides: The host waits for leave; a failure of ours is answered with a deny.

        commands: Events of the machine that it becomes.

        timeout_seconds: How long the host waits, as written into its settings. Then it
            kills the hook and goes on as if there were none; the engine ends earlier.
    """

    name: str
    decides: bool
    commands: tuple[str, ...]
    doc: str
    timeout_seconds: int = 30


@frozen
class Profile:
    """
    What is known of one host, for deciding, for the command line and for the docs.

    Attributes:
        name: As configuration, rules and the command line write it.

        title: As people write it.

        marks: Variables that it sets for what it runs: by them a command knows its caller.

        programs: Names of its program, whatever folder it lies in.
    """

    name: str
    title: str
    tools: HostTools
    traits: HostTraits
    capabilities: tuple[Capability, ...]
    marks: tuple[str, ...]
    programs: tuple[str, ...]


@frozen
class Adapter:
    """
    One host that calls `hook.py`: its profile, its events, and what is read and answered.

    Attributes:
        events: Every event whose hook is installed, by the host's own name.

        agent_session: Tells the shells of its agents, whose hook calls are forged.

        probe: An event that changes nothing where its payload names a session alone: by it
            `doctor` sees whether the hook starts and finds the engine. ``""``: there is none.

        forked_from: For a host whose payloads do not tell it.
    """

    profile: Profile
    events: Mapping[str, HookEvent]
    translate: Translate
    answer: MakeAnswer
    unbound: MakeUnbound
    agent_session: AgentSession
    probe: str = ""
    forked_from: ForkedFrom | None = None
