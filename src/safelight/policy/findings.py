"""Findings: what a detector found, where, and with which score. They carry no decision."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec


class Stage(StrEnum):
    """A stage of the video lifecycle that needs a verdict."""

    ADMISSION = "admission"
    PROMPT = "prompt"
    REFERENCE = "reference"
    GENERATION = "generation"
    OUTPUT = "output"
    DELIVERY = "delivery"


class Modality(StrEnum):
    """The kind of content. A reference picture is `image`; the frames of every clip are `frames`."""

    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    AUDIO = "audio"


class Basis(StrEnum):
    """What a finding rests on."""

    #: An entry of a list, a pattern, a name or a hash.
    MATCHED = "matched"
    #: Several signals together, or a role: signals that only count in combination.
    COMPOSED = "composed"
    #: The score of a trained classifier.
    LEARNED = "learned"
    #: The answer of a guard model.
    ASKED = "asked"


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The threshold of a learned detector of text, and the false-alarm rate measured at it, for one language
    and length of text.
    """

    #: Features and fitting data of the detector. Findings of different voices are independent evidence.
    voice: str
    #: `en`, `zh-Hant` or `zh-Hans`.
    language: str
    #: Range of the number of words: `1-3`, `4-8`, `9-20`, `21-60` or `61+`.
    length: str
    #: Threshold on the calibrated score of the finding.
    score: float
    #: Share of harmless texts at or above `score`, and its 95 % interval.
    false_alarm_rate: float
    low: float
    high: float
    #: Number of harmless texts that it was measured on.
    sample: int


class TextSpan(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """Characters `start` to `end` (exclusive) of a text field, counted in the text as the client sent it."""

    field: str
    start: int
    end: int


class ImageBox(msgspec.Struct, frozen=True, kw_only=True, tag="box"):
    """A box in a picture, as fractions of its width and height (0 to 1), from the top left."""

    x: float
    y: float
    w: float
    h: float
    #: The request field of the picture, such as `input_reference`; empty for output.
    field: str = ""

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Left, top, width and height."""
        return self.x, self.y, self.w, self.h


class FrameRange(msgspec.Struct, frozen=True, kw_only=True, tag="frames"):
    """Frames `first` to `last` (both included) in presentation order, and their times in seconds."""

    first: int
    last: int
    start_s: float
    end_s: float
    #: The frame with the highest score, and the box in that frame.
    peak: int
    box: ImageBox | None = None


class TimeRange(msgspec.Struct, frozen=True, kw_only=True, tag="time"):
    """A time range of the sound, in seconds from the start of the clip."""

    start_s: float
    end_s: float


class Match(msgspec.Struct, frozen=True, kw_only=True, tag="match"):
    """A matched entry of a list or hash list; `distance` if the match is approximate."""

    list: str
    entry: str
    distance: float | None = None


Evidence: TypeAlias = TextSpan | ImageBox | FrameRange | TimeRange | Match

#: The value of an attribute: a number, a boolean or a short string.
Attribute: TypeAlias = bool | int | float | str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One result of one detector.

    `score` is a calibrated probability that the category applies. Rules may use `attributes`:
    `area` (largest fraction of a picture, 0 to 1), `duration_s`, `frames` (count), `speech` (bool),
    `negated` (bool), `rejected` (bool: the text rejects or denies what was found), `role` ("subject" |
    "passing"), `public_figure` (bool), `source` (the field or place of the text) and attributes of further
    detectors.
    """

    category: str
    score: float
    modality: Modality
    detector: str
    version: str
    reason: str
    evidence: tuple[Evidence, ...] = ()
    attributes: dict[str, Attribute] = {}
    #: From the safety test card. It decides like any other finding, but alone is not a strike.
    test_card: bool = False
    basis: Basis = Basis.LEARNED
    #: Where the score was calibrated. None if it was not, or if the finding is not learned.
    point: OperatingPoint | None = None

    @property
    def is_reported_hash(self) -> bool:
        """Whether it is a match with a reported hash that no person confirmed. That is the statement of a
        stranger, and no detector saw nudity: it holds, and it neither vaults nor quarantines.
        """
        return self.attributes.get("kind") == "reported_hash"


#: Minimum score of the findings that count when Safelight decides whether content may go to a third party.
INDICATOR_SCORE = 0.3
#: From this score on, a finding without an operating point is an alarm.
ALARM_SCORE = 0.5


def highest_scores(scored: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The highest score of each category."""
    found: dict[str, float] = {}
    for category, score in scored:
        found[category] = max(score, found.get(category, 0.0))
    return found


def suggests_sexual_minors(findings: Iterable[Finding]) -> bool:
    """Whether findings suggest sexual content with a minor. Such content is never sent to a third party."""
    categories = {
        one.category
        for one in findings
        if one.score >= INDICATOR_SCORE and not one.test_card and not one.is_reported_hash
    }
    return "sexual/minors" in categories or (
        "minors-present" in categories and bool({"sexual", "ncii"} & categories)
    )


def is_alarm(finding: Finding) -> bool:
    """Whether a detector reports its category: at its own operating point, or else from `ALARM_SCORE` on."""
    if finding.attributes.get("negated"):
        return False
    if finding.basis is Basis.LEARNED and finding.modality is Modality.TEXT:
        return finding.point is not None and finding.score >= finding.point.score
    return finding.score >= ALARM_SCORE


class _Packed(msgspec.Struct, array_like=True):
    """A finding in the stored form: an array of values without field names."""

    category: str
    score: float
    modality: Modality
    detector: str
    version: str
    reason: str
    evidence: tuple[Evidence, ...]
    attributes: dict[str, Attribute]
    test_card: bool
    basis: Basis
    point: OperatingPoint | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Packed])


def pack(findings: tuple[Finding, ...]) -> bytes:
    """Findings as compact bytes for the database."""
    return _encoder.encode(
        [_Packed(*(getattr(finding, name) for name in _Packed.__struct_fields__)) for finding in findings]
    )


def unpack(data: bytes) -> tuple[Finding, ...]:
    """The findings in `data`. Raises `msgspec.DecodeError` if `data` is not the output of `pack`."""
    fields = _Packed.__struct_fields__
    return tuple(
        Finding(**{name: getattr(packed, name) for name in fields}) for packed in _decoder.decode(data)
    )


def to_json(finding: Finding) -> dict[str, Any]:
    """The finding as plain values with the field names of the API."""
    built: dict[str, Any] = msgspec.to_builtins(finding)
    return built
