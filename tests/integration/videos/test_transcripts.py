"""Transcripts of videos: stored for reviewers only, and deleted with the files of the video."""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope
from safelight.store import tables
from safelight.videos.case_rows import CaseFile, CaseKind
from safelight.videos.files import vault_files
from safelight.videos.models import Video, VideoState
from safelight.videos.sweeper import Sweeper
from safelight.videos.transcripts import Transcript, read_transcript
from safelight.web.api.reviews import with_transcript
from safelight.web.console.review_pages import CaseMediaContent, case_media_view
from safelight.web.console.sound_excerpt import SoundPart
from safelight.web.translations import load_languages
from support.spoken_clips import SOUND_S, speaking_house

from .conftest import Furnish, House
from .test_appeals import appealed, blocked_by_ada, released
from .test_decisions import decide, reviewer
from .test_known_content import imported, show_in_generated_clips
from .test_standing_story import key_for

pytestmark = pytest.mark.real_media

WORD = "zanzibar"
BLOCKED_WORDS = ("buy", "SAFELIGHT-TEST:violence", "now.")


def transcript_of(house: House, video: Video) -> Transcript | None:
    with house.database.read_transaction(video.tenant) as tx:
        return read_transcript(tx, video.id)


def test_a_held_video_keeps_its_transcript_and_no_other_table_has_its_words(
    furnish: Furnish, tmp_path: Path
) -> None:
    with speaking_house(furnish, tmp_path, "hello", WORD) as house:
        video = house.make()
        assert video.state is VideoState.HELD
        transcript = transcript_of(house, video)
        assert transcript is not None
        assert [line.text for line in transcript.lines] == [f"hello {WORD}"]
        with house.database.across_tenants("test", readonly=True) as tx:
            for table in tables.metadata.sorted_tables:
                rows = tx.select(table)
                assert table is tables.transcripts or WORD not in repr(rows), table.name
        record = house.record(video)
        assert WORD not in repr(record)
        (case,) = house.reviews.list(house.who).items
        case_file = house.reviews.get(reviewer(house), case.id)
        media = house.console_services.case_media
        assert media is not None
        content = CaseMediaContent(
            files=media.list_files(reviewer(house), case_file),
            transcript=house.services.transcript_of(reviewer(house), case_file),
        )
        shown = case_media_view(content, case_file.case, record, load_languages()["en"])
        assert ["".join(one.text for one in line) for _, line in shown.transcript] == [f"hello {WORD}"]
        # The whole sound is the last part.
        number, start_s, end_s = (float(part) for part in shown.sound[-1][0].split(" "))
        part = SoundPart(start_s=start_s, end_s=end_s)
        with wave.open(io.BytesIO(media.play(reviewer(house), case_file, int(number), part))) as sound:
            assert sound.getnframes() / sound.getframerate() == pytest.approx(SOUND_S, abs=0.1)
        # After the approval it is kept for a report about the delivered video.
        decide(house, case, "approve")
        assert house.carry(video).state is VideoState.DELIVERED
        assert transcript_of(house, video) == transcript
        # An allowed video has none.
        house.waive()
        allowed = house.make()
        assert allowed.state is VideoState.DELIVERED
        assert transcript_of(house, allowed) is None


def test_the_api_gives_the_transcript_only_to_those_who_may_read_the_case(
    furnish: Furnish, tmp_path: Path
) -> None:
    with speaking_house(furnish, tmp_path, "hello", WORD) as house:
        video = house.make()
        spoken = f"hello {WORD}"
        with TestClient(house.app) as client:

            def read(method: str, path: str, *scopes: KeyScope) -> httpx.Response:
                headers = {"authorization": f"Bearer {key_for(house, *scopes)}"}
                return client.request(method, path, headers=headers)

            review, vault = KeyScope.REVIEW, KeyScope.VAULT
            case_id = read("GET", "/v1/reviews", review).json()["data"][0]["id"]
            path = f"/v1/reviews/{case_id}"
            shown = read("GET", path, review).json()["transcript"]
            assert ([line["text"] for line in shown["lines"]], shown["is_cut"]) == ([spoken], False)
            assert read("GET", path, review).json()["transcript_state"] == "shown"
            assert shown["lines"][0].keys() == {"text", "start_s", "end_s", "marks"}
            assert read("POST", "/v1/reviews/next", review).json()["transcript"] == shown

            others = (KeyScope.VIDEOS_READ, KeyScope.ADMIN, KeyScope.AUDIT, KeyScope.POLICY)
            for scopes, status in ((others, 403), ((vault,), 404)):
                refused = read("GET", path, *scopes)
                assert (refused.status_code, WORD in refused.text) == (status, False)
            for elsewhere in ("/v1/reviews", f"/v1/videos/{video.id}", f"/v1/videos/{video.id}/record"):
                assert WORD not in read("GET", elsewhere, review, vault, *others).text

            house.change(video, quarantined=True)
            restricted = read("GET", path, review)
            assert restricted.status_code == 200
            assert (restricted.json()["transcript"], restricted.json()["transcript_state"]) == (
                None,
                "withheld",
            )
            assert read("GET", path, review, vault).json()["transcript"] == shown

        case_file = house.reviews.get(reviewer(house), case_id)
        blind = replace(case_file, case=replace(case_file.case, kind=CaseKind.QUALITY))
        officer = replace(reviewer(house), scopes=frozenset({review, vault}))

        def content_of(file: CaseFile) -> tuple[Any, str]:
            found = with_transcript(house.services, officer, file)
            return found.transcript, found.transcript_state

        assert content_of(case_file)[1] == "shown"
        assert content_of(blind) == (None, "not_in_quality_reviews")
        with house.database.transaction(video.tenant) as tx:
            tx.delete(tables.transcripts, tables.transcripts.c.video_id == video.id)
        assert content_of(case_file) == (None, "not_stored")


def test_a_block_keeps_the_words_that_were_found_until_the_owner_deletes_the_video(
    furnish: Furnish, tmp_path: Path
) -> None:
    with speaking_house(furnish, tmp_path, *BLOCKED_WORDS) as house:
        house.waive()
        video = house.make()
        assert video.state is VideoState.BLOCKED
        transcript = transcript_of(house, video)
        assert transcript is not None
        [line] = transcript.lines
        assert [line.text[start:end] for start, end in line.marks] == [BLOCKED_WORDS[1]]
        house.videos.delete(house.who, video.id)
        assert transcript_of(house, video) is None


def test_a_transcript_goes_with_the_files_of_its_video(furnish: Furnish, tmp_path: Path) -> None:
    with speaking_house(furnish, tmp_path, "hello", WORD) as house:
        expired, vaulted = house.make(), house.make()
        assert None not in (transcript_of(house, expired), transcript_of(house, vaulted))
        with house.transaction() as tx:
            tx.update(tables.videos, tables.videos.c.id == expired.id, expires_at=0.0)
            vault_files(tx, vaulted.id)
        sweeper: Sweeper = house.container.background.sweeper
        sweeper.delete_expired_files()
        assert (transcript_of(house, expired), transcript_of(house, vaulted)) == (None, None)


def test_a_video_that_replaces_a_blocked_one_has_its_transcript(furnish: Furnish, tmp_path: Path) -> None:
    with speaking_house(furnish, tmp_path, "hello", WORD) as house:
        video = blocked_by_ada(house)
        decide(house, appealed(house, video), "overturn", "grace")
        new = released(house, video)
        assert transcript_of(house, new) == transcript_of(house, video) is not None
        house.videos.delete(house.who, video.id)
        assert transcript_of(house, new) is not None


def test_a_known_picture_vaults_the_replaced_video_with_its_transcript_too(
    furnish: Furnish, tmp_path: Path
) -> None:
    with speaking_house(furnish, tmp_path, "hello", WORD) as house:
        show_in_generated_clips(house, tmp_path)
        video = blocked_by_ada(house)
        case = appealed(house, video)
        decide(house, case, "overturn", "grace")
        new = house.carry(released(house, video))
        assert new.state is VideoState.DELIVERED
        imported(house, tmp_path)
        report = house.container.pipeline.hash_recheck.recheck(house.who.tenant, actor="a test")
        assert report.unread == ()
        [matched] = report.matched
        assert (matched.video_id, matched.withdrawn) == (new.id, (new.id,))
        media = house.console_services.case_media
        assert media is not None
        case_file = house.reviews.get(reviewer(house, "ben"), case.id)
        files = media.list_files(reviewer(house, "ben"), case_file)
        assert (files.shown, files.withheld) == ((), 1)
        for each in (video, new):
            assert house.context.videos.get(house.who.tenant, each.id).vaulted
            assert transcript_of(house, each) is None
