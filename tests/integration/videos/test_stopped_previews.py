"""The blurred preview of a generation that the watcher stopped: for its case, and for nobody else."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from PIL import Image, ImageChops
from starlette.testclient import TestClient

from safelight.accounts import ROLES, Role
from safelight.policy.findings import Stage
from safelight.store.retention import Retention
from safelight.store.tables import assets, audit_log, audit_log_contents, outbox
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from safelight.videos.generation_stage import MAX_PREVIEW_BYTES, STOPPED_PREVIEW
from safelight.videos.models import Video, VideoState
from safelight.videos.sweeper import Sweeper
from support.declared_routes import declared_routes

from .conftest import Crash, House
from .test_appeals import appeal
from .test_quarantine import browser, enrol
from .test_steering import FIGHT, STEER, Build, quick_polls, steer_server, steered
from .test_video_lifecycle import NoEngine

__all__ = ["quick_polls", "steer_server", "steered"]
REVEAL = {"show": "whole 0", "colour": "yes", "large": "yes"}


def script(server: ScriptedUpstream, **rule: Any) -> None:
    server.play({"steers": True, "otherwise": {"polls": 0, "ends": "stopped", **rule}})


def stopped(house: House) -> Video:
    video = house.make(FIGHT, **STEER)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    return video


def rows(house: House, video: Video) -> list[Any]:
    """The files of the video."""
    with house.read_transaction() as tx:
        return tx.select(assets, assets.c.video_id == video.id, assets.c.deleted_at.is_(None))


def is_kept(house: House, video: Video) -> bool:
    """What the record of the video says, which is what is stored."""
    stage = house.snapshot(video).last_stage(Stage.GENERATION)
    assert stage is not None
    kept = bool(stage.details[STOPPED_PREVIEW])
    assert kept == any(row.kind == STOPPED_PREVIEW for row in rows(house, video))
    return kept


def test_the_preview_is_evidence_and_the_case_of_an_appeal_shows_it_on_demand_and_records_it(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    script(steer_server)
    house = steered(steer_server)
    video = stopped(house)
    assert steer_server.counts["previews"] == 1
    assert is_kept(house, video)
    (row,) = rows(house, video)
    assert (row.kind, row.media_type, row.retention) == (STOPPED_PREVIEW, "image/webp", Retention.EVIDENCE)
    ada, case_id = enrol(house, "ada", Role.REVIEWER), appeal(house, video).case_id
    with browser(house, ada) as client:
        page = client.get(f"/review/{case_id}")
        assert "Blurred preview of the stopped generation" in page.text
        shown = client.post(f"/review/{case_id}/reveal", data=REVEAL)
        assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
        with Image.open(io.BytesIO(shown.content)) as picture:
            assert max(picture.size) <= 240
        assert client.post(f"/review/{case_id}/sound", data={"part": "0 0 1"}).status_code == 404
    with house.read_transaction() as tx:
        (seen,) = tx.select(audit_log, audit_log.c.event == "case.revealed")
        assert (seen.actor, seen.subject) == (ada.id, video.id)
        assert row.sha256 in repr(tx.select(audit_log_contents))
    assert house.container.case_reads.exposure.read(ada).used > 0


def test_no_route_of_the_requester_has_the_preview(steered: Build, steer_server: ScriptedUpstream) -> None:
    script(steer_server)
    house = steered(steer_server)
    _, token = house.accounts.create_key(house.who.tenant, "app", ROLES[Role.CREATOR].scopes)
    house.who = house.accounts.authenticate(token)
    video = stopped(house)
    made = appeal(house, video)
    (row,) = rows(house, video)
    picture = b"".join(house.blobs.stream(video.tenant, row.sha256))
    assert picture[8:12] == b"WEBP"
    known = {"video_id": video.id, "appeal_id": made.id, "case_id": made.case_id}
    doors = [one.path for one in declared_routes(house.app) if one.method == "GET"]
    doors += [
        f"/v1/videos/{{video_id}}/content?variant={one}" for one in ("thumbnail", "spritesheet", row.kind)
    ]
    asked, fetched = set(), 0
    with TestClient(house.app, headers={"authorization": f"Bearer {token}"}) as client:
        for door in doors:
            path = re.sub(r"\{(\w+)[^}]*\}", lambda name: known.get(name[1], "nothing"), door)
            answer = client.get(path, follow_redirects=False)
            asked.add(door)
            fetched += answer.status_code == 200
            assert picture not in answer.content, door
            assert row.sha256.encode() not in answer.content, door
            assert "WEBP" not in answer.text[:16], door
            if "/content" in path:
                assert answer.status_code in {400, 404, 422}, door
    needed = {"/v1/videos/{video_id}", "/v1/videos/{video_id}/record", "/v1/videos/{video_id}/content"}
    assert needed <= asked
    assert fetched > 10
    with house.read_transaction() as tx:
        sent = repr(tx.select(outbox)).encode()
    # Webhooks and mails.
    assert row.sha256.encode() not in sent
    assert picture not in sent


WRONG = [
    {"do": "missing"},
    {"do": "empty"},
    {"do": "text"},
    {"do": "status", "status": 500},
    {"do": "status", "status": 401},
    {"do": "html"},
    {"do": "drop"},
    {"do": "hang"},
    {"do": "gzip_bomb"},
    {"do": "redirect", "location": "http://127.0.0.1:1/preview.png"},
]


@pytest.mark.parametrize("preview", WRONG, ids=lambda one: one.get("status", one["do"]))
def test_a_server_without_the_preview_that_it_offers_changes_nothing_of_the_block(
    steered: Build, steer_server: ScriptedUpstream, preview: dict[str, Any]
) -> None:
    script(steer_server, preview=preview)
    house = steered(steer_server, poll_timeout_s=0.5)
    video = stopped(house)
    assert steer_server.counts["previews"] == 1
    assert not is_kept(house, video)
    assert rows(house, video) == []
    # It counts as no failure of the server, either.
    assert house.context.upstreams["steer"].failures_of_pause() == 0
    page = house.reviews.get(enrol(house, "ada", Role.REVIEWER), appeal(house, video).case_id)
    assert page.case.video_id == video.id


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "picture",
    [bytes(MAX_PREVIEW_BYTES + 1), png(4000, 4000), png(64, 64)[:60], b"<svg xmlns='a'/>"],
    ids=["too large", "too many pixels", "cut off", "another format"],
)
def test_a_picture_that_is_not_usable_is_not_kept(
    steered: Build,
    steer_server: ScriptedUpstream,
    monkeypatch: pytest.MonkeyPatch,
    picture: bytes,
) -> None:
    monkeypatch.setattr("safelight.testing.upstream.routes.preview_picture", lambda: picture)
    script(steer_server)
    house = steered(steer_server)
    assert not is_kept(house, stopped(house))


def test_a_sharp_picture_is_blurred_here(
    steered: Build, steer_server: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Image.effect_noise((240, 240), 120)
    file = io.BytesIO()
    noise.convert("RGB").save(file, "PNG")
    monkeypatch.setattr("safelight.testing.upstream.routes.preview_picture", file.getvalue)
    script(steer_server)
    house = steered(steer_server)
    video = stopped(house)
    (row,) = rows(house, video)
    with Image.open(io.BytesIO(b"".join(house.blobs.stream(video.tenant, row.sha256)))) as stored:
        blurred = stored.convert("L")
    assert largest_step(blurred) < 24 < 100 < largest_step(noise)


def largest_step(picture: Image.Image) -> int:
    """The largest difference of two pixels beside each other, without the margin."""
    difference = ImageChops.difference(picture, ImageChops.offset(picture, 1, 0))
    return int(difference.crop((2, 2, 238, 238)).getextrema()[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("boundary", ["before the block", "offered no longer"])
def test_a_step_that_is_repeated_keeps_the_preview_that_the_server_gave_once(
    steered: Build, steer_server: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    script(steer_server)
    house = steered(steer_server)
    from safelight.videos import steps

    def crash(*_: Any, **__: Any) -> None:
        raise Crash(boundary)

    with monkeypatch.context() as patched:
        patched.setattr(steps.outcomes, "block", crash)
        video = house.order(FIGHT, **STEER)
        with pytest.raises(Crash):
            house.carry(video)
    if boundary == "offered no longer":
        script(steer_server, preview="missing")
    assert house.carry(video).state is VideoState.BLOCKED
    assert steer_server.counts["previews"] == 1
    assert is_kept(house, video)


def watched(server: ScriptedUpstream, watch: str) -> None:
    """The watch of this name stops the generations of the server."""
    record = {"applied": ["watching"], "steps": 40, "steps_done": 10, "outcome": "moderation_blocked"}
    record |= {"checks": [{"detector": watch, "score": 0.9}], "preview": True}
    script(server, fields={"safelight": {"generation": record}})


def reveals(house: House, case_id: str) -> dict[str, int]:
    """What a reviewer and the vault officer are answered who ask for the preview."""
    found = {}
    for name, role in (("ada", Role.REVIEWER), ("vera", Role.VAULT_OFFICER)):
        with browser(house, enrol(house, name, role)) as client:
            found[name] = client.post(f"/review/{case_id}/reveal", data=REVEAL).status_code
    return found


def test_a_quarantined_preview_is_for_the_vault_officer_only(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    watched(steer_server, "sexual")
    house = steered(steer_server)
    video = stopped(house)
    assert house.record(video).stages[-1].verdict.quarantine
    assert is_kept(house, video)
    assert reveals(house, appeal(house, video).case_id) == {"ada": 404, "vera": 200}


def test_a_vaulted_preview_moves_to_the_vault_and_no_case_shows_it(
    steered: Build, steer_server: ScriptedUpstream
) -> None:
    watched(steer_server, "sexual/minors")
    house = steered(steer_server)
    video = stopped(house)
    assert video.vaulted
    (row,) = rows(house, video)
    assert (row.kind, row.retention) == (STOPPED_PREVIEW, Retention.VAULT)
    Sweeper(house.context, NoEngine()).move_to_vault()  # type: ignore[arg-type]
    assert not house.blobs.has(video.tenant, row.sha256)
    assert house.blobs.has(video.tenant, row.sha256, vault=True)
    with house.transaction() as tx:
        new = NewCase(
            video_id=video.id,
            kind=CaseKind.HOLD,
            stage=Stage.GENERATION,
            due_at=tx.now() + 900,
            category="sexual/minors",
            quarantined=True,
        )
        case = open_case(tx, new, actor="policy")
    assert reveals(house, case.id) == {"ada": 404, "vera": 404}


@pytest.mark.parametrize("how", ["deleted", "expired"])
def test_the_preview_is_deleted_with_the_video(
    steered: Build, steer_server: ScriptedUpstream, how: str
) -> None:
    script(steer_server)
    house = steered(steer_server)
    video = stopped(house)
    (row,) = rows(house, video)
    assert house.blobs.has(video.tenant, row.sha256)
    sweeper = Sweeper(house.context, NoEngine())  # type: ignore[arg-type]
    if how == "deleted":
        house.videos.delete(house.who, video.id)
    else:
        house.change(video, expires_at=1.0)
        sweeper.delete_expired_files()
    sweeper.delete_orphaned_blobs()
    assert rows(house, video) == []
    assert not house.blobs.has(video.tenant, row.sha256)
