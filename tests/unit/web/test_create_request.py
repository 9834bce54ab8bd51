from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import BadInput
from safelight.videos.requests.request import CreateRequest
from safelight.web.create_request import create_request
from support.rows import each_row


def parsed_request(**fields: Any) -> CreateRequest:
    return create_request({"prompt": "a cat", **fields}, max_prompt_chars=100)


def test_media_urls_are_distinguished_from_other_fields() -> None:
    asked = parsed_request(
        input_reference={"image_url": "https://example.org/a.png"},
        image_reference=["data:image/png;base64,AAAA", {"url": "http://example.org/b.png"}],
        video={"id": "video_1"},
        seed="7",
    )
    assert asked.urls == {
        "input_reference[image_url]": "https://example.org/a.png",
        "image_reference[0]": "data:image/png;base64,AAAA",
        "image_reference[1][url]": "http://example.org/b.png",
    }
    assert asked.extra == {"video[id]": "video_1", "seed": "7"}


def test_a_file_id_keeps_its_field_name_for_the_error() -> None:
    assert parsed_request(input_reference={"file_id": "file-1"}).extra == {
        "input_reference[file_id]": "file-1"
    }


def test_a_reference_in_the_form_of_a_chat_message_is_its_url() -> None:
    asked = parsed_request(input_reference={"type": "image_url", "image_url": "https://example.org/a.png"})
    assert (asked.urls, asked.extra) == ({"input_reference[image_url]": "https://example.org/a.png"}, {})


@pytest.mark.parametrize("value", ["/etc/passwd", "file:///etc/passwd", "AAAA", 7, True, "gopher://x"])
def test_media_that_is_neither_file_nor_url_is_refused(value: object) -> None:
    with pytest.raises(BadInput) as refusal:
        parsed_request(input_reference=value)
    assert refusal.value.param == "input_reference"


def test_unknown_fields_are_never_dropped() -> None:
    asked = parsed_request(negative_prompt="dogs", lora="x", extra_params={"a": [1, {"b": "c"}]})
    assert asked.extra == {"negative_prompt": "dogs", "lora": "x", "extra_params": {"a": [1, {"b": "c"}]}}


@pytest.mark.parametrize(
    "fields", [{"safety_identifier": " u1\n"}, {"safety_identifier": " ", "user": "u1\t"}]
)
def test_spaces_around_an_identifier_make_no_other_end_user(fields: dict[str, str]) -> None:
    assert parsed_request(**fields).safety_identifier == "u1"


def test_identity_and_metadata_are_read() -> None:
    asked = parsed_request(safety_identifier="u1", metadata={"a": "b"}, seconds=8, size="", model=None)
    assert (asked.safety_identifier, asked.metadata) == ("u1", {"a": "b"})
    assert (asked.seconds, asked.size, asked.model) == ("8", None, None)
    assert parsed_request(user="u2").safety_identifier == "u2"


@each_row
def test_an_invalid_field_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parsed_request(**fields)
    assert refusal.value.param == param


def test_all_wrong_fields_are_named_in_one_error() -> None:
    with pytest.raises(BadInput) as refusal:
        create_request(
            {"prompt": 7, "seconds": True, "size": [1], "metadata": "x", "image": 3, "style": "a\0"},
            max_prompt_chars=9,
            idempotency_key="x" * 256,
        )
    message = str(refusal.value)
    assert message.startswith("7 fields are wrong. ")
    for name in ("prompt", "`seconds`", "`size`", "`metadata`", "`image`", "NUL", "Idempotency-Key"):
        assert name in message


def test_a_field_with_two_problems_counts_once() -> None:
    with pytest.raises(BadInput) as refusal:
        parsed_request(size="\0" * 21)
    assert "fields are wrong" not in str(refusal.value)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(BadInput):
        parsed_request(style="\ud800")


def test_a_deep_value_is_refused_before_it_is_walked() -> None:
    value: Any = "x"
    for _ in range(500):
        value = [value]
    with pytest.raises(BadInput) as refusal:
        parsed_request(extra_params=value)
    assert refusal.value.param == "extra_params"


def test_an_idempotency_key_is_short_and_printable() -> None:
    assert create_request({"prompt": "x"}, max_prompt_chars=9, idempotency_key="k").idempotency_key == "k"
    for key in ("x" * 256, "a\nb"):
        with pytest.raises(BadInput):
            create_request({"prompt": "x"}, max_prompt_chars=9, idempotency_key=key)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["prompt", "seconds", "metadata", "image", "x"]) | st.text(), _json))
def test_any_document_is_accepted_or_refused_with_a_reason(document: dict[str, Any]) -> None:
    with suppress(BadInput):
        asked = create_request(document, max_prompt_chars=50)
        assert asked.prompt == document["prompt"]
