"""Which hook of Mellea leads where; synchronous, and one hook of a session at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from governance.hosts.mellea import births, calls, turns
from governance.hosts.mellea.decider import Asked, Decider
from governance.hosts.mellea.held import Held
from governance.hosts.mellea.verdicts import PASS, Verdict


def decide(decider: Decider, asked: Asked) -> Verdict:
    """
    The verdict on *asked*.

    Raises:
        GovernanceError: The engine could not do what it was asked; what that comes to is
            the caller's to say.
    """
    payload = asked.payload
    if asked.hook == "tool_post_invoke" and decider.was_refused(payload.tool_invocation_id):
        return PASS
    if not asked.session:
        return decider.unbound(asked)
    birth = _LIVES.get(asked.hook)
    if birth is not None:
        return birth(decider, asked)
    held = decider.book.adopt(asked.session, decider.options_of(asked))
    if asked.default_prompt is not None:
        held.default_prompt = asked.default_prompt
    with held.lock:
        return _WORK[asked.hook](decider, held, asked)


_LIVES: Mapping[str, Callable[[Decider, Asked], Verdict]] = {
    "session_pre_init": births.pre_init,
    "session_post_init": births.post_init,
    "session_cleanup": births.cleanup,
}

_WORK: Mapping[str, Callable[[Decider, Held, Asked], Verdict]] = {
    "session_reset": turns.reset,
    "component_pre_execute": turns.component,
    "component_post_success": turns.succeeded,
    "component_post_error": turns.broken,
    "generation_pre_call": turns.request,
    "generation_post_call": turns.answered,
    "generation_error": turns.unanswered,
    "generation_batch_pre_call": turns.request,
    "generation_batch_post_call": turns.answered,
    "generation_batch_error": turns.unanswered,
    "tool_pre_invoke": calls.tool,
    "tool_post_invoke": calls.tool_result,
}
