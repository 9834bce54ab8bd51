"""The TLS context of outgoing connections."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx


def tls_context(ca_file: str) -> ssl.SSLContext:
    """A context that trusts this CA bundle; without one, certifi's root certificates."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else default_tls_context()


@lru_cache(maxsize=1)
def default_tls_context() -> ssl.SSLContext:
    """A context that trusts certifi's root certificates.

    All clients share it: reading the certificates takes 50 ms of processor time.
    """
    return httpx.create_ssl_context(trust_env=False)
