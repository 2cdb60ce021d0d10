"""A decision and its reasons, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field

from governance._attrs import frozen
from governance.authoring.flips import Search
from governance.calls import ToolCall
from governance.cli.output import action_text, console, moment, print_line, styled, value_text
from governance.errors import number_of
from governance.journal.records import Record
from governance.rules.explain import Explanation, MatcherTrace, RuleTrace, shown
from governance.rules.fact_table import Unknown
from governance.rules.verdicts import Verdict
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

_ARGUMENT_CHARACTERS = 300
_MESSAGE_CHARACTERS = 500
_MATCHER_CHARACTERS = 64
_MATCHERS_SHOWN = 4
_SAID = {True: "holds", False: "does not hold"}
_CUT_KEYS = frozenset({"sha256", "bytes", "beginning"})


@frozen
class Recorded:
    """
    A decision as its row tells it.

    Attributes:
        before: The session as the decision found it.
    """

    record: Record
    body: Mapping[str, Json]
    before: SessionState

    @property
    def data(self) -> Mapping[str, Json]:
        """Its own fields."""
        data = self.body.get("data")
        return data if isinstance(data, Mapping) else {}

    @property
    def host(self) -> str:
        """The host that asked."""
        return str(self.body.get("host") or "")

    @property
    def tool(self) -> str:
        """Canonical name of the tool."""
        return str(self.data.get("tool") or "other")

    @property
    def native(self) -> str:
        """The host's own name of it."""
        return str(self.data.get("native") or "")

    @property
    def cwd(self) -> str:
        """The working folder of the call, or ``""`` where the host did not tell it."""
        return str(self.data.get("cwd") or "")

    @property
    def call_id(self) -> str:
        """The host's id of the call, or ``""``."""
        return str(self.data.get("call_id") or "")

    @property
    def action(self) -> str:
        """What held."""
        return str(self.data.get("action") or "")

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were named."""
        rules = self.data.get("rules")
        return tuple(str(one) for one in rules) if isinstance(rules, (list, tuple)) else ()

    @property
    def role(self) -> str | None:
        """The role that came with the very call, or ``None`` where the session's held."""
        to = self.body.get("to")
        identity = to.get("identity") if isinstance(to, Mapping) else None
        role = identity.get("role") if isinstance(identity, Mapping) else None
        return str(role) if role else None

    @property
    def arguments(self) -> Mapping[str, Json]:
        """The arguments as far as they were kept."""
        given = self.data.get("arguments")
        return given if isinstance(given, Mapping) and not self.cut else {}

    @property
    def cut(self) -> bool:
        """Whether the arguments were too long to be kept."""
        given = self.data.get("arguments")
        return isinstance(given, Mapping) and set(given) == _CUT_KEYS

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know to compare then with now."""
        found = []
        if self.cut:
            found.append("the arguments were too long to be kept, so they count as missing now")
        if self.body.get("redacted"):
            found.append("secrets were taken out of the record; rules see the call without them")
        if self.data.get("rewritten"):
            found.append("these are the arguments as they were rewritten")
        if self.data.get("paused"):
            found.append("a person had paused governance then, so no rule was asked")
        if self.action == "deny" and not self.rules:
            found.append("no rule refused it then: the state of the session or a listener did")
        return tuple(found)


@frozen
class Explained:
    """
    What holds of one call now, why, and what was recorded of it.

    Attributes:
        told: What the rules alone say; the reply adds what session and ledger demand.

        search: The smallest change that would turn the answer over, where one was found.
    """

    call: ToolCall
    intent: str
    reply: Reply
    told: Explanation
    recorded: Recorded | None = None
    search: Search = field(factory=lambda: Search(None, 0))

    @property
    def differs(self) -> bool:
        """Whether the answer of now is another than the recorded one."""
        past = self.recorded
        if past is None:
            return False
        return past.action != self.reply.action or set(past.rules) != set(self.reply.rules)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The rules that matched and are in force."""
        return self.told.decision.verdicts

    @property
    def beside(self) -> tuple[str, ...]:
        """Names in the answer that are no rules: what session, ledger and machine demand."""
        matched = {one.rule for one in self.verdicts}
        return tuple(one for one in self.reply.rules if one not in matched)

    def trace(self, rule: str) -> RuleTrace | None:
        """What the matchers of *rule* said, where it has any."""
        return next((one for one in self.told.rules if one.rule == rule), None)

    @property
    def unmatched(self) -> tuple[RuleTrace, ...]:
        """Rules about the call that say nothing of it, those that came nearest first."""
        matched = {one.rule for one in (*self.verdicts, *self.told.decision.shadows)}
        missed = (one for one in self.told.rules if one.rule not in matched)
        return tuple(sorted(missed, key=_distance))


def _distance(trace: RuleTrace) -> tuple[bool, int, int, str]:
    failed = sum(one.result is not True for one in trace.matchers)
    return not trace.exempt, failed, failed - len(trace.matchers), trace.rule


def explained_json(one: Explained) -> dict[str, Json]:
    """*one* as programs read it."""
    past = one.recorded
    recorded: Json = None
    if past is not None:
        recorded = {
            "seq": past.record.seq,
            "at_ms": past.record.at_ms,
            "action": past.action,
            "rules": list(past.rules),
            "message": str(past.data.get("message") or ""),
            "remarks": list(past.remarks),
        }
    reply = one.reply
    return {
        "session": past.record.session if past is not None else None,
        "tool": one.call.tool,
        "native": one.call.native,
        "call_id": one.call.call_id,
        "arguments": dict(one.call.args),
        "intent": one.intent,
        "recorded": recorded,
        "differs": one.differs,
        "action": reply.action,
        "rules": list(reply.rules),
        "message": reply.message,
        "reasons": list(reply.reasons),
        "skipped": list(reply.skipped),
        "matched": [_verdict_json(one, each) for each in one.verdicts],
        "shadows": [each.rule for each in one.told.decision.shadows],
        "not_matched": [_trace_json(each) for each in one.unmatched],
        "flip": _flip_json(one.search),
    }


def _flip_json(search: Search) -> Json:
    flip = search.flip
    if flip is None:
        return {"changes": [], "action": None, "rules": [], "tried": search.tried}
    return {
        "changes": [
            {"fact": each.fact, "before": each.before, "after": each.after} for each in flip.changes
        ],
        "action": flip.reply.action,
        "rules": list(flip.reply.rules),
        "tried": search.tried,
    }


def _verdict_json(one: Explained, verdict: Verdict) -> Json:
    trace = one.trace(verdict.rule)
    return {
        "rule": verdict.rule,
        "action": verdict.action,
        "severity": verdict.severity,
        "message": verdict.message,
        "reason": verdict.reason,
        "because": str(trace) if trace is not None else "",
    }


def _trace_json(trace: RuleTrace) -> Json:
    return {"rule": trace.rule, "because": str(trace), "exempt": list(trace.exempt)}


def print_explained(one: Explained, *, shown_max: int | None) -> None:
    """Print *one*; of the rules that did not match at most *shown_max*, the nearest."""
    _print_call(one)
    _print_answer(one)
    _print_matched(one)
    _print_unmatched(one, shown_max)
    _print_flip(one.search)
    if one.reply.skipped:
        print_line(f"skipped for want of a past: {', '.join(one.reply.skipped)}", "quiet")


def _print_call(one: Explained) -> None:
    past = one.recorded
    if past is not None:
        place = f"row {past.record.seq} of {past.record.session}, {moment(past.record.at_ms)}"
        print_line(place, "quiet")
    args = " ".join(f"{name}={_short(value)}" for name, value in one.call.args.items())
    print_line(f"{one.call.native or one.call.tool} {args}".rstrip())
    for remark in past.remarks if past is not None else ():
        print_line(f"note: {remark}", "wary")
    print_line("")


def _short(value: Json) -> str:
    return value_text(value, _ARGUMENT_CHARACTERS)


def _print_answer(one: Explained) -> None:
    past, reply = one.recorded, one.reply
    if past is not None and one.differs:
        _print_action("then", past.action, past.rules)
        _print_action("now ", reply.action, reply.rules)
        print_line("today's rules answer otherwise than was recorded", "wary")
    else:
        _print_action("", reply.action, reply.rules)
    # What rules say stands below with each of them.
    told = (*reply.reasons, *(() if one.verdicts else (reply.message,)))
    for text in dict.fromkeys(told):
        if text:
            print_line(
                text if len(text) <= _MESSAGE_CHARACTERS else f"{text[:_MESSAGE_CHARACTERS]} …"
            )
    print_line("")


def _print_action(when: str, action: str, rules: Sequence[str]) -> None:
    line = styled(f"{when}  " if when else "", "quiet")
    line.append_text(action_text(action))
    if rules:
        line.append_text(styled(f" by {', '.join(rules)}"))
    console().print(line, soft_wrap=True)


def _print_matched(one: Explained) -> None:
    if one.verdicts:
        _title("matched")
    for verdict in one.verdicts:
        line = styled(f"  {verdict.rule}  ")
        line.append_text(action_text(verdict.action))
        line.append_text(styled(f", {verdict.severity}", "quiet"))
        console().print(line, soft_wrap=True)
        for text in (verdict.message, verdict.reason):
            if text:
                _indented(text)
        trace = one.trace(verdict.rule)
        if trace is not None:
            _indented(_brief(trace), quiet=True)
    for name in one.beside:
        print_line(f"  {name}  is no rule: the session itself demands it", "wary")
    for verdict in one.told.decision.shadows:
        print_line(f"  {verdict.rule}  would {verdict.action}, but is in shadow mode", "quiet")
    if one.verdicts or one.beside or one.told.decision.shadows:
        print_line("")


def _print_unmatched(one: Explained, shown_max: int | None) -> None:
    unmatched = one.unmatched
    if not unmatched:
        return
    nearest = unmatched[:shown_max]
    cut = len(nearest) < len(unmatched)
    more = f", the nearest {len(nearest)} of {len(unmatched)}" if cut else ""
    _title(f"did not match{more}")
    for trace in nearest:
        print_line(f"  {trace.rule}")
        for reason in trace.exempt:
            _indented(f"it would, but is exempt: {reason}")
        _indented(_brief(trace), quiet=True)
    if more:
        print_line("`--all` shows them all, `--format json` the matchers whole", "quiet")


def _print_flip(search: Search) -> None:
    flip = search.flip
    if flip is None:
        text = f"no change of one or two facts that was tried ({search.tried}) turns it over"
        print_line(text, "quiet")
        return
    print_line("")
    _title("the smallest change that turns it over")
    for each in flip.changes:
        was = "missing" if each.before is None else f"`{_short(each.before)}`"
        print_line(f"  {each.fact} = `{_short(each.after)}` (it is {was})")
    _print_action("  then", flip.reply.action, flip.reply.rules)


def _brief(trace: RuleTrace) -> str:
    """The matchers that turn *trace*, one a line, each cut: long patterns begin alike."""
    telling = trace.flips or trace.matchers
    if not trace.applies or not telling:
        return str(trace)
    lines = [_brief_matcher(one) for one in telling[:_MATCHERS_SHOWN]]
    if len(telling) > len(lines):
        lines.append(f"and {number_of(len(telling) - len(lines), 'more matcher')}")
    return "\n".join(lines)


def _brief_matcher(one: MatcherTrace) -> str:
    word = "cannot be known" if isinstance(one.result, Unknown) else _SAID[one.result]
    leads = f", which leads to `{_cut(one.real)}`" if one.real else ""
    asked = f"{one.part}.{one.fact} = {_cut(shown(one.wanted))}"
    return f"{asked} {word} for {_cut(shown(one.found))}{leads}"


def _cut(text: str) -> str:
    if len(text) <= _MATCHER_CHARACTERS:
        return text
    # What tells long patterns apart stands at their end.
    half = _MATCHER_CHARACTERS // 2
    return f"{text[:half].rstrip()} … {text[-half:].lstrip()}"


def _title(text: str) -> None:
    line = styled(text)
    line.stylize("bold underline")
    console().print(line)


def _indented(text: str, *, quiet: bool = False) -> None:
    """*text* folded under the name it belongs to."""
    from rich.padding import Padding

    console().print(
        Padding(styled(text, "quiet" if quiet else "plain"), (0, 0, 0, 6), expand=False)
    )
