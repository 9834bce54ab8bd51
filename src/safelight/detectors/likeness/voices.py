"""Voices compared with consents and with the gallery of protected people; nobody else's template is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight.errors import SafelightError
from safelight.media.audio import merge_spans
from safelight.policy.categories import Category
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Match, Modality, TimeRange

from .matching import (
    ConsentLookup,
    Distances,
    EnrolledPerson,
    MatchResult,
    Template,
    cell,
    covering_record,
    failure,
    likelihood,
    nearest,
    people_in,
)

NAME = "voices"
#: What the names of all models of voices begin with.
FAMILY = "voice"
#: Times in the evidence of one finding, at most.
_TIMES = 20


@dataclass(frozen=True, kw_only=True)
class SpeechPiece:
    """Speech of one voice, as far as can be told: where it lies in a WAV file, and in the clip."""

    path: Path
    #: From when to when in the file, in seconds; more than one where short pieces were put together.
    parts: tuple[tuple[float, float], ...]
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.parts)


@dataclass(frozen=True, kw_only=True)
class SpeechPieces:
    """The speech of a clip in pieces, and why that is not all of it."""

    pieces: tuple[SpeechPiece, ...] = ()
    note: str = ""


class VoiceDescriber(Protocol):
    """Describes voices: a template of length one for each piece."""

    @property
    def version(self) -> str:
        """What templates are made by: those of another cannot be compared."""

    def voices(self, pieces: Sequence[SpeechPiece]) -> tuple[Template, ...]: ...


class VoiceRecogniser(Protocol):
    """What a stage asks."""

    @property
    def least_s(self) -> float:
        """Shorter pieces are not described."""

    def recognise(self, spoken: SpeechPieces, *, tenant: str) -> MatchResult: ...


@dataclass(frozen=True, kw_only=True)
class VoiceMatcher:
    """The recogniser of one installation."""

    describer: VoiceDescriber
    lookup: ConsentLookup
    distances: Distances
    least_s: float

    def recognise(self, spoken: SpeechPieces, *, tenant: str) -> MatchResult:
        """Who is heard. Nobody is described in a tenant that has no voice on record, and then there is no
        cell. A failure is a hole in coverage, and no error."""
        try:
            consented, protected = self.lookup.consented(tenant), self.lookup.protected(tenant)
        except SafelightError as error:
            return MatchResult(cells=(_cell(note=f"Voices were not compared: {error.message}", ran=False),))
        people = people_in(consented, protected)
        if not people:
            return MatchResult()
        try:
            templates = self.describer.voices(spoken.pieces) if spoken.pieces else ()
        except Exception as error:
            return MatchResult(cells=(_cell(note=failure("Voices", error), ran=False),))
        covers = [covering_record((one,), consented, self.distances.consent) for one in templates]
        everybody = not spoken.note and all(cover is not None for cover in covers)
        consents = tuple(sorted({cover for cover in covers if cover is not None})) if everybody else ()
        return MatchResult(
            findings=tuple(
                _finding(person, near, self.distances.gallery, consents, self.describer.version)
                for person, near in _matches(spoken.pieces, templates, protected, self.distances.gallery)
            ),
            cells=(_cell(note=spoken.note, ran=bool(spoken.pieces) or not spoken.note, people=people),),
            consents=consents,
            everybody=everybody,
            people=people,
        )


def _matches(
    pieces: Sequence[SpeechPiece],
    templates: Sequence[Template],
    protected: Sequence[EnrolledPerson],
    within: float,
) -> list[tuple[EnrolledPerson, list[tuple[float, SpeechPiece]]]]:
    """Protected people, each with the pieces that are near to them."""
    found: dict[str, tuple[EnrolledPerson, list[tuple[float, SpeechPiece]]]] = {}
    for piece, template in zip(pieces, templates, strict=True):
        one = nearest((template,), protected)
        if one is not None and one[0] <= within:
            found.setdefault(one[1].record, (one[1], []))[1].append((one[0], piece))
    return [found[record] for record in sorted(found)]


def _finding(
    person: EnrolledPerson,
    near: Sequence[tuple[float, SpeechPiece]],
    within: float,
    consents: Sequence[str],
    version: str,
) -> Finding:
    apart = min(one for one, _piece in near)
    times = merge_spans((piece.start_s, piece.end_s) for _apart, piece in near)
    # Whoever consented is named beside; the rule that holds looks at the attribute.
    covered = {"consented": True} if consents else {}
    return Finding(
        category=Category.LIKENESS.value,
        score=likelihood(apart, within),
        modality=Modality.AUDIO,
        detector=NAME,
        version=version,
        reason="A voice is like one in the gallery of protected people.",
        evidence=(
            *(TimeRange(start_s=start, end_s=end) for start, end in times[:_TIMES]),
            Match(list="gallery", entry=person.record, distance=round(apart, 3)),
            *(Match(list="consents", entry=one) for one in consents),
        ),
        attributes={"kind": "voice", "public_figure": person.public_figure, **covered},
    )


def _cell(*, note: str, ran: bool, people: int = 0) -> Cell:
    measured = f"voices: unmeasured, compared with {people} on record" if ran else None
    return cell(NAME, Modality.AUDIO, note=note, ran=ran, measured=measured)
