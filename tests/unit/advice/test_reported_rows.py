from __future__ import annotations

import re

import pytest

from safelight.advice import driver_tables
from safelight.advice.driver_tables import DriverKind
from safelight.advice.drivers import find_drivers
from safelight.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from safelight.detectors.text.chinese import SIMPLIFIED
from support.rows import each_row

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


#: Prompts whose words are reported, or look like it, and in which a replacement would break the sentence, or
#: change an identity or the name of a place.
UNCHANGED = (
    "an actor with a bleeding nose",
    "a nurse labels a blood sample",
    "a suffering marathon runner",
    "the agony of waiting for a train",
    "a bride with tears on her face",
    "a runner with a hurt knee",
    "makeup of a bleeding wound",
    "they battle the waves",
    "a fall in the snow",
    "freshly cut grass",
    "a dark skinned woman",
    "a dark-haired man with a dark complexion",
    "a man with dark, curly hair",
    "a tall, dark and handsome man",
    "a woman with dark wavy hair",
    "a dark stranger",
    "a man fell asleep",
    "a couple has fallen in love",
    "the night fell",
    "a man gives up his seat",
    "a runner who never gives up",
    "climbers want to give up",
    "a man is not alone",
    "a dog was left alone",
    "they leave him alone",
    "two brothers fight",
    "the two men fight",
    "選手放棄比賽",
    "選手永不放棄",
    "選手最後放棄了",
    "选手放弃比赛",
    "选手永不放弃",
    "a man who is dark",
    "the bridge of the nose",
    "a visit to Niagara Falls",
    "護理師量血壓，檢查血管",
    "护士量血压，检查血管",
    "跳板旁的跳傘選手",
    "跳板旁的跳伞选手",
    "死海邊的吊床",
    "死海边的吊床",
    "清晨的金門大橋",
    "清晨的金门大桥",
    "春天的石橋",
    "小狗跳过围栏",
    "等車的煎熬",
    "球迷在哭泣",
    "痛苦的马拉松跑者",
    "an acrobat falling into a net",
    "an old man alone in a library",
    "a widow cries alone at a graveside in the rain",
    "a car crashes through a wooden fence",
    "a collision of billiard balls",
    "teenagers knock on doors on Halloween night",
    "a surgeon cuts the skin",
    "a girl cuts her doll out of paper",
    "a farmer cuts a dog loose",
    "a huge crowd",
    "a stone bridge in spring",
    "一群孩子在万圣节晚上要糖果",
    "一群孩子在萬聖節夜晚要糖果",
    "棋手陷入绝望",
    "演員的鼻子流血",
)


@pytest.mark.parametrize("prompt", UNCHANGED)
def test_no_replacement_is_offered_where_it_does_not_fit(prompt: str) -> None:
    assert [one.rewritten for one in advised(prompt).suggestions if one.edits] == []


def test_identity_and_ordinary_phrases_are_no_drivers() -> None:
    for prompt in (
        "a dark skinned woman",
        "a man with dark skin and a dark complexion",
        "a dark haired girl",
        "the Dead Sea, blood pressure",
        "血壓，死海，吊床，跳傘，金門大橋",
        "血压，死海，吊床，跳伞，金门大桥",
    ):
        assert find_drivers({"prompt": prompt}, ()) == (), prompt


#: The first rewritten sentence of each prompt of the tables that has one.
REWRITTEN = (
    ("a tailor cuts the cloth", "a tailor trims the cloth"),
    ("a chef cutting carrots", "a chef slicing carrots"),
    ("an editor cuts the film", "an editor edits the film"),
    ("dogs jump over a fence", "dogs leap over a fence"),
    ("a desperate goalkeeper", "a determined goalkeeper"),
    ("a dark forest", "a dimly lit forest"),
    ("a man in a dark kitchen", "a man in a dimly lit kitchen"),
    ("a huge whale", "a frame-filling whale"),
    ("廚師正在切菜", "廚師正在備菜"),
    ("昏暗的燈塔", "光線柔和的燈塔"),
    ("昏暗的灯塔", "光线柔和的灯塔"),
    ("一座孤立的農舍", "一座安靜的農舍"),
)


@pytest.mark.parametrize(("prompt", "rewritten"), REWRITTEN)
def test_a_rewritten_sentence_is_whole(prompt: str, rewritten: str) -> None:
    assert advised(prompt).suggestions[0].rewritten == rewritten


def test_no_rewritten_sentence_of_the_tables_is_broken() -> None:
    broken = re.compile(
        r"\b(?:an?|the|his|her|their) (?:an?|the|facing|experiencing|wearing|making|descend|land)\b"
        r"|\bto \w+ing\b|的的|在在|石附|血[\u3400-\u9fff]?紅色",
        re.IGNORECASE,
    )
    prompts = [prompt for row in WORDS_AND_SCENES for prompt in row[2:]]
    prompts += [prompt for row in WORDINGS for prompt in row[1:]]
    for prompt in prompts:
        for one in advised(prompt).suggestions:
            assert not broken.search(one.rewritten), one.rewritten


def test_every_row_of_the_tables_has_a_form_in_each_script_and_a_way_to_help() -> None:
    rows = driver_tables.word_rows()
    forms: dict[str, dict[str, bool]] = {row: {} for row in rows}
    replaced: set[str] = set()
    for name in ("words.en", "words.zh"):
        for row in driver_tables.read_rows(name):
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


@each_row
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


@each_row
def test_a_chinese_character_inside_a_longer_word_is_no_hit(prompt: str, rows: set[str]) -> None:
    assert {driver.row for driver in find_drivers({"prompt": prompt}, ())} == rows


@pytest.mark.parametrize("prompt", ["浴室里的剃须刀", "浴室裡的剃鬚刀"])
def test_a_razor_in_a_bathroom_is_shown_as_a_whole_word(prompt: str) -> None:
    (driver,) = find_drivers({"prompt": prompt}, ())
    assert driver.words == ("浴室", prompt[-3:])
