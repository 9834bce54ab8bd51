"""What is done in each state. A step is safe to run twice: it reads the row, works, and moves it once."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from safelight.errors import (
    BadInput,
    ChildFailed,
    InvalidMedia,
    SafelightError,
    UpstreamError,
    UpstreamLied,
    UpstreamRefused,
    UpstreamRejected,
)
from safelight.generation.protocol import (
    Charge,
    Charged,
    LocalGenerator,
    Order,
    ReferenceFile,
    Refusal,
    RemoteGenerator,
)
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.store.retention import Retention

from . import attempts, mappers, outcomes
from .attempts import Charging
from .context import Workshop
from .lineage import basis_of
from .models import Video
from .references import judge_references
from .states import State

MP4 = "video/mp4"
#: The visible badge that `label` burns into the picture.
BADGE = "AI-generated"


def waiting(workshop: Workshop, video: Video) -> None:
    """Judge the references that were not finished while the client waited; then hand on to generation."""
    request = workshop.store.request(video.tenant, video.id)
    if not request["pending"]:
        with workshop.database.transaction(tenant=video.tenant) as tx:
            workshop.store.move(tx, video, State.GENERATING, actor="jobs", stage=Stage.GENERATION.value)
        return
    with workshop.bench(video.id) as bench:
        judged = judge_references(workshop, video, request["references"], bench)
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.record(tx, video.id, judged)
        if judged.verdict.action is Action.BLOCK:
            outcomes.refused(workshop, tx, video, judged)
        elif judged.verdict.action is Action.HOLD:
            outcomes.held(workshop, tx, video, judged)
        else:
            workshop.store.move(
                tx,
                video,
                State.GENERATING,
                actor="policy",
                stage=Stage.GENERATION.value,
                waived=video.waived or bool(judged.verdict.waivers),
                request=mappers.to_json({**request, "pending": False}),
            )


def generating(workshop: Workshop, video: Video) -> None:
    """Get the clip made, into our own storage."""
    generator = workshop.generators[video.generator]
    with workshop.bench(video.id) as bench:
        clip = bench / "clip.mp4"
        try:
            order = _order(workshop, video, bench)
            if isinstance(generator, LocalGenerator):
                attempt = attempts.begin(workshop, video)
                with workshop.heavy:
                    report = workshop.progress(video.tenant, video.id, 5, 60)
                    charge = generator.render(replace(order, key=attempt.key), clip, report)
            elif isinstance(generator, RemoteGenerator):
                attempt = attempts.place(workshop, video, generator, order)
                charge = attempts.watch(workshop, video, generator, attempt)
                attempts.fetch(workshop, video, generator, attempt, charge, clip)
            else:
                raise UpstreamRejected(f"{video.generator} neither renders nor takes orders.")
        except Charging as ended:
            _generation_ended(workshop, video, ended.error, ended.charge)
            return
        except UpstreamError as error:
            _generation_ended(workshop, video, error, None)
            return
        workshop.boundary("made")
        sha256 = workshop.keep(
            video, _plain(workshop, clip), kind="generated", media_type=MP4, retention=Retention.EVIDENCE
        )
    workshop.boundary("stored")
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.ended(tx, video.id, attempt, "done", charge=charge)
        workshop.store.move(
            tx,
            video,
            State.SCANNING,
            actor="jobs",
            why={"sha256": sha256},
            stage=Stage.OUTPUT.value,
            progress=60,
            output_sha256=sha256,
        )


def _plain(workshop: Workshop, clip: Path) -> Path:
    """What came, as the plain MP4 that may leave; itself where that cannot be made: the scan says why."""
    try:
        with workshop.heavy:
            return workshop.delivery.plain(clip, clip.with_name("plain.mp4"))
    except (BadInput, ChildFailed):
        return clip


def scanning(workshop: Workshop, video: Video) -> None:
    """Remove the upstream's copy, look at every frame and the sound, and do what the verdict says."""
    _forget_upstream(workshop, video)
    sha256 = workshop.store.row(video.tenant, video.id).output_sha256
    with workshop.bench(video.id) as bench, workshop.heavy:
        clip = bench / "clip.mp4"
        workshop.blobs.copy_to(video.tenant, sha256, clip)
        try:
            judged, _report = workshop.stages.output.scan(
                clip,
                tenant=video.tenant,
                subject_sha256=sha256,
                texts=workshop.store.request(video.tenant, video.id)["texts"],
                prior=workshop.store.seen(video.tenant, video.id, Stage.PROMPT),
                settled=workshop.store.settled(video.tenant, video.id),
                overturned=workshop.store.overturned(video.tenant, video.id),
                progress=workshop.progress(video.tenant, video.id, 60, 90),
            )
        except InvalidMedia as error:
            fail(workshop, video, UpstreamLied(f"What {video.generator} made is no usable video: {error}"))
            return
    workshop.boundary("scanned")
    verdict = judged.verdict
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.record(tx, video.id, judged)
        if verdict.action is Action.BLOCK:
            outcomes.blocked(workshop, tx, video, judged)
        elif verdict.action is Action.HOLD:
            outcomes.held(workshop, tx, video, judged)
        else:
            workshop.store.move(
                tx,
                video,
                State.SEALING,
                actor="policy",
                stage=Stage.DELIVERY.value,
                progress=90,
                verdict_action=verdict.action.value,
                label_text=BADGE if verdict.action is Action.LABEL else None,
                waived=video.waived or bool(verdict.waivers),
            )


def sealing(workshop: Workshop, video: Video) -> None:
    """Badge, manifest, registry: after this, and only after this, the file may leave."""
    judged_sha256 = workshop.store.row(video.tenant, video.id).output_sha256
    with workshop.bench(video.id) as bench, workshop.heavy:
        source, sealed = bench / "judged.mp4", bench / "sealed.mp4"
        workshop.blobs.copy_to(video.tenant, judged_sha256, source)
        if video.label_text is not None:
            source = workshop.delivery.badge(source, bench / "badged.mp4", video.label_text)
        seal = workshop.sealer.seal(source, sealed, _seal_facts(workshop, video))
        workshop.boundary("sealed")
        keep = partial(workshop.keep, video, retention=Retention.DELIVERED)
        sealed_sha256 = keep(sealed, kind="sealed", media_type=MP4)
        for still in workshop.delivery.pictures(sealed, bench):
            keep(still.path, kind=still.kind, media_type=still.media_type)
    workshop.boundary("stored")
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.registry.record(tx, replace(seal, source_sha256=judged_sha256))
        workshop.store.drop_files(tx, video.id, kind="generated")
        workshop.store.drop_files(tx, video.id, kind="source")
        workshop.store.move(
            tx,
            video,
            State.DELIVERED,
            actor="jobs",
            why={"sha256": sealed_sha256, "judged": judged_sha256},
            progress=100,
            sealed_sha256=sealed_sha256,
            expires_at=time.time() + workshop.terms.keep_s,
        )


STEPS: Mapping[State, Callable[[Workshop, Video], None]] = {
    State.WAITING: waiting,
    State.GENERATING: generating,
    State.SCANNING: scanning,
    State.SEALING: sealing,
}


def fail(workshop: Workshop, video: Video, error: SafelightError) -> None:
    """End a video by trouble that says nothing about its content; its quota is returned."""
    with workshop.database.transaction(tenant=video.tenant) as tx:
        outcomes.failed(workshop, tx, video, error)


def _generation_ended(workshop: Workshop, video: Video, error: SafelightError, charge: Charge | None) -> None:
    """A refusal, a failure or doubt: the attempt and the video end together."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    if charge is None and isinstance(error, UpstreamRefused) and isinstance(error.refusal, Refusal):
        charge = Charge(charged=error.refusal.charged, source="documented")
    charge = charge or Charge(charged=Charged.UNKNOWN)
    with workshop.database.transaction(tenant=video.tenant) as tx:
        if last is not None and last.ended_at is None:
            workshop.store.ended(tx, video.id, last, error.code, charge=charge)
        if isinstance(error, UpstreamRefused) and isinstance(error.refusal, Refusal):
            outcomes.refused_by_provider(workshop, tx, video, error.refusal, charge)
        else:
            outcomes.failed(workshop, tx, video, error)


def _order(workshop: Workshop, video: Video, bench: Path) -> Order:
    """The order as accepted, its references written next to where the clip will be made."""
    request = workshop.store.request(video.tenant, video.id)
    references = []
    for number, reference in enumerate(request["references"]):
        path = bench / f"reference-{number}"
        workshop.blobs.copy_to(video.tenant, reference["sha256"], path)
        handing, sha256 = workshop.stages.handing, reference["sha256"]
        if handing is not None:
            path = handing.bare(path, reference["media_type"], bench / f"handed-{number}")
            sha256 = workshop.sha256(path)
        references.append(
            ReferenceFile(
                path=path, media_type=reference["media_type"], field=reference["field"], sha256=sha256
            )
        )
    basis = basis_of(video, request, references)
    return Order(
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


def _forget_upstream(workshop: Workshop, video: Video) -> None:
    """Ask the upstream to delete its copy, now that ours is safe; the record says what it answered."""
    generator = workshop.generators[video.generator]
    last = workshop.store.last_attempt(video.tenant, video.id)
    if not isinstance(generator, RemoteGenerator) or last is None or last.upstream_id is None:
        return
    if last.upstream_copy is None:
        workshop.store.upstream_copy(
            video.tenant, video.id, last, attempts.forget(generator, last.upstream_id)
        )


def _seal_facts(workshop: Workshop, video: Video) -> SealFacts:
    output = [
        judgement
        for judgement in workshop.store.judgements(video.tenant, video.id)
        if judgement.stage is Stage.OUTPUT
    ][-1]
    offer = workshop.generators[video.generator].offer()
    return SealFacts(
        video_id=video.id,
        generator=video.generator,
        model=video.model,
        source_type=SourceType.TRAINED if offer.trained else SourceType.ALGORITHMIC,
        generated_at=dt.datetime.fromtimestamp(output.at, dt.UTC),
        verdict=output.verdict,
        coverage=output.coverage,
        badge=video.label_text is not None,
        reviewed=workshop.store.reviewed(video.tenant, video.id),
    )
