"""
The shipped pattern sets behind `detect` and `redact`; a new version is a new decision.

Sources of the forms: the providers' own docs on key formats, RFC 7519 (JWT), RFC 7468
(PEM), ISO/IEC 7812 (card numbers and their check digit).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from governance.rules.patterns import Pattern, compile_pattern

VERSION = 1
"""Part of a rule set's hash: what a set finds is part of the policy."""

_SECRETS = (
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",
    r"(?i)\baws_secret_access_key[\"']?\s*[:=]\s*[\"']?[0-9a-z/+]{40}",
    r"\bgh[pousr]_[0-9A-Za-z]{36,251}\b",
    r"\bgithub_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}\b",
    r"\bglpat-[0-9A-Za-z_-]{20,}",
    r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}",
    r"\bAIza[0-9A-Za-z_-]{35}",
    r"\b[rs]k_live_[0-9A-Za-z]{16,}",
    r"\bsk-ant-[0-9A-Za-z_-]{20,}",
    r"\bsk-(?:proj-|svcacct-)?[0-9A-Za-z_-]{40,}",
    r"\bhf_[0-9A-Za-z]{34}\b",
    r"\bnpm_[0-9A-Za-z]{36}\b",
    r"\bpypi-AgEI[0-9A-Za-z_-]{50,}",
    r"\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}",
    r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    r"[a-z][a-z0-9+.-]*://[^\s:/@]{1,64}:[^\s:/@]{3,128}@[^\s/@]+",
)
_EMAIL = (
    r"(?i)\b[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}\b"
)
# By the ranges that networks have: Visa, Mastercard, Discover and others; Amex; Diners.
_CARD = (
    r"\b(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6[0-9]{3})(?:[ -]?[0-9]{4}){3}(?:[0-9]{3})?\b"
    r"|\b3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}\b"
    r"|\b3(?:0[0-5]|[68][0-9])[0-9][ -]?[0-9]{6}[ -]?[0-9]{4}\b"
)

_PATTERNS: Mapping[str, str] = {
    "secrets": "|".join(f"(?:{one})" for one in _SECRETS),
    "email": _EMAIL,
    "card": _CARD,
}


def luhn(digits: str) -> bool:
    """Whether the last of *digits* is their check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, sign in enumerate(reversed(digits)):
        number = ord(sign) - 48
        if index % 2:
            number = number * 2 - 9 * (number > 4)
        total += number
    return total % 10 == 0


def spans(name: str, text: str) -> Iterator[tuple[int, int]]:
    """Where the set *name* hits in *text*, from left to right, without overlaps."""
    for hit in _compiled(name).finditer(text):
        if name != "card" or luhn("".join(filter(str.isdigit, hit.group()))):
            yield hit.start(), hit.end()


def detector(name: str) -> Callable[[str], bool]:
    """A test whether a text holds a hit of the set *name*."""
    if name != "card":
        search = _compiled(name).search
        return lambda text: search(text) is not None
    return lambda text: next(spans(name, text), None) is not None


def redacted(name: str, text: str, replacement: str) -> str:
    """*text* with every hit of the set *name* replaced."""
    parts: list[str] = []
    end = 0
    for start, stop in spans(name, text):
        parts.extend((text[end:start], replacement))
        end = stop
    parts.append(text[end:])
    return "".join(parts)


@cache
def _compiled(name: str) -> Pattern:
    return compile_pattern(_PATTERNS[name])
