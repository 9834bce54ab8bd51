"""Creates and hashes tokens. A token is shown once, and only its digest is stored."""

from __future__ import annotations

import hashlib
import re
import secrets

KEY_PREFIX = "sk-safelight-"
LINK_PREFIX = "login-"
SESSION_PREFIX = "session-"

#: A token has 256 random bits and cannot be guessed, so the digest needs no salt and no slow hash.
_RANDOM_BYTES = 32
_RANDOM_PART = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(_RANDOM_BYTES)


def is_well_formed(token: str, prefix: str) -> bool:
    """Whether the token has the format of our tokens. Checked before the database is read."""
    return token.startswith(prefix) and _RANDOM_PART.fullmatch(token[len(prefix) :]) is not None


def hash_token(token: str) -> str:
    """The digest of a token, which is stored and looked up.

    The look-up time reveals nothing about how much of a token is correct.
    """
    return hashlib.sha256(token.encode()).hexdigest()
