"""How much may be injected."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from attrs import frozen


@frozen
class Budget:
    """
    Bounds on one injection; each that is known must hold.

    Attributes:
        characters_max: Characters (code points) of the whole text.

        tokens_max: Tokens of the whole text; looked at only where the host says how many
            tokens a text has, by one of the two below.

        characters_per_token: The host's figure, for an estimate that rounds up.

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
        if self.characters_per_token is not None:
            return ceil(len(text) / self.characters_per_token) <= self.tokens_max
        return True
