"""Delivers the sealed file of a withdrawn video again, under a new id, after a successful appeal."""

from __future__ import annotations

from safelight.provenance.seal import Seal
from safelight.store.retention import Retention
from safelight.trust.seals.fingerprint_store import add_fingerprint

from .context import NewFile, PipelineContext
from .durations import Part
from .files import drop_files
from .models import VideoSnapshot
from .states import VideoState
from .transitions import transition


def release_sealed(context: PipelineContext, snapshot: VideoSnapshot, seal: Seal) -> None:
    """Deliver the file as it was sealed: with its manifest, badge and watermark, and new preview images.

    Its fingerprint was deleted when the video was withdrawn, so it is computed again.
    """
    video = snapshot.video
    with context.work_dir(video.id) as work_dir, context.local_slot(video, Part.SEAL):
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
