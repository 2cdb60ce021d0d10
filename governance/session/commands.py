"""What a host says happened, or asks leave for: the input of `decide`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from attrs import field

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.errors import MisuseError, did_you_mean
from governance.states import ASKED_EVENTS
from governance.values import Json

Delivery = Literal["answer", "after_flush", "none"]
History = Literal["kept", "lost", "unknown"]
InjectPlace = Literal["transcript", "request", "none"]

_FLAGS = ("asks", "rewrites", "redirects", "call_ids", "reports_arguments")


@frozen
class HostTraits:
    """
    What a host can do, as far as deciding must know it.

    Attributes:
        inject: Where injected text lives: for the whole ``"transcript"``, for one
            ``"request"``, or the host has no place (``"none"``).

        inject_chars_max: Characters that one injection may have; ``None``: no limit.

        characters_per_token: For bounds in tokens; ``None``: the host does not tell.

        asks: Whether a person can be asked; if not, *ask* becomes *deny*.

        rewrites: Whether arguments can be changed without granting the call.

        redirects: Whether another command can be run in place of the one that was given.

        deny_at: Machine events whose refusal the host honours.

        untold: Facts of rules that it never tells, or families of them; a program that is
            its own host may tell all.

        call_ids: Whether each call has an id of the host's; if not, it is known by what it
            is (`content_id`), and one that was rewritten is reported as what it became.

        reports_arguments: Whether the report of an outcome has the arguments that the tool
            ran with, as the host sent them before; what ran otherwise is judged by them.

    Raises:
        MisuseError: GOV403, with everything that cannot be so.
    """

    inject: InjectPlace = "transcript"
    inject_chars_max: int | None = None
    characters_per_token: float | None = None
    asks: bool = True
    rewrites: bool = True
    redirects: bool = True
    deny_at: frozenset[str] = frozenset(ASKED_EVENTS)
    call_ids: bool = True
    untold: frozenset[str] = frozenset()
    reports_arguments: bool = False

    def __attrs_post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise MisuseError(
                f"no host has these traits: {'; '.join(text for text, _ in problems)}",
                code="GOV403",
                remedy="; ".join(hint for _, hint in problems if hint),
            )


def _problems(traits: HostTraits) -> Iterator[tuple[str, str]]:
    """What is wrong with *traits*, and what may be meant."""
    places = get_args(InjectPlace)
    if traits.inject not in places:
        hint = did_you_mean(str(traits.inject), places)
        yield f"`inject` is {traits.inject!r}, expected one of {', '.join(places)}", hint
    most = traits.inject_chars_max
    if most is not None and (type(most) is not int or most < 1):
        yield f"`inject_chars_max` is {most!r}, expected a whole number from 1, or None", ""
    rate = traits.characters_per_token
    if rate is not None and (type(rate) not in (int, float) or not 0 < rate < math.inf):
        yield f"`characters_per_token` is {rate!r}, expected a number above 0, or None", ""
    for name in _FLAGS:
        value = getattr(traits, name)
        if type(value) is not bool:
            yield f"`{name}` is {value!r}, expected true or false", ""
    for name in ("deny_at", "untold"):
        value = getattr(traits, name)
        if not isinstance(value, frozenset) or not all(isinstance(one, str) for one in value):
            yield f"`{name}` is {value!r}, expected a frozenset of texts", ""
        elif name == "deny_at":
            for event in sorted(value.difference(ASKED_EVENTS)):
                text = f"`deny_at` names `{event}`, which cannot be refused"
                yield text, did_you_mean(event, ASKED_EVENTS) or f"one of {', '.join(ASKED_EVENTS)}"


@frozen(kw_only=True)
class Command:
    """
    One event of one session, as an adapter reports it.

    Attributes:
        event: A name of the machine: ``"start"``, ``"turn_start"``, ``"tool_before"`` …

        session: The session's id; a child's is ``parent/agent``.

        key: Idempotency key of the payload, or ``None``.

        run: Which process of the host this is; ``""`` when the host does not tell.

        history: Whether the model still has what it was told before.

        agent: The host's structured agent name, never prose; ``""`` for none.

        role: The role given outright by an embedding program; wins over *agent*.

        parent: Session id of the parent, for a child.

        call: The tool call of ``tool_before`` and ``tool_after``.

        late: The adapter knows that this comes after the end and is no new work.

        delivery: How injected text reaches the model: in this very ``"answer"``,
            only when the adapter reports the flush with ``brief`` (``"after_flush"``),
            or not at all.

        data: Own fields of the event (``prompt``, ``source``, ``reason``, ``outcome`` …),
            as `governance.events` names them.

        written: What *before* listeners changed: listener name → field → value.

        rewritten: A listener changed the arguments that *call* now has.

        refused: Why the adapter or *before* listeners refuse it.

        unwelcome: Why *before* listeners refuse the session that this would bring along, where
            it was never seen; then nothing of it is begun.

        failures: Listeners that failed, as own fields of ``listener.failed``.
    """

    event: str
    session: str
    at_ms: int | None = None
    key: str | None = None
    host: str = "python"
    traits: HostTraits = HostTraits()
    run: str = ""
    history: History = "unknown"
    agent: str = ""
    role: str | None = None
    actor: str | None = None
    parent: str | None = None
    call: ToolCall | None = None
    late: bool = False
    delivery: Delivery = "answer"
    data: Mapping[str, Json] = field(factory=dict)
    written: Mapping[str, Mapping[str, Json]] = field(factory=dict)
    rewritten: bool = False
    refused: tuple[str, ...] = ()
    unwelcome: tuple[str, ...] = ()
    failures: tuple[Mapping[str, Json], ...] = ()
