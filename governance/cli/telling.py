"""Tells a played session as it goes: what came, what was decided, injected and counted, why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define, frozen
from governance.cli.journey import DENYING
from governance.cli.opening import data_of
from governance.cli.output import Tone, action_text, console, span, styled, visible
from governance.cli.replaying import Played
from governance.formats import body_of
from governance.journal.records import Record
from governance.project import Project
from governance.values import Json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH_MAX = 100
"""Wider lines are hard to read; a narrower terminal narrows them."""

_TIME_WIDTH = 9
_WORD_WIDTH = 9
_ENTRY_WIDTH = 12
_UNTOLD = frozenset(
    {
        "event.duplicate", "turn.ended", "file.changed", "child.started", "child.ended",
        "child.counted", "session.started", "task.completed", "turn.started", "approval.asked",
    }
)  # fmt: skip
"""What is in the journal and would only lengthen the tale."""


_WHEN: Mapping[str, str] = {
    "session.created": "before its first turn",
    "session.compacted": "after the compaction",
    "session.resumed": "before work goes on",
}
_LET_THROUGH = frozenset({"allow", "warn", "rewrite"})


@frozen
class Told:
    """What came of one payload, as programs read it."""

    at_ms: int
    event: str
    session: str
    tool: str
    call: str
    action: str
    rules: tuple[str, ...]
    message: str
    injected: str
    counted: tuple[str, ...]
    state: str

    def as_json(self) -> dict[str, Json]:
        return {
            "at_ms": self.at_ms,
            "event": self.event,
            "session": self.session,
            "tool": self.tool,
            "call": self.call,
            "action": self.action,
            "rules": list(self.rules),
            "message": self.message,
            "injected": self.injected,
            "counted": list(self.counted),
            "state": self.state,
        }


def told_of(played: Played, project: Project) -> Told:
    """What *played* came to."""
    tool = call = action = message = injected = state = ""
    rules: tuple[str, ...] = ()
    counted = []
    session = ""
    for record in played.rows:
        body = body_of(record)
        data = data_of(body)
        session = record.session
        state = str(body.get("after") or state)
        if record.kind == "tool.decided":
            tool, action = str(data.get("tool")), str(data.get("action"))
            call = what(data, project)
            named = data.get("rules")
            rules = tuple(map(str, named)) if isinstance(named, (list, tuple)) else ()
        elif record.kind == "violation.counted":
            counted.append(f"{data.get('rule')} ({data.get('severity')})")
        reply = _reply(body)
        message = str(reply.get("message") or message)
        injected = _injected(reply) or injected
    return Told(
        played.payload.at_ms, played.payload.event, session, tool, call, action, rules, message,
        injected, tuple(counted), state,
    )  # fmt: skip


def what(data: Mapping[str, Json], project: Project) -> str:
    """
    What a tool was to do, in a line, without the project's folder: the command line as it was
    given, of other tools the intent without their name.
    """
    given = data.get("arguments")
    arguments = given if isinstance(given, Mapping) else {}
    line = arguments.get("command") if data.get("tool") == "shell" else None
    if isinstance(line, str):
        return " ".join(line.split()).replace(f"{project.directory}/", "")
    intent = str(data.get("intent") or "").replace(f"{project.directory}/", "")
    rest = intent.partition(" ")[2]
    return rest or str(arguments.get("subject") or data.get("native") or intent)


def _reply(body: Mapping[str, Json]) -> Mapping[str, Json]:
    reply = body.get("reply")
    return reply if isinstance(reply, Mapping) else {}


def _injected(reply: Mapping[str, Json]) -> str:
    injection = reply.get("injection")
    text = injection.get("text") if isinstance(injection, Mapping) else ""
    return str(text or "")


@define(eq=False)
class Teller:
    """
    Prints a session while it is played.

    Attributes:
        project: Its folder is left out of what is shown.
    """

    project: Project
    _out: Console = field(factory=console)
    _decisions: dict[str, str] = field(factory=dict)
    _texts: set[str] = field(factory=set)

    def tell(self, played: Played) -> None:
        """Print what *played* came to."""
        at = span_clock(played.payload.at_ms)
        if played.payload.event == "UserPromptSubmit":
            self._heading(at, played.payload.text("prompt"))
        for record in played.rows:
            teller, body = _TELLERS.get(record.kind), body_of(record)
            if teller is not None:
                teller(self, at, record, body)
            elif record.kind not in _UNTOLD:
                self._line(at, styled(record.kind), "")
            text = _injected(_reply(body))
            self._told(text, _WHEN.get(record.kind, "with this"), child="/" in record.session)
        self._tell_contradiction(played)

    @property
    def width(self) -> int:
        """Columns that are used."""
        return min(self._out.width, WIDTH_MAX)

    def say(self, text: str, tone: Tone = "plain", *, indent: int = 0) -> None:
        """Print *text*, folded with its indent kept."""
        for line in folded(text, self.width - indent):
            self._out.print(styled(" " * indent + line, tone), soft_wrap=True)

    def title(self, text: str) -> None:
        """Print *text* with a rule across the page."""
        shown = visible(text)[: self.width - 6]
        self._out.print()
        line = styled("").append_text(styled("── ", "quiet")).append_text(styled(shown))
        self._out.print(
            line.append_text(styled(" " + "─" * (self.width - len(shown) - 4), "quiet")),
            soft_wrap=True,
        )

    def _heading(self, at: str, prompt: str) -> None:
        self.title(f"{at.strip()}  “{' '.join(prompt.split())}”")

    def _line(self, at: str, word: Text, text: str, *, child: bool = False) -> None:
        """``time  word  text``, with the text folded under itself."""
        gap = " " * (_WORD_WIDTH - word.cell_len)
        start = _TIME_WIDTH + _WORD_WIDTH + 1 + (2 if child else 0)
        lines = folded(text, self.width - start) or [""]
        line = styled("").append_text(styled(at.ljust(_TIME_WIDTH), "quiet"))
        line.append("  " if child else "")
        self._out.print(
            line.append_text(word).append(gap + " ").append_text(styled(lines[0])), soft_wrap=True
        )
        for more in lines[1:]:
            self._out.print(styled(" " * start + more), soft_wrap=True)

    def _below(self, text: str, tone: Tone = "quiet", *, child: bool = False) -> None:
        self.say(text, tone, indent=_TIME_WIDTH + _WORD_WIDTH + 1 + (2 if child else 0))

    # -- one function a kind of row --------------------------------------------

    def _decided(self, at: str, record: Record, body: Mapping[str, Json]) -> None:
        data = data_of(body)
        action = str(data.get("action"))
        self._decisions[str(data.get("call_id"))] = action
        child = bool(body.get("parent")) or "/" in record.session
        tool = f"{data.get('tool')}".ljust(9)
        self._line(at, action_text(action), f"{tool} {what(data, self.project)}", child=child)
        message = str(data.get("message") or _reply(body).get("message") or "")
        if message:
            tone: Tone = "bad" if action in DENYING else "wary"
            self._below(message.replace(f"{self.project.directory}/", ""), tone, child=child)

    def _finished(self, _: str, record: Record, body: Mapping[str, Json]) -> None:
        data = data_of(body)
        outcome = str(data.get("outcome"))
        if outcome == "ok":
            return
        decided = self._decisions.get(str(data.get("call_id")), "")
        if decided in _LET_THROUGH and outcome == "refused":
            outcome = "in the recording it was refused; here it would have run"
        elif decided == "ask" and outcome == "refused":
            outcome = "in the recording the person said no"
        self._below(outcome, "wary", child="/" in record.session)

    def _counted(self, _: str, record: Record, body: Mapping[str, Json]) -> None:
        data = data_of(body)
        counts = data.get("counts")
        total = (
            ", ".join(f"{count} {name}" for name, count in counts.items())
            if isinstance(counts, Mapping)
            else ""
        )
        self._below(
            f"counted: {data.get('severity')}, by {data.get('rule')}; the session has {total}",
            child="/" in record.session,
        )

    def _escalated(self, _: str, record: Record, body: Mapping[str, Json]) -> None:
        data = data_of(body)
        self._below(
            f"escalated by {data.get('step')}: {data.get('message')}",
            "wary",
            child="/" in record.session,
        )

    def _settled(self, _: str, record: Record, body: Mapping[str, Json]) -> None:
        data = data_of(body)
        decision = f"the approval was {data.get('decision')} through {data.get('by')}"
        self._below(decision, child="/" in record.session)

    def _created(self, at: str, record: Record, body: Mapping[str, Json]) -> None:
        if "/" in record.session:
            text = f"sub-agent {record.session}" + moved(body)
            self._line(at, styled("start"), text, child=True)
        else:
            self.title(f"{at.strip()}  Claude Code starts a session")
            self._line(at, styled("start"), f"session {record.session}" + moved(body))

    def _compacting(self, at: str, _: Record, body: Mapping[str, Json]) -> None:
        self.title(f"{at.strip()}  Claude Code compacts its context")
        self._line(at, styled("compact"), "asked what the summary must keep")
        self._told(str(_reply(body).get("message") or ""), "for the summary")

    def _compacted(self, at: str, _: Record, body: Mapping[str, Json]) -> None:
        self._line(at, styled("compacted"), "what held the briefing is gone" + moved(body))

    def _resumed(self, at: str, _: Record, body: Mapping[str, Json]) -> None:
        seconds = data_of(body).get("gap_seconds")
        away = span(int(seconds * 1000)) if isinstance(seconds, (int, float)) else "a while"
        self.title(f"{at.strip()}  The session is resumed")
        self._line(at, styled("resume"), f"after {away} without work" + moved(body))

    def _briefed(self, at: str, record: Record, body: Mapping[str, Json]) -> None:
        count = data_of(body).get("characters")
        child = "/" in record.session
        text = f"{count} characters were delivered" + moved(body)
        self._line(at, styled("briefed", "good"), text, child=child)

    def _ended(self, at: str, record: Record, body: Mapping[str, Json]) -> None:
        child = "/" in record.session
        text = f"reason: {data_of(body).get('reason')}" + moved(body)
        self._line(at, styled("end"), text, child=child)

    def _halted(self, at: str, record: Record, body: Mapping[str, Json]) -> None:
        data = data_of(body)
        why = f"by {data.get('rule')}: {data.get('why')}"
        self._line(at, styled("halted", "bad"), why, child="/" in record.session)

    def _told(self, text: str, when: str, *, child: bool = False) -> None:
        """A frame around what the model is told; the same text is shown once."""
        if not text:
            return
        if text in self._texts:
            self._below(f"told {when}: the same text as above", child=child)
            return
        self._texts.add(text)
        from rich.panel import Panel

        shown = visible(text.replace(f"{self.project.directory}/", ""))
        panel = Panel(
            styled(shown),
            title=f"told to the model {when}",
            title_align="left",
            border_style="cyan",
            width=self.width,
        )
        self._out.print(panel)

    def _tell_contradiction(self, played: Played) -> None:
        """A recording goes on as it went, whatever is decided about it here."""
        call = played.payload.text("tool_use_id")
        ran = played.payload.event in ("PostToolUse", "PostToolUseFailure")
        if ran and self._decisions.get(call) in DENYING:
            self._below("in the recording it ran; here it would not have", "wary")

    def entry(self, name: str, text: str) -> None:
        """Print *text* behind its *name*, folded under itself."""
        for at, line in enumerate(folded(text, self.width - _ENTRY_WIDTH - 2)):
            start = styled(f"  {name if not at else '':{_ENTRY_WIDTH}}", "quiet")
            whole = styled("").append_text(start).append_text(styled(line))
            self._out.print(whole, soft_wrap=True)

    def drawn(self, rows: Sequence[tuple[str, Tone]]) -> None:
        """Print lines that are drawn already."""
        for text, tone in rows:
            self._out.print(styled(text, tone), soft_wrap=True)


_TELLERS: Mapping[str, Callable[[Teller, str, Record, Mapping[str, Json]], None]] = {
    "tool.decided": Teller._decided,
    "tool.finished": Teller._finished,
    "violation.counted": Teller._counted,
    "session.escalated": Teller._escalated,
    "session.created": Teller._created,
    "session.compacting": Teller._compacting,
    "session.compacted": Teller._compacted,
    "session.resumed": Teller._resumed,
    "governance.injected": Teller._briefed,
    "session.ended": Teller._ended,
    "session.halted": Teller._halted,
    "approval.settled": Teller._settled,
}


def moved(body: Mapping[str, Json]) -> str:
    """The move of the session that a row tells of, or ``""``."""
    before, after = body.get("before"), body.get("after")
    return f"   [{before} → {after}]" if before != after else ""


def span_clock(milliseconds: int) -> str:
    """
    Time since the beginning as on a stop watch.

    >>> span_clock(3_723_000)
    '1:02:03'
    """
    seconds = milliseconds // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def folded(text: str, width: int) -> list[str]:
    """*text* in lines of at most *width* columns; its own line breaks stay."""
    import textwrap

    lines: list[str] = []
    for line in visible(text).splitlines():
        lines += textwrap.wrap(line, max(20, width), break_on_hyphens=False) or [""]
    return lines
