"""Lineage: the sources of a remix, an edit or an extension, and the findings inherited from them.

A derived video inherits every finding of its ancestors. The prompts of all its ancestors are screened
together with its own prompt. A video that is blocked, deleted, withdrawn or unfinished cannot be a source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from safelight.consents.uses import record_use
from safelight.core.errors import Conflict, Forbidden, InvalidField, InvalidMedia, NotFound, Withdrawn
from safelight.core.ids import is_id
from safelight.detectors.text.hidden_characters import remove_hidden
from safelight.policy.findings import Evidence, Finding, ImageBox, Stage, TextSpan
from safelight.providers.protocol import Derivation, SourceClip
from safelight.providers.protocol import ReferenceFile as OrderedFile
from safelight.screening.reference import media_type
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.videos.requests.admission import SOURCE_FIELD
from safelight.videos.requests.request import CreateRequest, SourceVideo

from .context import PipelineContext
from .files import reuse_file
from .models import Character, CharacterState, ReusedFile, Video, VideoState
from .stage_records import stage_records

#: Maximum number of derivation steps from the first video to the last.
MAX_DERIVATIONS = 32
#: Fields that a derived video does not copy from the request of its source.
_NOT_INHERITED = frozenset({"num_frames", "test_card"})
_STAGES = (Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT)


@dataclass(frozen=True, kw_only=True)
class LineageTrace:
    """The sources of a request. All of them exist and may be used."""

    origin: SourceVideo | None = None
    #: The kind of derivation, by the id of the source video or character.
    parents: Mapping[str, str] = field(default_factory=dict)
    #: Findings inherited from the sources.
    prior: tuple[Finding, ...] = ()
    borrowed: tuple[ReusedFile, ...] = ()
    #: The consents on which the sources rest.
    consents: tuple[str, ...] = ()

    @property
    def source(self) -> str | None:
        """The id of the video from which the new video is derived. None if there is none."""
        return next((parent for parent in self.parents if is_id(parent, "video")), None)


@dataclass(frozen=True, kw_only=True)
class Lineage:
    context: PipelineContext

    def trace(self, tenant: str, request: CreateRequest) -> tuple[CreateRequest, LineageTrace]:
        """Find the sources of a request, and add the fields that the request copies from its source.

        Raises `NotFound`, `Withdrawn`, `InvalidField` or `Conflict` if the source may not be used, and
        `InvalidMedia` if an uploaded clip cannot be opened.
        """
        if request.step is None:
            return request, LineageTrace()
        if request.source is None:
            return request, LineageTrace(origin=self._uploaded(request, request.step))
        return self._from_video(tenant, request, request.step, request.source)

    def ancestors(self, tenant: str, video: Video) -> tuple[Video, ...]:
        """The ancestors of a video, starting with the video from which it was derived directly."""
        found: list[Video] = []
        parent = video.remixed_from
        while parent is not None and len(found) < MAX_DERIVATIONS:
            found.append(self.context.videos.get(tenant, parent))
            parent = found[-1].remixed_from
        return tuple(found)

    def with_characters(
        self, lineage: LineageTrace, characters: Sequence[Character], tenant: str
    ) -> LineageTrace:
        """Add stored characters to a lineage. The request uses their clips and inherits their findings."""
        with self.context.database.read_transaction(tenant) as tx:
            records = {one.id: stage_records(tx, one.id) for one in characters}
        for number, character in enumerate(characters):
            name = f"characters[{number}]"
            findings = [
                finding
                for record in records[character.id]
                if record.stage in (Stage.PROMPT, Stage.REFERENCE)
                for finding in record.findings
            ]
            clip = ReusedFile(
                field=name,
                sha256=character.sha256,
                media_type=character.media_type,
                bytes=character.bytes,
                of=character.id,
            )
            lineage = replace(
                lineage,
                parents={**lineage.parents, character.id: "character"},
                prior=(*lineage.prior, *inherited(findings, character.id, prefix=name)),
                borrowed=(*lineage.borrowed, clip),
            )
        return lineage

    def record(self, tx: Transaction, video_id: str, lineage: LineageTrace) -> None:
        """Record the lineage and the consents of a video, and keep its source files until it is finished.

        Checks again, with a lock, that the sources may be used. Raises the same errors as `trace`. A consent
        that is withdrawn later finds the video by its lineage.
        """
        for parent, step in lineage.parents.items():
            if is_id(parent, "video"):
                row = tx.one(tables.videos, parent, lock=True)
                if row is None or row.deleted_at is not None or row.state != VideoState.DELIVERED.value:
                    raise _not_found(parent)
            else:
                row = tx.one(tables.characters, parent, lock=True)
                if row is None or row.state != CharacterState.READY.value:
                    raise Withdrawn(f"The character {parent[:80]!r} cannot be used any more.")
            tx.insert(
                tables.video_lineage,
                video_id=video_id,
                parent_id=parent,
                derivation=step,
                created_at=tx.now(),
            )
        for file in lineage.borrowed:
            reuse_file(tx, video_id, file)
        for consent_id in sorted(lineage.consents):
            row = tx.one(tables.consents, consent_id, lock=True)
            if row is None or row.revoked_at is not None:
                raise Withdrawn("A consent on which the source rests was withdrawn.")
            record_use(tx, consent_id, video_id)

    def _uploaded(self, request: CreateRequest, step: Derivation) -> SourceVideo:
        clips = [upload for upload in request.uploads if upload.field == SOURCE_FIELD]
        if len(clips) != 1:
            raise InvalidField(
                "Send one clip, or the id of a video of this installation.", param=SOURCE_FIELD
            )
        if not media_type(clips[0].path, SOURCE_FIELD).startswith("video/"):
            raise InvalidMedia("This file is an image. Send a video clip.", param=SOURCE_FIELD)
        try:
            facts = self.context.stages.reference.scanner.probe(clips[0].path)
        except InvalidMedia as error:
            raise InvalidMedia(error.message, param=SOURCE_FIELD, remedy=error.remedy) from error
        return SourceVideo(
            step=step,
            seconds=max(1, math.ceil(facts.duration_s - 0.05)),
            width=facts.width,
            height=facts.height,
            uploaded=True,
        )

    def _from_video(
        self, tenant: str, request: CreateRequest, step: Derivation, source: str
    ) -> tuple[CreateRequest, LineageTrace]:
        if not is_id(source, "video"):
            raise _not_found(source)
        snapshot = self.context.videos.snapshot(tenant, source)
        video = snapshot.video
        _require_usable(video, source)
        if self.context.videos.is_hidden(tenant, source):
            raise Forbidden(f"{source} is hidden until a report about it is decided.", param="video_id")
        ancestors = self.ancestors(tenant, video)
        if len(ancestors) >= MAX_DERIVATIONS:
            raise Conflict(
                f"{source} is {MAX_DERIVATIONS} derivations from its first video, which is the maximum."
            )
        for ancestor in ancestors:
            if ancestor.state is VideoState.WITHDRAWN or ancestor.vaulted:
                raise Withdrawn(f"{source} was derived from a video that was withdrawn.", param="video_id")
        attempt = snapshot.last_attempt
        at_upstream = attempt is not None and attempt.upstream_copy_status == "kept"
        origin = SourceVideo(
            step=step,
            seconds=video.seconds,
            width=video.width,
            height=video.height,
            prompts=tuple(each.prompt for each in reversed((video, *ancestors))),
            generator=video.generator,
            upstream_id=(attempt.upstream_id or "") if attempt is not None and at_upstream else "",
        )
        file = next(
            (row for row in snapshot.files if row.kind == "sealed" and row.sha256 == video.sealed_sha256),
            None,
        )
        if file is None:
            raise _not_found(source)
        clip = ReusedFile(
            field=SOURCE_FIELD,
            sha256=file.sha256,
            media_type=file.media_type,
            bytes=file.bytes,
            of=source,
        )
        inherited_fields: dict[str, Any] = {}
        if request.model in (None, video.model) and video.generator in self.context.generators:
            known = self.context.generators[video.generator].info().extra_fields
            given = snapshot.request["extra"]
            inherited_fields = {
                name: value for name, value in given.items() if name in known and name not in _NOT_INHERITED
            }
        asked = replace(
            request, model=request.model or video.model, extra={**inherited_fields, **request.extra}
        )
        return asked, LineageTrace(
            origin=origin,
            parents={source: step.value},
            prior=inherited(snapshot.findings(*_STAGES), source),
            borrowed=(clip,),
        )


def inherited(findings: Iterable[Finding], parent: str, *, prefix: str = "ancestor") -> tuple[Finding, ...]:
    """The findings that a derived video inherits from its parent, without duplicates.

    The field names in the evidence are moved one generation back, for example `prompt` to `ancestor:1`.
    """
    moved_by_content: dict[bytes, Finding] = {}
    for finding in findings:
        attributes = {"inherited": parent, **finding.attributes}
        if "source" in attributes:
            attributes["source"] = _field(str(attributes["source"]), prefix)
        first_hand = "inherited" not in finding.attributes
        moved = msgspec.structs.replace(
            finding,
            reason=f"Inherited from the source: {finding.reason}" if first_hand else finding.reason,
            evidence=tuple(_moved(piece, prefix) for piece in finding.evidence),
            attributes=attributes,
        )
        moved_by_content[msgspec.msgpack.encode(msgspec.structs.replace(moved, attributes={}))] = moved
    return tuple(moved_by_content.values())


def _moved(piece: Evidence, prefix: str) -> Evidence:
    if isinstance(piece, TextSpan | ImageBox) and piece.field:
        return msgspec.structs.replace(piece, field=_field(piece.field, prefix))
    return piece


def _field(name: str, prefix: str) -> str:
    """The name that a field has one generation later: `prompt` becomes `ancestor:1`, that `ancestor:2`."""
    root, _, rest = name.partition(":")
    number, dot, inner = rest.partition(".")
    if root == prefix and number.isdecimal():
        return f"{prefix}:{int(number) + 1}{dot}{inner}"
    return f"{prefix}:1" if name in ("prompt", "composed") else f"{prefix}:1.{name}"


def source_clip_of(
    video: Video, request: Mapping[str, Any], files: Iterable[OrderedFile]
) -> SourceClip | None:
    """The source clip, as passed to the generator. None for a video without a source."""
    origin = request.get("origin")
    if origin is None:
        return None
    clip = next(file for file in files if file.field == SOURCE_FIELD)
    return SourceClip(
        derivation=Derivation(origin["step"]),
        clip=clip,
        seconds=origin["seconds"],
        prompts=tuple(map(remove_hidden, origin["prompts"])),
        upstream_id=origin["upstream_id"] if origin["generator"] == video.generator else "",
    )


def _require_usable(video: Video, source: str) -> None:
    if video.state is VideoState.WITHDRAWN:
        raise Withdrawn(f"{source} was withdrawn, so it cannot be a source.", param="video_id")
    if video.vaulted or video.state in (VideoState.BLOCKED, VideoState.REJECTED):
        raise InvalidField(f"{source} was blocked, so it cannot be a source.", param="video_id")
    if video.deleted:
        raise _not_found(source)
    if video.state is VideoState.FAILED:
        raise InvalidField(f"{source} failed, so it has no clip that could be a source.", param="video_id")
    if video.state is not VideoState.DELIVERED:
        raise Conflict(
            f"{source} cannot be a source yet: its state is {video.state.value}.",
            param="video_id",
            remedy="Wait until the video is completed.",
        )


def _not_found(source: str) -> NotFound:
    return NotFound(f"There is no video {source[:80]!r}.", param="video_id")
