"""The host that an address leads to, for every trick that hides it."""

from __future__ import annotations

import pytest

from governance.rules.domains import domain_test, hosts_of, normal_domain
from governance.rules.globs import PatternError
from governance.rules.vocabulary import Unknown


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("https://pypi.org/simple", ("pypi.org",)),
        ("https://pypi.org@evil.test/", ("evil.test",)),
        ("https://user:p@ss@evil.test:8443/x", ("evil.test",)),
        ("https://pypi.org\\@evil.test/", ("pypi.org", "evil.test")),
        ("https://evil.test#@pypi.org/", ("evil.test",)),
        ("https://evil.test?@pypi.org/", ("evil.test",)),
        ("HTTPS://PyPI.ORG./", ("pypi.org",)),
        ("  https://evil.test", ("evil.test",)),
        ("ht\ttps://ev\nil.test", ("evil.test",)),
        ("http:evil.test", ("evil.test",)),
        ("http:///evil.test/x", ("evil.test",)),
        ("https:\\\\evil.test", ("evil.test",)),
        ("//evil.test/x", ("evil.test",)),
        ("evil.test/x", ("evil.test",)),
        ("evil.test:443", ("evil.test",)),
        ("localhost:8080/x", ("localhost",)),
        ("git@github.com:a/b", ("github.com",)),
        ("ssh://git@github.com/a", ("github.com",)),
        ("https://e%76il.test", ("evil.test",)),
        ("https://evil\u3002test/", ("evil.test",)),
        ("https://\uff45vil.test/", ("evil.test",)),
        ("https://b\u00fccher.example/", ("xn--bcher-kva.example",)),
        ("https://stra\u00dfe.de/", ("strasse.de", "xn--strae-oqa.de")),
        ("http://[::1]:80/", ("::1",)),
        ("http://[0:0:0:0:0:0:0:1]/", ("::1",)),
        ("http://[::ffff:127.0.0.1]/", ("127.0.0.1",)),
        ("http://[fe80::1%25eth0]/", ("fe80::1",)),
        ("http://0x7f.1/", ("127.0.0.1",)),
        ("http://2130706433/", ("127.0.0.1",)),
        ("http://017700000001/", ("127.0.0.1",)),
        ("http://127.1", ("127.0.0.1",)),
        ("http://evil.test:80:90/", ("evil.test",)),
    ],
)
def test_hosts(address: str, hosts: tuple[str, ...]) -> None:
    """Every host that a client in use would contact is given, normalised."""
    assert hosts_of(address) == hosts


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "/etc/passwd",
        "file:///etc/passwd",
        "data:text/html,x",
        "javascript:alert(1)",
        "https://a..b/",
        "https://a b/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://1.2.3.999/",
        "http://[::zz]/",
        "http://08.1/",
        "http://0xzz.0xz/",
        "https://\u00df" + "x" * 80 + ".de/",
        "https://\u00fc" * 1 + "\u00fc" * 80 + ".de/",
        "https://" + "a" * 64 + ".test/",
        "https://" + "a." * 130 + "test/",
    ],
)
def test_no_host_is_unknown(address: str) -> None:
    """What leads to no host, or to none that can be told, is unknown and not nothing."""
    hosts = hosts_of(address)

    assert hosts
    assert all(isinstance(host, Unknown) for host in hosts)


@pytest.mark.parametrize(
    ("patterns", "host", "wanted"),
    [
        (["pypi.org"], "pypi.org", True),
        (["pypi.org"], "a.pypi.org", False),
        (["*.x.org"], "a.b.x.org", True),
        (["*.x.org"], "x.org", False),
        (["*.x.org"], "evilx.org", False),
        (["*.x.org", "x.org"], "x.org", True),
        (["B\u00dcCHER.example"], "xn--bcher-kva.example", True),
        (["::1"], "::1", True),
    ],
)
def test_domain_patterns(patterns: list[str], host: str, wanted: bool) -> None:
    """A name is itself alone, and a star stands for what is below."""
    assert domain_test(patterns)(host) is wanted


@pytest.mark.parametrize(
    "pattern",
    ["https://x.org", "x.org/a", "x.org:80", "a@x.org", "*x.org", "a.*.org", "*", "", "a b"],
)
def test_refused_patterns(pattern: str) -> None:
    """A pattern that is no bare host is refused, for it would never match."""
    with pytest.raises(PatternError):
        domain_test([pattern])


def test_normal_domain_is_idempotent() -> None:
    """A normalised host is its own normal form."""
    once = normal_domain("B\u00dcCHER.Example.")

    assert normal_domain(once) == once
