"""
Hosts in the words of a command line.

Rules compare hosts in a normal form of their own; here a host is only cut out of its address,
and where parsers in use disagree about where it ends, each host is given.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.values import HOLE, Word

_HOSTLESS: Final = frozenset({"file", "data", "about", "javascript", "blob", "unix", "mailto"})
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=[/\\])")
_NUMBER: Final = re.compile(rf"((?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}){HOLE}")
_URL: Final = re.compile(
    r"(?:https?|wss?|ftps?|sftp|ssh|git|tcp|udp|rsync|redis|mongodb(?:\+srv)?|postgres(?:ql)?"
    r"|mysql|amqps?|ldaps?|smb|s3|gs)://[^\s\"'`<>)\]}|;]+",
    re.IGNORECASE,
)


def hosts_in(address: str) -> list[Word]:
    """
    The hosts that *address* may name: a URL, ``user@host:path``, ``host:port`` or a name.

    >>> hosts_in("https://user@pypi.org:443/simple")
    ['pypi.org']
    >>> hosts_in("git@github.com:a/b.git")
    ['github.com']
    """
    text = address.strip()
    found = _SCHEME.match(text)
    if found is not None:
        scheme = found[0][:-1].lower()
        if scheme in _HOSTLESS:
            return []
        text = text[found.end() :].lstrip("/\\")
    elif text[:1] in {"/", ".", "~", ""}:
        return []
    plain = re.split(r"[/?#]", text, maxsplit=1)[0]
    readings = {plain: None, plain.partition("\\")[0]: None}
    hosts: dict[str, None] = {}
    for one in readings:
        host = one.rpartition("@")[2]
        host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if host:
            hosts[host.lower()] = None
            number = _NUMBER.match(host)
            if number is not None:  # `169.254.170.2$PATH_OF_CREDENTIALS`
                hosts[number[1]] = None
    return [Word(one) for one in hosts]


def urls_in(text: str) -> list[str]:
    """
    The URLs that stand anywhere in *text*.

    >>> urls_in("fetch('https://example.org/x')")
    ['https://example.org/x']
    """
    return _URL.findall(text) if "://" in text else []
