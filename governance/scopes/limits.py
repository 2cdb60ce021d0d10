"""What contexts may come to: in a store, and in the memory of one engine."""

from __future__ import annotations

from governance._attrs import frozen


@frozen(kw_only=True)
class ContextLimits:
    """
    Bounds of the contexts of one engine; ``[contexts]`` in `governance.toml` sets them.

    Attributes:
        value_bytes_max: Bytes of one value as JSON.

        scope_bytes_max: Bytes of all values of one scope as JSON.

        values_max: Values of one scope.

        grants_max: Grants of one scope, at most `governance.scopes.state.GRANTS_MAX`.

        scopes_held_max: Scopes that are kept in memory; others are folded anew when asked.

        held_bytes_max: About how many bytes they may take there, but for the one in use.
    """

    value_bytes_max: int = 4_000_000
    scope_bytes_max: int = 64_000_000
    values_max: int = 10_000
    grants_max: int = 1_000
    scopes_held_max: int = 64
    held_bytes_max: int = 50_000_000
