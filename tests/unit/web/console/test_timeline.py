from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from safelight.policy.findings import Taxonomy
from safelight.providers.protocol import Billing, Charge, ChargeStatus
from safelight.videos.models import Attempt, VideoRecord, VideoState
from safelight.web.console.timeline import merge_spans, name_actor, name_outcome, record_view
from safelight.web.console.video_view import video_view
from safelight.web.translations import load_languages
from support.fake_api_server import a_video
from support.rows import each_row


def test_spans_that_overlap_or_almost_touch_become_one() -> None:
    assert merge_spans([(2.0, 3.0), (0.0, 1.0), (2.5, 4.0), (4.5, 4.6), (9.0, 9.0)]) == (
        (0.0, 4.6),
        (9.0, 9.0),
    )
    assert merge_spans([]) == ()


@each_row
def test_an_actor_is_named_in_words(actor: str, words: str) -> None:
    assert name_actor(actor, load_languages()["en"], {}) == words


def test_a_key_has_its_name_before_its_id() -> None:
    key = "key_01a1ff20704659fdd7dfae66853a7e4b"
    named = name_actor(key, load_languages()["en"], {key: "nightly batch"})
    assert named == "API key nightly batch · key_01a1ff207046…"


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_the_outcome_of_an_attempt_is_no_error_code(tag: str) -> None:
    t = load_languages()[tag]
    for outcome in (None, "done", "lost", "not_taken", "moderation_blocked", "submit_unknown", "timeout"):
        assert "_" not in name_outcome(outcome, t)
    assert name_outcome("an_own_code", t) == "an_own_code"


def an_attempt(**values: Any) -> Attempt:
    attempt = Attempt(
        id="attempt",
        number=1,
        generator="wan",
        billing=Billing.OWN,
        idempotency_key="key",
        upstream_id=None,
        created_at=0.0,
        submitted_at=0.0,
        ended_at=1.0,
        outcome="done",
        charge=Charge(charged=ChargeStatus.NO),
        upstream_copy_status=None,
    )
    return replace(attempt, **values)


@each_row
def test_a_copy_on_own_hardware_is_not_called_unknown(
    billing: Billing, upstream_id: str | None, copy: str
) -> None:
    video = a_video(state=VideoState.FAILED)
    attempt = an_attempt(billing=billing, upstream_id=upstream_id, outcome="upstream_error")
    record = VideoRecord(video=video, stages=(), attempts=(attempt,), seal=None, audit_log=())
    (row,) = record_view(record, Taxonomy(()), load_languages()["en"]).attempts
    assert row.upstream_copy == copy


def test_the_record_of_a_generator_that_is_down_stays_short() -> None:
    down = [an_attempt(number=number, outcome="not_taken") for number in range(1, 31)]
    taken = an_attempt(number=31, outcome=None, ended_at=None, upstream_id="job")
    events = ["video.generating", *["attempt.intended", "attempt.ended"] * 30, "attempt.intended"]
    log = [
        {"seq": seq, "at": float(seq), "event": event, "actor": "jobs", "hash": "00"}
        for seq, event in enumerate(events)
    ]
    video = a_video(state=VideoState.GENERATING)
    record = VideoRecord(video=video, stages=(), attempts=(*down, taken), seal=None, audit_log=tuple(log))
    view = record_view(record, Taxonomy(()), load_languages()["en"])
    assert [row.number for row in view.attempts] == ["1–30", "31"]
    assert [(entry.seq, entry.last_seq) for entry in view.entries] == [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 60),
        (61, 61),
    ]
    assert view.entries[3].description.startswith("Submitted 29 more times, not accepted, until ")


@each_row
def test_a_generator_that_does_not_accept_requests_is_not_called_generating(
    outcomes: list[str | None], headline: str
) -> None:
    attempts = tuple(an_attempt(number=number, outcome=outcome) for number, outcome in enumerate(outcomes))
    video = a_video(state=VideoState.GENERATING)
    record = VideoRecord(video=video, stages=(), attempts=attempts, seal=None, audit_log=())
    view = video_view(video, record, load_languages()["en"], Taxonomy(()), now=0.0, installed=())
    assert view.headline == headline
    assert any(step.percent is not None for step in view.steps) == (headline == "Generating.")
