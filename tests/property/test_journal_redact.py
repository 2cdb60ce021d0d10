"""What is redacted before writing: seeded secrets never survive, ordinary text always does."""

from __future__ import annotations

import base64
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.journal.redact import redact, redact_text
from governance.journal.secret_patterns import PATTERNS
from governance.values import Json, ValueRefused

_ALNUM = string.ascii_letters + string.digits


def _word(size: int, alphabet: str = _ALNUM) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=size, max_size=size)


def _generated(size: int) -> st.SearchStrategy[str]:
    """A word as generators make them: with letters, digits and some variety in both."""
    return _word(size - 6).map(lambda body: f"q7{body}Z4x9")


# kind of secret -> (the text around it, the secret itself)
_SEEDS: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "aws-access-key": _word(16, string.ascii_uppercase + string.digits).map(
        lambda w: ("{}", f"AKIA{w}")
    ),
    "github-token": _word(36).map(lambda w: ("{}", f"ghp_{w}")),
    "gitlab-token": _word(20).map(lambda w: ("{}", f"glpat-{w}")),
    "slack-token": _word(24).map(lambda w: ("{}", f"xoxb-1234567890-{w}")),
    "slack-webhook": _word(24).map(
        lambda w: ("https://hooks.slack.com/services/{}", f"T0000/B0000/{w}")
    ),
    "stripe-key": _word(24).map(lambda w: ("{}", f"sk_live_{w}")),
    "anthropic-key": _word(40).map(lambda w: ("{}", f"sk-ant-api03-{w}")),
    "openai-key": _word(48).map(lambda w: ("{}", f"sk-proj-{w}")),
    "npm-token": _word(36).map(lambda w: ("{}", f"npm_{w}")),
    "pypi-token": _word(60).map(lambda w: ("{}", f"pypi-AgEIcHlwaS5vcmc{w}")),
    "google-api-key": _word(35).map(lambda w: ("{}", f"AIza{w}")),
    "jwt": _word(20).map(lambda w: ("{}", f"eyJhbGciOi{w}.eyJzdWIiOi{w}.{w}")),
    "private-key": _word(64).map(
        lambda w: (
            "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----",
            f"MHcCAQEEI{w}",
        )
    ),
    "authorization": _generated(20).map(lambda w: ("Authorization: Bearer {}", w)),
    "bearer-token": _generated(24).map(lambda w: ("bearer {}", w)),
    "basic-credentials": _word(12).map(
        lambda w: ("Basic {}", base64.b64encode(f"user:{w}".encode()).decode())
    ),
    "url-password": _word(10).map(lambda w: ("postgres://me:{}@db.example:5432/x", f"p{w}")),
    "assigned-secret": st.tuples(
        st.sampled_from(
            [
                "export API_KEY={}",
                "DB_PASSWORD={} ./run",
                'MY_SECRET="{}"',
                "client_secret = '{}'",
                '{{"password": "{}"}}',
                '{{\\"auth_token\\": \\"{}\\"}}',
                "access_key: {}",
                "deploy --token {} --now",
                "https://example.org/x?access_token={}&y=1",
                'Password => "{}"',
            ]
        ),
        _generated(20),
    ),
}

_ANY_SEED = st.sampled_from(sorted(_SEEDS)).flatmap(
    lambda kind: st.tuples(st.just(kind), _SEEDS[kind])
)
_PLAIN = st.text("abcdefgh ijkl\n.,é日", max_size=30)


def test_every_kind_is_seeded() -> None:
    """Each shipped pattern has a seed in this file."""
    assert set(_SEEDS) == {one.name for one in PATTERNS}


@pytest.mark.parametrize("kind", sorted(_SEEDS))
def test_a_seeded_secret_never_survives(kind: str) -> None:
    """Whatever stands around it, the secret is gone, its mark is there and is named."""

    @given(seed=_SEEDS[kind], before=_PLAIN, after=_PLAIN)
    def check(seed: tuple[str, str], before: str, after: str) -> None:
        frame, secret = seed
        text = f"{before} {frame.format(secret)} {after}"
        clean, hits = redact_text(text)
        assert secret not in clean
        assert hits
        assert all(f"[redacted:{hit}]" in clean for hit in hits)
        assert clean.startswith(before)
        assert clean.endswith(after)

    check()


@pytest.mark.parametrize("kind", sorted(_SEEDS))
def test_each_kind_is_named_for_what_it_is(kind: str) -> None:
    """A secret that stands alone is reported under the name of its own pattern."""

    @given(seed=_SEEDS[kind])
    def check(seed: tuple[str, str]) -> None:
        frame, secret = seed
        assert redact_text(f" {frame.format(secret)} ")[1] == (kind,)

    check()


def _nested(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | leaf,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | leaf, inner)
        ),
        max_leaves=8,
    )


@given(data=st.data(), seeds=st.lists(_ANY_SEED, min_size=1, max_size=3))
def test_secrets_are_found_at_any_depth(
    data: st.DataObject, seeds: list[tuple[str, tuple[str, str]]]
) -> None:
    """In values and in keys, however nested, no secret is left; the shape is kept."""
    texts = [frame.format(secret) for _, (frame, secret) in seeds]
    value = data.draw(_nested(st.sampled_from([f" {text} " for text in texts])))
    clean, _ = redact(value)
    dumped = json.dumps(clean, ensure_ascii=False)
    for _, (_, secret) in seeds:
        assert secret not in dumped
    assert _shape(clean) == _shape(value)


def _shape(value: Json) -> object:
    if isinstance(value, dict):
        return [_shape(one) for one in value.values()]
    if isinstance(value, (list, tuple)):
        return [_shape(one) for one in value]
    return type(value)


@given(seeds=st.lists(_ANY_SEED, max_size=4), plain=st.lists(st.text(max_size=20), max_size=4))
def test_redacting_twice_changes_nothing(
    seeds: list[tuple[str, tuple[str, str]]], plain: list[str]
) -> None:
    """What was redacted is left as it is, and nothing is reported a second time."""
    words = [frame.format(secret) for _, (frame, secret) in seeds]
    text = " ".join(word for pair in zip(words, plain, strict=False) for word in pair)
    clean, _ = redact({"a": text, "password": text})
    assert redact(clean) == (clean, ())


@given(st.text("abcdefghij klmnop\n.,;:=-_/'\"(){}[]0123456789", max_size=200))
def test_text_without_telling_words_stays(text: str) -> None:
    """Text that holds no issuer's mark and no name of a secret comes back the same."""
    assert redact_text(text) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        "ls -la && git push origin main",
        "max_tokens=100000",
        "the token: string is read by the tokenizer",
        "secret = os.environ['SECRET_KEY_1']",
        "password=$DB_PASSWORD1 psql",
        "Authorization: Bearer ${TOKEN_1}",
        "DB_PASSWORD=get_password1(env)",
        "this.token=config.auth.token1",
        "TOKEN_FILE=/run/secrets/token1",
        "API_KEY=/run/secrets/key1",
        "see the secret: a good night's sleep",
        "bearer authentication-mechanisms are standard",
        "basic understanding of https://example.org:8080/a@b",
        "PWD=/home/user1/project",
        "keyboard=qwerty12345 monkey: donkey12345",
        "sk-learn and task-management-systems-are-fine",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "uuid 9b2f0c1e-7c61-4a86-9d1f-0a5d1f0e2a11",
        "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----",
        '{"type": "password", "token_count": "12345abc"}',
        "api_key=<your-api-key-1>",
        "password_field='password_1234'",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """References, placeholders, prose, paths, hashes and names of things are no secrets."""
    assert redact({"text": text}) == ({"text": text}, ())


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "", [], {}, {"password": None, "token": 5}])
def test_what_is_no_text_comes_back_itself(value: Json) -> None:
    """Without a find the very value is given back."""
    assert redact(value)[0] is value


def test_keys_that_become_one_are_kept_apart() -> None:
    """Two keys that differ in their secret alone keep both their values."""
    clean, hits = redact({"AKIAIOSFODNN7EXAMPLA": 1, "AKIAIOSFODNN7EXAMPLB": 2})
    assert clean == {"[redacted:aws-access-key]": 1, "[redacted:aws-access-key] (2)": 2}
    assert hits == ("aws-access-key",)


def test_a_lone_surrogate_does_not_hide_a_secret() -> None:
    """Text that is no UTF-8 is searched as well, and the surrogate stays what it is."""
    clean, hits = redact_text("\ud800 AKIAIOSFODNN7EXAMPLE \udfff")
    assert clean == "\ud800 [redacted:aws-access-key] \udfff"
    assert hits == ("aws-access-key",)


def test_endless_nesting_is_refused() -> None:
    """A value deeper than a journal holds is refused by name, not followed for ever."""
    value: Json = "x"
    for _ in range(100):
        value = [value]
    with pytest.raises(ValueRefused, match="64 levels"):
        redact(value)
