from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from safelight.core.errors import BadInput, InvalidField, UnsupportedField
from safelight.providers.protocol import MEDIA_FIELDS, Generator, GeneratorInfo
from safelight.providers.videos_api import create
from safelight.videos.requests import admission
from safelight.videos.requests.admission import AdmissionLimits, admit
from safelight.videos.requests.field_problems import FieldProblems
from safelight.videos.requests.request import AdmittedRequest, CreateRequest
from safelight.web.create_request import create_request
from support.rows import each_row

TABLE = {"url": "http://gpu-1:8091/v1", "name": "wan", "models": ["wan-2.2"], "sizes": ["1280x720"]}
PICTURE = "https://example.org/a.png"


@contextmanager
def generators(*tables: dict[str, Any]) -> Iterator[dict[str, Generator]]:
    """A generator for each table, beside the usual ones of it."""
    with ExitStack() as opened:
        made = [create({**TABLE, **table}) for table in tables]
        for one in made:
            opened.callback(one.close)
        yield {one.name: one for one in made}


def admit_by(made: dict[str, Generator], request: CreateRequest) -> AdmittedRequest:
    return admit(request, made, default="wan", limits=AdmissionLimits())


def admitted(options: dict[str, Any] | None = None, **fields: Any) -> AdmittedRequest:
    with generators(options or {}) as made:
        return admit_by(made, CreateRequest(prompt="a quiet lake", **{"size": "1280x720", **fields}))


@pytest.mark.parametrize("field", sorted(MEDIA_FIELDS - {"input_reference"}))
def test_a_media_field_that_the_generator_does_not_declare_is_rejected_by_name(field: str) -> None:
    with pytest.raises(UnsupportedField, match=rf"'{field}'.*input_reference") as rejected:
        admitted(urls={f"{field}[0][url]": PICTURE})
    assert rejected.value.param == f"{field}[0][url]"
    forms = {"media_fields": {field: "json"}}
    assert admitted(forms, urls={field: PICTURE}).urls == {field: PICTURE}


def test_a_field_that_a_setting_would_let_pass_names_the_setting() -> None:
    with pytest.raises(UnsupportedField, match=r"'guidance_scale' is not accepted.*with `extra_fields`"):
        admitted(extra={"guidance_scale": 7})


def test_a_part_of_a_reference_that_is_not_read_names_the_forms_of_a_reference() -> None:
    with pytest.raises(
        UnsupportedField, match=r"input_reference is a file, or an https:, http: or data: URL"
    ):
        admitted(extra={"input_reference[file_id]": "file-1"})


def test_input_reference_is_accepted_unless_the_server_has_no_name_for_it() -> None:
    assert admitted(urls={"input_reference[image_url]": PICTURE}).urls
    with pytest.raises(UnsupportedField, match="no references"):
        admitted({"reference_field": ""}, urls={"input_reference": PICTURE})


def test_an_alias_selects_its_model_unless_another_generator_has_a_model_of_that_name() -> None:
    wan = {"aliases": {"sora-2": "wan-2.2", "tall-1": "wan-2.2"}}
    with generators(wan, {"name": "tall", "models": ["tall-1"]}) as made:
        for model, chosen in (("sora-2", ("wan", "wan-2.2")), ("tall-1", ("tall", "tall-1"))):
            read = admit_by(made, CreateRequest(prompt="a lake", model=model, size="1280x720"))
            assert (read.generator, read.model) == chosen


def test_all_wrong_fields_of_a_request_are_named_at_once() -> None:
    with pytest.raises(UnsupportedField, match=r"^5 fields are wrong") as rejected:
        admitted(
            {"extra_fields": {"seed": "int"}},
            seconds="99",
            size="1x1",
            extra={"duration": 4, "seed": "many"},
            urls={"last_frame": PICTURE},
        )
    for name in ("'duration'", "seed must be", "seconds is '99'", "size is '1x1'", "'last_frame'"):
        assert name in str(rejected.value)
    assert rejected.value.param == "duration"
    with pytest.raises(InvalidField, match=r"^seconds is '99'"):
        admitted(seconds="99")


def test_what_parsing_and_admission_find_is_named_in_one_error() -> None:
    found = FieldProblems()
    request = create_request(
        {"prompt": "a lake", "seconds": True, "size": "1x1", "last_frame": 3, "duration": 4},
        max_prompt_chars=100,
        problems=found,
    )
    with generators({}) as made, pytest.raises(BadInput, match=r"^4 fields are wrong") as rejected:
        admit_by(made, request)
    for name in ("`seconds` must be text", "size is '1x1'", "not accept media in the field 'last_frame'"):
        assert name in str(rejected.value)
    assert "`last_frame` must be" not in str(rejected.value)
    assert rejected.value.param == found.named[0].param == "seconds"


def test_with_an_unknown_model_only_fields_that_no_generator_accepts_are_named() -> None:
    tall = {"name": "tall", "models": ["tall-1"], "sizes": ["720x1280"]}
    request = CreateRequest(
        prompt="a lake", model="none-1", size="720x1280", extra={"seed": 1, "colour": "red"}
    )
    with (
        generators({"extra_fields": {"seed": "int"}}, tall) as made,
        pytest.raises(InvalidField, match=r"^2 fields are wrong") as rejected,
    ):
        admit_by(made, request)
    message = str(rejected.value)
    assert "'none-1'" in message
    assert "'colour'" in message
    assert "size" not in message.partition("Known: ")[0]
    assert "'seed'" not in message


def test_only_wrong_fields_that_are_named_get_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def remedy(name: str, _offer: GeneratorInfo) -> str:
        compared.append(name)
        return "Known fields: none."

    monkeypatch.setattr(admission, "_remedy", remedy)
    with pytest.raises(UnsupportedField, match=r"^5000 fields are wrong.*4990 more fields are wrong") as all_:
        admitted(extra={f"unknown_{number}" + "x" * 1000: 1 for number in range(5000)})
    assert len(str(all_.value)) < 3000
    assert len(compared) == 10
    assert max(map(len, compared)) == 100


@each_row
def test_seconds_that_the_generator_does_not_offer_are_rejected_in_any_spelling(
    fields: dict[str, Any],
) -> None:
    with pytest.raises(InvalidField, match=r"^seconds is "):
        admitted({"extra_fields": {"num_frames": "int"}}, **fields)


def test_frames_and_seconds_together_are_as_long_as_the_longer_of_the_two() -> None:
    forms = {"extra_fields": {"num_frames": "int", "fps": "int"}}
    assert admitted(forms, seconds="12", extra={"num_frames": 24}).seconds == 12
    assert admitted(forms, extra={"num_frames": 121, "fps": 24}).seconds == 6
    assert admitted(forms, seconds="", extra={"num_frames": 24}).seconds == 1


@pytest.mark.parametrize("value", [10**400, "9" * 400])
def test_a_number_with_hundreds_of_digits_is_rejected(value: int | str) -> None:
    forms = {"extra_fields": {"num_frames": "int", "strength": "float"}}
    for name, reason in (("num_frames", "frames at 24 a second"), ("strength", "must be a number")):
        with pytest.raises(InvalidField, match=reason):
            admitted(forms, extra={name: value})


def test_a_generator_whose_settings_name_no_model_takes_requests_without_one() -> None:
    assert admitted({"models": []}).model == ""
    with pytest.raises(InvalidField, match="No configured generator has the model"):
        admitted({"models": []}, model="wan-2.2")


def test_a_retired_model_name_gets_the_default_generator_unless_a_generator_has_it() -> None:
    wan, ltx = {"name": "wan", "models": ["wan-1"]}, {"name": "ltx", "models": ["ltx-1"]}
    with generators(wan, ltx) as made:
        found = admit_by(made, CreateRequest(prompt="a boat", model="sora-2"))
        assert (found.generator, found.model) == ("wan", "wan-1")
    with generators(wan, {**ltx, "aliases": {"sora-2": "ltx-1"}}) as made:
        found = admit_by(made, CreateRequest(prompt="a boat", model="sora-2"))
        assert (found.generator, found.model) == ("ltx", "ltx-1")


def test_a_paused_generator_is_passed_over_if_another_one_has_the_model() -> None:
    first = {"name": "first", "models": ["wan-1"]}
    second = {"name": "second", "models": ["wan-2"], "aliases": {"wan-1": "wan-2"}}

    def chosen(made: dict[str, Generator], model: str, paused: set[str]) -> tuple[str, str]:
        found = admit(
            CreateRequest(prompt="a boat", model=model),
            made,
            default="first",
            limits=AdmissionLimits(),
            is_paused=paused.__contains__,
        )
        return found.generator, found.model

    with generators(first, second) as made:
        assert chosen(made, "wan-1", set()) == ("first", "wan-1")
        assert chosen(made, "wan-1", {"first"}) == ("second", "wan-2")
        assert chosen(made, "wan-1", {"first", "second"}) == ("first", "wan-1")
        assert chosen(made, "wan-2", {"second"}) == ("second", "wan-2")
    for price in (0.2, None):
        with generators({**first, "usd_per_second": 0.1}, {**second, "usd_per_second": price}) as made:
            assert chosen(made, "wan-1", {"first"}) == ("first", "wan-1")


def test_one_switch_passes_unknown_fields_on_and_screens_their_texts() -> None:
    options = {"pass_unknown_fields": True, "extra_fields": {"seed": "int"}}
    found = admitted(options, extra={"seed": "7", "style": "a calm film", "cfg": 2.5, "loop": True})
    assert found.extra == {"seed": 7, "style": "a calm film", "cfg": 2.5, "loop": True}
    assert found.texts["style"] == "a calm film"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", 4),
        ("num_frames", 9000),
        ("n", 4),
        ("num_videos_per_prompt", 2),
        ("N", 4),
        ("stream", True),
        ("sync_mode", True),
        ("webhook", "hooks.example/1"),
        ("image_url", "https://example.com/a.png"),
        ("lora", "https://example.com/x.safetensors"),
        ("lora", "/models/x"),
        ("lora", "../x"),
        ("frame", "data:image/png;base64,AA"),
        ("extra_params", {"a": 1}),
        ("styles", ["a"]),
        ("a b", "c"),
    ],
)
def test_content_that_nobody_inspects_and_further_videos_are_not_passed_on(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedField):
        admitted({"pass_unknown_fields": True}, extra={name: value})
    with pytest.raises(UnsupportedField):
        admitted(extra={name: value})


def test_the_fields_of_a_profile_are_accepted_without_further_settings() -> None:
    found = admitted({"profile": "vllm-omni"}, extra={"num_inference_steps": "8", "negative_prompt": "rain"})
    assert found.extra == {"num_inference_steps": 8, "negative_prompt": "rain"}
    assert found.texts["negative_prompt"] == "rain"
    with pytest.raises(UnsupportedField):
        admitted({"profile": "vllm-omni", "extra_fields": {}}, extra={"num_inference_steps": "8"})
