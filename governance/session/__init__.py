"""
The heart: `decide` says what a command leads to, `evolve` applies what was recorded.

Both are pure. Nothing else in the package knows how a session's state changes.
"""
