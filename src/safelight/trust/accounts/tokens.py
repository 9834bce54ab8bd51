"""Secrets that are shown once and kept only as digests."""

from __future__ import annotations

import hashlib
import re
import secrets

KEY_PREFIX = "sk-safelight-"
LINK_PREFIX = "login-"
SESSION_PREFIX = "session-"

#: 256 bits of chance: nobody guesses it, so a plain digest is enough to keep.
_CHANCE_BYTES = 32
_TAIL = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(_CHANCE_BYTES)


def well_formed(token: str, prefix: str) -> bool:
    """Whether a token could be one of ours; cheap, and before anything is looked up."""
    return token.startswith(prefix) and _TAIL.fullmatch(token[len(prefix) :]) is not None


def digest(token: str) -> str:
    """What is stored and looked up. Looking up a digest takes the same time however wrong the token is."""
    return hashlib.sha256(token.encode()).hexdigest()
