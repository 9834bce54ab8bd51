"""What somebody else's server said, made fit to be shown and stored: short, printable, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MASK = "[masked]"
_SECRETS = re.compile(
    r"(?i)(?:bearer\s+[^\s\"',;]+"
    r"|\b(?:sk|pk|rk|key|tok|whsec|sl)[-_][a-z0-9_\-]{8,}"
    r"|\beyJ[a-z0-9_\-]{8,}(?:\.[a-z0-9_\-]+)*"
    r"|(?<=://)[^/\s@]+@"
    r"|(?:(?<=[?&])|\b)(?:x-amz-[a-z-]*|signature|sig|token|access_token|api[-_]?key|authorization|password|secret)"
    r"\s*[=:]\s*[^\s&\"',;]+)"
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def masked(text: str, *, secrets: Iterable[str] = (), longest: int = 300) -> str:
    """`text` on one line, at most `longest` characters, with the given secrets and whatever looks like one
    replaced by `[masked]`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    text = _SECRETS.sub(_MASK, text)
    text = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
