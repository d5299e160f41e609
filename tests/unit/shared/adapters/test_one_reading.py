"""What the guard lets through, others read as it does: where parsers differ, somebody is let in by the difference."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
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
URLS = st.builds(
    "{}://{}{}".format, st.sampled_from(["http", "https", "HTTP"]), st.lists(PIECES, max_size=9).map("".join), PIECES
)


@settings(max_examples=1500, deadline=None)
@given(url=URLS | st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=40))
@example(url="http://8.8.8.8:80/a?b@c#d")
@example(url="https://A.example.com:443")
def test_everybody_reads_an_allowed_url_alike(url: str) -> None:
    try:
        target = Guard().read(url)
    except UrlNotAllowed:
        return
    ours = (target.scheme, target.host, target.port)
    default = {"http": 80, "https": 443}
    plain, theirs, others = urlsplit(target.url), parse_url(target.url), httpx.URL(target.url)
    assert (plain.scheme, plain.hostname, plain.port or default[plain.scheme]) == ours
    assert theirs.scheme is not None
    assert (theirs.scheme, (theirs.host or "").strip("[]"), theirs.port or default[theirs.scheme]) == ours
    assert (others.scheme, others.raw_host.decode(), others.port or default[others.scheme]) == ours
    assert "#" not in target.url


@settings(max_examples=1500, deadline=None)
@given(
    host=st.lists(st.sampled_from(["0", "1", "7", "8", "12", "0x", "f", "255", "256", ".", "00", "X", "a"]), max_size=8)
)
def test_a_host_that_a_system_takes_for_an_address_is_one_to_us(host: list[str]) -> None:
    name = "".join(host)
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
