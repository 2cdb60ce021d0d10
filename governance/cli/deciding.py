"""`decide`: what the rules of a project say of a call, without any session."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from governance._attrs import define, frozen
from governance.calls import ToolCall
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    file_error,
    format_option,
    project_of,
)
from governance.cli.host_tables import TOOLS, TRAITS
from governance.cli.opening import law_of
from governance.cli.output import action_text, console, print_json, print_line, styled
from governance.cli.progress import progressing
from governance.clock import SystemClock
from governance.engine.looking import decide_looking
from governance.errors import DefinitionError, Diagnostic, did_you_mean, number_of
from governance.machine import Registers
from governance.rules.host_tools import PYTHON_TOOLS, call_of
from governance.rules.layers import LEFT_OUT
from governance.rules.ruleset import RuleSet
from governance.rules.simulation import Past
from governance.session.commands import Command, HostTraits
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.state import Identity, SessionState
from governance.states import LIVE_STATES, State
from governance.values import Json, ValueRefused, load_json

LINE_BYTES_MAX = 4_000_000
LINE_PARTS_MAX = 3
"""So many times as much is passed over of a longer line before it counts as endless."""

SESSION = "decide"
STATES = tuple(state.value for state in State)

CODES: Mapping[str, str] = {
    "GOV612": "a call that cannot be read",
}

_OWED = {
    State.BEGINNING: "beginning",
    State.COMPACTED: "compacted",
    State.RESUMED: "resumed",
}


@frozen
class Question:
    """One call to be decided, and the session that it is imagined in."""

    tool: str
    args: Mapping[str, Json]
    state: State = State.BETWEEN_TURN
    role: str = ""


@define(eq=False)
class Judge:
    """
    Answers calls by the law of one project; no session is touched and nothing is written.

    Attributes:
        host: Whose tool names and abilities hold; ``python`` speaks canonical names.

        past: What went before, or ``None`` when no past is given: rules that need one then
            decide nothing and are named as skipped.
    """

    law: Law
    host: str = "python"
    past: Past | None = None

    def answer(self, question: Question) -> Reply:
        """What would be answered to *question*."""
        session, asked, gathered = self.imagined(question)
        return decide_looking(self.law, session, asked, gathered).reply

    def imagined(self, question: Question) -> tuple[SessionState, Command, Gathered]:
        """The session that *question* is put in, the command that it is, and the world."""
        past = self.past or Past()
        session = SessionState(
            SESSION,
            registers=_registers(question.state),
            identity=Identity(host=self.host, role=question.role),
            head=1,
            done_tools=past.done_tools,
            labels=tuple((name, *when) for name, when in past.labels.items()),
            past=past.registers,
        )
        now_ms = SystemClock().now_ms()
        asked = Command(
            event="tool_before",
            session=SESSION,
            at_ms=now_ms,
            host=self.host,
            traits=TRAITS.get(self.host, HostTraits()),
            role=question.role or None,
            history="kept",
            call=self.call(question),
        )
        gathered = Gathered(at_ms=now_ms, history_known=self.past is not None)
        return session, asked, gathered

    def call(self, question: Question) -> ToolCall:
        """The call of *question* by the host's table; its working folder is the project."""
        table = TOOLS.get(self.host, PYTHON_TOOLS)
        return call_of(table, question.tool, question.args, cwd=self.law.places.project)


def _registers(state: State) -> Registers:
    """A session that stands in *state* and has taken one turn."""
    owed = frozenset({_OWED[state]}) if state in _OWED else frozenset[str]()
    return Registers(
        state=state,
        left=None if state in LIVE_STATES or state is State.ABSENT else State.BETWEEN_TURN,
        owed=owed,
        stale=False,
        turn=0 if state is State.ABSENT else 1,
        turn_open=state in LIVE_STATES,
        taken=False,
        epoch=0 if state is State.ABSENT else 1,
    )


_HOSTS = ("python", *TOOLS)


def imagined_options(body: Callable[..., int]) -> Callable[..., int]:
    """Give *body* the options that say what an imagined call is, but for its tool."""
    for add in (
        click.option(
            "--host",
            type=click.Choice(_HOSTS),
            default="python",
            show_default=True,
            # Its names in brackets, as they stand by themselves, would fit no terminal.
            metavar="HOST",
            help=f"Whose tool names and abilities hold: {', '.join(_HOSTS)}.",
        ),
        click.option("--role", default="", help="The role of the agent that calls."),
        click.option(
            "--state",
            type=click.Choice(STATES),
            default=State.BETWEEN_TURN.value,
            show_default=True,
            help="The state of the session that is imagined.",
        ),
        click.option("--args", "args_text", default="{}", help="Its arguments, a JSON object."),
    ):
        body = add(body)
    return body


@command(
    "decide",
    examples=[
        Example(
            """governance decide --tool shell --args '{"command": "git push -f"}'""",
            "What the rules say of one call.",
        ),
        Example(
            """governance decide --tool read --args '{"path": ".env"}' --format json""",
            "The same, for a program.",
        ),
        Example(
            'governance decide --tool shell --args \'{"command": "make"}\' '
            "--state resumed --role builder --host codex",
            "In another state, by another role, on another host.",
        ),
    ],
    exits="0 answered, whatever the answer is, 1 with --batch: some lines cannot be read and are"
    " denied, 2 could not answer",
)
@click.option("--tool", help="The tool, by its canonical name or by that of --host.")
@imagined_options
@click.option(
    "--history",
    "history_file",
    type=click.Path(path_type=Path),
    help="""What went before: JSON lines {"tool", "args"?}, {"prompt"}, {"command", "arguments"?}
    or {"event": "turn", "compact" or "reset"}, each with "outcome"?, "at"?, "repeat"?.""",
)
@click.option(
    "--batch",
    "batch_file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="""Answer many: JSON lines {"tool", "args", "state"?, "role"?}; - reads standard input.""",
)
@format_option()
@dir_option
def decide(
    tool: str | None,
    args_text: str,
    state: str,
    role: str,
    host: str,
    history_file: Path | None,
    batch_file: Path | None,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Answer one call, or many, without a session; nothing is written.

    Rules that need a past do not decide, unless --history gives one, and are named as
    skipped. With --batch one JSON line is written for each that is read, in order and at once:
    {"action", "rules", "message", "skipped"}. A line that cannot be read is answered in its
    place by a deny whose message says why.
    """
    law = law_of(project_of(directory))
    judge = Judge(law, host, _past(law, host, role, history_file))
    if batch_file is not None:
        return _answer_all(judge, batch_file, Question("", {}, State(state), role))
    if tool is None:
        raise click.UsageError("give --tool and --args, or --batch FILE")
    args = _object(args_text.encode("utf-8", "surrogatepass"), "--args", 0)
    reply = judge.answer(Question(tool, args, State(state), role))
    if format_name == "json":
        print_json(_reply_json(reply))
    else:
        _print_reply(reply)
        print_left_out(law.rules)
    return FINE


def _answer_all(judge: Judge, file: Path, default: Question) -> int:
    """Answer each line of *file* by a line; 1 where some could not be read."""
    unread = 0
    lines = _lines(file)
    if str(file) != "-" and not sys.stdout.isatty():
        lines = progressing(lines, "deciding")  # the answers themselves tell how far it is
    for number, line in lines:
        try:
            question = _question(line, f"{file}", number, default)
        except DefinitionError as error:
            unread += 1
            told = _denied(str(error))
        else:
            told = _reply_json(judge.answer(question))
        print_json(told, lines=True)
        if str(file) == "-":
            # Whoever writes line by line may wait for the answer to each.
            sys.stdout.flush()
    if unread:
        print_line(f"not read, and denied: {number_of(unread, 'line')}", "bad", stderr=True)
    return FOUND if unread else FINE


def _denied(why: str) -> dict[str, Json]:
    return {"action": "deny", "rules": [], "message": why, "skipped": []}


def _reply_json(reply: Reply) -> dict[str, Json]:
    return {
        "action": reply.action,
        "rules": list(reply.rules),
        "message": reply.message or "; ".join(reply.reasons),
        "skipped": list(reply.skipped),
    }


def _print_reply(reply: Reply) -> None:
    line = action_text(reply.action)
    if reply.rules:
        line.append_text(styled(f"  by {', '.join(reply.rules)}"))
    console().print(line, soft_wrap=True)
    for text in (reply.message, *reply.reasons):
        if text:
            print_line(text)
    if reply.rewritten is not None:
        print_json(reply.rewritten)
    if reply.skipped:
        print_line(f"skipped for want of a past: {', '.join(reply.skipped)}", "quiet")


def print_left_out(rules: RuleSet) -> None:
    """Name what of the project's files does not count for want of trust; often nothing."""
    for one in rules.warnings:
        if one.code == LEFT_OUT:
            print_line(f"{one.file}: {one.message}; {one.suggestion}", "wary")


def _past(law: Law, host: str, role: str, file: Path | None) -> Past | None:
    if file is None:
        return None
    from governance.cli.pasts import PastRefused, Teller

    number = 0

    def told() -> Iterator[Mapping[str, Json]]:
        nonlocal number
        for number, line in _lines(file):
            yield _object(line, str(file), number)

    teller = Teller(law, TOOLS.get(host, PYTHON_TOOLS), role, SystemClock().now_ms())
    try:
        return teller.past(told())
    except PastRefused as error:
        raise _unreadable(str(file), number, str(error), error.hint) from None


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """
    The lines of *file* that hold anything, with their numbers, one at a time.

    Of one that is longer than `LINE_BYTES_MAX` so much comes that it is refused for it.

    Raises:
        DefinitionError: GOV610, *file* cannot be read; GOV612, a line has no end.
    """
    try:
        stream = _standard_input() if str(file) == "-" else file.open("rb")
        with stream:
            read = partial(stream.readline, LINE_BYTES_MAX + 1)
            for number, line in enumerate(iter(read, b""), 1):
                if line.strip():
                    yield number, line
                if len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):
                    _skip_rest(read, str(file), number)
    except OSError as error:
        raise file_error(file, error) from None


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return sys.stdin.buffer


def _skip_rest(read: Callable[[], bytes], file: str, number: int) -> None:
    """Read on to the end of a line that is refused for its length."""
    for _ in range(LINE_PARTS_MAX):
        part = read()
        if not part or part.endswith(b"\n"):
            return
    raise _unreadable(file, number, "the line has no end")


def _question(line: bytes, file: str, number: int, default: Question) -> Question:
    given = _object(line, file, number)
    known = ("tool", "args", "state", "role")
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known)
            raise _unreadable(file, number, f"unknown key `{key}`", hint)
    tool, args = given.get("tool"), given.get("args", {})
    state, role = given.get("state", default.state.value), given.get("role", default.role)
    if not isinstance(tool, str) or not tool:
        raise _unreadable(file, number, "`tool` is missing, or no text")
    if not isinstance(args, Mapping):
        raise _unreadable(file, number, "`args` is no object")
    if not isinstance(state, str) or state not in STATES:
        hint = did_you_mean(str(state), STATES) or f"one of {', '.join(STATES)}"
        raise _unreadable(file, number, f"unknown state `{state}`", hint)
    if not isinstance(role, str):
        raise _unreadable(file, number, "`role` is no text")
    return Question(tool, args, State(state), role)


def _object(text: bytes, file: str, number: int) -> Mapping[str, Json]:
    try:
        value = load_json(text, bytes_max=LINE_BYTES_MAX)
    except ValueRefused as error:
        raise _unreadable(file, number, error.message) from None
    if not isinstance(value, Mapping):
        raise _unreadable(file, number, "expected a JSON object")
    return value


def _unreadable(file: str, number: int, message: str, hint: str = "") -> DefinitionError:
    return DefinitionError(
        (Diagnostic("GOV612", message, file=file, line=number, suggestion=hint),)
    )


COMMANDS = {"decide": decide}
