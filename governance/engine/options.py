"""How one engine runs, beside the law that it decides by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import frozen

if TYPE_CHECKING:
    from governance.access.guard import Guard
    from governance.engine.health import HealthLimits
    from governance.engine.news import Bulletin
    from governance.engine.pruning import Keeper
    from governance.engine.spool import Spool
    from governance.rules.vocabulary import HostTools
    from governance.scopes.limits import ContextLimits


@frozen
class EngineOptions:
    """
    How one engine runs, beside the law it decides by.

    Attributes:
        run: Names this process; sessions of another run are interrupted at their start.

        idle_ms_max: After so long without work a live session is interrupted (``idle``).

        deadline_ms: How long a step may wait for the store.

        snapshot_rows: Rows of a session after which its state is kept as a snapshot.

        paused: Why governance is paused at a moment, or ``""``.

        tools: The hosts' tables of native tools, by host.

        spool: Where told events wait that could not be written; ``None``: in memory.

        bulletin: What notices changed rules; ``None``: the law of the start holds to the end.

        actor: Who is behind a command that names nobody; ``""``: rows do not say.

        guard: What is asked before anything is done or shown; ``None``: nothing is.

        keeper: What keeps the store within its bounds; ``None``: only who asks for it does.

        after: Called after each command, outside of every lock; waits for nothing.

        context_limits: Gives the bounds of contexts when they are first asked for.

        health_limits: Gives what counts as healthy when somebody asks; ``None``: the usual.
    """

    run: str
    idle_ms_max: int = 1_800_000
    deadline_ms: int = 30_000
    snapshot_rows: int = 1000
    paused: Callable[[int], str] | None = None
    tools: Mapping[str, HostTools] = field(factory=dict)
    spool: Spool | None = None
    bulletin: Bulletin | None = None
    actor: str = ""
    guard: Guard | None = None
    keeper: Keeper | None = None
    after: Callable[[], None] | None = None
    context_limits: Callable[[], ContextLimits] | None = None
    health_limits: Callable[[], HealthLimits] | None = None
