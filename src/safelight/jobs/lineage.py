"""Where a video comes from: what a remix, an edit or an extension starts from, and what it inherits.

A step inherits every finding of what it descends from, and the words of the whole chain are screened with its
own. Nothing is made from a video that is not out: blocked, deleted, withdrawn, or still on its way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from safelight.errors import Conflict, InvalidField, InvalidMedia, NotFound, Withdrawn
from safelight.generation.protocol import Derivation, SourceClip
from safelight.generation.protocol import ReferenceFile as OrderedFile
from safelight.ids import is_id
from safelight.moderation.admission import SOURCE_FIELD
from safelight.moderation.reference import media_type
from safelight.moderation.request import CreateRequest, SourceVideo
from safelight.policy.findings import Evidence, Finding, ImageBox, Stage, TextSpan
from safelight.store import tables
from safelight.store.transaction import Transaction

from .context import PipelineContext
from .models import Character, ReusedFile, Video
from .states import VideoState

#: A chain may be this long.
MOST_STEPS = 32
#: What a step takes over from its source's request; the rest belongs to that one video.
_NOT_INHERITED = frozenset({"num_frames", "test_card"})
_STAGES = (Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT)


@dataclass(frozen=True, kw_only=True)
class LineageTrace:
    """What a request starts from, looked up and found to be out."""

    origin: SourceVideo | None = None
    #: Ids of what it descends from at first hand, and by which step.
    parents: Mapping[str, str] = field(default_factory=dict)
    #: Findings that go in with its own.
    prior: tuple[Finding, ...] = ()
    borrowed: tuple[ReusedFile, ...] = ()

    @property
    def source(self) -> str | None:
        """The video it was made from."""
        return next((parent for parent in self.parents if is_id(parent, "video")), None)


@dataclass(frozen=True, kw_only=True)
class Lineage:
    workshop: PipelineContext

    def trace(self, tenant: str, request: CreateRequest) -> tuple[CreateRequest, LineageTrace]:
        """What a request starts from, and the request with what it takes over from there.

        Raises `NotFound`, `Gone`, `InvalidField` or `Conflict` where nothing may be made from it, and
        `InvalidMedia` where an uploaded clip cannot be opened.
        """
        if request.step is None:
            return request, LineageTrace()
        if request.source is None:
            return request, LineageTrace(origin=self._uploaded(request, request.step))
        return self._from_video(tenant, request, request.step, request.source)

    def ancestors(self, tenant: str, video: Video) -> tuple[Video, ...]:
        """The videos a video was made from, the nearest first."""
        found: list[Video] = []
        parent = video.remixed_from
        while parent is not None and len(found) < MOST_STEPS:
            found.append(self.workshop.store.get(tenant, parent))
            parent = found[-1].remixed_from
        return tuple(found)

    def with_characters(
        self, descent: LineageTrace, characters: Sequence[Character], tenant: str
    ) -> LineageTrace:
        """The same with stored characters: their clips go along, their findings go in."""
        for number, character in enumerate(characters):
            name = f"characters[{number}]"
            seen = self.workshop.store.findings_of(tenant, character.id, Stage.PROMPT, Stage.REFERENCE)
            clip = ReusedFile(
                field=name,
                sha256=character.sha256,
                media_type=character.media_type,
                bytes=character.bytes,
                of=character.id,
            )
            descent = replace(
                descent,
                parents={**descent.parents, character.id: "character"},
                prior=(*descent.prior, *inherited(seen, character.id, prefix=name)),
                borrowed=(*descent.borrowed, clip),
            )
        return descent

    def record(self, tx: Transaction, video_id: str, descent: LineageTrace) -> None:
        """Put lineage on the record, and keep the files it rests on for as long as the new video is made.

        Looks once more, under a lock, whether the source is still out. Raises as `trace`.
        """
        videos = tables.videos.c
        for parent, step in descent.parents.items():
            if is_id(parent, "video"):
                row = tx.one(tables.videos, videos.id == parent, lock=True)
                if row is None or row.deleted_at is not None or row.state != VideoState.DELIVERED.value:
                    raise _not_there(parent)
            tx.insert(
                tables.video_lineage,
                video_id=video_id,
                parent_id=parent,
                derivation=step,
                created_at=tx.now(),
            )
        for file in descent.borrowed:
            self.workshop.store.reuse_file(tx, video_id, file)

    def _uploaded(self, request: CreateRequest, step: Derivation) -> SourceVideo:
        clips = [upload for upload in request.uploads if upload.field == SOURCE_FIELD]
        if len(clips) != 1:
            raise InvalidField("Send one clip, or the id of a video that was made here.", param=SOURCE_FIELD)
        if not media_type(clips[0].path, SOURCE_FIELD).startswith("video/"):
            raise InvalidMedia("This is a picture; a clip is needed.", param=SOURCE_FIELD)
        try:
            facts = self.workshop.stages.reference.scanner.probe(clips[0].path)
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
        store = self.workshop.store
        if not is_id(source, "video"):
            raise _not_there(source)
        video = store.get(tenant, source)
        _require_out(video, source)
        ancestors = self.ancestors(tenant, video)
        if len(ancestors) >= MOST_STEPS:
            raise Conflict(f"{source} is {MOST_STEPS} steps from its first video; no more are taken.")
        for ancestor in ancestors:
            if ancestor.state is VideoState.WITHDRAWN or ancestor.vaulted:
                raise Withdrawn(f"{source} was made from a video that was withdrawn.", param="video_id")
        attempt = store.last_attempt(tenant, source)
        kept = attempt is not None and attempt.upstream_copy == "kept"
        origin = SourceVideo(
            step=step,
            seconds=video.seconds,
            width=video.width,
            height=video.height,
            prompts=tuple(each.prompt for each in reversed((video, *ancestors))),
            generator=video.generator,
            upstream_id=(attempt.upstream_id or "") if attempt is not None and kept else "",
        )
        file = next(
            (row for row in store.files(tenant, source, kind="sealed") if row.sha256 == video.sealed_sha256),
            None,
        )
        if file is None:
            raise _not_there(source)
        clip = ReusedFile(
            field=SOURCE_FIELD,
            sha256=file.sha256,
            media_type=file.media_type,
            bytes=file.bytes,
            of=source,
        )
        taken_over: dict[str, Any] = {}
        if request.model in (None, video.model) and video.generator in self.workshop.generators:
            known = self.workshop.generators[video.generator].info().extra_fields
            given = store.request(tenant, source)["extra"]
            taken_over = {
                name: value for name, value in given.items() if name in known and name not in _NOT_INHERITED
            }
        asked = replace(request, model=request.model or video.model, extra={**taken_over, **request.extra})
        return asked, LineageTrace(
            origin=origin,
            parents={source: step.value},
            prior=inherited(store.findings_of(tenant, source, *_STAGES), source),
            borrowed=(clip,),
        )


def inherited(findings: Iterable[Finding], parent: str, *, prefix: str = "ancestor") -> tuple[Finding, ...]:
    """A parent's findings as its child's: each once, with what they point at one step farther away."""
    seen: dict[bytes, Finding] = {}
    for finding in findings:
        attributes = {"inherited": parent, **finding.attributes}
        if "source" in attributes:
            attributes["source"] = _field(str(attributes["source"]), prefix)
        first_hand = "inherited" not in finding.attributes
        moved = msgspec.structs.replace(
            finding,
            reason=f"In what this is made from: {finding.reason}" if first_hand else finding.reason,
            evidence=tuple(_moved(piece, prefix) for piece in finding.evidence),
            attributes=attributes,
        )
        seen[msgspec.msgpack.encode(msgspec.structs.replace(moved, attributes={}))] = moved
    return tuple(seen.values())


def _moved(piece: Evidence, prefix: str) -> Evidence:
    if isinstance(piece, TextSpan | ImageBox) and piece.field:
        return msgspec.structs.replace(piece, field=_field(piece.field, prefix))
    return piece


def _field(name: str, prefix: str) -> str:
    """The parent's `prompt` is the child's `ancestor:1`, its `ancestor:1` the child's `ancestor:2`."""
    root, _, rest = name.partition(":")
    number, dot, inner = rest.partition(".")
    if root == prefix and number.isdecimal():
        return f"{prefix}:{int(number) + 1}{dot}{inner}"
    return f"{prefix}:1" if name in ("prompt", "composed") else f"{prefix}:1.{name}"


def source_clip_of(
    video: Video, request: Mapping[str, Any], files: Iterable[OrderedFile]
) -> SourceClip | None:
    """What the order of an accepted video starts from; None for one that is made from nothing."""
    origin = request.get("origin")
    if origin is None:
        return None
    clip = next(file for file in files if file.field == SOURCE_FIELD)
    return SourceClip(
        step=Derivation(origin["step"]),
        clip=clip,
        seconds=origin["seconds"],
        prompts=tuple(origin["prompts"]),
        upstream_id=origin["upstream_id"] if origin["generator"] == video.generator else "",
    )


def _require_out(video: Video, source: str) -> None:
    if video.state is VideoState.WITHDRAWN:
        raise Withdrawn(f"{source} was withdrawn; nothing can be made from it.", param="video_id")
    if video.vaulted or video.state in (VideoState.BLOCKED, VideoState.REJECTED):
        raise InvalidField(f"{source} was blocked; nothing can be made from it.", param="video_id")
    if video.deleted:
        raise _not_there(source)
    if video.state is VideoState.FAILED:
        raise InvalidField(f"{source} failed; there is nothing to start from.", param="video_id")
    if video.state is not VideoState.DELIVERED:
        raise Conflict(
            f"{source} is not finished yet: it is {video.state.value}.",
            param="video_id",
            remedy="Wait until it is completed.",
        )


def _not_there(source: str) -> NotFound:
    return NotFound(f"There is no video {source[:80]!r}.", param="video_id")
