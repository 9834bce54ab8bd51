"""The steps of the pipeline, one for each state. A step makes one transition.

A step reads a snapshot of the video first. It may run twice, because it starts again from the database row
after a crash.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from opentelemetry.trace import SpanKind

from safelight.accounts.halts import find_halt, halted
from safelight.accounts.terms import claim_first_review
from safelight.consents.uses import commit_to_consents
from safelight.core import canonical_json
from safelight.core.errors import (
    BadInput,
    InvalidMedia,
    SafelightError,
    SandboxFailed,
    Unavailable,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
    UpstreamUnavailable,
    Withdrawn,
)
from safelight.core.fileio import sha256_file
from safelight.core.tracing import Interruption, child_span
from safelight.detectors.text.hidden_characters import remove_hidden
from safelight.policy.decisions import stops_minors
from safelight.policy.findings import Stage
from safelight.policy.halts import Halt, flagged_categories
from safelight.policy.steering import Steering
from safelight.policy.verdicts import Action
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.provenance.seal import Seal
from safelight.provenance.sealing import SealingTime
from safelight.providers.protocol import (
    OWN_HARDWARE,
    Billing,
    Charge,
    ChargeStatus,
    GenerationRequest,
    LocalGenerator,
    PreviewSource,
    ProviderRefusal,
    ReferenceFile,
    RemoteGenerator,
    SteeringUnavailable,
    StreamingGenerator,
)
from safelight.screening.delivery import NormalizedClip
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.scanning.report import ScanReport
from safelight.store.database import Transaction
from safelight.store.retention import Retention

from . import attempts, generation_stage, outcomes, streamed_generation
from .attempt_store import finish_attempt, last_attempt
from .attempts import ChargedFailure, discard_download, seconds_left
from .context import NewFile, PipelineContext
from .files import drop_files, files_of
from .ingredients import UPSTREAM_MANIFEST, keep_upstream_manifest, load_ingredients
from .late_matches import find_late_match
from .lineage import source_clip_of
from .models import Attempt, RetryRefusal, RetryResult, StageRecord, Video, VideoSnapshot, VideoState
from .references import screen_stored_references
from .registry import add_fingerprint
from .requester import requester_of
from .retries import describe_retry
from .stage_records import record_stage
from .transcripts import Transcript, mark_transcript, store_transcript
from .transitions import transition

MP4 = "video/mp4"


def release_sealed(context: PipelineContext, snapshot: VideoSnapshot, seal: Seal) -> None:
    """Deliver the file as it was sealed: with its manifest, badge and watermark, and new preview images.

    Its fingerprint was deleted when the video was withdrawn, so it is computed again.
    """
    video = snapshot.video
    with context.work_dir(video.id) as work_dir, context.local_slot(video, "seal"):
        sealed = work_dir / "sealed.mp4"
        context.blobs.copy_to(video.tenant, seal.sha256, sealed)
        fingerprint = context.sealer.fingerprint(sealed)
        previews = context.delivery.draw_previews(sealed, work_dir)
        files = [
            NewFile(path=sealed, kind="sealed", media_type="video/mp4"),
            *(NewFile(path=one.path, kind=one.kind, media_type=one.media_type) for one in previews),
        ]
        context.store_files(video, files, retention=Retention.DELIVERED)
    with context.commit_step(snapshot) as tx:
        if fingerprint is not None:
            # Under the id of the seal; `recovery_data` deletes it with every id of the file.
            add_fingerprint(tx, seal.sha256, seal.video_id, fingerprint)
        drop_files(tx, video.id, kind="generated")
        transition(
            tx,
            video,
            VideoState.DELIVERED,
            actor="jobs",
            why={"sha256": seal.sha256, "judged": seal.source_sha256, "mark": seal.mark.state.value},
            progress=100,
            generated_sha256=seal.source_sha256,
            sealed_sha256=seal.sha256,
            mark=seal.mark.state.value,
            expires_at=tx.now() + context.limits.keep_s,
        )


_log = logging.getLogger(__name__)


def run_queued(context: PipelineContext, snapshot: VideoSnapshot) -> None:
    """Find the origin of the references and screen them; then start the generation."""
    video, request = snapshot.video, snapshot.request
    if not request["pending"]:
        with context.commit_step(snapshot) as tx:
            transition(tx, video, VideoState.GENERATING, actor="jobs", stage=Stage.GENERATION.value)
        return
    with context.work_dir(video.id) as work_dir:
        try:
            result, sources = screen_stored_references(context, snapshot, work_dir)
        except Withdrawn as error:
            fail(context, snapshot, error)
            return
    action = result.verdict.action
    with context.commit_step(snapshot) as tx:
        record_stage(tx, video.id, result)
        sources.record(tx, video.id)
        if action is Action.BLOCK:
            outcomes.reject(context, tx, video, result)
        elif action is Action.HOLD:
            outcomes.hold_for_review(context, tx, video, result)
        else:
            transition(
                tx,
                video,
                VideoState.GENERATING,
                actor="policy",
                stage=Stage.GENERATION.value,
                waived=video.waived or bool(result.verdict.waivers),
                request=canonical_json.encode({**request, "pending": False}),
            )


def run_generation(context: PipelineContext, snapshot: VideoSnapshot) -> None:
    """Generate the clip, or have it generated, and store it."""
    video, last = snapshot.video, snapshot.last_attempt
    generator = context.generators[video.generator]
    asked = None
    if last is None or last.ended_at is not None:
        with context.database.read_transaction(video.tenant) as tx:
            if halt := _find_halt(context, tx, snapshot, model=video.model):
                raise halted(halt)
        asked = generation_stage.plan(context.policies.load(video.tenant), snapshot)
        if asked is not None and asked.required and not generator.info().steers:
            _hold_unsteered(context, snapshot, asked, generation_stage.DOES_NOT_STEER)
            return
    with context.work_dir(video.id) as work_dir:
        clip = work_dir / "clip.mp4"
        try:
            if isinstance(generator, LocalGenerator):
                request = _generation_request(context, snapshot, work_dir, asked)
                attempt = attempts.start_local_attempt(context, snapshot, asked)
                with (
                    context.local_slot(video, "render"),
                    context.recorded_progress(video, 5, 60) as progress,
                ):
                    result = generator.render(
                        replace(request, key=attempt.idempotency_key), clip, progress.report_percent
                    )
                charge, not_drawn = result.charge, result.not_drawn
            elif isinstance(generator, StreamingGenerator):
                received = streamed_generation.receive(
                    context,
                    snapshot,
                    generator,
                    _output_context(context, snapshot),
                    build=lambda: _generation_request(context, snapshot, work_dir, asked),
                    asked=asked,
                    into=clip,
                )
                if received.stopped is not None:
                    _block_part(context, snapshot, received.attempt, received.stopped)
                    return
                attempt, charge, not_drawn = received.attempt, OWN_HARDWARE, ()
            elif isinstance(generator, RemoteGenerator):
                remote = attempts.RemoteAttempts(context=context, snapshot=snapshot, generator=generator)
                with remote.gate.visit(video.id):
                    attempt = remote.submit_or_resume(
                        lambda: _generation_request(context, snapshot, work_dir, asked)
                    )
                    charge, not_drawn = remote.collect(attempt, clip), ()
            else:
                raise UpstreamRejected(
                    f"{video.generator} is not a known generator: it is neither local nor remote."
                )
        except ChargedFailure as failed:
            _end_generation(context, snapshot, failed.error, failed.charge)
            return
        except UpstreamError as error:
            _end_generation(context, snapshot, error, None)
            return
        context.fault_hook("made")
        upstream_manifest = keep_upstream_manifest(context, clip)
        plain = _normalized(context, video, clip)
        sha256, *_ = context.store_files(
            video,
            [NewFile(path=plain.path, kind="generated", media_type=MP4), *upstream_manifest],
            retention=Retention.PAID_CLIP if attempt.billing is Billing.PAID else Retention.EVIDENCE,
        )
    context.fault_hook("stored")
    policy = context.policies.load(video.tenant)
    with context.commit_step(snapshot) as tx:
        finish_attempt(tx, video.id, attempt, "done", charge=charge, not_drawn=not_drawn)
        ended = last_attempt(tx, video.id)
        if ended and (ended.steering or (ended.generation and ended.generation.applied)):
            made = generation_stage.evaluate_generation(
                policy,
                snapshot,
                ended.steering,
                ended.generation,
                subject_sha256=sha256,
                problem="" if generator.info().steers else generation_stage.DOES_NOT_STEER,
            )
            record_stage(tx, video.id, made)
        transition(
            tx,
            video,
            VideoState.SCANNING,
            actor="jobs",
            why={"sha256": sha256}
            | ({"dropped_tracks": list(plain.dropped_tracks)} if plain.dropped_tracks else {}),
            stage=Stage.OUTPUT.value,
            progress=60,
            generated_sha256=sha256,
            generated_at=video.generated_at or tx.now(),
        )
    discard_download(context, attempt)


def _output_context(context: PipelineContext, snapshot: VideoSnapshot) -> ScreeningContext:
    """What is known of a video when its clip is scanned."""
    generator = context.generators.get(snapshot.video.generator)
    return ScreeningContext(
        policy=context.policies.load(snapshot.video.tenant),
        texts=snapshot.request["texts"],
        prior=snapshot.findings(Stage.PROMPT),
        approved=snapshot.approved,
        overturned=snapshot.overturned,
        audience=snapshot.audience,
        requester=requester_of(snapshot.video, snapshot.request),
        generator_texts=generator.info().own_texts if generator else (),
    )


def _block_part(
    context: PipelineContext,
    snapshot: VideoSnapshot,
    attempt: Attempt,
    part: streamed_generation.PartScan,
) -> None:
    """Block a video by the part of its clip for which the generation was stopped. It is kept for a case."""
    video, result = snapshot.video, part.result
    sha256, *_ = context.store_files(
        video, [NewFile(path=part.clip, kind="generated", media_type=MP4)], retention=Retention.EVIDENCE
    )
    transcript = _transcript(result, part.report)
    with context.commit_step(snapshot) as tx:
        finish_attempt(tx, video.id, attempt, generation_stage.STOPPED, charge=OWN_HARDWARE)
        record_stage(tx, video.id, result)
        outcomes.block(context, tx, video, result, generated_sha256=sha256, generated_at=tx.now())
        if transcript is not None and outcomes.is_appealable(result.verdict):
            store_transcript(tx, video.id, transcript)


def _transcript(result: StageResult, report: ScanReport) -> Transcript | None:
    return None if report.transcript is None else mark_transcript(report.transcript, result.findings)


def _normalized(context: PipelineContext, video: Video, clip: Path) -> NormalizedClip:
    """The clip as a plain MP4. If the conversion fails, the clip itself; the scan then reports the reason."""
    try:
        with context.local_slot(video, "normalize"):
            return context.delivery.normalize(clip, clip.with_name("plain.mp4"))
    except (BadInput, SandboxFailed):
        return NormalizedClip(path=clip)


def run_scan(context: PipelineContext, snapshot: VideoSnapshot) -> None:
    """Delete the upstream's copy, scan every frame and the sound, and apply the verdict."""
    video = snapshot.video
    delete_downloaded(context, snapshot)
    sha256 = snapshot.generated_sha256 or ""
    with (
        context.work_dir(video.id) as work_dir,
        context.local_slot(video, "scan"),
        context.recorded_progress(video, 60, 90) as progress,
    ):
        clip = work_dir / "clip.mp4"
        context.blobs.copy_to(video.tenant, sha256, clip)
        try:
            result, report = context.stages.output.scan(
                clip, _output_context(context, snapshot), subject_sha256=sha256, progress=progress
            )
        except InvalidMedia as error:
            fail(
                context,
                snapshot,
                UpstreamInvalidResponse(f"The clip from {video.generator} is not a usable video: {error}"),
            )
            return
    context.fault_hook("scanned")
    verdict = result.verdict
    # Before the transaction, because other writers wait for its end.
    transcript = _transcript(result, report)
    with context.commit_step(snapshot) as tx:
        record_stage(tx, video.id, result)
        may_become_case = True
        if verdict.action is Action.BLOCK:
            outcomes.block(context, tx, video, result)
            may_become_case = outcomes.is_appealable(verdict)
        elif verdict.action is Action.HOLD:
            outcomes.hold_for_review(context, tx, video, result)
        elif (unsteered := generation_stage.held_generation(snapshot)) is not None:
            outcomes.hold_for_review(context, tx, video, unsteered)
        elif first_review := _reason_of_first_review(
            context, tx, snapshot, result, waived=video.waived or bool(verdict.waivers)
        ):
            outcomes.hold_first_output(context, tx, video, result, first_review)
        else:
            may_become_case = False
            transition(
                tx,
                video,
                VideoState.SEALING,
                actor="policy",
                stage=Stage.DELIVERY.value,
                progress=90,
                verdict_action=verdict.action.value,
                badge_text=context.delivery.label.text if verdict.action is Action.LABEL else None,
                waived=video.waived or bool(verdict.waivers),
            )
        if may_become_case and transcript is not None:
            store_transcript(tx, video.id, transcript)


def _find_halt(
    context: PipelineContext,
    tx: Transaction,
    snapshot: VideoSnapshot,
    *made: StageResult,
    model: str = "",
) -> Halt | None:
    """The halt of the model, of the tenant, or of a category that the policy flags in the video or in the
    result just made. What people have approved does not count.
    """

    def flagged() -> frozenset[str]:
        policy = context.policies.load_within(tx, snapshot.video.tenant)
        decided = (*snapshot.approved, *snapshot.overturned)
        results: tuple[StageRecord | StageResult, ...] = (*snapshot.stages, *made)
        return frozenset().union(
            *(
                flagged_categories(policy, each.verdict, [one for one in each.findings if one not in decided])
                for each in results
            )
        )

    return find_halt(tx, model, flagged)


def _reason_of_first_review(
    context: PipelineContext, tx: Transaction, snapshot: VideoSnapshot, result: StageResult, *, waived: bool
) -> str:
    """Why a reviewer checks this output although the policy allows it: a halt, `review_first` or the rollout
    step.

    Empty if none does. An appeal counts as such a check.
    """
    limits, video, gates = context.limits, snapshot.video, context.gates
    if snapshot.overturned:
        return ""
    if _find_halt(context, tx, snapshot, result):
        return outcomes.HALT_SENTENCE
    if claim_first_review(
        tx,
        video.principal_id,
        video.end_user,
        per_tenant=limits.first_outputs,
        per_end_user=limits.first_outputs_of_end_user,
    ):
        return outcomes.FIRST_OUTPUT_SENTENCE
    return outcomes.ROLLOUT_SENTENCE if gates is not None and gates.reviews(tx, waived=waived) else ""


def _may_have_unjudged_tracks(context: PipelineContext, snapshot: VideoSnapshot, clip: Path) -> bool:
    """Whether the tracks of a clip are unknown: its scan has no facts, and it is not a plain MP4."""
    output = snapshot.last_stage(Stage.OUTPUT)
    if output is not None and output.details.get("facts"):
        return False
    try:
        return context.delivery.normalize(clip, clip.with_name("plain.mp4")).path != clip
    except (BadInput, SandboxFailed):
        return True


def run_sealing(context: PipelineContext, snapshot: VideoSnapshot) -> None:
    """Draw the badge, seal the file and add the registry row. Delivery is possible only after this."""
    video, scanned_sha256 = snapshot.video, snapshot.generated_sha256 or ""
    if video.reinstated_from and (known := context.registry.by_sha256(scanned_sha256)) is not None:
        release_sealed(context, snapshot, known)
        return
    with context.work_dir(video.id) as work_dir, context.local_slot(video, "seal"):
        source, sealed = work_dir / "scanned.mp4", work_dir / "sealed.mp4"
        context.blobs.copy_to(video.tenant, scanned_sha256, source)
        if _may_have_unjudged_tracks(context, snapshot, source):
            # A reviewer approved the clip, but saw only its first tracks.
            error = f"The clip from {video.generator} may have tracks that were not judged: its scan failed, "
            fail(context, snapshot, SandboxFailed(error + "and it is not a plain MP4."))
            return
        if (late := find_late_match(context, snapshot, source)) is not None:
            with context.commit_step(snapshot) as tx:
                record_stage(tx, video.id, late)
                if late.verdict.action is Action.BLOCK:
                    outcomes.block(context, tx, video, late, reviewed=False)
                else:
                    outcomes.hold_for_review(context, tx, video, late)
            return
        if video.badge_text is not None:
            source = context.delivery.badge(source, work_dir / "badged.mp4", video.badge_text)
        time = SealingTime(left_s=lambda: seconds_left(context, video), cancel=context.shutdown_event)
        # Before the file is sealed: after a crash, the same commitments are sealed again.
        with context.database.transaction(tenant=video.tenant) as tx:
            consents = commit_to_consents(tx, video.id)
        facts = replace(
            _seal_facts(context, snapshot),
            ingredients=load_ingredients(context, snapshot, work_dir),
            consents=consents,
        )
        seal = context.sealer.seal(source, sealed, facts, time)
        context.fault_hook("sealed")
        previews = context.delivery.draw_previews(sealed, work_dir)
        sealed_sha256, *_ = context.store_files(
            video,
            [
                NewFile(path=sealed, kind="sealed", media_type=MP4),
                *(NewFile(path=one.path, kind=one.kind, media_type=one.media_type) for one in previews),
            ],
            retention=Retention.DELIVERED,
        )
    context.fault_hook("stored")
    with context.commit_step(snapshot) as tx:
        output = snapshot.last_stage(Stage.OUTPUT)
        if output is not None and _find_halt(context, tx, snapshot):
            drop_files(tx, video.id, kind="sealed")
            outcomes.hold_first_output(context, tx, video, output, outcomes.HALT_SENTENCE)
            return
        context.registry.record(tx, replace(seal, source_sha256=scanned_sha256))
        drop_files(tx, video.id, kind="generated")
        drop_files(tx, video.id, kind="source")
        drop_files(tx, video.id, kind=UPSTREAM_MANIFEST)
        transition(
            tx,
            video,
            VideoState.DELIVERED,
            actor="jobs",
            why={"sha256": sealed_sha256, "judged": scanned_sha256, "mark": seal.mark.state.value},
            progress=100,
            sealed_sha256=sealed_sha256,
            mark=seal.mark.state.value,
            expires_at=tx.now() + context.limits.keep_s,
        )


Step: TypeAlias = Callable[[PipelineContext, VideoSnapshot], None]
STEPS: Mapping[VideoState, Step] = {
    VideoState.QUEUED: run_queued,
    VideoState.GENERATING: run_generation,
    VideoState.SCANNING: run_scan,
    VideoState.SEALING: run_sealing,
}


def fail(context: PipelineContext, snapshot: VideoSnapshot, error: SafelightError) -> None:
    """End a video for a technical reason, and return its quota."""
    with context.commit_step(snapshot) as tx:
        outcomes.fail(context, tx, snapshot.video, error)


def _end_generation(
    context: PipelineContext, snapshot: VideoSnapshot, error: SafelightError, charge: Charge | None
) -> None:
    """End the attempt and the video after a provider refusal, a failure or an unconfirmed submission."""
    refusal = error.refusal if isinstance(error, UpstreamModerationBlocked) else None
    if not isinstance(refusal, ProviderRefusal):
        refusal = None
    if charge is None and refusal is not None:
        charge = Charge(charged=refusal.charged, source="documented")
    if isinstance(error, attempts.GenerationStopped | SteeringUnavailable) and _end_by_policy(
        context, snapshot, error, charge
    ):
        return
    video, retry = snapshot.video, RetryResult()
    if snapshot.last_attempt is not None:
        discard_download(context, snapshot.last_attempt)
    if refusal is not None:
        context.wait_for_lease()
        # Before the block is committed: after a crash, the retry is found by its idempotency key.
        retry = _retry(context, snapshot, refusal)
        context.fault_hook("retried")
    with context.commit_step(snapshot) as tx:
        last = last_attempt(tx, video.id)
        if refusal is not None and last is not None and last.billing is Billing.OWN:
            # What a provider charges with this form of error does not apply to own hardware.
            charge = OWN_HARDWARE
        if charge is None and isinstance(error, UpstreamRejected) and last and last.upstream_id is None:
            charge = Charge(charged=ChargeStatus.NO, source="not taken")
        charge = charge or (last.charge if last else Charge(charged=ChargeStatus.UNKNOWN))
        if last is not None and last.ended_at is None:
            finish_attempt(tx, video.id, last, error.code, charge=charge)
        if refusal is not None:
            extra = describe_retry(snapshot, retry)
            outcomes.block_by_provider(context, tx, video, refusal, charge, extra)
        else:
            outcomes.fail(context, tx, video, error)


def _end_by_policy(
    context: PipelineContext,
    snapshot: VideoSnapshot,
    error: attempts.GenerationStopped | SteeringUnavailable,
    charge: Charge | None,
) -> bool:
    """Block a video whose generation the watcher stopped; hold one that could not be steered as required.

    Returns False if nothing was required: then the generator has failed.
    """
    video, stopped = snapshot.video, isinstance(error, attempts.GenerationStopped)
    policy = context.policies.load(video.tenant)
    if stopped:
        _keep_preview(context, video)
    with context.commit_step(snapshot) as tx:
        last = last_attempt(tx, video.id)
        if last is None or not (stopped or (last.steering and last.steering.required)):
            return False
        if last.billing is Billing.OWN:
            charge = OWN_HARDWARE
        outcome = generation_stage.STOPPED if stopped else generation_stage.UNSTEERED
        finish_attempt(tx, video.id, last, outcome, charge=charge or last.charge)
        result = generation_stage.evaluate_generation(
            policy,
            snapshot,
            last.steering,
            last.generation,
            problem="" if stopped else generation_stage.UNAVAILABLE,
            stopped=stopped,
            # The run before a crash may have stored it: a server gives it once.
            has_preview=bool(files_of(tx, video.id, kind=generation_stage.STOPPED_PREVIEW)),
        )
        record_stage(tx, video.id, result)
        if stopped:
            outcomes.block(context, tx, video, result)
        else:
            outcomes.hold_for_review(context, tx, video, result)
    return True


def _keep_preview(context: PipelineContext, video: Video) -> None:
    """Store the blurred preview of a stopped generation, for its case alone, if the generator has one.

    The block does not depend on it: what is not a usable picture is left out.
    """
    generator = context.generators[video.generator]
    with context.database.read_transaction(video.tenant) as tx:
        last = last_attempt(tx, video.id)
    offers = last is not None and last.generation is not None and last.generation.preview
    if not isinstance(generator, PreviewSource) or last is None or last.upstream_id is None or not offers:
        return
    context.wait_for_lease()
    with context.work_dir(video.id) as work_dir:
        offered, blurred = work_dir / "offered", work_dir / "blurred.webp"
        try:
            with child_span("upstream preview", kind=SpanKind.CLIENT, generator=video.generator):
                picture = generator.fetch_preview(
                    last.upstream_id, max_bytes=generation_stage.MAX_PREVIEW_BYTES
                )
            offered.write_bytes(picture)
            context.delivery.blur(offered, blurred)
        except (UpstreamError, BadInput, SandboxFailed) as error:
            _log.warning("No preview of the stopped generation of %s is kept: %s", video.id, error)
            return
        preview = NewFile(path=blurred, kind=generation_stage.STOPPED_PREVIEW, media_type="image/webp")
        context.store_files(video, [preview], retention=Retention.EVIDENCE)


def _hold_unsteered(context: PipelineContext, snapshot: VideoSnapshot, asked: Steering, problem: str) -> None:
    """Hold a video before anything is sent, because its generator does not steer. A reviewer may let it be
    generated.
    """
    policy = context.policies.load(snapshot.video.tenant)
    result = generation_stage.evaluate_generation(policy, snapshot, asked, None, problem=problem)
    with context.commit_step(snapshot) as tx:
        record_stage(tx, snapshot.video.id, result)
        outcomes.hold_for_review(context, tx, snapshot.video, result)


def _retry(context: PipelineContext, snapshot: VideoSnapshot, refusal: ProviderRefusal) -> RetryResult:
    """Retry the video if the client asked for it. A defect of the retry must not hide the block."""
    try:
        with context.work_dir(snapshot.video.id) as work_dir:
            return context.retry(snapshot, refusal, work_dir)
    except (Interruption, Unavailable):
        raise
    except Exception:
        _log.exception("%s is not retried because of an internal error.", snapshot.video.id)
        return RetryResult(refused=RetryRefusal.FAILED)


def _generation_request(
    context: PipelineContext, snapshot: VideoSnapshot, work_dir: Path, steering: Steering | None
) -> GenerationRequest:
    """The accepted request, with its references as files in `work_dir`.

    Raises `Unavailable` if its video could not be sealed. Characters that nobody sees are left out of the
    texts: a model reads them.
    """
    video, request = snapshot.video, snapshot.request
    context.sealer.signing_key()  # nothing is paid for that cannot be sealed
    references = []
    for number, reference in enumerate(request["references"]):
        path = work_dir / f"reference-{number}"
        context.blobs.copy_to(video.tenant, reference["sha256"], path)
        stripper, sha256 = context.stages.metadata_stripper, reference["sha256"]
        if stripper is not None:
            path = stripper.strip(path, reference["media_type"], work_dir / f"stripped-{number}")
            sha256 = sha256_file(path)
        references.append(
            ReferenceFile(
                path=path, media_type=reference["media_type"], field=reference["field"], sha256=sha256
            )
        )
    basis = source_clip_of(video, request, references)
    policy = context.policies.load(video.tenant)
    return GenerationRequest(
        key="",
        model=video.model,
        prompt=remove_hidden(video.prompt),
        seconds=video.seconds,
        width=video.width,
        height=video.height,
        references=tuple(file for file in references if basis is None or file is not basis.clip),
        extra={
            name: remove_hidden(value) if isinstance(value, str) else value
            for name, value in request["extra"].items()
        },
        steering=steering,
        minors_allowed=not stops_minors(
            policy.policy, policy.taxonomy, policy.context(Stage.OUTPUT, audience=snapshot.audience)
        ),
        source_clip=basis,
    )


def delete_downloaded(context: PipelineContext, snapshot: VideoSnapshot) -> None:
    """Delete the download of a stored clip, and ask the upstream to delete its copy.

    Records whether it did. A process without the generator does not ask. No copy may stay outside the vault.
    """
    video, last = snapshot.video, snapshot.last_attempt
    if last is None:
        return
    # Again, because the process may have ended before.
    discard_download(context, last)
    generator = context.generators.get(video.generator)
    if not isinstance(generator, RemoteGenerator) or last.upstream_id is None:
        return
    if last.upstream_copy_status is None:
        context.wait_for_lease()
        try:
            with child_span("upstream delete", kind=SpanKind.CLIENT, generator=video.generator):
                fate = attempts.delete_upstream_copy(generator, last.upstream_id)
        except UpstreamUnavailable:
            fate = "kept"
        context.attempts.record_upstream_deletion(video, last, fate)


def _seal_facts(context: PipelineContext, snapshot: VideoSnapshot) -> SealFacts:
    video, output = snapshot.video, snapshot.last_stage(Stage.OUTPUT)
    assert output is not None
    offer = context.generators[video.generator].info()
    return SealFacts(
        video_id=video.id,
        generator=video.generator,
        model=video.model,
        source_type=SourceType.TRAINED if offer.trained else SourceType.ALGORITHMIC,
        generated_at=dt.datetime.fromtimestamp(output.at, dt.UTC),
        verdict=output.verdict,
        coverage=output.coverage,
        badge=video.badge_text is not None,
        is_waived=video.waived,
        generation=generation_stage.describe_clip(snapshot),
        reviewed=video.reviewed,
        gaps_approved=video.gaps_approved,
    )
