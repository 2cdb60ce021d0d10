"""What came of testing a subject: every example and every scenario, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from governance._attrs import frozen
from governance._toml import Document, read_toml
from governance.authoring.comparing import Failure
from governance.authoring.playing import Played, play
from governance.authoring.subjects import EXAMPLE_CODES, Placed, Subject
from governance.errors import ERROR, Diagnostic
from governance.rules.format import Example, Rule

FAILED = "GOV281"
"""Code of a scenario that fails."""

EXAMPLES = ("must_match", "must_not_match", "known_gaps", "remedy")
"""Keys of a rule that are run when it is loaded."""


@frozen
class Tried:
    """
    One example or scenario that was run.

    Attributes:
        kind: ``must_match``, ``must_not_match``, ``known_gaps``, ``remedy``, ``scenario``.

        of: The rule that the example belongs to; of a scenario its name.

        line: Where it stands; of a scenario that failed, the line of the step that did.

        what: The example, or the step that failed, in one line.

        problems: Why it failed; empty when it went well.

        code: The code of the failure, or ``""``.
    """

    kind: str
    of: str
    file: str
    line: int
    what: str
    problems: tuple[str, ...] = ()
    code: str = ""

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return not self.problems


def tried(subject: Subject) -> Iterator[Tried]:
    """Each example of *subject*, then each scenario, as it is played."""
    yield from tried_examples(subject)
    for placed in subject.scenarios:
        yield tried_scenario(placed)


def tried_examples(subject: Subject) -> Iterator[Tried]:
    """Each example of the rules of *subject*; none of a rule that cannot be judged."""
    loaded = subject.loaded
    # One file that is no TOML, and nothing is said of the others.
    if loaded is None or not loaded.packs:
        return
    found = {(one.file, one.path): one for one in loaded.errors if one.code in EXAMPLE_CODES}
    broken = {
        (one.file, one.path[:2])
        for one in loaded.errors
        if one.code not in EXAMPLE_CODES and one.path[:1] == ("rule",)
    }
    for source, pack in zip(subject.sources, loaded.packs, strict=True):
        document = read_toml(source.text, source.file)
        for rule in pack.rules:
            if (source.file, rule.path) not in broken:
                yield from _of_rule(rule, document, found)


def _of_rule(
    rule: Rule, document: Document, found: Mapping[tuple[str, tuple[str | int, ...]], Diagnostic]
) -> Iterator[Tried]:
    for kind in EXAMPLES:
        given = getattr(rule, kind)
        listed = [given] if isinstance(given, Example) else given or ()
        for index, example in enumerate(listed):
            path = (*rule.path, kind) if kind == "remedy" else (*rule.path, kind, index)
            problem = found.get((document.file, path))
            yield Tried(
                kind=kind,
                of=rule.id,
                file=document.file,
                line=document.line_of(path),
                what=example_text(example),
                problems=(problem.message,) if problem is not None else (),
                code=problem.code if problem is not None else "",
            )


def tried_scenario(placed: Placed) -> Tried:
    """*placed* played by its packs; one that cannot be played has failed."""
    scenario = placed.scenario
    if placed.law is None:
        reason = (placed.unplayable,)
        return Tried("scenario", scenario.name, placed.file, placed.line, "", reason, FAILED)
    played = play(placed.law, scenario)
    if played.ok:
        return Tried("scenario", scenario.name, placed.file, placed.line, "")
    return _failed(placed, played)


def _failed(placed: Placed, played: Played) -> Tried:
    positions = [one.position for one in placed.scenario.steps]
    at = positions.index(played.step) if played.step in positions else 0
    return Tried(
        kind="scenario",
        of=placed.scenario.name,
        file=placed.file,
        line=placed.lines[at] if placed.lines else placed.line,
        what=f"step {at + 1}: {played.what}",
        problems=tuple(_texts(played.failures)),
        code=FAILED,
    )


def _texts(failures: Sequence[Failure]) -> Iterator[str]:
    said: set[str] = set()
    for one in failures:
        head = f"{one.expectation}: {one.message}" if one.expectation else one.message
        yield "\n".join((head, *(line for line in one.because if line not in said)))
        said.update(one.because)


def example_text(example: Example) -> str:
    """*example* in one line, for people."""
    parts = [f"{name} = {value!r}" for name, value in example.facts.items()]
    return " ".join(", ".join(parts).split())


def errors_of(subject: Subject) -> tuple[Diagnostic, ...]:
    """What keeps *subject* from being tested as a whole."""
    return tuple(one for one in subject.problems if one.severity == ERROR)
