"""
The error family: every problem has a stable code, a place and a remedy.

A *refusal* (a rule, a guard, a halt says no) is a value and never one of these.
Exceptions are for broken definitions, broken stores and misuse.
"""

from __future__ import annotations

from collections.abc import Iterable

from governance._attrs import frozen

ERROR = "error"
WARNING = "warning"


@frozen
class Diagnostic:
    """
    One problem in a file or a store, ready to be shown to a person or to a program.

    Attributes:
        code: Stable, such as ``"GOV220"``; ``docs/errors/`` has a page for each.

        message: What was found and what was expected, lower case, input in backticks.

        file: Path as the user gave it, or ``""`` where no file is at fault.

        line: 1-based line in *file*; 0 when unknown.

        path: Where in the document, such as ``("rule", 2, "when", "path")``.

        suggestion: What to write instead, or ``""``.

        severity: ``"error"`` or ``"warning"``.
    """

    code: str
    message: str
    file: str = ""
    line: int = 0
    path: tuple[str | int, ...] = ()
    suggestion: str = ""
    severity: str = ERROR

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line else "")
        text = f"{place}: " if place else ""
        text += f"{self.code} {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


class GovernanceError(Exception):
    """Root of the family; ``code`` is stable and documented."""

    code = "GOV000"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        text = f"{self.code} {self.message}"
        return f"{text}; {self.remedy}" if self.remedy else text


class DefinitionError(GovernanceError):
    """
    Definition files that cannot be used, with **all** their problems.

    Attributes:
        diagnostics: Every problem found, in order of file and line.
    """

    code = "GOV100"

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        # INVARIANT: an error without a reason cannot be mended, so it cannot be made.
        assert diagnostics, "a definition error names at least one problem"
        super().__init__("\n".join(str(one) for one in diagnostics))
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return self.message


class MisuseError(GovernanceError):
    """The caller broke the API's contract (an id that is no string, use after close)."""

    code = "GOV400"


class JournalError(GovernanceError):
    """The store could not do what was asked; nothing was written."""

    code = "GOV500"


class OutcomeUnknown(JournalError):
    """A commit was sent and its result is not known; read the head to learn it."""

    code = "GOV501"


class StoreDamaged(JournalError):
    """The store holds something that its own chain contradicts, or cannot be read."""

    code = "GOV502"


class StoreNewer(JournalError):
    """The store was written by a newer version than this engine knows."""

    code = "GOV503"


class StoreMissing(JournalError):
    """The store that should be there is not; a vanished store is never made anew."""

    code = "GOV504"


class StoreBusy(JournalError):
    """The store stayed locked past the deadline."""

    code = "GOV505"


class StoreFull(JournalError):
    """The disk or the quota has no room for the rows."""

    code = "GOV506"


class SessionErased(JournalError):
    """The session was made unreadable for good: its key is gone, its chain stays."""

    code = "GOV553"


@frozen
class Problem:
    """
    A problem before its place in a file is known: a path inside the document.

    Machinery reports these; the loader turns each into a `Diagnostic` with file and line.
    """

    code: str
    message: str
    path: tuple[str | int, ...] = ()
    suggestion: str = ""
    severity: str = ERROR


def number_of(count: int, what: str) -> str:
    """
    *count* of *what*, which takes an ``s`` where it is not one.

    >>> number_of(1, "rule"), number_of(0, "rule"), number_of(2, "new row")
    ('1 rule', '0 rules', '2 new rows')
    """
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def sign_of(sign: str) -> str:
    """
    One sign with its name, for it may look like another.

    >>> sign_of("\u0430")
    '`а` (CYRILLIC SMALL LETTER A)'
    """
    import unicodedata

    return f"`{sign}` ({unicodedata.name(sign, f'U+{ord(sign):04X}')})"


def strange_sign(text: str) -> str:
    """What is said behind *text* of the first sign in it that is no plain one; often nothing."""
    found = next((one for one in text if not one.isascii()), "")
    return f": it holds {sign_of(found)}" if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    The nearest of *known* to *word*, as the words ``did you mean `x`?``, or ``""``.

    A sign that only looks like another is named, for nobody sees what is wrong with the word.

    >>> did_you_mean("mesage", ["message", "action"])
    'did you mean `message`?'
    >>> did_you_mean("r\u0435ad", ["read"])
    'did you mean `read`? Yours holds `\u0435` (CYRILLIC SMALL LETTER IE)'
    """
    import difflib

    names = sorted(known)
    lower = {name.lower(): name for name in reversed(names)}
    # Of two letters one may be wrong; among longer words half the letters are common by chance.
    cutoff = 0.5 if len(word) <= 2 else 0.6
    near = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=cutoff)
    return meant(word, [lower[near[0]]]) if near else ""


def meant(word: str, names: Iterable[str]) -> str:
    """The words that ask whoever wrote *word* for one of *names*."""
    asked = "did you mean " + " or ".join(f"`{name}`" for name in names) + "?"
    strange = next((one for one in word if not one.isascii()), "")
    return f"{asked} Yours holds {sign_of(strange)}" if strange else asked
