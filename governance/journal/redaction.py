"""
Which redaction a project has; what is not configured is not even imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from governance.values import Json

if TYPE_CHECKING:
    from governance.config import Config

Redact: TypeAlias = Callable[[Json], tuple[Json, tuple[str, ...]]]
"""A value → the same without secrets, and the kinds that were found."""


def keep_all(value: Json) -> tuple[Json, tuple[str, ...]]:
    """The redaction that takes nothing out, for a project that switched it off."""
    return value, ()


def redaction_of(config: Config) -> Redact:
    """
    The redaction of the project of *config*.

    Raises:
        RedactionFailed: A library that it names is not installed, or RE2 refuses a pattern.
    """
    own = config.redaction
    if not own.patterns and not own.detectors:
        # The built-in one fails on nothing but a value that no journal takes, and says so.
        return _built_in() if config.journal.redaction else keep_all
    from governance.journal.redactors import PatternRedactor, Redactors

    steps = [_built_in()] if config.journal.redaction else []
    if own.patterns:
        steps.append(PatternRedactor.of(own.patterns))
    if "detect-secrets" in own.detectors:
        from governance.journal.detect_secrets import DetectSecretsRedactor

        steps.append(DetectSecretsRedactor.load())
    return Redactors(tuple(steps))


def _built_in() -> Redact:
    from governance.journal.redact import redact

    return redact
