"""The TLS context of outgoing connections."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx


@lru_cache(maxsize=1)
def default_tls_context() -> ssl.SSLContext:
    """A context that trusts certifi's root certificates.

    All clients share it: reading the certificates takes 50 ms of processor time.
    """
    return httpx.create_ssl_context(trust_env=False)
