"""
The library `detect-secrets` as a redactor: what its plugins find is taken out.

It reads line by line. Its plugins that guess by entropy take ordinary words for secrets, and
what is taken out is gone for good, so they are left out; so are public addresses, which are
no secrets, and those that look at names alone, which the built-in redaction does with more
care. Of what a plugin finds the whole match goes: some of them name only a part of a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from threading import Lock

from attrs import field

from governance._attrs import define, frozen
from governance.journal.redactors import failed, outside_marks
from governance.journal.walking import changed_texts
from governance.values import Json

LINE_CHARACTERS_MAX = 20_000
"""A longer line is looked at in pieces of about this length."""

_SPACE_CHARACTERS = 1_000
_LEFT_OUT = frozenset(
    {"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector", "KeywordDetector"}
)


@frozen(eq=False)
class _Plugin:
    """One plugin: the kind it finds, whether it finds any in a text, and its expressions."""

    name: str
    finds: Callable[[str], bool]
    expressions: tuple[re.Pattern[str], ...]


@define(eq=False, repr=False)
class DetectSecretsRedactor:
    """Made by `load`; a `Redact`. Thread-safe: plugins are used by one thread at a time."""

    _plugins: tuple[_Plugin, ...]
    _lock: Lock = field(factory=Lock, init=False)

    @classmethod
    def load(cls) -> DetectSecretsRedactor:
        """
        The redactor with the plugins of the installed version.

        Raises:
            RedactionFailed: The library is not installed.
        """
        try:
            from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        except ImportError:
            why = "`detect-secrets` is not installed; install the extra of that name"
            raise failed(why) from None
        kinds: Mapping[str, type] = get_mapping_from_secret_type_to_class()
        return cls(
            tuple(
                _plugin(name, kind)
                for name, kind in kinds.items()
                if kind.__name__ not in _LEFT_OUT
            )
        )

    def __call__(self, value: Json) -> tuple[Json, tuple[str, ...]]:
        """*value* without what the plugins find in its texts and keys."""
        found: dict[str, None] = {}
        with self._lock:
            clean = changed_texts(value, lambda text: self._clean(text, found))
        return clean, tuple(found)

    def _clean(self, text: str, found: dict[str, None]) -> str:
        return "".join(
            outside_marks(piece, lambda part: self._clean_piece(part, found))
            for line in text.splitlines(keepends=True)
            for piece in _pieces(line)
        )

    def _clean_piece(self, piece: str, found: dict[str, None]) -> str:
        for plugin in self._plugins:
            if plugin.finds(piece):
                mark = f"[redacted:{plugin.name}]"
                for expression in plugin.expressions:
                    piece = expression.sub(mark, piece)
                found[plugin.name] = None
        return piece


def _plugin(name: str, kind: type) -> _Plugin:
    made = kind()

    def finds(text: str) -> bool:
        return any(True for _ in made.analyze_string(text))

    word = "".join(sign if sign.isalnum() else "-" for sign in name.lower())
    return _Plugin(word, finds, tuple(getattr(made, "denylist", ())))


def _pieces(line: str) -> Iterator[str]:
    """*line*, cut where a secret is least likely to be: at a space, near the bound."""
    while len(line) > LINE_CHARACTERS_MAX:
        cut = line.rfind(" ", LINE_CHARACTERS_MAX - _SPACE_CHARACTERS, LINE_CHARACTERS_MAX)
        cut = cut if cut > 0 else LINE_CHARACTERS_MAX
        yield line[:cut]
        line = line[cut:]
    yield line
