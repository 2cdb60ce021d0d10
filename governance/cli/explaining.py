"""`why`: a decision taken again, and which rule said what of which value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from governance.authoring.comparing import explanation_of
from governance.authoring.flips import smallest_flip
from governance.cli.deciding import Judge, Question, imagined_options, print_left_out
from governance.cli.explained import Explained, Recorded, explained_json, print_explained
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.host_tables import TOOLS, TRAITS
from governance.cli.opening import data_of, law_of, require_session, rows_of, store_of
from governance.cli.output import moment, print_json, print_line
from governance.cli.progress import working
from governance.engine.encoding import files_of
from governance.engine.related import line_above
from governance.errors import MisuseError
from governance.formats import body_of, known_body
from governance.journal.gaps import GAP_KIND
from governance.journal.records import Journal, Record
from governance.rules.deferred import text_of
from governance.rules.facts import facts_of_call
from governance.rules.host_tools import PYTHON_TOOLS, HostTools, call_of
from governance.session.commands import Command, HostTraits
from governance.session.decide import decide as decide_command
from governance.session.evolve import evolve
from governance.session.law import Gathered, Law
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json, ValueRefused, load_json

NEAREST = 5
"""Rules that did not match and are shown without `--all`: those that came nearest."""

CODES: Mapping[str, str] = {"GOV630": "a row or a call that is no decision of the session"}

DECIDED = "tool.decided"


@command(
    "why",
    examples=[
        Example("governance why demo", "The last call of a session that was not simply let be."),
        Example("governance why demo 12", "The decision in row 12; a call's id does as well."),
        Example(
            """governance why --tool shell --args '{"command": "git push -f"}'""",
            "Of a call that nobody made.",
        ),
        Example(
            'governance why --tool shell --args \'{"command": "ls"}\' '
            "--role reviewer --state resumed --host codex --all",
            "Every rule, for another role, state and host.",
        ),
    ],
    exits="0 today's rules answer as they did, 1 they answer otherwise, 2 could not look",
)
@click.argument("session", required=False)
@click.argument("which", required=False, metavar="[SEQ|CALL_ID]")
@click.option("--all", "show_all", is_flag=True, help="All rules that did not match.")
@click.option("--tool", help="Instead of a session: the tool of a call to explain.")
@imagined_options
@format_option()
@dir_option
def why(
    session: str | None,
    which: str | None,
    show_all: bool,
    tool: str | None,
    args_text: str,
    role: str,
    state: str,
    host: str,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Say why a call was decided as it was.

    The recorded call is decided again by the rules as they are now, in the session as it
    was then: the action, every rule that matched and why, and of the rules that are about
    the call and did not match the matcher that failed, and on what value. When today's
    rules answer otherwise than was recorded, it says so. At the end stands the smallest
    change, of one fact or two, that turns the answer over; it was decided as well.

    Without SEQ or CALL_ID it is the last decision that was not "allow". With --tool and
    --args no session is needed.
    """
    if (session is None) == (tool is None):
        raise click.UsageError("give a SESSION, or --tool and --args")
    project = project_of(directory)
    if tool is not None:
        law = law_of(project)
        judge = Judge(law, host)
        question = Question(tool, _arguments(args_text), State(state), role)
        table = TOOLS.get(host, PYTHON_TOOLS)
        explained = explained_of(judge.law, *judge.imagined(question), table=table)
    else:
        assert session is not None  # INVARIANT: one of the two was given
        with store_of(project) as journal:
            require_session(journal, session)
            found = find_decision(journal, session, which)
            if found is None:
                return _nothing_refused(session, format_name)
            if isinstance(found, Record):
                return _print_refusal(found, format_name)
            at_ms = found.record.at_ms
            above = found.before.identity.parent
            parents = line_above(above, lambda one: state_at(journal, one, at_ms))
        with working("deciding again"):
            law = law_of(project)
            explained = explain_again(law, found, parents)
    if format_name == "json":
        print_json(explained_json(explained))
    else:
        print_explained(explained, shown_max=None if show_all else NEAREST)
        print_left_out(law.rules)
    return FOUND if explained.differs else FINE


def explained_of(
    law: Law,
    session: SessionState,
    asked: Command,
    gathered: Gathered,
    recorded: Recorded | None = None,
    table: HostTools = PYTHON_TOOLS,
) -> Explained:
    """The answer to *asked* in *session*, and what every rule about it had to say."""
    call = asked.call
    # INVARIANT: what is explained is a call.
    assert call is not None, "only a call can be explained"
    reply = decide_command(law, session, asked, gathered).reply
    told = explanation_of(law, session, asked, gathered)
    search = smallest_flip(law, session, asked, gathered, table)
    intent = text_of(facts_of_call(call, law.places), "intent")
    return Explained(call, intent, reply, told, recorded, search)


def explain_again(law: Law, found: Recorded, parents: tuple[SessionState, ...] = ()) -> Explained:
    """
    The recorded call decided by *law*, in the session and at the time that it was made.

    A call of which only the beginning was kept is decided on what there is; `Recorded.cut`
    says so.
    """
    table = table_of(found)
    asked, gathered = asked_again(law, found, parents)
    return explained_of(law, found.before, asked, gathered, found, table)


def table_of(found: Recorded) -> HostTools:
    """The names of tools that the recorded call was asked in."""
    table = TOOLS.get(found.host, PYTHON_TOOLS)
    if found.native in ("", found.tool) and found.native not in table.tools:
        # Whoever embeds the engine may speak canonical names under any host's name.
        return PYTHON_TOOLS
    return table


def asked_again(
    law: Law, found: Recorded, parents: tuple[SessionState, ...] = ()
) -> tuple[Command, Gathered]:
    """The recorded call as a question that can be put to *law*, and the world it is put in."""
    call = call_of(
        table_of(found),
        found.native or found.tool,
        found.arguments,
        cwd=found.cwd or law.places.project,
        call_id=found.call_id,
    )
    at_ms = found.record.at_ms
    asked = Command(
        event="tool_before",
        session=found.record.session,
        at_ms=at_ms,
        host=found.host,
        traits=TRAITS.get(found.host, HostTraits()),
        run=found.before.run,
        role=found.role,
        history="kept",
        call=call,
    )
    files = files_of(body_of(found.record))
    return asked, Gathered(at_ms=at_ms, parents=parents, files=files)


def find_decision(journal: Journal, session: str, which: str | None) -> Recorded | Record | None:
    """
    The decision that *which* names, with the session as it stood before it.

    A row that belongs to a call leads to the decision of that call; a refusal of something
    else than a call is given as the row it is. ``None``: nothing was refused, and none named.

    Raises:
        MisuseError: GOV630, *which* is none of these.
    """
    seq, call_id = 0, ""
    if which is not None and which.isascii() and which.isdigit() and len(which) < 19:
        seq = int(which)
        row = next(iter(journal.read(session, after=seq - 1, limit=1)), None) if seq else None
        if row is None:
            raise _no_decision(session, which)
        if row.kind == "event.refused":
            return row
        if row.kind != DECIDED:
            seq, call_id = 0, str(body_of(row).get("call_id") or "")
            if not call_id:
                raise _no_decision(session, which)
    elif which is not None:
        call_id = which
    found: Recorded | Record | None = None
    for record, body, before in told(journal, session):
        if which is None:
            if record.kind == "event.refused":
                found = record
            elif record.kind == DECIDED and data_of(body).get("action") != "allow":
                found = Recorded(record, body, before)
        elif record.kind == DECIDED and (
            record.seq == seq or (call_id and body.get("call_id") == call_id)
        ):
            found = Recorded(record, body, before)
    if found is None and which is not None:
        raise _no_decision(session, which)
    return found


def told(
    journal: Journal, session: str
) -> Iterator[tuple[Record, Mapping[str, Json], SessionState]]:
    """
    Every row of *session* with the state that its step found.

    The questions that a decision puts, and the leave that it uses up, stand in rows before
    it: they are part of what it did, not of what it found.
    """
    state = before = SessionState(session)
    own_at_ms: int | None = None
    for record in rows_of(journal, session):
        body = known_body(record)
        if own_at_ms is None or record.at_ms != own_at_ms:
            before = state
        yield record, body, before
        if record.kind != GAP_KIND:  # nobody knew then that the row would be lost
            state = evolve(state, record.seq, record.kind, record.at_ms, body)
        asks = record.kind == "approval.asked"
        uses = record.kind == "approval.settled" and data_of(body).get("by") == "rules"
        own_at_ms = record.at_ms if asks or uses else None


def state_at(journal: Journal, session: str, at_ms: int) -> SessionState:
    """*session* as its rows tell it up to *at_ms*."""
    state = SessionState(session)
    for record in rows_of(journal, session):
        if record.at_ms > at_ms:
            break
        state = evolve(state, record.seq, record.kind, record.at_ms, known_body(record))
    return state


def _no_decision(session: str, which: str) -> MisuseError:
    return MisuseError(
        f"`{which}` is no decision of session `{session}`",
        code="GOV630",
        remedy=f"`governance log {session}` shows rows and call ids; decisions are `{DECIDED}`",
    )


def _arguments(text: str) -> Mapping[str, Json]:
    try:
        value = load_json(text.encode("utf-8", "surrogatepass"))
    except ValueRefused as error:
        raise click.BadParameter(error.message, param_hint="--args") from None
    if not isinstance(value, Mapping):
        raise click.BadParameter("expected a JSON object", param_hint="--args")
    return value


def _nothing_refused(session: str, format_name: str) -> int:
    if format_name == "json":
        print_json({"session": session, "recorded": None, "differs": False})
    else:
        print_line(f"nothing was refused in `{session}`: every call was let be", "good")
        print_line("name a row or a call's id to see why one was", "quiet")
    return FINE


def _print_refusal(record: Record, format_name: str) -> int:
    """What the machine, a guard or a rule refused that is no call: as it was recorded."""
    data = data_of(body_of(record))
    given = data.get("reasons")
    reasons = [str(one) for one in given] if isinstance(given, (list, tuple)) else []
    event = str(data.get("event") or "")
    if format_name == "json":
        recorded: dict[str, Json] = {"action": "deny", "event": event, "reasons": reasons}
        print_json(
            {"session": record.session, "seq": record.seq, "recorded": recorded, "differs": False}
        )
        return FINE
    print_line(f"row {record.seq} of {record.session}, {moment(record.at_ms)}: `{event}` refused")
    for reason in reasons:
        print_line(reason, "bad")
    print_line("this is no call, so it is shown as it was recorded", "quiet")
    return FINE


COMMANDS = {"why": why}
