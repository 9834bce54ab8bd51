"""Known content in every stage; images of our own are used as listed content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.accounts.audit import read_entries
from safelight.cases.hash_recheck import RecheckReport
from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import InvalidField, NotFound, RequestBlocked, Withdrawn
from safelight.detectors.image.pdq import hexadecimal, pdq
from safelight.policy.findings import Stage
from safelight.providers.protocol import Derivation
from safelight.screening.scanning.report import DetectorRun, ScanReport
from safelight.store import tables
from safelight.testing.generators import create as instant
from safelight.videos.models import StageRecord, Video, VideoState
from safelight.videos.requests.request import Upload
from safelight.videos.sweeper import Sweeper
from support.clips import Pixels, hum, make_clip, scenery, upload_of

from .conftest import Furnish, House
from .test_decisions import reviewer
from .test_video_lifecycle import NoEngine

pytestmark = pytest.mark.real_media

ABUSE = "sexual/minors"


def drawn(seed: int = 1, width: int = 480, height: int = 288) -> Pixels:
    """Coloured patches, smoothed: a picture as good as any for a hash."""
    patches = np.random.default_rng(seed).integers(0, 255, (9, 15, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def imported(house: House, folder: Path, *, category: str = ABUSE, seed: int = 1) -> None:
    hashed, quality = pdq(drawn(seed))
    path = folder / "list.csv"
    path.write_text(f"hash,quality\n{hexadecimal(hashed)},{quality}\n", encoding="utf-8")
    done = house.container.persistence.enrolments.import_hashes(path, name="ours", category=category)
    assert (done.added, done.counts["pdq"]) == (1, 1)


def upload(folder: Path, pixels: Pixels, **options: Any) -> Upload:
    path = folder / "upload.jpg"
    Image.fromarray(pixels).save(path, quality=70, **options)
    return upload_of(path)


def retentions(house: House, video_id: str) -> set[str]:
    with house.read_transaction() as tx:
        return {row.retention for row in tx.select(tables.assets, tables.assets.c.video_id == video_id)}


def patient(furnish: Furnish) -> House:
    house = furnish(scan={"reference_timeout_s": 30})
    house.waive()
    return house


def output_stage(house: House, video: Video) -> StageRecord:
    (made,) = (one for one in house.record(video).stages if one.stage is Stage.OUTPUT)
    return made


def recheck(house: House, **options: Any) -> RecheckReport:
    return house.container.pipeline.hash_recheck.recheck(house.who.tenant, actor="a test", **options)


def test_a_known_image_is_blocked_at_once_and_vaulted(furnish: Furnish, tmp_path: Path) -> None:
    house = patient(furnish)
    imported(house, tmp_path)
    assert house.order(uploads=(upload(tmp_path, drawn(2)),)).state is VideoState.QUEUED
    smaller = np.asarray(Image.fromarray(drawn()).resize((240, 144)))[:, ::-1]
    with pytest.raises(RequestBlocked) as caught:
        house.order(uploads=(upload(tmp_path, np.ascontiguousarray(smaller)),))
    video_id = caught.value.details["video_id"]
    video = house.videos.get(house.who, video_id)
    assert (video.state, video.vaulted) == (VideoState.REJECTED, True)
    with house.read_transaction() as tx:
        (entry,) = tx.select(tables.vault_entries)
    assert (entry.kind, entry.video_id, entry.due_at - entry.opened_at) == ("vaulted", video.id, 86_400)
    told = json.dumps([video.error_message, dict(video.explanation or {})])
    assert not [word for word in ("minor", "hash", "ours") if word in told]
    assert retentions(house, video_id) == {"vault"}
    # A file on a list of exact hashes is known content too.
    given = upload(tmp_path, drawn(3))
    path = tmp_path / "md5.txt"
    path.write_text(hashlib.md5(given.path.read_bytes()).hexdigest(), encoding="utf-8")
    house.container.persistence.enrolments.import_hashes(path, name="files", category=ABUSE)
    with pytest.raises(RequestBlocked):
        house.order(uploads=(given,))


def test_a_known_frame_in_a_reference_clip_is_blocked_before_generation(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path)
    clip = make_clip(tmp_path / "a.mp4", odd={20: np.asarray(Image.fromarray(drawn()).resize((320, 192)))})
    video = house.order(uploads=(upload_of(clip),))
    assert video.state is VideoState.QUEUED
    done = house.carry(video)
    assert (done.state, done.error_code, done.vaulted) == (VideoState.REJECTED, "sentinel_block", True)
    assert house.record(video).attempts == ()
    assert retentions(house, video.id) == {"vault"}


def show_in_generated_clips(house: House, folder: Path) -> None:
    """From now on one picture is shown in every generated clip, which has sound too."""
    odd = {5: np.asarray(Image.fromarray(drawn()).resize((320, 192)))}
    clip = make_clip(folder / "made.mp4", odd=odd, sound=hum(1.0))
    house.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip), "operations": ["remix"]}
    )


def test_one_known_frame_in_a_generated_clip_is_blocked_and_vaulted(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path)
    show_in_generated_clips(house, tmp_path)
    done = house.make()
    assert (done.state, done.error_code, done.vaulted) == (VideoState.BLOCKED, "moderation_blocked", True)
    with pytest.raises(NotFound):
        house.content(done)
    assert retentions(house, done.id) == {"vault"}


def test_known_content_of_another_category_is_blocked_and_not_vaulted(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path, category="extremism")
    show_in_generated_clips(house, tmp_path)
    done = house.make()
    assert (done.state, done.vaulted) == (VideoState.BLOCKED, False)
    assert output_stage(house, done).verdict.rule == "kh-2"


def test_a_match_that_an_appeal_overturned_does_not_stop_the_clip_again(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path, category="extremism")
    show_in_generated_clips(house, tmp_path)
    done = house.make()
    appeal = house.appeals.add(house.who, done.id, text="It is a news report.")
    overturn = DecisionRequest(action="overturn", reason="It is.")
    house.reviews.decide(reviewer(house, "ben"), appeal.case_id, overturn)
    released = house.videos.get(house.who, house.reread(done).reinstated_as or "")
    assert house.carry(released).state is VideoState.DELIVERED


def test_an_unreadable_hash_list_is_a_gap_and_held(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path)
    [path] = (tmp_path / "data" / "hash-lists").glob("*.hashes")
    path.write_bytes(path.read_bytes()[:-5])
    done = house.make()
    assert done.state is VideoState.HELD
    (gap,) = output_stage(house, done).verdict.gaps
    assert (gap.category, gap.modality.value) == (ABUSE, "frames")
    assert "cannot be read: ours.hashes" in gap.note


def test_a_list_keeps_its_category_and_is_audited_without_hashes(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path)
    enrolments = house.container.persistence.enrolments
    for name, category, problem in (
        ("ours", "extremism", "with the category 'sexual/minors'"),
        ("b", "nonsense", "no category"),
    ):
        with pytest.raises(InvalidField, match=problem):
            enrolments.import_hashes(tmp_path / "list.csv", name=name, category=category)
    hashed, _ = pdq(drawn())
    assert enrolments.remove_hashes("ours") == 1
    told = [one for one in read_entries(house.database, limit=1000) if one.event.startswith("hashes.")]
    assert [(one.event, one.subject) for one in told] == [
        ("hashes.imported", "hashes:ours"),
        ("hashes.removed", "hashes:ours"),
    ]
    assert hexadecimal(hashed)[:12] not in str(told)


def test_hashes_that_an_exchange_deletes_are_removed(house: House, tmp_path: Path) -> None:
    imported(house, tmp_path)
    hashed, _ = pdq(drawn())
    update = {
        "threat_updates": [{"indicator": hexadecimal(hashed), "type": "HASH_PDQ", "should_delete": True}]
    }
    path = tmp_path / "update.json"
    path.write_text(json.dumps(update), encoding="utf-8")
    done = house.container.persistence.enrolments.import_hashes(path, name="ours", category=ABUSE)
    assert (done.withdrawn, done.counts["pdq"]) == (1, 0)


def test_the_generator_gets_the_image_without_metadata_and_the_record_says_so(
    furnish: Furnish, tmp_path: Path, upstream: Any
) -> None:
    house = patient(furnish)
    exif = Image.Exif()
    exif[0x0110] = "Acme One"
    exif.get_ifd(0x8825)[1] = "N"
    given = upload(tmp_path, scenery(0, 320, 192), exif=exif)
    before = given.path.read_bytes()
    video = house.order(model="own-1", uploads=(given,))
    house.carry(video)
    [sent] = [file for order in upstream.counts["orders"].values() for file in order["files"]]
    assert sent["sha256"] not in ("", hashlib.sha256(before).hexdigest())
    [made] = [j for j in house.record(video).stages if j.stage is Stage.REFERENCE]
    [facts] = made.details["references"]
    assert facts["sha256"] == hashlib.sha256(before).hexdigest()
    assert facts["picture"]["metadata"]["camera"] == "Acme One"
    assert facts["picture"]["metadata"]["location"] is True
    assert facts["origin"] == {"state": "absent"}


def delivered(house: House, folder: Path) -> str:
    """A delivered video in which one picture is shown that no list names yet."""
    show_in_generated_clips(house, folder)
    done = house.make()
    assert done.state is VideoState.DELIVERED
    return done.id


def test_a_recheck_withdraws_and_vaults_a_delivered_video_with_a_new_match(
    house: House, tmp_path: Path
) -> None:
    video_id = delivered(house, tmp_path)
    child = house.make("the same at night", step=Derivation.REMIX, source=video_id)
    assert child.state is VideoState.DELIVERED
    other = recheck(house)
    assert (other.checked, other.matched, other.unread) == (2, (), ())

    imported(house, tmp_path)
    told: list[tuple[int, int]] = []
    done = recheck(house, progress=lambda part, of: told.append((part, of)))
    [matched] = done.matched
    assert (matched.video_id, matched.vaulted) == (video_id, True)
    assert set(matched.withdrawn) == {video_id, child.id}
    assert told == [(1, 2), (2, 2)]
    for each in matched.withdrawn:
        video = house.context.videos.get(house.who.tenant, each)
        assert (video.state, video.vaulted) == (VideoState.WITHDRAWN, True)
        kept = house.context.videos.files(house.who.tenant, each)
        # What it was made from is another video's file, and goes its own way.
        assert {row.retention for row in kept if row.kind != "source"} == {"vault"}
        with pytest.raises((Withdrawn, NotFound)):
            house.videos.content(house.who, each, "video")
    judged = house.context.videos.snapshot(house.who.tenant, video_id).stages[-1]
    assert (judged.stage, judged.verdict.vault) == (Stage.OUTPUT, True)


def test_files_of_a_delivered_video_that_was_vaulted_later_do_not_expire(
    furnish: Furnish, tmp_path: Path
) -> None:
    house = furnish(limits={"retention_days": 1e-10})
    house.waive()
    video_id = delivered(house, tmp_path)
    imported(house, tmp_path)
    done = recheck(house)
    assert done.unread == ()
    [matched] = done.matched
    assert matched.vaulted
    Sweeper(house.context, NoEngine()).delete_expired_files()  # type: ignore[arg-type]
    kept = house.context.videos.files(house.who.tenant, video_id)
    assert "sealed" in {row.kind for row in kept}
    assert {row.deleted_at for row in kept} == {None}


def test_a_recheck_withdraws_another_category_without_vaulting_and_finds_nothing_again(
    house: House, tmp_path: Path
) -> None:
    video_id = delivered(house, tmp_path)
    imported(house, tmp_path, category="extremism")
    done = recheck(house)
    assert done.unread == ()
    [matched] = done.matched
    assert (matched.video_id, matched.categories, matched.vaulted) == (video_id, ("extremism",), False)
    assert recheck(house).checked == 0


def test_an_expired_waiver_withdraws_nothing(house: House, tmp_path: Path) -> None:
    video_id = delivered(house, tmp_path)
    house.container.persistence.waivers.revoke("tests", revoked_by="a test")
    assert recheck(house).matched == ()
    assert house.videos.get(house.who, video_id).state is VideoState.DELIVERED


def test_a_recheck_that_compared_only_some_frames_is_not_counted_as_without_match(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = delivered(house, tmp_path)
    imported(house, tmp_path)
    scanner = house.context.stages.output.known_content.scanner
    late = DetectorRun(name="hash-lists", ran=True, timed_out=True, note="It did not answer in time.")
    monkeypatch.setattr(type(scanner), "scan_video", lambda *_: ScanReport(runs=(late,)))
    done = recheck(house)
    assert (done.checked, done.unread) == (0, ((video_id, "It did not answer in time."),))


def test_a_recheck_reports_files_that_are_missing(house: House, tmp_path: Path) -> None:
    video_id = delivered(house, tmp_path)
    video = house.videos.get(house.who, video_id)
    assert video.sealed_sha256 is not None
    house.context.blobs.delete(house.who.tenant, video.sealed_sha256)
    done = recheck(house)
    assert (done.checked, [one for one, _why in done.unread]) == (0, [video_id])


def test_a_recheck_accepts_clips_of_the_longest_scannable_length(furnish: Furnish) -> None:
    container = furnish(scan={"max_minutes": 30, "max_clip_mb": 4096}).container
    assert container.core.hash_list_scanner.settings.video == container.core.scanner.settings.video
    assert container.core.scanner.settings.video.duration_s == 1800
