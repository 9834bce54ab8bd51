"""The way of a video: judge, stages, workshop, engine."""

from __future__ import annotations

import socket
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.generation.protocol import Charge
from safelight.policy.explanations import ChargeFacts, Links, Viewer, explain
from safelight.policy.verdicts import Verdict, WaiverTerms

from .likeness import Likeness

if TYPE_CHECKING:
    from safelight.jobs.context import Workshop
    from safelight.jobs.hash_recheck import Archive
    from safelight.jobs.queue import Engine
    from safelight.jobs.sweeper import Sweeper
    from safelight.moderation.evaluation import Judge
    from safelight.moderation.pipeline import Stages
    from safelight.moderation.scene_detection import Onlookers
    from safelight.moderation.speech import Hearing


class Way(Likeness):
    """What carries a video from an order to its delivery."""

    @cached_property
    def judge(self) -> Judge:
        from safelight.moderation.evaluation import Judge

        def terms(tenant: str) -> tuple[WaiverTerms, ...]:
            return tuple(waiver.terms for waiver in self.waivers_in_force(tenant))

        facts = self.settings.policy.facts
        return Judge(taxonomy=self.taxonomy, policy=self.policy, waivers=terms, facts=lambda _tenant: facts)

    @cached_property
    def onlookers(self) -> Onlookers:
        """Who looks at the stills of a scan: models, servers, and the likeness where that is enabled."""
        from safelight.moderation.scene_detection import Onlookers

        return Onlookers(
            detectors=self.catalogue.scene_detectors(),
            scratch=lambda: self.scratch,
            likeness=self.likeness,
        )

    @cached_property
    def hearing(self) -> Hearing:
        """Who transcribes speech and who compares voices, where the settings name them."""
        from safelight.moderation.speech import Hearing

        return Hearing(
            transcriber=self.catalogue.transcriber,
            scratch=lambda: self.directory.scratch,
            voices=self.voices,
        )

    @cached_property
    def stages(self) -> Stages:
        from safelight.moderation.known_content import Known
        from safelight.moderation.output import OutputStage
        from safelight.moderation.pipeline import Stages
        from safelight.moderation.prompt import PromptStage
        from safelight.moderation.reference import Handing, ReferenceStage

        judge, scanner, pipeline = self.judge, self.scanner, self.text_pipeline
        known = Known(lists=self.hash_lists)
        return Stages(
            prompt=PromptStage(judge=judge, pipeline=pipeline),
            reference=ReferenceStage(
                judge=judge,
                scanner=scanner,
                pipeline=pipeline,
                onlookers=self.onlookers,
                hearing=self.hearing,
                known=known,
                origin=self._origin,
            ),
            output=OutputStage(
                judge=judge,
                scanner=scanner,
                pipeline=pipeline,
                onlookers=self.onlookers,
                hearing=self.hearing,
                known=known,
            ),
            handing=Handing(sandbox=self.sandbox),
        )

    def _origin(self, path: Path) -> dict[str, Any]:
        """What a file's own manifest says, as facts for the record."""
        return self.verifier.origin(path)

    @cached_property
    def workshop(self) -> Workshop:
        from safelight.jobs.context import Terms, Workshop
        from safelight.jobs.quota import Quota
        from safelight.jobs.repository import VideoStore
        from safelight.moderation.delivery import Delivery

        settings = self.settings
        return Workshop(
            database=self.database,
            store=VideoStore(self.database),
            blobs=self.blobs,
            stages=self.stages,
            sealer=self.sealer,
            registry=self.registry,
            delivery=Delivery(sandbox=self.sandbox, scanner=self.scanner),
            quota=Quota(
                seconds_per_day=settings.limits.seconds_per_day,
                videos_per_day=settings.limits.videos_per_day,
            ),
            explain=self.explain,
            generators=self.generators,
            terms=Terms(
                deadline_s=settings.generation.deadline_s,
                review_due_s=settings.review.due_minutes * 60,
                keep_s=settings.limits.keep_days * 86400,
                reference_wait_s=settings.scan.reference_wait_s,
                max_download_bytes=settings.generation.max_download_mb << 20,
                max_reference_bytes=settings.scan.max_reference_mb << 20,
            ),
            scratch=self.directory.scratch,
            heavy=threading.BoundedSemaphore(settings.generation.heavy_at_once),
            stopping=self.stopping,
        )

    @cached_property
    def archive(self) -> Archive:
        from safelight.jobs.hash_recheck import Archive

        return Archive(workshop=self.workshop, scanner=self.hash_scanner)

    def explain(
        self, verdict: Verdict, charge: Charge | None, video_id: str, *, appeal: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """What an authenticated developer is told of a verdict: a sentence, and the details for the wire."""
        facts = None
        if charge is not None:
            facts = ChargeFacts(
                charged=charge.charged.value,
                amount=charge.amount,
                currency=charge.currency,
                source=charge.source,
            )
        page = f"/videos/{video_id}"
        links = Links(record=page, appeal=f"{page}/appeal" if appeal else "")
        told = explain(
            verdict,
            self.taxonomy,
            audience=Viewer.DEVELOPER,
            charge=facts,
            video_id=video_id,
            links=links,
        )
        return told.sentence, told.as_wire()

    @cached_property
    def engine(self) -> Engine:
        from safelight.jobs.queue import Engine
        from safelight.jobs.runner import Runner

        database = self.settings.storage.database
        beside = self.directory.path / "engine.sqlite3"
        return Engine(
            database_url=database or f"sqlite:///{beside}",
            worker=self.worker,
            at_once=self.settings.generation.at_once,
            advance=Runner(self.workshop).advance,
            lost=self.stopping.set,
        )

    @property
    def worker(self) -> str:
        """This process among several on one database."""
        return self.settings.worker.name or f"{socket.gethostname()}:{self.directory.path}"

    @cached_property
    def sweeper(self) -> Sweeper:
        from safelight.jobs.sweeper import Sweeper

        return Sweeper(self.workshop, self.engine)
