from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace

from safelight.detectors.image.objects.detector import SIGN_SCORE, THINGS
from safelight.detectors.text.chinese import SIMPLIFIED
from safelight.policy.findings import Basis, Category, Finding, Modality
from safelight.providers.advice import driver_tables
from safelight.providers.advice.advice_data import read_rows
from safelight.providers.advice.driver_tables import DriverKind
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.prompt_advice import BlockedAt
from support.prompt_advice import advised, rewrites, suggested
from support.rows import each_row, rows_of

SCRIPTS = ("en", "zh-Hant", "zh-Hans")
#: The words and scenes that two help articles list (one English, one Chinese), and other wordings of them.
ROWS = rows_of(__file__, "every_reported_word_and_scene_is_found_with_a_suggestion")


@each_row
def test_every_reported_word_and_scene_is_found_with_a_suggestion(
    reported: str, row: str, prompts: list[str]
) -> None:
    for prompt in prompts:
        advice = advised(prompt, blocked_at=BlockedAt.REQUEST)
        assert row in {driver.row for driver in advice.drivers}, prompt
        assert advice.suggestions, prompt


def test_both_help_articles_are_covered_in_every_script() -> None:
    assert len([row for row in ROWS if row["reported"]]) == 43
    assert all(len(row["prompts"]) == len(SCRIPTS) for row in ROWS)


@pytest.mark.parametrize(
    ("lone", "with_another"),
    [
        ("a volcano erupts at night", "a volcano erupts at night by a bridge"),
        ("a volcano erupts at night", "a woman alone at night"),
        ("a bridge in fog", "a man on a bridge, looking down"),
        ("夜裡火山爆發", "夜裡一個人站在橋上"),
        ("夜里火山爆发", "夜里一个人站在桥上"),
    ],
)
def test_a_word_that_is_reported_only_with_others_counts_only_with_others_or_after_a_block(
    lone: str, with_another: str
) -> None:
    assert not advised(lone).drivers
    assert not advised(lone).suggestions
    (driver,) = advised(lone, blocked_at=BlockedAt.REQUEST).drivers
    assert driver.row in {one.row for one in advised(with_another).drivers}


@each_row
def test_no_replacement_is_offered_where_it_does_not_fit(prompt: str) -> None:
    assert rewrites(advised(prompt)) == []


@each_row
def test_a_rewritten_sentence_is_whole(prompt: str, rewritten: str) -> None:
    assert advised(prompt, blocked_at=BlockedAt.REQUEST).suggestions[0].rewritten == rewritten


def test_no_rewritten_sentence_of_the_tables_is_broken() -> None:
    broken = re.compile(
        r"\b(?:an?|the|his|her|their) (?:an?|the|facing|experiencing|wearing|making|descend|land)\b"
        r"|\bto \w+ing\b|的的|在在|石附|血[\u3400-\u9fff]?紅色",
        re.IGNORECASE,
    )
    for prompt in (prompt for row in ROWS for prompt in row["prompts"]):
        for one in advised(prompt, blocked_at=BlockedAt.REQUEST).suggestions:
            assert not broken.search(one.rewritten), one.rewritten


def test_every_row_of_the_tables_has_a_form_in_each_script_and_a_way_to_help() -> None:
    rows = driver_tables.word_rows()
    forms: dict[str, dict[str, bool]] = {row: {} for row in rows}
    replaced: set[str] = set()
    for name in ("words.en", "words.zh"):
        for row in read_rows(name):
            if row["row"] == driver_tables.ORDINARY:
                continue
            if any(cell for column, cell in row.items() if "alternatives" in column):
                replaced.add(row["row"])
            if "form" in row:
                forms[row["row"]]["en"] = True
            else:
                forms[row["row"]] |= {tag: bool(row[tag]) for tag in SCRIPTS[1:]}
    for name, row in rows.items():
        wanted = set(SCRIPTS)
        assert set(forms[name]) == wanted, name
        # A condition is for a replacement. Without both, the advice is to describe what can be seen.
        assert bool(row.condition) is (name in replaced), name


def test_simplified_forms_have_no_traditional_characters() -> None:
    for row in read_rows("words.zh"):
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
        for row in read_rows(name):
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
    forbidden = re.compile(
        "adult|mature|aged|years|photographer|artist|guide|inspector|成年|成人|大人|攝影師|摄影师"
    )
    for name in ("words.en", "words.zh"):
        for row in read_rows(name):
            written = " ".join(value for column, value in row.items() if "alternatives" in column)
            assert not forbidden.search(written), row


@each_row
def test_a_reference_risk_has_its_level_and_its_remedy(risk: str) -> None:
    levels = {"sharp_objects": "high", "heights": "medium-high"}
    wire = advised("a quiet lake", reference_shows=(risk,)).as_wire()
    (driver,) = wire["drivers"]
    assert (driver["kind"], driver["level"]) == ("reference", levels.get(risk, "medium"))
    assert [one for one in wire["suggestions"] if one["sources"] and one["number"] is None]
    # Five questions are asked if there is a reference and no answer.
    assert len(advised("a lake", references=1).questions) == 5
    assert advised("a lake", references=1, reference_shows=()).questions == ()


def seen(thing: str, **changed: Any) -> Finding:
    return replace(
        Finding(
            category=Category.VIOLENCE,
            score=SIGN_SCORE,
            modality=Modality.FRAMES,
            detector="objects",
            version="1",
            basis=Basis.LEARNED,
            reason=f"The picture shows a {thing}.",
            attributes={"kind": "object", "object": thing},
        ),
        **changed,
    )


def test_a_thing_recognized_in_a_reference_answers_its_question() -> None:
    things = {thing for risk in driver_tables.reference_risks().values() for thing in risk.things}
    assert things == set(THINGS)
    found = (seen("syringe"), seen("syringe"))
    advice = advised("a quiet lake", references=2, findings=found, shown=found)
    assert [(one.row, one.level, one.reason) for one in advice.drivers] == [
        ("medical", "medium", "seen_syringe")
    ]
    assert suggested(advice, "reference_medical")
    assert advice.questions == ("sharp_objects", "heights", "deep_water", "pained_faces")
    for provider in ("", "sora-2", "veo"):
        wire = advised("a quiet lake", provider, references=2, findings=found, shown=found).as_wire()
        assert "references that show this" in wire["risk"]["reason"]
        assert "words" not in wire["risk"]["reason"]
    stated = advised("a quiet lake", references=2, findings=found, shown=found, reference_shows=("medical",))
    assert [one.reason for one in stated.drivers] == ["reference_medical"]


@pytest.mark.parametrize("thing", ["firearm", "heavy weapon"])
def test_a_weapon_in_a_reference_has_a_remedy_and_raises_no_level(thing: str) -> None:
    found = (seen(thing),)
    advice = advised("a museum hall", provider="sora-2", references=1, findings=found, shown=found)
    before = advised("a museum hall", provider="sora-2", references=1)
    assert [one.row for one in advice.drivers] == ["weapons"]
    assert suggested(advice, "reference_weapons")
    assert (advice.risk.level, advice.answer) == (before.risk.level, before.answer)
    assert len(advice.questions) == 5


def test_words_beside_a_thing_are_no_thing_and_a_withheld_thing_is_not_named() -> None:
    joint = seen("firearm", basis=Basis.COMPOSED)
    for given in ({"findings": (joint,), "shown": (joint,)}, {"findings": (seen("firearm"),)}):
        assert advised("a museum hall", references=1, **given).drivers == ()


@each_row
def test_identity_ordinary_phrases_and_characters_inside_a_longer_word_are_no_hit(
    prompt: str, rows: set[str]
) -> None:
    assert {driver.row for driver in find_drivers({"prompt": prompt}, ())} == rows
