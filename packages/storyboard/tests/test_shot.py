from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from safelight_storyboard.lexicon import CameraMove, Environment, TimeOfDay, Weather
from safelight_storyboard.scene import Scene, read
from safelight_storyboard.shot import Shot
from safelight_storyboard.subject_words import SubjectKind
from safelight_storyboard.title_card import TitleCard
from support.rows import each_row

SIZE = (320, 180)


def shot_of(prompt: str, seed: int | None = None, size: tuple[int, int] = SIZE) -> Shot:
    scene = read(prompt, seed)
    return Shot(scene, size, 2, np.random.default_rng(scene.seed))


def difference(one: Scene, other: Scene) -> np.ndarray:
    """The change of each pixel between the pictures of two scenes."""
    first, second = (
        Shot(scene, SIZE, 2, np.random.default_rng(1)).paint(1.0).astype(int) for scene in (one, other)
    )
    return np.abs(first - second)


@pytest.mark.parametrize("setting", list(Environment))
@pytest.mark.parametrize("size", [SIZE, (180, 320)])
def test_every_setting_fills_the_frame_and_moves(setting: Environment, size: tuple[int, int]) -> None:
    shot = shot_of(f"A person walks, {setting}, camera orbits", size=size)
    first = shot.paint(0.1).copy()
    last = shot.paint(1.9)
    assert first.shape == (size[1], size[0], 4)
    assert len(np.unique(first[..., :3].reshape(-1, 3), axis=0)) > 100
    assert np.abs(first.astype(int) - last).mean() > 0.2


@pytest.mark.parametrize(
    "prompt",
    ["A blizzard in the mountains", "颱風天的海邊", "大霧籠罩著山谷", "An overcast sky above a field"],
)
def test_weather_changes_the_picture(prompt: str) -> None:
    scene = read(prompt + ", static shot")
    assert difference(scene, replace(scene, weather=Weather.CLEAR)).mean() > 8


@pytest.mark.parametrize("move", list(CameraMove))
def test_no_camera_move_uncovers_the_edge_of_the_picture(move: CameraMove) -> None:
    # Unpainted areas would be black; a meadow by day has no black.
    shot = shot_of(f"A meadow at noon, {move}")
    for t in (0.0, 0.7, 1.3, 1.99):
        frame = shot.paint(t)[..., :3]
        for edge in (frame[0], frame[-1], frame[:, 0], frame[:, -1]):
            assert edge.max(axis=1).min() > 0


@each_row
def test_every_supported_element_is_painted(words: str) -> None:
    frame = shot_of(words).paint(0.5)
    assert frame[..., :3].std() > 3


def test_seeds_give_different_pictures_of_one_prompt() -> None:
    one, other = (shot_of("mountains at dawn", seed).paint(0.0).copy() for seed in (1, 2))
    assert np.abs(one.astype(int) - other).mean() > 2


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_every_kind_is_visible(kind: SubjectKind) -> None:
    scene = read(f"A {kind} at noon, static shot")
    assert [s.kind for s in scene.subjects] == [kind]
    changed = difference(scene, replace(scene, subjects=())).max(axis=2) > 24
    assert changed.mean() > 0.002


def test_a_title_card_names_the_subject_over_its_scene() -> None:
    scene = read('A dragon over a snowy forest at night, a sign says "NORTH"')
    assert (scene.card, scene.setting, scene.hour) == ("dragon", Environment.FOREST, TimeOfDay.NIGHT)
    card = TitleCard.make(scene, SIZE)
    assert card is not None
    middle, below = SIZE[1] // 2, round(SIZE[1] * 0.75)
    for row in (middle, below):
        assert card.words[row - 8 : row + 8].max() > 100
    other = replace(scene, setting=Environment.DESERT)
    assert difference(scene, other).mean() > 2
    assert difference(scene, replace(scene, card="")).mean() > 4


def test_words_without_a_font_give_the_scene_alone() -> None:
    scene = read("A dragon at noon")
    assert TitleCard.make(replace(scene, card="\ue000"), SIZE) is None
    assert TitleCard.make(replace(scene, card=""), SIZE) is None


def test_a_vehicle_crosses_the_bridge_above_the_water() -> None:
    scene = read("A tram crosses a bridge at noon")
    assert scene.setting is Environment.LAKE
    bridge = replace(scene, subjects=tuple(s for s in scene.subjects if s.kind is SubjectKind.BRIDGE))
    rows = np.flatnonzero((difference(scene, bridge).max(axis=2) > 40).any(axis=1))
    assert rows.min() < 0.68 * SIZE[1]
