"""Creates and hashes tokens. A token is shown once, and only its digest is stored."""

from __future__ import annotations

import hashlib
import re
import secrets

KEY_PREFIX = "sk-safelight-"
LINK_PREFIX = "login-"
SESSION_PREFIX = "session-"
INVITATION_PREFIX = "invite-"
ACCESS_PREFIX = "access-"
CONSENT_PREFIX = "consent-"
CONSENT_PAGE_PREFIX = "mine-"

#: A token has 256 random bits and cannot be guessed, so the digest needs no salt and no slow hash. A
#: link has 192, so that it fits on a line of 80 columns.
_RANDOM_BYTES, _LINK_BYTES = 32, 24
_LINKS = frozenset({LINK_PREFIX, INVITATION_PREFIX, CONSENT_PREFIX, CONSENT_PAGE_PREFIX})
_RANDOM_PART, _LINK_PART = re.compile(r"[A-Za-z0-9_-]{43}"), re.compile(r"[A-Za-z0-9_-]{32}")


def new_token(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(_LINK_BYTES if prefix in _LINKS else _RANDOM_BYTES)


def is_well_formed(token: str, prefix: str) -> bool:
    """Whether the token has the format of our tokens. Checked before the database is read."""
    part = _LINK_PART if prefix in _LINKS else _RANDOM_PART
    return token.startswith(prefix) and part.fullmatch(token[len(prefix) :]) is not None


def hash_token(token: str) -> str:
    """The digest of a token, which is stored and looked up.

    The look-up time reveals nothing about how much of a token is correct.
    """
    return hashlib.sha256(token.encode()).hexdigest()
