"""What `check` says of a `rewrite` that cannot be: each mistake by its code, at its own line."""

from __future__ import annotations

import pytest

from governance.rules.check import check_rules
from governance.rules.sources import PackSource
from governance.rules.vocabulary import default_vocabulary

HEAD = """format = 1
[pack]
name = "p"
version = "1.0.0"
summary = "x"
[[rule]]
id = "p.rewrite"
"""
SHELL = 'tools = ["shell"]\nwhen.command = "x"\naction = "rewrite"\n'
WRITE = 'tools = ["write"]\nwhen.path = "/x"\naction = "rewrite"\n'
BIRTH = 'on = "session"\naction = "rewrite"\n'


@pytest.mark.parametrize(
    ("rule", "change", "code", "said"),
    [
        (SHELL, "rewrite.command = {}", "GOV242", "the change of `command` is empty"),
        (SHELL, "rewrite.command = 7", "GOV242", "cannot become"),
        (SHELL, "rewrite.command = { min = 1 }", "GOV242", "`min` does not fit `command`"),
        (SHELL, 'rewrite.command = { with = "x" }', "GOV242", "stands for a `redact`"),
        (
            SHELL,
            'rewrite.command = { remove = true, default = "x" }',
            "GOV242",
            "`remove` goes with no other change",
        ),
        (SHELL, "rewrite.command = { default = 7 }", "GOV242", "cannot become"),
        (SHELL, 'rewrite.command = { redact = "secretz" }', "GOV242", "`redact` is one of"),
        (SHELL, "rewrite.command = { redact = 7 }", "GOV242", "`redact` is one of"),
        (
            SHELL,
            "rewrite.command = { redact = { regex = '(' } }",
            "GOV227",
            "is no RE2 pattern",
        ),
        (WRITE, 'rewrite.path = { add_flags = ["-x"] }', "GOV242", "for `command` alone"),
        (
            BIRTH,
            "rewrite.model_options.max_tokens = { min = 9, max = 1 }",
            "GOV242",
            "`min` 9 is above `max` 1",
        ),
    ],
)
def test_a_change_that_cannot_be_is_told(rule: str, change: str, code: str, said: str) -> None:
    """The pack is refused, and the line that is wrong is named."""
    text = f"{HEAD}{rule}{change}\n"

    found = check_rules([PackSource("p", text, "p.toml", "user")], default_vocabulary())

    errors = [(one.code, one.line) for one in found if one.severity == "error"]
    assert (code, len(text.splitlines())) in errors
    assert any(said in one.message for one in found if one.code == code)
