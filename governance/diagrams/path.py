"""The way one session took through the machine, for pictures of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field

from governance._attrs import frozen
from governance.diagrams.edges import Edge
from governance.machine.registers import ABSENT, Step
from governance.states import State

Key = tuple[str, str, str]


@frozen
class SessionPath:
    """
    What one session did.

    Attributes:
        edges: (source, event, target) → how often.

        returns: How many of those were a resume that led back to what was left.

        spent_ms: State → milliseconds in it.

        denials: State → tool calls that were denied in it.

        now: Where the session stands.

        title: What to write above the picture, such as the session's id.
    """

    edges: Mapping[Key, int] = field(factory=dict, hash=False)
    returns: Mapping[Key, int] = field(factory=dict, hash=False)
    spent_ms: Mapping[str, int] = field(factory=dict, hash=False)
    denials: Mapping[str, int] = field(factory=dict, hash=False)
    now: str = State.ABSENT.value
    title: str = ""

    @classmethod
    def from_steps(
        cls,
        steps: Iterable[tuple[int, Step]],
        *,
        until_ms: int,
        denials: Mapping[str, int] | None = None,
        title: str = "",
    ) -> SessionPath:
        """
        The path of *steps*, each with its time in milliseconds, in the order they came.

        The last state is left at *until_ms*. Time that runs backwards counts as none. A
        resume that led to the very state that was left and added nothing to what is owed
        counts as a return, whatever the gap had been.
        """
        edges: dict[Key, int] = {}
        returns: dict[Key, int] = {}
        spent: dict[str, int] = {}
        now, since = ABSENT.state, None
        for at_ms, step in steps:
            if since is not None:
                spent[now.value] = spent.get(now.value, 0) + max(0, at_ms - since)
            now, since = step.after.state, at_ms
            if step.outcome == "move":
                before = step.before
                key = (before.state.value, step.event, now.value)
                edges[key] = edges.get(key, 0) + 1
                if now is before.left and step.after.owed == before.owed:
                    returns[key] = returns.get(key, 0) + 1
        if since is not None:
            spent[now.value] = spent.get(now.value, 0) + max(0, until_ms - since)
        return cls(edges, returns, spent, dict(denials or {}), now.value, title)

    @property
    def visited(self) -> frozenset[str]:
        """The states it was in, those among them that it left at once."""
        spent = {name for name, spent in self.spent_ms.items() if spent}
        reached = {name for (source, _, target) in self.edges for name in (source, target)}
        return frozenset(spent | reached | {self.now})

    def count(self, edges: Iterable[Edge]) -> int:
        """How often the session went along any of *edges*; what they share counts once."""
        keys = {
            (one.source, one.event, one.target, edge.returns)
            for edge in edges
            for one in edge.moves
        }
        return sum(self._times(source, event, target, back) for source, event, target, back in keys)

    def _times(self, source: str, event: str, target: str, back: bool) -> int:
        returned = self.returns.get((source, event, target), 0)
        return returned if back else self.edges.get((source, event, target), 0) - returned


def spell_ms(spent_ms: int) -> str:
    """A time in the two largest units that matter: ``"2 h 5 min"``, ``"40 s"``, ``"80 ms"``."""
    if spent_ms < 1000:
        return f"{spent_ms} ms"
    seconds = spent_ms // 1000
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    words: list[str] = []
    for index, (unit, size) in enumerate(units):
        if seconds >= size or words:
            words.append(f"{seconds // size} {unit}")
            seconds %= size
            if len(words) == 2 or index == len(units) - 1:
                break
    return " ".join(word for word in words if not word.startswith("0 "))
