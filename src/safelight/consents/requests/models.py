"""Requests for a consent, their answers, and the validation of their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from safelight.consents.models import validate_line, validate_scopes
from safelight.core.errors import InvalidField
from safelight.policy.intended_use import ConsentLevel, ConsentScope, UseKind, normalize_territory, read_kind

#: A consent ends at the latest after this time, so that an old answer binds no person.
MAX_DURATION_S = 2 * 366 * 86_400.0


class RequestState(StrEnum):
    """The states of a request."""

    #: The subject has not answered.
    ASKED = "asked"
    #: The subject refused.
    REFUSED = "refused"
    #: The subject did not answer in time, or no reviewer decided in time.
    EXPIRED = "expired"
    #: The subject accepted before the camera; a reviewer has to confirm it.
    WAITING = "waiting"
    #: A reviewer did not confirm it.
    REJECTED = "rejected"
    #: The consent is recorded, with its own end.
    GIVEN = "given"
    #: The subject withdrew the consent.
    WITHDRAWN = "withdrawn"


class ConsentFlag(StrEnum):
    """Something that a reviewer has to look into before confirming a consent."""

    #: The answer came from the network address and browser from which the request was made.
    SAME_DEVICE = "same_device"
    #: The answer came from a browser in which the person who asks is signed in.
    SAME_SESSION = "same_session"
    #: The link was not sent by mail but shown to the person who asks, who may have answered it.
    LINK_SHOWN = "link_shown"
    #: Nothing moves in the clip: it may have been made from a picture.
    STILL_PICTURE = "still_picture"


#: What no software checks of a consent, whatever its level. Only the reviewer may notice it in the frames.
NOT_CHECKED = ("age", "live_person")


class ConsentTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the subject allows. Nothing changes it after the subject has read it."""

    scope: tuple[ConsentScope, ...]
    #: For what the videos are used, in the words of the person who asks.
    uses: str
    #: Whether the videos may advertise or be sold.
    commercial: bool
    #: Where the videos may be published: `world`, or codes of countries.
    territory: str
    expires_at: float
    #: The kinds of use that requests may state. Empty: every kind.
    kinds: tuple[UseKind, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NewConsentRequest:
    """A request that is not sent yet."""

    asker: str
    subject: str
    email: str
    uses: str
    territory: str
    expires_at: float
    scope: Iterable[str] = (ConsentScope.LIKENESS.value,)
    commercial: bool = False
    kinds: Iterable[str] = ()
    language: str = "en"
    level: int = ConsentLevel.ON_CAMERA
    #: The safety identifier of the end user for whom a platform asks.
    end_user: str | None = None
    idempotency_key: str | None = None

    def terms(self, now: float) -> ConsentTerms:
        """The validated terms. Raises `InvalidField`."""
        if not now < self.expires_at <= now + MAX_DURATION_S:
            raise InvalidField("A consent ends in the future, within two years.", param="expires_at")
        return ConsentTerms(
            scope=validate_scopes(self.scope),
            uses=validate_line(self.uses, "uses"),
            commercial=self.commercial,
            territory=normalize_territory(self.territory, "territory"),
            expires_at=self.expires_at,
            kinds=tuple(sorted({read_kind(word, "use_kinds") for word in self.kinds})),
        )


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where a request or an answer comes from. Only a digest is stored, until the answer."""

    address: str
    browser: str
    #: The person who is signed in in this browser.
    signed_in: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentRequest:
    """A request as the tenant sees it. It has no link, and after its end no address."""

    id: str
    tenant: str
    asked_by: str
    end_user: str | None
    asker: str
    subject: str
    email: str
    language: str
    terms: ConsentTerms
    level: ConsentLevel
    phrase: str
    state: RequestState
    mailed: bool
    flags: tuple[ConsentFlag, ...]
    link_expires_at: float
    created_at: float
    answered_at: float | None = None
    decided_at: float | None = None

    @property
    def reachable_level(self) -> ConsentLevel:
        """The level of a consent from this request. A link that was passed on proves no address."""
        passed_on = self.level is ConsentLevel.LINK and not self.mailed
        return ConsentLevel.RECORDED if passed_on else self.level


@dataclass(frozen=True, kw_only=True)
class AskedConsent:
    """A request that was just made. `link` is None if it was sent by mail."""

    request: ConsentRequest
    link: str | None


@dataclass(frozen=True, kw_only=True)
class SubjectAnswer:
    """The answer of the subject."""

    accepts: bool
    #: The parts that the subject accepts. Face and voice are apart.
    scope: Iterable[str] = ()
    #: The subject states to be of full age. Nothing else checks it before a reviewer does.
    is_adult: bool = False
    #: A clip before the camera for level 2; a picture, which is not required, for level 1.
    media: Path | None = None


@dataclass(frozen=True, kw_only=True)
class GivenConsent:
    """The result of an answer. `page` is the path of the subject's page; None after a refusal."""

    request: ConsentRequest
    page: str | None


@dataclass(frozen=True, kw_only=True)
class ConsentUse:
    """One video that used the consent, as the subject sees it: no prompt, which belongs to its author."""

    video_id: str
    at: float
    state: str
    #: Opens the commitment in the manifest of the video; None before the video was sealed.
    salt: str | None = None
    #: The video whose id is in the commitment: an earlier one if its sealed file was delivered again.
    committed_id: str = ""


@dataclass(frozen=True, kw_only=True)
class SubjectPage:
    """What the subject sees with the secret link of the page."""

    request: ConsentRequest
    level: ConsentLevel | None
    scope: tuple[ConsentScope, ...]
    uses: tuple[ConsentUse, ...]


def terms_to_json(terms: ConsentTerms) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.to_builtins(terms)
    return found
