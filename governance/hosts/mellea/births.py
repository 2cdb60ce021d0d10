"""Sessions of Mellea: before they are built, when they exist, and when they are over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.hosts.mellea import reading, translate
from governance.hosts.mellea.decider import Asked, Decider
from governance.hosts.mellea.held import Held, prompt_among
from governance.hosts.mellea.verdicts import PASS, Modify, Verdict, blocked


def pre_init(decider: Decider, asked: Asked) -> Verdict:
    """The session is about to be built: what is made of its model and options."""
    payload = asked.payload
    default = prompt_among(payload.model_options, asked.system_prompt)
    held = decider.book.make(asked.session, decider.options_of(asked), default)
    if asked.announcement is not None:
        asked.announcement.started.append(asked.session)
    command = translate.start(
        held.who,
        backend_name=payload.backend_name,
        model_id=payload.model_id,
        model_options=payload.model_options,
        context_type=payload.context_type,
    )
    reply = decider.begin(held, command)
    if reply.denied:
        held.ended = True
        return blocked(reply)
    if reply.action != "rewrite" or reply.rewritten is None:
        return PASS
    return Modify(_model_of(payload, reply.rewritten))


def post_init(decider: Decider, asked: Asked) -> Verdict:
    """The session exists; it is new to us only if our hooks came after its first one."""
    payload = asked.payload
    if decider.book.get(asked.session) is not None:
        return PASS
    held = decider.book.make(asked.session, decider.options_of(asked))
    command = translate.start(
        held.who,
        backend_name="",
        model_id=payload.model_id,
        model_options=None,
        context_type=type(payload.context).__name__,
        items=reading.items_of(payload.context),
    )
    reply = decider.begin(held, command)
    return blocked(reply) if reply.denied else PASS


def cleanup(decider: Decider, asked: Asked) -> Verdict:
    """Nothing is begun here: an end without a beginning is unmatched."""
    payload, held = asked.payload, decider.book.get(asked.session)
    known = held or Held(decider.options.identity(asked.session, decider.book.run), decider.options)
    with known.lock:
        command = translate.end(
            known.who, payload.context, payload.interaction_count, payload.exception
        )
        decider.end(known, command)
    return PASS


def _model_of(payload: Any, rewritten: Mapping[str, Any]) -> dict[str, object]:
    """The fields of ``session_pre_init`` as listeners and rules leave them."""
    made: dict[str, object] = {}
    if rewritten.get("model_id"):
        made["model_id"] = rewritten["model_id"]
    options = rewritten.get("model_options")
    if isinstance(options, Mapping):
        made["model_options"] = reading.changed_options(payload.model_options, options)
    return made
