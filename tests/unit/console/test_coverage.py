from __future__ import annotations

from safelight.console.coverage import group_by_status
from safelight.console.translations import load_languages


def test_missing_checks_come_first_and_off_cells_are_left_out() -> None:
    cells = [
        ("sexual", "frames", "checked"),
        ("sexual", "text", "checked"),
        ("hate", "text", "checked"),
        ("violence/graphic", "frames", "not checked"),
        ("likeness", "image", "partly"),
        ("privacy", "audio", "off"),
    ]
    found = group_by_status(cells, load_languages()["en"])
    assert [(row.label, row.modalities) for row in found] == [
        ("Not checked", (("frames", ("violence/graphic",)),)),
        ("Partly checked", (("images", ("likeness",)),)),
        ("Checked", (("text", ("hate", "sexual")), ("frames", ("sexual",)))),
    ]
    assert [row.count for row in found] == [1, 1, 3]


def test_no_cells_give_no_groups() -> None:
    assert group_by_status([], load_languages()["en"]) == ()
