"""Redacts text from other servers before it is displayed or stored: short, printable, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MASK = "[masked]"
_VALUE = r"(?:\\{0,3}[\"'][^\"'\\\r\n]*|[^\s&\"',;\\]+)"
_SECRETS = re.compile(
    r"(?i)(?:authorization[\"']?\s*[=:]\s*[\"']?(?:bearer|basic|key|token|apikey)\s+[^\s\"',;]+"
    r"|\bbearer\s+[^\s\"',;]+"
    # Base64 has capitals inside, digits or a padding; words do not.
    r"|\bbasic\s+(?=(?-i:[A-Za-z0-9+/]*(?:[a-z][A-Z]|[0-9]|=)))[a-z0-9+/]{6,}={0,2}"
    r"|\b(?:sk|pk|rk|key|tok|whsec|sl|r8|hf|gsk|xai|luma|aiza|akia|asia|gh[pousr]|github_pat|xox[abprs])"
    r"[-_][a-z0-9_\-]{8,}"
    r"|\b(?:aiza[a-z0-9_\-]{20,}|(?:akia|asia)[a-z0-9]{16})"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{16,}"
    # Access tokens of Google.
    r"|\bya29\.[a-z0-9_\-.]{8,}"
    r"|\beyJ[a-z0-9_\-]{8,}(?:\.[a-z0-9_\-]+)*"
    r"|(?<=://)[^/\s@]+@"
    r"|\b(?:set-)?cookie\\*[\"']?\s*[=:]\s*\\*[\"']?[^\r\n\"'\\]+"
    r"|(?:(?<=[?&])|\b)(?:x-amz-[a-z-]*|signature|sig|authorization|jwt)"
    rf"\\*[\"']?\s*[=:]\s*{_VALUE}"
    r"|(?<![a-z0-9_-])[a-z0-9_-]{0,40}?(?:token|secret|password|api[-_]?key|session[-_]?id)"
    rf"\\*[\"']?\s*[=:]\s*{_VALUE}"
    rf"|(?<=[?&])(?:key|policy|key-pair-id|credential)={_VALUE}"
    rf"|\bauth(?:=|\\*[\"']\s*:\s*){_VALUE}"
    r")"
)
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+", re.IGNORECASE)


def redact(text: str, *, secrets: Iterable[str] = (), longest: int = 300) -> str:
    """Put `text` on one line of at most `longest` characters, with secrets replaced by `[masked]`.

    Secrets are the given ones and strings that look like secrets.
    """
    text = mask_secrets(text, secrets=secrets)
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def mask_secrets(text: str, *, secrets: Iterable[str] = ()) -> str:
    """The text with these secrets, and strings that look like secrets, replaced by `[masked]`; nothing else
    changes.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, _MASK)
    return _SECRETS.sub(_MASK, text)


def mask_emails(text: str) -> str:
    """The text with e-mail addresses replaced by `[masked]`."""
    return _EMAIL.sub(_MASK, text)
