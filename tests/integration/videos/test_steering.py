"""A generator that steers and watches: what the policy asks of it, and what becomes of what it did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import UnsupportedField
from safelight.policy.findings import Modality, Stage
from safelight.policy.verdicts import Action
from safelight.providers.protocol import ChargeStatus
from safelight.providers.videos_api import create as videos_api
from safelight.testing.detectors import text_marker
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos import attempts
from safelight.videos.models import Video, VideoState
from safelight.videos.requests.request import CreateRequest
from safelight.videos.upstream_gate import UpstreamGate
from safelight.web.api.record import record_object
from safelight.web.api.serializers import video_object
from safelight.web.console.video_view import video_view
from safelight.web.translations import load_languages

from .conftest import Furnish, House
from .test_appeals import appealed, released
from .test_decisions import decide, only_case

#: A prompt that the policy allows, with a finding of violence.
FIGHT = "two knights MARKER with swords"
STEER = {"model": "steer-1"}
POLICY = """
policy: steered
extends: starter
steer:
  - {{id: gore, category: violence, required: {required}}}
"""


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "POLL_S", 0.01)
    monkeypatch.setattr(attempts, "_MAX_POLL_S", 0.05)


Build = Callable[..., House]


@pytest.fixture
def steered(furnish: Furnish, tmp_path: Path) -> Iterator[Build]:
    """Houses with a generator that steers, and a policy that asks it to."""
    opened: list[Any] = []

    def build(upstream: ScriptedUpstream, *, required: bool = False, **options: object) -> House:
        file = tmp_path / "steered.yaml"
        file.write_text(POLICY.format(required=str(required).lower()), encoding="utf-8")
        marker = text_marker(category="violence", score=0.4)
        house = furnish(marker, policy={"document": str(file)})
        house.waive()
        table = {"name": "steer", "url": upstream.url, "models": ["steer-1"], "profile": "safelight-steer"}
        generators: Any = house.container.core.generators
        generators["steer"] = videos_api({**table, "seconds": [4, 8], **options})
        upstreams: Any = house.context.upstreams
        upstreams["steer"] = UpstreamGate(limit=8)
        opened.append(generators["steer"])
        return house

    yield build
    for generator in opened:
        generator.close()


@pytest.fixture
def steer_server() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"steers": True, "models": ["steer-1"], "otherwise": {"polls": 0}}) as server:
        yield server


def sent(server: ScriptedUpstream) -> list[Any]:
    """The field `steering` of each accepted request."""
    orders = server.counts["orders"].values()
    return [json.loads(text) if (text := one["fields"].get("steering")) else None for one in orders]


def facts(house: House, video: Video) -> Any:
    return video_object(video, house.record(video))["safelight"]["generation"]


def test_a_prompt_with_a_finding_is_steered_and_the_record_says_how(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    house = steered(steer_server, required=True)
    video = house.make(FIGHT, **STEER)
    assert video.state is VideoState.DELIVERED
    assert sent(steer_server) == [
        {
            "categories": ["violence/graphic"],
            "methods": ["embedding", "anchor"],
            "required": ["embedding"],
            "watch": True,
        }
    ]
    made = facts(house, video)
    assert made["applied"] == ["embedding", "anchor", "watching"]
    assert (made["steps"], made["steps_done"], made["checks"], made["problem"]) == (40, 40, 9, None)
    # The row of a video that has ended has the same as its record.
    assert video_object(video)["safelight"]["generation"] == made
    stage = house.snapshot(video).last_stage(Stage.GENERATION)
    assert stage is not None
    assert (stage.verdict.action, stage.coverage.gaps) == (Action.ALLOW, ())
    assert stage.details["generation"] == made
    assert stage.verdict.subject_sha256 == house.snapshot(video).generated_sha256


def test_the_manifest_says_how_it_was_steered_and_not_what_the_prompt_was_about(
    steered: Build, steer_server: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.provenance import manifest

    definitions = []
    build = manifest.build
    monkeypatch.setattr(
        manifest, "build", lambda *a, **k: definitions.append(build(*a, **k)) or definitions[-1]
    )
    house = steered(steer_server)
    assert house.make(FIGHT, **STEER).state is VideoState.DELIVERED
    assertions = {one["label"]: one["data"] for one in definitions[-1]["assertions"]}
    assert assertions["safelight.generation"] == {
        "schema": 1,
        "applied": ["embedding", "anchor", "watching"],
        "gaps": [],
        "checks": 9,
        "steps": 40,
    }
    assert "graphic" not in json.dumps(assertions["safelight.generation"])
    assert house.make("a quiet lake", **STEER).state is VideoState.DELIVERED
    assert "safelight.generation" not in {one["label"] for one in definitions[-1]["assertions"]}


def test_a_prompt_without_a_finding_is_not_steered(steered: Build, steer_server: ScriptedUpstream) -> None:
    house = steered(steer_server, required=True)
    video = house.make("a quiet lake", **STEER)
    assert video.state is VideoState.DELIVERED
    assert sent(steer_server) == [None]
    assert facts(house, video) is None
    assert house.snapshot(video).last_stage(Stage.GENERATION) is None


def test_a_client_cannot_set_the_field(steered: Build, steer_server: ScriptedUpstream) -> None:
    house = steered(steer_server)
    for field in ("steering", "steering[categories]"):
        with pytest.raises(UnsupportedField, match="policy decides") as raised:
            house.videos.create(house.who, CreateRequest(prompt=FIGHT, model="steer-1", extra={field: "{}"}))
        assert raised.value.param == "steering"
    assert steer_server.counts["received"] == 0


def test_a_drifting_clip_is_stopped_and_that_is_our_refusal(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    steer_server.play({"steers": True, "otherwise": {"polls": 0, "ends": "stopped"}})
    house = steered(steer_server)
    video = house.make(FIGHT, **STEER)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    wire = video_object(video, house.record(video))
    details = wire["error"]["moderation_details"]
    assert (details["stage"], details["rule"], details.get("source")) == ("generation", "watcher", None)
    assert details["categories"] == ["violence/graphic"]
    assert details["charged"]["charged"] == "no"
    assert "openai" not in json.dumps(wire).lower()
    made = wire["safelight"]["generation"]
    assert (made["steps_done"], made["steps"], made["saved_share"]) == (10, 40, 0.75)
    record = house.record(video)
    (attempt,) = record.attempts
    assert (attempt.outcome, attempt.charge.charged) == ("stopped", ChargeStatus.NO)
    verdict = record.stages[-1].verdict
    assert (verdict.stage, verdict.findings[0].modality) == (Stage.GENERATION, Modality.FRAMES)
    assert verdict.reason == (
        "The watcher stopped the generation in step 10 of 40; 75 % of its steps were saved."
    )
    # Nothing partial was fetched, stored or delivered.
    assert steer_server.counts["fetches"] == 0
    assert not [row for row in house.snapshot(video).files if row.kind == "generated"]
    assert record_object(record, house.container.core.taxonomy)["stages"][-1]["stage"] == "generation"


#: vLLM-Omni with our extension: it gives the HTTP status as the code, and no record.
OMNI = {"profile": "vllm-omni", "steering": True, "billing": "own"}


def test_workers_of_vllm_omni_are_steered_through_the_parameters_of_their_pipeline(
    steered: Build, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0}})
    house = steered(upstream, **OMNI)
    video = house.make(FIGHT, **STEER)
    assert video.state is VideoState.DELIVERED
    (fields,) = (one["fields"] for one in upstream.counts["orders"].values())
    assert "steering" not in fields
    asked = json.loads(fields["extra_params"])["steering"]
    assert (asked["categories"], asked["watch"]) == (["violence/graphic"], True)
    assert facts(house, video)["problem"] == "The generator does not say whether it steered."
    house.make("a quiet lake", **STEER)
    assert sum("extra_params" in one["fields"] for one in upstream.counts["orders"].values()) == 1


def test_a_clip_that_a_worker_of_vllm_omni_stops_is_our_refusal(
    steered: Build, upstream: ScriptedUpstream
) -> None:
    error = {"code": 400, "message": "moderation_blocked: The generation was stopped by a safety check."}
    upstream.play({"otherwise": {"polls": 0, "ends": "failed", "error": error}})
    house = steered(upstream, **OMNI)
    video = house.make(FIGHT, **STEER)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    details = video_object(video, house.record(video))["error"]["moderation_details"]
    assert (details["stage"], details["rule"]) == ("generation", "watcher")
    assert details["categories"] == ["violence/graphic"]
    assert details["charged"]["charged"] == "no"
    assert house.record(video).attempts[0].outcome == "stopped"


def test_another_error_of_vllm_omni_is_a_failure(steered: Build, upstream: ScriptedUpstream) -> None:
    error = {"code": 500, "message": "CUDA out of memory"}
    upstream.play({"otherwise": {"polls": 0, "ends": "failed", "error": error}})
    house = steered(upstream, **OMNI)
    assert house.make(FIGHT, **STEER).state is VideoState.FAILED


def test_a_won_appeal_makes_the_video_again_without_the_watcher(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    steer_server.play({"steers": True, "otherwise": {"polls": 0, "ends": "stopped"}})
    house = steered(steer_server)
    case = appealed(house, house.make(FIGHT, **STEER))
    steer_server.play({"steers": True, "otherwise": {"polls": 0}})
    decide(house, case, "overturn")
    again = house.carry(released(house, house.videos.get(house.who, case.video_id)))
    assert again.state is VideoState.DELIVERED
    assert [one["watch"] for one in sent(steer_server)] == [True, False]


@pytest.mark.parametrize("generator", ["own-1", "instant-1"])
def test_a_generator_that_does_not_steer_is_a_gap_and_holds_where_it_is_required(
    steered: Build, steer_server: ScriptedUpstream, upstream: ScriptedUpstream, generator: str
) -> None:
    house = steered(steer_server, required=True)
    video = house.make(FIGHT, model=generator)
    assert video.state is VideoState.HELD
    assert upstream.counts["received"] == 0
    stage = house.snapshot(video).last_stage(Stage.GENERATION)
    assert stage is not None
    (gap,) = stage.coverage.gaps
    assert (gap.category, gap.note) == ("violence/graphic", "The generator does not steer.")
    # A reviewer lets it be generated; the record keeps that it was not steered.
    approve(house, video)
    video = house.carry(video)
    assert video.state is VideoState.DELIVERED
    made = facts(house, video)
    assert (made["asked"][0], made["required"], made["applied"]) == ("embedding", [], [])
    assert made["problem"]


def approve(house: House, video: Video) -> None:
    case = only_case(house)
    assert case.video_id == video.id
    decide(house, case, "approve")


def test_a_generator_that_does_not_steer_only_leaves_a_note_where_it_is_not_required(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    house = steered(steer_server)
    video = house.make(FIGHT, model="own-1")
    assert video.state is VideoState.DELIVERED
    assert facts(house, video)["applied"] == []


@pytest.mark.parametrize("how", ["failed", "at submission"])
def test_a_server_that_cannot_steer_as_required_makes_nothing_and_the_video_is_held(
    steered: Build, steer_server: ScriptedUpstream, how: str
) -> None:
    submit = {"status": 400, "code": "steering_unavailable", "message": "There is no concept."}
    rule = {"ends": "unsteered"} if how == "failed" else {"submit": submit}
    steer_server.play({"steers": True, "otherwise": {"polls": 0, **rule}})
    house = steered(steer_server, required=True)
    video = house.make(FIGHT, **STEER)
    assert video.state is VideoState.HELD
    record = house.record(video)
    assert record.attempts[-1].outcome == "unsteered"
    assert record.attempts[-1].charge.charged is ChargeStatus.NO
    assert record.stages[-1].verdict.reason.endswith("The generator cannot steer as required.")
    steer_server.play({"steers": True, "otherwise": {"polls": 0}})
    approve(house, video)
    video = house.carry(video)
    assert video.state is VideoState.DELIVERED
    assert sent(steer_server)[-1]["required"] == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({}, "The generator does not say whether it steered."),
        ({"safelight": {"generation": None}}, "The generator does not say whether it steered."),
        ({"safelight": {"generation": "yes"}}, "What the generator says about its steering cannot be read."),
        (
            {"safelight": {"generation": {"applied": 7, "steps": -1, "outcome": "completed"}}},
            "What the generator says about its steering cannot be read.",
        ),
    ],
)
def test_a_server_that_ignores_the_field_or_answers_nonsense_is_held_for_a_reviewer(
    steered: Build, upstream: ScriptedUpstream, answer: dict[str, Any], problem: str
) -> None:
    upstream.play({"otherwise": {"polls": 0, "fields": answer}})
    house = steered(upstream, required=True)
    video = house.make(FIGHT, **STEER)
    # It was made and scanned before it is held, so that a reviewer sees a checked clip.
    assert video.state is VideoState.HELD
    assert house.snapshot(video).last_stage(Stage.OUTPUT) is not None
    assert facts(house, video)["problem"] == problem
    approve(house, video)
    assert house.carry(video).state is VideoState.DELIVERED
    assert upstream.counts["accepted"] == 1


def test_a_clip_of_a_generation_that_did_not_end_is_not_delivered(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    record = {"applied": [], "steps": 40, "steps_done": 10, "outcome": "moderation_blocked"}
    steer_server.play(
        {"steers": True, "otherwise": {"polls": 0, "fields": {"safelight": {"generation": record}}}}
    )
    house = steered(steer_server)
    video = house.make(FIGHT, **STEER)
    assert (video.state, video.error_code) == (VideoState.FAILED, "upstream_invalid")
    assert steer_server.counts["fetches"] == 0


@pytest.mark.parametrize("ends", ["vanishes", "failed"])
def test_a_server_that_dies_between_the_abort_and_its_answer_delivers_nothing(
    steered: Build, steer_server: ScriptedUpstream, ends: str
) -> None:
    error = {"code": "worker_died", "message": "The process that made the video ended."}
    steer_server.play({"steers": True, "otherwise": {"polls": 0, "ends": ends, "error": error}})
    house = steered(steer_server, required=True)
    video = house.make(FIGHT, **STEER)
    assert video.state is VideoState.FAILED
    assert steer_server.counts["fetches"] == 0
    assert house.record(video).attempts[-1].charge.charged is ChargeStatus.NO


def test_the_page_of_a_video_says_what_was_done_in_each_language(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    orders = [{"when": "drift", "polls": 0, "ends": "stopped"}]
    steer_server.play({"steers": True, "orders": orders, "otherwise": {"polls": 0}})
    house = steered(steer_server, required=True)
    made, stopped = house.make(FIGHT, **STEER), house.make(f"{FIGHT} drift", **STEER)
    held = house.make(FIGHT, model="instant-1")
    taxonomy = house.container.core.taxonomy

    def page(video: Video, tag: str) -> str:
        t = load_languages()[tag]
        view = video_view(video, house.record(video), t, taxonomy, now=video.created_at, installed=())
        return " ".join(view.generation)

    assert page(made, "en") == (
        "Steered by: text embedding, anchor phrase. "
        "The unfinished clip was checked 9 times. All 40 steps were computed."
    )
    assert page(stopped, "en").endswith("Stopped in step 10 of 40; 75 % of the steps were saved.")
    assert page(stopped, "zh-Hans").endswith("在第 10 步（共 40 步）中止，省下 75% 的步数。")
    assert page(stopped, "zh-Hant").endswith("在第 10 步（共 40 步）中止，省下 75% 的步數。")
    assert page(held, "en") == "The generator does not steer."
    assert page(held, "zh-Hant") == "生成器不支援引導。"
