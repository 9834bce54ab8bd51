from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.core.errors import UpstreamInvalidResponse
from safelight.providers.protocol import Billing, Charge, ChargeStatus, Progress, UpstreamState
from safelight.providers.upstream.bodies import decode, error_text, retry_after
from safelight.providers.videos_api.responses import read_progress
from safelight.providers.videos_api.statuses import read_id, read_video
from support.rows import each_row


def progress(
    video: dict[str, Any],
    headers: dict[str, str] | None = None,
    *,
    billing: Billing = Billing.PAID,
    usd_per_second: float | None = None,
) -> Progress:
    return read_progress(
        video, headers or {}, billing=billing, usd_per_second=usd_per_second, secrets=("hunter2",)
    )


@each_row
def test_nonstandard_statuses_are_mapped(word: str, state: UpstreamState) -> None:
    assert progress({"status": word}).state is state


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"code": 0, "data": {"taskId": "t-1", "recordId": "r"}}, "t-1"),
        ({"result": {"job": {"id": 77, "state": "waiting"}}}, "77"),
        ({"code": "success", "data": "9f20b1c4-7730"}, "9f20b1c4-7730"),
        ({"code": 200, "data": [{"status": "submitted", "task_id": "t"}]}, "t"),
        # An answer of an error has a number too, and a word is no id.
        ({"code": 1200, "message": "wrong size", "request_id": "q-1"}, None),
        ({"code": 0, "data": "success"}, None),
        ({"id": True, "data": {"id": ""}}, None),
    ],
)
def test_the_id_is_found_where_relays_put_it(body: dict[str, Any], found: str | None) -> None:
    assert read_id(body) == found


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (
            {"data": {"taskStatus": "SUCCESS", "failReason": "https://clips.example/1.mp4"}},
            UpstreamState.DONE,
        ),
        ({"task": {"stage": "uploading_result", "percent": "100%"}}, UpstreamState.RUNNING),
        ({"uuid": "u", "finished": False, "progress": "45.2 %"}, UpstreamState.RUNNING),
        ({"Response": {"Status": "DONE", "ErrorMessage": ""}}, UpstreamState.DONE),
        ({"Resp": {"id": 1, "status": 5, "status_text": "generating"}}, UpstreamState.RUNNING),
        (
            {"name": "operations/1", "done": True, "error": {"code": 13, "message": "No."}},
            UpstreamState.FAILED,
        ),
    ],
)
def test_a_status_is_read_by_the_names_that_relays_have_for_it(
    body: dict[str, Any], state: UpstreamState
) -> None:
    assert progress(read_video(body)).state is state


def test_the_status_of_an_answer_is_not_that_of_the_request_inside_it() -> None:
    inner = {"id": "1", "task_status": "processing"}
    assert (
        progress(read_video({"status": "success", "code": 200, "data": inner})).state is UpstreamState.RUNNING
    )
    assert progress(read_video({"status": 200, "result": [{"state": "Fail"}]})).state is UpstreamState.FAILED


@pytest.mark.parametrize("status", [None, "", " ", ["completed"]])
def test_a_response_without_a_status_is_invalid(status: object) -> None:
    with pytest.raises(UpstreamInvalidResponse):
        progress({"status": status})


def charge(video: dict[str, Any], **options: Any) -> Charge:
    found = progress({"status": "completed", "seconds": "8", **video}, **options).charge
    assert found is not None
    return found


def test_the_charge_is_the_stated_cost_or_that_of_the_price_list_or_unknown() -> None:
    stated = {"usage": {"cost": 0.6, "currency": "eur"}}
    yes, no, unknown = ChargeStatus.YES, ChargeStatus.NO, ChargeStatus.UNKNOWN
    assert charge(stated, usd_per_second=0.1) == Charge(
        charged=yes, amount=0.6, currency="EUR", source="upstream"
    )
    assert charge({}, usd_per_second=0.1) == Charge(charged=yes, amount=0.8, source="price list")
    assert (charge({}).charged, charge({}).amount) == (unknown, None)
    own = charge(stated, billing=Billing.OWN)
    assert (own.charged, own.source) == (no, "own hardware")
    error = {"code": "moderation_blocked", "message": "No."}
    told = progress({"status": "failed", "error": error, "usage": {"cost": 0.4, "refunded": True}})
    assert told.charge is not None
    assert told.refusal is not None
    assert (told.charge.charged, told.refusal.charged) == (no, no)


def test_completed_with_an_error_is_a_failure() -> None:
    told = progress({"status": "completed", "error": {"code": "x", "message": "Out of memory, key hunter2."}})
    assert told.state is UpstreamState.FAILED
    assert told.problem == "Out of memory, key [masked]."


def test_a_failure_by_the_filter_is_a_refusal_and_not_a_problem() -> None:
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    told = progress({"status": "failed", "error": error})
    assert told.refusal is not None
    assert told.problem == ""
    assert told.charge is not None
    assert told.charge.charged is ChargeStatus.UNKNOWN


def test_a_status_that_means_refused_is_a_refusal() -> None:
    told = progress({"status": "nsfw"})
    assert told.state is UpstreamState.FAILED
    assert told.refusal is not None
    assert told.refusal.stage == "output"


@each_row
def test_retry_after_is_parsed_in_all_formats(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert progress({"status": "queued"}, {"openai-poll-after-ms": "2500"}).poll_after_s == 2.5
    at = {"retry-after": "Sat, 21 Nov 2026 00:10:00 GMT"}
    assert retry_after(at, clock=lambda: 1795219200.0 - 60) == 660.0
    assert retry_after(at, clock=lambda: 1795219200.0 + 601) == 0.0
    later = retry_after({"retry-after": email.utils.formatdate(time.time() + 600, usegmt=True)})
    assert later is not None
    assert 0 < later <= 600


@each_row
def test_the_message_of_an_error_is_found(body: dict[str, Any] | None, sentence: str) -> None:
    assert error_text(body, secrets=()) == sentence


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_body_decodes_to_an_object_or_nothing(body: bytes) -> None:
    assert decode(body) is None or isinstance(decode(body), dict)


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_VALUE = _LEAF | st.lists(_LEAF, max_size=3) | st.dictionaries(st.text(max_size=8), _LEAF, max_size=3)
_KEYS = ["status", "error", "progress", "completed_at", "usage", "cost", "seconds", "safelight"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(_KEYS), _VALUE), st.sampled_from(["queued", "completed", "failed", "odd"])
)
def test_any_video_object_is_read_without_unexpected_errors(video: dict[str, Any], status: str) -> None:
    try:
        told = progress(video | {"status": status}, usd_per_second=0.1)
    except UpstreamInvalidResponse:
        return
    assert told.percent is None or 0 <= told.percent <= 100
    assert (told.state is UpstreamState.FAILED) == bool(told.problem or told.refusal)
