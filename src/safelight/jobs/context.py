"""Dependencies that all pipeline steps share."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight.fileio import sha256_file
from safelight.generation.protocol import Generator
from safelight.moderation.delivery import DeliveryStage
from safelight.moderation.pipeline import Stages
from safelight.moderation.policy_loader import PolicyLoader
from safelight.progress import ProgressSink
from safelight.provenance.registry import Registry
from safelight.provenance.sealing import Sealer
from safelight.store.blobs import BlobStore
from safelight.store.database import Database
from safelight.store.retention import Retention

from .attempt_store import AttemptStore
from .files import FileRow, add_file
from .models import Explainer, Video
from .progress_writer import recorded_progress
from .quota import Quota
from .repository import VideoRepository


@dataclass(frozen=True, kw_only=True)
class PipelineLimits:
    """Times and sizes from the settings."""

    deadline_s: float
    review_due_s: float
    keep_s: float
    reference_wait_s: float
    max_download_bytes: int
    max_reference_bytes: int


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file on disk that is about to be stored."""

    path: Path
    kind: str
    media_type: str


@dataclass(frozen=True, kw_only=True)
class PipelineContext:
    """Services, stores and limits of the pipeline. One per process."""

    database: Database
    videos: VideoRepository
    attempts: AttemptStore
    policies: PolicyLoader
    blobs: BlobStore
    stages: Stages
    sealer: Sealer
    registry: Registry
    delivery: DeliveryStage
    quota: Quota
    explain: Explainer
    generators: Mapping[str, Generator]
    limits: PipelineLimits
    #: Directory for unfinished files; cleaned at start.
    scratch: Path
    #: Limits how many generations, scans and sealings run at the same time in this process.
    heavy_slots: threading.BoundedSemaphore
    #: Set when the process shuts down. Long waits end then.
    shutdown_event: threading.Event = field(default_factory=threading.Event)
    #: Called between the parts of a step, with the name of the boundary. Chaos tests crash there.
    fault_hook: Callable[[str], None] = lambda _name: None

    @contextmanager
    def work_dir(self, video_id: str) -> Iterator[Path]:
        """An empty directory for one step of one video. It is deleted at the end of the block."""
        place = self.scratch / f"{video_id}-{threading.get_ident()}-{time.monotonic_ns()}"
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def store_files(self, video: Video, files: Sequence[NewFile], *, retention: Retention) -> tuple[str, ...]:
        """Store files of this video; their hashes. All rows are written before any bytes, see `add_file`."""
        rows = [
            FileRow(
                kind=file.kind,
                sha256=sha256_file(file.path),
                size=file.path.stat().st_size,
                media_type=file.media_type,
                retention=retention,
            )
            for file in files
        ]
        with self.database.transaction(tenant=video.tenant) as tx:
            for row in rows:
                add_file(tx, video.id, row)
        for file in files:
            self.blobs.put_file(file.path, tenant=video.tenant, kind=file.kind, retention=retention)
        return tuple(row.sha256 for row in rows)

    def recorded_progress(self, video: Video, first: int, last: int) -> AbstractContextManager[ProgressSink]:
        """A sink for the progress of one part of a step, see `progress_writer.recorded_progress`."""
        return recorded_progress(self.database, video, first, last)
