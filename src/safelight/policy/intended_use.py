"""What a video is made for, and whom and what a consent on camera covers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from safelight.core.errors import InvalidField

#: The territory of a video or a consent without a limit.
WORLD = "world"
_MAX_PLACES = 60
#: The codes of ISO 3166-1.
_COUNTRY_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS"
    " BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE"
    " EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM"
    " HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC"
    " LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA"
    " NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW"
    " SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO"
    " TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
_COUNTRIES = frozenset(_COUNTRY_CODES.split())
_SEPARATOR = re.compile(r"[,;\s]+")
_EU = frozenset(
    [
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT"),
        *("LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    ]
)
_GROUPS = {"EU": _EU, "EEA": _EU | {"IS", "LI", "NO"}}


class UseKind(StrEnum):
    """The kinds of use that a consent can be limited to."""

    PERSONAL = "personal"
    ENTERTAINMENT = "entertainment"
    EDUCATION = "education"
    NEWS = "news"
    ADVERTISING = "advertising"


class Shortfall(StrEnum):
    """Why a consent on camera does not cover a request."""

    #: It was given to another account or end user.
    REQUESTER = "requester"
    KIND = "kind"
    COMMERCIAL = "commercial"
    TERRITORY = "territory"
    #: The file may have speech, and the consent does not cover the voice.
    VOICE = "voice"
    #: It has expired.
    EXPIRED = "expired"
    #: The operator declares no legal basis for consents on camera any more.
    BASIS = "basis"


@dataclass(frozen=True, kw_only=True)
class IntendedUse:
    """What a video is made for. None: not stated."""

    kind: UseKind | None = None
    #: Whether the video may advertise or be sold.
    commercial: bool | None = None
    #: Where the video may be published, as `normalize_territory` returns it.
    territory: str | None = None

    def filled_from(self, other: IntendedUse) -> IntendedUse:
        """This use, with what `other` states where this one states nothing."""
        return IntendedUse(
            kind=other.kind if self.kind is None else self.kind,
            commercial=other.commercial if self.commercial is None else self.commercial,
            territory=other.territory if self.territory is None else self.territory,
        )


@dataclass(frozen=True, kw_only=True)
class VideoRequester:
    """Who requests a video, and for what."""

    account: str = ""
    #: None if the account requests the video for itself.
    end_user: str | None = None
    #: None for a character: each request that uses it states the use.
    use: IntendedUse | None = field(default_factory=IntendedUse)


@dataclass(frozen=True, kw_only=True)
class ConsentLimits:
    """Whom and what a consent on camera covers."""

    #: The accounts of the person who asked. They count only without an end user.
    accounts: frozenset[str] = frozenset()
    #: The end user for whom a platform asked.
    end_user: str | None = None
    #: Empty: every kind.
    kinds: frozenset[UseKind] = frozenset()
    commercial: bool = False
    territory: str = WORLD
    voice: bool = False


def find_shortfall(limits: ConsentLimits, requester: VideoRequester, *, may_speak: bool) -> Shortfall | None:
    """Why a consent does not cover a request; None if it does. What is limited must be stated.

    `may_speak`: whether the file has speech, or sound in which no speech detection ran.
    """
    if limits.end_user is None:
        is_asker = requester.end_user is None and requester.account in limits.accounts
    else:
        is_asker = requester.end_user == limits.end_user
    if not is_asker:
        return Shortfall.REQUESTER
    if requester.use is not None and (shortfall := _find_use_shortfall(limits, requester.use)):
        return shortfall
    return Shortfall.VOICE if may_speak and not limits.voice else None


def _find_use_shortfall(limits: ConsentLimits, use: IntendedUse) -> Shortfall | None:
    if limits.kinds and use.kind not in limits.kinds:
        return Shortfall.KIND
    may_sell = use.commercial is not False or use.kind is UseKind.ADVERTISING
    if may_sell and not limits.commercial:
        return Shortfall.COMMERCIAL
    return None if _is_within(use.territory, limits.territory) else Shortfall.TERRITORY


def normalize_territory(text: str, param: str) -> str:
    """`world`, or the codes of the places in one order. Raises `InvalidField`."""
    words = sorted({word for word in _SEPARATOR.split(text.strip()) if word})
    if [word.lower() for word in words] == [WORLD]:
        return WORLD
    places = sorted({word.upper() for word in words})
    if not 0 < len(places) <= _MAX_PLACES or not all(
        place in _COUNTRIES or place in _GROUPS for place in places
    ):
        raise InvalidField(
            f"`{param}` must be `world`, or country codes of ISO 3166, EU and EEA, with commas.",
            param=param,
            remedy='For example "DE, FR", "GB" (not "UK") or "EU".',
        )
    return ", ".join(places)


def read_kind(word: str, param: str) -> UseKind:
    """The kind of use with this name. Raises `InvalidField`."""
    try:
        return UseKind(word)
    except ValueError:
        raise InvalidField(
            f"{word[:40]!r} is not a kind of use.",
            param=param,
            remedy=f"Use one of: {', '.join(UseKind)}.",
        ) from None


def _is_within(wanted: str | None, allowed: str) -> bool:
    if allowed == WORLD:
        return True
    return wanted is not None and wanted != WORLD and _countries(wanted) <= _countries(allowed)


def _countries(territory: str) -> frozenset[str]:
    return frozenset(
        country for place in territory.split(", ") for country in _GROUPS.get(place, frozenset({place}))
    )


class ConsentScope(StrEnum):
    """What a consent covers."""

    #: The person's face, in references and in generated videos.
    LIKENESS = "likeness"
    #: The person's voice, in generated videos and in clips sent with a request.
    VOICE = "voice"


class ConsentLevel(IntEnum):
    """How sure it is that the person shown gave the consent. It is shown wherever a consent is used."""

    #: The operator recorded what the person gave, or the answer came by a link from an unverified address.
    RECORDED = 0
    #: A person who reads the mail of the address answered a link.
    LINK = 1
    #: The person showed a random phrase before the camera, and a reviewer confirmed it.
    ON_CAMERA = 2
