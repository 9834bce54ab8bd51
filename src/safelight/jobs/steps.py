"""What is done in each state. A step is safe to run twice: it reads the row, works, and moves it once."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from safelight import canonical_json
from safelight.errors import (
    BadInput,
    InvalidMedia,
    SafelightError,
    SandboxFailed,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
)
from safelight.fileio import sha256_file
from safelight.generation.protocol import (
    Charge,
    ChargeStatus,
    GenerationRequest,
    LocalGenerator,
    ProviderRefusal,
    ReferenceFile,
    RemoteGenerator,
)
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.store.retention import Retention

from . import attempts, outcomes
from .attempts import ChargedFailure
from .context import PipelineContext
from .lineage import source_clip_of
from .models import Video
from .references import screen_stored_references
from .states import VideoState

MP4 = "video/mp4"
#: The visible badge that `label` burns into the picture.
BADGE = "AI-generated"


def run_queued(workshop: PipelineContext, video: Video) -> None:
    """Judge the references that were not finished while the client waited; then hand on to generation."""
    request = workshop.store.request(video.tenant, video.id)
    if not request["pending"]:
        with workshop.database.transaction(tenant=video.tenant) as tx:
            workshop.store.transition(
                tx, video, VideoState.GENERATING, actor="jobs", stage=Stage.GENERATION.value
            )
        return
    with workshop.work_dir(video.id) as bench:
        judged = screen_stored_references(workshop, video, request["references"], bench)
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.record_stage(tx, video.id, judged)
        if judged.verdict.action is Action.BLOCK:
            outcomes.reject(workshop, tx, video, judged)
        elif judged.verdict.action is Action.HOLD:
            outcomes.hold_for_review(workshop, tx, video, judged)
        else:
            workshop.store.transition(
                tx,
                video,
                VideoState.GENERATING,
                actor="policy",
                stage=Stage.GENERATION.value,
                waived=video.waived or bool(judged.verdict.waivers),
                request=canonical_json.encode({**request, "pending": False}),
            )


def run_generation(workshop: PipelineContext, video: Video) -> None:
    """Get the clip made, into our own storage."""
    generator = workshop.generators[video.generator]
    with workshop.work_dir(video.id) as bench:
        clip = bench / "clip.mp4"
        try:
            order = _order(workshop, video, bench)
            if isinstance(generator, LocalGenerator):
                attempt = attempts.start_local_attempt(workshop, video)
                with workshop.heavy_slots:
                    report = workshop.progress_callback(video.tenant, video.id, 5, 60)
                    charge = generator.render(replace(order, key=attempt.idempotency_key), clip, report)
            elif isinstance(generator, RemoteGenerator):
                attempt = attempts.submit_or_resume(workshop, video, generator, order)
                charge = attempts.poll_until_done(workshop, video, generator, attempt)
                attempts.download_result(workshop, video, generator, attempt, charge, clip)
            else:
                raise UpstreamRejected(f"{video.generator} neither renders nor takes orders.")
        except ChargedFailure as ended:
            _generation_ended(workshop, video, ended.error, ended.charge)
            return
        except UpstreamError as error:
            _generation_ended(workshop, video, error, None)
            return
        workshop.fault_hook("made")
        sha256 = workshop.store_file(
            video, _plain(workshop, clip), kind="generated", media_type=MP4, retention=Retention.EVIDENCE
        )
    workshop.fault_hook("stored")
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.finish_attempt(tx, video.id, attempt, "done", charge=charge)
        workshop.store.transition(
            tx,
            video,
            VideoState.SCANNING,
            actor="jobs",
            why={"sha256": sha256},
            stage=Stage.OUTPUT.value,
            progress=60,
            generated_sha256=sha256,
        )


def _plain(workshop: PipelineContext, clip: Path) -> Path:
    """What came, as the plain MP4 that may leave; itself where that cannot be made: the scan says why."""
    try:
        with workshop.heavy_slots:
            return workshop.delivery.normalize(clip, clip.with_name("plain.mp4"))
    except (BadInput, SandboxFailed):
        return clip


def run_scan(workshop: PipelineContext, video: Video) -> None:
    """Remove the upstream's copy, look at every frame and the sound, and do what the verdict says."""
    _forget_upstream(workshop, video)
    sha256 = workshop.store.row(video.tenant, video.id).generated_sha256
    with workshop.work_dir(video.id) as bench, workshop.heavy_slots:
        clip = bench / "clip.mp4"
        workshop.blobs.copy_to(video.tenant, sha256, clip)
        try:
            judged, _report = workshop.stages.output.scan(
                clip,
                tenant=video.tenant,
                subject_sha256=sha256,
                texts=workshop.store.request(video.tenant, video.id)["texts"],
                prior=workshop.store.findings_of(video.tenant, video.id, Stage.PROMPT),
                settled=workshop.store.approved_findings(video.tenant, video.id),
                overturned=workshop.store.overturned_findings(video.tenant, video.id),
                progress=workshop.progress_callback(video.tenant, video.id, 60, 90),
            )
        except InvalidMedia as error:
            fail(
                workshop,
                video,
                UpstreamInvalidResponse(f"What {video.generator} made is no usable video: {error}"),
            )
            return
    workshop.fault_hook("scanned")
    verdict = judged.verdict
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.record_stage(tx, video.id, judged)
        if verdict.action is Action.BLOCK:
            outcomes.block(workshop, tx, video, judged)
        elif verdict.action is Action.HOLD:
            outcomes.hold_for_review(workshop, tx, video, judged)
        else:
            workshop.store.transition(
                tx,
                video,
                VideoState.SEALING,
                actor="policy",
                stage=Stage.DELIVERY.value,
                progress=90,
                verdict_action=verdict.action.value,
                badge_text=BADGE if verdict.action is Action.LABEL else None,
                waived=video.waived or bool(verdict.waivers),
            )


def sealing(workshop: PipelineContext, video: Video) -> None:
    """Badge, manifest, registry: after this, and only after this, the file may leave."""
    judged_sha256 = workshop.store.row(video.tenant, video.id).generated_sha256
    with workshop.work_dir(video.id) as bench, workshop.heavy_slots:
        source, sealed = bench / "judged.mp4", bench / "sealed.mp4"
        workshop.blobs.copy_to(video.tenant, judged_sha256, source)
        if video.label_text is not None:
            source = workshop.delivery.badge(source, bench / "badged.mp4", video.label_text)
        seal = workshop.sealer.seal(source, sealed, _seal_facts(workshop, video))
        workshop.fault_hook("sealed")
        keep = partial(workshop.store_file, video, retention=Retention.DELIVERED)
        sealed_sha256 = keep(sealed, kind="sealed", media_type=MP4)
        for still in workshop.delivery.pictures(sealed, bench):
            keep(still.path, kind=still.kind, media_type=still.media_type)
    workshop.fault_hook("stored")
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.registry.record(tx, replace(seal, source_sha256=judged_sha256))
        workshop.store.drop_files(tx, video.id, kind="generated")
        workshop.store.drop_files(tx, video.id, kind="source")
        workshop.store.transition(
            tx,
            video,
            VideoState.DELIVERED,
            actor="jobs",
            why={"sha256": sealed_sha256, "judged": judged_sha256},
            progress=100,
            sealed_sha256=sealed_sha256,
            expires_at=time.time() + workshop.terms.keep_s,
        )


STEPS: Mapping[VideoState, Callable[[PipelineContext, Video], None]] = {
    VideoState.QUEUED: run_queued,
    VideoState.GENERATING: run_generation,
    VideoState.SCANNING: run_scan,
    VideoState.SEALING: sealing,
}


def fail(workshop: PipelineContext, video: Video, error: SafelightError) -> None:
    """End a video by trouble that says nothing about its content; its quota is returned."""
    with workshop.database.transaction(tenant=video.tenant) as tx:
        outcomes.fail(workshop, tx, video, error)


def _generation_ended(
    workshop: PipelineContext, video: Video, error: SafelightError, charge: Charge | None
) -> None:
    """A refusal, a failure or doubt: the attempt and the video end together."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    if (
        charge is None
        and isinstance(error, UpstreamModerationBlocked)
        and isinstance(error.refusal, ProviderRefusal)
    ):
        charge = Charge(charged=error.refusal.charged, source="documented")
    charge = charge or Charge(charged=ChargeStatus.UNKNOWN)
    with workshop.database.transaction(tenant=video.tenant) as tx:
        if last is not None and last.ended_at is None:
            workshop.store.finish_attempt(tx, video.id, last, error.code, charge=charge)
        if isinstance(error, UpstreamModerationBlocked) and isinstance(error.refusal, ProviderRefusal):
            outcomes.block_by_provider(workshop, tx, video, error.refusal, charge)
        else:
            outcomes.fail(workshop, tx, video, error)


def _order(workshop: PipelineContext, video: Video, bench: Path) -> GenerationRequest:
    """The order as accepted, its references written next to where the clip will be made."""
    request = workshop.store.request(video.tenant, video.id)
    references = []
    for number, reference in enumerate(request["references"]):
        path = bench / f"reference-{number}"
        workshop.blobs.copy_to(video.tenant, reference["sha256"], path)
        handing, sha256 = workshop.stages.handing, reference["sha256"]
        if handing is not None:
            path = handing.bare(path, reference["media_type"], bench / f"handed-{number}")
            sha256 = sha256_file(path)
        references.append(
            ReferenceFile(
                path=path, media_type=reference["media_type"], field=reference["field"], sha256=sha256
            )
        )
    basis = source_clip_of(video, request, references)
    return GenerationRequest(
        key="",
        model=video.model,
        prompt=video.prompt,
        seconds=video.seconds,
        width=video.width,
        height=video.height,
        references=tuple(file for file in references if basis is None or file is not basis.clip),
        extra=request["extra"],
        basis=basis,
    )


def _forget_upstream(workshop: PipelineContext, video: Video) -> None:
    """Ask the upstream to delete its copy, now that ours is safe; the record says what it answered."""
    generator = workshop.generators[video.generator]
    last = workshop.store.last_attempt(video.tenant, video.id)
    if not isinstance(generator, RemoteGenerator) or last is None or last.upstream_id is None:
        return
    if last.upstream_copy is None:
        workshop.store.record_upstream_deletion(
            video.tenant, video.id, last, attempts.delete_upstream_copy(generator, last.upstream_id)
        )


def _seal_facts(workshop: PipelineContext, video: Video) -> SealFacts:
    output = [
        judgement
        for judgement in workshop.store.judgements(video.tenant, video.id)
        if judgement.stage is Stage.OUTPUT
    ][-1]
    offer = workshop.generators[video.generator].info()
    return SealFacts(
        video_id=video.id,
        generator=video.generator,
        model=video.model,
        source_type=SourceType.TRAINED if offer.trained else SourceType.ALGORITHMIC,
        generated_at=dt.datetime.fromtimestamp(output.at, dt.UTC),
        verdict=output.verdict,
        coverage=output.coverage,
        badge=video.label_text is not None,
        reviewed=workshop.store.was_reviewed(video.tenant, video.id),
    )
