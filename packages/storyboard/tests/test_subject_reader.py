from __future__ import annotations

import time

from safelight_storyboard import subject_reader
from safelight_storyboard.lexicon import Environment, SubjectAction, TimeOfDay, Weather
from safelight_storyboard.scene import read
from safelight_storyboard.subject_words import KINDS, SubjectKind
from support.rows import each_row


@each_row
def test_the_main_subject_of_a_prompt_is_drawn(prompt: str, kind: SubjectKind, count: int) -> None:
    scene = read(prompt)
    assert scene.card == ""
    assert (scene.subjects[0].kind, scene.subjects[0].count) == (kind, count)


@each_row
def test_a_longer_word_is_read_whole(prompt: str, kind: SubjectKind) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == [kind]


@each_row
def test_each_weather_is_read_and_drawn(prompt: str, weather: Weather) -> None:
    scene = read(prompt)
    assert (scene.weather, scene.card, scene.not_drawn) == (weather, "", ())


@each_row
def test_an_unknown_main_subject_gives_a_title_card_and_no_other_subject(
    prompt: str, card: str, not_drawn: tuple[str, ...]
) -> None:
    scene = read(prompt)
    assert (scene.card, scene.not_drawn, scene.subjects) == (card, not_drawn, ())


@each_row
def test_a_scene_lists_what_it_does_not_show(prompt: str, not_drawn: tuple[str, ...]) -> None:
    scene = read(prompt)
    assert (scene.card, scene.not_drawn) == ("", not_drawn)


@each_row
def test_the_scene_is_read_in_both_chinese_scripts_and_english(
    prompt: str, setting: Environment, hour: TimeOfDay | None, weather: Weather
) -> None:
    scene = read(prompt)
    assert (scene.setting, scene.weather) == (setting, weather)
    assert hour is None or scene.hour is hour
    assert scene.full_moon is ("滿月" in prompt)


@each_row
def test_a_count_is_read_across_adjectives(prompt: str, count: int) -> None:
    assert read(prompt).subjects[0].count == count


@each_row
def test_an_age_or_a_measure_is_no_count(prompt: str, count: int) -> None:
    assert [subject.count for subject in read(prompt).subjects] == [count]


@each_row
def test_a_number_counts_the_first_subject_after_it(prompt: str, counts: list[int]) -> None:
    assert [subject.count for subject in read(prompt).subjects] == counts


@each_row
def test_a_word_that_only_begins_like_another_is_not_read_as_it(
    prompt: str, kinds: list[SubjectKind]
) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == kinds


@each_row
def test_a_subject_that_the_prompt_denies_is_not_drawn(prompt: str, kinds: list[SubjectKind]) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == kinds


def test_a_prompt_with_very_many_subjects_is_read_to_a_limit() -> None:
    few, many = ("一只白色的小猫和" * times + "一只小狗" for times in (2, subject_reader.MOST_WORDS))
    assert [subject.kind for subject in read(few).subjects] == [SubjectKind.CAT, SubjectKind.DOG]
    assert [subject.kind for subject in read(many).subjects] == [SubjectKind.CAT]


@each_row
def test_the_colour_inside_a_word_is_read(prompt: str, rgb: tuple[int, int, int]) -> None:
    assert read(prompt).subjects[0].colour == rgb


@each_row
def test_the_colour_of_a_breed_is_drawn(prompt: str, rgb: tuple[int, int, int]) -> None:
    assert read(prompt).subjects[0].colour == rgb


def test_cats_sleep_and_sit_and_bicycles_are_parked() -> None:
    for prompt, action in (
        ("A cat sleeping on a sofa", SubjectAction.SLEEP),
        ("腳踏車停在校門口", SubjectAction.STAND),
        ("a cat on a windowsill", SubjectAction.SIT),
        ("兩隻貓在窗臺上", SubjectAction.SIT),
    ):
        assert read(prompt).subjects[0].action is action, prompt


def test_every_kind_has_words() -> None:
    assert set(KINDS) == set(SubjectKind)


def test_a_long_prompt_is_read_quickly() -> None:
    start = time.process_time()
    read("a quaint gadget and the other widget beside an odd gizmo, " * 200)
    read("一个奇怪的东西和另一个东西，" * 600)
    assert time.process_time() - start < 5
