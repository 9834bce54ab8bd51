"""Sign-in and sign-out through an OpenID Connect provider."""

from .models import CallbackAnswer, OpenIdClient, OpenIdRules
from .provider import OpenIdProvider
from .sign_in import ID_TOKENS, OpenIdSignIn
from .tokens import read_id_token, read_logout_token

__all__ = [
    "ID_TOKENS",
    "CallbackAnswer",
    "OpenIdClient",
    "OpenIdProvider",
    "OpenIdRules",
    "OpenIdSignIn",
    "read_id_token",
    "read_logout_token",
]
