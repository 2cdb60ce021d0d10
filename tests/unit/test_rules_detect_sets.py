"""The shipped pattern sets: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from governance.rules.detect import detector, luhn, redacted, spans

# Put together here, so that no scanner of secrets takes this file for a leak.
_SECRETS = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "aws_secret_access_key = '" + "a1B2" * 10 + "'",
    "ghp_" + "a" * 36,
    "github_pat_" + "a" * 22 + "_" + "b" * 59,
    "glpat-" + "a" * 20,
    "xoxb-" + "1" * 12,
    "AIza" + "a" * 35,
    "sk_live_" + "a" * 24,
    "sk-ant-" + "a" * 24,
    "sk-proj-" + "a" * 48,
    "hf_" + "a" * 34,
    "npm_" + "a" * 36,
    "pypi-AgEI" + "a" * 60,
    "SG." + "a" * 22 + "." + "b" * 43,
    "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 12,
    "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "-----BEGIN " + "PRIVATE KEY-----",
    "postgres://ann:" + "hunter22" + "@db.test/x",
]


@pytest.mark.parametrize("secret", _SECRETS)
def test_secrets_are_found_and_redacted(secret: str) -> None:
    """Each form is found within other text, and nothing of it is left."""
    text = f"before {secret} after"

    assert detector("secrets")(text)
    assert redacted("secrets", text, "*").startswith("before *")
    assert not detector("secrets")(redacted("secrets", text, "*"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a plain sentence",
        "AKIA is a prefix",
        "-----BEGIN PUBLIC KEY-----",
        "https://example.com/a:b@c",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ann@host",
    ],
)
def test_no_secret(text: str) -> None:
    """What only looks a little like a secret is none."""
    assert not detector("secrets")(text)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("email", "write to a.b+c@mail.example.org.", "write to *."),
        ("email", "not@home, nor @user", "not@home, nor @user"),
        ("card", "4111-1111-1111-1111", "*"),
        ("card", "378282246310005 and 5555555555554444", "* and *"),
        ("card", "4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("card", "20260101120000", "20260101120000"),
    ],
)
def test_mail_and_cards(name: str, text: str, wanted: str) -> None:
    """Addresses and numbers with a right check digit are replaced, and nothing else."""
    assert redacted(name, text, "*") == wanted


def test_spans_do_not_overlap() -> None:
    """Hits come from left to right, each after the one before."""
    found = list(spans("email", "a@b.org,c@d.org"))

    assert found == [(0, 7), (8, 15)]


@pytest.mark.parametrize(("digits", "wanted"), [("79927398713", True), ("79927398710", False)])
def test_luhn(digits: str, wanted: bool) -> None:
    """The check digit of ISO/IEC 7812."""
    assert luhn(digits) is wanted
