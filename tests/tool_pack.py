"""A small pack for tools that run in the process of a program."""

from __future__ import annotations

from functools import cache

from governance.session.law import Law
from governance.testing.engines import law_of

PACK = """
format = 1
[pack]
name = "trial"
version = "1.0.0"
summary = "Rules that tools in process are tried on."

[[rule]]
id = "trial.deny"
tools = ["shell"]
when.command = { contains = "FORBIDDEN" }
action = "deny"
message = "TRIAL-DENIED: this is forbidden here."
must_match = [{ tool = "shell", command = "touch FORBIDDEN" }]
must_not_match = [{ tool = "shell", command = "touch allowed" }]

[[rule]]
id = "trial.rewrite"
tools = ["shell"]
when.command = "touch CLUMSY"
action = "rewrite"
rewrite.command = "touch REWRITTEN"

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
id = "trial.prompt"
on = "prompt"
when.prompt = { contains = "UNSPEAKABLE" }
action = "deny"
message = "TRIAL-UNSPOKEN: not in these words."
must_match = [{ prompt = "UNSPEAKABLE" }]
must_not_match = [{ prompt = "hello" }]
"""

BRIEFING = """
format = 1
[pack]
name = "told"
version = "1.0.0"
summary = "What the model is told."

[[context]]
id = "told.briefing"
at = ["beginning", "compacted"]
priority = 100
keep = true
text = "TRIAL-BRIEFING: this program is governed."
"""


@cache
def tool_law() -> Law:
    """The law of `PACK`, loaded once."""
    return law_of(PACK)


@cache
def told_law() -> Law:
    """The law of `PACK` and `BRIEFING`, loaded once."""
    return law_of(PACK, BRIEFING)
