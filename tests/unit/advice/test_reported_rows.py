from __future__ import annotations

import pytest

from safelight.advice import driver_tables
from safelight.advice.driver_tables import DriverKind
from safelight.advice.drivers import find_drivers
from safelight.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from safelight.detectors.text.chinese import SIMPLIFIED

from .reported_rows import WORDINGS, WORDS_AND_SCENES

SCRIPTS = ("en", "zh-Hant", "zh-Hans")


def advised(prompt: str, **options: object) -> PromptAdvice:
    return advise_on(ScreenedRequest(texts={"prompt": prompt}), None, AdviceOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("script", SCRIPTS)
def test_all_43_reported_words_and_scenes_are_found_with_a_suggestion(script: str) -> None:
    assert len(WORDS_AND_SCENES) == 43
    missing = []
    for name, row, *prompts in WORDS_AND_SCENES:
        advice = advised(prompts[SCRIPTS.index(script)])
        drivers = {driver.row for driver in advice.drivers}
        if row not in drivers or not advice.suggestions:
            missing.append((name, drivers))
    assert missing == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_other_wording_is_found_with_a_suggestion(script: str) -> None:
    for row, *prompts in WORDINGS:
        advice = advised(prompts[SCRIPTS.index(script)])
        assert row in {driver.row for driver in advice.drivers}, prompts
        assert advice.suggestions, prompts


def test_every_row_of_the_tables_has_a_form_in_each_script_and_a_way_to_help() -> None:
    rows = driver_tables.word_rows()
    forms: dict[str, dict[str, bool]] = {row: {} for row in rows}
    for name in ("words.en", "words.zh"):
        for row in driver_tables.read_rows(name):
            if row["row"] == driver_tables.ORDINARY:
                continue
            if "form" in row:
                forms[row["row"]]["en"] = True
            else:
                forms[row["row"]] |= {tag: bool(row[tag]) for tag in SCRIPTS[1:]}
    for name, row in rows.items():
        wanted = set(SCRIPTS)
        assert set(forms[name]) == wanted, name
        assert row.condition or row.advice, name


def test_simplified_forms_have_no_traditional_characters() -> None:
    for row in driver_tables.read_rows("words.zh"):
        written = row["zh-Hans"] + row["zh-Hans alternatives"]
        # 瞭望 is also a simplified word.
        traditional = [letter for letter in written if SIMPLIFIED.get(letter, letter) != letter]
        assert not [letter for letter in traditional if letter != "瞭"], row


def test_an_alternative_contains_no_reported_word_unless_both_sources_are_named() -> None:
    allowed = {"struggle", "stage blood", "intense emotional performance", "intense emotional performances"}
    for name, columns in (
        ("words.en", ("alternatives",)),
        ("words.zh", ("zh-Hant alternatives", "zh-Hans alternatives")),
    ):
        for row in driver_tables.read_rows(name):
            for column in columns:
                for alternative in filter(None, row[column].split("|")):
                    found = {
                        driver.row
                        for driver in find_drivers({"prompt": alternative}, ())
                        if driver.kind in (DriverKind.HIGH_RISK_WORD, DriverKind.SCENARIO)
                    }
                    named = alternative in allowed or "假血" in alternative
                    assert named or not found, (row, alternative, found)


def test_no_alternative_adds_an_age_or_an_occupation() -> None:
    forbidden = (
        "adult",
        "mature",
        "aged",
        "years",
        "photographer",
        "artist",
        "guide",
        "inspector",
        "成年",
        "成人",
        "大人",
        "攝影師",
        "摄影师",
    )
    for name in ("words.en", "words.zh"):
        for row in driver_tables.read_rows(name):
            for column, written in row.items():
                if "alternatives" in column:
                    assert not [word for word in forbidden if word in written], row


@pytest.mark.parametrize("risk", ["sharp_objects", "heights", "medical", "deep_water", "pained_faces"])
def test_a_reference_risk_has_its_level_and_its_remedy(risk: str) -> None:
    levels = {"sharp_objects": "high", "heights": "medium-high"}
    wire = advised("a quiet lake", reference_shows=(risk,)).as_wire()
    (driver,) = wire["drivers"]
    assert (driver["kind"], driver["level"]) == ("reference", levels.get(risk, "medium"))
    assert [one for one in wire["suggestions"] if one["sources"] and one["number"] is None]


def test_the_five_questions_are_asked_if_there_is_a_reference_and_no_answer() -> None:
    request = ScreenedRequest(texts={"prompt": "a lake"}, references=1)
    assert len(advise_on(request, None, AdviceOptions()).questions) == 5
    assert advise_on(request, None, AdviceOptions(reference_shows=())).questions == ()
