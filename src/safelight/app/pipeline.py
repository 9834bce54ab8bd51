"""Builds the video pipeline: policy evaluator, moderation stages, pipeline context, queue."""

from __future__ import annotations

import socket
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.policy.explanations import ChargeFacts, ExplanationLevel, ExplanationLinks, explain
from safelight.policy.verdicts import Verdict
from safelight.providers.protocol import Charge

from .core import CoreParts
from .likeness import LikenessParts
from .persistence import PersistenceParts
from .provenance import ProvenanceParts

if TYPE_CHECKING:
    from safelight.accounts.gates import Gates
    from safelight.accounts.policies import PolicyLoader
    from safelight.accounts.standing import Standings
    from safelight.cases.hash_recheck import HashRecheck
    from safelight.screening.delivery import DeliveryStage
    from safelight.screening.pipeline import Stages
    from safelight.screening.scene_detection import SceneDetection
    from safelight.screening.speech import SpeechAnalyzer
    from safelight.screening.timed_reference import TimedReferenceStage
    from safelight.videos.context import PipelineContext
    from safelight.videos.lease_fence import LeaseFence
    from safelight.videos.queue import DurableQueue
    from safelight.videos.queue_places import QueuePlaces
    from safelight.videos.quota import Quota


def _optional_micros(amount: Decimal | None) -> int | None:
    from safelight_client.money import micro

    return None if amount is None else micro(float(amount))


class PipelineParts:
    """The parts that process a video from its generation request to its delivery."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        likeness: LikenessParts,
        provenance: ProvenanceParts,
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._likeness = likeness
        self._provenance = provenance

    @cached_property
    def standings(self) -> Standings:
        from safelight.accounts.standing import Standings, Thresholds

        wanted = self._core.settings.standing
        return Standings(
            self._persistence.database,
            Thresholds(
                warning=wanted.warning_points,
                cool_down=wanted.cool_down_points,
                suspension=wanted.suspension_points,
                ban=wanted.ban_points,
                expiry_s=wanted.expiry_days * 86_400,
                cool_down_s=wanted.cool_down_hours * 3600,
                suspension_s=wanted.suspension_days * 86_400,
            ),
        )

    @cached_property
    def quota(self) -> Quota:
        from safelight.videos.quota import DailyLimits, Quota

        limits = self._core.settings.limits
        return Quota(
            seconds_per_day=limits.seconds_per_day,
            videos_per_day=limits.videos_per_day,
            cost_per_day_micros=_optional_micros(limits.cost_per_day),
            end_user=DailyLimits(
                videos=limits.end_user_videos_per_day,
                seconds=limits.end_user_seconds_per_day,
                cost_micros=_optional_micros(limits.end_user_cost_per_day),
            ),
            gates=self.gates,
        )

    @cached_property
    def gates(self) -> Gates | None:
        """The rollout steps; None if they are not enabled. Raises `SettingsError` for a wrong document."""
        settings = self._core.settings.gates
        if not settings.enabled:
            return None
        from safelight.accounts.gates import Gates
        from safelight.policy.gates import load_gates

        categories = [spec.name for spec in self._core.taxonomy]
        return Gates(document=load_gates(settings.document, categories))

    @cached_property
    def policy_loader(self) -> PolicyLoader:
        from safelight.accounts.policies import PolicyLoader

        settings = self._core.settings
        return PolicyLoader(
            database=self._persistence.database,
            taxonomy=self._core.taxonomy,
            policies=self._persistence.policies,
            waivers=self._persistence.waivers,
            document=settings.policy.document,
            facts=settings.policy.context,
            loopback=settings.server.loopback,
        )

    @cached_property
    def scene_detection(self) -> SceneDetection:
        """Detectors that run on keyframes: local models, remote models and, if enabled, face matching."""
        from safelight.screening.scene_detection import SceneDetection

        return SceneDetection(
            detectors=self._core.detectors.scene_detectors(),
            scratch=lambda: self._persistence.scratch,
            likeness=self._likeness.face_matcher,
        )

    @cached_property
    def speech_analyzer(self) -> SpeechAnalyzer:
        """Transcription, only if the settings configure it."""
        from safelight.screening.speech import SpeechAnalyzer

        return SpeechAnalyzer(
            transcriber=self._core.detectors.transcriber,
            scratch=lambda: self._persistence.data_directory.scratch,
        )

    @cached_property
    def stages(self) -> Stages:
        from safelight.screening.known_content import KnownContent
        from safelight.screening.output import OutputStage
        from safelight.screening.pipeline import Stages
        from safelight.screening.prompt import PromptStage
        from safelight.screening.reference import MetadataStripper, ReferenceStage

        scanner, pipeline = self._core.scanner, self._core.text_pipeline
        known_content = KnownContent(lists=self._core.hash_lists, scanner=self._core.hash_list_scanner)
        return Stages(
            prompt=PromptStage(pipeline=pipeline),
            reference=ReferenceStage(
                scanner=scanner,
                pipeline=pipeline,
                scene_detection=self.scene_detection,
                known_content=known_content,
                provenance_claims=self._provenance_claims,
            ),
            output=OutputStage(
                scanner=scanner,
                pipeline=pipeline,
                scene_detection=self.scene_detection,
                speech_analyzer=self.speech_analyzer,
                known_content=known_content,
            ),
            metadata_stripper=MetadataStripper(sandbox=self._core.sandbox),
        )

    def _provenance_claims(self, path: Path) -> dict[str, Any]:
        """The origin claims of a file's own manifest, for the record of the video."""
        return self._persistence.verifier.claims(path)

    @cached_property
    def delivery(self) -> DeliveryStage:
        """Raises `ConfigurationError` if the visible label cannot be drawn."""
        from safelight.core.i18n import load_messages
        from safelight.media.badge import BadgeStyle
        from safelight.screening.delivery import DeliveryStage

        sealing = self._core.settings.sealing
        label = BadgeStyle(
            text=load_messages("provenance", sealing.label_language)("visible_label"),
            shows_text=sealing.label_text,
            font=str(sealing.label_font.absolute()) if sealing.label_font else None,
            icon=str(sealing.label_icon.absolute()) if sealing.label_icon else None,
        )
        made = DeliveryStage(sandbox=self._core.sandbox, scanner=self._core.scanner, label=label)
        if not label.text.isascii() or label.font or label.icon:
            made.check_label()
        return made

    @cached_property
    def timed_references(self) -> TimedReferenceStage:
        """Screens the references of requests and of checks."""
        from concurrent.futures import ThreadPoolExecutor

        from safelight.screening.timed_reference import TimedReferenceStage

        return TimedReferenceStage(
            stage=self.stages.reference,
            threads=ThreadPoolExecutor(max_workers=16, thread_name_prefix="references"),
            timeout_s=self._core.settings.scan.reference_timeout_s,
            stopping=self._core.shutdown_event,
        )

    @cached_property
    def lease_fence(self) -> LeaseFence:
        from safelight.videos.lease_fence import LeaseFence

        return LeaseFence(self._core.shutdown_event)

    @cached_property
    def context(self) -> PipelineContext:
        from safelight.core.background.clock_watch import ClockWatch
        from safelight.videos.attempt_store import AttemptStore
        from safelight.videos.context import PipelineContext, PipelineLimits
        from safelight.videos.local_slots import LocalSlots
        from safelight.videos.refusal_budget import RefusalBudget, refusal_limits
        from safelight.videos.repository import VideoRepository
        from safelight.videos.upstream_gate import upstream_gates

        settings = self._core.settings
        return PipelineContext(
            database=self._persistence.database,
            videos=VideoRepository(self._persistence.database),
            attempts=AttemptStore(self._persistence.database),
            policies=self.policy_loader,
            blobs=self._persistence.blobs,
            stages=self.stages,
            sealer=self._persistence.sealer,
            registry=self._persistence.seal_registry,
            recovery=self._provenance.recovery,
            delivery=self.delivery,
            quota=self.quota,
            standings=self.standings,
            explain=self.explain_verdict,
            generators=self._core.generators,
            limits=PipelineLimits(
                deadline_s=settings.generation.deadline_s,
                review_due_s=settings.review.due_minutes * 60,
                keep_s=settings.limits.retention_days * 86400,
                max_download_bytes=settings.generation.max_download_mb << 20,
                max_reference_bytes=settings.scan.max_reference_mb << 20,
                first_outputs=settings.review.first_outputs,
                first_outputs_of_end_user=settings.review.first_outputs_of_end_user,
            ),
            gates=self.gates,
            scratch=self._persistence.data_directory.scratch,
            local_slots=LocalSlots(
                settings.generation.max_concurrent_heavy, stopping=self._core.shutdown_event
            ),
            clock_watch=ClockWatch(
                clock=self._persistence.database.clock, hold_s=settings.generation.deadline_s
            ),
            wait_for_lease=self.lease_fence.wait,
            upstreams=upstream_gates(self._core.generators),
            refusals=RefusalBudget(self._persistence.database, refusal_limits(self._core.generators)),
            roles=settings.server.roles,
            shutdown_event=self._core.shutdown_event,
        )

    @cached_property
    def hash_recheck(self) -> HashRecheck:
        from safelight.cases.hash_recheck import HashRecheck

        return HashRecheck(context=self.context)

    def explain_verdict(
        self, verdict: Verdict, charge: Charge | None, video_id: str, *, appeal: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """The explanation of a verdict for a developer, as a sentence and as the JSON for the wire."""
        facts = None
        if charge is not None:
            facts = ChargeFacts(
                charged=charge.charged.value,
                amount=charge.amount,
                currency=charge.currency,
                source=charge.source,
            )
        page = f"/videos/{video_id}"
        links = ExplanationLinks(record=page, appeal=f"{page}/appeal" if appeal else "")
        told = explain(
            verdict,
            self._core.taxonomy,
            level=ExplanationLevel.DEVELOPER,
            charge=facts,
            links=links,
        )
        return told.sentence, told.as_wire()

    @cached_property
    def queue(self) -> DurableQueue:
        from safelight.videos.queue import DurableQueue

        database = self._core.settings.storage.database
        beside = self._persistence.data_directory.path / "engine.sqlite3"
        return DurableQueue(
            database_url=database or f"sqlite:///{beside}",
            worker=self.worker_name,
            roles=self._core.settings.server.roles,
            at_once=self._core.settings.generation.max_concurrent,
            connections=self._persistence.queue_connections,
            place=self.queue_places.place,
            fence=self.lease_fence,
            stopping=self._core.shutdown_event,
        )

    def enqueue(self, tenant: str, video_id: str, run: int) -> None:
        """Enqueue the video if the queue runs in this process; else the sweeper of a gateway enqueues it."""
        if self.queue.running:
            self.queue.enqueue(tenant, video_id, run)

    @cached_property
    def queue_places(self) -> QueuePlaces:
        from safelight.videos.queue_places import QueuePlaces

        return QueuePlaces(self.context)

    @property
    def worker_name(self) -> str:
        """The name of this process, unique among the processes of one database."""
        return (
            self._core.settings.worker.name
            or f"{socket.gethostname()}:{self._persistence.data_directory.path}"
        )
