"""
What takes secrets out of a value before it becomes a row: built in, of a project, of a library.

They run one after the other, the built-in one first. One that fails lets nothing through:
what it was to look at is not written, and an event that asks is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from governance._attrs import frozen
from governance.errors import GovernanceError, JournalError
from governance.journal.redaction import Redact
from governance.journal.walking import changed_texts
from governance.values import Json

MEMORY_BYTES_MAX = 8 * 1024 * 1024
"""Memory that one compiled pattern may take."""


class RedactionFailed(JournalError):
    """What looks for secrets has failed, so that nothing of the value was written."""

    code = "GOV555"


@frozen(eq=False)
class Redactors:
    """Several redactions as one."""

    steps: Sequence[Redact]

    def __call__(self, value: Json) -> tuple[Json, tuple[str, ...]]:
        """
        *value* without what any of them finds.

        Raises:
            RedactionFailed: One of them failed; what it said is not told, for it may hold
                the secret.
        """
        found: dict[str, None] = {}
        for step in self.steps:
            try:
                value, hits = step(value)
            except GovernanceError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing goes unredacted
                raise failed(type(error).__name__) from None
            found.update(dict.fromkeys(hits))
        return value, tuple(sorted(found))


@frozen(eq=False)
class PatternRedactor:
    """
    A project's own patterns, in RE2 syntax: time is linear in the text, whatever they are.

    Attributes:
        patterns: By the name that stands in place of a match, as ``[redacted:NAME]``.
    """

    patterns: tuple[tuple[str, Callable[[str, str], str]], ...]

    @classmethod
    def of(cls, patterns: Mapping[str, str]) -> PatternRedactor:
        """
        The redactor that looks for *patterns*.

        Raises:
            RedactionFailed: RE2 refuses one of them.
        """
        import re2

        options = re2.Options()
        options.max_mem = MEMORY_BYTES_MAX
        options.log_errors = False
        made: list[tuple[str, Callable[[str, str], str]]] = []
        for name, source in patterns.items():
            try:
                made.append((name, re2.compile(source, options).sub))
            except re2.error as error:
                raise failed(f"RE2 refuses the pattern `{name}`: {error}") from None
        return cls(tuple(made))

    def __call__(self, value: Json) -> tuple[Json, tuple[str, ...]]:
        """*value* with every match replaced in its texts and keys."""
        found: dict[str, None] = {}

        def clean(text: str) -> str:
            for name, replace in self.patterns:
                mark = f"[redacted:{name}]"
                after = outside_marks(text, partial(replace, mark))
                if after != text:
                    found[name] = None
                    text = after
            return text

        return changed_texts(value, clean), tuple(found)


def outside_marks(text: str, change: Callable[[str], str]) -> str:
    """*text* with *change* made to what stands outside of marks of earlier redactions."""
    start = 0
    parts: list[str] = []
    while (begin := text.find("[redacted:", start)) >= 0:
        end = text.find("]", begin)
        if end < 0:
            break
        parts += (change(text[start:begin]), text[begin : end + 1])
        start = end + 1
    return "".join((*parts, change(text[start:])))


def failed(why: str) -> RedactionFailed:
    """The error that says that nothing was written, and *why*."""
    return RedactionFailed(
        f"what looks for secrets has failed: {why}",
        remedy="mend `[redaction]`; until then nothing that it was to look at is written",
    )
