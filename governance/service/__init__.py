"""
The local service: one process that has the engines of a person's projects open, for hooks.

Hooks find it by themselves and do without it where it is not: it makes them fast and changes
no answer. `serve.py` is the script that it is run from, `server` takes connections,
`answering` answers one of them, and `projects` holds the engines.
"""

CODES = {
    "GOV711": "a service that cannot be started, reached or ended",
    "GOV712": "a request to the loopback door that it does not take",
}
"""Error codes of the service, each in a few words."""
