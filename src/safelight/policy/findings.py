"""Findings: what a detector saw, where, and how sure it is. Nothing here decides."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec


class Stage(StrEnum):
    """A place on a video's way where a verdict is needed."""

    ADMISSION = "admission"
    PROMPT = "prompt"
    REFERENCE = "reference"
    GENERATION = "generation"
    OUTPUT = "output"
    DELIVERY = "delivery"


class Modality(StrEnum):
    """What was looked at. A reference picture is `image`; frames of any clip are `frames`."""

    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    AUDIO = "audio"


class TextSpan(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """Characters `start` to `end` (end exclusive) of a field as it was typed."""

    field: str
    start: int
    end: int


class ImageBox(msgspec.Struct, frozen=True, kw_only=True, tag="box"):
    """A box in a picture, in parts of its width and height (0 to 1), from the top left."""

    x: float
    y: float
    w: float
    h: float
    #: The request field the picture came in, such as `input_reference`; empty for output.
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
    #: The frame where the score was highest, and where in it.
    peak: int
    box: ImageBox | None = None


class TimeRange(msgspec.Struct, frozen=True, kw_only=True, tag="time"):
    """A stretch of the sound, in seconds from the start of the clip."""

    start_s: float
    end_s: float


class Match(msgspec.Struct, frozen=True, kw_only=True, tag="match"):
    """An entry of a list or hash list; `distance` where the match is approximate."""

    list: str
    entry: str
    distance: float | None = None


Evidence: TypeAlias = TextSpan | ImageBox | FrameRange | TimeRange | Match

#: What rules may ask about a finding beyond its score. Numbers, yes/no and short words only.
Attribute: TypeAlias = bool | int | float | str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing one detector saw.

    `score` is a calibrated probability that the category applies. `attributes` are facts that rules may
    use: `area` (largest part of a picture, 0 to 1), `duration_s`, `frames` (how many), `speech` (bool),
    `negated` (bool), `role` ("subject" | "passing"), `public_figure` (bool), `source` (the field or place
    the text came from) and what further detectors add.
    """

    category: str
    score: float
    modality: Modality
    detector: str
    version: str
    reason: str
    evidence: tuple[Evidence, ...] = ()
    attributes: dict[str, Attribute] = {}
    #: From the safety test card: decides like any other finding, and never counts as a strike alone.
    test_card: bool = False


#: From here on a sign counts when it is asked whether something may be shown to anybody else.
INDICATOR = 0.3


def strongest(scored: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The highest score of each category."""
    found: dict[str, float] = {}
    for category, score in scored:
        found[category] = max(score, found.get(category, 0.0))
    return found


def sexual_with_minor(findings: Iterable[Finding]) -> bool:
    """Whether there is any sign of something sexual with a minor: then it goes to no third party."""
    signs = {one.category for one in findings if one.score >= INDICATOR and not one.test_card}
    return "sexual/minors" in signs or ("minors-present" in signs and bool({"sexual", "ncii"} & signs))


class _Packed(msgspec.Struct, array_like=True):
    """A finding as stored: positions instead of names."""

    category: str
    score: float
    modality: Modality
    detector: str
    version: str
    reason: str
    evidence: tuple[Evidence, ...]
    attributes: dict[str, Attribute]
    test_card: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Packed])


def pack(findings: tuple[Finding, ...]) -> bytes:
    """Findings as compact bytes for the database."""
    return _encoder.encode(
        [_Packed(*(getattr(finding, name) for name in _Packed.__struct_fields__)) for finding in findings]
    )


def unpack(data: bytes) -> tuple[Finding, ...]:
    """The findings in `data`. Raises `msgspec.DecodeError` on anything `pack` did not write."""
    fields = _Packed.__struct_fields__
    return tuple(
        Finding(**{name: getattr(packed, name) for name in fields}) for packed in _decoder.decode(data)
    )


def to_json(finding: Finding) -> dict[str, Any]:
    """The finding for JSON output and logs of evidence, with the wire's names."""
    built: dict[str, Any] = msgspec.to_builtins(finding)
    return built
