from __future__ import annotations

import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.policy.findings import Modality

SERVER = {"url": "http://127.0.0.1:1/v1", "model": "whisper-1"}


def promised(**detectors: object) -> set[str]:
    """Categories that coverage reports as available for audio."""
    settings = {"minilm": False, "text-guard": False, "whisper": False, **detectors}
    catalogue = DetectorRegistry.discover(settings)  # type: ignore[arg-type]
    return {cell.category for cell in catalogue.cells((), Modality.AUDIO) if cell.available}


def test_without_a_transcriber_no_speech_cell_is_available() -> None:
    assert promised() == set()


def test_a_transcriber_fills_the_cells_that_text_detectors_cover() -> None:
    both = promised(transcription=SERVER)
    assert {"hate", "sexual", "sexual/minors", "extremism", "deception/speech"} <= both
    unread = promised(transcription=SERVER, ngrams=False, **{"word-lists": False, "sexual-minors": False})
    assert not {"hate", "extremism", "sexual/minors"} & unread


@pytest.mark.parametrize("missing", ["url", "model"])
def test_an_incomplete_transcriber_is_missing_with_the_reason(missing: str) -> None:
    catalogue = DetectorRegistry.discover({"transcription": {**SERVER, missing: ""}})
    assert catalogue.transcriber is None
    [sentence] = [one.sentence for one in catalogue.missing if one.name == "transcription"]
    assert "[detectors.transcription]" in sentence


def test_a_transcriber_that_does_not_load_fails_every_call() -> None:
    catalogue = DetectorRegistry.discover({"transcription": {**SERVER, "timeout_s": "soon"}})
    assert catalogue.transcriber is not None
    with pytest.raises(Exception, match="could not be loaded"):
        catalogue.transcriber.transcribe(None)  # type: ignore[arg-type]
