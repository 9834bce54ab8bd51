from __future__ import annotations

import pytest

from safelight.core.i18n import translate_sentence
from safelight.policy.findings import Category, Cell, Coverage, Modality
from safelight.screening.coverage_limits import annotate_coverage
from support.rows import each_row


def only(cell: Cell) -> str:
    [told] = annotate_coverage(Coverage(cells=(cell,)))
    return told.note


@each_row
def test_unsupported_categories_have_a_reason(category: str, word: str, modality: Modality) -> None:
    assert word in only(Cell(category=category, modality=modality, required=True))


def test_faces_in_frames_are_a_gap_until_a_protected_person_is_enrolled() -> None:
    note = only(Cell(category="likeness", modality=Modality.FRAMES, required=True))
    assert "that list is empty" in note
    assert all(translate_sentence("doctor", note, tag) for tag in ("zh-Hant", "zh-Hans"))
    assert only(Cell(category="likeness", modality=Modality.IMAGE, required=True)) == ""


@pytest.mark.parametrize("category", [*Category, "my/own"])
def test_every_category_of_the_sound_that_is_not_checked_has_a_reason(category: str) -> None:
    note = only(Cell(category=category, modality=Modality.AUDIO, required=True))
    assert note
    assert all(translate_sentence("doctor", note, tag) for tag in ("zh-Hant", "zh-Hans"))


def test_the_words_of_the_sound_need_a_transcription() -> None:
    note = only(Cell(category="extremism", modality=Modality.AUDIO, required=True))
    assert "Set up Whisper or a transcription server" in note


def test_a_note_of_its_own_is_kept_and_what_is_checked_needs_none() -> None:
    cell = Cell(category="violence/graphic", modality=Modality.FRAMES, required=True, note="It crashed.")
    assert only(cell) == "It crashed."
    there = Cell(category="violence/graphic", modality=Modality.FRAMES, required=True, available=True)
    assert only(there) == ""
    assert only(Cell(category="violence/graphic", modality=Modality.TEXT, required=True)) == ""
