"""Fields of other video APIs are refused in one answer, with a corrected request that would be accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import BadInput
from safelight.providers.protocol import Generator
from safelight.providers.videos_api import create
from safelight.videos.requests.admission import AdmissionLimits, admit
from safelight.videos.requests.request import AdmittedRequest, CreateRequest, Upload
from safelight.web.create_request import create_request
from support.rows import each_row

PICTURE = "https://example.org/a.png"
OPTIONS: dict[str, Any] = {
    "url": "http://gpu-1:8091/v1",
    "name": "wan",
    "models": ["wan-2.2"],
    "aliases": {"sora-2": "wan-2.2"},
    "seconds": [4, 8, 12],
    "sizes": ["720x1280", "1280x720", "1792x1024"],
    "extra_fields": {"seed": "int"},
}


@pytest.fixture(scope="module")
def wan() -> Iterator[Generator]:
    generator = create(OPTIONS)
    yield generator
    generator.close()


def admitted(generator: Generator, request: CreateRequest) -> AdmittedRequest:
    return admit(request, {"wan": generator}, default="wan", limits=AdmissionLimits())


def refused(generator: Generator, fields: dict[str, Any], *uploads: Upload) -> BadInput:
    request = create_request({"prompt": "a lake", **fields}, uploads, max_prompt_chars=1000)
    with pytest.raises(BadInput) as caught:
        admitted(generator, request)
    return caught.value


def test_all_fields_of_other_apis_are_named_in_one_answer_with_the_corrected_request(wan: Generator) -> None:
    wrong = {"duration": 8, "resolution": "720p", "input_image": PICTURE, "aspect_ratio": "9:16"}
    error = refused(wan, {"model": "sora-2", "seed": 3, **wrong})
    for name in wrong:
        assert f"'{name}' is not accepted" in str(error)
    assert error.corrected_request == {
        "model": "sora-2",
        "prompt": "a lake",
        "seconds": "8",
        "size": "720x1280",
        "input_reference": PICTURE,
        "seed": 3,
    }
    again = create_request(error.corrected_request, max_prompt_chars=1000)
    assert admitted(wan, again).model == "wan-2.2"


@each_row
def test_values_are_converted_if_their_meaning_is_certain(
    wrong: dict[str, Any], right: dict[str, Any], wan: Generator
) -> None:
    assert refused(wan, wrong).corrected_request == {"prompt": "a lake", **right}


@each_row
def test_what_is_not_certain_is_not_corrected(wrong: dict[str, Any], wan: Generator) -> None:
    assert refused(wan, wrong).corrected_request is None


def test_of_several_sizes_that_fit_the_smallest_is_suggested() -> None:
    generator = create({**OPTIONS, "sizes": ["1080x1920", "3840x2160", "1920x1080", "1280x720", "720x1280"]})
    try:
        wide, tall = ({"aspect_ratio": "16:9"}, "1280x720"), ({"aspect_ratio": "9:16"}, "720x1280")
        for wrong, size in (wide, tall, ({"resolution": "1080p"}, "1920x1080")):
            assert refused(generator, wrong).corrected_request == {"prompt": "a lake", "size": size}
    finally:
        generator.close()


def test_a_ratio_of_zero_is_not_corrected_if_every_size_is_accepted() -> None:
    generator = create({**OPTIONS, "sizes": []})
    try:
        assert refused(generator, {"aspect_ratio": "0:9"}).corrected_request is None
        assert refused(generator, {"aspect_ratio": "9:0"}).corrected_request is None
    finally:
        generator.close()


def test_fields_that_the_corrected_request_does_not_have_are_named(wan: Generator) -> None:
    error = refused(wan, {"duration": 4, "negative_prompt": "blur", "seed": 3})
    assert error.corrected_request == {"prompt": "a lake", "seconds": "4", "seed": 3}
    assert error.left_out == ("negative_prompt",)
    assert not refused(wan, {"duration": 4}).left_out


def test_a_value_that_is_wrong_under_the_right_name_is_named_in_the_same_answer(wan: Generator) -> None:
    error = refused(wan, {"duration": 5})
    assert error.corrected_request is None
    assert str(error).endswith("With the right names: seconds is '5'. Possible: 4, 8, 12.")


def test_a_file_with_a_wrong_name_gets_the_right_one(wan: Generator, tmp_path: Path) -> None:
    upload = Upload(field="input_image", path=tmp_path / "1", filename="a.png", media_type="image/png")
    error = refused(wan, {}, upload)
    assert "Did you mean 'input_reference'?" in str(error)
    assert error.corrected_request == {"prompt": "a lake", "input_reference": "<the file a.png>"}


def test_an_unknown_model_is_named_with_the_wrong_fields(wan: Generator) -> None:
    error = refused(wan, {"model": "sora-3", "duration": 4})
    assert "'sora-3'. Known: wan-2.2, sora-2." in str(error)
    assert "'duration'" in str(error)
    assert error.corrected_request is None


_VALUES = st.one_of(
    st.sampled_from([4, 8, "12s", "720p", "4k", "16:9", "9:16", "1:1", "1280x720", "", PICTURE, None, True]),
    st.integers(),
    st.text(max_size=8),
)
_NAMES = ("duration", "n_seconds", "resolution", "aspect_ratio", "input_image", "quality")


@given(wrong=st.dictionaries(st.sampled_from(_NAMES), _VALUES, min_size=1), any_size=st.booleans())
def test_a_corrected_request_is_always_accepted(wrong: dict[str, Any], any_size: bool) -> None:
    generator = create({**OPTIONS, "sizes": [] if any_size else OPTIONS["sizes"]})
    try:
        request = CreateRequest(prompt="a lake", extra=wrong)
        with pytest.raises(BadInput) as caught:
            admitted(generator, request)
        if (corrected := caught.value.corrected_request) is not None:
            admitted(generator, create_request(corrected, max_prompt_chars=1000))
    finally:
        generator.close()
