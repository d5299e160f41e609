"""What may be called, as far as a URL tells."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from shared.adapters.outbound_guard import Guard
from shared.config import ConfigurationError, Outbound, load
from shared.errors import UrlNotAllowed
from tests.support.hostile_urls import LITERAL, NAMES


@pytest.mark.parametrize("url", LITERAL)
def test_a_hostile_url_is_refused_as_it_is_written(url: str) -> None:
    with pytest.raises(UrlNotAllowed, match=r"\.$|\.\.\.$"):
        Guard().read(url.format(port=8080))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_refused_if_any_address_is(name: str) -> None:
    guard = Guard()
    target = guard.read(f"https://{name}/")
    with pytest.raises(UrlNotAllowed, match=name):
        guard.check(target, [ip_address(text) for text in NAMES[name]])


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://Example.COM", "example.com", 443, "/", "example.com"),
        ("http://example.com:8080/a?b=c#d", "example.com", 8080, "/a?b=c", "example.com:8080"),
        ("https://example.com?b=c", "example.com", 443, "/?b=c", "example.com"),
        ("https://example.com:443/a%20b", "example.com", 443, "/a%20b", "example.com"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://a_b.example.com:1/x/../y", "a_b.example.com", 1, "/x/../y", "a_b.example.com:1"),
        ("http://93.184.215.14/", "93.184.215.14", 80, "/", "93.184.215.14"),
        ("http://[2606:2800:21F::1]:65535/", "2606:2800:21f::1", 65535, "/", "[2606:2800:21f::1]:65535"),
        ("http://1.2.3.4.example.com/", "1.2.3.4.example.com", 80, "/", "1.2.3.4.example.com"),
    ],
)
def test_a_public_url_has_one_reading(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = Guard().read(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)
    assert "#" not in target.url


@pytest.mark.parametrize(
    "url", ["http://127.0.0.2:81/", "http://[fd12::7]/", "http://localhost/", "http://database/", "http://a.internal/"]
)
def test_a_network_can_be_allowed_and_with_it_names_of_inner_networks(url: str) -> None:
    assert Guard("127.0.0.2/32, fd12::/16").read(url)


def test_what_is_allowed_allows_no_neighbour_and_no_disguise() -> None:
    guard = Guard("127.0.0.2/32,10.0.0.0/8")
    for host in ("127.0.0.1", "127.0.0.3", "[::ffff:127.0.0.2]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "11.1"):
        with pytest.raises(UrlNotAllowed):
            guard.read(f"http://{host}/")
    # A name of an inner network still has to have an address that is allowed.
    with pytest.raises(UrlNotAllowed, match=r"localhost has the address 127\.0\.0\.1, which is not"):
        guard.check(guard.read("http://localhost/"), [ip_address("127.0.0.1")])


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "[fe80::1]", "[fd00:ec2::254]", "[::]"])  # noqa: S104  # refused
def test_no_setting_opens_the_way_to_credentials(host: str) -> None:
    with pytest.raises(UrlNotAllowed):
        Guard("0.0.0.0/0,::/0").read(f"http://{host}/")


@pytest.mark.parametrize(
    "host",
    [
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::ffff:0:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "2002:a9fe:a9fe::",
        "2001:0:a9fe:a9fe::1",
        "2001:0:5db8:d70e:0:0:5601:5601",
        "fd12::5efe:169.254.169.254",
    ],
)
def test_nor_is_it_open_wrapped_in_ipv6(host: str) -> None:
    for networks in ("0.0.0.0/0,::/0", "64:ff9b::/32,::/64,2000::/3,fd12::/16"):
        with pytest.raises(UrlNotAllowed, match="is not a public address"):
            Guard(networks).read(f"http://[{host}]/")


@pytest.mark.parametrize("host", ["::1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "::ffff:10.0.0.1", "fd12::7"])
def test_what_is_wrapped_and_harmless_can_be_allowed(host: str) -> None:
    assert Guard("::/0").read(f"http://[{host}]/")


@pytest.mark.parametrize(
    "host", ["metadata", "metadata.google.internal", "a.google.internal", "instance-data", "instance-data.ec2.internal"]
)
def test_no_setting_allows_a_name_of_a_clouds_metadata(host: str) -> None:
    with pytest.raises(UrlNotAllowed, match="inner network"):
        Guard("0.0.0.0/0,::/0").read(f"http://{host}/")
    assert Guard().read("https://metadata.example.com/")


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(UrlNotAllowed, match="user or password") as refused:
        Guard().read("https://someone:hunter2@example.com/")
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "everywhere", "10.0.0.0/8;::1/128"])
def test_what_is_no_list_of_networks_is_said_when_a_process_starts(
    monkeypatch: pytest.MonkeyPatch, networks: str
) -> None:
    monkeypatch.setenv("OUTBOUND_ALLOWED_NETWORKS", networks)
    with pytest.raises(ConfigurationError, match="OUTBOUND_ALLOWED_NETWORKS"):
        load(Outbound, "The test")
