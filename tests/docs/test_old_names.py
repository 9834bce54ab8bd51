from __future__ import annotations

import old_names


def test_no_identifier_from_before_the_renaming_is_left() -> None:
    assert old_names.left_over() == []


def test_the_check_finds_a_name_that_still_exists() -> None:
    row = old_names.Renamed(kind="symbol", module="errors.py", old="SafelightError", new="Other")
    assert old_names.symbol_left(row, {})
    row = old_names.Renamed(kind="table", module="", old="videos.id", new="other")
    assert old_names.table_left(row)
