from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import InvalidField
from safelight.web.request_body import format_name, nest
from support.rows import each_row


def test_names_in_brackets_become_objects_and_lists() -> None:
    pairs = [
        ("prompt", "a cat"),
        ("metadata[a]", "1"),
        ("metadata[b]", "2"),
        ("tags[]", "x"),
        ("tags[]", "y"),
        ("input_reference[image_url][url]", "https://example.org/a.png"),
    ]
    assert nest(pairs) == {
        "prompt": "a cat",
        "metadata": {"a": "1", "b": "2"},
        "tags": ["x", "y"],
        "input_reference": {"image_url": {"url": "https://example.org/a.png"}},
    }


@each_row
def test_ambiguous_field_names_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidField):
        nest(pairs)


def test_paths_are_formatted_with_brackets() -> None:
    assert format_name(("a", "b", 0)) == "a[b][0]"


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=5)), max_size=8))
def test_any_names_are_nested_or_refused(pairs: list[tuple[str, str]]) -> None:
    with suppress(InvalidField):
        assert isinstance(nest(pairs), dict)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.text(), max_size=6))
def test_flat_fields_are_unchanged(fields: dict[str, str]) -> None:
    assert nest(fields.items()) == fields
