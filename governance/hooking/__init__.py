"""
What the hosts that call a command for each of their events have in common.

`hook.py` is the script that they run (a plugin that stays with its client runs `hook_relay.py`
too, the way to the service), `worker` decides one payload, and `adapter` says what a host brings
along: its profile, how its payloads read, and the shape of its answers.
This room knows no host; `governance.hosts` names them.
"""

CODES = {
    "GOV701": "a payload of a host that nothing can be decided from",
    "GOV702": "settings of a host that are not what they should be",
    "GOV703": "a recorded session with a line that is no payload",
    "GOV710": "a host that no adapter is known for",
}
"""Error codes of the hosts' adapters, each in a few words."""
