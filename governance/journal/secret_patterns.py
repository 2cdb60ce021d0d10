"""
What a secret looks like: shapes that issuers gave their tokens, and values set to a name.

Shapes are matched by RE2, in time linear in the text. Each pattern names fixed words one of
which must occur in the lower-cased text, so that RE2 is not even imported for most texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import frozen

if TYPE_CHECKING:
    import re2

MARK_OPEN = b"[redacted:"

Accept = Callable[[bytes, bytes, bytes], bool]
"""Whether a match is a secret, given the name it is set to, the value, and the byte after."""


def _always(_name: bytes, value: bytes, _after: bytes) -> bool:
    return not value.startswith(MARK_OPEN)


@frozen
class Pattern:
    """
    One kind of secret.

    Attributes:
        name: What stands in its place, as ``[redacted:name]``.

        needles: Lower-case words, one of which every match holds.

        source: RE2 syntax over bytes; a group called ``value`` is the secret (else all of
            the match), one called ``name`` what it is set to.

        accept: The last word, where a shape alone is too weak.
    """

    name: str
    needles: tuple[bytes, ...]
    source: bytes
    accept: Accept = field(default=_always)


_SECRET_WORD = (
    rb"(?:passw(?:or)?d|passphrase|[_-]pwd|secret|token|credential|api[_-]?key|access[_-]?key"
    rb"|private[_-]?key|auth[_-]?key|signing[_-]?key|encryption[_-]?key|master[_-]?key)"
)
_NAME = rb"(?P<name>[A-Za-z0-9_.-]*" + _SECRET_WORD + rb"[A-Za-z0-9_-]*)"
_SECRET_NEEDLES = (b"passw", b"passphrase", b"pwd", b"secret", b"token", b"credential", b"key")

# Texts, which `re` compiles and keeps at their first use: most processes see no secret.
# What a name goes on with when it speaks about a secret rather than holding one.
_ABOUT = (
    rb"(?i)(?:tokens|tokeniz\w*"
    rb"|[_-]?(?:file|path|dir|folder|url|uri|endpoint|id|name|type|kind|count|"
    rb"limit|max|min|length|len|size|ttl|expir\w*|expires?[_-]\w+|budget|policy|prompt|field|"
    rb"header|format|version|regex|pattern|required|enabled|usage|used|env|var|ref))$"
)
_ABOUT_BEFORE = rb"(?i)^(?:max|min|num|n|total|count|input|output|has|is|no)[_-]"
_SECRET_IN_NAME = rb"(?i)" + _SECRET_WORD
_SURE_NAME = rb"(?i)passw|passphrase|pwd|secret"
_NOT_LITERAL = (
    rb"(?i)^(?:\$|<|\{|%|\*|\(|&|#|@)|\$\{|\{\{"
    rb"|^(?:your|example|placeholder|changeme|change-me|dummy|"
    rb"redacted|null$|none$|true$|false$|undefined$|nil$|required|optional|string$|password$|"
    rb"secret$|token$|env[.:])"
)
_DOTTED_NAME = rb"^[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*)+$"
_PLAIN_PATH = rb"^(?:/|\./|\.\./|~/)[\w.@-]+(?:/[\w.@-]+)+/?$"
_VALUE_BYTES_MIN = 6
_WEAK_VALUE_BYTES_MIN = 8
_DISTINCT_MIN = 4


def holds_secret(name: bytes) -> bool:
    """Whether a field called *name* would hold a secret, not speak about one."""
    found = re.search(_SECRET_IN_NAME, name)
    if found is None or re.search(_ABOUT_BEFORE, name):
        return False
    return not re.search(_ABOUT, name[found.start() :])


def _is_literal(value: bytes) -> bool:
    """Whether *value* is written out: no reference, placeholder, path or name of a thing."""
    return not (
        value.startswith(MARK_OPEN)
        or re.search(_NOT_LITERAL, value)
        or re.search(_DOTTED_NAME, value)
        or re.search(_PLAIN_PATH, value)
        or len(set(value)) < _DISTINCT_MIN
    )


def _is_mixed(value: bytes) -> bool:
    """Whether *value* has both letters and digits, as generated secrets have."""
    return (
        len(value) >= _WEAK_VALUE_BYTES_MIN
        and re.search(rb"[0-9]", value) is not None
        and re.search(rb"[A-Za-z]", value) is not None
    )


def is_set_value(name: bytes, value: bytes, after: bytes = b"") -> bool:
    """
    Whether *value*, written in quotes or right behind ``=``, is the secret called *name*.

    A name that can only mean a secret (a password) takes any literal; another one (a
    token, a key) only a literal of letters and digits.
    """
    if after in (b"(", b"[") or not holds_secret(name) or not _is_literal(value):
        return False
    if re.search(rb"\s", value):
        return b"passphrase" in name.lower() and len(value) >= _WEAK_VALUE_BYTES_MIN
    if re.search(_SURE_NAME, name):
        return len(value) >= _VALUE_BYTES_MIN
    return _is_mixed(value)


def _is_loose_value(name: bytes, value: bytes, after: bytes) -> bool:
    """As `is_set_value`, where a plain word may be prose: only letters with digits count."""
    return _is_mixed(value) and is_set_value(name, value, after)


def _is_mixed_token(_name: bytes, value: bytes, _after: bytes) -> bool:
    return _is_literal(value) and _is_mixed(value)


def _is_basic(_name: bytes, value: bytes, _after: bytes) -> bool:
    """Whether *value* is ``user:password`` in base64, which is what basic credentials are."""
    import base64

    try:
        plain = base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False
    return b":" in plain and all(byte >= 0x20 for byte in plain)


def _is_literal_value(_name: bytes, value: bytes, _after: bytes) -> bool:
    """Any literal, however weak: where it stands says that it is a password."""
    return not (value.startswith(MARK_OPEN) or re.search(_NOT_LITERAL, value))


_BARE = rb"[^\s\"'`;&|<>(){}\[\],\\$]"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "private-key",
        (b"private key",),
        rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
        rb"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    Pattern(
        "aws-access-key",
        (b"akia", b"asia", b"abia", b"acca"),
        rb"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    ),
    Pattern(
        "github-token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    Pattern(
        "gitlab-token",
        (
            b"glpat-",
            b"glptt-",
            b"gldt-",
            b"glrt-",
            b"glrtr-",
            b"glcbt-",
            b"gloas-",
            b"glft-",
            b"glsoat-",
            b"glimt-",
            b"glagent-",
            b"glffct-",
        ),
        rb"\bgl(?:pat|ptt|dt|rt|rtr|cbt|oas|ft|soat|imt|agent|ffct)-[A-Za-z0-9_.-]{20,}",
    ),
    Pattern(
        "slack-token",
        (b"xox", b"xapp-"),
        rb"\bxox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|\bxapp-[0-9]-[A-Za-z0-9-]{10,}",
    ),
    Pattern(
        "slack-webhook",
        (b"hooks.slack.com",),
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<value>[A-Za-z0-9+/_-]{20,})",
    ),
    Pattern(
        "stripe-key",
        (b"k_live_", b"k_test_", b"whsec_"),
        rb"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/]{24,}=*",
    ),
    Pattern("anthropic-key", (b"sk-ant-",), rb"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    Pattern(
        "openai-key",
        (b"sk-",),
        rb"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{32,}",
    ),
    Pattern("npm-token", (b"npm_",), rb"\bnpm_[A-Za-z0-9]{36,}"),
    Pattern("pypi-token", (b"pypi-age",), rb"\bpypi-AgE[A-Za-z0-9_-]{20,}"),
    Pattern("google-api-key", (b"aiza",), rb"\bAIza[A-Za-z0-9_-]{35,}"),
    Pattern(
        "jwt",
        (b"eyj",),
        rb"\beyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*",
    ),
    Pattern(
        "authorization",
        (b"authorization",),
        rb"(?i)\bauthorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:bearer|basic|token|apikey)\s+"
        rb"(?P<value>[^\s\"'\\,;<>]{6,})",
        _is_literal_value,
    ),
    Pattern(
        "bearer-token",
        (b"bearer",),
        rb"(?i)\bbearer\s+(?P<value>[A-Za-z0-9._~+/-]{16,}=*)",
        _is_mixed_token,
    ),
    Pattern(
        "basic-credentials",
        (b"basic",),
        rb"(?i)\bbasic\s+(?P<value>[A-Za-z0-9+/]{8,}={0,2})",
        _is_basic,
    ),
    Pattern(
        "url-password",
        (b"://",),
        rb"(?i)\b[a-z][a-z0-9+.-]*://[^\s/?#@:\"'<>]*:(?P<value>[^\s/?#\"'<>]+)@",
        _is_literal_value,
    ),
    Pattern(
        "assigned-secret",
        _SECRET_NEEDLES,
        rb"(?i)" + _NAME + rb"\\*[\"']?\s*(?:=>|:=|=|:)\s*\\*\"(?P<value>[^\"\\\n]{6,})",
        is_set_value,
    ),
    Pattern(
        "assigned-secret",
        _SECRET_NEEDLES,
        rb"(?i)" + _NAME + rb"\\*[\"']?\s*(?:=>|:=|=|:)\s*'(?P<value>[^'\n]{6,})",
        is_set_value,
    ),
    Pattern(
        "assigned-secret",
        _SECRET_NEEDLES,
        rb"(?i)" + _NAME + rb"=(?P<value>" + _BARE + rb"{6,})",
        is_set_value,
    ),
    Pattern(
        "assigned-secret",
        _SECRET_NEEDLES,
        rb"(?i)(?:" + _NAME + rb"[\"']?\s*:[ \t]+)(?P<value>" + _BARE + rb"{8,})",
        _is_loose_value,
    ),
    Pattern(
        "assigned-secret",
        _SECRET_NEEDLES,
        rb"(?i)--" + _NAME + rb"[ \t]+(?P<value>" + _BARE + rb"{6,})",
        _is_loose_value,
    ),
)
"""In the order they are applied: an issuer's shape before a mere name."""

_compiled: dict[bytes, re2._Regexp] = {}


def compiled(pattern: Pattern) -> re2._Regexp:
    """*pattern* in RE2, over bytes taken one by one, compiled at its first use."""
    made = _compiled.get(pattern.source)
    if made is None:
        import re2

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        made = _compiled[pattern.source] = re2.compile(pattern.source, options)
    return made


NEEDLES: tuple[str, ...] = tuple(
    sorted({needle.decode() for pattern in PATTERNS for needle in pattern.needles})
)
"""A text that holds none of these, in lower case, holds no secret that is known here."""
