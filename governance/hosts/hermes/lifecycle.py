"""
Beginnings, turns, compactions and ends of Hermes' sessions, as its hooks tell of them.

Hermes has two vocabularies of sessions that do not agree, and leaves ids out. What holds
here: ``on_session_end`` is a turn's end, ``on_session_finalize`` the session's, and
``session:end`` and ``session:reset`` of the gateway come when the new session is already
there, without an id, so that they are information. Where Hermes tells of no end (a chat whose
session was replaced, a scheduled job, the end of the process), we end the session.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from hashlib import sha256

from attrs import field

from governance._attrs import define
from governance.hosts.hermes import client, translate
from governance.hosts.hermes.bridge import Bridge
from governance.hosts.hermes.log import note
from governance.hosts.hermes.sightings import Sighting, Told, is_identity
from governance.session.state import SessionState

REVIEW_THREAD = "bg-review"
"""Hermes looks back at a talk on a thread of this name, under the id of the talk's session."""

TERMINAL = "cli"
"""The platform that has one talk a process, so that the next session follows the last."""

Given = Mapping[str, object]


@define(eq=False)
class Lifecycle:
    """What happens to sessions, through one bridge. Its methods raise nothing but for `begin`."""

    bridge: Bridge
    _left: threading.local = field(init=False, factory=threading.local)

    # -- who is meant ----------------------------------------------------------------

    def named(self, given: Given) -> Sighting | None:
        """
        The session that a hook of a plugin speaks of, or ``None`` if nothing tells.

        The id where there is one; else the session whose task this is, for a program that
        the agent wrote calls tools under its task alone.
        """
        seen, session = self.bridge.seen, given.get("session_id")
        if is_identity(session):
            found = seen.see(str(session))
            seen.link("task", given.get("task_id"), found.id)
        elif session:
            return None
        else:
            linked = seen.linked("task", given.get("task_id"))
            if not linked:
                return None
            found = seen.see(linked)
        platform, user = given.get("platform"), given.get("sender_id")
        found.platform = found.platform or (platform if isinstance(platform, str) else "")
        found.user = user if isinstance(user, str) and user else found.user
        return found

    def of_chat(self, key: str, session: str, given: Given) -> Sighting | None:
        """
        The session that a command of the gateway belongs to.

        A chat that has none yet has a place of its own: nothing of it goes into another.
        """
        seen = self.bridge.seen
        if is_identity(session):
            return seen.see(session)
        if key:
            found = seen.see(f"chat-{sha256(key.encode()).hexdigest()[:24]}")
            found.key, found.source = key, "chat"
            return found
        linked = seen.linked("user", _person(given))
        return seen.see(linked) if linked else None

    # -- beginnings ------------------------------------------------------------------

    def begin(self, one: Sighting, model: object = "") -> None:
        """
        Let the engine know of *one*, once in this process.

        Raises:
            GovernanceError: It could not be told.
        """
        if one.started:
            return
        if not one.source:
            self._compressed(one, client.compressed_from(one.id))
        one.started = True
        try:
            self.bridge.ask(translate.start(one, model if isinstance(model, str) else ""))
        except BaseException:
            one.started = False
            raise

    def started(self, given: Given) -> None:
        """``on_session_start``: the first turn of a new session; the model is known."""
        one = self.named(given)
        if one is not None:
            self._begin_quietly(one, given.get("model"))

    def _begin_quietly(self, one: Sighting, model: object = "") -> bool:
        try:
            self.begin(one, model)
        except Exception as error:  # noqa: BLE001 -- what follows is refused while it fails
            note(self.bridge.project, "start", f"{one.id}: {error}")
            return False
        return True

    def chat_began(self, given: Given) -> None:
        """
        ``session:start``: a chat has a new session; the one before it is over.

        Hermes tells of no end where it starts anew by itself: after idle time, once a day,
        after an interrupted run, or when nothing could be compacted any more.
        """
        if not is_identity(given.get("session_id")):
            return
        seen, key = self.bridge.seen, str(given.get("session_key") or "")
        one = self.met(given)
        if one is None:
            return
        one.key, one.source = key, one.source or "startup"
        before = seen.link("chat", key, one.id)
        lobby = self.of_chat(key, "", {}) if key else None
        for id_before, why in (
            (before, "replaced"),
            (lobby.id if lobby and lobby.started else "", "session_began"),
        ):
            if id_before and id_before != one.id:
                self._ended(seen.see(id_before), why)
                one.predecessor = one.predecessor or id_before

    def met(self, given: Given) -> Sighting | None:
        """Whose session an event of the gateway names; ``None`` where it names none."""
        session = given.get("session_id")
        if not is_identity(session):
            return None
        one = self.bridge.seen.see(str(session))
        one.platform = str(given.get("platform") or one.platform)
        one.user = str(given.get("user_id") or one.user)
        self.bridge.seen.link("user", _person(given), one.id)
        return one

    def reset(self, given: Given) -> None:
        """``on_session_reset``: the start of the new session, linked to the one before."""
        one = self.named(given)
        if one is None:
            return
        before = given.get("old_session_id")
        if not before and given.get("platform") == TERMINAL:
            before = getattr(self._left, "session", "")
        self._left.session = ""
        if is_identity(before) and before != one.id and not one.started:
            one.predecessor, one.source = str(before), "reset"
        self._begin_quietly(one)

    # -- turns -----------------------------------------------------------------------

    def turn(self, given: Given) -> str:
        """
        ``pre_llm_call``: a turn begins; the text that the model is to read with it.

        Hermes cannot keep the prompt from the model. Where it is refused, the model reads
        why, and every tool of the turn is blocked.
        """
        if _reviews():
            return ""
        one = self.named(given)
        if one is None:
            return ""
        history = given.get("conversation_history")
        try:
            self.begin(one, given.get("model"))
            kept = self._kept(one, history)
            reply = self.bridge.ask(translate.turn_start(one, given.get("user_message"), kept=kept))
        except Exception as error:  # noqa: BLE001 -- the tools of the turn are refused
            one.refused = f"the turn could not be recorded: {error}"
            note(self.bridge.project, "turn_start", f"{one.id}: {error}")
            return ""
        one.ended = False
        one.refused = "" if not reply.denied else reply.message or "the prompt was refused"
        if one.refused:
            return f"This prompt was refused, and no tool will run for it: {one.refused}"
        notes = [reply.message] if reply.message else []
        if reply.injection is not None and reply.injection.text:
            text = translate.marked(reply.injection)
            one.told = Told(reply.injection, text)
            notes.insert(0, text)
        return "\n\n".join(notes)

    def _kept(self, one: Sighting, history: object) -> bool:
        """Whether the model still has what it was told; a compaction is told to the engine."""
        mark = one.mark or translate.mark_of(self._state(one).briefed_sha256)
        has = not mark or one.told is not None or translate.holds(history, mark)
        one.mark = mark if has else ""
        if self._newly_compacted(one, history, lost=not has):
            self.bridge.tell(translate.command(one, "compact", {"trigger": "auto"}))
            return True
        return has

    def _newly_compacted(self, one: Sighting, messages: object, *, lost: bool) -> bool:
        """
        Whether the history holds a summary that it did not hold before, and nobody told of.

        In the terminal no event tells of a compaction. A history that is seen for the first
        time says nothing, unless what the model was told is gone from it.
        """
        now = translate.summary_of(messages, client.summary_mark())
        before, one.summary = one.summary, now
        if not now or now == before:
            return False
        if one.announced:
            one.announced = False
            return False
        return lost or before is not None

    def sent(self, given: Given) -> None:
        """
        ``pre_api_request``: what the model is sent, which shows what it was told.

        A briefing counts once it is seen here. One that is gone is owed again.
        """
        one = None if _reviews() else self.named(given)
        if one is None or not one.started:
            return
        messages = given.get("request_messages")
        told = one.told
        if told is not None and translate.holds(messages, told.text):
            one.told, one.mark = None, translate.mark_of(told.injection.sha256)
            self.bridge.tell(translate.brief(one, told.injection))
        lost = bool(one.mark) and not translate.holds(messages, one.mark)
        if self._newly_compacted(one, messages, lost=lost):
            self.bridge.tell(translate.command(one, "compact", {"trigger": "auto"}))
        elif lost:
            self.bridge.tell(translate.command(one, "lapse", {"why": "not_delivered"}))
        one.mark = "" if lost else one.mark

    def turn_ended(self, given: Given) -> None:
        """``on_session_end``: a turn is over; a scheduled job's session with it."""
        one = None if _reviews() else self.named(given)
        if one is None or not one.started:
            return
        one.refused = ""
        told = translate.turn_end(one, given)
        one.ended = one.ended or told[-1].event == "end"
        self.bridge.tell(*told)

    def answered(self, given: Given) -> None:
        """``agent:end``: the gateway has its answer; a turn that is still open is over too."""
        one = self.met(given)
        if one is None or not one.started or one.ended:
            return
        if self._state(one).registers.turn_open:
            self.bridge.tell(translate.command(one, "turn_end", {"failure": "not reported"}))

    # -- compactions -----------------------------------------------------------------

    def compressed(self, given: Given) -> None:
        """``session:compress``: the history was compacted, in place or under a new id."""
        one = self.met(given)
        before = given.get("old_session_id")
        if one is None:
            return
        if is_identity(before) and before != one.id:
            self._compressed(one, str(before))
            self._begin_quietly(one)
        elif one.started:
            one.announced, one.told = True, None
            self.bridge.tell(translate.command(one, "compact", {"trigger": "auto"}))

    def _compressed(self, one: Sighting, before: str) -> None:
        """*one* continues the session *before*, whose history was compacted."""
        if not is_identity(before) or one.started:
            return
        old = self.bridge.seen.see(before)
        one.predecessor, one.source = before, "compression"
        one.platform, one.user = one.platform or old.platform, one.user or old.user
        one.key, one.parent, one.agent = old.key, old.parent, old.agent
        if old.key:
            self.bridge.seen.link("chat", old.key, one.id)
        if old.ended or not self._state(old).live:
            return
        old.ended = True
        self.bridge.tell(
            translate.command(old, "compact", {"trigger": "auto"}),
            translate.command(old, "end", {"reason": "compressed"}),
        )

    # -- ends ------------------------------------------------------------------------

    def finalized(self, given: Given) -> None:
        """``on_session_finalize``: the session is over, whichever way it was left."""
        session = given.get("session_id") or given.get("old_session_id")
        one = self.named({**given, "session_id": session}) if session else self._only(given)
        if one is None:
            return
        self._left.session = one.id if given.get("platform") == TERMINAL else ""
        self._ended(one, str(given.get("reason") or "finalized"))
        after = given.get("new_session_id")
        if is_identity(after) and after != one.id:
            next_one = self.bridge.seen.see(str(after))
            if not next_one.started:
                next_one.predecessor, next_one.source = one.id, "reset"

    def _only(self, given: Given) -> Sighting | None:
        """The one session that is open on this platform, where no id is given."""
        found = [one for one in self.bridge.seen.open() if one.platform == given.get("platform")]
        return found[0] if len(found) == 1 else None

    def _ended(self, one: Sighting, reason: str) -> None:
        if one.ended:
            return
        one.ended = True
        self.bridge.tell(translate.command(one, "end", {"reason": reason}))

    # -- children --------------------------------------------------------------------

    def child_began(self, given: Given) -> None:
        """``subagent_start``: a child with a session of its own, below its parent's."""
        parent, child = given.get("parent_session_id"), given.get("child_session_id")
        if not is_identity(parent) or not is_identity(child) or parent == child:
            return
        above, one = self.bridge.seen.see(str(parent)), self.bridge.seen.see(str(child))
        one.parent, one.agent = above.id, str(given.get("child_role") or "")
        one.platform, one.user = above.platform, above.user
        one.source = "sub-agent"
        self.bridge.tell(
            translate.command(above, "child_start", {"child_id": one.id, "role": one.agent})
        )

    def child_ended(self, given: Given) -> None:
        """``subagent_stop``: the child is over."""
        parent, child = given.get("parent_session_id"), given.get("child_session_id")
        if not is_identity(parent) or not is_identity(child):
            return
        one = self.bridge.seen.see(str(child))
        self._ended(one, str(given.get("child_status") or "stopped"))
        above = self.bridge.seen.see(str(parent))
        self.bridge.tell(translate.command(above, "child_end", {"child_id": one.id}))

    def _state(self, one: Sighting) -> SessionState:
        try:
            return self.bridge.within(lambda engine: engine.state(one.id, audited=False))
        except Exception as error:  # noqa: BLE001 -- nothing is known, as of a new session
            note(self.bridge.project, "state", f"{one.id}: {error}")
            return SessionState(one.id)


def _reviews() -> bool:
    """Whether this is Hermes looking back at a talk, which is nobody's turn."""
    return threading.current_thread().name == REVIEW_THREAD


def _person(given: Given) -> str:
    return f"{given.get('platform')}:{given.get('user_id')}" if given.get("user_id") else ""
