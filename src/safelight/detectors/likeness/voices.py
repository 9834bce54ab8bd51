"""Compares voices with consents and protected people. Templates of other people are not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight.core.errors import SafelightError
from safelight.media.audio import merge_spans
from safelight.policy.findings import Basis, Category, Cell, Finding, Match, Modality, TimeRange

from .matching import (
    ConsentLookup,
    Distances,
    EnrolledPerson,
    MatchResult,
    Template,
    count_people,
    failure_note,
    find_nearest,
    find_shared_consent,
    likeness_cell,
    match_score,
)

NAME = "voices"
#: The version of every voice model begins with this word.
FAMILY = "voice"
#: Maximum number of time ranges in the evidence of one finding.
_MAX_TIMES = 20


@dataclass(frozen=True, kw_only=True)
class SpeechPiece:
    """A piece of speech that is probably by one voice: its ranges in a WAV file, and its time in the clip."""

    path: Path
    #: Start and end of each range in the file, in seconds. There are several ranges if short pieces were
    #: joined.
    parts: tuple[tuple[float, float], ...]
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.parts)


@dataclass(frozen=True, kw_only=True)
class SpeechPieces:
    """The speech of a clip in pieces. If some speech is missing, `note` is the coverage note about it."""

    pieces: tuple[SpeechPiece, ...] = ()
    note: str = ""


class VoiceEmbedder(Protocol):
    """Computes voice templates: one of unit length for each piece of speech."""

    @property
    def version(self) -> str:
        """Version of the model. Templates of different versions cannot be compared."""

    def embed(self, pieces: Sequence[SpeechPiece]) -> tuple[Template, ...]: ...


class VoiceRecogniser(Protocol):
    """Interface of voice matching, for the moderation stages."""

    @property
    def min_piece_s(self) -> float:
        """Shortest piece of speech in seconds that gets a template."""

    def recognise(self, spoken: SpeechPieces, *, tenant: str) -> MatchResult: ...


@dataclass(frozen=True, kw_only=True)
class VoiceMatcher:
    """Compares the voices of a clip with the consents and protected people of a tenant."""

    embedder: VoiceEmbedder
    lookup: ConsentLookup
    distances: Distances
    min_piece_s: float

    def recognise(self, spoken: SpeechPieces, *, tenant: str) -> MatchResult:
        """Match the voices of a clip.

        For a tenant without enrolled voices, no templates and no coverage cell are made. A failure becomes a
        gap in coverage and is not raised.
        """
        try:
            consented, protected = self.lookup.consented(tenant), self.lookup.protected(tenant)
        except SafelightError as error:
            return MatchResult(cells=(_cell(note=f"Voices were not compared: {error.message}", ran=False),))
        people = count_people(consented, protected)
        if not people:
            return MatchResult()
        try:
            templates = self.embedder.embed(spoken.pieces) if spoken.pieces else ()
        except Exception as error:
            return MatchResult(cells=(_cell(note=failure_note("Voices", error), ran=False),))
        covers = [find_shared_consent((one,), consented, self.distances.consent) for one in templates]
        everybody = not spoken.note and all(cover is not None for cover in covers)
        consents = tuple(sorted({cover for cover in covers if cover is not None})) if everybody else ()
        return MatchResult(
            findings=tuple(
                _finding(person, near, self.distances.protected, consents, self.embedder.version)
                for person, near in _matches(spoken.pieces, templates, protected, self.distances.protected)
            ),
            cells=(_cell(note=spoken.note, ran=bool(spoken.pieces) or not spoken.note, people=people),),
            consents=consents,
            all_covered=everybody,
            compared_people=people,
        )


def _matches(
    pieces: Sequence[SpeechPiece],
    templates: Sequence[Template],
    protected: Sequence[EnrolledPerson],
    within: float,
) -> list[tuple[EnrolledPerson, list[tuple[float, SpeechPiece]]]]:
    """The protected people whose voices match, each with the matching pieces of speech."""
    found: dict[str, tuple[EnrolledPerson, list[tuple[float, SpeechPiece]]]] = {}
    for piece, template in zip(pieces, templates, strict=True):
        one = find_nearest((template,), protected)
        if one is not None and one[0] <= within:
            found.setdefault(one[1].record, (one[1], []))[1].append((one[0], piece))
    return [found[record] for record in sorted(found)]


def _finding(
    person: EnrolledPerson,
    matches: Sequence[tuple[float, SpeechPiece]],
    within: float,
    consents: Sequence[str],
    version: str,
) -> Finding:
    separation = min(one for one, _piece in matches)
    times = merge_spans((piece.start_s, piece.end_s) for _separation, piece in matches)
    # The match is reported even if there is a consent. The policy rule that holds the video reads this
    # attribute.
    covered = {"consented": True} if consents else {}
    return Finding(
        category=Category.LIKENESS.value,
        score=match_score(separation, within),
        modality=Modality.AUDIO,
        detector=NAME,
        version=version,
        basis=Basis.LEARNED,
        reason="A voice is similar to that of a protected person.",
        evidence=(
            *(TimeRange(start_s=start, end_s=end) for start, end in times[:_MAX_TIMES]),
            Match(list="gallery", entry=person.record, distance=round(separation, 3)),
            *(Match(list="consents", entry=one) for one in consents),
        ),
        attributes={"kind": "voice", "public_figure": person.public_figure, **covered},
    )


def _cell(*, note: str, ran: bool, people: int = 0) -> Cell:
    measured = f"voices: unmeasured, compared with {people} enrolled people" if ran else None
    return likeness_cell(NAME, Modality.AUDIO, note=note, ran=ran, measured=measured)
