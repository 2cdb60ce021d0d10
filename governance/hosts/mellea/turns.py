"""Turns of Mellea: components, the requests that they send, and what those carry."""

from __future__ import annotations

from governance.engine.related import line_above
from governance.hosts.mellea import reading, translate
from governance.hosts.mellea.decider import Asked, Decider
from governance.hosts.mellea.held import Held, remember
from governance.hosts.mellea.verdicts import PASS, Block, Modify, Pass, Verdict, blocked
from governance.ledger import halted
from governance.states import State


def reset(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """The history goes; the next request is told anew."""
    decider.engine.handle(translate.reset(held.who, asked.payload.previous_context))
    held.items, held.lost = 0, False
    return PASS


def component(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A component begins: a turn, before which a compaction is told."""
    payload = asked.payload
    view = payload.context_view
    shown = len(view) if isinstance(view, (list, tuple)) else 0
    if held.lost or shown < held.items:
        decider.engine.handle(translate.compact(held.who))
    held.items, held.lost = shown, False
    prompt, source = reading.prompt_of(payload.action, view, asked.show)
    return _turn(decider, held, payload.action_id, prompt, source)


def request(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A request is about to go out; outside a component it is a turn of its own."""
    payload = asked.payload
    verdict = _may_request(decider, held) if held.open else _lone(decider, held, asked)
    if not isinstance(verdict, Pass):
        return verdict
    if asked.hook == "generation_batch_pre_call":
        # A raw request has no place for a system prompt: what waits goes with the next one.
        return PASS
    texts = held.texts()
    if not any(texts):
        return PASS
    held.carried = held.injection
    options = reading.with_system_prompt(
        payload.model_options, asked.system_prompt, texts, held.default_prompt
    )
    return Modify({"model_options": options})


def _lone(decider: Decider, held: Held, asked: Asked) -> Verdict:
    payload = asked.payload
    actions = getattr(payload, "actions", None) or (payload.action,)
    prompt = "\n\n".join(reading.text_of(one, asked.show) for one in actions)
    return _turn(decider, held, payload.generation_id or "", prompt, "host")


def _turn(decider: Decider, held: Held, key: str, prompt: str, source: str) -> Verdict:
    reply = decider.engine.handle(translate.turn_start(held.who, prompt, source, key))
    if reply.denied:
        return blocked(reply)
    told = reply.injection
    held.injection = told if told is not None and told.text else None
    held.carried, held.told = None, False
    held.note(reply.message)
    remember(held.open, key)
    return PASS


def _may_request(decider: Decider, held: Held) -> Verdict:
    """A turn that was let through ends early when its session is halted or over."""
    engine = decider.engine
    state, now_ms = engine.state(held.who.session, audited=False), engine.clock.now_ms()
    above = line_above(held.who.parent, lambda one: engine.state(one, audited=False))
    for one in (state, *above):
        why = halted(one.ledger, now_ms)
        if why is not None:
            return Block(f"the session is halted: {why}", "session.halted")
    if state.state is State.ENDED:
        return Block("the session has ended", "session.after-end")
    return PASS


def answered(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """The model has read what its request carried."""
    if asked.hook == "generation_post_call":
        _brief(decider, held)
    return _close(decider, held, asked.payload.generation_id or "", "")


def unanswered(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A request failed: what it carried stays owed."""
    failure = type(asked.payload.exception).__name__
    return _close(decider, held, asked.payload.generation_id or "", failure)


def succeeded(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A component has its result; one that is computed was made by a model that read."""
    payload = asked.payload
    computed = getattr(payload.result, "is_computed", None)
    if callable(computed) and computed():
        _brief(decider, held)
    held.lost = held.lost or reading.has_lost(payload.context_before, payload.context_after)
    held.items = reading.items_of(payload.context_after)
    return _close(decider, held, payload.action_id, "")


def broken(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A component came to an error."""
    return _close(decider, held, asked.payload.action_id, asked.payload.error_type)


def _brief(decider: Decider, held: Held) -> None:
    told = held.injection
    if told is not None and held.carried is told and not held.told:
        decider.engine.handle(translate.brief(held.who, told))
        held.told = True


def _close(decider: Decider, held: Held, key: str, failure: str) -> Verdict:
    if key in held.open:
        del held.open[key]
        if not held.open:
            decider.engine.handle(translate.turn_end(held.who, failure))
    return PASS
