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


class FakeEmbedder:
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


def heard(embedder: FakeEmbedder, records: Records, number: int = 1, note: str = "") -> MatchResult:
    recogniser = VoiceMatcher(
        embedder=embedder, lookup=records, distances=Distances(consent=0.8, protected=1.0), min_piece_s=2.0
    )
    return recogniser.recognise(SpeechPieces(pieces=pieces(number), note=note), tenant="t")


def test_a_protected_voice_is_found_with_its_times() -> None:
    who = heard(FakeEmbedder(EVE, voice(2, towards=5, by=0.3), EVE), Records((), (GUARDED,)), 3)
    (finding,) = who.findings
    assert (finding.category, finding.modality) == ("likeness", Modality.AUDIO)
    assert finding.attributes == {"kind": "voice", "public_figure": True}
    assert finding.score > 0.5
    when, match = finding.evidence
    assert when == TimeRange(start_s=10.0, end_s=13.0)
    assert isinstance(match, Match)
    assert (match.list, match.entry) == ("gallery", "protected_1")
    assert who.all_covered is False


def test_coverage_reports_the_number_of_compared_voices_as_unmeasured() -> None:
    (cell,) = heard(FakeEmbedder(EVE), Records((CONSENT, CONSENT), (GUARDED,))).cells
    assert (cell.category, cell.modality, cell.ran, cell.complete) == ("likeness", Modality.AUDIO, True, True)
    assert cell.measured == "voices: unmeasured, compared with 2 enrolled people"


def test_a_consent_counts_only_if_it_covers_every_speaker() -> None:
    own = EnrolledPerson(record="protected_1", name="Ann", template=ANN)
    covered = heard(FakeEmbedder(ANN, ANN), Records((CONSENT,), (own,)), 2)
    (finding,) = covered.findings
    assert finding.attributes["consented"] is True
    assert finding.evidence[-1] == Match(list="consents", entry="consent_1")
    assert covered.consents == ("consent_1",)
    beside = heard(FakeEmbedder(ANN, EVE), Records((CONSENT,), (own,)), 2)
    (finding,) = beside.findings
    assert "consented" not in finding.attributes
    assert beside.consents == ()
    unsure = heard(FakeEmbedder(ANN), Records((CONSENT,), (own,)), note="0.5 s of speech are too short.")
    assert "consented" not in unsure.findings[0].attributes
    assert not unsure.cells[0].complete


def test_no_template_is_computed_without_enrolled_people() -> None:
    embedder = FakeEmbedder(EVE)
    assert heard(embedder, Records()) == MatchResult()
    assert embedder.calls == 0


@pytest.mark.parametrize(
    ("embedder", "records"),
    [
        (FakeEmbedder(error=RuntimeError("gone")), Records((), (GUARDED,))),
        (FakeEmbedder(EVE), Records(broken=True)),
    ],
)
def test_a_failure_is_a_gap_and_not_an_empty_result(embedder: FakeEmbedder, records: Records) -> None:
    who = heard(embedder, records)
    (cell,) = who.cells
    assert (cell.available, cell.ran, cell.complete, cell.measured) == (True, False, False, None)
    assert "Voices were not compared" in cell.note
    assert not who.all_covered


def test_a_clip_without_speech_is_checked_and_speech_that_was_not_stored_is_a_gap() -> None:
    embedder, protected = FakeEmbedder(), Records((), (GUARDED,))
    (cell,) = heard(embedder, protected, 0).cells
    assert (cell.ran, cell.complete, embedder.calls) == (True, True, 0)
    lost = heard(embedder, protected, 0, note="Voices were not compared: the speech was not kept.")
    assert (lost.cells[0].ran, lost.all_covered) == (False, False)
