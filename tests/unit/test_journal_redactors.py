"""Secrets of a project's own, those that a library knows, and redactors that fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.config import Config, read_config, until_trusted
from governance.errors import DefinitionError
from governance.journal.records import Journal
from governance.journal.redaction import keep_all, redaction_of
from governance.journal.redactors import (
    PatternRedactor,
    RedactionFailed,
    Redactors,
    outside_marks,
)
from governance.session.commands import Command
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine
from governance.values import Json

STAFF = PatternRedactor.of({"staff-number": "EMP-[0-9]{6}"})


def config_of(text: str) -> Config:
    return read_config(text, "governance.toml", Path("/project"))


def test_a_projects_own_pattern_is_taken_out_everywhere() -> None:
    """In texts, in keys, in whatever they are nested in; what stands around stays."""
    value: Json = {"a": ["of EMP-123456, and EMP-654321"], "EMP-111111": 1, "b": True}

    clean, found = STAFF(value)

    mark = "[redacted:staff-number]"
    assert clean == {"a": [f"of {mark}, and {mark}"], mark: 1, "b": True}
    assert found == ("staff-number",)
    assert STAFF({"a": "EMP-12"}) == ({"a": "EMP-12"}, ())


def test_marks_are_left_alone() -> None:
    """A pattern that fits what stands in place of a secret does not garble it."""
    clean, _ = PatternRedactor.of({"word": "[a-z]+"})("red [redacted:staff-number] x1")

    assert clean == "[redacted:word] [redacted:staff-number] [redacted:word]1"
    assert outside_marks("a[redacted:x", str.upper) == "A[REDACTED:X"


def test_a_pattern_takes_linear_time() -> None:
    """What makes other engines run for ever is found, or not, at once."""
    evil = PatternRedactor.of({"evil": "(a+)+b"})

    assert evil("a" * 100_000) == ("a" * 100_000, ())


def test_what_the_configuration_names_is_put_together() -> None:
    """The built-in one first; without anything of the project's own it alone."""
    whole = redaction_of(config_of('[redaction]\npatterns.staff = "EMP-[0-9]{6}"\n'))

    clean, found = whole({"command": "curl -H 'Authorization: Bearer abcdef123456' EMP-123456"})

    assert "abcdef123456" not in str(clean)
    assert "EMP-" not in str(clean)
    assert found == ("authorization", "staff")
    off = "[journal]\nredaction = false\n"
    assert redaction_of(config_of(off)) is keep_all
    only = redaction_of(config_of(off + '[redaction]\npatterns.staff = "EMP-[0-9]{6}"\n'))
    assert only("Bearer abcdef123456 EMP-123456")[0] == "Bearer abcdef123456 [redacted:staff]"


def test_a_library_finds_what_it_knows() -> None:
    """`detect-secrets`, whose plugins know tokens of many issuers; whole tokens go."""
    find = redaction_of(
        config_of('journal.redaction = false\nredaction.detectors = ["detect-secrets"]')
    )
    token = "ghp_" + "a1B2" * 9
    text = f"use {token}\nthen http://user:pa55w0rd@example.org/ at 8.8.8.8, fine"

    clean, found = find({"text": text, "plain": "nothing here\n"})

    assert token not in str(clean)
    assert "pa55w0rd" not in str(clean)
    assert "8.8.8.8, fine" in str(clean)
    assert str(clean).startswith("{'text': 'use [redacted:github-token]\\n")
    assert found == ("github-token", "basic-auth-credentials") or set(found) == {
        "github-token",
        "basic-auth-credentials",
    }
    assert find("x" * 50_000 + " AKIAIOSFODNN7EXAMPLE " + "y" * 50_000)[1] == ("aws-access-key",)


def test_an_untrusted_file_empties_no_journal() -> None:
    """A pattern that matches everything would: until a person trusts it, it does not count."""
    config = config_of('[redaction]\npatterns.all = ".+"\n')

    assert dict(until_trusted(config).redaction.patterns) == {}


@pytest.mark.parametrize(
    "pattern", ["(", "(?=a)", "a*", "", "(a)\\1"], ids=["open", "ahead", "empty", "none", "back"]
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    """By name and line, before anything is governed by it."""
    with pytest.raises(DefinitionError, match=r"GOV312|GOV303"):
        config_of(f"[redaction.patterns]\nx = '{pattern}'\n")


def broken(_: Json) -> tuple[Json, tuple[str, ...]]:
    raise ValueError("the secret was hunter2")


def rows(journal: Journal) -> list[bytes]:
    return [one.body for one in journal.read("s")]


def test_a_redactor_that_fails_denies_and_nothing_is_written() -> None:
    """Plain text is not what is left of a redaction that failed."""
    failing = Redactors((broken,))
    with pytest.raises(RedactionFailed) as error:
        failing("x")
    assert "hunter2" not in str(error.value)
    law = law_of()
    clock = ManualClock()
    with memory_engine(clock=clock, law=law) as engine:
        session = engine.start("s")
        session.turn("go")
        before = rows(engine.journal)
        engine.law = type(law)(
            machine=law.machine,
            rules=law.rules,
            settings=law.settings,
            places=law.places,
            redact=failing,
        )

        reply = session.tool("shell", {"command": "echo fine"}, call_id="1")

        assert reply.denied
        assert "GOV555" in reply.message
        assert rows(engine.journal) == before
        with pytest.raises(RedactionFailed):
            engine.handle(Command(event="turn_end", session="s"))
        assert rows(engine.journal) == before
