from __future__ import annotations

import pytest

from safelight.console.timeline import merge_spans, name_actor, name_outcome, record_view
from safelight.console.translations import load_languages
from safelight.generation.protocol import Billing, Charge, ChargeStatus
from safelight.jobs.models import Attempt, VideoRecord
from safelight.jobs.states import VideoState
from safelight.policy.categories import Taxonomy
from support.fake_api_server import a_video


def test_spans_that_overlap_or_almost_touch_become_one() -> None:
    assert merge_spans([(2.0, 3.0), (0.0, 1.0), (2.5, 4.0), (4.5, 4.6), (9.0, 9.0)]) == (
        (0.0, 4.6),
        (9.0, 9.0),
    )
    assert merge_spans([]) == ()


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("jobs", "this service"),
        ("policy", "policy"),
        ("key_01a1ff20704659fdd7dfae66853a7e4b", "API key key_01a1ff207046…"),
        ("Ada Reed", "Ada Reed"),
        ("wan", "wan"),
    ],
)
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


@pytest.mark.parametrize(
    ("billing", "upstream_id", "copy"),
    [
        (Billing.OWN, None, "none"),
        (Billing.OWN, "job", "on own hardware"),
        (Billing.PAID, "job", "unknown"),
    ],
)
def test_a_copy_on_own_hardware_is_not_called_unknown(
    billing: Billing, upstream_id: str | None, copy: str
) -> None:
    video = a_video(state=VideoState.FAILED)
    attempt = Attempt(
        id="attempt",
        number=1,
        generator="wan",
        billing=billing,
        idempotency_key="key",
        upstream_id=upstream_id,
        created_at=0.0,
        submitted_at=0.0,
        ended_at=1.0,
        outcome="upstream_error",
        charge=Charge(charged=ChargeStatus.NO),
        upstream_copy_status=None,
    )
    record = VideoRecord(video=video, stages=(), attempts=(attempt,), seal=None, audit_log=())
    (row,) = record_view(record, Taxonomy(()), load_languages()["en"]).attempts
    assert row.upstream_copy == copy
