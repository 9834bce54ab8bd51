from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.advice.graphic_words import suggest_graphic_violence
from safelight.policy.findings import Basis, Finding, Modality

VIOLENCE = Finding(
    category="violence",
    score=0.9,
    modality=Modality.TEXT,
    detector="violence-lists",
    version="1",
    reason="Found.",
    basis=Basis.MATCHED,
)


@pytest.mark.parametrize(
    "text",
    [
        "blood next to a corpse",
        "a wounded soldier with blood on his face",
        "she dies, blood on the floor",
        "blood and gore on the stage",
        "地上有血和屍體",
        "地上有血和尸体",
        "死者的血",
    ],
)
def test_blood_together_with_injury_or_death_suggests_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text",
    [
        "a man lies in a pool of blood",
        "a hallway filled with blood",
        "a severed hand on a table",
        "carnage on the battlefield",
        "a knife in her chest, seen from above",
        "the beast tore a man apart",
        "a clown bites off the head of a rat",
        "一個人倒在血泊中",
        "怪物把人撕成碎片",
        "一张没有皮肤的脸",
    ],
)
def test_a_graphic_word_alone_suggests_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text",
    [
        "a scream, and blood on the door",
        "a demon gnaws at a corpse",
        "a corpse and its wounds",
        "血和匕首",
        "怪物啃著屍體",
    ],
)
def test_two_signs_of_different_kinds_or_two_injuries_suggest_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


def graphic(score: float, **changes: Any) -> Finding:
    return msgspec.structs.replace(VIOLENCE, category="violence/graphic", score=score, **changes)


def test_a_finding_of_graphic_violence_counts_below_its_operating_point() -> None:
    assert suggest_graphic_violence([graphic(0.4)], ["a quiet street"])
    assert suggest_graphic_violence([graphic(0.3)], ["a corpse"])
    assert not suggest_graphic_violence([graphic(0.3)], ["a quiet street"])
    assert not suggest_graphic_violence([graphic(0.9, attributes={"negated": True})], ["a corpse"])


@pytest.mark.parametrize(
    "text",
    [
        "a samurai with a sword in his hand",
        "two children in zombie costumes at a Halloween party",
        "a cook pulls a warm loaf apart",
        "a girl with tears running out of her eyes",
        "a museum shows bones and skulls of dinosaurs",
        "a nurse cleans a wound on a knee",
        "firefighters carry an injured man out of a burning house",
        "a lumberjack with an axe, a chainsaw and a knife",
        "an actor with stage blood on his shirt laughs",
        "a vampire drinks a glass of blood",
        "a documentary on organs of the body",
        "万圣节晚上孩子们扮成僵尸跳舞",
        "廚師用刀切肉",
    ],
)
def test_an_ordinary_scene_with_one_such_word_gets_help(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text",
    [
        "a chef cuts a blood orange",
        "Bloody Mary cocktail with a cut lemon",
        "a dead end street, a Bloody Mary on a table",
        "a surgeon cuts, blood on the gloves",
        "a blood moon over a car crash test",
        "red blood cells attack a wound, animation",
        "Al Gore gives blood",
        "al gore gives blood",
        "a Gore-Tex jacket with a drop of blood",
        "blood on a rose while the dying light fades",
        "a bleeding wound is cleaned by a nurse",
        "血腥瑪麗雞尾酒",
        "血腥玛丽鸡尾酒",
        "麻辣鴨血與內臟火鍋",
        "麻辣鸭血与内脏火锅",
        "a corpse on the floor",
        "屍體躺在地上",
        "a vampire film with blood, no wounds, no gore",
        "有血，沒有屍體",
        "有血，没有尸体",
    ],
)
def test_ordinary_and_excluded_words_and_one_sign_alone_do_not(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize("text", ["blood on a stage", "a corpse", "a car crash", "he cuts a lemon"])
def test_with_a_finding_of_violence_one_word_is_enough(text: str) -> None:
    assert suggest_graphic_violence([VIOLENCE], [text])
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize("text", ["a quiet street", "a blood orange", "no blood, no wounds", "a Bloody Mary"])
def test_with_a_finding_of_violence_ordinary_and_excluded_words_are_no_sign(text: str) -> None:
    assert not suggest_graphic_violence([VIOLENCE], [text])


def test_signs_in_different_fields_count_together() -> None:
    assert suggest_graphic_violence((), ["blood on the floor", "next to a corpse"])


@pytest.mark.parametrize(
    "text",
    [
        "A creature with ribs without flesh crawls over bones, dripping",
        "A pile of bodies lies in a trench after the battle",
        "A head on a spike in front of a castle",
        "A werewolf devours a villager",
        "Parasites burst out of a man",
        "A needle goes into an eye",
        "A soldier loses his leg in an explosion",
        "A cult sacrifices a woman on an altar",
        "Zombies eat the remains of a soldier",
        "一個怪物啃骨頭",
        "一个怪物啃骨头",
    ],
)
def test_a_harmed_body_suggests_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text",
    [
        "A chef cuts an orange in half",
        "A museum with dinosaur skeletons and bones",
        "A leopard with a long body and a piercing gaze",
        "A knight fights a monster with a sword",
        "A vampire costume with red lips at a party",
        "A boxer trains with a punching bag",
        "A knife glides through the flesh of a mango",
        "A dog gnaws on a toy",
        "博物館裡的恐龍骨頭",
    ],
)
def test_ordinary_bodies_and_beings_of_stories_get_help(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text",
    [
        "She remains calm in the meditation hall, her hair dripping with rain.",
        "Skeletons and vampires dance at a cheerful Halloween party for neighbours.",
        "Barbecue ribs dripping with sauce on a wooden board, a chef smiles.",
        "A surfer climbs out of the sea, water dripping from his body, at sunset.",
        "An athlete crosses the finish line, his body swollen with pride.",
        "Body lotion next to crushed ice and mint on a marble table.",
        "A woodpecker pecks at a tree while bones and fossils are shown in the museum.",
        "A friendly monster drags a pillow through the house.",
        "Worms crawl out from the wet soil of a garden in spring.",
        "Throat singing with a possessed rhythm at a concert.",
        "Coffee beans are grinding slowly, a full body aroma, steam rises.",
        "A baby vampire bat hangs in the cave, its ribs visible.",
        "A painter with torn jeans, paint splattered on his body, laughs.",
    ],
)
def test_common_words_of_food_sport_costumes_and_nature_get_help(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text", ["A monster drags a body, dripping", "A killer drags a body", "A demon gnaws on ribs"]
)
def test_three_common_words_or_one_that_is_clear_suggest_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


def test_a_word_with_letters_of_another_script_that_look_alike_is_a_sign_next_to_another_one() -> None:
    # Cyrillic letters in "wall".
    assert suggest_graphic_violence((), ["red paint like blood on the w\u0430ll"])
    assert not suggest_graphic_violence((), ["red paint like blood on the wall"])
    assert not suggest_graphic_violence((), ["red paint on the w\u0430ll"])


@pytest.mark.parametrize(
    "text",
    [
        "厨师用刀切菜，cinematic lighting, shallow depth of field, 特写",
        "万圣节的骷髅装饰，cinematic lighting, slow motion, 4k",
        'A chef with a knife cuts tofu under a sign that says "豆腐"',
        "A fisherman puts a hook on a line in Đà Nẵng, Việt Nam",
        "A skull exhibit in the museum of Łódź, soft light",
        "A Greek statue with a blade, Ελλάδα, in the museum",
    ],
)
def test_two_languages_signs_and_letters_with_diacritics_are_no_sign(text: str) -> None:
    assert not suggest_graphic_violence((), [text])
