"""Sign-in and sign-out through an OpenID Connect provider."""

from __future__ import annotations

from .models import CallbackAnswer, OpenIdClient, OpenIdRules
from .provider import OpenIdProvider
from .service import ID_TOKENS, OpenIdSignIn

__all__ = [
    "ID_TOKENS",
    "CallbackAnswer",
    "OpenIdClient",
    "OpenIdProvider",
    "OpenIdRules",
    "OpenIdSignIn",
]
