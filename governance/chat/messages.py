"""Messages: what is read of the rows of a chat history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, cast, get_args

from attrs import evolve, field

from governance._attrs import frozen
from governance.chat.parts import Part, check_part, part_of, text
from governance.errors import MisuseError
from governance.formats import body_of
from governance.journal.records import Record
from governance.journal.searching import MESSAGE_KIND
from governance.values import Json, ValueRefused, check_json, whole_text

Role = Literal["user", "assistant", "system", "tool"]
ROLES: tuple[str, ...] = get_args(Role)

Said: TypeAlias = "str | Part | Mapping[str, Json] | Sequence[str | Part | Mapping[str, Json]]"
"""What a message can be made of: a text, a part, the JSON of a part, or several of them."""

KIND = MESSAGE_KIND
"""The kind of row that a message is."""

PARTS_MAX = 256
"""Parts that one message may have."""

ID_CHARS_MAX = 200


@frozen(kw_only=True)
class Message:
    """
    One message of a chat history.

    Attributes:
        id: Unique in its session.

        at_ms: When it was said, in milliseconds since 1970 UTC.

        epoch: Epoch of the session in which it was said; 0 before the session had begun.

        seq: Row that it stands in; 0 as long as it stands in none.

        session: Session whose row it is: of a branch also the one that it was branched off.

        actor: Who is behind it, where it is known.

        reply_to: Id of the message that it answers, or ``""``.

        origin: Where it was imported from, or ``""``.

        about: What else is known of it, such as the model.
    """

    role: Role
    parts: tuple[Part, ...]
    id: str = ""
    at_ms: int = 0
    epoch: int = 0
    seq: int = 0
    session: str = ""
    actor: str | None = None
    reply_to: str = ""
    origin: str = ""
    about: Mapping[str, Json] = field(factory=dict)

    @property
    def text(self) -> str:
        """Its text parts, one under the other; of those on the shelf the beginning."""
        return "\n".join(one.text for one in self.parts if one.type == "text")

    def as_json(self) -> dict[str, Json]:
        """As it is exported, content on the shelf by its name alone."""
        made: dict[str, Json] = {
            "id": self.id,
            "role": self.role,
            "at_ms": self.at_ms,
            "epoch": self.epoch,
            "parts": [one.as_json() for one in self.parts],
        }
        extra = {"reply_to": self.reply_to, "origin": self.origin, "actor": self.actor or ""}
        made |= {name: value for name, value in extra.items() if value}
        if self.about:
            made["about"] = self.about
        return made


def parts_of(said: Said) -> tuple[Part, ...]:
    """
    *said* as parts.

    Raises:
        MisuseError: GOV565, it can be no message.
    """
    given: Sequence[str | Part | Mapping[str, Json]]
    given = [said] if isinstance(said, (str, Part, Mapping)) else list(said)
    if not 1 <= len(given) <= PARTS_MAX:
        raise MisuseError(f"a message has 1 to {PARTS_MAX} parts, not {len(given)}", code="GOV565")
    made = tuple(_part(one) for one in given)
    for one in made:
        check_part(one)
    return made


def _part(one: str | Part | Mapping[str, Json]) -> Part:
    """*one* as a part, half signs in its text made visible: what was said is only kept."""
    if isinstance(one, str):
        return text(whole_text(one))
    made = one if isinstance(one, Part) else part_of(one)
    whole = whole_text(made.text)
    return made if whole is made.text else evolve(made, text=whole)


def check_role(role: object) -> Role:
    """
    *role*, if it is one.

    Raises:
        MisuseError: GOV565.
    """
    if role not in ROLES:
        raise MisuseError(
            f"`{role}` is no role of a message; expected one of {', '.join(ROLES)}", code="GOV565"
        )
    return cast("Role", role)


def check_id(ident: object) -> str:
    """
    *ident*, if it can be the id of a message.

    Raises:
        MisuseError: GOV565.
    """
    if not isinstance(ident, str) or not 1 <= len(ident) <= ID_CHARS_MAX or "\x00" in ident:
        raise MisuseError(
            f"the id of a message is a text of 1 to {ID_CHARS_MAX} characters without NUL",
            code="GOV565",
        )
    return ident


def message_of(record: Record) -> Message | None:
    """
    The message that *record* is, or none where it is another row or none that can be read.

    Raises:
        RowNewer: A newer engine wrote it.
    """
    if record.kind != KIND:
        return None
    try:
        body = body_of(record)
    except ValueRefused:
        return None
    data = body.get("data")
    if not isinstance(data, Mapping):
        return None
    given = {
        **data,
        "at_ms": data.get("said_at_ms", record.at_ms),
        "epoch": data.get("said_in_epoch", body.get("epoch") or 0),
        "actor": data.get("said_by", body.get("actor") or ""),
    }
    for name in ("said_at_ms", "said_in_epoch", "said_by"):
        given.pop(name, None)
    try:
        return message_of_json(given, seq=record.seq, session=record.session)
    except MisuseError:
        return None


_WORDS = ("reply_to", "origin", "actor")
_NUMBERS = ("at_ms", "epoch")


def message_of_json(data: object, *, seq: int = 0, session: str = "") -> Message:
    """
    The message that `Message.as_json` wrote.

    Raises:
        MisuseError: GOV565, it is none.
        ValueRefused: It holds what no journal may.
    """
    if not isinstance(data, Mapping):
        raise MisuseError("a message is an object", code="GOV565")
    known = {"id", "role", "parts", "about", *_WORDS, *_NUMBERS}
    for name in data:
        if name not in known:
            raise MisuseError(f"a message has no field `{name}`", code="GOV565")
    parts = data.get("parts")
    about = data.get("about") or {}
    if not isinstance(parts, (list, tuple)) or not isinstance(about, Mapping):
        raise MisuseError("`parts` of a message is a list, `about` an object", code="GOV565")
    words = {name: data.get(name) or "" for name in _WORDS}
    numbers = {name: data.get(name, 0) for name in _NUMBERS}
    if not all(isinstance(one, str) for one in words.values()):
        raise MisuseError(f"{', '.join(_WORDS)} of a message are texts", code="GOV565")
    if not all(type(one) is int for one in numbers.values()) or numbers["epoch"] < 0:
        raise MisuseError("`at_ms` and `epoch` of a message are integers", code="GOV565")
    check_json(about)
    return Message(
        role=check_role(data.get("role")),
        parts=parts_of(parts),
        id=check_id(data.get("id")),
        at_ms=numbers["at_ms"],
        epoch=numbers["epoch"],
        seq=seq,
        session=session,
        actor=words["actor"] or None,
        reply_to=words["reply_to"],
        origin=words["origin"],
        about=about,
    )


def row_data(message: Message, *, imported: bool) -> dict[str, Json]:
    """The own fields of the row of *message*, which has an id and whose big parts are kept."""
    data: dict[str, Json] = {
        "id": message.id,
        "role": message.role,
        "parts": [one.as_json() for one in message.parts],
    }
    if imported:
        data |= {
            "said_at_ms": message.at_ms,
            "said_in_epoch": message.epoch,
            "said_by": message.actor or "",
        }
    if message.reply_to:
        data["reply_to"] = message.reply_to
    if message.origin:
        data["origin"] = message.origin
    if message.about:
        data["about"] = message.about
    return data
