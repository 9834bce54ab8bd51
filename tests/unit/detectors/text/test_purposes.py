from __future__ import annotations

import pytest

from safelight.detectors.text.purposes import bare_texts, without_purposes


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A man hits a dog. It is for a safety film.", "A man hits a dog."),
        ("A man hits a dog, for a documentary about violence", "A man hits a dog,"),
        ("Safety film: a man hits a dog", "a man hits a dog"),
        ("A man hits a dog for our awareness campaign", "A man hits a dog"),
        ("I am a nurse. A man hits a dog.", "A man hits a dog."),
        ("For research purposes only, a man hits a dog", "a man hits a dog"),
        ("一个男人打狗。这是用于教育的视频。", "一个男人打狗。"),
        ("一個男人打狗，為了宣傳短片", "一個男人打狗，"),
    ],
)
def test_the_parts_that_state_a_purpose_are_blanked_where_they_stand(text: str, left: str) -> None:
    bare = without_purposes(text)
    assert len(bare) == len(text)
    assert bare.strip() == left
    assert all(new in (old, " ") for new, old in zip(bare, text, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "A girl looks at a city from a roof",
        "A film crew shoots a scene on a film set",
        "A lesson on warning signs",
        "A mother bakes bread for the school",
        "一個女孩從屋頂看著城市",
        "",
    ],
)
def test_what_a_scene_shows_stays(text: str) -> None:
    assert without_purposes(text) == text


def test_the_bare_text_is_read_with_and_without_the_sign_at_its_end() -> None:
    assert [one.rstrip() for one in bare_texts("A dog. For a film.")] == ["A dog.", "A dog"]
    assert [one.rstrip() for one in bare_texts("一隻狗。我是老師。")] == ["一隻狗。", "一隻狗"]
    assert bare_texts("A dog.") == bare_texts("A short film.") == bare_texts("") == ()
