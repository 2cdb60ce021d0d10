"""
The adapter for Claude Code: its payloads as events, decisions as its answers.

`tools.TOOLS` is the table of its tools, `capabilities.TRAITS` what it can do,
`settings.install` puts the hooks in and `settings.uninstall` takes them out.
"""
