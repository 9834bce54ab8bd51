"""The adapters of Veo, Runway and fal on the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import (
    SettingsError,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
    UpstreamUnavailable,
)
from safelight.providers import fal, runway, veo
from safelight.providers.protocol import (
    ChargeStatus,
    Derivation,
    GenerationRequest,
    ReferenceFile,
    SourceClip,
    UpstreamState,
)
from safelight.testing.clips import tiny_clip
from safelight.testing.upstream import ScriptedUpstream
from support.provider_outcomes import API_KEY, MODELS, adapter

HOSTED = ("veo", "vertex", "runway", "fal")


def make_request(dialect: str, **more: Any) -> GenerationRequest:
    parts: dict[str, Any] = {"key": "attempt", "model": MODELS[dialect], "prompt": "a paper boat"}
    return GenerationRequest(**{**parts, "seconds": 4, "width": 1280, "height": 720, **more})


def upstream_of(dialect: Any, **rule: Any) -> ScriptedUpstream:
    return ScriptedUpstream({"api_key": API_KEY, "otherwise": {"polls": 0, **rule}}, dialect=dialect)


def sent(upstream: ScriptedUpstream) -> dict[str, Any]:
    """Route and document of the only accepted request."""
    (order,) = upstream.counts["orders"].values()
    return {"route": order["route"], **order["fields"]["document"]}


def picture(folder: Path) -> ReferenceFile:
    path = folder / "cat.png"
    path.write_bytes(b"\x89PNG")
    return ReferenceFile(path=path, media_type="image/png", field="input_reference", sha256="")


@pytest.mark.parametrize("dialect", HOSTED)
@pytest.mark.parametrize(
    ("submit", "raised"),
    [
        ({"status": 500}, SubmissionUnconfirmed),
        ({"status": 502}, SubmissionUnconfirmed),
        ({"status": 503}, SubmissionUnconfirmed),
        ({"status": 408}, SubmissionUnconfirmed),
        ({"status": 409}, SubmissionUnconfirmed),
        ({"status": 429}, UpstreamUnavailable),
        ({"status": 401}, UpstreamRejected),
        ({"status": 404}, UpstreamRejected),
        ("drop", SubmissionUnconfirmed),
        ("lose_answer", SubmissionUnconfirmed),
        ("hang", SubmissionUnconfirmed),
        ("garbage", SubmissionUnconfirmed),
        ("html", SubmissionUnconfirmed),
        ("gzip_bomb", SubmissionUnconfirmed),
        ({"do": "redirect", "location": "http://169.254.169.254/"}, UpstreamRejected),
    ],
    ids=str,
)
def test_a_paid_submission_is_sent_exactly_once(
    dialect: Any, submit: Any, raised: type[UpstreamError], tmp_path: Path
) -> None:
    with (
        upstream_of(dialect, submit=submit) as upstream,
        adapter(dialect, upstream, tmp_path) as made,
    ):
        with pytest.raises(raised):
            made.submit(make_request(dialect, time_left_s=2.0))
        assert upstream.counts["received"] == 1


@pytest.mark.parametrize("dialect", HOSTED)
def test_no_adapter_claims_to_find_a_lost_request(dialect: Any, tmp_path: Path) -> None:
    with (
        upstream_of(dialect) as upstream,
        adapter(dialect, upstream, tmp_path) as made,
        pytest.raises(SubmissionUnconfirmed),
    ):
        made.find("attempt")


@pytest.mark.parametrize("dialect", HOSTED)
def test_a_remix_and_other_media_are_rejected_before_anything_is_sent(dialect: Any, tmp_path: Path) -> None:
    other = ReferenceFile(path=tmp_path / "a", media_type="video/mp4", field="input_reference", sha256="")
    clip = SourceClip(derivation=Derivation.REMIX, clip=other, seconds=4)
    with upstream_of(dialect) as upstream, adapter(dialect, upstream, tmp_path) as made:
        for more in ({"source_clip": clip}, {"references": (other,)}, {"extra": {"lora": "x"}}):
            with pytest.raises(UpstreamRejected):
                made.submit(make_request(dialect, **more))
        assert upstream.counts["received"] == 0


@pytest.mark.parametrize("dialect", ["veo", "vertex"])
def test_veo_gets_length_ratio_people_and_the_picture_as_bytes(dialect: Any, tmp_path: Path) -> None:
    with upstream_of(dialect) as upstream, adapter(dialect, upstream, tmp_path) as made:
        extra = {"seed": 7, "negative_prompt": "rain"}
        made.submit(
            make_request(dialect, width=1080, height=1920, extra=extra, references=(picture(tmp_path),))
        )
        found = sent(upstream)
    assert found["route"].endswith(f"/models/{MODELS[dialect]}:predictLongRunning")
    assert found["instances"] == [
        {"prompt": "a paper boat", "image": {"bytesBase64Encoded": "iVBORw==", "mimeType": "image/png"}}
    ]
    people = {"personGeneration": "allow_adult"} if dialect == "vertex" else {}
    assert found["parameters"] == {
        "durationSeconds": 4,
        "sampleCount": 1,
        "aspectRatio": "9:16",
        "resolution": "1080p",
        "seed": 7,
        "negativePrompt": "rain",
        **people,
    }
    assert made.info().safety_settings == people


@pytest.mark.parametrize(
    ("setting", "strict"), [("allow_all", "allow_adult"), ("dont_allow", "dont_allow"), (None, None)]
)
def test_a_policy_that_stops_minors_makes_the_people_of_veo_stricter_and_invents_no_setting(
    setting: str | None, strict: str | None
) -> None:
    made = veo.create({"api_key": API_KEY, **({"person_generation": setting} if setting else {})})
    for allowed, expected in ((True, setting), (False, strict)):
        built = made.build(make_request("veo", minors_allowed=allowed)).document["parameters"]
        assert built.get("personGeneration") == expected
    made.close()


@pytest.mark.parametrize("token", ["ya29.a0AfB_byC0123456789", "k-vertex-0123456789"])
def test_the_token_of_vertex_is_masked_in_answers_messages_and_the_log(
    token: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    refused = {"status": 400, "message": f"{token} violates our practices. Support codes: 90789179"}
    denied = {"status": 403, "message": f"{token} may not do this."}
    malformed = {"status": 400, "message": f"{token} is malformed."}
    for submit, raised in (
        (refused, UpstreamModerationBlocked),
        (denied, UpstreamRejected),
        (malformed, UpstreamRejected),
    ):
        scenario = {"api_key": token, "otherwise": {"submit": submit}}
        with (
            ScriptedUpstream(scenario, dialect="vertex") as upstream,
            adapter("vertex", upstream, tmp_path) as made,
            pytest.raises(raised) as error,
        ):
            made.submit(make_request("vertex"))
        refusal: Any = getattr(error.value, "refusal", None)
        assert token not in f"{error.value} {refusal}"
    assert token not in caplog.text


def test_runway_gets_ratio_length_and_the_picture_as_a_data_url(tmp_path: Path) -> None:
    with upstream_of("runway") as upstream:
        made = runway.create({"url": upstream.url, "api_key": API_KEY, "public_figure_threshold": "low"})
        made.submit(make_request("runway", references=(picture(tmp_path),), extra={"seed": 7}))
        made.close()
        assert sent(upstream) == {
            "route": "/v1/image_to_video",
            "model": "gen4.5",
            "promptText": "a paper boat",
            "ratio": "1280:720",
            "duration": 4,
            "seed": 7,
            "contentModeration": {"publicFigureThreshold": "low"},
            "promptImage": "data:image/png;base64,iVBORw==",
        }
        assert made.info().safety_settings == {"publicFigureThreshold": "low"}


def test_runway_charges_in_credits_and_a_refunded_task_costs_nothing(tmp_path: Path) -> None:
    with upstream_of("runway", charge=40) as upstream, adapter("runway", upstream, tmp_path) as made:
        charge = made.progress(made.submit(make_request("runway"))).charge
        assert charge is not None
        assert (charge.charged, charge.amount, charge.source) == (ChargeStatus.YES, 0.4, "upstream")
        upstream.play(
            {"api_key": API_KEY, "otherwise": {"polls": 0, "ends": "refused", "charge": 40, "refund": True}}
        )
        found = made.progress(made.submit(make_request("runway")))
        assert found.refusal is not None
        assert found.refusal.charged is ChargeStatus.NO


def test_fal_gets_the_arguments_of_the_settings_and_the_endpoint_for_pictures(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "api_key": API_KEY,
        "models": ["fal-ai/veo3.1"],
        "image_models": {"fal-ai/veo3.1": "fal-ai/veo3.1/image-to-video"},
        "seconds_form": "text_with_unit",
        "arguments": {"generate_audio": False},
        "enable_safety_checker": True,
    }
    with upstream_of("fal") as upstream:
        made = fal.create({"url": upstream.url, **options})
        upstream_id = made.submit(make_request("fal", model="fal-ai/veo3.1", references=(picture(tmp_path),)))
        assert upstream_id.startswith("fal-ai/veo3.1/requests/")
        assert made.progress(upstream_id).state is UpstreamState.DONE
        made.close()
        assert sent(upstream) == {
            "route": "/fal-ai/veo3.1/image-to-video",
            "prompt": "a paper boat",
            "duration": "4s",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "image_url": "data:image/png;base64,iVBORw==",
            "enable_safety_checker": True,
            "generate_audio": False,
        }


def test_fal_deletes_a_finished_copy_only_with_a_key_for_it(tmp_path: Path) -> None:
    with upstream_of("fal") as upstream, adapter("fal", upstream, tmp_path) as made:
        upstream_id = made.submit(make_request("fal"))
        made.progress(upstream_id)
        assert not made.delete(upstream_id)
        options = {"url": upstream.url, "api_key": API_KEY, "models": ["a/b"], "admin_api_key": API_KEY}
        keyed = fal.create({**options, "platform_url": f"{upstream.url}/v1"})
        assert keyed.delete(upstream_id)
        keyed.close()
        assert next(iter(upstream.counts["orders"].values()))["deleted"]


@pytest.mark.parametrize("dialect", HOSTED)
def test_the_body_of_a_refusal_is_kept_without_the_key(dialect: Any, tmp_path: Path) -> None:
    with (
        upstream_of(dialect, ends="refused") as upstream,
        adapter(dialect, upstream, tmp_path) as made,
    ):
        found = made.progress(made.submit(make_request(dialect)))
    assert found.refusal is not None
    marks = {"runway": "SAFETY.OUTPUT", "fal": "content_policy_violation"}
    assert marks.get(dialect, "raiMediaFilteredReasons") in found.answer
    json.loads(found.answer)


def test_the_key_in_a_refused_submission_is_masked(tmp_path: Path) -> None:
    message = f"{API_KEY}: violates Responsible AI practices. Support codes: 90789179"
    with (
        upstream_of("veo", submit={"status": 400, "message": message}) as upstream,
        adapter("veo", upstream, tmp_path) as made,
        pytest.raises(UpstreamModerationBlocked) as raised,
    ):
        made.submit(make_request("veo"))
    refusal: Any = raised.value.refusal
    assert "90789179" in refusal.answer
    assert API_KEY not in refusal.answer


def test_every_key_of_an_adapter_is_masked_in_a_stored_answer() -> None:
    admin = f"{API_KEY}-admin"
    error = {"loc": ["body", "prompt"], "msg": f"{admin} and {API_KEY}", "type": "content_policy_violation"}
    with upstream_of("fal", ends="refused", error=error) as upstream:
        options = {"url": upstream.url, "api_key": API_KEY, "models": [MODELS["fal"]]}
        made = fal.create({**options, "admin_api_key": admin})
        found = made.progress(made.submit(make_request("fal")))
        made.close()
    assert "[masked] and [masked]" in found.answer
    assert "admin" not in found.answer


def test_a_redirect_of_a_download_into_a_private_network_is_not_followed(tmp_path: Path) -> None:
    content = {"do": "redirect", "location": "http://169.254.169.254/latest"}
    with upstream_of("veo", content=content) as upstream, adapter("veo", upstream, tmp_path) as made:
        upstream_id = made.submit(make_request("veo"))
        made.progress(upstream_id)
        with pytest.raises(UpstreamInvalidResponse):
            made.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=100_000)


@pytest.mark.parametrize("dialect", HOSTED)
def test_a_clip_over_the_limit_is_not_kept(dialect: Any, tmp_path: Path) -> None:
    with upstream_of(dialect) as upstream, adapter(dialect, upstream, tmp_path) as made:
        upstream_id = made.submit(make_request(dialect))
        made.progress(upstream_id)
        with pytest.raises(UpstreamInvalidResponse):
            made.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=len(tiny_clip()) - 1)
        assert not (tmp_path / "a.mp4").exists()


def test_a_name_of_an_operation_that_is_no_path_is_not_accepted() -> None:
    made = veo.create({"api_key": API_KEY})
    request = make_request("veo")
    for name in (
        "../../v1/x/operations/1",
        "https://evil.example/operations/1",
        "models/a/operations/1?key=",
        7,
    ):
        assert made.read_id({"name": name}, request) is None
    assert made.read_id({"name": "models/veo-3.1/operations/a-1"}, request) == "models/veo-3.1/operations/a-1"
    made.close()


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (veo, {"form": "vertex"}),
        (veo, {"form": "vertex", "credentials_file": "missing.json"}),
        (veo, {"sizes": ["1000x1000"]}),
        (veo, {"person_generation": "everyone"}),
        (runway, {"sizes": []}),
        (runway, {"url": "ftp://example.com"}),
        (runway, {"aliases": {"sora-2": "gen9"}}),
        (fal, {}),
        (fal, {"models": ["../admin"]}),
        (fal, {"models": ["a/b"], "text_fields": ["style"]}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_invalid_settings_are_named(kind: Any, table: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        kind.create(table)
