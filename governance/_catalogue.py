"""
Every lifecycle event with every field of it, as data.

One envelope class and this table stand in place of fifty classes: a process that answers
one hook would spend more time on making those classes than on its answer. The two classes of
the table compare by identity for the same reason: an entry exists once.

A field is written ``(name, type, sentence)``; after the type stand ``W`` for a field that a
listener may write and ``?`` for one that may be absent (JSON null counts as absent).
Enumerations are a fourth member.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import frozen

When: TypeAlias = Literal["before", "after"]

TYPES = ("str", "int", "number", "bool", "object", "list[str]", "list[object]", "json")
"""Types of fields; ``number`` takes an integer too, ``json`` is any value."""


@frozen(eq=False)
class FieldSpec:
    """
    One own field of an event.

    Attributes:
        type: One of `TYPES`.

        doc: One sentence for the table of events.

        writable: A listener may write it.

        optional: It may be absent, or null.

        values: The whole enumeration, or ``None`` when any value of the type may come.
    """

    name: str
    type: str
    doc: str
    writable: bool = False
    optional: bool = False
    values: tuple[str, ...] | None = None


@frozen(eq=False)
class EventSpec:
    """
    One event of the catalogue.

    Attributes:
        when: ``"before"``: it has not happened, a listener may refuse it. ``"after"``: it
            is committed.

        fields: Own fields by name, in the order of the table.
    """

    name: str
    when: When
    doc: str
    fields: Mapping[str, FieldSpec]

    @property
    def writable(self) -> frozenset[str]:
        """Names of the fields that a listener may write."""
        return frozenset(name for name, one in self.fields.items() if one.writable)


_Field: TypeAlias = tuple[str, str, str] | tuple[str, str, str, tuple[str, ...]]

ACTIONS = ("allow", "warn", "rewrite", "ask", "deny", "halt")
OUTCOMES = ("ok", "failed", "refused", "unknown")
SEVERITIES = ("info", "low", "medium", "high", "critical")
_STATES = ("beginning", "between-turn", "compacted", "resumed", "interrupted", "ended")
_STATS = ("stats", "object", "What the session has done so far, as counts by name.")
_WHY = ("why", "str", "What made it so, in words.")


def _field(given: _Field) -> FieldSpec:
    name, kind, doc = given[:3]
    words = kind.split()
    values = given[3] if len(given) == 4 else None
    return FieldSpec(name, words[0], doc, "W" in words, "?" in words, values)


def _event(name: str, when: When, doc: str, *fields: _Field) -> EventSpec:
    return EventSpec(name, when, doc, {one[0]: _field(one) for one in fields})


_BIRTH = (
    _event(
        "session.creating",
        "before",
        "A session is about to exist and its model about to be set up.",
        ("backend_name", "str", "Name of the model's backend, or empty where the host hides it."),
        ("model_id", "str W", "Identifier of the model that is asked for."),
        ("model_options", "object W", "Options of the model, such as its temperature."),
        ("context_type", "str", "Name of the kind of context that the host keeps."),
        ("adopted", "bool ?", "The session already runs elsewhere, so nothing can be written."),
        ("source", "str ?", "What the host calls this start: startup, resume, clear or other."),
    ),
    _event(
        "session.created",
        "after",
        "A session exists; its model has not been briefed.",
        ("model_id", "str", "Identifier of the model, or empty where the host hides it."),
        ("context", "json", "The initial context, or the name of its kind."),
        ("language", "object", "The languages of `communication` and of `documents`."),
        ("phase", "str", "Phase of the project that the session starts in."),
        ("style", "str", "Style of answering that the session starts with."),
        ("adopted", "bool", "It was first seen when it already ran."),
        ("backend_name", "str ?", "Name of the model's backend."),
        ("model_options", "object ?", "Options of the model as they were settled."),
        ("source", "str ?", "What the host calls this start."),
        ("predecessor", "str ?", "Session that this one follows after a clear, fork or rename."),
        ("carried", "object ?", "What the predecessor hands on of its ledger."),
        ("ledger", "object ?", "The ledger that goes on from the predecessor."),
    ),
    _event(
        "session.branched",
        "after",
        "The session goes on from a row of another one, whose rows up to there both share.",
        ("parent", "str", "Session that it was branched off."),
        ("at", "int", "Row of that session, the last that both share."),
        ("carried", "object", "What the parent hands on of its ledger, as it stands now."),
        ("by", "str", "Who did it."),
    ),
    _event(
        "session.merged",
        "after",
        "What another session had come to was taken over, as far as it did not contradict.",
        ("source", "str", "Session that was merged."),
        ("source_seq", "int", "Its head: the row up to which it was merged."),
        ("source_hash", "str", "Hash of that row, in hexadecimal."),
        ("target_seq", "int", "Head of this session that the merge was decided on."),
        ("target_hash", "str", "Hash of that row, in hexadecimal."),
        ("base", "str", "Session of the common ancestor."),
        ("base_seq", "int", "Row of the common ancestor."),
        ("set", "object", "Values that were taken over, by kind and key."),
        ("unset", "object", "Keys that were taken out, by kind."),
        ("conflicts", "int", "How many values were left for a person to decide."),
        ("by", "str", "Who did it."),
    ),
    _event(
        "merge.conflicted",
        "after",
        "Both sessions of a merge changed a value; it stays as it is here until resolved.",
        ("id", "str", "Id of the conflict."),
        ("kind", "str", "Kind of value."),
        ("key", "str", "Which value of that kind."),
        ("source", "str", "Session that was merged."),
        (
            "sides",
            "object",
            "The value as `base`, `ours` and `theirs`; absent where there is none.",
        ),
    ),
    _event(
        "merge.resolved",
        "after",
        "A person has decided what a value is that a merge had left open.",
        ("id", "str", "Id of the conflict."),
        ("kind", "str", "Kind of value."),
        ("key", "str", "Which value of that kind."),
        ("take", "str", "What was taken.", ("ours", "theirs", "value")),
        ("set", "object", "What was set by it, by kind and key."),
        ("unset", "object", "What was taken out by it, by kind."),
        ("by", "str", "Who decided."),
    ),
    _event(
        "session.started",
        "after",
        "The first message of an epoch has arrived.",
        ("source", "str", "Who it came from: user, agent or host."),
    ),
)

_WORK = (
    _event(
        "turn.started",
        "after",
        "A turn has begun.",
        ("turn", "int", "Number of the turn in this epoch, from 1."),
        ("prompt_source", "str", "Who spoke.", ("user", "agent", "host")),
        ("prompt", "str ?", "The message, cut to what is kept."),
        ("prompt_characters", "int ?", "Characters of the whole message."),
        ("labels", "list[str] ?", "Labels that the prompt sets."),
    ),
    _event(
        "turn.ended",
        "after",
        "The model has stopped; a turn's end is no interruption.",
        ("turn", "int", "Number of the turn that ended."),
        _STATS,
        ("implied", "bool ?", "The host did not report the end; the next event showed it."),
        ("failure", "str ?", "Why the turn broke off, where it did."),
    ),
    _event(
        "tool.asked",
        "before",
        "A tool is about to be called.",
        ("tool", "str", "Canonical name of the tool."),
        ("facts", "object", "What rules can see of the call, by fact."),
        ("arguments", "object W", "The arguments as the host sent them."),
        ("native", "str ?", "The host's own name of the tool."),
    ),
    _event(
        "tool.decided",
        "after",
        "It is settled whether a tool may be called.",
        ("tool", "str", "Canonical name of the tool."),
        ("action", "str", "What holds.", ACTIONS),
        ("rules", "list[str]", "Every rule that matched, the strictest first."),
        ("message", "str", "What the model reads, or empty."),
        ("native", "str ?", "The host's own name of the tool."),
        ("call_id", "str ?", "The host's id of the call."),
        ("intent", "str ?", "The call normalised: the same target has the same intent."),
        ("reasons", "list[str] ?", "Why a guard refused it before any rule was asked."),
        ("open", "bool ?", "The call was let through or put to a person, and awaits its outcome."),
        ("approval", "str ?", "Id of the approval that it waits for or used."),
        ("labels", "list[str] ?", "Labels that the call sets."),
        ("pending_labels", "list[str] ?", "Labels that it sets once a person has let it run."),
        ("shadows", "list[str] ?", "Rules in shadow mode that would have matched."),
        ("shadow_actions", "object ?", "What each of them would have done, by rule."),
        ("skipped", "list[str] ?", "Rules that did not decide for want of history."),
        ("delegate", "str ?", "The agent that work is handed to."),
        ("rewritten", "bool ?", "Other arguments were answered than were asked for."),
        ("paths", "list[str] ?", "The files that the call is about to change."),
        ("arguments", "object ?", "The arguments as the host sent them, cut to what is kept."),
        ("cwd", "str ?", "The working folder of the call, where the host tells it."),
        ("stale", "bool ?", "It was asked because the session had gone stale."),
        ("paused", "bool ?", "A person had paused governance, so no rule decided."),
    ),
    _event(
        "tool.finished",
        "after",
        "A tool has come to an outcome.",
        ("tool", "str", "Canonical name of the tool."),
        ("outcome", "str", "What became of the call.", OUTCOMES),
        ("duration_ms", "number ?", "How long it ran, in milliseconds."),
        ("error", "str ?", "What it failed with, cut to what is kept."),
        ("exit_code", "int ?", "Exit code of a command."),
        ("call_id", "str ?", "The host's id of the call."),
        ("intent", "str ?", "The call normalised."),
        ("unasked", "bool ?", "Nobody had asked for leave."),
        ("clears_stale", "bool ?", "A person let it run, so the session is stale no more."),
        ("labels", "list[str] ?", "Labels that are set with the result."),
    ),
    _event(
        "command.asked",
        "before",
        "A command of the host is about to run.",
        ("name", "str", "Name of the command without its slash."),
        ("arguments", "list[str] W", "Its arguments, one an element."),
        ("source", "str", "Who gave it: user, agent or host."),
    ),
    _event(
        "command.executed",
        "after",
        "A command of the host may run, or has run.",
        ("name", "str", "Name of the command without its slash."),
        ("arguments", "list[str]", "Its arguments, one an element."),
        ("source", "str", "Who gave it: user, agent or host."),
        ("labels", "list[str] ?", "Labels that the command sets."),
        ("redirected_from", "str ?", "The command that was given, where a rule chose this one."),
        ("override", "str ?", "The word by which the user lifted a denial."),
        ("overridden", "list[str] ?", "Rules whose denial was lifted."),
    ),
    _event(
        "task.completed",
        "after",
        "A task on the agent's list is done.",
        ("title", "str", "What the task was."),
        ("outcome", "str", "How it ended.", OUTCOMES),
    ),
    _event(
        "file.changed",
        "after",
        "A tool has changed a file.",
        ("path", "str", "The file, as the call named it."),
        ("operation", "str", "What was done to it: write, edit or delete."),
    ),
    _event(
        "style.changed",
        "after",
        "The style of answering has changed; what was cached of the old one is dropped.",
        ("style", "str", "The new style."),
    ),
)

_CONTEXT = (
    _event(
        "governance.injected",
        "after",
        "The model has been told what governs it.",
        ("blocks", "list[str]", "Ids of the context blocks, in order."),
        ("characters", "int", "Length of the text, in characters."),
        ("sha256", "str", "Digest of the text, in hexadecimal."),
        ("why", "str", "What called for it.", ("briefing", "reminder", "resume", "refresh")),
        ("packs", "str ?", "Hash of the packs that it was rendered from."),
        ("dropped", "list[str] ?", "Ids of the blocks that the budget had no room for."),
    ),
    _event(
        "governance.lapsed",
        "after",
        "What the model was told no longer holds, and it must be told again.",
        ("why", "str", "The packs changed, or a request went out without it."),
    ),
    _event(
        "rules.changed",
        "after",
        "Other rules are in force than at the session's last event.",
        ("packs", "str", "Hash of the packs in force now."),
        (
            "before",
            "str",
            "Hash of those before; the same where a refused change was taken back.",
        ),
    ),
    _event(
        "rules.refused",
        "after",
        "The rules were changed and are wrong now, so those from before stay in force.",
        ("packs", "str", "Hash of the packs in force."),
        ("before", "str", "The same, or the hash of those at the session's last event."),
        ("problems", "list[str]", "What is wrong, the first of it; `governance check` tells all."),
        ("count", "int", "How many problems there are."),
    ),
    _event(
        "governance.paused",
        "after",
        "A person has put governance out of force for a while.",
        ("until_ms", "int", "When it ends by itself, in milliseconds since 1970 UTC."),
        ("by", "str", "Who did it."),
        ("reason", "str", "Why."),
    ),
    _event(
        "anchor.added",
        "after",
        "Something was marked to be remembered through compaction.",
        ("id", "str", "Id of the anchor."),
        ("type", "str", "What it is.", ("decision", "context", "checkpoint")),
        ("priority", "str", "How much it matters; critical ones are never dropped silently."),
        ("text", "str", "What is to be remembered."),
    ),
    _event(
        "session.compacting",
        "before",
        "The host is about to compact the context.",
        ("trigger", "str", "What set it off: manual, auto or unknown."),
        ("context", "str W ?", "Text for the host's compaction, where it has a place for it."),
    ),
    _event(
        "session.compacted",
        "after",
        "The context was compacted; what the model was told is gone with it.",
        ("trigger", "str", "What set it off: manual, auto or unknown."),
        ("compaction_count", "int", "How many compactions the session has had."),
        ("context_size_tokens", "number ?", "Size of the context, in tokens."),
        ("summary", "str ?", "The host's summary of what went before."),
    ),
)

_REST = (
    _event(
        "session.idle",
        "after",
        "Nobody has worked for as long as the time-out says.",
        ("reason", "str", "Always `idle`."),
        ("open_calls", "list[str]", "Ids of the calls without an outcome."),
        _STATS,
        ("idle_seconds", "number ?", "Seconds since work was last seen."),
    ),
    _event(
        "session.interrupted",
        "after",
        "Work broke off: an abort, an error, a shutdown or a halt.",
        ("reason", "str", "What broke it off."),
        ("open_calls", "list[str]", "Ids of the calls without an outcome."),
        _STATS,
        ("idle_seconds", "number ?", "Seconds since work was last seen."),
    ),
    _event(
        "session.resumed",
        "after",
        "Work goes on after a gap.",
        ("stale", "bool", "The gap was so long that writing needs a person's leave first."),
        ("from", "str", "What it resumes from.", ("interrupt", "end")),
        ("previous_state", "str", "The live state that was left.", _STATES),
        ("gap_seconds", "number ?", "Seconds since work was last seen; absent when unknown."),
    ),
    _event(
        "session.resetting",
        "before",
        "A context is about to be thrown away and a new epoch begun.",
        ("previous_context", "json", "The context that goes, to be looked at only."),
    ),
    _event(
        "session.reset",
        "after",
        "A new epoch has begun; the old one is archived.",
        ("epoch", "int", "Number of the new epoch."),
        ("cause", "str ?", "What called for it: a request, or a gap that was too long."),
    ),
    _event(
        "session.ending",
        "before",
        "A session is about to end.",
        ("context", "json", "The context at this moment, to be looked at only."),
        ("interaction_count", "int", "Items in the context, or turns where the host hides it."),
        ("exception", "str ?", "What it ends with, where it ends with an error."),
    ),
    _event(
        "session.ended",
        "after",
        "A session has ended.",
        ("reason", "str", "Why it ended."),
        _STATS,
    ),
)

_LEDGER = (
    _event(
        "violation.counted",
        "after",
        "Something was done against a rule.",
        ("rule", "str", "The rule."),
        ("severity", "str", "How grave it is.", SEVERITIES),
        ("intent", "str", "What was attempted, normalised."),
        ("counts", "object", "Violations of the session by severity, this one among them."),
        ("action", "str ?", "What the rule did.", ("warn", "ask", "deny", "halt")),
        ("role", "str ?", "Role that did it."),
        ("turn", "int ?", "Turn in which it was done."),
        ("epoch", "int ?", "Epoch in which it was done."),
        ("child", "str ?", "Sub-session that did it."),
    ),
    _event(
        "violation.pardoned",
        "after",
        "A person has forgiven violations.",
        ("rule", "str", "The rule, or empty for every rule."),
        ("count", "int", "How many were forgiven."),
        ("by", "str", "Who did it."),
        ("reason", "str", "Why."),
    ),
    _event(
        "session.escalated",
        "after",
        "Violations have led to a step of the ladder.",
        ("step", "str", "Id of the step."),
        ("action", "str ?", "What the step does.", ACTIONS),
        ("message", "str ?", "What the model and the person read."),
        ("since_ms", "int ?", "From when it holds, in milliseconds since 1970 UTC."),
        ("until_ms", "int ?", "Until when it holds; absent: until a pardon."),
        ("tools", "list[str] ?", "Tools that it concerns; none means all."),
        ("rules", "list[str] ?", "Rules whose violations led to it."),
        ("count", "int ?", "How many violations led to it."),
    ),
    _event(
        "session.halted",
        "after",
        "Nothing asked for may happen until a person pardons it.",
        ("by", "str", "The rule or the step that did it."),
        ("scope", "str ?", "What the host was told to stop.", ("turn", "session")),
        ("why", "str ?", "What the model and the person read."),
        ("rule", "str ?", "The rule that a pardon must name."),
        ("reason", "str ?", "What led to it, in words."),
    ),
    _event(
        "approval.asked",
        "after",
        "A person is asked for leave.",
        ("id", "str", "Id of the question."),
        ("action", "str", "What leave is asked for, in words."),
        ("expires_at_ms", "int", "When the question lapses, in milliseconds since 1970 UTC."),
        ("key", "str ?", "Digest that binds it to the exact call."),
        ("rules", "list[str] ?", "The rules that ask."),
        ("uses", "int ?", "How often the leave may be used."),
        ("scope", "str ?", "What it covers.", ("call", "intent")),
        ("asked_at_ms", "int ?", "When it was asked, in milliseconds since 1970 UTC."),
        ("status", "str ?", "Where it stands."),
        ("tool", "str ?", "Canonical name of the tool."),
        ("summary", "str ?", "The call in words."),
    ),
    _event(
        "approval.settled",
        "after",
        "A question of leave is settled.",
        ("id", "str", "Id of the question."),
        ("by", "str", "Who settled it."),
        (
            "decision",
            "str",
            "What was decided.",
            ("granted", "approved", "denied", "used", "expired"),
        ),
        ("expires_at_ms", "int ?", "Until when the leave holds."),
        ("reason", "str ?", "Why, where a person said so."),
    ),
    _event(
        "permission.asked",
        "after",
        "The host has asked its own user for leave, by its own permissions.",
        ("id", "str", "The host's id of the question."),
        ("permission", "str", "What leave is asked for, as the host names it."),
        ("patterns", "list[str]", "What it would cover, cut to what is kept."),
        ("call_id", "str ?", "The host's id of the call that waits for it."),
    ),
    _event(
        "permission.replied",
        "after",
        "The host's user, or the host in their stead, has answered such a question.",
        ("id", "str", "The host's id of the question."),
        ("reply", "str", "What was answered, as the host names it: once, always, reject."),
        ("call_id", "str ?", "The host's id of the call that waited for it."),
    ),
    _event(
        "session.stalled",
        "after",
        "The session goes round in circles.",
        ("kind", "str", "The pattern.", ("same_failure", "oscillation", "same_delegate")),
        ("evidence", "str", "What repeats, in words."),
    ),
)

_FAMILY = (
    _event(
        "child.started",
        "after",
        "A sub-session has begun.",
        ("child_id", "str", "Session id of the child."),
        ("role", "str", "Role of the child, or empty."),
    ),
    _event(
        "child.ended",
        "after",
        "A sub-session has ended.",
        ("child_id", "str", "Session id of the child."),
        ("stats", "object", "What the child has done, as counts by name."),
    ),
    _event(
        "child.counted",
        "after",
        "Something in a sub-session counts here, for a rule that counts over the tree.",
        ("child_id", "str", "Session id of the descendant that it happened in."),
    ),
)

_CARE = (
    _event(
        "guard.gap",
        "after",
        "The host worked while its hooks were not called: the guard was off.",
        ("host", "str", "The host."),
        ("from", "int", "Beginning of the gap, in milliseconds since 1970 UTC."),
        ("to", "int", "End of the gap, in milliseconds since 1970 UTC."),
        ("missed", "int", "How many calls are known to have gone by."),
    ),
    _event(
        "event.late",
        "after",
        "Something was reported after the session had ended.",
        ("event", "str", "Machine event that came."),
        _WHY,
    ),
    _event(
        "event.duplicate",
        "after",
        "Something was reported that was known already.",
        ("event", "str", "Machine event that came."),
        _WHY,
    ),
    _event(
        "event.unmatched",
        "after",
        "An end was reported for what had never begun.",
        ("event", "str", "Machine event that came."),
        _WHY,
    ),
    _event(
        "event.refused",
        "after",
        "Something that was asked for was refused.",
        ("event", "str", "Machine event that was asked for."),
        ("reasons", "list[str]", "Why, one reason an element."),
        ("rules", "list[str] ?", "Rules that refused it."),
    ),
    _event(
        "rules.shadowed",
        "after",
        "Rules in shadow mode matched an event that is no tool call; they decided nothing.",
        (
            "on",
            "str",
            "What they look at.",
            ("tool-result", "prompt", "command", "session", "model", "transition"),
        ),
        ("shadows", "list[str]", "These rules."),
        ("shadow_actions", "object", "What each of them would have done, by rule."),
    ),
    _event(
        "listener.failed",
        "after",
        "A listener did not do its work.",
        ("listener", "str", "Name of the listener."),
        ("event", "str", "Event that it failed on."),
        (
            "why",
            "str",
            "How it failed.",
            ("raised", "late", "answer", "write", "busy", "nested", "dropped", "left"),
        ),
        ("error", "str", "What it failed with, in words."),
        ("count", "int", "How many times since it was last reported."),
        ("disabled", "bool", "It will not be called again."),
        ("event_id", "str ?", "Id of the event that it failed on."),
    ),
    _event(
        "session.skewed",
        "after",
        "The clock of the machine went back.",
        ("back_seconds", "number", "How far it went back, in seconds."),
    ),
    _event(
        "session.archived",
        "after",
        "The rows of a session were written to a file and then removed from the store.",
        ("session", "str", "The session; this event stands in the project's own journal."),
        ("head", "int", "Its last row."),
        ("hash", "str", "Hash of that row, in hexadecimal."),
        ("rows", "int", "How many rows were its own."),
        ("path", "str", "The file."),
        ("why", "str", "What led to it.", ("person", "age", "count", "size")),
        ("by", "str", "Who did it."),
    ),
    _event(
        "session.removed",
        "after",
        "The rows of a session were removed from the store, and are nowhere else.",
        ("session", "str", "The session; this event stands in the project's own journal."),
        ("head", "int", "Its last row."),
        ("hash", "str", "Hash of that row, in hexadecimal."),
        ("rows", "int", "How many rows were its own."),
        ("why", "str", "What led to it.", ("person", "age", "count", "size")),
        ("by", "str", "Who did it."),
    ),
    _event(
        "session.unarchived",
        "after",
        "The rows of an archived session were put back, with the same head.",
        ("session", "str", "The session; this event stands in the project's own journal."),
        ("head", "int", "Its last row."),
        ("hash", "str", "Hash of that row, in hexadecimal."),
        ("path", "str", "The file that they came from."),
        ("by", "str", "Who did it."),
    ),
    _event(
        "retention.pruned",
        "after",
        "Sessions beyond what is to be kept were archived or removed.",
        ("archived", "int", "How many were archived."),
        ("removed", "int", "How many were removed without an archive."),
        ("kept", "int", "How many sessions stay."),
        ("by", "str", "Who did it: a person, or `engine`."),
        ("problem", "str ?", "What stopped it before its end."),
    ),
    _event(
        "session.gap",
        "after",
        "A row stood here that was lost, and of which no copy was found.",
        ("what", "str", "Which rows are lost with it."),
        ("from", "int", "The first of them."),
        ("to", "int", "The last of them."),
        ("rows", "int", "How many they are."),
    ),
    _event(
        "session.damaged",
        "after",
        "Rows of the session's journal are lost; nothing may be done until a person accepts it.",
        ("what", "str", "Which rows are lost."),
        ("rows", "int", "How many they are."),
    ),
    _event(
        "session.repaired",
        "after",
        "Rows of the session's journal were brought back, or their loss was accepted.",
        ("what", "str", "What was done."),
        ("rows", "int", "How many rows were brought back."),
    ),
)

_CHAT = (
    _event(
        "message.added",
        "after",
        "Something was said in the session, and is part of its chat history.",
        ("id", "str", "Id of the message, unique in its session."),
        ("role", "str", "Who said it.", ("user", "assistant", "system", "tool")),
        ("parts", "list[object]", "What was said, part by part; big ones lie on a shelf."),
        ("said_at_ms", "int ?", "When, where not at the row's time, in ms since 1970 UTC."),
        ("said_by", "str ?", "Who said it, where that is not who wrote the row."),
        ("said_in_epoch", "int ?", "Epoch it was said in, where that is not the row's own."),
        ("reply_to", "str ?", "Id of the message that it answers."),
        ("origin", "str ?", "Where it was imported from."),
        ("about", "object ?", "What else is known of it, such as the model."),
    ),
)

_SET = ("set", "list[object]", "Values as they are now, each with kind, key and version.")
_UNSET = ("unset", "json", "Kinds and keys of the values that were taken out.")
_GRANT: tuple[tuple[str, str, str] | tuple[str, str, str, tuple[str, ...]], ...] = (
    ("to", "str", "Who: `session:ID`, `user:NAME`, or `*` for everybody."),
    ("kind", "str", "Kind of context, or `*`."),
    ("keys", "str", "Glob of the keys."),
    ("right", "str", "What for.", ("read", "write")),
)

_SCOPES = (
    _event("context.set", "after", "A value of a context was made or changed.", _SET),
    _event("context.unset", "after", "A value of a context was taken out.", _UNSET),
    _event(
        "context.merged",
        "after",
        "What another scope had come to was taken over, as far as it did not contradict.",
        ("source", "str", "The scope that was merged."),
        ("source_seq", "int", "Row of its journal up to which it was merged."),
        _SET,
        _UNSET,
        ("conflicts", "json", "Kinds and keys that both had changed, which stay as they were."),
    ),
    _event(
        "context.pruned",
        "after",
        "Values of a context are not shown any more; they stay where they are.",
        ("hide", "json", "Their kinds and keys."),
    ),
    _event(
        "context.reset",
        "after",
        "All values of a scope were taken back to what they were after a row.",
        ("to_seq", "int", "That row of its journal."),
    ),
    _event("context.migrated", "after", "Values were written anew in a newer format.", _SET),
    _event(
        "context.repaired",
        "after",
        "Values that were lost or wrong were put back to what they were, or taken out.",
        _SET,
        _UNSET,
        ("rows", "json", "Rows from which they were put back."),
    ),
    _event("context.granted", "after", "Leave was given to look into a scope.", *_GRANT),
    _event("context.revoked", "after", "Leave to look into a scope was taken back.", *_GRANT),
)

CATALOGUE: Mapping[str, EventSpec] = {
    one.name: one
    for one in (*_BIRTH, *_WORK, *_CONTEXT, *_REST, *_LEDGER, *_FAMILY, *_CARE, *_CHAT, *_SCOPES)
}
"""Every event by name, in the order of the table of events."""
