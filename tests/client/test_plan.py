"""From a prompt to a video: drafts, price limits, several models, and what is never tried again.

Further cases: `calls.json`.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from fixed_server import FixedServer
from hostile import RETRIES

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream

CHEAP = sc.ModelChoice(model="cheap", usd_per_second=0.1)
DEAR = sc.ModelChoice(model="dear", usd_per_second=0.5)
FAILED = {"ends": "failed", "charge": 0.4, "refund": True}


def client(upstream: ScriptedUpstream) -> sc.Client:
    return sc.Client(upstream.url, retries=RETRIES)


def sent(upstream: ScriptedUpstream) -> list[tuple[str, str]]:
    """Model and length of each create, in order."""
    orders = upstream.counts["orders"].values()
    return [(order["fields"].get("model", ""), order["fields"].get("seconds", "")) for order in orders]


def test_the_full_length_does_not_follow_after_a_blocked_draft() -> None:
    plan = sc.Plan(draft=sc.Draft(seconds="4"))
    with (
        ScriptedUpstream({"otherwise": {"ends": "refused", "charge": 0.1}}) as upstream,
        client(upstream) as one,
    ):
        with pytest.raises(sc.VideoBlocked) as caught:
            one.generate("a boat", plan, model="cheap", seconds="12")
        assert sent(upstream) == [("cheap", "4")]
    assert [each.charged for each in caught.value.submissions] == ["yes"]


@pytest.mark.parametrize("fields", [{"safelight": {"retry": {"same": True}}}, {"safelight[retry]": "true"}])
def test_retries_of_the_gateway_are_refused_beside_those_of_a_plan(
    server: FixedServer, fields: dict[str, Any]
) -> None:
    with sc.Client(server.url, retries=RETRIES) as one:
        with pytest.raises(ValueError, match=r"safelight\.retry .* made and paid twice"):
            one.generate("a boat", sc.Plan(), **fields)
        assert server.requests == []
        server.answers["POST /v1/videos"] = (200, {}, {"id": "v1", "status": "completed"})
        assert one.generate("a boat", sc.Plan(max_submissions=1), **fields).video.id == "v1"


def test_a_free_storyboard_is_made_first_in_the_shortest_length_that_is_listed(server: FixedServer) -> None:
    listed = {"id": "storyboard", "safelight": {"billing": "own", "seconds": [8, 4], "usd_per_second": None}}
    server.answers["GET /v1/models"] = (200, {}, {"data": [listed]})
    server.answers["POST /v1/videos"] = (200, {}, {"id": "v1", "status": "completed"})
    plan = sc.Plan(models=[CHEAP], draft=sc.Draft(model="storyboard"), max_usd=0.8)
    with sc.Client(server.url, retries=RETRIES) as one:
        made = one.generate("a boat", plan, seconds="8")
    assert [(each.model, each.worst_usd) for each in made.submissions] == [
        ("storyboard", 0.0),
        ("cheap", 0.8),
    ]
    first, second = (body for call, _, body in server.requests if call == "POST /v1/videos")
    assert b"storyboard" in first
    assert b"cheap" in second


@pytest.mark.parametrize(
    "rule",
    [
        {"ends": "refused", "charge": 0.4, "refund": True},
        {"ends": "failed", "charge": 0.4},
        {"ends": "vanishes"},
    ],
)
def test_no_other_model_is_tried_after_a_block_or_while_something_may_be_paid(rule: dict[str, Any]) -> None:
    scenario = {"lists": False, "otherwise": rule}
    plan = sc.Plan(models=[CHEAP, DEAR])
    with ScriptedUpstream(scenario) as upstream, client(upstream) as one:
        with pytest.raises(sc.ClientError) as caught:
            one.generate("a boat", plan, seconds="4")
        assert {model for model, _ in sent(upstream)} <= {"cheap"}
    assert {each.model for each in caught.value.submissions} == {"cheap"}


@pytest.mark.parametrize(
    ("end", "seeds"),
    [
        ({"ends": "refused"}, ["7", "8"]),
        ({"ends": "refused", "charge": 0.4}, ["7"]),
        (FAILED, ["7", "7"]),
        ({**FAILED, "refund": False}, ["7"]),
    ],
)
def test_a_video_that_failed_is_tried_again_at_most_once_and_only_if_it_cost_nothing(
    end: dict[str, Any], seeds: list[str]
) -> None:
    """After a block with another seed, as the same one gives the same video."""
    with ScriptedUpstream({"otherwise": end}) as upstream, client(upstream) as one:
        with pytest.raises(sc.VideoFailed):
            one.generate("a boat", sc.Plan(max_submissions=5), seed=7)
        assert [order["fields"]["seed"] for order in upstream.counts["orders"].values()] == seeds


def test_nothing_is_sent_that_may_exceed_the_price_limit() -> None:
    with ScriptedUpstream() as upstream, client(upstream) as one:
        made = one.generate("a boat", sc.Plan(models=[DEAR, CHEAP], max_usd=1.0), seconds="4")
        assert made.video.model == "cheap"
        with pytest.raises(sc.SpendLimit, match=r"\$2\.00, and \$1\.00 are left"):
            one.generate("a boat", sc.Plan(models=[DEAR], max_usd=1.0), seconds="4")
        with pytest.raises(sc.SpendLimit, match="not known"):
            one.generate("a boat", sc.Plan(models=[sc.ModelChoice(model="x")], max_usd=1.0), seconds="4")
        assert upstream.counts["received"] == 1


def test_a_lost_answer_keeps_its_worst_cost_reserved() -> None:
    plan = sc.Plan(models=[CHEAP, DEAR], max_usd=0.5)
    scenario = {"lists": False, "otherwise": {"submit": "lose_answer"}}
    with (
        ScriptedUpstream(scenario) as upstream,
        client(upstream) as one,
        pytest.raises(sc.SubmitUnknown) as caught,
    ):
        one.generate("a boat", plan, seconds="4")
    (only,) = caught.value.submissions
    assert (only.outcome, only.charged, only.worst_usd) == ("submit_unknown", "unknown", 0.4)


def test_a_plan_works_on_asyncio() -> None:
    async def made(url: str) -> sc.Generated:
        async with sc.AsyncClient(url, retries=RETRIES) as one:
            return await one.generate("a boat", sc.Plan(draft=sc.Draft(seconds="4")), seconds="8")

    with ScriptedUpstream() as upstream:
        assert asyncio.run(made(upstream.url)).video.seconds == "8"
        assert sent(upstream) == [("", "4"), ("", "8")]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_no_other_model_is_tried_while_the_job_of_the_first_one_may_run(
    server: FixedServer, status: int
) -> None:
    """A poll is refused: that says nothing about the video, which goes on."""
    server.answers["POST /v1/videos"] = (200, {}, {"id": "v1", "status": "queued"})
    server.answers["GET /v1/videos/v1"] = (status, {}, {"error": {"message": "No."}})
    with sc.Client(server.url, retries=RETRIES) as one, pytest.raises(sc.ClientError) as caught:
        one.generate("a boat", sc.Plan(models=[CHEAP, DEAR], max_usd=5.0), seconds="4")
    assert server.calls("POST /v1/videos") == 1
    (only,) = caught.value.submissions
    assert (only.model, only.video_id, only.charged) == ("cheap", "v1", "unknown")


def test_each_submission_has_the_whole_file() -> None:
    picture = io.BytesIO(b"PIXELS")
    plan = sc.Plan(models=[CHEAP, DEAR], max_submissions=1)
    with ScriptedUpstream({"orders": [{"nth": 1, **FAILED}]}) as upstream, client(upstream) as one:
        one.generate("a boat", plan, input_reference=("a.png", picture, "image/png"))
        files = [order["files"][0] for order in upstream.counts["orders"].values()]
    assert len(files) == 2
    assert files[0] == files[1]


@pytest.mark.parametrize("seconds", ["nan", "-4", "inf"])
def test_a_length_without_a_price_is_not_sent_under_a_price_limit(seconds: str) -> None:
    with ScriptedUpstream() as upstream, client(upstream) as one:
        with pytest.raises(sc.SpendLimit, match="not known"):
            one.generate("a boat", sc.Plan(models=[CHEAP], max_usd=1.0), seconds=seconds)
        assert upstream.counts["received"] == 0
