"""What `decide` decides by: the machine, the rules and the settings of one project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import field

from governance._attrs import frozen
from governance.context import Budget
from governance.machine import GapBounds, SessionMachine
from governance.session.state import Identity, SessionState
from governance.values import Json

if TYPE_CHECKING:
    from governance.rules.deciding import RuleSet
    from governance.rules.paths import Places

SESSION_FIELDS = ("language", "document_language", "phase", "style")
"""Fields that every project has, from the table ``[session]``; rules and blocks name them
as ``fields.language`` and so on."""

Strictness = Literal["allow", "ask", "deny"]


@frozen(kw_only=True)
class HostSettings:
    """
    What a project wants of one host; defaults are those of `governance.config`.

    Attributes:
        roles: The host's agent names → our roles.

        unbriefed: What a tool gets in a host that cannot brief its model.

        after_end: What a tool gets that is asked for after the session's end.

        unknown_tool: What a tool gets that the host's table does not know.

        unbound: What gets what belongs to no known session; for adapters in process.

        deadline_ms: An answer that takes longer is a deny; for adapters in process.
    """

    roles: Mapping[str, str] = field(factory=dict)
    unbriefed: Strictness = "allow"
    after_end: Literal["deny", "ask", "rules"] = "deny"
    unknown_tool: Strictness = "ask"
    unbound: Strictness = "deny"
    deadline_ms: int = 5_000


@frozen(kw_only=True)
class Settings:
    """
    The part of a project's configuration that decides.

    Attributes:
        session_bytes_max: Bytes of rows after which a session may do no more; 0: no bound.
    """

    gaps: GapBounds
    hosts: Mapping[str, HostSettings] = field(factory=dict)
    host_defaults: HostSettings = field(factory=HostSettings)
    budget: Budget
    language: str = ""
    document_language: str = ""
    phase: str = ""
    style: str = ""
    fields: Mapping[str, Json] = field(factory=dict)
    time_zone: str = ""
    stall_repeats_max: int = 3
    stall_reaction: Literal["record", "warn", "halt"] = "record"
    session_bytes_max: int = 0

    def host(self, name: str) -> HostSettings:
        """The settings of *name*, or the defaults."""
        return self.hosts.get(name, self.host_defaults)


@frozen(kw_only=True)
class Law:
    """
    One project's machine, rules and settings, immutable.

    Attributes:
        redact: Takes secrets out of a value before it becomes a row.

        field_facts: Facts of the own fields of sessions, by their identity: made by need,
            and worth no more than the time that they save.
    """

    machine: SessionMachine
    rules: RuleSet
    settings: Settings
    places: Places
    redact: Callable[[Json], tuple[Json, tuple[str, ...]]]
    field_facts: dict[int, tuple[Identity, Mapping[str, object]]] = field(
        factory=dict, init=False, eq=False, repr=False
    )


@frozen(kw_only=True)
class Gathered:
    """
    What the shell looked up outside before it let the heart decide.

    Attributes:
        at_ms: Now.

        parents: For a child the states of its parent, the parent of that, and so on to the
            root of its tree. A line that ends below the root was too long to be known.

        child: State of the child that ends, for its figures.

        predecessor: State of the session that this one follows, when it starts.

        journal_writable: Whether the last write of this session succeeded.

        history_known: Whether the state tells the past; rules that need it are skipped
            where a call is decided without a session.

        files: Glob → whether a file fits it; ``None``: that could not be found out.

        paused_reason: Why a person paused governance, or ``""`` while it is in force.
    """

    at_ms: int
    parents: tuple[SessionState, ...] = ()
    child: SessionState | None = None
    predecessor: SessionState | None = None
    journal_writable: bool = True
    paused_reason: str = ""
    history_known: bool = True
    files: Mapping[str, bool | None] = field(factory=dict)

    @property
    def parent(self) -> SessionState | None:
        """State of the parent session, for a child that has one."""
        return self.parents[0] if self.parents else None

    @property
    def root(self) -> SessionState | None:
        """State of the root of a child's tree; ``None`` where it is not known."""
        last = self.parents[-1] if self.parents else None
        return last if last is not None and not last.identity.parent else None
