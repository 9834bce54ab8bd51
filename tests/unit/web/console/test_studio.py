from __future__ import annotations

from safelight.web.console.studio import size_options
from safelight.web.translations import load_languages


def test_sizes_of_one_shape_have_different_names() -> None:
    landscape = {(640, 360), (1280, 720), (1792, 1024), (1920, 1080)}
    options = size_options(landscape | {(height, width) for width, height in landscape})
    assert len({(option.shape, option.grade) for option in options}) == 8
    english = load_languages()["en"]
    names = [english(f"studio.grade.{option.grade}") for option in options if option.shape == "landscape"]
    assert names == ["small", "HD", "large", "Full HD"]
