"""
Hosts as rules compare them: lower case, IDNA, without port and user.

A governed agent chooses the address and a policy must not be talked around, so where
parsers in use disagree about the host (a back slash before ``@``, letters that the two
IDNA standards treat differently), *every* host that one of them would contact is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from governance.rules.globs import PatternError
from governance.rules.vocabulary import Unknown

HOST_CHARACTERS_MAX = 253
_NETWORK = frozenset({"http", "https", "ws", "wss", "ftp", "ftps", "sftp", "ssh", "git", "rsync"})
_HOSTLESS = frozenset({"file", "data", "blob", "about", "javascript"})
_SCHEME_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")
_FORBIDDEN = frozenset(" \t\r\n\x00#%/:<>?@[\\]^|`{}\"'*")
# Mapped away by IDNA 2003 and kept by IDNA 2008: two standards, two hosts.
_DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")


def hosts_of(address: str) -> tuple[str | Unknown, ...]:
    """
    Every host that a client may contact for *address*, normalised, at least one entry.

    An address without a network host (``file:``, ``data:``, text) gives one `Unknown`.

    >>> hosts_of("https://pypi.org@evil.test:8443/x")
    ('evil.test',)
    >>> hosts_of("https://pypi.org\\\\@evil.test/")
    ('pypi.org', 'evil.test')
    """
    # Clients drop these signs wherever they stand (WHATWG URL, section 4.4).
    text = address.strip("\x00\x20\t\r\n").translate({9: None, 10: None, 13: None})
    scheme, colon, rest = text.partition(":")
    lower = scheme.lower()
    if colon and (lower in _NETWORK or rest.startswith(("//", "\\\\"))):
        if lower in _HOSTLESS:
            return (Unknown(f"a `{lower}:` address names no host"),)
        return _authorities(rest.lstrip("/\\"))
    if colon and "@" in scheme:
        return _authorities(scheme)  # user@host:path, as git and scp take it
    if colon and not rest[:1].isdigit() and _SCHEME_SIGNS.issuperset(lower):
        return (Unknown(f"a `{lower[:40]}:` address names no host"),)
    if text.startswith(("/", "\\")) and not text.startswith(("//", "\\\\")):
        return (Unknown("an address without a host"),)
    return _authorities(text.lstrip("/\\"))


def _authorities(rest: str) -> tuple[str | Unknown, ...]:
    ends = ("/", "?", "#")
    plain = _until(rest, ends)
    readings = [plain] if "\\" not in plain else [_until(rest, (*ends, "\\")), plain]
    found: dict[str | Unknown, None] = {}
    for authority in readings:
        for host in _normal_hosts(_without_user_and_port(authority)):
            found[host] = None
    return tuple(found)


def _until(text: str, ends: Iterable[str]) -> str:
    for end in ends:
        text = text.split(end, 1)[0]
    return text


def _without_user_and_port(authority: str) -> str:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.split(":", 1)[0]


def _normal_hosts(host: str) -> tuple[str | Unknown, ...]:
    if not host:
        return (Unknown("an address without a host"),)
    if host.startswith("["):
        return (_ipv6(host[1:-1]),)
    if "%" in host:
        from urllib.parse import unquote  # costs a hook 3 ms, and is hardly ever needed

        host = unquote(host, errors="replace")
    if host.isascii():
        return (_checked(host.lower()),)
    spelled = {_idna(host)}
    if _DEVIATIONS & set(host):
        spelled.add(_idna_kept(host))
    return tuple(sorted(spelled, key=str))


def _idna(host: str) -> str | Unknown:
    try:
        return _checked(host.encode("idna").decode("ascii").lower())
    except (UnicodeError, ValueError):
        return Unknown(f"`{host[:100]}` is no name of a host")


def _idna_kept(host: str) -> str | Unknown:
    labels = host.lower().replace("\u3002", ".").split(".")
    try:
        return _checked(
            ".".join(
                one if one.isascii() else "xn--" + one.encode("punycode").decode("ascii")
                for one in labels
            )
        )
    except (UnicodeError, ValueError):
        return Unknown(f"`{host[:100]}` is no name of a host")


def _checked(host: str) -> str | Unknown:
    host = host.removesuffix(".")
    labels = host.split(".")
    if (
        not host
        or len(host) > HOST_CHARACTERS_MAX
        or not _FORBIDDEN.isdisjoint(host)
        or not all(0 < len(one) <= 63 for one in labels)
        or any(sign < "!" or sign > "~" for sign in host)
    ):
        return Unknown(f"`{host[:100]}` is no name of a host")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        return _ipv4(labels)
    return host


def _ipv4(labels: list[str]) -> str | Unknown:
    """Four numbers, or fewer of which the last fills the rest; decimal, octal or hex."""
    bad = Unknown(f"`{'.'.join(labels)[:100]}` is no address")
    if len(labels) > 4:
        return bad
    numbers: list[int] = []
    for label in labels:
        try:
            if label.startswith("0x"):
                numbers.append(int(label[2:] or "0", 16))
            elif label != "0" and label.startswith("0"):
                numbers.append(int(label, 8))
            else:
                numbers.append(int(label))
        except ValueError:
            return bad
    *firsts, last = numbers
    if any(one > 255 for one in firsts) or last >= 256 ** (5 - len(numbers)):
        return bad
    whole = last
    for index, one in enumerate(firsts):
        whole += one << (8 * (3 - index))
    return ".".join(str(whole >> shift & 255) for shift in (24, 16, 8, 0))


def _ipv6(text: str) -> str | Unknown:
    from ipaddress import AddressValueError, IPv6Address

    try:
        address = IPv6Address(text.split("%", 1)[0])
    except AddressValueError:
        return Unknown(f"`[{text[:100]}]` is no address")
    # An address of IPv4 in the form of IPv6 leads to the same machine.
    return str(address.ipv4_mapped) if address.ipv4_mapped else address.compressed


def normal_domain(text: str) -> str:
    """
    One host as a pack writes it, normalised.

    Raises:
        PatternError: Not a bare host: a scheme, a path, a port, a user or a star.
    """
    for sign, what in (("://", "a scheme"), ("/", "a path"), ("@", "a user"), ("*", "a star")):
        if sign in text:
            raise PatternError(f"`{text}` has {what}; a host alone is expected")
    bracketed = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    if ":" in bracketed and not bracketed.startswith("["):
        raise PatternError(f"`{text}` has a port; a host alone is expected")
    host = _normal_hosts(bracketed)[0]
    if isinstance(host, Unknown):
        raise PatternError(host.reason)
    return host


def normal_pattern(pattern: str) -> str:
    """
    *pattern* normalised: an exact name, or ``.x.org`` for every name below ``x.org``.

    Raises:
        PatternError: As `normal_domain`, and for a star elsewhere than in front.
    """
    if pattern.startswith("*."):
        return "." + normal_domain(pattern[2:])
    if "*" in pattern:
        raise PatternError(f"`{pattern}`: a star stands in front only, as `*.example.com`")
    return normal_domain(pattern)


def domain_test(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test of normalised hosts against any of *patterns*. Raises as `normal_pattern`."""
    known = [normal_pattern(one) for one in patterns]
    exact = frozenset(one for one in known if not one.startswith("."))
    ends = tuple(one for one in known if one.startswith("."))
    # Below a name, never the name itself: `.x.org` must have something before it.
    return lambda host: host in exact or host.endswith(ends)
