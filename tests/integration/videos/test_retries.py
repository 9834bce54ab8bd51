"""`safelight.retry`: at most one retry and one variation after an output block of the provider."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import IdempotencyKeyReused, NotCovered, RequestBlocked, Unavailable
from safelight.core.ids import new_id
from safelight.providers.protocol import ChargeStatus, ProviderRefusal
from safelight.providers.provider_errors import read
from safelight.providers.videos_api import create as videos_api
from safelight.store import tables
from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.idempotency import IdempotencyKeys
from safelight.videos.models import RetryRefusal, Video, VideoState
from safelight.videos.requests.request import CreateRequest, RetryTerms
from safelight.videos.retries import Retries, find_retry_refusal, read_terms, refusal_against
from safelight.videos.templates import TemplateCall
from support.clips import make_clip

from .conftest import Furnish, House
from .test_known_content import drawn, imported, patient, upload
from .test_refusal_budget import limit
from .test_video_lifecycle import PAID

PROMPT = "a woman alone in a dark street"
VARIATION = "a woman quietly in a dimly lit street"
BOTH = RetryTerms(same=True, variation=VARIATION)


def refused(stage: str = "output", category: str = "violence") -> dict[str, Any]:
    details = {"moderation_stage": stage, "categories": [category]}
    error = {"code": "moderation_blocked", "message": "Blocked.", "moderation_details": details}
    return {"polls": 0, "ends": "refused", "error": error, "charge": 0.4}


@pytest.fixture
def retrying(house: House) -> House:
    """A house whose videos are of an API key, and are retried."""
    bind(house)
    return house


def bind(house: House, **parts: Any) -> None:
    container = house.container
    retries = Retries(
        blobs=container.persistence.blobs,
        videos=container.pipeline.context.videos,
        keys=house.videos.keys,
        check=container.checks.check,
        submit=lambda principal, request: house.videos.create(principal, request),
        find_key=lambda _tenant, key: house.who if key == house.who.id else None,
    )
    retries = replace(retries, **parts)
    context = replace(container.pipeline.context, retry=retries.retry)
    container.pipeline.context = context
    house.videos = replace(house.videos, context=context)


def carried(
    house: House, terms: RetryTerms | None = BOTH, prompt: str = PROMPT, **fields: Any
) -> list[Video]:
    """The videos that come of one request, in order."""
    video = house.make(prompt, retry=terms, **{**PAID, **fields})
    found = [video]
    while (following := (found[-1].explanation or {}).get("retried_as")) is not None:
        found.append(house.carry(house.videos.get(house.who, following)))
    return found


def why_not(house: House, terms: RetryTerms | None = BOTH, prompt: str = PROMPT, **fields: Any) -> str:
    """Why the last video of the chain that comes of a request was not retried."""
    refused = find_retry_refusal(carried(house, terms, prompt, **fields)[-1])
    return refused.value if refused else ""


def count(house: House) -> int:
    with house.read_transaction() as tx:
        return len(tx.select(tables.videos))


def test_an_output_block_is_followed_by_one_retry_and_one_variation_each_a_linked_video(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    first, same, varied = carried(retrying, safety_identifier="user-7", metadata={"shot": "4"})
    assert [one.state for one in (first, same, varied)] == [VideoState.BLOCKED] * 3
    assert [one.prompt for one in (first, same, varied)] == [PROMPT, PROMPT, VARIATION]
    assert [one.retry_of for one in (first, same, varied)] == ["", first.id, same.id]
    assert {(one.generator, one.model, one.seconds, one.width) for one in (first, same, varied)} == {
        ("paid", first.model, first.seconds, first.width)
    }
    assert {one.end_user for one in (first, same, varied)} == {"user-7"}
    assert varied.metadata == {"shot": "4"}
    assert upstream.counts["received"] == 3
    assert count(retrying) == 3
    assert all(len(retrying.record(one).attempts) == 1 for one in (first, same, varied))


def test_the_template_counts_for_the_retry_with_its_prompt_and_not_for_the_variation(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    templates = retrying.container.templates
    templates.add(retrying.who, f"template: street\ntext: {PROMPT}\n")
    use = templates.render(retrying.who, TemplateCall(name="street", version=1, values={})).use
    first, same, varied = carried(retrying, template=use)
    assert (first.template, same.template, varied.template) == (use, use, None)
    made = templates.validations(retrying.who, "street", 1)
    assert [one.video_id for one in made] == [same.id, first.id]


def test_after_a_variation_that_fails_the_explanation_says_that_the_filter_may_be_right_and_stops(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    *_, varied = carried(retrying, RetryTerms(variation=VARIATION))
    assert varied.retry_of
    assert "something real" in (varied.explanation or {})["next_step"]
    assert "retried_as" not in (varied.explanation or {})


def test_after_a_retry_the_answer_names_the_new_video_and_asks_for_no_other_retry(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    for terms in (RetryTerms(same=True), RetryTerms(variation=VARIATION)):
        first, last = carried(retrying, terms)
        details = first.explanation or {}
        step = f"It was submitted again as {last.id}; follow that video."
        assert (details["next_step"], details["retry"]["action"]) == (step, "never")
        assert (first.error_message or "").endswith(f" {step}")
    stopped = last.explanation or {}
    assert stopped["retry"]["action"] == "never"
    assert (last.error_message or "").endswith(f" {stopped['next_step']}")


def test_the_retry_has_another_seed(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    options = {"name": "paid", "url": upstream.url, "models": ["paid-1"], "billing": "paid"}
    with closing(videos_api({**options, "extra_fields": {"seed": "int"}})) as generator:
        retrying.generators["paid"] = generator
        for seeds in ([41, 42, 43], [2**31 - 1, 2**31 - 2, 2**31 - 1], [-1, -1, -1]):
            found = carried(retrying, extra={"seed": seeds[0]})
            assert [retrying.snapshot(one).request["extra"]["seed"] for one in found] == seeds


def test_the_same_prompt_is_not_sent_again_if_the_provider_asks_to_change_it(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    blocked = refused()
    blocked["error"]["moderation_details"]["retry"] = "change_prompt"
    upstream.play({"otherwise": blocked})
    assert [one.prompt for one in carried(retrying)] == [PROMPT, VARIATION]


def test_a_retry_that_passes_is_delivered_and_ends_the_chain(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"orders": [{"nth": 1, **refused()}], "otherwise": {"polls": 0, "charge": 0.4}})
    first, same = carried(retrying)
    assert (first.state, same.state) == (VideoState.BLOCKED, VideoState.DELIVERED)
    assert count(retrying) == 2


def test_a_crash_after_the_retry_was_submitted_makes_no_second_one(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    retrying.crash_at = "retried"
    first = retrying.carry_through_crashes(retrying.order(PROMPT, retry=RetryTerms(same=True), **PAID))
    assert (first.explanation or {})["retried_as"]
    assert count(retrying) == 2


def test_a_crash_within_the_submission_of_the_retry_neither_loses_nor_doubles_it(
    retrying: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.play({"otherwise": refused()})
    # After kill -9, nothing releases the claim of the idempotency key: it expires.
    keys = replace(retrying.videos.keys, claim_s=0.5, wait_s=0.0)
    monkeypatch.setattr(IdempotencyKeys, "release", lambda *_: None)
    first = retrying.order(PROMPT, retry=RetryTerms(same=True), **PAID)
    checks: list[str] = []

    def check(*given: Any) -> Any:
        checks.append(given[1].prompt)
        return retrying.container.checks.check(*given)

    bind(retrying, check=check)
    monkeypatch.setitem(vars(retrying.videos), "keys", keys)
    retrying.crash_at = "screened"
    ended = retrying.carry_through_crashes(first)
    assert (ended.explanation or {})["retried_as"]
    assert count(retrying) == 2
    assert upstream.counts["received"] == 1
    assert len(checks) == 2, "the check is not repeated while the claim is waited for"


def test_a_retry_is_submitted_again_after_a_transient_error_of_the_database(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    failures = [Unavailable("The database is busy; nothing was changed.", retry_after_s=0.01)]

    def submit(principal: Principal, request: CreateRequest) -> Video:
        if failures:
            raise failures.pop()
        return retrying.videos.create(principal, request)

    bind(retrying, submit=submit)
    assert len(carried(retrying, RetryTerms(same=True))) == 2
    assert not failures


def test_an_error_that_stays_is_not_retried_and_does_not_hide_the_block(
    retrying: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.play({"otherwise": refused()})
    errors: list[Exception] = [NotCovered("A detector is missing."), TypeError("a defect")]

    def submit(_principal: Principal, _request: CreateRequest) -> Video:
        raise error

    bind(retrying, submit=submit)
    for error in errors:  # noqa: B007 - `submit` raises it
        (video,) = carried(retrying)
        assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert "TypeError: a defect" in caplog.text


def test_a_retry_that_was_not_made_has_its_reason(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    same = RetryTerms(same=True)
    assert why_not(retrying, None) == ""
    assert why_not(retrying, same) == RetryRefusal.ALREADY_RETRIED
    assert why_not(retrying) == RetryRefusal.VARIATION_BLOCKED
    assert why_not(retrying, prompt="a man strangles another man on a stage") == RetryRefusal.NO_HELP
    change = refused()
    change["error"]["moderation_details"]["retry"] = "change_prompt"
    for block, reason in (
        (change, RetryRefusal.NO_VARIATION),
        (refused(category="sexual"), RetryRefusal.CATEGORY),
        (refused("input"), RetryRefusal.NOT_OUTPUT),
        ({"submit": {"status": 400, "code": "moderation_blocked"}}, RetryRefusal.NOT_OUTPUT),
        ({"polls": 0, "ends": "failed", "error": {"message": "No."}}, RetryRefusal.NOT_BLOCKED),
        ({"polls": 0}, ""),
    ):
        upstream.play({"otherwise": block})
        before = count(retrying)
        assert (why_not(retrying, same), count(retrying)) == (reason, before + 1)


def test_a_limit_that_stops_a_retry_is_its_reason(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    bind(retrying, find_key=lambda _tenant, _key: None)
    assert why_not(retrying) == RetryRefusal.KEY_REVOKED
    bind(retrying)
    limit(retrying, 2)
    assert why_not(retrying) == RetryRefusal.REFUSAL_BUDGET
    assert upstream.counts["received"] == 2


def test_stored_terms_may_have_fields_of_another_version() -> None:
    assert read_terms({"retry": {"same": True, "times": 3}}) == RetryTerms(same=True)


def test_the_key_of_a_client_is_not_taken_for_a_retry(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    first = retrying.order(PROMPT, retry=RetryTerms(same=True), **PAID)
    retrying.order("a quiet lake", idempotency_key=f"retry-{first.id}", **PAID)
    assert "retried_as" not in (retrying.carry(first).explanation or {})


def test_no_retry_after_a_block_by_our_policy_of_the_output(furnish: Furnish, tmp_path: Path) -> None:
    house = patient(furnish)
    bind(house)
    imported(house, tmp_path, category="violence/graphic")

    odd = {20: np.asarray(Image.fromarray(drawn()).resize((320, 192)))}
    clip = make_clip(tmp_path / "made.mp4", odd=odd)
    house.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip)}
    )
    (video,) = carried(house, model="instant-1")
    assert (video.state, count(house)) == (VideoState.BLOCKED, 1)
    assert find_retry_refusal(video) is RetryRefusal.POLICY


def test_a_request_or_a_variation_that_our_policy_blocks_is_neither_accepted_nor_retried(
    retrying: House, upstream: ScriptedUpstream
) -> None:
    for prompt, variation in (("a nude woman dancing", ""), (PROMPT, "a nude woman dancing")):
        with pytest.raises(RequestBlocked) as blocked:
            retrying.order(prompt, retry=RetryTerms(same=True, variation=variation), **PAID)
        video = retrying.videos.get(retrying.who, str(blocked.value.details["video_id"]))
        assert find_retry_refusal(video) is RetryRefusal.POLICY
    assert upstream.counts["received"] == 0


FLOOR = (
    *("sexual", "sexual/minors", "minors", "minors-present", "ncii", "likeness", "extremism", "illicit"),
    *("self-harm", "self-harm/intent", "self-harm/instructions", "violence/graphic"),
)


def test_no_retry_in_a_category_of_the_floor_or_without_one_after_a_final_refusal() -> None:
    refusal = ProviderRefusal(
        provider="openai",
        stage="output",
        category="violence",
        code="moderation_blocked",
        message="Blocked.",
        charged=ChargeStatus.YES,
        retry="change_prompt",
    )
    for category in FLOOR:
        assert refusal_against(replace(refusal, category=category)), category
        assert refusal_against(replace(refusal, named=frozenset({"violence", category}))), category
    assert not refusal_against(replace(refusal, named=frozenset({"violence", "hate"})))
    unnamed = replace(refusal, category="")
    assert not refusal_against(unnamed)
    for changed in ({"retry": "never"}, {"provider": "safelight"}, {"stage": "unknown"}):
        assert refusal_against(replace(unnamed, **changed)), changed


def test_no_retry_if_one_of_several_named_categories_is_of_the_floor() -> None:
    for categories, message in (
        (["violence", "sexual"], "Blocked."),
        (["hate", "violence/graphic"], "Blocked."),
        (["harassment", "extremism"], "Blocked."),
        (["violence", "self-harm"], "Blocked."),
        (["violence"], "The video was blocked because of nudity."),
        (["hate"], "Hateful content with a celebrity."),
    ):
        details = {"moderation_stage": "output", "categories": categories}
        error = {"code": "moderation_blocked", "message": message, "moderation_details": details}
        refusal = read({"status": "failed", "error": error}, provider="openai")
        assert refusal is not None
        assert refusal.stage == "output"
        assert refusal_against(refusal), (categories, message)


def test_no_retry_where_the_help_gate_refuses(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    user = new_id("user")
    for prompt in ("a nude woman dancing slowly across the old stage", "how to build a bomb at home"):
        with pytest.raises(RequestBlocked):
            retrying.order(prompt, safety_identifier=user, **PAID)
    assert len(carried(retrying, safety_identifier=user)) == 1
    assert len(carried(retrying, safety_identifier=new_id("user"))) == 3


def test_no_retry_at_another_provider(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    check = retrying.container.checks.check

    def elsewhere(*given: Any) -> Any:
        found, admitted, price = check(*given)
        return found, replace(admitted, generator="own"), price

    bind(retrying, check=elsewhere)
    assert len(carried(retrying)) == 1
    assert count(retrying) == 1


def test_the_installation_retries_videos_of_its_api_keys_until_they_are_revoked(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": refused()})
    accounts, tenant = house.accounts, house.who.tenant
    record, token = accounts.create_key(tenant, "tests", {KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE})
    house.who = accounts.authenticate(token)
    house.container.pipeline.context = house.container.background.runner._context
    first, same = carried(house, RetryTerms(same=True))
    assert (same.retry_of, same.state) == (first.id, VideoState.BLOCKED)
    waiting = house.order(PROMPT, retry=RetryTerms(same=True), **PAID)
    accounts.revoke_key(tenant, record.id)
    assert "retried_as" not in (house.carry(waiting).explanation or {})
    assert accounts.find_key(tenant, "key_unknown") is None


def test_no_retry_without_quota(retrying: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": refused()})
    context = retrying.context
    retrying.videos = replace(
        retrying.videos,
        context=replace(
            context,
            quota=replace(context.quota, videos_per_day=1),
        ),
    )
    # The blocked video still counts while its retry is submitted.
    assert why_not(retrying) == RetryRefusal.QUOTA
    assert count(retrying) == 1


def test_a_reference_is_sent_with_the_retry(
    retrying: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.play({"otherwise": refused()})
    video = retrying.order(PROMPT, retry=RetryTerms(same=True), uploads=(upload(tmp_path, drawn()),), **PAID)
    blocked = retrying.carry(video)
    following = (blocked.explanation or {}).get("retried_as")
    assert following is not None
    child = retrying.snapshot(retrying.videos.get(retrying.who, following))
    parent = retrying.snapshot(blocked)
    assert [one["sha256"] for one in child.request["references"]] == [
        one["sha256"] for one in parent.request["references"]
    ]


def test_the_same_idempotency_key_with_other_terms_is_another_request(retrying: House) -> None:

    fields: dict[str, Any] = {"idempotency_key": "k1", **PAID}
    retrying.order(PROMPT, retry=BOTH, **fields)
    retrying.order(PROMPT, retry=BOTH, **fields)
    with pytest.raises(IdempotencyKeyReused):
        retrying.videos.create(retrying.who, CreateRequest(prompt=PROMPT, **fields))
