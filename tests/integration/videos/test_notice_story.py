"""The story of a notice over HTTP: a stranger reports, the clock runs, copies go, a later upload stops."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from safelight.accounts import KeyScope
from safelight.core.errors import RateLimited
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.videos.models import Video, VideoState
from support.fake_api_server import listening

from .conftest import House
from .test_decisions import reviewer
from .test_notices import HOUR_S, deliver, drawn, follow_up, intimate, later, make_scene, use

FORM = {"name": "Planted Name", "contact": "planted@example.com", "good_faith": "yes", "note": "That is me."}
PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture
def address(house: House) -> Iterator[str]:
    with listening(house.app) as url:
        yield url


def test_a_stranger_has_a_video_removed_and_a_later_upload_is_stopped(
    house: House, address: str, tmp_path: Path
) -> None:
    video = deliver(house, make_scene(tmp_path / "first.mp4", 1))
    copy = deliver(house, make_scene(tmp_path / "copy.mp4", 1, crf=32))
    accounts = house.accounts
    _, key = accounts.create_key(house.who.tenant, "k", (KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE))
    _, staff = accounts.create_key(house.who.tenant, "s", (KeyScope.REVIEW,))
    with httpx.Client(base_url=address, timeout=60) as stranger:
        sent = stranger.post("/report/intimate", data={**FORM, "location": video.id}, headers=PAGE)
        receipt = sent.headers["location"]
        assert (sent.status_code, receipt.startswith("/report/")) == (303, True)
        shown = stranger.get(receipt, headers=PAGE)
        assert "A video that may show nudity cannot be watched until the decision." in shown.text
        own = {"authorization": f"Bearer {key}"}
        assert stranger.get(f"/v1/videos/{video.id}/content", headers=own).status_code == 403
        later(house, 49 * HOUR_S)
        for _ in range(2):
            follow_up(house)
        assert "There was no decision in time" in stranger.get(receipt, headers=PAGE).text
        for one in (video, copy):
            assert stranger.get(f"/v1/videos/{one.id}/content", headers=own).status_code == 410
        # A removal without a person blocks nothing else. A person decides about the next video.
        again = deliver(house, make_scene(tmp_path / "again.mp4", 1, crf=26), "once more")
        body = {
            "lane": "intimate_imagery",
            "location": again.id,
            "name": "Planted Name",
            "contact": "planted@example.com",
            "good_faith": True,
            "safety_identifier": "user-9",
        }
        own["idempotency-key"] = "n-1"
        made = stranger.post("/v1/safelight/reports", json=body, headers=own).json()
        repeated = stranger.post("/v1/safelight/reports", json=body, headers=own).json()
        assert (repeated["id"], repeated["status_path"]) == (made["id"], None)
        reviewing = {"authorization": f"Bearer {staff}"}
        (case,) = stranger.get("/v1/reviews", headers=reviewing).json()["data"]
        decision = {"action": "withdraw", "reason": "It is her.", **house.ground()}
        path = f"/v1/reviews/{case['id']}/decision"
        assert stranger.post(path, json=decision, headers=reviewing).status_code == 200
        for _ in range(2):
            follow_up(house)
        told = stranger.get(f"/v1/safelight/reports/{made['id']}", headers=own).json()
        # Another key of the tenant does not learn what became of it.
        _, other = accounts.create_key(house.who.tenant, "other", (KeyScope.VIDEOS_READ,))
        foreign = {"authorization": f"Bearer {other}"}
        assert stranger.get(f"/v1/safelight/reports/{made['id']}", headers=foreign).status_code == 404
        assert told["notices"][0]["outcome"] == "removed"
        for answer in (stranger.get(receipt, headers=PAGE).text, json.dumps(told), json.dumps(case)):
            assert "planted" not in answer.casefold()
    picture = tmp_path / "upload.png"
    Image.fromarray(drawn(10)).save(picture)
    with httpx.Client(base_url=address, timeout=60) as client:
        blocked = client.post(
            "/v1/videos",
            data={"prompt": "the same again", "seconds": "4"},
            files={"input_reference": ("a.png", picture.read_bytes(), "image/png")},
            headers={"authorization": f"Bearer {key}"},
        )
    use(house, tmp_path / "again.mp4")
    output = house.make("another prompt")
    assert output.state is VideoState.BLOCKED
    if blocked.status_code == 200:  # The reference was not screened within the time of the request.
        made_video = house.context.videos.get(house.who.tenant, blocked.json()["id"])
        assert house.carry(made_video).state is VideoState.REJECTED
    else:
        assert (blocked.status_code, blocked.json()["error"]["code"]) == (400, "sentinel_block")


def test_forms_with_missing_fields_or_from_another_site_are_refused(house: House, address: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as stranger:
        for path in ("/report", "/report/intimate"):
            for language in ("en", "zh-TW", "zh-CN"):
                page = stranger.get(path, headers={**PAGE, "accept-language": language})
                assert page.status_code == 200
            wrong = stranger.post(path, data={**FORM, "location": "x", "reason": "other"}, headers=PAGE)
            assert (wrong.status_code, "Please check it." in wrong.text) == (400, True)
            foreign = {**PAGE, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
            assert stranger.post(path, data=FORM, headers=foreign).status_code == 403
            scripted = {
                **FORM,
                "location": "video_" + "0" * 32,
                "note": "<script>x</script>",
                "reason": "other",
            }
            assert "<script>x" not in stranger.post(path, data=scripted, headers=PAGE).text
        nothing = stranger.get("/report/no-such-secret", headers=PAGE)
        assert nothing.status_code == 404
        without = {"lane": "intimate_imagery", "location": "x"}
        assert stranger.post("/v1/safelight/reports", json=without).status_code == 401


def test_a_visitor_sends_no_files_and_few_forms_before_anything_is_read(house: House, address: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as stranger:
        files = {"media": ("a.mp4", b"x" * 1000, "video/mp4")}
        assert stranger.post("/report", data=FORM, files=files, headers=PAGE).status_code == 415
        large = {**FORM, "note": "x" * (65 * 1024)}
        assert stranger.post("/report", data=large, headers=PAGE).status_code == 413
        codes = {stranger.post("/report", data=FORM, headers=PAGE).status_code for _ in range(40)}
        assert codes == {400, 429}


def copy_row(house: House, video: Video) -> str:
    """Another delivered video without files."""
    with house.transaction() as tx:
        row = tx.one(tables.videos, tables.videos.c.id == video.id)
        assert row is not None
        values = {**row._mapping, "id": new_id("video")}
        tx.insert(tables.videos, **values)
    return str(values["id"])


def test_of_a_thousand_false_notices_from_fifty_addresses_the_true_ones_are_decided_in_time(
    house: House,
) -> None:
    """Simulated: one reviewer who needs two minutes for a case, and one notice in a hundred is true."""
    first = house.make()
    videos = [copy_row(house, first) for _ in range(60)]
    reports, accepted, true_ones = house.container.correspondence.reports, 0, videos[50:]
    for number in range(1000):
        new = intimate(location=videos[number % 50])
        with contextlib.suppress(RateLimited):
            reports.add_from_visitor(new, network=f"198.51.100.{number % 50}")
            accepted += 1
        if number % 100 == 99:
            reports.add_from_visitor(
                intimate(location=true_ones[number // 100]), network=f"203.0.113.{number // 100}"
            )
    assert accepted == 50 * 10
    queue = house.reviews.list(reviewer(house), limit=100).items
    order = [case.video_id for case in queue]
    assert len(order) == 60
    assert max(order.index(video_id) + 1 for video_id in true_ones) * 120 < 24 * HOUR_S
    assert {round(case.due_at - case.opened_at) for case in queue} == {24 * HOUR_S}
