"""Consents and protected people, and the validation of their fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.core.errors import InvalidField
from safelight.core.records import Seconds, Shown
from safelight.policy.intended_use import ConsentLevel, ConsentScope

_MAX_LINE_CHARACTERS = 500
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


#: As the one who ended a consent: the person who is shown or heard. Any other name is one of the operator.
SUBJECT = "subject"


@dataclass(frozen=True, kw_only=True)
class NewConsent:
    """A consent that is not recorded yet."""

    #: The person who gave the consent.
    subject: str
    recorded_by: str
    #: How the person gave the consent, for example a signed form, a case number or a link.
    evidence: str
    #: Pictures that show only the person who gave the consent.
    pictures: Sequence[Path] = ()
    expires_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentStatus(Shown):
    """What is stored of a recorded consent and shown."""

    id: str
    subject: str
    scope: tuple[ConsentScope, ...]
    recorded_by: str
    #: How the person gave the consent, for example a signed form, a case number or a link.
    evidence: str
    created_at: Seconds
    expires_at: Seconds | None = None
    revoked_at: Seconds | None = None
    revoked_by: str | None = None
    #: Number of stored templates.
    templates: int = 0
    level: ConsentLevel = ConsentLevel.RECORDED


@dataclass(frozen=True, kw_only=True)
class Consent(ConsentStatus):
    """A recorded consent: this person may be shown or heard in the videos of a tenant."""

    tenant: str

    def in_force(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, kw_only=True)
class NewProtectedPerson:
    """A person to add to the protected people, with at least one picture."""

    name: str
    recorded_by: str
    pictures: Sequence[Path] = ()
    public_figure: bool = False


@dataclass(frozen=True, kw_only=True)
class ProtectedPersonStatus(Shown):
    """What is stored of a protected person and shown."""

    id: str
    name: str
    public_figure: bool
    recorded_by: str
    created_at: Seconds
    templates: int = 0


@dataclass(frozen=True, kw_only=True)
class ProtectedPerson(ProtectedPersonStatus):
    """A protected person. If a video shows this face, a reviewer decides first."""

    tenant: str


def validate_line(text: str, param: str) -> str:
    """The text as one line without spaces at its ends. Raises `InvalidField` if it is not one valid line."""
    text = text.strip()
    if not text or len(text) > _MAX_LINE_CHARACTERS or _CONTROL_CHARACTER.search(text):
        raise InvalidField(
            f"{param} must be one line of 1 to {_MAX_LINE_CHARACTERS} characters.", param=param
        )
    return text


def validate_scopes(words: Iterable[str]) -> tuple[ConsentScope, ...]:
    """The scopes without duplicates. Raises `InvalidField` for an unknown scope, or if there is none."""
    wanted = sorted(set(words))
    known = {scope.value for scope in ConsentScope}
    for word in wanted:
        if word not in known:
            raise InvalidField(
                f"{word!r} is not a scope of a consent.",
                param="scope",
                remedy=f"Use one of: {', '.join(sorted(known))}.",
            )
    if not wanted:
        raise InvalidField(
            "A consent needs at least one scope.", param="scope", remedy="Name likeness or voice."
        )
    return tuple(ConsentScope(word) for word in wanted)
