"""What became of changed rules, told to a session before its next event is decided."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import evolve

from governance.engine import racing, restoring
from governance.engine.news import News, tell_alike
from governance.engine.related import Step
from governance.journal.records import Appended
from governance.session.commands import Command
from governance.session.decide import decide

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.journal.records import Record
    from governance.session.law import Law


def tell_news(
    engine: Engine, command: Command, law: Law, news: News | None, written: list[Record]
) -> None:
    """
    Write into *command*'s session what became of the rules since its last event.

    Where they brief a model in other words, what it was told has lapsed: in the same commit.
    Its lock is held.
    """
    bulletin, session = engine.options.bulletin, command.session
    if bulletin is None:
        return
    state = engine._state(session, command.at_ms or 0)
    before = bulletin.before(session, news, law, begins=not state.head)
    if news is None or before is None:
        return
    data = news.data(before)

    def step() -> list[Step]:
        now = engine.clock.now_ms()
        state = engine._state(session, now)
        told = Command(
            event="record", session=session, at_ms=now, actor="engine", host=command.host
        )
        outcome = restoring.recorded(law, state, told, now, news.kind, data)
        if state.governance_injected and not tell_alike(before, law):
            lapse = Command(
                event="lapse",
                session=session,
                at_ms=command.at_ms,
                host=command.host,
                traits=command.traits,
                role=command.role,
                data={"why": "packs changed"},
            )
            lapsed = decide(law, outcome.state, lapse, engine._gather(lapse, outcome.state, now))
            outcome = evolve(lapsed, rows=(*outcome.rows, *lapsed.rows))
        return [Step(state, outcome)]

    # The answer to this commit may be lost, and what waits is written before it is asked again.
    key = f"rules:{bulletin.name}:{news.number}:{sha256(session.encode()).hexdigest()}"
    _, result = racing.written(engine, session, step, replies=False, key=key)
    if isinstance(result, Appended):
        written += result.records
    else:
        last = engine._journal.read(session, after=max(0, result.record.seq - 2), limit=2)
        written += last[next(n for n, one in enumerate(last) if one.kind == news.kind) :]
        engine.live.drop(session)
    bulletin.note(session, news, law)
