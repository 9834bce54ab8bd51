"""What a consent says, and what may stand in one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from safelight.errors import InvalidField

_LONGEST = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ConsentScope(StrEnum):
    """What a consent is for."""

    #: The subject's face, in references and in what is made from them.
    LIKENESS = "likeness"
    #: The subject's voice, in what is made and in clips that go with a request.
    VOICE = "voice"


@dataclass(frozen=True, kw_only=True)
class Consent:
    """A person's agreement to being shown, as it was recorded for a tenant."""

    id: str
    tenant: str
    subject: str
    scope: tuple[ConsentScope, ...]
    #: Who recorded it, and what the subject gave it by.
    recorded_by: str
    evidence: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    revoked_by: str | None = None
    #: How many templates are kept for it, and how many of these are of the voice.
    templates: int = 0
    voices: int = 0

    def in_force(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, kw_only=True)
class Protected:
    """Somebody whose face or voice is looked for, so that a person looks before it is shown."""

    id: str
    tenant: str
    name: str
    public_figure: bool
    recorded_by: str
    created_at: float
    templates: int = 0
    voices: int = 0


def check_words(text: str, param: str) -> str:
    """One line of text without outer blanks, or `InvalidField`."""
    text = text.strip()
    if not text or len(text) > _LONGEST or _CONTROL.search(text):
        raise InvalidField(f"{param} is one line of 1 to {_LONGEST} characters.", param=param)
    return text


def check_scope(words: Iterable[str]) -> tuple[ConsentScope, ...]:
    """The scopes, each once, or `InvalidField`."""
    wanted = sorted(set(words))
    known = {scope.value for scope in ConsentScope}
    for word in wanted:
        if word not in known:
            raise InvalidField(
                f"A consent cannot be for {word!r}.",
                param="scope",
                remedy=f"One of: {', '.join(sorted(known))}.",
            )
    if not wanted:
        raise InvalidField("A consent says what it is for.", param="scope", remedy="Name likeness or voice.")
    return tuple(ConsentScope(word) for word in wanted)
