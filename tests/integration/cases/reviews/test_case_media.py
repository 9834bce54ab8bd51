"""Pictures, sound and transcript of a case: what a reviewer may see and hear, and what is recorded of it."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import event

from safelight.accounts import KeyScope, Role
from safelight.accounts.tenant_log import TenantLog
from safelight.cases.case_transcripts import CaseTranscripts
from safelight.core.errors import Forbidden, NotFound
from safelight.core.log_filter import LogFilter
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Stage
from safelight.store.blobs import BlobStore
from safelight.store.retention import Retention
from safelight.store.tables import assets, audit_log, audit_log_contents, videos
from safelight.videos.case_rows import Case
from safelight.videos.case_rows.models import LEASE_S
from safelight.videos.files import FileRow, add_file
from safelight.videos.repository import VideoRepository
from safelight.videos.transcripts import SpokenLine, Transcript, store_transcript
from safelight.web.console.case_media import CaseFiles, CaseMedia, PictureRequest, Shot
from safelight.web.console.sound_excerpt import SoundPart
from support.clips import hum, make_clip
from support.review_room import TENANT, ReviewRoom, reviewer

ADA = reviewer("ada")
OFFICER = reviewer("officer", None, KeyScope.REVIEW, KeyScope.VAULT)
FIRST = PictureRequest(file=0, shot=Shot.FRAME)
SAID = Transcript(lines=(SpokenLine(text="good day", start_s=0.0, end_s=1.0),))


@pytest.fixture
def media(room: ReviewRoom, tmp_path: Path, sandbox: Sandbox) -> CaseMedia:
    return CaseMedia(
        database=room.database,
        store=VideoRepository(room.database),
        blobs=BlobStore(f"file://{tmp_path / 'blobs'}"),
        sandbox=sandbox,
        scratch=tmp_path,
    )


def store(media: CaseMedia, video_id: str, path: Path, kind: str, media_type: str) -> str:
    blob = media.blobs.put_file(path, tenant=TENANT, kind=kind, retention=Retention.EVIDENCE)
    row = FileRow(
        kind=kind,
        sha256=blob.sha256,
        size=path.stat().st_size,
        media_type=media_type,
        retention=Retention.EVIDENCE,
    )
    with media.database.transaction(TENANT) as tx:
        add_file(tx, video_id, row)
    return blob.sha256


@pytest.fixture
def case(room: ReviewRoom, media: CaseMedia, tmp_path: Path) -> Case:
    """A case with a clip that has sound only in its second half, a reference picture, and a transcript."""
    case = room.open_case("a scene", stage=Stage.OUTPUT)
    sound = np.concatenate([np.zeros(48_000, np.float32), hum(1.0)])
    clip = make_clip(tmp_path / "clip.mp4", frames=16, fps=8, sound=sound)
    picture = tmp_path / "reference.png"
    Image.new("RGB", (64, 48), (200, 20, 20)).save(picture)
    store(media, case.video_id, clip, "generated", "video/mp4")
    store(media, case.video_id, picture, "reference", "image/png")
    with room.database.transaction(TENANT) as tx:
        store_transcript(tx, case.video_id, SAID)
    return case


def test_a_reviewer_sees_the_video_and_its_references_and_hears_a_part_and_each_is_recorded(
    room: ReviewRoom, media: CaseMedia, case: Case
) -> None:
    room.queue.extend_lease(ADA, case.id)
    case_file = room.reviews.get(ADA, case.id)
    shown = media.list_files(ADA, case_file).shown
    assert [(file.number, file.is_clip) for file in shown] == [(0, True), (1, False)]
    widths = []
    for number in (0, 1):
        sheet = media.show(ADA, case_file, PictureRequest(file=number, shot=Shot.WHOLE))
        with Image.open(io.BytesIO(sheet.image)) as picture:
            widths.append(picture.width)
    # Nine frames of the clip, and one of the reference.
    assert widths[0] > 2 * widths[1]
    loudness = []
    for start_s in (0.0, 1.0):
        part = SoundPart(start_s=start_s, end_s=start_s + 0.8)
        with wave.open(io.BytesIO(media.play(ADA, case_file, 0, part))) as excerpt:
            assert excerpt.getnframes() / excerpt.getframerate() == pytest.approx(0.8, abs=0.05)
            samples = np.frombuffer(excerpt.readframes(excerpt.getnframes()), "<i2")
            loudness.append(float(np.abs(samples).max()))
    assert loudness[0] < 100 < 1000 < loudness[1]
    for number, start_s in ((1, 0.0), (0, 30.0)):
        with pytest.raises(NotFound):
            media.play(ADA, case_file, number, SoundPart(start_s=start_s, end_s=start_s + 1))
    seen = room.stored(audit_log, audit_log.c.event == "case.revealed")
    contents = repr(room.stored(audit_log_contents))
    # The part after the end was recorded too: whether it has sound is known only after it was opened.
    assert [row.actor for row in seen] == ["ada"] * 5
    assert (contents.count("pictures"), contents.count("sound")) == (2, 3)


def test_who_does_not_have_the_case_reads_without_a_case(
    room: ReviewRoom, media: CaseMedia, case: Case
) -> None:
    bo, lead = reviewer("bo"), reviewer("lea", Role.TRUST_LEAD, KeyScope.POLICY)
    log = TenantLog(room.database)

    def listed() -> list[tuple[str, str, str]]:
        page = log.read(lead, LogFilter(event="reads"), limit=10)
        return [(line.event, line.subject, line.actor) for line in page.items]

    # Nobody has the case; then Ada has it, until her lease is over.
    media.show(bo, room.reviews.get(bo, case.id), FIRST)
    assert listed() == [("media.shown", case.video_id, "bo")]
    room.queue.extend_lease(ADA, case.id)
    media.show(ADA, room.reviews.get(ADA, case.id), FIRST)
    assert len(listed()) == 1
    media.show(bo, room.reviews.get(bo, case.id), FIRST)
    assert len(listed()) == 2
    room.clock.now += LEASE_S + 1
    media.play(ADA, room.reviews.get(ADA, case.id), 0, SoundPart(start_s=0.0, end_s=1.0))
    assert listed()[0] == ("media.shown", case.video_id, "ada")


def test_a_clip_without_sound_has_none_to_play(room: ReviewRoom, media: CaseMedia, tmp_path: Path) -> None:
    case = room.open_case("a scene", stage=Stage.OUTPUT)
    store(media, case.video_id, make_clip(tmp_path / "mute.mp4", frames=8), "generated", "video/mp4")
    with pytest.raises(NotFound, match="no audio track"):
        media.play(ADA, room.reviews.get(ADA, case.id), 0, SoundPart(start_s=0.0, end_s=1.0))


@pytest.mark.parametrize("column", ["quarantined", "vaulted"])
def test_the_video_decides_who_sees_its_content_and_not_the_case_alone(
    room: ReviewRoom, media: CaseMedia, case: Case, column: str
) -> None:
    room.change_video(case.video_id, **{column: True})
    case_file = room.reviews.get(ADA, case.id)
    problem = Forbidden if column == "quarantined" else NotFound
    assert media.list_files(ADA, case_file).shown == ()
    assert len(media.list_files(OFFICER, case_file).shown) == (2 if column == "quarantined" else 0)
    with pytest.raises(problem):
        media.show(ADA, case_file, FIRST)
    with pytest.raises(problem):
        media.play(ADA, case_file, 0, SoundPart(start_s=0.0, end_s=1.0))
    if column == "quarantined":
        transcripts = CaseTranscripts(room.database)
        with pytest.raises(Forbidden):
            transcripts.read(ADA, case_file)
        assert transcripts.read(OFFICER, case_file) == SAID
    assert room.stored(audit_log, audit_log.c.event == "case.revealed") == []


@pytest.mark.parametrize("limit", ["quarantined", "vault"])
def test_a_reference_that_is_the_file_of_a_restricted_video_is_not_shown(
    room: ReviewRoom, media: CaseMedia, case: Case, tmp_path: Path, limit: str
) -> None:
    other = room.add_video("another scene")
    sha256 = store(media, other, tmp_path / "reference.png", "sealed", "image/png")
    case_file = room.reviews.get(ADA, case.id)
    assert len(media.list_files(ADA, case_file).shown) == 2
    with room.database.transaction(TENANT) as tx:
        if limit == "vault":
            tx.update(assets, assets.c.video_id == other, retention=Retention.VAULT.value)
        else:
            tx.update(videos, videos.c.id == other, quarantined=True)
    listed = media.list_files(ADA, case_file)
    assert sha256 not in [file.sha256 for file in listed.shown]
    assert (len(listed.shown), listed.withheld) == (1, 1)
    assert len(media.list_files(OFFICER, case_file).shown) == (1 if limit == "vault" else 2)
    with pytest.raises(NotFound):
        media.show(ADA, case_file, PictureRequest(file=1, shot=Shot.WHOLE))


def test_the_prompts_of_a_list_of_cases_are_read_with_one_query(room: ReviewRoom, media: CaseMedia) -> None:
    cases = [room.open_case(f"scene {number}") for number in range(5)]
    reader = reviewer("reader", None, KeyScope.REVIEW, KeyScope.VIDEOS_READ)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(room.database._engine, "before_cursor_execute", note)
    prompts = media.list_prompts(reader, cases)
    event.remove(room.database._engine, "before_cursor_execute", note)
    assert prompts == {case.video_id: f"scene {number}" for number, case in enumerate(cases)}
    room.change_video(cases[0].video_id, quarantined=True)
    assert media.list_prompts(reader, cases[:2]) == {cases[1].video_id: "scene 1"}
    assert sum(one.startswith("SELECT") for one in statements) == 1
    assert media.list_prompts(ADA, cases) == {}


def test_no_query_sends_more_values_when_more_videos_use_the_same_reference(
    room: ReviewRoom, media: CaseMedia, case: Case
) -> None:
    # PostgreSQL takes at most 65,535 values, and any number of videos can use one file.
    case_file, sent = room.reviews.get(ADA, case.id), 0

    def count(_connection: Any, _cursor: Any, _statement: str, values: Any, *_rest: Any) -> None:
        nonlocal sent
        sent += len(values)

    def list_and_count() -> tuple[CaseFiles, int]:
        nonlocal sent
        sent = 0
        event.listen(room.database._engine, "before_cursor_execute", count)
        listed = media.list_files(ADA, case_file)
        event.remove(room.database._engine, "before_cursor_execute", count)
        return listed, sent

    before = list_and_count()
    with room.database.transaction(TENANT) as tx:
        [row] = tx.select(assets, assets.c.video_id == case.video_id, assets.c.kind == "reference")
        same = {**row._mapping, "kind": "source"}
        tx.insert_all(assets, [{**same, "id": f"use_{n}", "video_id": f"video_{n}"} for n in range(20)])
    assert list_and_count() == before
    assert (len(before[0].shown), before[0].withheld) == (2, 0)
    assert before[1] > 0


def test_references_that_were_stored_in_one_transaction_keep_their_numbers(
    room: ReviewRoom, media: CaseMedia, case: Case, tmp_path: Path
) -> None:
    for number in range(3):
        picture = tmp_path / f"reference-{number}.png"
        Image.new("RGB", (8, 8), (number, 0, 0)).save(picture)
        store(media, case.video_id, picture, "reference", "image/png")
    references = (assets.c.video_id == case.video_id, assets.c.kind == "reference")
    with room.database.transaction(TENANT) as tx:
        rows = tx.select(assets, *references, order_by=(assets.c.id,))
        # The ids in another order than the rows were written.
        for number, row in enumerate(rows):
            tx.update(assets, assets.c.id == row.id, id=f"asset_{9 - number}", created_at=1.0)
    listed = media.list_files(ADA, room.reviews.get(ADA, case.id)).shown
    assert [file.sha256 for file in listed if file.number] == [row.sha256 for row in reversed(rows)]
