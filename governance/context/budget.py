"""How much may be injected."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from governance._attrs import frozen

CHARACTERS_PER_TOKEN = 3.0
"""
What is taken where nobody tells: a little less than tokens of prose in English have, which is
about four, so that a text is taken for longer than it is and not for shorter.
"""


@frozen
class Budget:
    """
    Bounds on one injection; each that is known must hold.

    Attributes:
        characters_max: Characters (code points) of the whole text.

        tokens_max: Tokens of the whole text.

        characters_per_token: The host's figure, for an estimate that rounds up; without it
            `CHARACTERS_PER_TOKEN`.

        count_tokens: The host's own count; preferred.
    """

    characters_max: int = 8000
    tokens_max: int | None = None
    characters_per_token: float | None = None
    count_tokens: Callable[[str], int] | None = None

    def holds(self, text: str) -> bool:
        """Whether *text* is within every bound that is known."""
        if len(text) > self.characters_max:
            return False
        if self.tokens_max is None:
            return True
        if self.count_tokens is not None:
            return self.count_tokens(text) <= self.tokens_max
        per_token = self.characters_per_token or CHARACTERS_PER_TOKEN
        return ceil(len(text) / per_token) <= self.tokens_max
