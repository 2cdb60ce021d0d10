"""What of a command may be kept: no secret in answers and waiting files, no half of a sign."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from governance.calls import ToolCall
from governance.engine.encoding import reply_json
from governance.engine.related import Step
from governance.session.commands import Command
from governance.session.law import Law
from governance.session.replies import Reply
from governance.values import Json, ValueRefused, check_json, whole_text

KEPT_TEXTS = ("prompt", "output", "error", "failure", "summary", "exception")
"""Fields of commands that are kept and shown; rules read them with the same signs replaced."""


def with_whole_texts(command: Command) -> Command:
    """*command* without lone surrogates in what is only kept of it: they must break nobody."""
    if not isinstance(command.data, Mapping):
        return command  # it is looked at, and refused, next
    changed: dict[str, Json] = {}
    for name in KEPT_TEXTS:
        given = command.data.get(name)
        if type(given) is str and (whole := whole_text(given)) is not given:
            changed[name] = whole
    return evolve(command, data={**command.data, **changed}) if changed else command


def check_call(call: ToolCall) -> None:
    """
    Return quietly if the arguments of *call* can be decided upon, and kept as they are.

    Raises:
        ValueRefused: They hold what no journal may: see `check_json`.
    """
    try:
        check_json(call.args)
        check_json(call.own)
    except ValueRefused as error:
        message = f"the arguments of `{call.tool}` cannot be taken: {error.message}"
        raise ValueRefused(message, remedy=error.remedy) from None


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
