"""Findings: what a detector found, where, and with which score. They carry no decision."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, TypeAlias, TypeVar

import msgspec

_Key = TypeVar("_Key", bound=Hashable)
#: How bad it is if a case of a category is decided late; a category without a severity has the default.
MAX_SEVERITY, DEFAULT_SEVERITY = 16, 4
#: Minimum score of the findings that count when Safelight decides whether content may go to a third party.
INDICATOR_SCORE = 0.3
#: From this score on, a finding without an operating point is an alarm.
ALARM_SCORE = 0.5
#: The value of the attribute `kind` of a finding of harassment that is a threat.
THREAT = "threat"

# The categories of harm, their groups, and which of them are mandatory or hide details.


class Group(StrEnum):
    """A group of categories. Readers see the group if the category itself would reveal too much."""

    SEXUAL = "sexual"
    MINORS = "minors"
    VIOLENCE = "violence"
    SELF_HARM = "self-harm"
    HATE = "hate"
    EXTREMISM = "extremism"
    ILLICIT = "illicit"
    LIKENESS = "likeness"
    IP = "ip"
    DECEPTION = "deception"
    PRIVACY = "privacy"
    HEALTH = "health"


class Category(StrEnum):
    """The shipped categories, as `taxonomy.json` describes them.

    A third party adds its own as `CategorySpec`s. For this reason, the type of a category is `str` elsewhere.
    """

    SEXUAL = "sexual"
    SEXUAL_MINORS = "sexual/minors"
    SEXUAL_REAL_PERSON = "sexual/real-person"
    NCII = "ncii"
    VIOLENCE = "violence"
    VIOLENCE_GRAPHIC = "violence/graphic"
    VIOLENCE_ASSAULT = "violence/assault"
    VIOLENCE_MASS_ATTACK = "violence/mass-attack"
    VIOLENCE_TORTURE = "violence/torture"
    CRUELTY_ANIMALS = "cruelty/animals"
    SELF_HARM = "self-harm"
    SELF_HARM_ACT = "self-harm/act"
    SELF_HARM_INTENT = "self-harm/intent"
    SELF_HARM_INSTRUCTIONS = "self-harm/instructions"
    HATE = "hate"
    HATE_SYMBOLS = "hate/symbols"
    HATE_DEHUMANISATION = "hate/dehumanisation"
    HARASSMENT = "harassment"
    EXTREMISM = "extremism"
    ILLICIT = "illicit"
    LIKENESS = "likeness"
    IP_CHARACTER = "ip/character"
    IP_BRAND = "ip/brand"
    DECEPTION = "deception"
    DECEPTION_SPEECH = "deception/speech"
    DECEPTION_SUBLIMINAL = "deception/subliminal"
    DECEPTION_IMPERSONATION = "deception/impersonation"
    DECEPTION_SCAM = "deception/scam"
    PRIVACY = "privacy"
    MINORS_PRESENT = "minors-present"
    PHOTOSENSITIVE = "photosensitive"


@dataclass(frozen=True, kw_only=True)
class CategorySpec:
    #: The name in code, API, database and pages, such as `violence/graphic`.
    name: str
    #: The group that readers see if the category is withheld from them.
    group: Group
    #: One sentence for policy authors: what the category covers.
    summary: str
    #: Whether the category is in the mandatory set. A policy cannot drop it; only a waiver can.
    mandatory: bool = False
    #: Whether the evidence could serve as instructions. If so, explanations show only the group.
    hide_details: bool = False
    #: 1 to `MAX_SEVERITY`. A power of two, so that a step is an hour in the review queue.
    severity: int = DEFAULT_SEVERITY


class Taxonomy:
    """The categories of one installation: the shipped ones and those of installed packages."""

    def __init__(self, specs: Iterable[CategorySpec]) -> None:
        self._specs: dict[str, CategorySpec] = {}
        for spec in specs:
            if spec.name in self._specs:
                raise ValueError(f"category {spec.name!r} is defined twice")
            self._specs[spec.name] = spec

    def __getitem__(self, name: str) -> CategorySpec:
        return self._specs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[CategorySpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def mandatory(self) -> frozenset[str]:
        return frozenset(spec.name for spec in self if spec.mandatory)

    @property
    def discreet(self) -> frozenset[str]:
        """The categories of which most readers see only the group."""
        return frozenset(spec.name for spec in self if spec.hide_details)

    def group_of(self, category: str) -> Group | None:
        spec = self._specs.get(category)
        return spec.group if spec else None

    def extended(self, specs: Iterable[CategorySpec]) -> Taxonomy:
        """This taxonomy with additional categories. An additional category cannot replace an existing one."""
        added = tuple(specs)
        return Taxonomy([*self, *added]) if added else self


SHIPPED = Taxonomy(
    msgspec.json.decode(
        resources.files(__package__).joinpath("taxonomy.json").read_bytes(), type=list[CategorySpec]
    )
)


def severity_of(category: str) -> int:
    """The severity of a category; the default for one that is not shipped."""
    return SHIPPED[category].severity if category in SHIPPED else DEFAULT_SEVERITY


def group_of(category: str) -> Group | None:
    """The group of a shipped category."""
    return SHIPPED.group_of(category)


def categories_of(*groups: Group) -> frozenset[str]:
    """The shipped categories of these groups."""
    return frozenset(spec.name for spec in SHIPPED if spec.group in groups)


#: Sexual content of any person. A sign of a minor beside it is never sent to a third party.
SEXUAL_CATEGORIES = frozenset({Category.NCII.value, *categories_of(Group.SEXUAL)})


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
    "passing"), `public_figure` (bool), `source` (the field or place of the text), `voice` (the model that
    reported a face) and attributes of further detectors.
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


def highest_scores(scored: Iterable[tuple[_Key, float]]) -> dict[_Key, float]:
    """The highest score of each key, which is a category or has one."""
    found: dict[_Key, float] = {}
    for key, score in scored:
        found[key] = max(score, found.get(key, 0.0))
    return found


def suggests_sexual_minors(findings: Iterable[Finding]) -> bool:
    """Whether findings suggest sexual content with a minor. Such content is never sent to a third party."""
    categories = {one.category for one in findings if one.score >= INDICATOR_SCORE and not one.test_card}
    return "sexual/minors" in categories or (
        "minors-present" in categories and bool(SEXUAL_CATEGORIES & categories)
    )


def is_threat(finding: Finding) -> bool:
    """Whether the finding is a threat: an announcement of harm to real people, or a call for it."""
    return finding.attributes.get("kind") == THREAT


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


# Coverage: which checks were required, and which were completed. "Not checked" never means "safe".


class CoverageStatus(StrEnum):
    """Status of a coverage cell."""

    CHECKED = "checked"
    PARTLY = "partly"
    NOT_CHECKED = "not checked"
    OFF = "off"


class Depth(StrEnum):
    """How thoroughly text was checked."""

    #: No detector of text ran, or the cell is not about text.
    NONE = ""
    #: Lists, patterns and combinations only: no classifier has an operating point for this text.
    LISTS = "lists"
    #: A classifier or a guard model judged it too.
    LEARNED = "learned"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A coverage cell: whether one category was checked in one modality at one stage."""

    category: str
    modality: Modality
    #: Whether the policy requires this cell.
    required: bool = False
    #: Whether an installed detector covers this cell.
    available: bool = False
    #: Whether such a detector ran on this content.
    ran: bool = False
    #: Whether each of them inspected all of the content, without a crash, time-out or exhausted budget.
    complete: bool = False
    detectors: tuple[str, ...] = ()
    #: The reason for an incomplete check, or for a check without a classifier; otherwise empty.
    note: str = ""
    #: Whether the content has too much for the check: it would be as incomplete another time.
    over_budget: bool = False
    #: The measured quality of the check; None if it was not measured.
    measured: str | None = None
    depth: Depth = Depth.NONE

    @property
    def status(self) -> CoverageStatus:
        if not self.available:
            return CoverageStatus.NOT_CHECKED if self.required else CoverageStatus.OFF
        if self.ran and self.complete:
            return CoverageStatus.CHECKED
        return CoverageStatus.PARTLY if self.ran else CoverageStatus.NOT_CHECKED

    @property
    def is_gap(self) -> bool:
        """Whether the cell is required and was not checked completely."""
        return self.required and not (self.ran and self.complete)


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of one stage of one video, at most one per category and modality."""

    cells: tuple[Cell, ...] = ()

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def cell(self, category: str, modality: Modality) -> Cell | None:
        return next((c for c in self.cells if c.category == category and c.modality == modality), None)

    @property
    def gaps(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.is_gap)

    def merge(self, others: Iterable[Cell]) -> Coverage:
        """These cells merged with `others`.

        If both have a cell, the merged cell is complete only if each available one of the two is complete.
        """
        joined = {(cell.category, cell.modality): cell for cell in self.cells}
        for cell in others:
            key = (cell.category, cell.modality)
            joined[key] = _join_cells(joined[key], cell) if key in joined else cell
        return Coverage(cells=tuple(joined[key] for key in sorted(joined)))


#: The merged depth is the first of these. A cell without a depth does not count.
_THOROUGHNESS = (Depth.LISTS, Depth.LEARNED, Depth.NONE)


def _join_cells(one: Cell, other: Cell) -> Cell:
    ran = [cell for cell in (one, other) if cell.available]
    return Cell(
        category=one.category,
        modality=one.modality,
        required=one.required or other.required,
        available=one.available or other.available,
        ran=one.ran or other.ran,
        complete=bool(ran) and all(cell.ran and cell.complete for cell in ran),
        detectors=tuple(dict.fromkeys((*one.detectors, *other.detectors))),
        note=" ".join(dict.fromkeys(note for note in (one.note, other.note) if note)),
        over_budget=one.over_budget or other.over_budget,
        measured=one.measured or other.measured,
        depth=min(one.depth, other.depth, key=_THOROUGHNESS.index),
    )


_encoder = msgspec.msgpack.Encoder()
_coverage_decoder = msgspec.msgpack.Decoder(Coverage)


def pack_coverage(coverage: Coverage) -> bytes:
    """Coverage as bytes for the database."""
    return _encoder.encode(coverage)


def unpack_coverage(data: bytes) -> Coverage:
    """The coverage in `data`. Raises `msgspec.DecodeError` if `data` is not the output of `pack`."""
    return _coverage_decoder.decode(data)
