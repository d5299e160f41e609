"""Which addresses may be called from here. Rules alone: nothing in here opens a connection or asks a name server.

A URL comes from a stranger and is called from inside a network, so what is not certainly somebody's public address is
refused. The form of a URL is checked when it is given, and every address its name has when it is called: see
`shared.adapters.outbound`.

A URL has one reading or is refused. `http://public@127.0.0.1`, `http://127.1`, `http://0x7f.1`, a backslash, a tab,
full-width digits: where parsers differ about them, one takes for harmless what another connects to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import urlsplit

from shared.errors import UrlNotAllowed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2000
"""Characters; what the tables hold."""

PORTS = {"http": 80, "https": 443}
"""The schemes that are called, and their ports; any port but 0 may be named."""

_PRINTABLE = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
"""ASCII without blanks, control characters and the backslash, which some take for a slash."""

_AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes the whole host a number to most parsers: https://url.spec.whatwg.org/#ends-in-a-number-checker"""

_MAX_NAME = 253
_MAX_PORT = 65535

_INNER_SUFFIXES = (
    *("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private"),
    *("home.arpa", "in-addr.arpa", "ip6.arpa", "onion", "test", "invalid"),
)
"""Names that are somebody's own network, or nobody's."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


_NEVER = _networks(
    "0.0.0.0/8",  # this host: Linux connects to itself
    "169.254.0.0/16",  # link-local, with the credentials of functions and machines at 169.254.169.254
    "224.0.0.0/4",  # multicast
    "255.255.255.255/32",
    "::/128",
    "fe80::/10",  # link-local
    "fd00:ec2::/32",  # the same services of AWS over IPv6
    "ff00::/8",  # multicast
)
"""What no setting allows."""

_ENDS_IN_IPV4 = _networks(
    "::ffff:0:0/96",  # mapped
    "::ffff:0:0:0/96",  # translated, of SIIT
    "64:ff9b::/96",  # NAT64
)
_COMPATIBLE = IPv6Network("::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
"""What an interface's half begins with that ends in IPv4: https://www.rfc-editor.org/rfc/rfc5214#section-6.1"""

_NOT_PUBLIC = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' NAT; also the metadata of other clouds
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's platform, though public by number
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarking
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "240.0.0.0/4",  # reserved
    # Of IPv6 only 2000::/3 is given out; from it:
    "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
)
"""Sources: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 counterpart."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IPv6 has of public addresses. Outside of it lie ::1, fc00::/7, and what wraps IPv4: mapped ::ffff:0:0/96,
compatible ::/96, NAT64 64:ff9b::/96 and 64:ff9b:1::/48. Those are refused whatever is inside: nothing public needs
them, and a translator may read another address out of them than we."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its one reading.

    Attributes:
        url: without its fragment, which is nobody's but the client's.
        scheme: `http` or `https`.
        host: a name in lower case, or an address without brackets.
        port: where.
        path: path and query, as they go into the request.
        literal: the address, where the host is one.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def authority(self) -> str:
        """The host as the `Host` header names it: an IPv6 address in brackets, a port that is not the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


class Guard:
    """The rules of one deployment.

    Args:
        allowed_networks: networks by comma, such as `10.1.0.0/16,127.0.0.0/8`, that are called although they are not
            public; names of inner networks are possible only where there are some.

    Raises:
        ValueError: it is no list of networks.
    """

    def __init__(self, allowed_networks: str = "") -> None:
        self._allowed = _networks(*(part.strip() for part in allowed_networks.split(",") if part.strip()))

    def read(self, url: str) -> Target:
        """Read a URL and check all that can be known of it without asking a name server.

        Raises:
            UrlNotAllowed: it is not called from here; the sentence says why.
        """
        target = _read(url)
        if target.literal is not None:
            self.check(target, [target.literal])
        elif _is_inner(target.host) and (not self._allowed or _is_metadata(target.host)):
            raise UrlNotAllowed(f"{target.host} is a name of an inner network; give one that everybody can resolve.")
        return target

    def check(self, target: Target, addresses: Iterable[Address]) -> None:
        """Refuse a target if any of its addresses is forbidden: a name with one good address would else be a way in.

        Raises:
            UrlNotAllowed: naming the address.
        """
        for address in addresses:
            if not self._may_call(address):
                subject = str(address) if target.literal else f"{target.host} has the address {address}, which"
                raise UrlNotAllowed(f"{subject} is not a public address; only those are called from here.")

    def _may_call(self, address: Address) -> bool:
        if getattr(address, "scope_id", None) or any(_within(one, _NEVER) for one in (address, *_inside(address))):
            return False
        if _within(address, self._allowed):
            return True
        if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
            return False
        return not _within(address, _NOT_PUBLIC)


def _inside(address: Address) -> Iterable[IPv4Address]:
    """Every IPv4 address that a translator or tunnel may read out of an IPv6 one.

    Where a network of translators is allowed, what must never be called is not to be had through it.
    """
    if isinstance(address, IPv4Address):
        return
    packed = address.packed
    if _within(address, _ENDS_IN_IPV4) or packed[8:12] in _ISATAP:
        yield IPv4Address(packed[12:])
    guesses: list[bytes] = []
    if address in _COMPATIBLE:
        guesses = [packed[12:]]
    elif address in _LOCAL_NAT64:
        # The length of the prefix is its operator's; the ninth byte is left out: RFC 6052, section 2.2.
        guesses = [*((packed[begin:8] + packed[9:])[:4] for begin in (6, 7, 8)), packed[9:13], packed[12:]]
    # One that begins with zero is none: ::1 is loopback, and of the lengths all but one are wrong.
    yield from (IPv4Address(guess) for guess in guesses if guess[0])
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _read(url: str) -> Target:
    if len(url) > MAX_URL:
        raise UrlNotAllowed(f"The URL has {len(url)} characters; at most {MAX_URL} are taken.")
    if not _PRINTABLE.fullmatch(url):
        raise UrlNotAllowed(
            "The URL holds a blank, a control character, a backslash or a letter outside ASCII; percent-encode those "
            "in its path, and write a host in its ASCII form, xn--..."
        )
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UrlNotAllowed("The URL can't be read; give one like https://example.com/hook.") from error
    if parts.scheme not in PORTS:
        raise UrlNotAllowed("Only http:// and https:// are called from here.")
    if "@" in parts.netloc:
        raise UrlNotAllowed("The URL holds a user or password; leave it out, deliveries are signed.")
    host, literal, port = _authority(parts.netloc, PORTS[parts.scheme])
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url.partition("#")[0], parts.scheme, host, port, path, literal)


def _authority(authority: str, default_port: int) -> tuple[str, Address | None, int]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise UrlNotAllowed("The URL names no host that is called from here; give one like https://example.com/hook.")
    port = int(found["port"] or default_port)
    if not 0 < port <= _MAX_PORT:
        raise UrlNotAllowed(f"There is no port {port}; give one from 1 to {_MAX_PORT}, or none.")
    host = (found["six"] or found["name"]).lower()
    literal: Address | None = None
    if found["six"]:
        literal = _literal(host, IPv6Address)
    elif _NUMBER.fullmatch(host.rpartition(".")[2]):
        literal = _literal(host, IPv4Address)
    if literal is None and not _is_name(host):
        raise UrlNotAllowed(f"{host} is no host name; write it without a dot at its end, as in https://example.com/.")
    return str(literal) if literal else host, literal, port


def _literal(host: str, kind: Callable[[str], Address]) -> Address:
    """The address that a host is; other spellings of numbers, 127.1 or 0x7f000001, mean this to some only."""
    try:
        return kind(host)
    except ValueError as error:
        raise UrlNotAllowed(f"{host} is no address; write all four numbers, decimal, or give a name.") from error


def _is_name(host: str) -> bool:
    return len(host) <= _MAX_NAME and all(_LABEL.fullmatch(label) for label in host.split("."))


def _is_inner(host: str) -> bool:
    """Whether a name can't be anything public: it has no dot, or a suffix of inner networks."""
    return "." not in host or any(host.endswith(f".{suffix}") for suffix in _INNER_SUFFIXES)


def _is_metadata(host: str) -> bool:
    """Whether an inner name is where a cloud gives out credentials, e.g. `metadata.google.internal`."""
    return host.partition(".")[0] in {"metadata", "instance-data"} or host.endswith(".google.internal")
