"""The page of a refused video names the party that refused it, from the attempt log."""

from __future__ import annotations

import time

import httpx

from safelight.core import canonical_json
from safelight.core.ids import new_id
from safelight.providers.protocol import Billing, Charge, ChargeStatus
from safelight.store import tables
from safelight.videos.models import Attempt, VideoState
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video
from support.videos import add_video


def refused_video(console: ConsoleServer, state: VideoState, billing: Billing = Billing.PAID) -> str:
    """A video of the desk whose one attempt, in the database, was refused by the provider or failed."""
    refused = state is VideoState.BLOCKED
    explanation = {"source": "provider", "moderation_stage": "output", "provider_code": "SAFETY.OUTPUT.VIDEO"}
    problem = "shelf failed: 503 overloaded. It is not known whether shelf charged for it."
    video = a_video(
        tenant=console.server.tenant,
        state=state,
        explanation=explanation if refused else None,
        error_message=None if refused else problem,
    )
    attempt_id, now = new_id("attempt"), time.time()
    outcome = "moderation_blocked" if refused else "upstream_error"
    with console.database.transaction(tenant=console.server.tenant) as tx:
        add_video(
            tx,
            id=video.id,
            state=state.value,
            stage="generation",
            generator=video.generator,
            error_message=video.error_message,
            explanation=canonical_json.encode(explanation) if refused else None,
        )
        tx.insert(
            tables.attempts,
            id=attempt_id,
            video_id=video.id,
            number=1,
            generator=video.generator,
            billing=billing.value,
            idempotency_key=video.id,
            created_at=now,
            ended_at=now,
            outcome=outcome,
            charge_status="unknown",
            currency="",
            charge_source="",
        )
    console.server.desk.put(video)
    console.server.desk.attempts[video.id] = (
        Attempt(
            id=attempt_id,
            number=1,
            generator=video.generator,
            billing=billing,
            idempotency_key=video.id,
            upstream_id=None,
            created_at=now,
            submitted_at=now,
            ended_at=now,
            outcome=outcome,
            charge=Charge(charged=ChargeStatus.UNKNOWN),
            upstream_copy_status=None,
        ),
    )
    return video.id


def test_a_block_by_the_provider_names_its_filter_and_how_to_tell(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    video = refused_video(console, VideoState.BLOCKED)
    text = staff.get(f"/videos/{video}").text
    assert "the provider&#39;s filter" in text
    assert "Submit a plainly harmless prompt" in text
    attempt = console.server.desk.attempts[video][0].id
    assert f'<a href="/attempts/{attempt}">Open attempt</a>' in text
    assert "this may be charged" in text
    assert staff.get(f"/attempts/{attempt}").status_code == 200
    # The fragment that the page loads by itself has it too.
    live = staff.get(f"/videos/{video}", headers={"accept": "text/x-fragment"}).text
    assert "the provider&#39;s filter" in live
    assert "是誰拒絕的" in staff.get(f"/videos/{video}", headers={"accept-language": "zh-TW"}).text


def test_an_outage_is_named_and_a_failure_of_own_hardware_is_not_a_gate(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    text = staff.get(f"/videos/{refused_video(console, VideoState.FAILED)}").text
    assert "the provider is down or overloaded" in text
    failed = refused_video(console, VideoState.FAILED, Billing.OWN)
    own = staff.get(f"/videos/{failed}").text
    assert "Whose gate it was" not in own
    assert "choose a smaller size or a shorter length" in own
    assert "choose a smaller size or a shorter length" not in text
    console.server.desk.change(failed, error_code="withdrawn")
    assert "choose a smaller size or a shorter length" not in staff.get(f"/videos/{failed}").text


def test_a_block_on_own_hardware_is_never_said_to_cost_anything(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    text = staff.get(f"/videos/{refused_video(console, VideoState.BLOCKED, Billing.OWN)}").text
    assert "Submit a plainly harmless prompt" in text
    assert "this may be charged" not in text


def test_our_policy_is_named_without_a_test_and_a_vaulted_video_names_nothing(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    page = staff.post("/", files={"prompt": (None, f"now {CARD}")})
    video = next(reversed(console.server.desk.videos))
    assert page.status_code == 400
    text = staff.get(f"/videos/{video}").text
    assert "a policy of Safelight" in text
    assert "harmless prompt" not in text
    console.server.desk.change(video, vaulted=True)
    assert "Whose gate it was" not in staff.get(f"/videos/{video}").text


def test_a_delivered_video_has_no_gate(staff: httpx.Client, console: ConsoleServer) -> None:
    video = refused_video(console, VideoState.BLOCKED)
    console.server.desk.change(video, state=VideoState.GENERATING)
    assert "Whose gate it was" not in staff.get(f"/videos/{video}").text
