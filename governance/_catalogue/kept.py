"""Events that tell what is kept in a session and decides nothing: messages, contexts."""

from __future__ import annotations

from governance._catalogue.spec import Field, event

CHAT = (
    event(
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
_GRANT: tuple[Field, ...] = (
    ("to", "str", "Who: `session:ID`, `user:NAME`, or `*` for everybody."),
    ("kind", "str", "Kind of context, or `*`."),
    ("keys", "str", "Glob of the keys."),
    ("right", "str", "What for.", ("read", "write")),
)

SCOPES = (
    event("context.set", "after", "A value of a context was made or changed.", _SET),
    event("context.unset", "after", "A value of a context was taken out.", _UNSET),
    event(
        "context.merged",
        "after",
        "What another scope had come to was taken over, as far as it did not contradict.",
        ("source", "str", "The scope that was merged."),
        ("source_seq", "int", "Row of its journal up to which it was merged."),
        _SET,
        _UNSET,
        ("conflicts", "json", "Kinds and keys that both had changed, which stay as they were."),
    ),
    event(
        "context.pruned",
        "after",
        "Values of a context are not shown any more; they stay where they are.",
        ("hide", "json", "Their kinds and keys."),
    ),
    event(
        "context.reset",
        "after",
        "All values of a scope were taken back to what they were after a row.",
        ("to_seq", "int", "That row of its journal."),
    ),
    event("context.migrated", "after", "Values were written anew in a newer format.", _SET),
    event(
        "context.repaired",
        "after",
        "Values that were lost or wrong were put back to what they were, or taken out.",
        _SET,
        _UNSET,
        ("rows", "json", "Rows from which they were put back."),
    ),
    event("context.granted", "after", "Leave was given to look into a scope.", *_GRANT),
    event("context.revoked", "after", "Leave to look into a scope was taken back.", *_GRANT),
)
