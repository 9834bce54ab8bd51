from __future__ import annotations

from safelight.console.coverage import rows
from safelight.console.translations import languages


def test_what_is_missing_comes_first_and_what_is_off_is_not_said() -> None:
    cells = [
        ("sexual", "frames", "checked"),
        ("sexual", "text", "checked"),
        ("hate", "text", "checked"),
        ("violence/graphic", "frames", "not checked"),
        ("likeness", "image", "partly"),
        ("privacy", "audio", "off"),
    ]
    found = rows(cells, languages()["en"])
    assert [(row.name, row.places) for row in found] == [
        ("Not checked", (("frames", ("violence/graphic",)),)),
        ("Partly checked", (("pictures", ("likeness",)),)),
        ("Checked", (("words", ("hate", "sexual")), ("frames", ("sexual",)))),
    ]
    assert [row.count for row in found] == [1, 1, 3]


def test_nothing_known_is_no_row() -> None:
    assert rows([], languages()["en"]) == ()
