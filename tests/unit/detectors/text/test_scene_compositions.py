"""Shipped compositions of scenes: what is shown, without the usual keyword."""

from __future__ import annotations

import pytest

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.normalise import views

GORE = CompositionDetector(shipped_compositions(), name="stand-in", categories=["violence/graphic"])
SEX = CompositionDetector(shipped_compositions(), name="stand-in", categories=["sexual"])


def count_findings(detector: CompositionDetector, text: str) -> int:
    return len(list(detector.inspect_text(TextContent(field="prompt", text=text, views=views(text)))))


@pytest.mark.parametrize(
    "text",
    [
        "The clerk lies in the lift, his skull caved in, blood spreading over the carpet.",
        "A machete through his cheek, he still tries to speak.",
        "Vultures and flies on the corpses, one of them headless.",
        "The captive is strapped to a chair, pliers on his fingernails.",
        "士兵的胸腔被炸开，肋骨外露。",
        "他砍下对手的头，举起来。",
        "河邊的浮屍泡脹，眼窩爬滿蛆。",
        "毒梟把人質綁在椅子上，用電鑽鑽他的膝蓋骨。",
    ],
)
def test_torn_bodies_wounds_and_torture_are_graphic_violence(text: str) -> None:
    assert count_findings(GORE, text)


@pytest.mark.parametrize(
    "text",
    [
        "A surgeon explains the open chest of the patient, blood running into a tube.",
        "The statue lies with its arm torn off, ivy around it.",
        "A boxer wipes blood from his face and smiles.",
        "In the trench a soldier holds the hand of a wounded comrade.",
        "A chef cuts off the fish head.",
        "The film set: stage blood on a rubber torso, ripped open.",
        "镜头切开到街头，孩子抬头看雪。",
        "挤地铁挤得头破血流，漫画风格。",
        "化妆师在假人的断臂上刷血浆。",
        "外科醫生切開皮膚，完成手術。",
    ],
)
def test_medicine_sport_props_idioms_and_war_without_wounds_are_not(text: str) -> None:
    assert not count_findings(GORE, text)


@pytest.mark.parametrize(
    "text",
    [
        "Her robe slips to the floor and she straddles him, both past forty.",
        "Two grown men, trousers down, one takes the other while he moans against the door.",
        "浴袍滑落，中年夫妻在镜头前爱抚。",
        "成年女子解開襯衫，跨坐在他身上喘息。",
    ],
)
def test_a_sexual_act_is_found_without_the_usual_keyword(text: str) -> None:
    assert count_findings(SEX, text)


@pytest.mark.parametrize(
    "text",
    [
        "A wrestler straddles his opponent, bare chest and sweat.",
        "A sculptor strokes the marble, bare bodies of nymphs emerge.",
        "A bride unzips her dress bag and laughs.",
        "她褪去冬衣，奔跑在花海。",
        "相撲選手赤裸上身，喘息著互相推擠。",
        "冠军亲吻胸前的奖牌。",
    ],
)
def test_sport_art_and_fashion_are_not_a_sexual_act(text: str) -> None:
    assert not count_findings(SEX, text)
