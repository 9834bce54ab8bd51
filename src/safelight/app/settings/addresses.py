"""Checks of hosts and URLs in the settings."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def parse_base_url(value: str, *, expected: str, credentials: str) -> SplitResult:
    """The parts of an http or https URL without query, fragment and credentials.

    Raises `ValueError`: the value is not what was `expected`, or it has credentials, with the text
    `credentials`. The settings page shows these URLs, so they must contain no secret.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is not {expected}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(credentials)
    return parts


def is_loopback(host: str) -> bool:
    """Whether the host is this machine. A name other than `localhost` is not resolved."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
