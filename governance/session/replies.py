"""What the engine answers: a verdict with its reasons, and text for the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from governance._attrs import frozen
from governance.values import Json

Action = Literal["allow", "warn", "rewrite", "ask", "deny", "halt"]

ACTIONS: tuple[Action, ...] = ("allow", "warn", "rewrite", "ask", "deny", "halt")
"""From the mildest to the strictest."""


@frozen
class Injection:
    """
    Text that a model is to be told.

    Attributes:
        blocks: Ids of the context blocks in it, in order.

        why: ``"briefing"``, ``"reminder"``, ``"resume"``, ``"refresh"``.

        rendered_at: The session's head when it was rendered; a later move outdates it.

        dropped: Ids of blocks that the budget had no room for.
    """

    text: str
    sha256: str
    why: str
    blocks: tuple[str, ...]
    rendered_at: int
    dropped: tuple[str, ...] = ()


@frozen
class Reply:
    """
    The engine's answer to one command.

    Attributes:
        action: What holds; ``"allow"`` grants nothing that the host itself would ask for.

        message: What, why, and what instead; ``""`` when there is nothing to say.

        rules: Ids of every rule that matched, strictest first.

        reasons: Why a guard or the machine refused; empty when rules decided.

        rewritten: The native arguments to run instead, with ``"rewrite"``.

        injection: Text to put before the model with this answer, if any.

        skipped: Ids of rules that did not decide for want of history.

        duplicate: The payload had been answered before; this is that first answer.

        head: The session's sequence after this step.

        halted: Why nobody may work until a person pardons it, or ``""``.

        alarm: What a person should be told at once, where the host has a place for it.

        counts: How many violations the session has had, by severity.
    """

    event: str
    action: Action
    state: str
    message: str = ""
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    rewritten: Mapping[str, Json] | None = None
    injection: Injection | None = None
    skipped: tuple[str, ...] = ()
    duplicate: bool = False
    head: int = 0
    counts: Mapping[str, int] | None = None
    halted: str = ""
    alarm: str = ""

    @property
    def denied(self) -> bool:
        """Whether the thing asked for must not happen now."""
        return self.action in ("deny", "halt", "ask")

    @property
    def text(self) -> str:
        """The injected text, or ``""``."""
        return self.injection.text if self.injection else ""
