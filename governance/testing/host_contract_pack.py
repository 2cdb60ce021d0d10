"""
The rules that hosts are tried on; they speak of the shell, which every host has.

A suite that needs more rules of its own adds them to `RULES`, which begins the pack.
"""

from __future__ import annotations

RULES = """
format = 1
[pack]
name = "trial"
version = "1.0.0"
summary = "Rules that adapters are tried on."

[[rule]]
id = "trial.deny"
tools = ["shell"]
when.command = { contains = "FORBIDDEN" }
action = "deny"
severity = "high"
message = "TRIAL-DENIED: this is forbidden here."
must_match = [{ tool = "shell", command = "touch FORBIDDEN" }]
must_not_match = [{ tool = "shell", command = "touch allowed" }]

[[rule]]
id = "trial.halt"
tools = ["shell"]
when.command = { contains = "HALTNOW" }
action = "halt"
severity = "high"
message = "TRIAL-HALTED: that was too much."
must_match = [{ tool = "shell", command = "touch HALTNOW" }]
must_not_match = [{ tool = "shell", command = "touch allowed" }]

[[rule]]
id = "trial.ask"
tools = ["shell"]
when.command = { contains = "QUESTION" }
action = "ask"
message = "TRIAL-ASKED: a person has to say yes."
must_match = [{ tool = "shell", command = "touch QUESTION" }]
must_not_match = [{ tool = "shell", command = "touch allowed" }]

[[rule]]
id = "trial.rewrite"
tools = ["shell"]
when.command = "touch CLUMSY"
action = "rewrite"
rewrite.command = "touch REWRITTEN"

[[rule]]
id = "trial.warn"
tools = ["shell"]
when.command = "touch ODD"
action = "warn"
severity = "info"
message = "TRIAL-WARNED: think twice."

[[rule]]
id = "trial.withhold"
on = "tool-result"
tools = ["shell"]
when.output = { contains = "TOPSECRET" }
action = "deny"
severity = "low"
message = "TRIAL-WITHHELD: this output is not for you."
must_match = [{ tool = "shell", output = "TOPSECRET", command = "cat x" }]
must_not_match = [{ tool = "shell", output = "fine", command = "cat x" }]

[[rule]]
id = "trial.redact"
on = "tool-result"
tools = ["shell"]
when.output = { contains = "PASSPHRASE" }
action = "rewrite"
rewrite.output = { redact = { regex = 'PASSPHRASE' }, with = "TRIAL-REDACTED" }

[[rule]]
id = "trial.prompt"
on = "prompt"
when.prompt = { contains = "UNSPEAKABLE" }
action = "deny"
message = "TRIAL-UNSPOKEN: not in these words."
must_match = [{ prompt = "UNSPEAKABLE" }]
must_not_match = [{ prompt = "hello" }]
"""
"""The pack's head, with the rules on tools, their results and prompts."""

COMMANDS = """
[[rule]]
id = "trial.slash"
on = "command"
when.command = "title"
action = "deny"
message = "TRIAL-SLASH: no titles here."
must_match = [{ command = "title" }]
must_not_match = [{ command = "help" }]

[[rule]]
id = "trial.redirect"
on = "command"
when.command = "profile"
action = "rewrite"
rewrite.command = "whoami"
"""
"""The rules on a host's own commands."""

TOLD = """
[[context]]
id = "trial.briefing"
at = ["beginning"]
priority = 100
keep = true
text = "TRIAL-BRIEFING: this host is governed."

[[context]]
id = "trial.reminder"
at = ["compacted"]
priority = 90
keep = true
text = "TRIAL-REMINDER: it still is, after the compaction."
"""
"""What the model is told."""

PACK = RULES + COMMANDS + TOLD
"""All of it."""
