"""
The adapter for Claude Code: its payloads as events, decisions as its answers.

`tools.TOOLS` is the table of its tools, `capabilities.TRAITS` what it can do,
`settings.install` puts the hooks in and `settings.uninstall` takes them out.
"""

NAME = "claude-code"
"""The host, as configuration, rules and the command line write it."""

CODES = {
    "GOV701": "a payload of a host that nothing can be decided from",
    "GOV702": "settings of a host that are not what they should be",
    "GOV703": "a recorded session with a line that is no payload",
}
"""Error codes of the hosts' adapters, each in a few words."""
