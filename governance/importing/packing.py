"""
From rules in the making to a pack that passes the checks.

A rule that a check refuses is tried with other examples, where its reader gave some; in the
end it is left out, and what the check said stands in the report. So whatever a source held,
what is written can be loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.errors import ERROR, DefinitionError, Diagnostic
from governance.importing.values import Entry, Reading, Role, Rule, Source, Table, slug
from governance.rules.format import FORMAT, Defaults
from governance.rules.loader import read_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import Vocabulary

ROUNDS_MAX = 12
"""How often a pack is checked; each round mends or drops every rule with an error."""

Reader = Callable[[Source, Reading], None]


@frozen
class Imported:
    """
    What came of an import.

    Attributes:
        text: The pack as TOML; ``""`` where nothing could be carried.

        carried: Rule id, or role name → the entry that it comes from.

        diagnostics: What was left out (warnings), and what reaches otherwise (information).
    """

    text: str
    carried: Mapping[str, Entry]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return not any(one.code == "GOV672" for one in self.diagnostics)


def import_sources(
    sources: Sequence[tuple[Source, str]],
    vocabulary: Vocabulary,
    *,
    name: str,
    carries_allow: bool = False,
) -> Imported:
    """
    A pack called *name* of *sources*, each with its format.

    Args:
        carries_allow: As of `Reading`.

    Raises:
        DefinitionError: GOV670, with every file that cannot be read as its format.
    """
    reading = Reading(carries_allow=carries_allow)
    refused: list[Diagnostic] = []
    for source, format_name in sources:
        try:
            _reader(format_name)(source, reading)
        except DefinitionError as error:
            refused += error.diagnostics
    if refused:
        raise DefinitionError(tuple(refused))
    files = {source.file: at for at, (source, _) in enumerate(sources)}
    packing = _Packing(reading, vocabulary, name, [_label(one) for one in sources])
    text = packing.settled()
    found = sorted(
        reading.diagnostics, key=lambda one: (files.get(one.file, len(files)), one.line, one.code)
    )
    return Imported(text, packing.carried(), tuple(found))


def _reader(format_name: str) -> Reader:
    from importlib import import_module

    found = import_module(f"governance.importing.{format_name.replace('-', '_')}").read
    assert callable(found)  # INVARIANT: every format of `FORMATS` has a module of its name
    return found  # type: ignore[no-any-return]


def _label(one: tuple[Source, str]) -> str:
    source, format_name = one
    return f"{source.file} ({format_name})"


@define(eq=False)
class _Trial:
    """One rule on its way, and which of its examples are tried just now."""

    rule: Rule
    id: str
    match_at: int = 0
    miss_at: int = 0
    dropped: bool = False

    def table(self) -> Table:
        made: Table = {"id": self.id, **self.rule.table}
        if self.rule.matches:
            made["must_match"] = list(self.rule.matches[self.match_at])
        if self.rule.misses:
            made["must_not_match"] = list(self.rule.misses[self.miss_at])
        return made

    def moved_on(self, key: str) -> bool:
        """Whether there are other examples to try under *key*."""
        if key == "must_match" and self.match_at + 1 < len(self.rule.matches):
            self.match_at += 1
            return True
        if key == "must_not_match" and self.miss_at + 1 < len(self.rule.misses):
            self.miss_at += 1
            return True
        return False


@define(eq=False)
class _Packing:
    reading: Reading
    vocabulary: Vocabulary
    name: str
    labels: Sequence[str]
    trials: list[_Trial] = field(factory=list)
    roles: list[Role] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        taken: set[str] = set()
        said: dict[str, Entry] = {}
        for rule in self.reading.rules:
            first = said.setdefault(repr(sorted(_meaning(rule).items())), rule.entry)
            if first is not rule.entry:
                where = f"line {first.line}" + (
                    "" if first.file == rule.entry.file else f" of `{first.file}`"
                )
                self.reading.tell(rule.entry, f"the same as in {where}, and carried once")
                continue
            self.trials.append(_Trial(rule, self._free(rule.name, taken)))
        self.roles = list(self.reading.roles)

    def _free(self, name: str, taken: set[str]) -> str:
        wanted = f"{self.name}.{slug(name)}"
        free, number = wanted, 1
        while free in taken:
            number += 1
            free = f"{wanted}-{number}"
        taken.add(free)
        return free

    def carried(self) -> dict[str, Entry]:
        rules = {one.id: one.rule.entry for one in self._kept()}
        return rules | {str(one.table["name"]): one.entry for one in self.roles}

    def settled(self) -> str:
        """The text of the pack after every rule with an error was mended or left out."""
        for _ in range(ROUNDS_MAX):
            kept = self._kept()
            if not kept and not self.roles:
                return ""
            text = self._text(kept)
            errors = self._errors(text)
            if not errors:
                return text
            self._mend(kept, errors)
        # What is still refused goes whole: a pack that does not load governs nothing.
        for trial in self._kept():
            self._drop(trial, "no examples were found that it passes")
        return self._text(self._kept()) if self.roles else ""

    def _kept(self) -> list[_Trial]:
        return [one for one in self.trials if not one.dropped]

    def _errors(self, text: str) -> list[Diagnostic]:
        # Allow rules are written for a project that lets nothing be by itself.
        defaults = Defaults(tool="ask") if self.reading.carries_allow else Defaults()
        settings = LoadSettings(defaults=defaults, trusted=lambda _hash: True)
        source = PackSource(self.name, text, f"{self.name}.toml")
        return list(read_rules([source], self.vocabulary, settings=settings).errors)

    def _mend(self, kept: Sequence[_Trial], errors: Sequence[Diagnostic]) -> None:
        by_rule: dict[int, list[Diagnostic]] = {}
        roles: set[int] = set()
        rest: list[Diagnostic] = []
        for one in errors:
            match one.path:
                case ("rule", int(at), *_):
                    by_rule.setdefault(at, []).append(one)
                case ("role", int(at), *_):
                    roles.add(at)
                case _:
                    rest.append(one)
        for at in sorted(roles, reverse=True):
            role = self.roles.pop(at)
            why = next(one.message for one in errors if one.path[:2] == ("role", at))
            self.reading.leave(role.entry, why)
        for at, found in by_rule.items():
            trial = kept[at]
            keys = {str(one.path[2]) if len(one.path) > 2 else "" for one in found}
            examples = all(one.code == "GOV253" for one in found)
            if not (examples and all(trial.moved_on(key) for key in keys)):
                self._drop(trial, found[0].message)
        # INVARIANT: what is written besides rules and roles is the same for every import.
        assert by_rule or roles, f"the frame of the pack is refused: {rest}"

    def _drop(self, trial: _Trial, why: str) -> None:
        trial.dropped = True
        self.reading.leave(trial.rule.entry, f"as a rule it is refused: {why}")

    def _text(self, kept: Sequence[_Trial]) -> str:
        import tomli_w

        summary = "Imported from " + ", ".join(self.labels)
        pack: Table = {"name": self.name, "version": "1.0.0", "summary": f"{summary[:200]}."}
        document: Table = {"format": FORMAT, "pack": pack}
        if kept:
            document["rule"] = [one.table() for one in kept]
        if self.roles:
            document["role"] = [one.table for one in self.roles]
        return tomli_w.dumps(document)


def _meaning(rule: Rule) -> Table:
    return {key: value for key, value in rule.table.items() if key != "message"}


def with_role(rule: Rule, role: str) -> Rule:
    """*rule* for agents of *role* alone, its examples included."""
    when = rule.table.get("when")
    narrowed = {"when": {**(when if isinstance(when, dict) else {}), "role": role}}

    def given(groups: tuple[tuple[Table, ...], ...]) -> tuple[tuple[Table, ...], ...]:
        return tuple(tuple({**one, "role": role} for one in group) for group in groups)

    return evolve(
        rule,
        table={**rule.table, **narrowed},
        matches=given(rule.matches),
        misses=given(rule.misses),
    )


__all__ = ["ERROR", "Imported", "import_sources", "with_role"]
