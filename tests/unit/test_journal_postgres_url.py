"""What a `postgresql://` URL may say, and that no secret in one is ever repeated."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import DefinitionError, GovernanceError
from governance.journal import open_journal
from governance.journal.opening import shown_url
from governance.journal.postgres_faults import ServerRefused
from governance.journal.postgres_url import OPTIONS, target_of
from tests.postgres_server import Server

SECRET = "hunter2secret"


def test_words_of_ours_and_of_libpq_go_their_ways() -> None:
    """Our options make the target, all others are libpq's, and have defaults that bound waits."""
    target = target_of(
        "postgresql://me@db.example:5433/gov?schema=s1&tenant=Team-1&mirror=off&notify=on"
        "&connections_max=3&sslmode=verify-full&target_session_attrs=read-write"
    )
    assert (target.schema, target.tenant, target.connections_max) == ("s1", "Team-1", 3)
    assert (target.mirrored, target.notifies) == (False, True)
    assert target.parameters["host"] == "db.example"
    assert target.parameters["sslmode"] == "verify-full"
    assert target.parameters["connect_timeout"] == "10"
    assert not set(target.parameters) & set(OPTIONS)
    assert "me" not in target.place


def test_a_short_url_has_sound_defaults() -> None:
    """Nothing but the scheme names the server of this user's surroundings."""
    target = target_of("postgresql://")
    assert (target.schema, target.tenant, target.connections_max) == ("governance", "main", 8)
    assert (target.mirrored, target.notifies) == (True, False)


@pytest.mark.parametrize(
    "words",
    [
        "schema=Bad",
        "schema=a%22b",
        "schema=",
        "tenant=a/b",
        "tenant=",
        "mirror=maybe",
        "notify=1",
        "connections_max=0",
        "connections_max=101",
        "connections_max=x",
        "schema=a&schema=b",
        "no_such_word=1",
        "port=x",
        "broken",
    ],
)
def test_a_wrong_word_is_refused(words: str) -> None:
    """Each is a definition that cannot be used, with the code of a bad URL."""
    with pytest.raises(DefinitionError) as caught:
        target_of(f"postgresql://host/db?{words}")
    assert caught.value.diagnostics[0].code == "GOV510"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host/db",
        f"postgresql://:{SECRET}@host/db",
        f"postgresql://me:{SECRET}?x@host/db",
        f"postgresql://me:{SECRET}/x@host/db",
        f"postgresql://me:1{SECRET}#x@host/db",
        f"postgresql://me:x?{SECRET}=1@host/db",
        f"postgresql://host/db?password={SECRET}",
        f"postgresql://host/db?sslpassword={SECRET}",
        f"postgres://me:{SECRET}@host/db",
        f"postgre://me:{SECRET}@host/db",
        f"mysql://me:{SECRET}@host/db",
        f"sqlite://me:{SECRET}@host/db",
        f"sqlite:///x?password={SECRET}",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    """Whatever is wrong with the URL, no message holds the secret."""
    with pytest.raises(GovernanceError) as caught:
        open_journal(url, base=tmp_path, create=True)
    assert SECRET not in str(caught.value) + repr(caught.value)
    assert SECRET not in shown_url(url) or "=1@" in url


@given(st.text(st.characters(codec="utf-8", exclude_characters="@"), min_size=4, max_size=12))
def test_no_secret_comes_through_whatever_signs_it_has(noise: str) -> None:
    """Between the first colon and the last at-sign nothing is shown."""
    secret = f"s{noise}s"
    assert secret not in shown_url(f"postgresql://me:{secret}@host/db")


def test_a_password_from_the_environment_is_in_no_message(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The right one opens the store, a wrong one is refused at once, neither is shown."""
    caplog.set_level(logging.DEBUG)
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE locked LOGIN SUPERUSER PASSWORD '{SECRET}'".encode())
        with server.asking_passwords():
            url = server.url(user="locked", mirror="off")
            monkeypatch.setenv("PGPASSWORD", SECRET)
            journal = open_journal(url, base=tmp_path, create=True)
            assert journal.verify().ok
            journal.close()
            monkeypatch.setenv("PGPASSWORD", f"{SECRET}-wrong")
            with pytest.raises(ServerRefused, match="does not let this user in") as caught:
                open_journal(url, base=tmp_path, create=True)
            monkeypatch.delenv("PGPASSWORD")
            file = tmp_path / "passwords"
            file.write_text(f"*:*:*:locked:{SECRET}\n")
            file.chmod(0o600)
            again = open_journal(f"{url}&passfile={file}", base=tmp_path, create=False)
            again.close()
    shown = str(caught.value) + repr(caught.value) + repr(journal) + caplog.text
    assert SECRET not in shown
