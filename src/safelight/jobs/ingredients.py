"""Ingredients of a video's manifest: its source, its references, and the file from the generator."""

from __future__ import annotations

from pathlib import Path

from safelight.generation.protocol import LocalGenerator
from safelight.moderation.admission import SOURCE_FIELD
from safelight.policy.findings import Stage
from safelight.provenance.manifest import Ingredient, ParentAction, Relationship
from safelight.provenance.manifest_carrier import carry_manifest

from .context import NewFile, PipelineContext
from .models import VideoSnapshot
from .references import SOURCE_SEAL
from .withdrawal import is_withdrawn

#: Kind of the stored manifest of the file that a provider delivered.
UPSTREAM_MANIFEST = "upstream_manifest"
_MANIFEST_TYPE = "application/c2pa"


def keep_upstream_manifest(context: PipelineContext, generator: object, clip: Path) -> list[NewFile]:
    """The manifest of a clip from a provider as a file to store. Empty if the clip has none.

    The clip is converted later, and loses its manifest.
    """
    if isinstance(generator, LocalGenerator):
        return []
    kept = clip.with_name("upstream.c2pa")
    if not context.sealer.archive_ingredient(_upstream(clip, archived=False), kept):
        return []
    return [NewFile(path=kept, kind=UPSTREAM_MANIFEST, media_type=_MANIFEST_TYPE)]


def load_ingredients(
    context: PipelineContext, snapshot: VideoSnapshot, work_dir: Path
) -> tuple[Ingredient, ...]:
    """The files from which the video was made, copied to `work_dir`. Erased files are left out."""
    tenant, stored = snapshot.video.tenant, {row.sha256: row for row in snapshot.files}
    found = []
    for row in snapshot.files:
        if row.kind == UPSTREAM_MANIFEST:
            path = work_dir / "upstream.c2pa"
            context.blobs.copy_to(tenant, row.sha256, path)
            found = [_upstream(path, archived=True)]
    for number, reference in enumerate(snapshot.request["references"], start=1):
        if reference["sha256"] not in stored:
            continue
        path = work_dir / f"ingredient-{number}"
        context.blobs.copy_to(tenant, reference["sha256"], path)
        is_source = reference["field"] == SOURCE_FIELD
        if is_source and (manifest := _stored_manifest(context, snapshot)):
            path.write_bytes(carry_manifest(manifest))
        # A manifest has one parent only: the file that came from the provider, if it has a manifest.
        is_parent = is_source and not any(one.relationship is Relationship.PARENT for one in found)
        found.append(
            Ingredient(
                label=f"reference-{number}",
                title=reference.get("of") or ("source" if is_source else f"reference {number}"),
                relationship=Relationship.PARENT if is_parent else Relationship.INPUT,
                action=ParentAction.EDITED,
                path=path,
            )
        )
    return tuple(found)


def _stored_manifest(context: PipelineContext, snapshot: VideoSnapshot) -> bytes:
    """The registry's manifest for an uploaded source that lost its own; empty if there is none, or if it was
    erased or its video withdrawn since.
    """
    record = snapshot.last_stage(Stage.REFERENCE)
    seal = context.registry.by_sha256(record.details.get(SOURCE_SEAL, "")) if record is not None else None
    return b"" if seal is None or is_withdrawn(context.database, seal.video_id) else seal.manifest


def _upstream(path: Path, *, archived: bool) -> Ingredient:
    return Ingredient(
        label="generated",
        title="output of the generator",
        relationship=Relationship.PARENT,
        action=ParentAction.TRANSCODED,
        path=path,
        archived=archived,
    )
