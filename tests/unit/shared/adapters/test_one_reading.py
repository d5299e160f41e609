"""What the guard lets through, others read as it does: where parsers differ, somebody is let in by the difference."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, ip_address
from urllib.parse import urlsplit

import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from shared.adapters.outbound_guard import Guard
from shared.errors import UrlNotAllowed

PIECES = st.sampled_from(
    [
        *(
            "http",
            "https",
            "://",
            ":",
            "/",
            "//",
            "\\",
            "@",
            "#",
            "?",
            "%",
            "[",
            "]",
            ".",
            "..",
            "-",
            "_",
            " ",
            "\t",
            ";",
        ),
        *(
            "127",
            "0",
            "0x7f",
            "0177",
            "1",
            "8",
            "255",
            "256",
            "::1",
            "ffff",
            "example",
            "com",
            "xn--",
            "a",
            "A",
            "é",
            "。",
        ),
        *("%2e", "%40", "%00", "&", "=", "80", "443", "65536", "\x00", "\n", "１", "ß", "localhost", "{", "|"),  # noqa: RUF001
    ]
)
BASES = st.sampled_from(
    ["http://8.8.8.8/", "https://a.example.com:8443/b?c=d#e", "HTTPS://A.example.com", "http://[2606:4700::1]:80/x"]
)


@st.composite
def urls(draw: st.DrawFn) -> str:
    """A good URL, with something put into it."""
    url = draw(BASES)
    for piece in draw(st.lists(PIECES, max_size=3)):
        place = draw(st.integers(0, len(url)))
        url = url[:place] + piece + url[place:]
    return url


@settings(max_examples=1500, deadline=None)
@given(url=urls())
@example(url="http://8.8.8.8:80/a?b@c#d")
@example(url="https://A.example.com:443")
@example(url="http://[2aa6:06:4700::1]:80/x")
def test_everybody_reads_an_allowed_url_alike(url: str) -> None:
    try:
        target = Guard().read(url)
    except UrlNotAllowed:
        return
    ours = (target.scheme, _same(target.host), target.port)
    default = {"http": 80, "https": 443}
    plain, theirs, others = urlsplit(target.url), parse_url(target.url), httpx.URL(target.url)
    assert (plain.scheme, _same(plain.hostname or ""), plain.port or default[plain.scheme]) == ours
    assert theirs.scheme is not None
    assert (theirs.scheme, _same((theirs.host or "").strip("[]")), theirs.port or default[theirs.scheme]) == ours
    assert (others.scheme, _same(others.raw_host.decode()), others.port or default[others.scheme]) == ours
    assert "#" not in target.url


def _same(host: str) -> str:
    """One spelling of an address of which there are several, such as IPv6 with and without leading zeros."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host


NUMBERS = st.sampled_from(["0", "1", "8", "08", "010", "127", "0x7f", "0X8", "255", "256", "65535", "2130706433", "0x"])


@settings(max_examples=1500, deadline=None)
@given(parts=st.lists(NUMBERS, min_size=1, max_size=5), dot=st.sampled_from(["", "", "."]))
def test_a_host_that_a_system_takes_for_an_address_is_one_to_us(parts: list[str], dot: str) -> None:
    name = ".".join(parts) + dot
    try:
        meant = IPv4Address(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return
    try:
        target = Guard().read(f"http://{name}/")
    except UrlNotAllowed:
        return
    assert target.literal == meant
    assert meant.is_global
