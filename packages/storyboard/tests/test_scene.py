from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight_storyboard import scene as reading
from safelight_storyboard import subject_reader
from safelight_storyboard.lexicon import (
    CameraMove,
    Environment,
    Mood,
    Sound,
    Style,
    SubjectAction,
    TimeOfDay,
    Tint,
    Weather,
)
from safelight_storyboard.scene import read
from safelight_storyboard.subject_words import SubjectKind
from support.rows import each_row


@given(st.text(max_size=400), st.none() | st.integers(-(2**63), 2**63))
def test_any_text_gives_a_scene_and_equal_texts_give_equal_scenes(prompt: str, seed: int | None) -> None:
    scene = read(prompt, seed)
    assert scene == read(prompt, seed)
    assert len(scene.subjects) <= subject_reader.MOST_SUBJECTS
    assert all(1 <= s.count <= subject_reader.MOST_OF_A_KIND for s in scene.subjects)
    assert all(0 < len(sign) <= reading.LONGEST_SIGN for sign in scene.signs)


@given(
    st.sampled_from(list(Environment)),
    st.sampled_from(
        [(TimeOfDay.NIGHT, "at night"), (TimeOfDay.DAWN, "at dawn"), (TimeOfDay.GOLDEN, "at sunset")]
    ),
    st.sampled_from(
        [(Weather.RAIN, "in the rain"), (Weather.SNOW, "in falling snow"), (Weather.FOG, "in fog")]
    ),
)
def test_setting_hour_and_weather_are_read_from_the_prompt(
    setting: Environment, hour: tuple[TimeOfDay, str], weather: tuple[Weather, str]
) -> None:
    scene = read(f"A view, the {setting}, {hour[1]}, {weather[1]}")
    assert (scene.setting, scene.hour, scene.weather) == (setting, hour[0], weather[0])


@given(st.text(max_size=80), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_seed_never_changes_elements_named_in_the_prompt(rest: str, one: int, other: int) -> None:
    prompt = f"A black dog runs on a beach at dusk, static shot. {rest}"
    a, b = read(prompt, one), read(prompt, other)
    assert (a.setting, a.hour, a.weather, a.subjects, a.signs) == (
        b.setting,
        b.hour,
        b.weather,
        b.subjects,
        b.signs,
    )


@each_row
def test_subjects_have_their_actions(
    prompt: str, kind: SubjectKind, action: SubjectAction, count: int
) -> None:
    first = read(prompt).subjects[0]
    assert (first.kind, first.count) == (kind, count)
    assert first.action is action or kind is SubjectKind.CAT


def test_a_colour_belongs_to_the_noun_it_describes() -> None:
    boy, boat = read("A boy with a red boat in a park").subjects
    assert boy.colour is None
    assert boat.colour is not None
    assert read("A woman in a red coat walks").subjects[0].colour == boat.colour
    assert read("一只白色的猫").subjects[0].colour is not None


def test_a_rider_is_drawn_with_the_vehicle_or_animal() -> None:
    assert [s.kind for s in read("A girl rides a bicycle through the forest").subjects] == [
        SubjectKind.BICYCLE
    ]
    assert [s.kind for s in read("A man drives a car through the desert").subjects] == [SubjectKind.CAR]
    assert read("A cowboy rides a horse").rides


@each_row
def test_quoted_words_are_written_or_spoken(prompt: str, signs: tuple[str, ...], spoken: str) -> None:
    scene = read(prompt)
    assert (scene.signs, scene.spoken) == (signs, spoken)


def test_neither_quoted_nor_negated_words_set_the_scene() -> None:
    scene = read('A forest at dawn. A sign says "beach at night, two dogs"')
    assert (scene.setting, scene.hour) == (Environment.FOREST, TimeOfDay.DAWN)
    assert scene.subjects == ()
    scene = read("A street without cars, no people, no rain")
    assert (scene.subjects, scene.weather) == ((), Weather.CLEAR)


@each_row
def test_camera_moves_are_understood(words: str, move: CameraMove) -> None:
    assert read(f"Mountains at dawn, {words}").move is move


def test_style_mood_tint_and_sound_are_read() -> None:
    scene = read("A melancholy autumn forest, watercolor, piano music, birdsong")
    assert scene.mood is Mood.MELANCHOLY
    assert Style.WATERCOLOR in scene.styles
    assert Tint.AUTUMN in scene.tints
    assert {Sound.MUSIC, Sound.BIRDS} <= scene.sounds


def test_who_is_in_the_snow_or_the_rain_is_not_in_a_room_and_who_sees_it_outside_is() -> None:
    for prompt in ("Two cats play in the snow", "A woman in the pouring rain", "一只猫在雨中奔跑"):
        assert all(read(prompt, seed).setting is not Environment.ROOM for seed in range(6)), prompt
        assert read(prompt).weather in {Weather.SNOW, Weather.RAIN}
    for prompt in ("A grandmother knits while snow falls outside", "A woman reads a book, rain outside"):
        assert all(read(prompt, seed).setting is Environment.ROOM for seed in range(6)), prompt


def test_the_place_suits_the_subject() -> None:
    for prompt, setting in (
        ("An old lighthouse on a rocky cliff", Environment.SEA),
        ("A boat in a quiet forest", Environment.LAKE),
        ("A woman walks by the sea", Environment.BEACH),
        ("A tram crosses a bridge over the sea", Environment.LAKE),
    ):
        assert read(prompt).setting is setting, prompt
