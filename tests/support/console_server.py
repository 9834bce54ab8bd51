"""The fake API server with all console services: policies, checks, a verifier and image reveal."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
import wave
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.accounts.people import People, SignIn
from safelight.accounts.policies import Policies, read_history
from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.app.settings.sources import SettingSource
from safelight.cases.reviews import DecisionExecutor
from safelight.core.ids import new_id
from safelight.detectors.list_origins import ListKind, check_lists
from safelight.detectors.registry import DetectorRegistry, load_plugin
from safelight.detectors.text.operator_lists import OperatorLists
from safelight.policy.findings import Stage
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.store.database import Database
from safelight.videos.case_rows import Case, CaseFile, CaseKind, ExposureLog, NewCase, open_case
from safelight.videos.case_rows.models import UNDO_S
from safelight.videos.models import Video, VideoState
from safelight.videos.transcripts import SpokenLine, Transcript
from safelight.web.console.case_media import CaseFiles, MediaFile, PictureRequest, PictureSheet
from safelight.web.console.name_lists import NameListEditor
from safelight.web.console.services import ConsoleServices, PeopleServices, PolicyServices
from safelight.web.console.sound_excerpt import SoundPart
from safelight.web.services import ConsentServices
from support.fake_api_server import Live, Shelf, judged, live
from support.people import FastHasher

STAFF = frozenset(KeyScope) - {KeyScope.VAULT}
#: Text detectors without a model.
TEXT_DETECTORS = ("safety-card", "word-lists", "patterns")


@dataclass(frozen=True, kw_only=True)
class ConsoleServer:
    server: Live
    database: Database
    policies: Policies
    people: People
    #: Ids of the cases whose images were revealed, and what was asked of each.
    revealed_cases: list[str]
    asked: list[PictureRequest]

    def staff_login(self) -> str:
        """A login link for a person with all scopes except `vault`."""
        person = Principal(
            tenant=self.server.tenant,
            id=new_id("user"),
            kind=PrincipalKind.PERSON,
            name="Grace",
            scopes=STAFF,
        )
        return f"{self.server.url}/login?token={self.server.accounts.create_login_link(person)}"

    def carry_out_decisions(self) -> None:
        """Carry out the pending decisions, as the gateway does when their time to undo is over."""
        with closing(Database(self.database.url, clock=lambda: time.time() + UNDO_S)) as later:
            DecisionExecutor(later, self.server.desk, stopping=threading.Event()).carry_out_due()

    def hold(
        self,
        video_id: str,
        *,
        stage: Stage = Stage.OUTPUT,
        kind: CaseKind = CaseKind.HOLD,
        reason: str = "Possible graphic violence in pictures.",
    ) -> Case:
        """Hold the video and open its case."""
        due = time.time() + 840
        if kind is CaseKind.HOLD:
            self.server.desk.change(video_id, state=VideoState.HELD, stage=stage, review_due_at=due)
        with self.database.transaction(self.server.tenant) as tx:
            return open_case(
                tx,
                NewCase(
                    video_id=video_id,
                    kind=kind,
                    stage=stage,
                    due_at=due,
                    category="violence",
                    rule="vi-3",
                    reason=reason,
                ),
                actor="policy",
            )


@dataclass
class _Media:
    """One grey picture, two seconds of silence and three words for every case."""

    #: Ids of the cases whose picture was shown, and what was asked.
    shown: list[str]
    asked: list[PictureRequest]
    #: The videos of the server, which is started with this.
    videos: Mapping[str, Video] = field(default_factory=dict)

    def list_prompts(self, principal: Principal, cases: Iterable[Case]) -> Mapping[str, str]:
        return {
            one.video_id: self.videos[one.video_id].prompt for one in cases if one.video_id in self.videos
        }

    def list_files(self, principal: Principal, case_file: CaseFile) -> CaseFiles:
        if "without pictures" in case_file.case.reason:
            return CaseFiles()
        clip = MediaFile(sha256="0" * 64, media_type="video/mp4", number=0)
        picture = MediaFile(sha256="1" * 64, media_type="image/png", number=1)
        return CaseFiles(shown=(clip, picture))

    def show(self, principal: Principal, case_file: CaseFile, asked: PictureRequest) -> PictureSheet:
        from PIL import Image

        self.shown.append(case_file.case.id)
        picture = io.BytesIO()
        Image.linear_gradient("L").resize((480, 270)).save(picture, "WEBP")
        self.asked.append(asked)
        return PictureSheet(image=picture.getvalue(), frames=(asked.frame,), columns=1, fps=8.0, per_s=1.0)

    def play(self, principal: Principal, case_file: CaseFile, number: int, part: SoundPart) -> bytes:
        recording = io.BytesIO()
        with wave.open(recording, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * 2 * 8000))
        return recording.getvalue()


def _transcript(principal: Principal, case_file: CaseFile) -> Transcript:
    line = SpokenLine(text="take the knife", start_s=0.5, end_s=1.5, marks=((9, 14),))
    return Transcript(lines=(line,))


@contextmanager
def run_console_server(folder: Path, database_file: Path) -> Iterator[ConsoleServer]:
    revealed_cases: list[str] = []
    media = _Media(revealed_cases, [])

    with closing(Database(f"sqlite:///{database_file}")) as database:
        container = _container(folder, database)
        own_lists = OperatorLists(folder / "name-lists")
        name_lists = NameListEditor(
            lists=own_lists,
            records=lambda: check_lists([(ListKind.NAMES, own_lists.files)], today=dt.date(2026, 11, 24)),
            database=database,
            scratch=folder,
            tenant=lambda: container.persistence.tenant,
        )
        persistence = container.persistence
        pages = ConsoleServices(
            policies=PolicyServices(
                published=persistence.policies,
                in_force=persistence.active_policy,
                history=lambda tenant: read_history(database, tenant=tenant),
            ),
            case_media=media,
            exposure=ExposureLog(database, budget=3600.0),
            settings=lambda: {
                "data": "data",
                "server": {"port": 8000, "tls_key": "/etc/tls/key.pem"},
                "storage": {
                    "database": "postgresql://ada:hunter2@db/x",
                    "s3": {"secret_access_key": "s3cr3t"},
                },
                "generators": {"paid": {"kind": "videos_api", "api_key": "sk-upstream-12345678"}},
            },
            setting_sources={
                "server.port": SettingSource.ENVIRONMENT,
                "generators.paid": SettingSource.FILE,
            },
            name_lists=name_lists,
            people=PeopleServices(
                people=persistence.people.service,
                sign_in=SignIn(database, persistence.people.keys, FastHasher()),
            ),
        )
        with live(
            folder,
            database_file,
            max_body_bytes=2 * 1024 * 1024,
            upload_idle_s=0.5,
            pages=pages,
            provenance=container.provenance.checks,
            provenance_answer_s=0.0,
            checks=container.checks,
            transcript_of=_transcript,
            consents=ConsentServices(
                requests=container.correspondence.consent_requests,
                answers=container.correspondence.subject_answers,
            ),
        ) as server:
            media.videos = server.desk.videos
            yield ConsoleServer(
                server=server,
                database=database,
                policies=persistence.policies,
                people=persistence.people.service,
                revealed_cases=revealed_cases,
                asked=media.asked,
            )
        container.core.sandbox.close()


def _container(folder: Path, database: Database) -> Container:
    """A container on this database with fast text detectors only, and a waiver for all other checks."""
    container = Container(
        Settings(
            data=folder / "data",
            generation={"default_generator": "shelf"},  # type: ignore[arg-type]
            generators={"shelf": {"kind": "storyboard"}},
        )
    )
    container.persistence.database = database
    container.core.generators = {"shelf": Shelf()}
    container.core.detectors = DetectorRegistry([(load_plugin(name), {}) for name in TEXT_DETECTORS])
    container.persistence.waivers.add(
        NewWaiver(
            name="demo",
            decided_by="Ada",
            reason="a demonstration",
            categories=(EVERYTHING,),
        ),
        taxonomy=container.core.taxonomy,
    )
    return container


__all__ = ["ConsoleServer", "judged", "run_console_server"]
