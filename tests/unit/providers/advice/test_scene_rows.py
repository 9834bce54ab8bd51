"""The rows for ordinary scenes: beach, medicine, sport, history, before and after, and others."""

from __future__ import annotations

import pytest

from safelight.core.i18n import LANGUAGES, load_messages
from safelight.providers.advice import driver_tables
from safelight.providers.advice.driver_tables import DriverKind
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.graphic_words import suggest_graphic_violence
from support.prompt_advice import advised, rewrites
from support.rows import each_row, rows_of

ROWS = {name: row for name, row in driver_tables.word_rows().items() if row.kind is DriverKind.SCENE_WORD}
#: The others have advice only.
REPLACED = {name for name, row in ROWS.items() if row.condition}
CASES = rows_of(__file__, "every_scene_row_helps_one_prompt_and_leaves_one_alone")
ADVISED = rows_of(__file__, "a_scene_row_without_a_replacement_says_what_to_write")


@each_row
def test_a_scene_row_without_a_replacement_says_what_to_write(language: str, row: str, prompt: str) -> None:
    advice = advised(prompt)
    assert row in {driver.row for driver in advice.drivers}
    assert [one.message for one in advice.suggestions] == [ROWS[row].advice]


@each_row
def test_every_scene_row_helps_one_prompt_and_leaves_one_alone(
    language: str, row: str, prompt: str, rewritten: str, left_alone: str
) -> None:
    advice = advised(prompt)
    assert row in {driver.row for driver in advice.drivers}
    assert rewritten in rewrites(advice)
    assert rewrites(advised(left_alone)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cases_have_every_scene_row_in_each_script(language: str) -> None:
    assert {case["row"] for case in CASES if case["language"] == language} == REPLACED
    assert {case["row"] for case in ADVISED if case["language"] == language} == set(ROWS) - REPLACED


@each_row
def test_rows_for_adults_replace_nothing_beside_a_young_person(prompt: str, row: str) -> None:
    advice = advised(prompt)
    assert row in {driver.row for driver in advice.drivers}
    assert rewrites(advice) == []


@each_row
def test_no_scene_row_rewords_an_act_of_harm(prompt: str) -> None:
    words = {word for one in find_drivers({"prompt": prompt}, ()) if one.row in ROWS for word in one.words}
    replaced = {one.values["words"] for one in advised(prompt).suggestions if one.message == "replace"}
    assert not words & replaced


@each_row
def test_a_word_of_a_scene_hides_no_sign_of_graphic_violence(prompt: str) -> None:
    assert suggest_graphic_violence((), (prompt,))


def test_a_rewritten_scene_has_no_word_of_a_scene_left_in_what_was_written() -> None:
    for name, columns in (
        ("words.en", ("alternatives",)),
        ("words.zh", ("zh-Hant alternatives", "zh-Hans alternatives")),
    ):
        for row in driver_tables.read_rows(name):
            for alternative in (one for column in columns for one in row[column].split("|") if one):
                if row["row"] in ROWS:
                    found = find_drivers({"prompt": alternative}, ())
                    assert not found, (alternative, [driver.row for driver in found])


def test_scene_words_are_never_stacked_and_raise_no_level_by_themselves() -> None:
    prompt = "Friends in swimsuits at the beach have a snowball fight after a funeral"
    drivers = find_drivers({"prompt": prompt}, ())
    assert {driver.kind for driver in drivers} == {DriverKind.SCENE_WORD}
    assert advised(prompt, "veo-3.1").as_wire()["risk_level"] in ("low", "unknown")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_scene_row_says_why_what_to_write_and_when_it_is_true(language: str) -> None:
    messages = load_messages("advice", language)
    for name, row in ROWS.items():
        assert row.sources
        assert messages(f"reason.{row.reason}")
        assert messages(f"suggestion.{row.advice}")
        assert name not in REPLACED or messages(f"condition.{row.condition}")
        assert messages(f"driver.{name}")
        documented = all(source.read for source in row.sources)
        said = {"en": "No documented source", "zh-Hant": "沒有文件來源", "zh-Hans": "没有文档来源"}[language]
        assert (said in messages(f"reason.{row.reason}")) is not documented
