"""Consents and protected people, and the validation of their fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safelight.errors import InvalidField

_MAX_LINE_CHARACTERS = 500
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


class ConsentScope(StrEnum):
    """What a consent covers."""

    #: The subject's face, in references and in generated videos.
    LIKENESS = "likeness"
    #: The subject's voice, in generated videos and in clips sent with a request.
    VOICE = "voice"


@dataclass(frozen=True, kw_only=True)
class NewConsent:
    """A consent to record."""

    #: The person who gave it.
    subject: str
    scope: Iterable[str]
    recorded_by: str
    #: How the subject gave it: a signed form, a case, a link.
    evidence: str
    #: Each shows the subject alone.
    pictures: Sequence[Path] = ()
    #: Each has the subject's voice alone.
    recordings: Sequence[Path] = ()
    expires_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Consent:
    """A recorded consent of a person to be shown or heard in a tenant's videos."""

    id: str
    tenant: str
    subject: str
    scope: tuple[ConsentScope, ...]
    recorded_by: str
    #: How the subject gave it: a signed form, a case, a link.
    evidence: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    revoked_by: str | None = None
    #: Number of stored templates, and how many of these are voice templates.
    templates: int = 0
    voices: int = 0

    def in_force(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, kw_only=True)
class NewProtectedPerson:
    """A person to protect. At least one picture or recording is required."""

    name: str
    recorded_by: str
    pictures: Sequence[Path] = ()
    recordings: Sequence[Path] = ()
    public_figure: bool = False


@dataclass(frozen=True, kw_only=True)
class ProtectedPerson:
    """A person whose face or voice is detected, so that a reviewer decides before it is shown."""

    id: str
    tenant: str
    name: str
    public_figure: bool
    recorded_by: str
    created_at: float
    templates: int = 0
    voices: int = 0


def validate_line(text: str, param: str) -> str:
    """One line of text without surrounding spaces. Raises `InvalidField`."""
    text = text.strip()
    if not text or len(text) > _MAX_LINE_CHARACTERS or _CONTROL_CHARACTER.search(text):
        raise InvalidField(f"{param} is one line of 1 to {_MAX_LINE_CHARACTERS} characters.", param=param)
    return text


def validate_scopes(words: Iterable[str]) -> tuple[ConsentScope, ...]:
    """The scopes, each once. Raises `InvalidField`."""
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
        raise InvalidField("A consent needs a scope.", param="scope", remedy="Name likeness or voice.")
    return tuple(ConsentScope(word) for word in wanted)
