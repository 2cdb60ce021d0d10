"""`plugins.enabled` in a file of YAML: changed line by line, and nothing else."""

from __future__ import annotations

import pytest

from governance.hosts.hermes.enabling import (
    Unreadable,
    disabled,
    enabled,
    has_section,
    is_enabled,
)

OURS = "plugins:\n  enabled:\n    - governance\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", OURS),
        ("# mine\nmodel: x\n", f"# mine\nmodel: x\n{OURS}"),
        ("model: x", f"model: x\n{OURS}"),
        ("a: 1\r\n", "a: 1\r\nplugins:\r\n  enabled:\r\n    - governance\r\n"),
        ("plugins:\nmodel: x\n", f"{OURS}model: x\n"),
        ("plugins: {}  # none\n", "plugins:  # none\n  enabled:\n    - governance\n"),
        (
            "plugins:\n    disabled: []\n",
            "plugins:\n    enabled:\n      - governance\n    disabled: []\n",
        ),
        (
            "plugins:\n  enabled:\n  - a  # mine\n  - b\nz: 1\n",
            "plugins:\n  enabled:\n  - governance\n  - a  # mine\n  - b\nz: 1\n",
        ),
        (
            "plugins:\n  enabled: [a, 'b']  # two\n",
            "plugins:\n  enabled: [a, 'b', governance]  # two\n",
        ),
        ("plugins:\n  enabled: []\n", "plugins:\n  enabled: [governance]\n"),
        ("plugins:\n  enabled:\n\n  # none\n", f"{OURS}\n  # none\n"),
        ("plugins:\n  enabled: null\n", OURS),
        ("---\nx:\n  enabled:\n    - b\n", f"---\nx:\n  enabled:\n    - b\n{OURS}"),
    ],
)  # fmt: skip
def test_name_is_put_into_the_list(before: str, after: str) -> None:
    """The name stands in the list, every other byte stays, and a second time changes nothing."""
    assert enabled(before, "governance") == after
    assert is_enabled(after, "governance")
    assert enabled(after, "governance") == after
    assert not is_enabled(before, "governance")


@pytest.mark.parametrize(
    "text",
    [
        "plugins: [a]\n",
        "plugins: &x\n  enabled: []\n",
        "plugins:\n- a\n",
        "plugins:\n  enabled: a\n",
        "plugins:\n  enabled:\n    - name: a\n",
        "plugins:\n  enabled: [a,\n    b]\n",
        "plugins:\n\tenabled: []\n",
        "plugins:\n  enabled: []\nplugins:\n  enabled: []\n",
        "{}\n",
        "- a\nb\n",
        "plugins:\n  disabled:\n    - governance\n",
        "plugins:\n  disabled: [governance]\n",
    ],
)
def test_other_shapes_are_refused(text: str) -> None:
    """What this cannot read with certainty it leaves alone, and says so."""
    with pytest.raises(Unreadable):
        enabled(text, "governance")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("plugins:\n  enabled:\n    - governance\n    - a\n", "plugins:\n  enabled:\n    - a\n"),
        ("plugins:\n  enabled:\n    - governance\nz: 1\n", "plugins:\n  enabled: []\nz: 1\n"),
        ("plugins:\n  enabled: [a, governance]\n", "plugins:\n  enabled: [a]\n"),
        ("plugins:\n  enabled: [a]\n", "plugins:\n  enabled: [a]\n"),
        ("plugins: [odd]\n", "plugins: [odd]\n"),
        ("", ""),
    ],
)
def test_name_is_taken_out_of_the_list(before: str, after: str) -> None:
    """Only the name leaves; a list that is empty then stays a list."""
    assert disabled(before, "governance") == after


def test_a_section_of_ours_goes_with_the_name() -> None:
    """A section that we made goes, unless somebody has put something else into it."""
    more = f"{OURS}  disabled: []\n"

    assert disabled(f"a: 1\n{OURS}b: 2\n", "governance", made=True) == "a: 1\nb: 2\n"
    assert disabled(more, "governance", made=True) == "plugins:\n  enabled: []\n  disabled: []\n"
    assert has_section(OURS)
    assert not has_section("a: 1\n")
