"""What programs do beside telling events: verbs of an engine on a session, and on a few of them."""

from __future__ import annotations

from attrs import frozen
from hypothesis import strategies as st

from governance.engine import Engine
from governance.engine.retention import RetentionPolicy
from governance.errors import MisuseError
from governance.journal.faults import SessionRemoved
from governance.scopes import Reader, Scope
from governance.values import Json
from tests.property.told_events import CHILD, PARENT

LONG_WORDS = 2_000
"""So many words are put on a shelf, beside their row."""


@frozen
class Verb:
    """What a program does beside telling events: a verb of the engine, and what it is given."""

    name: str
    session: str
    other: str = ""
    number: int = 0

    def do(self, engine: Engine) -> object:
        """What comes of it; of a refusal, the words."""
        try:
            return getattr(self, f"_{self.name}")(engine)
        except (MisuseError, SessionRemoved) as error:
            return str(error)

    def _anchor(self, engine: Engine) -> object:
        data: dict[str, Json] = {"id": "a", "type": "decision", "priority": "normal"}
        data["text"] = f"Use {self.number}."
        return engine.record(self.session, "anchor.added", data, actor="me").seq

    def _used(self, engine: Engine) -> object:
        return engine.session(self.session).used(input_tokens=self.number, whole=True)

    def _answer(self, engine: Engine) -> object:
        waiting = engine.session(self.session).questions
        ident = waiting[0].id if waiting else "none"
        return engine.approve(self.session, ident, by="me", deny=bool(self.number % 2)).seq

    def _say(self, engine: Engine) -> object:
        said = engine.session(self.session).message("user", "hi", ident=f"m{self.number}")
        return said.id, said.seq

    def _branch(self, engine: Engine) -> object:
        return engine.branch(self.session, name=f"b{self.number}").id

    def _switch(self, engine: Engine) -> object:
        return engine.switch(self.session, self.other).reply

    def _merge(self, engine: Engine) -> object:
        return engine.merge(self.session, self.other, actor="me").as_json()

    def _resolve(self, engine: Engine) -> object:
        conflicts = engine.state(self.session).conflicts
        ident = conflicts[0].id if conflicts else "none"
        return engine.resolve(self.session, ident, "theirs", actor="me").seq

    def _archive(self, engine: Engine) -> object:
        return engine.prune(RetentionPolicy(sessions_max=self.number), actor="me").gone

    def _set(self, engine: Engine) -> object:
        value = "long " * LONG_WORDS if self.number else "short"
        return engine.contexts.set(self._scope(), "code", "k", value, by=self._owner())

    def _unset(self, engine: Engine) -> object:
        return engine.contexts.unset(self._scope(), "code", "k", by=self._owner())

    def _reset(self, engine: Engine) -> object:
        return engine.contexts.reset(self._scope(), by=self._owner(), to_seq=self.number)

    def _take(self, engine: Engine) -> object:
        other = Scope("session", self.other)
        return engine.contexts.merge(self._scope(), other, by=self._owner())

    def _scope(self) -> Scope:
        return Scope("session", self.session)

    def _owner(self) -> Reader:
        return Reader(actor="me", session=self.session)


names = st.sampled_from([PARENT, PARENT, CHILD, "b0", "b1"])
verbs = st.builds(
    Verb,
    name=st.sampled_from(
        [
            *("anchor", "used", "answer", "say", "branch", "switch", "merge", "resolve"),
            *("archive", "set", "unset", "reset", "take"),
        ]
    ),
    session=names,
    other=names,
    number=st.integers(0, 1),
)
