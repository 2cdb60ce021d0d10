"""The table of what real clients proved counts what was proved, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from tests.hosts.proofs import cells, table, unproved


def report(
    *names: str,
    outcome: Literal["passed", "failed"] = "passed",
    when: Literal["setup", "call"] = "call",
) -> pytest.TestReport:
    """What pytest reports of a test that proves *names*."""
    proofs: Sequence[tuple[str, object]] = [("proof", one) for one in names]
    return pytest.TestReport("a::b", ("a", 1, "b"), {}, outcome, None, when, [], 0, user_properties=proofs)  # fmt: skip # noqa: E501


def test_one_test_may_prove_two_things() -> None:
    """Both of its cells are filled."""
    found = cells([report("codex: a", "codex: b"), report("codex: c", when="setup"), report()])

    assert found == {"codex: a": "passed", "codex: b": "passed"}


@pytest.mark.parametrize("first", ["passed", "failed"])
def test_a_proof_of_several_tests_needs_all_of_them(first: Literal["passed", "failed"]) -> None:
    """One that fails is enough, in whatever order they come."""
    second: Literal["passed", "failed"] = "failed" if first == "passed" else "passed"

    assert cells([report("codex: a", outcome=first), report("codex: a", outcome=second)]) == {
        "codex: a": "FAILED"
    }


def test_what_no_test_passed_is_blank_and_named() -> None:
    """A blank cell stands in the list of what is not proved."""
    line = "deny blocks, the model reads why"
    found = {f"codex: {line}": "passed"}

    assert f"codex: {line}" not in unproved(found)
    assert f"claude-code: {line}" in unproved(found)
    assert f"{line}" in [one.strip() for one in table({}, "codex", "1")]
