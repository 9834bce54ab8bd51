"""A live HTTP server over a desk of videos whose states a test sets by hand.

The desk stands in for the job service, so that every state can be shown on the wire and on pages at once;
the real way of a video is tested against the real service elsewhere.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from safelight.accounts import Accounts, KeyScope, Principal, PrincipalKind
from safelight.accounts.access_requests import AccessLimits, AccountAccess
from safelight.accounts.halts import Halts
from safelight.accounts.policies import Policies
from safelight.accounts.standing import Bans, Standings, Thresholds
from safelight.accounts.statements import (
    NewStatement,
    StatementKind,
    Statements,
    StatementSource,
    ground_of_verdict,
    record_statement,
)
from safelight.accounts.tenant_log import TenantLog
from safelight.accounts.terms import AccountTerms
from safelight.accounts.webhooks import Webhooks
from safelight.app.asgi import build_app
from safelight.cases.appeals import Appeals
from safelight.cases.case_events import CaseEvents
from safelight.cases.incidents import Incidents
from safelight.cases.quality import CheckFigures, Quality, QualityResults
from safelight.cases.reports import ReportedVideo, Reports, ReportTools
from safelight.cases.review_actions import ReviewActions
from safelight.cases.reviews import ReviewQueue, Reviews
from safelight.cases.reviews.bulk import BulkDecisions
from safelight.cases.saved_replies import SavedReplies
from safelight.cases.vault import Vault
from safelight.core.errors import Conflict, NotFound, RequestBlocked
from safelight.core.ids import new_id
from safelight.core.net.webhook_client import WebhookClient
from safelight.policy.documents import load
from safelight.policy.explanations import ExplanationLevel, ExplanationLinks, explain
from safelight.policy.findings import SHIPPED, Cell, Coverage, Finding, Modality, Stage, TextSpan
from safelight.policy.verdicts import Action, Verdict
from safelight.policy.waivers import Waiver
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.drift_history import DriftHistory
from safelight.providers.protocol import Billing, Generator, GeneratorInfo
from safelight.store.database import Database, Transaction
from safelight.store.key_ring import KeyRing
from safelight.store.pages import Page
from safelight.store.tables import statements
from safelight.videos.case_rows import Case, Decision
from safelight.videos.case_rows.models import AppealSubject as BlockedVideo
from safelight.videos.library import Library
from safelight.videos.models import (
    Attempt,
    Character,
    CharacterState,
    Content,
    StageRecord,
    Video,
    VideoFilter,
    VideoRecord,
    VideoState,
)
from safelight.videos.quota import Quota, QuotaReader, QuotaStatus
from safelight.videos.requests.request import CreateRequest
from safelight.videos.service import VideoService
from safelight.videos.templates import Templates
from safelight.web.console.services import ConsoleServices
from safelight.web.moderations_api import (
    ModerationInput,
    ModerationResult,
    ModerationsApi,
    to_omni_categories,
)
from safelight.web.services import Services
from safelight.web.standing import StandingServices

CARD = "SAFELIGHT-TEST:violence"
PERSON = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS, KeyScope.TEST})


class Shelf:
    """A generator of which only the info is read."""

    name = "shelf"
    billing = Billing.OWN

    def info(self) -> GeneratorInfo:
        return GeneratorInfo(
            models=("shelf-1",), seconds=(4, 8), sizes=((1280, 720), (720, 1280)), usd_per_second=0.0
        )


@dataclass
class Desk:
    """Videos by id. A test may set `trouble` to be raised by the next create."""

    videos: dict[str, Video] = field(default_factory=dict)
    judgements: dict[str, tuple[StageRecord, ...]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[CreateRequest] = field(default_factory=list)
    #: What each uploaded file held while the request was in hand.
    uploads: list[bytes] = field(default_factory=list)
    trouble: Exception | None = None
    #: Raised by every create whose prompt is this.
    troubles: dict[str, Exception] = field(default_factory=dict)
    characters: dict[str, Character] = field(default_factory=dict)
    attempts: dict[str, tuple[Attempt, ...]] = field(default_factory=dict)
    ready: bool = True
    gets: int = 0

    def create(self, principal: Principal, request: CreateRequest) -> Video:
        request.problems.raise_all()
        self.requests.append(request)
        self.uploads += [upload.path.read_bytes() for upload in request.uploads]
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        if request.prompt in self.troubles:
            raise self.troubles[request.prompt]
        width, _, height = (request.size or "1280x720").partition("x")
        video = a_video(
            tenant=principal.tenant,
            prompt=request.prompt,
            seconds=int(request.seconds or 4),
            width=int(width),
            height=int(height),
            end_user=request.safety_identifier,
            metadata=request.metadata,
            principal_id=principal.id,
        )
        if CARD in request.prompt:
            verdict = card_verdict(request.prompt)
            explanation = explain(
                verdict,
                SHIPPED,
                level=ExplanationLevel.DEVELOPER,
                links=ExplanationLinks(appeal=f"/videos/{video.id}/appeal"),
            )
            self.put(
                video,
                state=VideoState.REJECTED,
                stage=Stage.PROMPT,
                error_code="sentinel_block",
                error_message=explanation.sentence,
                explanation=explanation.as_wire(),
                ended_at=video.created_at,
            )
            self.judgements[video.id] = (judged(verdict),)
            raise RequestBlocked(
                explanation.sentence,
                details={**explanation.as_wire(), "video_id": video.id},
                param="prompt",
            )
        self.put(video)
        self.judgements[video.id] = (judged(allowed(Stage.PROMPT)),)
        return video

    def allowance(self, principal: Principal) -> QuotaStatus:
        made = len(self.videos)
        return QuotaStatus(
            videos_per_day=1000,
            videos_left=1000 - made,
            seconds_per_day=3600,
            seconds_left=3600 - 4 * made,
            reset_s=60.0,
        )

    def create_character(
        self, principal: Principal, *, name: str, clip: Path, end_user: str | None
    ) -> Character:
        data = clip.read_bytes()
        self.uploads.append(data)
        made = Character(
            id=new_id("character"),
            name=name,
            state=CharacterState.READY,
            created_at=time.time(),
            end_user=end_user,
            sha256=hashlib.sha256(data).hexdigest(),
            media_type="video/mp4",
            bytes=len(data),
            vaulted=False,
        )
        self.characters[made.id] = made
        return made

    def character(self, principal: Principal, character_id: str) -> Character:
        if character_id not in self.characters:
            raise NotFound(f"There is no character {character_id}.", param="character_id")
        return self.characters[character_id]

    def put(self, video: Video, **changes: Any) -> Video:
        changed = replace(video, **changes)
        self.videos[video.id] = changed
        return changed

    def change(self, video_id: str, **changes: Any) -> Video:
        """The video with these changes, as one more revision."""
        before = self.videos[video_id]
        return self.put(before, revision=before.revision + 1, updated_at=time.time(), **changes)

    def deliver(self, video_id: str, data: bytes) -> Video:
        digest = hashlib.sha256(data).hexdigest()
        self.files[video_id] = data
        self.judgements[video_id] = (*self.judgements.get(video_id, ()), judged(allowed(Stage.OUTPUT)))
        return self.change(
            video_id,
            state=VideoState.DELIVERED,
            stage=Stage.DELIVERY,
            progress=100,
            sealed_sha256=digest,
            ended_at=time.time(),
            expires_at=time.time() + 3600,
        )

    def get(self, principal: Principal, video_id: str) -> Video:
        self.gets += 1
        video = self.videos.get(video_id)
        if video is None or video.tenant != principal.tenant:
            raise NotFound(f"There is no video {video_id}.", param="video_id")
        return video

    def list(self, principal: Principal, *, after: str | None, limit: int, order: str) -> Page[Video]:
        mine = sorted(
            (video for video in self.videos.values() if video.tenant == principal.tenant),
            key=lambda video: video.id,
            reverse=order == "desc",
        )
        ids = [video.id for video in mine]
        start = ids.index(after) + 1 if after else 0
        return Page(tuple(mine[start : start + limit]), len(mine) > start + limit)

    def find(
        self, principal: Principal, wanted: VideoFilter, *, after: str | None, limit: int
    ) -> Page[Video]:
        found = [
            video
            for video in self.list(principal, after=after, limit=len(self.videos), order="desc").items
            if (VideoState.BLOCKED if video.vaulted else video.state) in wanted.states
            and wanted.words.casefold() in ("" if video.vaulted else video.prompt.casefold())
            and wanted.batch in ("", video.metadata.get("batch"))
        ]
        return Page(tuple(found[:limit]), len(found) > limit)

    def batches(self, principal: Principal) -> tuple[str, ...]:
        mine = self.list(principal, after=None, limit=len(self.videos), order="desc").items
        return tuple(dict.fromkeys(one.metadata["batch"] for one in mine if "batch" in one.metadata))

    def delete(self, principal: Principal, video_id: str) -> None:
        self.get(principal, video_id)
        del self.videos[video_id]

    def scan_again(self, principal: Principal, video_id: str) -> Video:
        self.get(principal, video_id)
        raise Conflict(f"{video_id} has no kept clip.", param="video_id")

    def content(self, principal: Principal, video_id: str, variant: str) -> Content:
        video = self.get(principal, video_id)
        if video.state is not VideoState.DELIVERED or variant != "video":
            raise NotFound(f"{video_id} has no {variant}.", param="variant")
        data = self.files[video_id]

        def chunks(start: int, end: int) -> Iterator[bytes]:
            for at in range(start, end, 65536):
                yield data[at : min(at + 65536, end)]

        return Content(
            sha256=hashlib.sha256(data).hexdigest(), media_type="video/mp4", size=len(data), chunks=chunks
        )

    def record(self, principal: Principal, video_id: str, *, in_case: bool = False) -> VideoRecord:
        return VideoRecord(
            video=self.get(principal, video_id),
            stages=self.judgements.get(video_id, ()),
            attempts=self.attempts.get(video_id, ()),
            seal=None,
            audit_log=(),
        )

    def require_ground(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Every decision of these tests may be made."""

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> None:
        self.change(case.video_id, state=VideoState.SEALING)

    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> None:
        self.change(case.video_id, state=VideoState.BLOCKED)

    def keep(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Nothing about the video changes."""

    def uphold(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Nothing about the video changes."""

    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> None:
        self.change(case.video_id, state=VideoState.WITHDRAWN)

    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> None:
        fresh = self.put(a_video(tenant=case.tenant, reinstated_from=case.video_id))
        self.change(case.video_id, reinstated_as=fresh.id)

    def appealable(self, tx: Transaction, video_id: str) -> BlockedVideo:
        video = self.videos.get(video_id)
        if video is None or video.state is not VideoState.REJECTED:
            raise Conflict(f"{video_id} was not blocked.", param="video_id")
        if not tx.count(statements, statements.c.video_id == video_id):
            new = NewStatement(
                kind=StatementKind.BLOCKED,
                source=StatementSource.POLICY,
                ground=ground_of_verdict(card_verdict(video.prompt), SHIPPED),
                automated_detection=True,
                automated_decision=True,
                account=video.principal_id,
                video_id=video_id,
                stage=video.stage,
            )
            record_statement(tx, new)
        return BlockedVideo(
            id=video_id,
            stage=video.stage,
            category="violence",
            rule="card-1",
            reason="A card.",
            quarantined=False,
        )

    def reportable(self, tx: Transaction, video_id: str) -> ReportedVideo:
        if video_id not in self.videos:
            raise NotFound(f"There is no video {video_id}.", param="video_id")
        return ReportedVideo(id=video_id, quarantined=False)

    def coverage(self) -> dict[str, Any]:
        return {
            "policy": {"name": "starter", "version": 1, "sha256": "0" * 64},
            "cells": [
                {
                    "category": category,
                    "modality": "frames",
                    "stage": "output",
                    "status": word,
                    "detectors": ["nudenet"] if word in ("checked", "partly") else [],
                    "note": "",
                    "measured": None,
                    "actions": ["block", "hold"],
                    "waived_by": [A_WAIVER.name] if word == "not checked" else [],
                }
                for category, word in (
                    ("sexual", "checked"),
                    ("hate", "checked"),
                    ("likeness", "partly"),
                    ("violence/graphic", "not checked"),
                    ("sexual/minors", "not checked"),
                    ("privacy", "off"),
                )
            ],
            "waivers": [
                {
                    "name": A_WAIVER.name,
                    "decided_by": A_WAIVER.decided_by,
                    "reason": A_WAIVER.reason,
                    "categories": A_WAIVER.categories,
                    "created_at": A_WAIVER.created_at,
                    "expires_at": A_WAIVER.expires_at,
                }
            ],
        }

    def readiness(self) -> dict[str, Any]:
        return {"ready": self.ready}

    def poll_after_ms(self, video: Video) -> int:
        return 60_000 if video.state is VideoState.HELD else 1000


class Looker:
    """Finds one word."""

    def look(
        self, principal: Principal, pieces: Sequence[ModerationInput], *, end_user: str | None
    ) -> tuple[ModerationResult, ...]:
        return tuple(
            to_omni_categories([(piece.kind, card_verdict(CARD).findings if CARD in piece.value else (), ())])
            for piece in pieces
        )


def a_video(**changes: Any) -> Video:
    """A video just accepted."""
    now = time.time()
    return replace(
        Video(
            id=new_id("video"),
            tenant="tenant",
            state=VideoState.QUEUED,
            stage=Stage.REFERENCE,
            created_at=now,
            updated_at=now,
            ended_at=None,
            expires_at=None,
            model="shelf-1",
            generator="shelf",
            prompt="A lighthouse at dusk",
            seconds=4,
            width=1280,
            height=720,
            progress=0,
            error_code=None,
            error_message=None,
            explanation=None,
            principal_id="key",
            end_user=None,
            metadata={},
            remixed_from=None,
            reinstated_from=None,
            reinstated_as=None,
            review_due_at=None,
            badge_text=None,
            vaulted=False,
            waived=False,
            reviewed=False,
            gaps_approved=False,
            sealed_sha256=None,
            deleted=False,
            revision=0,
        ),
        **changes,
    )


def allowed(stage: Stage) -> Verdict:
    return Verdict(
        action=Action.ALLOW, stage=stage, subject_sha256="0" * 64, policy="starter", policy_sha256="1" * 64
    )


def card_verdict(prompt: str) -> Verdict:
    start = prompt.index(CARD)
    finding = Finding(
        category="violence",
        score=1.0,
        modality=Modality.TEXT,
        detector="test-card",
        version="1",
        reason="The safety test card for violence",
        evidence=(TextSpan(field="prompt", start=start, end=start + len(CARD)),),
        test_card=True,
    )
    return Verdict(
        action=Action.BLOCK,
        stage=Stage.PROMPT,
        subject_sha256="0" * 64,
        policy="starter",
        policy_sha256="1" * 64,
        category="violence",
        rule="vi-1",
        reason=finding.reason,
        findings=(finding,),
        matched_rules=("vi-1",),
        test_card_only=True,
    )


def judged(verdict: Verdict) -> StageRecord:
    cells = (
        Cell(
            category="sexual", modality=Modality.TEXT, required=True, available=True, ran=True, complete=True
        ),
        Cell(category="violence/graphic", modality=Modality.FRAMES, required=True),
    )
    return StageRecord(
        stage=verdict.stage,
        verdict=verdict,
        findings=verdict.findings,
        coverage=Coverage(cells=cells),
        at=time.time(),
        details={"latency_ms": 6.4},
    )


@dataclass(frozen=True, kw_only=True)
class Live:
    """A server that listens, and what a test needs to talk to it."""

    url: str
    desk: Desk
    accounts: Accounts
    tenant: str
    key: str
    scratch: Path
    database: Database
    app: FastAPI

    @property
    def auth(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def login_url(self) -> str:
        person = Principal(
            tenant=self.tenant, id=new_id("user"), kind=PrincipalKind.PERSON, name="Ada", scopes=PERSON
        )
        return f"{self.url}/login?token={self.accounts.create_login_link(person)}"


def _standing(database: Database, tenant: str) -> StandingServices:
    standings = Standings(database, Thresholds())
    return StandingServices(
        standings=standings,
        bans=Bans(database, standings),
        terms=AccountTerms(database),
        access=AccountAccess(database, AccessLimits(accepts_requests=True)),
        quotas=QuotaReader(database, Quota(seconds_per_day=600, videos_per_day=50)),
        tenant=lambda: tenant,
    )


@contextmanager
def live(
    folder: Path, database_file: Path, *, pages: ConsoleServices | None = None, **options: Any
) -> Iterator[Live]:
    """The app on a free port of the loopback address, in a thread."""
    desk = Desk()
    with closing(Database(f"sqlite:///{database_file}")) as database:
        accounts = Accounts(database)
        tenant = accounts.create_tenant("test").id
        _, key = accounts.create_key(tenant, "test")
        generators: dict[str, Generator] = {"shelf": Shelf()}
        policies = Policies(database, taxonomy=SHIPPED)
        services = Services(
            videos=cast(VideoService, desk),
            readiness=desk.readiness,
            accounts=accounts,
            moderation=cast(ModerationsApi, Looker()),
            reviews=Reviews(database, cast(ReviewActions, desk)),
            bulk=BulkDecisions(database, Reviews(database, cast(ReviewActions, desk))),
            review_queue=ReviewQueue(database, taxonomy=SHIPPED),
            case_events=CaseEvents(database),
            quality=Quality(database),
            quality_results=QualityResults(database),
            check_figures=CheckFigures(
                database=database,
                taxonomy=SHIPPED,
                policies=policies,
                in_force=lambda tenant: policies.active(tenant) or load("starter", SHIPPED),
                waivers=lambda _: (),
            ),
            reports=Reports(
                database, taxonomy=SHIPPED, tools=ReportTools(subject=desk.reportable, digest=str)
            ),
            statements=Statements(database),
            tenant_log=TenantLog(database),
            standing=_standing(database, tenant),
            saved_replies=SavedReplies(database),
            incidents=Incidents(database, SHIPPED),
            halts=Halts(database=database, taxonomy=SHIPPED, models=lambda: {"shelf-1"}),
            vault=Vault(database),
            appeals=Appeals(
                database,
                subject=desk.appealable,
                keys=KeyRing.load(folder / "keys", "people", remedy="Make them again."),
            ),
            webhooks=Webhooks(database, WebhookClient(allow_hosts={"127.0.0.1:9"})),
            attempts=AttemptLog(database),
            drift=DriftHistory(AttemptLog(database)),
            templates=Templates(database),
            library=Library(
                database, check=lambda principal, prompt: "allow", offered_models=lambda: {"shelf-1"}
            ),
            waivers=options.pop("waivers", lambda: (A_WAIVER,)),
            taxonomy=SHIPPED,
            generators=generators,
            scratch=folder / "scratch",
            version="0.0.0",
            watch_interval_s=0.05,
            **options,
        )
        app = build_app(services, pages or ConsoleServices())
        with listening(app) as url:
            yield Live(
                app=app,
                url=url,
                desk=desk,
                accounts=accounts,
                tenant=tenant,
                key=key,
                scratch=services.scratch,
                database=database,
            )


A_WAIVER = Waiver(
    id="waiver_1", name="demo", decided_by="Ada", reason="a demonstration", categories=("*",), created_at=0.0
)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """`app` served by uvicorn on a free port; its base address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        # asyncio sets this only on sockets that name their protocol; without it each answer waits for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
