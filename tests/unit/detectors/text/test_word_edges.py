from __future__ import annotations

import pytest
from bench.joined_words import join_words, listed_terms, traditional

from safelight.detectors.text.lists import ListDetector, shipped_entries
from safelight.detectors.text.normalise import folded, plain
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.word_edges import SHORT_NAME, Fit, fit_of
from safelight.policy.findings import Category, Finding


def fit(text: str, term: str) -> Fit:
    view = folded(plain(text)).text
    start = view.index(term)
    return fit_of(view, start, start + len(term))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("火山口爆发后，浓烟升上天空", "口爆"),
        ("彩色图案在墙上慢慢流动", "色图"),
        ("一頭大奶牛在草地上吃草", "大奶"),
        ("骏马奔驰在草原上，双腿交叉坐着", "腿交"),
        ("颜色水乳交融", "乳交"),
        ("志愿者用双手做爱心的形状", "做爱"),
        ("老师在校园内脏话连篇", "内脏"),
        ("起色情事", "色情"),
    ],
)
def test_letters_of_two_other_words_are_no_word(text: str, term: str) -> None:
    assert fit(text, term) is Fit.NO_WORD


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("他们在床上做爱", "做爱"),
        ("熊猫血肉模糊", "血肉"),
        ("喜剧演员的侮辱性称呼", "侮辱"),
        ("裸照", "裸照"),
        ("多人性爱派对", "性爱"),
    ],
)
def test_a_word_and_the_start_of_a_longer_one_are_a_word(text: str, term: str) -> None:
    assert fit(text, term) is Fit.WORD


def test_a_neighbour_that_makes_the_likeliest_words_reach_over_the_end_does_not_hide_a_term() -> None:
    assert fit("他们决定口交还是吃饭", "口交") is Fit.UNSURE


def test_longer_terms_and_other_scripts_are_not_asked_about() -> None:
    assert fit_of("她跟踪女同事", 1, 4) is Fit.WORD
    assert fit_of("an assassin", 3, 5) is Fit.WORD


@pytest.fixture(scope="module")
def pipeline() -> TextPipeline:
    return TextPipeline([ListDetector(shipped_entries())], budget_s=20.0)


def found(pipeline: TextPipeline, text: str) -> list[Finding]:
    return [
        one for one in pipeline.screen({"prompt": text}).findings if one.category != Category.MINORS_PRESENT
    ]


@pytest.mark.parametrize("script", ["zh-Hans", "zh-Hant"])
def test_a_listed_term_is_not_found_where_two_frequent_words_meet(
    pipeline: TextPipeline, script: str
) -> None:
    texts = join_words(listed_terms(shipped_entries()), count=2000, seed=1)
    assert len(texts) == 2000
    if script == "zh-Hant":
        texts = [*map(traditional, texts)]
    strong = [
        text for text in texts if any(not one.attributes.get("ambiguous") for one in found(pipeline, text))
    ]
    assert len(strong) <= 2, strong


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("她在房间里自慰", True),
        ("他们决定口交还是吃饭", True),
        ("她在房间里自慰，拍成黄片", False),
        ("脱衣舞娘在台上", False),
    ],
)
def test_one_term_of_two_characters_is_marked_as_such(pipeline: TextPipeline, text: str, alone: bool) -> None:
    marks = {one.attributes.get("ambiguous") is True for one in found(pipeline, text)}
    assert marks == {alone}


def test_a_name_of_three_characters_is_asked_about_only_where_names_are_sought() -> None:
    text = folded(plain("那晚的月亮挂得很高圆圆的像个玉盘")).text
    start = text.index("高圆圆")
    assert fit_of(text, start, start + 3) is Fit.WORD
    assert fit_of(text, start, start + 3, longest=SHORT_NAME) is Fit.NO_WORD


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("Fishing boats in the harbour of Dildo, Newfoundland", 0),
        ("A boat in the harbour of Dildo", 1),
        ("送我一打飛機杯墊做手信", 0),
    ],
)
def test_places_and_things_with_the_letters_of_a_term_are_nothing_or_marked(
    pipeline: TextPipeline, text: str, stops: int
) -> None:
    assert [one.attributes.get("ambiguous") for one in found(pipeline, text)] == [True] * stops
