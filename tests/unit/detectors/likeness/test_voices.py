from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from safelight.detectors.likeness.matching import Distances, EnrolledPerson, MatchResult
from safelight.detectors.likeness.voices import SpeechPiece, SpeechPieces, VoiceMatcher
from safelight.policy.findings import Match, Modality, TimeRange
from support.consent_records import Records

Template = npt.NDArray[np.float64]


def voice(seed: int, *, towards: int = 0, by: float = 0.0) -> Template:
    found = np.zeros(24)
    found[seed] = 1.0
    found[towards] += by
    unit: Template = found / np.linalg.norm(found)
    return unit


ANN, BEN, EVE = voice(1), voice(2), voice(3)
CONSENT = EnrolledPerson(record="consent_1", name="Ann", template=ANN)
GUARDED = EnrolledPerson(record="protected_1", name="Ben", template=BEN, public_figure=True)


class Told:
    """A voice embedder with fixed templates, or a failure."""

    version = "voice:wespeaker:0123"

    def __init__(self, *templates: Template, error: Exception | None = None) -> None:
        self._templates, self._error = templates, error
        self.calls = 0

    def embed(self, pieces: Sequence[SpeechPiece]) -> tuple[Template, ...]:
        self.calls += 1
        if self._error is not None:
            raise self._error
        assert len(pieces) == len(self._templates)
        return self._templates


def pieces(number: int) -> tuple[SpeechPiece, ...]:
    return tuple(
        SpeechPiece(path=Path("x.wav"), parts=((4.0 * n, 4.0 * n + 3),), start_s=10.0 * n, end_s=10.0 * n + 3)
        for n in range(number)
    )


def heard(describer: Told, records: Records, number: int = 1, note: str = "") -> MatchResult:
    recogniser = VoiceMatcher(
        embedder=describer, lookup=records, distances=Distances(consent=0.8, protected=1.0), min_piece_s=2.0
    )
    return recogniser.recognise(SpeechPieces(pieces=pieces(number), note=note), tenant="t")


def test_a_voice_like_one_in_the_gallery_is_found_with_its_times() -> None:
    who = heard(Told(EVE, voice(2, towards=5, by=0.3), EVE), Records((), (GUARDED,)), 3)
    (finding,) = who.findings
    assert (finding.category, finding.modality) == ("likeness", Modality.AUDIO)
    assert finding.attributes == {"kind": "voice", "public_figure": True}
    assert finding.score > 0.5
    when, match = finding.evidence
    assert when == TimeRange(start_s=10.0, end_s=13.0)
    assert isinstance(match, Match)
    assert (match.list, match.entry) == ("gallery", "protected_1")
    assert who.all_covered is False


def test_coverage_says_with_how_many_voices_it_was_compared_and_that_it_is_unmeasured() -> None:
    (cell,) = heard(Told(EVE), Records((CONSENT, CONSENT), (GUARDED,))).cells
    assert (cell.category, cell.modality, cell.ran, cell.complete) == ("likeness", Modality.AUDIO, True, True)
    assert cell.measured == "voices: unmeasured, compared with 2 enrolled people"


def test_a_consent_counts_only_where_it_covers_everybody_who_speaks() -> None:
    own = EnrolledPerson(record="protected_1", name="Ann", template=ANN)
    covered = heard(Told(ANN, ANN), Records((CONSENT,), (own,)), 2)
    (finding,) = covered.findings
    assert finding.attributes["consented"] is True
    assert finding.evidence[-1] == Match(list="consents", entry="consent_1")
    assert covered.consents == ("consent_1",)
    beside = heard(Told(ANN, EVE), Records((CONSENT,), (own,)), 2)
    (finding,) = beside.findings
    assert "consented" not in finding.attributes
    assert beside.consents == ()
    unsure = heard(Told(ANN), Records((CONSENT,), (own,)), note="0.5 s of speech are too short.")
    assert "consented" not in unsure.findings[0].attributes
    assert not unsure.cells[0].complete


def test_nobody_is_described_where_nobody_is_on_record() -> None:
    describer = Told(EVE)
    assert heard(describer, Records()) == MatchResult()
    assert describer.calls == 0


@pytest.mark.parametrize(
    ("describer", "records"),
    [
        (Told(error=RuntimeError("gone")), Records((), (GUARDED,))),
        (Told(EVE), Records(broken=True)),
    ],
)
def test_a_failure_is_a_hole_and_no_empty_answer(describer: Told, records: Records) -> None:
    who = heard(describer, records)
    (cell,) = who.cells
    assert (cell.available, cell.ran, cell.complete, cell.measured) == (True, False, False, None)
    assert "Voices were not compared" in cell.note
    assert not who.all_covered


def test_speech_that_was_not_kept_is_a_hole() -> None:
    who = heard(Told(), Records((), (GUARDED,)), 0, note="Voices were not compared: the speech was not kept.")
    assert (who.cells[0].ran, who.all_covered) == (False, False)


def test_where_nobody_speaks_it_is_checked() -> None:
    describer = Told()
    (cell,) = heard(describer, Records((), (GUARDED,)), 0).cells
    assert (cell.ran, cell.complete, describer.calls) == (True, True, 0)
