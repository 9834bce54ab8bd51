"""Ingredients of a video's manifest: its source, its references, and the file from the generator."""

from __future__ import annotations

from pathlib import Path

from safelight.core.ids import is_id
from safelight.policy.findings import Stage
from safelight.provenance.manifest import Ingredient, ParentAction, Relationship
from safelight.provenance.manifest_carrier import carry_manifest
from safelight.provenance.manifest_traces import has_manifest_traces, names_manifest
from safelight.provenance.seal import Seal
from safelight.videos.requests.admission import SOURCE_FIELD

from .context import NewFile, PipelineContext
from .models import StageRecord, VideoSnapshot
from .references import SOURCE_SEALS
from .stage_records import stage_records
from .withdrawal import is_withdrawn

#: Kind of the stored manifest of the file that a generator delivered.
UPSTREAM_MANIFEST = "upstream_manifest"
_MANIFEST_TYPE = "application/c2pa"


def keep_upstream_manifest(context: PipelineContext, clip: Path) -> list[NewFile]:
    """The manifest of a clip from a generator as a file to store. Empty if the clip has none.

    The clip is converted later, and loses its manifest.
    """
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
    known = _known_copies(context, snapshot)
    for number, reference in enumerate(snapshot.request["references"], start=1):
        if reference["sha256"] not in stored:
            continue
        path = work_dir / f"ingredient-{number}"
        context.blobs.copy_to(tenant, reference["sha256"], path)
        is_source = reference["field"] == SOURCE_FIELD
        title = reference.get("of") or ("source" if is_source else f"reference {number}")
        origin = known.get(reference["sha256"])
        if origin is not None and not has_manifest_traces(path):
            path.write_bytes(carry_manifest(origin.manifest))
        elif origin is not None and not names_manifest(path, origin.manifest_id):
            found.append(_origin(origin, number, title, work_dir))
        # A manifest has one parent only: the file that came from the generator, if it has a manifest.
        is_parent = is_source and not any(one.relationship is Relationship.PARENT for one in found)
        found.append(
            Ingredient(
                label=f"reference-{number}",
                title=title,
                relationship=Relationship.PARENT if is_parent else Relationship.INPUT,
                action=ParentAction.EDITED,
                path=path,
            )
        )
    return tuple(found)


def _known_copies(context: PipelineContext, snapshot: VideoSnapshot) -> dict[str, Seal]:
    """By the hash of an input that is a changed copy of a delivered file: the seal of that file. Left out are
    files whose stored manifest was erased or whose video was withdrawn since.
    """
    records: list[StageRecord | None] = [snapshot.last_stage(Stage.REFERENCE)]
    with context.database.read_transaction(snapshot.video.tenant) as tx:
        for reference in snapshot.request["references"]:
            if is_id(reference.get("of", ""), "character"):
                records += stage_records(tx, reference["of"])
    found = {}
    for record in records:
        for input_sha256, sha256 in (record.details.get(SOURCE_SEALS, {}) if record else {}).items():
            seal = context.registry.by_sha256(sha256)
            if seal is not None and seal.manifest and not is_withdrawn(context.database, seal.video_id):
                found[input_sha256] = seal
    return found


def _origin(seal: Seal, number: int, title: str, work_dir: Path) -> Ingredient:
    """The delivered file behind an input that has the manifest of another program."""
    path = work_dir / f"origin-{number}"
    path.write_bytes(carry_manifest(seal.manifest))
    return Ingredient(
        label=f"origin-{number}", title=f"origin of {title}", relationship=Relationship.INPUT, path=path
    )


def _upstream(path: Path, *, archived: bool) -> Ingredient:
    return Ingredient(
        label="generated",
        title="output of the generator",
        relationship=Relationship.PARENT,
        action=ParentAction.TRANSCODED,
        path=path,
        archived=archived,
    )
