"""
Contexts of an engine: read, written, merged, pruned, reset, repaired, migrated, followed.

Each scope's rows stand in one journal and are folded apart from the session's own state, so
that no decision pays for them. What is held of a scope is a cache that catches up by sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar, final

from attrs import field

from governance._attrs import define, frozen
from governance.chat.contents import keep
from governance.engine.context_search import ContextSearch, Place
from governance.engine.context_states import ContextStates, touched
from governance.engine.given import checked
from governance.errors import JournalError, MisuseError
from governance.formats import body_of
from governance.journal.records import Record
from governance.journal.searching import Query
from governance.scopes.contents import ContextLost, decoded, encoded
from governance.scopes.declaring import Declaration
from governance.scopes.limits import ContextLimits
from governance.scopes.merging import merge
from governance.scopes.state import Grant, Name, ScopeState, Stored, values_set
from governance.scopes.values import PROJECT, Reader, Refusal, Scope, Stale, Value, check_key
from governance.values import Json, ValueRefused

if TYPE_CHECKING:
    from governance.engine.engine import Engine

Entry = dict[str, Json]
D = TypeVar("D", bound="Refusal | Stale")

ATTEMPTS_MAX = 32
"""Times a change is decided again because another process was faster."""


@frozen
class ContextMerge:
    """
    What came of a merge: names that were taken over, taken out, and left as they are.

    Attributes:
        seq: Row that says so; 0 where there was nothing to do.
    """

    seq: int
    taken: tuple[Name, ...]
    dropped: tuple[Name, ...]
    conflicts: tuple[Name, ...]


@frozen
class ContextHit:
    """A value that was found; `score` grows with how well it fits, where that was asked."""

    scope: Scope
    value: Value
    score: float = 0.0


@frozen
class ContextsFound:
    """
    What a search came to.

    Attributes:
        hits: Newest first, or best first where that was asked for.

        unread: Values that *by* may see and whose content is lost: they were not searched;
            1,000 at most.

        damaged: Scopes that were to be searched with all others and cannot be read; named alone
            one of them is an error.

        mark: Given as ``after`` it has the search go on behind the last hit; ``""``: that was
            all.
    """

    hits: tuple[ContextHit, ...]
    unread: tuple[tuple[Scope, Name], ...]
    mark: str = ""
    damaged: tuple[Scope, ...] = ()


@frozen
class Changed:
    """
    Names that changed after a row, for whoever keeps a copy.

    Attributes:
        values: What they are now, as far as the reader may see.

        gone: Names that are there no more.

        seq: What to go on from.
    """

    values: tuple[Value, ...]
    gone: tuple[Name, ...]
    seq: int


@final
@define(eq=False, repr=False)
class Contexts:
    """
    The contexts of one engine. Thread-safe.

    A verb that the reader has no leave for gives a `Refusal` and changes nothing. Every verb
    raises `MisuseError` (GOV560) for names that no context can have, and `JournalError` where
    the store cannot do it.
    """

    engine: Engine
    limits: ContextLimits = field(factory=ContextLimits)
    _declared: list[Declaration] = field(factory=list, init=False)
    _states: ContextStates = field(init=False)
    _search: ContextSearch = field(init=False)

    def __attrs_post_init__(self) -> None:
        shelf = self.engine._journal.shelf
        self._states = ContextStates(
            lambda: self.engine.visible,
            self.limits.scopes_held_max,
            self.limits.held_bytes_max,
            shelf,
        )
        self._search = ContextSearch(self._states, shelf)

    @property
    def held(self) -> tuple[Scope, ...]:
        """The scopes whose values are in memory, the one asked longest ago first."""
        return self._states.held

    @checked
    def declare(self, declaration: Declaration) -> None:
        """From now on values that it covers must be as it says; the last one that covers counts."""
        self._declared.append(declaration)

    # -- reading ------------------------------------------------------------------

    @checked
    def get(self, scope: Scope, kind: str, key: str, *, by: Reader) -> Value | Refusal | None:
        """
        A value, pruned or not; none where there is none, and *by* may know that.

        A value of an older format is given as the declaration's upcasts make it.

        Raises:
            ContextLost: Its content is not on the shelf, or not what was put there.
        """
        check_key(kind, key)
        state = self._states.newest(scope)
        if not state.may(by, kind, key, "read"):
            return _refused(scope, "read")
        stored = state.values.get((kind, key))
        return self._value(scope, (kind, key), stored) if stored is not None else None

    @checked
    def find(
        self,
        scope: Scope,
        *,
        by: Reader,
        kind: str | None = None,
        prefix: str = "",
        hidden: bool = False,
        after: str = "",
        limit: int = 1_000,
    ) -> tuple[Value, ...]:
        """
        Values that *by* may see, in order of kind and key.

        Args:
            prefix: What their keys begin with.

            hidden: Pruned ones as well.

            after: Only keys that sort behind this one, to page within a kind.
        """
        state = self._states.newest(scope)
        found: list[Value] = []
        for name in sorted(state.values):
            stored = state.values[name]
            if (
                (kind is None or name[0] == kind)
                and name[1].startswith(prefix)
                and name[1] > after
                and (hidden or not stored.hidden)
                and state.may(by, *name, "read")
            ):
                found.append(self._value(scope, name, stored))
                if len(found) == limit:
                    break
        return tuple(found)

    @checked
    def search(
        self,
        text: str,
        *,
        by: Reader,
        scopes: Sequence[Scope] | None = (PROJECT,),
        kind: str | None = None,
        hidden: bool = False,
        ranked: bool = False,
        limit: int = 20,
        after: str = "",
    ) -> ContextsFound:
        """
        Values that *by* may see and that hold every word of *text*, newest first.

        What *by* may not see changes nothing of the answer. A value is found by its key, its
        texts and the names of its fields, as they were written.

        Args:
            text: Words, and phrases in double quotes; case and marks over letters do not count.

            scopes: Where to look; ``None``: in all of the store, as far as *by* may see it.
                Scopes that share something are gone through one by one, so that no more is
                in memory than what is given and one of them; one that shares nothing is read
                once after each change of it, and costs no more than a look at its head then.

            hidden: Pruned ones as well.

            ranked: The best first, in place of the newest.

            limit: How many at most, up to 1,000.

            after: The `ContextsFound.mark` of the answer before, for the next page. What was
                changed meanwhile may move: it is given where it stands now.

        Raises:
            MisuseError: GOV569, *text* asks for nothing, or too much; GOV585, *after* is no
                mark; GOV586, more than 100,000 scopes would have to be read.
        """
        damaged: list[Scope] = []
        everywhere = partial(self._search.everywhere, by, damaged)
        done = self._search.find(
            Query.of(text),
            everywhere if scopes is None else lambda: dict.fromkeys(scopes),
            by=by,
            kind=kind,
            hidden=hidden,
            ranked=ranked,
            limit=limit,
            after=after,
        )
        hits = tuple(map(self._hit, done.found))
        return ContextsFound(hits, done.unread, done.mark, tuple(dict.fromkeys(damaged)))

    @checked
    def changes(self, scope: Scope, *, by: Reader, after: int = 0) -> Changed:
        """What changed after row *after* of the scope's journal, for a copy that is kept."""
        state = self._states.newest(scope)
        names: set[Name] = set()
        for record in self._states.rows(scope, after, state.head):
            if record.kind == "context.reset":
                names |= set(state.versions)
            names |= set(touched(record))
        seen = sorted(one for one in names if state.may(by, *one, "read"))
        there = {name: stored for name in seen if (stored := state.values.get(name))}
        return Changed(
            tuple(self._value(scope, name, stored) for name, stored in there.items()),
            tuple(name for name in seen if name not in there),
            state.head,
        )

    @checked
    def grants(self, scope: Scope, *, by: Reader) -> tuple[Grant, ...] | Refusal:
        """Who may look into *scope* or change it, beside its owner, who alone may ask."""
        state = self._states.newest(scope)
        return state.grants if state.owns(by) else _refused(scope, "read the grants of")

    # -- writing ------------------------------------------------------------------

    @checked
    def set(
        self,
        scope: Scope,
        kind: str,
        key: str,
        value: Json,
        *,
        by: Reader,
        expected_version: int | None = None,
    ) -> Value | Refusal | Stale:
        """
        Make or change a value; secrets are taken out of it first.

        Args:
            expected_version: The version that it has, 0 for none: another one is told as
                `Stale`. By default it is not looked at.

        Raises:
            ValueRefused: The value holds what no journal may, such as a lone surrogate.
        """
        check_key(kind, key)
        clean, _ = self.engine.law.redact(value)
        try:
            made, size_bytes, content = encoded(clean)
        except ValueRefused as error:
            message = f"the value of `{key}` cannot be kept: {error.message}"
            raise ValueRefused(message, remedy=error.remedy) from None
        if size_bytes > self.limits.value_bytes_max:
            most = self.limits.value_bytes_max
            return _full(f"the value has {size_bytes} bytes; at most {most} are taken")
        declared = self._declaration(kind, key)
        problems = declared.problems(clean) if declared is not None else ()
        if problems:
            return Refusal("GOV563", problems)

        def rows(state: ScopeState) -> Entry | Refusal | Stale:
            if not state.may(by, kind, key, "write"):
                return _refused(scope, "write to")
            before = state.values.get((kind, key))
            if expected_version is not None and expected_version != _version(before):
                return Stale(_version(before))
            room = self._room(state, before, size_bytes)
            if room is not None:
                return room
            entry: Entry = {
                **made, "kind": kind, "key": key,
                "version": state.versions.get((kind, key), 0) + 1,
                "format": declared.version if declared is not None else 1,
            }  # fmt: skip
            return {"set": [entry]}

        done = self._write(scope, "context.set", rows, by, content)
        if isinstance(done, (Refusal, Stale)):
            return done
        # Told from what was written: a store that cannot be read from now on has it all the same.
        assert done is not None, "there is always something to set"
        stored = values_set(done, body_of(done))[kind, key]
        blob = stored.blob
        held = decoded(content[blob], blob, stored.size_bytes) if blob else stored.value
        return _as_value((kind, key), held, stored.format, stored)

    @checked
    def unset(
        self,
        scope: Scope,
        kind: str,
        key: str,
        *,
        by: Reader,
        expected_version: int | None = None,
    ) -> bool | Refusal | Stale:
        """Take a value out; ``False`` where there was none. The journal keeps what it was."""
        check_key(kind, key)

        def rows(state: ScopeState) -> Entry | Refusal | Stale | None:
            if not state.may(by, kind, key, "write"):
                return _refused(scope, "write to")
            before = state.values.get((kind, key))
            if expected_version is not None and expected_version != _version(before):
                return Stale(_version(before))
            return {"unset": [[kind, key]]} if before is not None else None

        done = self._write(scope, "context.unset", rows, by)
        return done if isinstance(done, (Refusal, Stale)) else done is not None

    @checked
    def prune(self, scope: Scope, *, by: Reader, bytes_max: int) -> tuple[Name, ...] | Refusal:
        """
        Hide what was set longest ago until what is shown has at most *bytes_max* bytes.

        Nothing is lost: `get` gives a hidden value, and setting it shows it again.
        """
        hidden: list[Name] = []

        def rows(state: ScopeState) -> Entry | Refusal | None:
            if not state.owns(by):
                return _refused(scope, "prune")
            hidden.clear()
            shown = {name: one for name, one in state.values.items() if not one.hidden}
            left = sum(one.size_bytes for one in shown.values())
            for name in sorted(shown, key=lambda one: (shown[one].seq, one)):
                if left <= bytes_max:
                    break
                left -= shown[name].size_bytes
                hidden.append(name)
            return {"hide": [list(name) for name in hidden]} if hidden else None

        done = self._write(scope, "context.pruned", rows, by)
        return done if isinstance(done, Refusal) else tuple(hidden)

    @checked
    def reset(self, scope: Scope, *, by: Reader, to_seq: int) -> int | Refusal:
        """
        Take all values back to what they were after row *to_seq*; the row that says so.

        Grants stay as they are: what was taken from somebody is not given back by it.
        """

        def rows(state: ScopeState) -> Entry | Refusal | None:
            if not state.owns(by):
                return _refused(scope, "reset")
            if not 0 <= to_seq <= state.head:
                raise MisuseError(f"`{scope}` has no row {to_seq}", code="GOV560")
            return {"to_seq": to_seq}

        done = self._write(scope, "context.reset", rows, by)
        return done if isinstance(done, Refusal) else _seq(done)

    @checked
    def merge(self, target: Scope, source: Scope, *, by: Reader) -> ContextMerge | Refusal:
        """
        Take over in *target* what *source* changed since they were merged last.

        What both have changed stays as *target* has it, and is named. *by* must own *target*;
        of *source* it merges what it may read.
        """
        plan = merge({}, {}, {})
        theirs = self._states.newest(source)
        seen = {name: one for name, one in theirs.values.items() if theirs.may(by, *name, "read")}
        contents = {
            name: encoded(self._value(source, name, one).value)[2] for name, one in seen.items()
        }

        def rows(state: ScopeState) -> Entry | Refusal | None:
            nonlocal plan
            if not state.owns(by):
                return _refused(target, "merge into")
            since = state.merges.get(str(source), 0)
            was = self._states.base(target, source, since)
            base = {name: one for name, one in was.items() if theirs.may(by, *name, "read")}
            plan = merge(_contents(base), _contents(state.values), _contents(seen))
            if not (plan.take or plan.drop or plan.conflicts):
                return None
            for name in plan.take:
                room = self._room(state, state.values.get(name), seen[name].size_bytes)
                if room is not None:
                    return room
            return {
                "source": str(source),
                "source_seq": theirs.head,
                "set": [_entry(name, seen[name], state) for name in plan.take],
                "unset": [list(name) for name in plan.drop],
                "conflicts": [list(name) for name in plan.conflicts],
            }

        needed = {blob: data for name in seen for blob, data in contents[name].items()}
        done = self._write(target, "context.merged", rows, by, needed)
        if isinstance(done, Refusal):
            return done
        return ContextMerge(_seq(done), plan.take, plan.drop, plan.conflicts)

    @checked
    def grant(self, scope: Scope, grant: Grant, *, by: Reader) -> int | Refusal:
        """Give leave, which the scope's owner alone may; the row that says so."""
        return self._grant(scope, "context.granted", grant, by)

    @checked
    def revoke(self, scope: Scope, grant: Grant, *, by: Reader) -> int | Refusal:
        """Take leave back: the same grant that was given."""
        return self._grant(scope, "context.revoked", grant, by)

    # -- caring -------------------------------------------------------------------

    @checked
    def validate(self, scope: Scope, *, by: Reader) -> Mapping[Name, tuple[str, ...]] | Refusal:
        """What is wrong with which value: its content is lost, or it is not what was declared."""
        state = self._states.newest(scope)
        if not state.owns(by):
            return _refused(scope, "validate")
        found = {name: self._problems(scope, name, one) for name, one in state.values.items()}
        return {name: problems for name, problems in sorted(found.items()) if problems}

    @checked
    def repair(self, scope: Scope, *, by: Reader) -> Mapping[Name, int] | Refusal:
        """
        Put each bad value back to its newest sound one; name → row of that, 0: there was none.

        Those without a sound one are taken out. The journal keeps all of them.
        """
        bad = self.validate(scope, by=by)
        if isinstance(bad, Refusal):
            return bad
        if not bad:
            return {}
        sound: dict[Name, Stored | None] = dict.fromkeys(bad)
        for name, stored in self._states.all_values(scope):
            if name in sound and not self._problems(scope, name, stored):
                sound[name] = stored

        kept = {name: one for name, one in sound.items() if one is not None}
        # One that a branch shares lies on the shelf of the session that wrote it.
        contents: dict[str, bytes] = {}
        for one in kept.values():
            contents |= encoded(self._states.content(scope, one))[2]

        def rows(now: ScopeState) -> Entry | Refusal | None:
            return {
                "set": [_entry(name, one, now) for name, one in kept.items()],
                "unset": [list(name) for name, one in sound.items() if one is None],
                "rows": [one.seq for one in kept.values()],
            }

        done = self._write(scope, "context.repaired", rows, by, contents)
        if isinstance(done, Refusal):
            return done
        return {name: one.seq if one is not None else 0 for name, one in sound.items()}

    @checked
    def migrate(self, scope: Scope, *, by: Reader) -> tuple[Name, ...] | Refusal:
        """Write anew what is of an older format than was declared, in one row; their names."""
        for _ in range(ATTEMPTS_MAX):
            done = self._migrated(scope, by)
            if not isinstance(done, Stale):
                return done
        raise _contended()

    # -- machinery ----------------------------------------------------------------

    def _migrated(self, scope: Scope, by: Reader) -> tuple[Name, ...] | Refusal | Stale:
        state = self._states.newest(scope)
        if not state.owns(by):
            return _refused(scope, "migrate")
        fresh: dict[Name, tuple[Entry, int]] = {}
        contents: dict[str, bytes] = {}
        for name, stored in sorted(state.values.items()):
            declared = self._declaration(*name)
            if declared is None or stored.format >= declared.version:
                continue
            value = self._value(scope, name, stored).value
            problems = declared.problems(value)
            if problems:
                return Refusal("GOV563", tuple(f"`{name[1]}`: {one}" for one in problems))
            made, _, content = encoded(value)
            fresh[name] = (made, declared.version)
            contents |= content

        def rows(now: ScopeState) -> Entry | Refusal | Stale | None:
            if any(now.values.get(name) != state.values[name] for name in fresh):
                return Stale(0)
            entries: list[Json] = [
                {
                    **made, "kind": name[0], "key": name[1], "format": version,
                    "version": now.versions[name] + 1,
                }
                for name, (made, version) in fresh.items()
            ]  # fmt: skip
            return {"set": entries} if entries else None

        done = self._write(scope, "context.migrated", rows, by, contents)
        return done if isinstance(done, (Refusal, Stale)) else tuple(fresh)

    def _grant(self, scope: Scope, kind: str, grant: Grant, by: Reader) -> int | Refusal:
        if grant.right not in ("read", "write"):
            raise MisuseError(f"`{grant.right}` is no right; read or write", code="GOV560")
        if grant.to != "*":
            Scope.of(grant.to)
        data: Entry = {
            "to": grant.to, "kind": grant.kind, "keys": grant.keys, "right": grant.right
        }  # fmt: skip

        most = self.limits.grants_max

        def rows(state: ScopeState) -> Entry | Refusal | None:
            if not state.owns(by):
                return _refused(scope, "give leave to")
            more = kind == "context.granted" and grant not in state.grants
            if more and len(state.grants) >= most:
                return _full(f"`{scope}` has {most} grants already: take back what nobody needs")
            return data

        done = self._write(scope, kind, rows, by)
        return done if isinstance(done, Refusal) else _seq(done)

    def _write(
        self,
        scope: Scope,
        kind: str,
        plan: Callable[[ScopeState], Entry | D | None],
        by: Reader,
        contents: Mapping[str, bytes] | None = None,
    ) -> D | Record | None:
        """Write what *plan* makes of the scope's newest state; its row, if it is one."""
        for _ in range(ATTEMPTS_MAX):
            state = self._states.newest(scope)
            data = plan(state)
            if isinstance(data, (Refusal, Stale)):
                return data
            if data is None:
                return None
            if contents:
                # Before anything is put on a shelf; what writes the row asks again.
                self.engine._asked("write", scope.journal, by.actor)
            keep(self.engine._journal, scope.journal, tuple((contents or {}).items()))
            written = self.engine.record_all(
                scope.journal, ((kind, data),), actor=by.actor, expected_seq=state.head
            )
            if written:
                return written[0]
        raise _contended()

    def _room(self, state: ScopeState, before: Stored | None, size_bytes: int) -> Refusal | None:
        """Why a value of *size_bytes* has no room beside the others, or none."""
        limits = self.limits
        if before is None and len(state.values) >= limits.values_max:
            return _full(f"`{state.scope}` has {limits.values_max} values already")
        size = state.size_bytes - (before.size_bytes if before is not None else 0) + size_bytes
        if size > limits.scope_bytes_max:
            return _full(
                f"`{state.scope}` would have {size} bytes; at most {limits.scope_bytes_max} "
                "are taken: take out what is not needed any more"
            )
        return None

    def _declaration(self, kind: str, key: str) -> Declaration | None:
        found = (one for one in reversed(self._declared) if one.covers(kind, key))
        return next(found, None)

    def _value(self, scope: Scope, name: Name, stored: Stored) -> Value:
        """*stored* with its content, as its declaration has it now."""
        value = self._states.content(scope, stored)
        declared = self._declaration(*name)
        made = stored.format
        if declared is not None and made != declared.version:
            value, made = declared.upcast(value, made), declared.version
        return _as_value(name, value, made, stored)

    def _hit(self, place: Place) -> ContextHit:
        value = self._value(place.scope, place.name, place.stored)
        return ContextHit(place.scope, value, place.score)

    def _problems(self, scope: Scope, name: Name, stored: Stored) -> tuple[str, ...]:
        try:
            value = self._value(scope, name, stored).value
        except (ContextLost, MisuseError) as error:
            return (error.message,)
        declared = self._declaration(*name)
        return declared.problems(value) if declared is not None else ()


def _entry(name: Name, stored: Stored, state: ScopeState) -> Entry:
    """*stored* as an entry of a row that sets it in *state*."""
    made: Entry = {"kind": name[0], "key": name[1], "size_bytes": stored.size_bytes}
    made |= {"blob": stored.blob} if stored.blob else {"value": stored.value}
    return made | {"version": state.versions.get(name, 0) + 1, "format": stored.format}


def _contents(values: Mapping[Name, Stored]) -> dict[Name, tuple[bytes | str, int]]:
    return {name: one.content for name, one in values.items()}


def _as_value(name: Name, value: Json, made: int, stored: Stored) -> Value:
    return Value(
        *name, value, stored.version, made, stored.seq, stored.at_ms, stored.actor, stored.hidden
    )


def _seq(record: Record | None) -> int:
    return record.seq if record is not None else 0


def _version(stored: Stored | None) -> int:
    return stored.version if stored is not None else 0


def _refused(scope: Scope, what: str) -> Refusal:
    return Refusal("GOV561", (f"there is no leave to {what} that part of `{scope}`",))


def _contended() -> JournalError:
    return JournalError("the context is written by others all the time", code="GOV511")


def _full(why: str) -> Refusal:
    return Refusal("GOV562", (why,))
