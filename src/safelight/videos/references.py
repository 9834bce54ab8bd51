"""The references of a request: fetched once, stored by hash, and screened before the generation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safelight.core.errors import DeadlineExceeded, SandboxFailed, Unavailable, Withdrawn
from safelight.core.net.fetch import Fetcher
from safelight.policy.findings import Stage
from safelight.provenance.models import ManifestState
from safelight.provenance.recovery.conclusion import Answer
from safelight.provenance.recovery.recovery import Recovered
from safelight.provenance.seal import Seal
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.reference import ReferenceInput
from safelight.screening.timed_reference import TimedReferenceStage
from safelight.store.database import Transaction
from safelight.store.retention import Retention
from safelight.videos.requests.admission import SOURCE_FIELD
from safelight.videos.requests.request import AdmittedRequest

from .attempts import seconds_left
from .context import PipelineContext
from .copied_sources import CopiedSources, look_up_copied_sources
from .failure_message import late_sentence
from .files import FileRow, add_file
from .models import Video, VideoSnapshot
from .requester import requester_of
from .withdrawal import is_withdrawn

#: Entry in the details of the stage `reference`: by the hash of an input, that of the delivered file of which
#: it is a changed copy. No record shows it: it says that a mark can still be read.
SOURCE_SEALS = "source_seals"
#: Entry beside it, which the record shows: the uploaded source has no manifest, and that file was delivered
#: to the same tenant.
SOURCE_IS_COPY = "source_is_copy"
#: Pause before inputs are checked again, if a key of the watermark cannot be read. A person has to repair it.
_KEY_RETRY_S = 30.0


@dataclass(frozen=True, kw_only=True)
class References:
    """Fetches the references of a request, and screens images while the client waits."""

    context: PipelineContext
    fetcher: Fetcher
    timed_stage: TimedReferenceStage

    def fetch_all(self, admitted: AdmittedRequest, work_dir: Path) -> tuple[ReferenceInput, ...]:
        """All uploads and URLs of a request as local files. Each URL is fetched only once."""
        files = [ReferenceInput.of(upload.path, upload.field) for upload in admitted.uploads]
        for number, (field, url) in enumerate(admitted.urls.items()):
            into = work_dir / f"fetched-{number}"
            self.fetcher.fetch(url, into, max_bytes=self.context.limits.max_reference_bytes, param=field)
            files.append(ReferenceInput.of(into, field))
        for file in files:
            self.refuse_withdrawn_file(file)
        return tuple(files)

    def refuse_withdrawn_file(self, file: ReferenceInput) -> None:
        """Refuse exactly the file of a withdrawn video at once. Changed copies are found before the scan."""
        if self.is_of_withdrawn_video(file.sha256):
            raise withdrawn_source(file)

    def is_of_withdrawn_video(self, sha256: str) -> bool:
        """Whether this is the delivered file of a video that was withdrawn or vaulted."""
        seal = self.context.registry.by_sha256(sha256)
        return seal is not None and is_withdrawn(self.context.database, seal.video_id)

    def screen(
        self,
        references: tuple[ReferenceInput, ...],
        context: ScreeningContext,
    ) -> StageResult | None:
        """Screen images while the client waits, so that a block is answered at once.

        Returns None if the references include a clip, or if the screening takes too long for a waiting
        client. All references are screened again when their origin is known.
        """
        if not references or any(not file.is_picture for file in references):
            return None
        return self.timed_stage.screen(references, context)

    def record_files(
        self,
        tx: Transaction,
        owner_id: str,
        references: Iterable[ReferenceInput],
        retention: Retention,
        *,
        kind: str = "reference",
    ) -> None:
        """Record the files of a video or a character, before their bytes are stored."""
        for file in references:
            add_file(
                tx,
                owner_id,
                FileRow(
                    kind=kind,
                    sha256=file.sha256,
                    size=file.path.stat().st_size,
                    media_type=file.media_type,
                    retention=retention,
                ),
            )

    def store_files(
        self,
        tenant: str,
        references: Iterable[ReferenceInput],
        retention: Retention,
        *,
        kind: str = "reference",
    ) -> None:
        """Store the bytes of files that are recorded already."""
        for file in references:
            self.context.blobs.put_file(file.path, tenant=tenant, kind=kind, retention=retention)


def screen_stored_references(
    context: PipelineContext, snapshot: VideoSnapshot, work_dir: Path
) -> tuple[StageResult, CopiedSources]:
    """Screen the stored references of a video. Only the time limit of the scan applies.

    Also returns the delivered videos of which they are copies.

    Raises the errors of `recover_input`.

    Files of other videos and of characters are skipped, because they were screened earlier. The prompt stage
    inherits their findings.
    """
    tenant, request = snapshot.video.tenant, snapshot.request
    files = []
    for number, reference in enumerate(request["references"]):
        if reference.get("of"):
            continue
        path = work_dir / f"reference-{number}"
        context.blobs.copy_to(tenant, reference["sha256"], path)
        files.append(
            ReferenceInput(
                path=path,
                field=reference["field"],
                media_type=reference["media_type"],
                sha256=reference["sha256"],
            )
        )
    details: dict[str, Any] = {}
    copied, seals = set[str](), dict[str, str]()
    for file in files:
        recovered = _recover_in_time(context, snapshot.video, file)
        if recovered.source_video is not None:
            copied.add(recovered.source_video)
        if (seal := changed_from(recovered)) is None:
            continue
        seals[file.sha256] = seal.sha256
        has_manifest = recovered.verification.state is not ManifestState.ABSENT
        if file.field == SOURCE_FIELD and not has_manifest:
            details |= (
                {SOURCE_IS_COPY: True} if context.registry.by_video(seal.video_id, tenant=tenant) else {}
            )
    if seals:
        details[SOURCE_SEALS] = seals
    requester, stage = requester_of(snapshot.video, request), context.stages.reference
    sources = look_up_copied_sources(
        context.database, tenant, copied, requester, compares_faces=stage.compares_faces
    )
    result = stage.screen(
        files,
        ScreeningContext(
            policy=context.policies.load(tenant),
            texts=request["texts"],
            prior=(*snapshot.findings(Stage.PROMPT), *sources.findings),
            approved=snapshot.approved,
            overturned=snapshot.overturned,
            audience=snapshot.audience,
            requester=requester,
        ),
    )
    return replace(result, details={**result.details, **details}), sources


def recover_input(context: PipelineContext, file: ReferenceInput) -> Recovered:
    """The origin of an input.

    Raises `Withdrawn` if it was made from a video of this installation that was withdrawn or vaulted. That is
    not known if no watermark could be searched: raises `Unavailable` if a key cannot be read, and
    `SandboxFailed`. An installation that never had a key has no marks to search.
    """
    recovered = context.recovery.recover(file.path)
    if recovered.names_withdrawn:
        raise withdrawn_source(file)
    error = recovered.search_error
    if error is None or recovered.source_video is not None:
        return recovered
    unknown = (
        f"It could not be checked whether the file in {file.field!r} comes from a withdrawn video, because "
    )
    if isinstance(error, SandboxFailed):
        raise SandboxFailed(unknown + "the search for a watermark in it failed.") from error
    raise Unavailable(
        unknown + "a watermark key of this installation cannot be read.",
        retry_after_s=_KEY_RETRY_S,
        remedy="The operator finds the reason with: safelight doctor",
    ) from error


def _recover_in_time(context: PipelineContext, video: Video, file: ReferenceInput) -> Recovered:
    """The origin of an input. Raises the errors of `recover_input`, and `DeadlineExceeded` with the reason if
    no time is left to wait until a key can be read.
    """
    try:
        return recover_input(context, file)
    except Unavailable as error:
        if seconds_left(context, video) > error.retry_after_s:
            raise
        raise DeadlineExceeded(f"{late_sentence(context.limits.deadline_s)} {error}") from error


def changed_from(recovered: Recovered) -> Seal | None:
    """The seal of the delivered file of which this one is a changed copy. Other copies have its manifest."""
    return recovered.seal if recovered.conclusion.answer is Answer.CHANGED else None


def withdrawn_source(file: ReferenceInput) -> Withdrawn:
    return Withdrawn(
        f"The file in {file.field!r} comes from a video of this installation that was withdrawn. "
        "It cannot be used.",
        param=file.field,
    )
