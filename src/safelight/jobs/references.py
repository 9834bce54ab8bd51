"""The references of a request: fetched once, kept by hash, and judged before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.fileio import sha256_file
from safelight.moderation.evaluation import StageResult
from safelight.moderation.reference import ReferenceInput, media_type
from safelight.moderation.request import AdmittedRequest
from safelight.net.fetch import Fetcher
from safelight.policy.findings import Finding, Stage
from safelight.store.retention import Retention
from safelight.store.transaction import Transaction

from .context import PipelineContext
from .models import Video


@dataclass(frozen=True, kw_only=True)
class References:
    """Gets the references of a request onto our disk, and looks at them while the client waits."""

    workshop: PipelineContext
    fetcher: Fetcher
    #: Threads for pictures that are looked at while the client waits.
    threads: Executor

    def fetch_all(self, admitted: AdmittedRequest, bench: Path) -> tuple[ReferenceInput, ...]:
        """Everything that came as a file or an address, on our disk; addresses are fetched once, by us."""
        files = [self.identify_file(upload.path, upload.field) for upload in admitted.uploads]
        for number, (field, url) in enumerate(admitted.urls.items()):
            into = bench / f"fetched-{number}"
            self.fetcher.fetch(url, into, max_bytes=self.workshop.terms.max_reference_bytes, param=field)
            files.append(self.identify_file(into, field))
        return tuple(files)

    def identify_file(self, path: Path, field: str) -> ReferenceInput:
        """A file as what its first bytes say it is. Raises `InvalidMedia`."""
        return ReferenceInput(
            path=path, field=field, media_type=media_type(path, field), sha256=sha256_file(path)
        )

    def screen(
        self,
        references: tuple[ReferenceInput, ...],
        tenant: str,
        prior: tuple[Finding, ...],
        texts: Mapping[str, str],
    ) -> StageResult | None:
        """The verdict on the references, or None where it takes longer than a client should wait."""
        stage = self.workshop.stages.reference
        if not references or any(not file.is_picture for file in references):
            return None
        looking: Future[StageResult] = self.threads.submit(
            stage.judge_files, references, tenant=tenant, prior=prior, texts=texts
        )
        try:
            return looking.result(timeout=self.workshop.terms.reference_wait_s)
        except NotYet:
            # The files go with the request's bench; the job looks again at our own copies.
            looking.cancel()
            return None

    def record_files(
        self,
        tx: Transaction,
        owner_id: str,
        references: Iterable[ReferenceInput],
        retention: Retention,
        *,
        kind: str = "reference",
    ) -> None:
        """Put files on the record as somebody's, before their bytes are stored."""
        for file in references:
            self.workshop.store.add_file(
                tx,
                owner_id,
                kind=kind,
                sha256=file.sha256,
                size=file.path.stat().st_size,
                media_type=file.media_type,
                retention=retention,
            )

    def store_files(
        self,
        tenant: str,
        references: Iterable[ReferenceInput],
        retention: Retention,
        *,
        kind: str = "reference",
    ) -> None:
        """Store the bytes of files that were noted."""
        for file in references:
            self.workshop.blobs.put_file(file.path, tenant=tenant, kind=kind, retention=retention)


def screen_stored_references(
    workshop: PipelineContext, video: Video, references: Iterable[Mapping[str, Any]], bench: Path
) -> StageResult:
    """The verdict on stored references, with no limit of time but the scan's own.

    What is borrowed was judged when it came; its findings are among those of the prompt stage.
    """
    files = []
    for number, reference in enumerate(references):
        if reference.get("of"):
            continue
        path = bench / f"judged-{number}"
        workshop.blobs.copy_to(video.tenant, reference["sha256"], path)
        files.append(
            ReferenceInput(
                path=path,
                field=reference["field"],
                media_type=reference["media_type"],
                sha256=reference["sha256"],
            )
        )
    prior = workshop.store.findings_of(video.tenant, video.id, Stage.PROMPT)
    return workshop.stages.reference.judge_files(
        files,
        tenant=video.tenant,
        prior=prior,
        settled=workshop.store.approved_findings(video.tenant, video.id),
        overturned=workshop.store.overturned_findings(video.tenant, video.id),
        texts=workshop.store.request(video.tenant, video.id)["texts"],
    )
