from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.web.api.ranges import UnsatisfiableRange, parse_range
from support.rows import each_row


@each_row
def test_a_single_range_is_parsed_and_other_forms_are_ignored(
    header: str | None, expected: tuple[int, int] | None
) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0)])
def test_a_range_outside_the_file_is_unsatisfiable(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRange):
        parse_range(header, size)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(0, 1000))
def test_a_range_is_always_within_the_file(header: str, size: int) -> None:
    try:
        found = parse_range(header, size)
    except UnsatisfiableRange:
        return
    if found:
        assert 0 <= found[0] < found[1] <= size
