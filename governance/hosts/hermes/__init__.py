"""
The adapter for Hermes Agent: its hooks as events, decisions as its answers.

`plugin` is the module that Hermes loads as a plugin, `gateway` what its gateway's hook
directory calls, `settings` puts both in and takes them out. Nothing of Hermes is imported
before Hermes itself has called.
"""

NAME = "hermes"
"""The host, as configuration, rules and the command line write it."""

CODES = {
    "GOV740": "a call of Hermes that nothing can be decided from",
    "GOV741": "an answer to Hermes that was not found in time",
}
"""Error codes of this adapter, each in a few words."""
