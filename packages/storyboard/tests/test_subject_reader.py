from __future__ import annotations

import time

import pytest

from safelight_storyboard import lexicon, subject_reader
from safelight_storyboard.catalogue import CATALOGUE
from safelight_storyboard.lexicon import Environment, SubjectAction, TimeOfDay, Weather
from safelight_storyboard.scene import read
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_words import KINDS
from safelight_storyboard.traditional import simplified


@pytest.mark.parametrize(
    ("prompt", "kind", "count"),
    [
        ("A lighthouse at dusk", SubjectKind.LIGHTHOUSE, 1),
        ("A tram crosses a bridge at dusk, light rain", SubjectKind.TRAM, 1),
        ("A paper boat on a pond in the rain, slow pan", SubjectKind.PAPER_BOAT, 1),
        ("Two blacksmiths hammer iron", SubjectKind.BLACKSMITH, 2),
        ("a herd of elephants", SubjectKind.ELEPHANT, 4),
        ("Close-up of a fox", SubjectKind.FOX, 1),
        ("A rhinoceros", SubjectKind.RHINOCEROS, 1),
        ("Please make a video of two cats", SubjectKind.CAT, 2),
        ("两只猫", SubjectKind.CAT, 2),
        ("兩隻貓", SubjectKind.CAT, 2),
        ("一只猫头鹰", SubjectKind.OWL, 1),
        ("一隻大熊貓在吃竹子", SubjectKind.PANDA, 1),
        ("一匹河马", SubjectKind.HIPPOPOTAMUS, 1),
        ("黃昏時分，岩岸上的燈塔，鏡頭緩緩升起", SubjectKind.LIGHTHOUSE, 1),
        ("一架直升机飞过雪山", SubjectKind.HELICOPTER, 1),
    ],
)
def test_the_main_subject_of_a_prompt_is_drawn(prompt: str, kind: SubjectKind, count: int) -> None:
    scene = read(prompt)
    assert scene.card == ""
    assert (scene.subjects[0].kind, scene.subjects[0].count) == (kind, count)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("A drone hovers over a field", SubjectKind.DRONE),
        ("一架無人機飛過田野", SubjectKind.DRONE),
        ("一座老火车站", SubjectKind.STATION),
        ("鄉下的一座水塔", SubjectKind.WATER_TOWER),
        ("理髮師替客人剪頭髮", SubjectKind.BARBER),
        ("环卫工人扫落叶", SubjectKind.SWEEPER),
        ("老师傅在厨房里做拉面", SubjectKind.NOODLE_MAKER),
        ("阿嬤在市場裡賣水果", SubjectKind.VENDOR),
        ("外送員騎著機車", SubjectKind.DELIVERY_RIDER),
        ("老茶樓亮著紅燈籠", SubjectKind.TEA_HOUSE),
        ("A yellow school bus on a country road", SubjectKind.SCHOOL_BUS),
        ("A double-decker bus", SubjectKind.DOUBLE_DECKER),
        ("海龜在珊瑚礁旁慢慢游", SubjectKind.SEA_TURTLE),
        ("一輛馬車駛過公園", SubjectKind.CARRIAGE),
        ("A nurse in a small hospital", SubjectKind.NURSE),
    ],
)
def test_a_longer_word_is_read_whole(prompt: str, kind: SubjectKind) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == [kind]


@pytest.mark.parametrize(
    "prompt", ["A drone shot of a castle", "无人机航拍城堡", "A castle seen from above, aerial drone view"]
)
def test_a_drone_that_only_films_is_not_drawn(prompt: str) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == [SubjectKind.CASTLE]


@pytest.mark.parametrize(
    ("prompt", "weather"),
    [
        ("A hailstorm in a quiet street", Weather.HAIL),
        ("下冰雹的下午", Weather.HAIL),
        ("Sleet falls on a motorway", Weather.SLEET),
        ("An overcast sky above a field", Weather.CLOUDY),
        ("沙漠里的沙尘暴", Weather.SANDSTORM),
        ("颱風天的海邊", Weather.TYPHOON),
        ("一场暴风雪", Weather.BLIZZARD),
        ("A heavy snowfall in a forest", Weather.BLIZZARD),
        ("Snow falls on a field", Weather.SNOW),
        ("Lightning strikes over a plain", Weather.LIGHTNING),
        ("雷陣雨的午後", Weather.STORM),
        ("狂風吹過海邊", Weather.WIND),
        ("高山上的雲海", Weather.CLOUD_SEA),
        ("The sun shines after the rain", Weather.CLEAR),
        ("A snow leopard walks", Weather.CLEAR),
        ("A snow leopard in the snow", Weather.SNOW),
    ],
)
def test_each_weather_is_read_and_drawn(prompt: str, weather: Weather) -> None:
    scene = read(prompt)
    assert (scene.weather, scene.card, scene.not_drawn) == (weather, "", ())


@pytest.mark.parametrize(
    ("prompt", "card", "not_drawn"),
    [
        ("A dragon over a castle", "dragon", ("dragon", "castle")),
        ("A cat statue in a park", "cat statue", ("cat statue",)),
        ("a hot dog on a plate", "hot dog", ("hot dog", "plate")),
        ("A horse fly on a leaf", "horse fly", ("horse fly",)),
        ("A badger and two dogs on a rock", "badger", ("badger", "dogs")),
        ("The old lighthouse keeper climbs the stairs", "lighthouse keeper", ("lighthouse keeper", "stairs")),
        ("freedom", "freedom", ("freedom",)),
        ("机器人在跳舞", "机器人", ("机器人",)),
        ("一台鋼琴在客廳裡", "鋼琴", ("鋼琴",)),
        ("一只獾在草地上", "獾", ("獾",)),
        ("一位火车司机在擦窗户", "火车司机", ("火车司机",)),
        ("A bus driver at the wheel", "bus driver", ("bus driver", "wheel")),
    ],
)
def test_an_unknown_main_subject_gives_a_title_card_and_no_other_animal(
    prompt: str, card: str, not_drawn: tuple[str, ...]
) -> None:
    scene = read(prompt)
    assert (scene.card, scene.not_drawn, scene.subjects) == (card, not_drawn, ())


@pytest.mark.parametrize(
    ("prompt", "not_drawn"),
    [
        ("A man with a red umbrella and a suitcase", ("suitcase",)),
        ("A beach with a sandcastle", ("sandcastle",)),
        ("A wizard in a tower", ("wizard",)),
        ("A woman in a red coat walks along a beach at golden hour", ()),
        ("A chef cooks in a warm kitchen", ()),
        ("The sun rises over the mountains", ()),
        ("A slow dolly through a sunlit kitchen", ()),
        ("一个穿着红衣服的女人走在海边", ()),
        ("SAFELIGHT-TEST:violence", ()),
    ],
)
def test_a_scene_lists_what_it_does_not_show(prompt: str, not_drawn: tuple[str, ...]) -> None:
    scene = read(prompt)
    assert (scene.card, scene.not_drawn) == ("", not_drawn)


@pytest.mark.parametrize(
    ("prompt", "setting", "hour", "weather"),
    [
        ("雪地上的滿月", Environment.MEADOW, TimeOfDay.NIGHT, Weather.SNOW),
        ("大霧籠罩著山谷", Environment.MOUNTAINS, None, Weather.FOG),
        ("城市夜景，下著大雨", Environment.CITY, TimeOfDay.NIGHT, Weather.RAIN),
        ("a bright kitchen", Environment.KITCHEN, TimeOfDay.DAY, Weather.CLEAR),
        ("Mars", Environment.DESERT, None, Weather.CLEAR),
    ],
)
def test_the_scene_is_read_in_both_chinese_scripts_and_english(
    prompt: str, setting: Environment, hour: TimeOfDay | None, weather: Weather
) -> None:
    scene = read(prompt)
    assert (scene.setting, scene.weather) == (setting, weather)
    assert hour is None or scene.hour is hour
    assert scene.full_moon is ("滿月" in prompt)


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("三匹棕色的马", 3),
        ("两只白色的小狗", 2),
        ("Three small white rabbits", 3),
        ("5 dogs", 5),
        ("八隻鴨子", 8),
        ("two men and a dog", 2),
        ("三层楼的教堂", 1),
    ],
)
def test_a_count_is_read_across_adjectives(prompt: str, count: int) -> None:
    assert read(prompt).subjects[0].count == count


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("A 5 year old boy", 1),
        ("a 70 year old man", 1),
        ("a three year old girl", 1),
        ("a 5-year-old boy", 1),
        ("A 6 foot tall man", 1),
        ("a 12 year old cat", 1),
        ("10 foot tall giraffe", 1),
        ("18 wheeler truck", 1),
        ("4 door car", 1),
        ("four wheel drive truck", 1),
        ("a five star hotel", 1),
        ("10 second clip of a cat", 1),
        ("24 fps video of two dogs", 2),
        ("three 5 year old boys", 3),
        ("a pair of 10 week old kittens", 2),
        ("Two second hand cars", 2),
        ("一个5岁的男孩", 1),
        ("一個六歲的小女孩", 1),
        ("十秒的猫", 1),
        ("两个小时的猫", 1),
        ("三个月大的小狗", 1),
        ("三米高的长颈鹿", 1),
        ("两层的房子", 1),
        ("三个六岁的女孩", 3),
    ],
)
def test_an_age_or_a_measure_is_no_count(prompt: str, count: int) -> None:
    assert [subject.count for subject in read(prompt).subjects] == [count]


@pytest.mark.parametrize(
    ("prompt", "counts"),
    [
        ("Seven samurai ride horses", [7, 3]),
        ("Two men walk a dog", [2, 1]),
        ("two men ride three horses", [2, 3]),
        ("two baby elephants", [2]),
        ("three running dogs", [3]),
        ("two parked cars", [2]),
    ],
)
def test_a_number_counts_the_first_subject_after_it(prompt: str, counts: list[int]) -> None:
    assert [subject.count for subject in read(prompt).subjects] == counts


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("一只小绵羊在草地上吃草", [SubjectKind.SHEEP]),
        ("一只小黄狗在草地上跑", [SubjectKind.DOG]),
        ("一只小黄鸭", [SubjectKind.DUCK]),
        ("一只小黄猫", [SubjectKind.CAT]),
        ("一輛小黃停在路邊", [SubjectKind.TAXI]),
        ("台北的小黃計程車", [SubjectKind.TAXI]),
        ("一辆的士", [SubjectKind.TAXI]),
        ("一位勇敢的士兵", []),
        ("A school of fish", [SubjectKind.FISH]),
        ("無尾熊在樹上", [SubjectKind.KOALA]),
        ("一只北极狐", [SubjectKind.FOX]),
    ],
)
def test_a_word_that_only_begins_like_another_is_not_read_as_it(
    prompt: str, kinds: list[SubjectKind]
) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == kinds


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("没有小狗的公园", []),
        ("沒有任何小狗的公園", []),
        ("没有红色的汽车的街道", []),
        ("没有老虎的森林，一只鹿在走", [SubjectKind.DEER]),
        ("没有一只狗，一只猫", [SubjectKind.CAT]),
        ("没有人的街道", []),
        ("A street without any parked cars", []),
        ("there are no longer any cats", []),
        ("a park with no police cars", []),
        ("Not a dog but a cat sits", [SubjectKind.CAT]),
        ("A man does not see a cat", [SubjectKind.PERSON, SubjectKind.CAT]),
        ("not only cats but dogs", [SubjectKind.CAT, SubjectKind.DOG]),
        ("no wind and dogs run", [SubjectKind.DOG]),
        ("一架無人機飛過田野", [SubjectKind.DRONE]),
    ],
)
def test_a_subject_that_the_prompt_denies_is_not_drawn(prompt: str, kinds: list[SubjectKind]) -> None:
    assert [subject.kind for subject in read(prompt).subjects] == kinds


def test_a_prompt_with_very_many_subjects_is_read_to_a_limit() -> None:
    few, many = ("一只白色的小猫和" * times + "一只小狗" for times in (2, subject_reader.MOST_WORDS))
    assert [subject.kind for subject in read(few).subjects] == [SubjectKind.CAT, SubjectKind.DOG]
    assert [subject.kind for subject in read(many).subjects] == [SubjectKind.CAT]


@pytest.mark.parametrize(
    ("prompt", "rgb"),
    [
        ("一匹白马在奔跑", lexicon.COLOURS["white"]),
        ("一隻黑熊", lexicon.COLOURS["black"]),
        ("一隻橘貓", lexicon.COLOURS["orange"]),
        ("A black bear", lexicon.COLOURS["black"]),
        ("A red bus", lexicon.COLOURS["red"]),
    ],
)
def test_the_colour_inside_a_word_is_read(prompt: str, rgb: tuple[int, int, int]) -> None:
    assert read(prompt).subjects[0].colour == rgb


@pytest.mark.parametrize(
    "prompt",
    ["紫禁城", "粉刷工人", "咖啡师", "咖啡馆", "喝咖啡的女人", "白头鹰", "A gold miner", "A golden eagle"],
)
def test_the_name_of_a_colour_inside_another_word_is_no_colour(prompt: str) -> None:
    assert [subject.colour for subject in read(prompt).subjects] == [None]


@pytest.mark.parametrize(
    ("prompt", "rgb"),
    [
        ("一头黄牛", (196, 150, 96)),
        ("咖啡色的狗", lexicon.COLOURS["brown"]),
        ("黄金猎犬", (214, 160, 84)),
        ("A snow leopard", (240, 240, 236)),
        ("An arctic fox", (240, 240, 236)),
        ("北极狐", (240, 240, 236)),
    ],
)
def test_the_colour_of_a_breed_is_drawn(prompt: str, rgb: tuple[int, int, int]) -> None:
    assert read(prompt).subjects[0].colour == rgb


def test_the_colour_that_a_kind_always_has_is_drawn() -> None:
    for prompt in ("A polar bear on sea ice", "兩隻白鷺鷥", "A flock of flamingos"):
        assert read(prompt).subjects[0].colour is not None
    assert read("一条金鱼").subjects[0].colour is None


def test_more_of_a_kind_than_a_picture_can_show_is_listed() -> None:
    assert read("Two trains").not_drawn == ("trains",)
    assert read("Two dogs").not_drawn == ()


@pytest.mark.parametrize(
    ("prompt", "setting"),
    [
        ("An old lighthouse on a rocky cliff", Environment.SEA),
        ("A teacher in a kitchen", Environment.ROOM),
        ("雲海", Environment.MOUNTAINS),
        ("A ship sails on a sea of clouds", Environment.SEA),
    ],
)
def test_the_place_suits_the_subject(prompt: str, setting: Environment) -> None:
    assert read(prompt).setting is setting


def test_a_sleeping_cat_and_a_parked_bicycle_are_read() -> None:
    assert read("A cat sleeping on a sofa").subjects[0].action is SubjectAction.SLEEP
    assert read("腳踏車停在校門口").subjects[0].action is SubjectAction.STAND


def test_cats_on_a_window_sill_sit() -> None:
    for prompt in ("a cat on a windowsill", "兩隻貓在窗臺上"):
        assert read(prompt).subjects[0].action is SubjectAction.SIT


def test_every_kind_has_words_and_the_catalogue_names_only_known_kinds() -> None:
    assert set(KINDS) == set(SubjectKind)
    assert set(CATALOGUE) <= set(KINDS)


def test_folding_keeps_the_position_of_every_character() -> None:
    text = "一隻貓坐在窗臺上, a cat"
    assert simplified(text) == "一只猫坐在窗台上, a cat"


def test_a_long_prompt_is_read_quickly() -> None:
    start = time.process_time()
    read("a quaint gadget and the other widget beside an odd gizmo, " * 200)
    read("一个奇怪的东西和另一个东西，" * 600)
    assert time.process_time() - start < 5
