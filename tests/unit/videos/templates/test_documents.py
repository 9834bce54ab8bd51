from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import InvalidField
from safelight.videos.templates.documents import read_document
from safelight.videos.templates.models import SlotType
from safelight.videos.templates.rendering import render
from safelight.videos.templates.slot_values import LANGUAGES, shipped_values
from support.rows import each_row

EXAMPLES = Path(__file__).parents[4] / "examples" / "templates"


def problem(source: str) -> str:
    with pytest.raises(InvalidField) as caught:
        read_document(source)
    return str(caught.value)


def test_a_typed_slot_has_the_shipped_values_of_the_language_of_the_template() -> None:
    source = 'template: a\nlanguage: zh-Hant\ntext: "[X]走路"\nslots: {X: {type: adult_descriptor}}'
    assert "成年的" in read_document(source).slots[0].values
    others = 'template: a\ntext: "[X]"\nslots: {X: {type: adult_descriptor, values: [adult, young]}}'
    assert "'young' is not a value of the type adult_descriptor" in problem(others)


@each_row
def test_a_document_with_a_problem_is_refused_with_its_reason(source: str, expected: str) -> None:
    assert expected in problem(source)


def test_all_problems_are_reported_with_their_lines() -> None:
    found = problem("template: A\ntext: '[X]'\nnotes: c\n")
    assert [line for line in range(1, 4) if f"template:{line}:" in found] == [1, 2, 3]


def test_every_type_with_values_has_them_in_every_language() -> None:
    expected = set(SlotType) - {SlotType.CHOICE, SlotType.TEXT}
    assert set(shipped_values()) == expected
    for by_language in shipped_values().values():
        assert set(by_language) == set(LANGUAGES)
        assert all(len(set(values)) == len(values) > 4 for values in by_language.values())


def test_examples_in_every_language_are_valid_and_render_with_their_first_values() -> None:
    languages = set()
    for path in EXAMPLES.glob("*.yaml"):
        document = read_document(path.read_text(encoding="utf-8"))
        assert document.name == path.stem
        values = {slot.name: slot.values[0] if slot.values else "blue" for slot in document.slots}
        assert "[" not in render(document, values)
        languages.add(document.language)
    assert languages == set(LANGUAGES)
