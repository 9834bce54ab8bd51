"""A whole installation without the engine: tests carry videos step by step themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

from safelight.accounts import Accounts, Principal
from safelight.accounts.statements import Statements, StatementSource
from safelight.app.asgi import build_app
from safelight.app.container import Container
from safelight.app.core import ENROLLED
from safelight.app.settings import Settings
from safelight.app.web import make_console_services, make_services, make_standing
from safelight.cases.appeals import Appeals
from safelight.cases.reports import NewReport, Receipt
from safelight.cases.reviews import Reviews
from safelight.cli.demo import operator
from safelight.core.fileio import write_once
from safelight.core.ids import new_id
from safelight.detectors.protocol import Detector, DetectorPlugin
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.plugins import ACTS
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.providers.protocol import Generator
from safelight.providers.videos_api import create as videos_api
from safelight.store.blobs import BlobStore
from safelight.store.database import Database, Transaction
from safelight.store.tables import cases, videos
from safelight.testing.generators import create as instant
from safelight.testing.media import FakeMedia
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.case_rows import Case, CaseKind, case_from_row
from safelight.videos.context import PipelineContext
from safelight.videos.models import Content, Video, VideoRecord, VideoSnapshot
from safelight.videos.requests.request import CreateRequest
from safelight.videos.runner import Runner
from safelight.videos.video_statements import WithdrawalCause
from safelight.videos.withdrawal import withdraw_within
from safelight.web.console.services import ConsoleServices
from safelight.web.services import Services
from safelight.web.standing import StandingServices

#: On a busy machine a check of a few words can take longer than the default, and would hold the video.
CALM_SCAN: Mapping[str, Any] = {"warm_workers": 0, "text_timeout_s": 20}


def withdraw(context: PipelineContext, video: Video, *, actor: str, why: str) -> tuple[str, ...]:
    """Withdraw a delivered video and its descendants, as an operator would."""
    cause = WithdrawalCause(source=StatementSource.OPERATOR)
    with context.database.transaction(tenant=video.tenant) as tx:
        return withdraw_within(context, tx, video.id, actor=actor, why=why, cause=cause)


class Crash(BaseException):
    """Simulates kill -9: no product code catches it."""


class House:
    """An installation, a person in it, and the means to crash it at a boundary."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.who: Principal = operator(container)
        self.crash_at: str | None = None
        self.handed_over: list[str] = []
        container.pipeline.context = replace(container.pipeline.context, fault_hook=self._boundary)
        videos = container.videos
        self.videos = replace(
            videos, enqueue=lambda _tenant, video_id, _run: self.handed_over.append(video_id)
        )

    def _boundary(self, name: str) -> None:
        if name == self.crash_at:
            self.crash_at = None
            raise Crash(name)

    @cached_property
    def services(self) -> Services:
        return make_services(self.container)

    @cached_property
    def console_services(self) -> ConsoleServices:
        return make_console_services(self.container)

    @cached_property
    def standing(self) -> StandingServices:
        return make_standing(self.container)

    @cached_property
    def app(self) -> FastAPI:
        return build_app(self.services, self.console_services)

    @property
    def database(self) -> Database:
        return self.container.persistence.database

    @property
    def blobs(self) -> BlobStore:
        return self.container.persistence.blobs

    @property
    def accounts(self) -> Accounts:
        return self.container.persistence.accounts

    @property
    def context(self) -> PipelineContext:
        return self.container.pipeline.context

    @property
    def generators(self) -> dict[str, Generator]:
        return cast(dict[str, Generator], self.container.core.generators)

    @property
    def reviews(self) -> Reviews:
        return self.container.decisions.reviews

    @property
    def appeals(self) -> Appeals:
        return self.container.correspondence.appeals

    @property
    def statements(self) -> Statements:
        return Statements(self.database)

    def transaction(self) -> AbstractContextManager[Transaction]:
        return self.database.transaction(self.who.tenant)

    def read_transaction(self) -> AbstractContextManager[Transaction]:
        return self.database.read_transaction(self.who.tenant)

    def change(self, video: Video, **columns: Any) -> None:
        """Change the row of a video, as if its life had been another."""
        with self.database.transaction(video.tenant) as tx:
            tx.update(videos, videos.c.id == video.id, **columns)

    def waive(self) -> None:
        self.container.persistence.waivers.add(
            NewWaiver(
                name="tests",
                decided_by="a test",
                reason="no model sees it",
                categories=(EVERYTHING,),
            ),
            taxonomy=self.container.core.taxonomy,
        )

    def snapshot(self, video: Video) -> VideoSnapshot:
        return self.container.pipeline.context.videos.snapshot(video.tenant, video.id)

    def policy(self) -> TenantPolicy:
        return self.container.pipeline.policy_loader.load(self.who.tenant)

    def ground(self) -> dict[str, str]:
        """What a decision against a person names: a rule of the policy in force, and facts."""
        rules = {rule.id for rule in self.policy().policy.rules}
        return {"clause": "held-1" if "held-1" in rules else "ha-2", "facts": "It shows what is not allowed."}

    def order(self, prompt: str = "a quiet lake", **fields: Any) -> Video:
        return self.videos.create(self.who, CreateRequest(prompt=prompt, **fields))

    def carry(self, video: Video) -> Video:
        runner = Runner(self.container.pipeline.context)
        while (following := runner.run_steps(video.tenant, video.id)) is not None:
            time.sleep(min(following.after_s, 0.05))
        return self.videos.get(self.who, video.id)

    def reread(self, video: Video) -> Video:
        """The video as it is now."""
        return self.videos.get(self.who, video.id)

    def record(self, video: Video) -> VideoRecord:
        return self.videos.record(self.who, video.id)

    def cases_of(self, video_id: str) -> list[Case]:
        """Every case of a video, oldest first, without quality reviews."""
        own = (cases.c.video_id == video_id, cases.c.kind != CaseKind.QUALITY.value)
        with self.transaction() as tx:
            return [
                case_from_row(row) for row in tx.select(cases, *own, order_by=(cases.c.opened_at, cases.c.id))
            ]

    def content(self, video: Video, variant: str = "video") -> Content:
        return self.videos.content(self.who, video.id, variant)

    def report(self, video: Video, **fields: Any) -> Receipt:
        return self.container.correspondence.reports.add(self.who, NewReport(video_id=video.id, **fields))

    def withdraw(self, video: Video, *, actor: str = "ada", why: str = "a court said so") -> tuple[str, ...]:
        return withdraw(self.context, video, actor=actor, why=why)

    def copy_row(self, video: Video, tenant: str) -> str:
        """Give another tenant a video with the row of this one. Returns its id."""
        database, copy = self.container.persistence.database, new_id("video")
        with database.read_transaction(self.who.tenant) as tx:
            row = tx.one(videos, videos.c.id == video.id)
        assert row is not None
        with database.transaction(tenant) as tx:
            tx.insert(videos, **{**row._mapping, "id": copy, "tenant_id": tenant})
        return copy

    def make(self, *prompt: str, **fields: Any) -> Video:
        """Request a video and carry it to its end."""
        return self.carry(self.order(*prompt, **fields))

    def stranger(self) -> Principal:
        """The same rights in another tenant."""
        return replace(self.who, tenant=self.accounts.create_tenant("other").id)

    def carry_through_crashes(self, video: Video) -> Video:
        """As the engine does: take up again after every crash."""
        while True:
            try:
                return self.carry(video)
            except Crash:
                continue


#: Detectors that would make tests slow.
SLOW_DETECTORS = (
    "ocr",
    "nudenet",
    "objects",
    "open-nsfw",
    "minilm",
    "threats",
    "faces",
    "hate-symbols",
    "whisper",
)


Furnish = Callable[..., House]


@cache
def _reader_of_acts() -> Detector:
    return ACTS.load({})


#: The same in all houses, because a load takes 11 ms.
_SHARED_ACTS = replace(ACTS, load=lambda _options: _reader_of_acts())


def enrolled(name: str, folder: Path) -> dict[str, Any]:
    """Options of a detector that matches enrolled content, as the container passes them."""
    return {"folder": str(folder / "data" / ENROLLED[name])} if name in ENROLLED else {}


def _share_watermark_key(folder: Path) -> None:
    """The same key in all houses, so that the search for marks in a file is remembered."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        write_once(folder / "epoch-1.key", b"5a" * 32, mode=0o600)


@contextmanager
def furnishing(
    database: Database, folder: Path, upstream: ScriptedUpstream, sandbox: Sandbox, *, real_media: bool
) -> Iterator[Furnish]:
    """Make houses: quick detectors, an instant generator, and a paid and an own upstream."""
    opened: list[Any] = []

    def make(
        *plugins: DetectorPlugin, without: Iterable[str] = (), real_media: bool = real_media, **settings: Any
    ) -> House:
        settings["scan"] = {**CALM_SCAN, **settings.get("scan", {})}
        container = Container(Settings(data=folder / "data", **settings))
        container.persistence.database = database
        if container.core.settings.sealing.seal == "watermark":
            _share_watermark_key(container.persistence.key_folder / "watermark")
        container.core.sandbox = sandbox if real_media else cast(Sandbox, FakeMedia(sandbox))
        quick = DetectorRegistry.discover(dict.fromkeys((*SLOW_DETECTORS, *without), False))
        container.core.detectors = DetectorRegistry(
            [
                (_SHARED_ACTS if plugin is ACTS else plugin, enrolled(plugin.name, folder))
                for plugin in (*quick.plugins, *plugins)
            ],
            missing=quick.missing,
        )
        remote = {"url": upstream.url, "models": ["paid-1"], "list_lag_s": 0.2}
        paid = videos_api({**remote, "name": "paid", "billing": "paid"})
        own = videos_api({**remote, "name": "own", "billing": "own", "models": ["own-1"]})
        opened.extend((paid, own))
        generators: dict[str, Generator] = {
            "storyboard": instant({"name": "storyboard", "models": ["instant-1"], "seconds": [4, 8, 12]}),
            "paid": paid,
            "own": own,
        }
        container.core.generators = generators
        return House(container)

    yield make
    for part in opened:
        part.close()
