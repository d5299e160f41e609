"""URLs that a stranger might want called from inside our network, and the names they count on.

`{port}` is that of a listener on 127.0.0.1 that must never see a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from shared.adapters.outbound_guard import Address

NAMES: dict[str, tuple[str, ...]] = {
    "loopback.example.com": ("127.0.0.1",),
    "private.example.com": ("10.1.2.3",),
    "metadata.example.com": ("169.254.169.254",),
    "carrier.example.com": ("100.64.0.1",),
    "mixed.example.com": ("93.184.215.14", "127.0.0.1"),
    "six.example.com": ("::1",),
    "mixed-six.example.com": ("2606:2800:21f:cb07::1", "fd00::1"),
    "scoped.example.com": ("fe80::1%1",),
    "mapped.example.com": ("::ffff:127.0.0.1",),
    "nat64.example.com": ("64:ff9b::7f00:1",),
    "this-host.example.com": ("0.0.0.0",),  # noqa: S104  # nobody binds it here
}
"""What the resolver of the tests knows."""

LITERAL = (
    # loopback, and every spelling of it
    "http://127.0.0.1:{port}/",
    "http://127.8.9.10:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7F.0x0.0x0.0x1:{port}/",
    "http://127.0.0.0x1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://00000127.0.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    # private, link-local, and what clouds keep there
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.254/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials/",
    "http://2852039166/latest/meta-data/",
    "http://0xA9FEA9FE/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    # multicast, reserved, broadcast, documentation, benchmarking
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://[ff02::1]/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://192.0.0.170/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[fec0::1]/",
    "http://[5f00::1]/",
    # IPv4 inside IPv6
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b::808:808]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[127.0.0.1]:{port}/",
    # one host to some, another to others
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@example.com/",
    "http://user:password@example.com/",
    "http://@127.0.0.1:{port}/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\.example.com/",
    "http://127.0.0.1%2f.example.com/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.\n0.1:{port}/",
    "http://127.0.0.1:{port}/ HTTP/1.1\r\nX-Evil: 1",
    "http://exam\x00ple.com/",
    " http://127.0.0.1:{port}/",
    "http://１２７.0.0.1:{port}/",  # noqa: RUF001  # full-width digits are the point
    "http://①②⑦.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://bücher.example/",
    "http://[::1",
    "http://[::1]evil/",
    "http://[v1.fe80::a]/",
    # no host, no port, no scheme of ours
    "http:///",
    "http://:{port}/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:99999999/",
    "http://example.com:+80/",
    "http://example.com:/",
    "http://example..com/",
    "http://example.com./",
    "http://-example.com/",
    f"http://{'a' * 64}.example.com/",
    "127.0.0.1:{port}",
    "//127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "javascript:alert(1)",
    "",
    # names of inner networks
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://a.localhost:{port}/",
    "http://database/",
    "http://metadata.google.internal/",
    "http://ip-10-0-0-1.eu-central-1.compute.internal/",
    "http://printer.local/",
    "http://router.lan/",
    f"http://example.com/{'a' * 2000}",
)
"""Refused as they are written, without asking a name server."""

RESOLVED = tuple(f"http://{name}:{{port}}/" for name in NAMES)
"""Refused once the name is resolved."""


class Resolver:
    """Answers from `NAMES`, and that any other name is this machine, as inner ones are; keeps the questions."""

    def __init__(self, **more: Sequence[str]) -> None:
        self._names: dict[str, Sequence[str]] = {**NAMES, **more}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[Address]:
        """Answer."""
        del port
        self.asked.append(host)
        return [ip_address(text) for text in self._names.get(host, ["127.0.0.1"])]
