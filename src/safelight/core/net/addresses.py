"""Validates URLs and IP addresses that users gave, as protection against SSRF.

Pure: it resolves no name and opens no connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from safelight.core.errors import ForbiddenUrl

Address = IPv4Address | IPv6Address

_V4_REFUSED = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this network"
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; contains the metadata address of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # internal platform address of a cloud that looks like a public address
        "169.254.0.0/16",  # link-local; contains the metadata address of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_V6_PUBLIC = IPv6Network("2000::/3")
_V6_REFUSED = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, including Teredo, ORCHID and benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4: contains an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
#: Interface identifiers of ISATAP addresses. An ISATAP address contains an IPv4 address in its last 32 bits.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

_PRIVATE_NAMES = frozenset(
    {"instance-data", "localhost", "metadata", "metadata.goog", "localhost.localdomain"}
)
_PRIVATE_ENDINGS = (
    ".arpa",
    ".corp",
    ".home",
    ".internal",
    ".intranet",
    ".invalid",
    ".lan",
    ".local",
    ".localdomain",
    ".localhost",
    ".onion",
    ".private",
    ".test",
)
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_FOUR_NUMBERS = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}")
_MAX_URL = 4096


@dataclass(frozen=True, kw_only=True)
class Target:
    """A parsed URL. It may be requested if the addresses of its host also pass the check."""

    url: httpx.URL
    scheme: str
    host: str
    port: int
    #: The IP address if the host is one. None for a name: resolve it and check each address with `is_public`.
    address: Address | None


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet. An IPv4 address inside an IPv6 address is checked too."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _V4_REFUSED)
    number = int(address)
    inner = IPv4Address(number & 0xFFFF_FFFF)
    if address.scope_id is not None:
        return False
    if address in _MAPPED or address in _NAT64:
        return is_public(inner)
    if address not in _V6_PUBLIC or any(address in network for network in _V6_REFUSED):
        return False
    if (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        return is_public(inner)
    return True


def check_address(text: str) -> Address:
    """Parse an address from a resolver. Raises `ForbiddenUrl` if the address is not public."""
    try:
        address = ip_address(text)
    except ValueError as error:
        raise _refused("The host's address cannot be parsed.") from error
    if not is_public(address):
        raise _refused("The URL points to a private or reserved address.")
    return address


def check_url(url: str) -> Target:
    """Parse and check a URL that a user gave. Raises `ForbiddenUrl` with the reason.

    A host name is checked by its spelling only. The code that connects must check every address of that name.
    """
    target = parse_url(url)
    # A private address is named first: another port would not help.
    if target.address is not None:
        check_address(str(target.address))
    else:
        _judge_name(target.host)
    if target.port != _PORTS[target.scheme]:
        raise _refused("Only the standard ports (80 for http, 443 for https) are allowed.")
    return target


def parse_url(url: str) -> Target:
    """Parse an http or https URL. Raises `ForbiddenUrl` if its spelling is ambiguous. Does not check the
    host.
    """
    if len(url) > _MAX_URL:
        raise _refused(f"The URL is longer than {_MAX_URL} characters.")
    if not url.isascii() or any(character <= " " or character in '\\"<>^`{|}\x7f' for character in url):
        raise _refused(
            "The URL contains invalid characters.",
            remedy="Percent-encode them, and write international host names in their xn-- form.",
        )
    try:
        parsed = httpx.URL(url)
        port = parsed.port
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused("The URL cannot be parsed.") from error
    if parsed.scheme not in _PORTS:
        raise _refused("Only http and https URLs are fetched.")
    if parsed.userinfo or "@" in url.split("://", 1)[-1].split("/", 1)[0]:
        raise _refused("URLs with a user name or password are not fetched.")
    host = parsed.raw_host.decode("ascii").lower().removesuffix(".")
    if not host or "%" in host:
        raise _refused("The URL has no valid host.")
    return Target(
        url=parsed,
        scheme=parsed.scheme,
        host=host,
        port=_PORTS[parsed.scheme] if port is None else port,
        address=_address(host),
    )


def _address(host: str) -> Address | None:
    """The IP address if the host is one; None for a name. Unusual spellings (octal, hex, short) are
    rejected.
    """
    if ":" in host:
        try:
            return IPv6Address(host.strip("[]"))
        except ValueError as error:
            raise _refused("The URL's IPv6 address cannot be parsed.") from error
    last = host.rsplit(".", 1)[-1]
    if not (last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last)):
        return None
    if not _FOUR_NUMBERS.fullmatch(host):
        raise _refused("The URL's host is a number in an unusual spelling.")
    try:
        return IPv4Address(host)
    except ValueError as error:
        raise _refused("The URL's IPv4 address cannot be parsed.") from error


def _judge_name(host: str) -> None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("The URL's host name cannot be parsed.")
    if len(labels) < 2 or host in _PRIVATE_NAMES or host.endswith(_PRIVATE_ENDINGS):
        raise _refused("The URL's host name belongs to a private network.")


def _refused(message: str, *, remedy: str = "Send the file itself instead.") -> ForbiddenUrl:
    return ForbiddenUrl(message, remedy=remedy)
