"""Secrets out of what is kept beside the rows' own fields: answers, and what waits in files."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from governance.engine.encoding import reply_json
from governance.engine.related import Step
from governance.session.commands import Command
from governance.session.law import Law
from governance.session.replies import Reply
from governance.values import Json


def kept_reply(law: Law, reply: Reply, step: Step) -> dict[str, Json]:
    """
    *reply* to *step* as its row keeps it: it may repeat a secret of what was asked or written.

    Only an answer that has something else run, or is to what held a secret, is looked at.
    """
    whole = reply_json(reply)
    if reply.rewritten is None and not any("redacted" in row.body for row in step.outcome.rows):
        return whole
    clean, hidden = law.redact(whole)
    return {**clean, "redacted": list(hidden)} if isinstance(clean, Mapping) and hidden else whole


def without_secrets(law: Law, command: Command) -> Command:
    """*command* as it may lie in a file; its rows would be redacted in the same way."""
    call = command.call
    traits = command.traits
    if call is not None:
        args = _clean(law, call.args)
        if args != call.args:
            # Without the secret they are not those that were decided, nor those that ran.
            traits = evolve(traits, reports_arguments=False)
        call = evolve(call, args=args, own=_clean(law, call.own))
    written = {name: _clean(law, one) for name, one in command.written.items()}
    data = _clean(law, command.data)
    return evolve(command, traits=traits, data=data, written=written, call=call)


def _clean(law: Law, table: Mapping[str, Json]) -> Mapping[str, Json]:
    clean, _ = law.redact(dict(table))
    # INVARIANT: a redaction changes texts, and leaves a table a table.
    assert isinstance(clean, Mapping), "a redacted table is a table"
    return clean
