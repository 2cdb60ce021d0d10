"""What listeners answer, and what becomes of it: values, never exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import field

from governance._attrs import frozen
from governance.events import Event
from governance.values import Json

Why: TypeAlias = Literal["raised", "late", "answer", "write", "busy", "nested", "dropped", "left"]


@frozen
class Refuse:
    """What a *sequential* or *concurrent* listener returns to stop a before event."""

    reason: str


@frozen
class Write:
    """
    What a *transform* listener returns to change a before event.

    Attributes:
        fields: Writable own fields of the event with their new values.
    """

    fields: Mapping[str, Json]


Answer: TypeAlias = Refuse | Write | None
"""What a listener may return; ``None`` has nothing to say."""


@frozen
class Refusal:
    """A before event must not happen, by the word or by the failure of *listener*."""

    listener: str
    reason: str

    def __str__(self) -> str:
        return self.reason


@frozen
class ListenerFailure:
    """
    A listener did not do its work; recorded as ``listener.failed``.

    Attributes:
        why: ``raised``; ``late`` (past its time limit); ``answer`` (returned what its mode
            may not); ``write`` (a field it may not write, or a value that does not fit);
            ``busy`` (no thread was free); ``nested`` (listeners called each other too
            deep); ``dropped`` (a background queue was full); ``left`` (still waiting in
            the background when closing had to be done).

        error: What it failed with, in words.

        session_id: Session of the event; of the last one, where several are counted.

        count: How many times, since it was last reported.

        disabled: It will not be called again.
    """

    listener: str
    event: str
    event_id: str
    why: Why
    error: str
    session_id: str = ""
    count: int = 1
    disabled: bool = False

    def as_json(self) -> dict[str, Json]:
        """Own fields of the event ``listener.failed``."""
        return {
            "listener": self.listener,
            "event": self.event,
            "event_id": self.event_id,
            "why": self.why,
            "error": self.error,
            "count": self.count,
            "disabled": self.disabled,
        }


@frozen
class BeforeResult:
    """
    What listeners made of a before event.

    Attributes:
        event: The event with everything that was written in it.

        written: Listener → field → value, in the order of writing; what is journaled.

        refusals: Why it must not happen, in the order of the listeners; empty: it may.

        failures: What went wrong, those that refuse by ``on_error = "fail"`` among them.
    """

    event: Event
    written: Mapping[str, Mapping[str, Json]] = field(factory=dict)
    refusals: tuple[Refusal, ...] = ()
    failures: tuple[ListenerFailure, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the event must not happen."""
        return bool(self.refusals)
