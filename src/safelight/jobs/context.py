"""What the steps of a video's way work with: handed in once, shared by all of them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight.fileio import sha256_file
from safelight.generation.protocol import Generator
from safelight.moderation.delivery import DeliveryStage
from safelight.moderation.pipeline import Stages
from safelight.provenance.registry import Registry
from safelight.provenance.sealing import Sealer
from safelight.store.blobs import BlobStore
from safelight.store.database import Database
from safelight.store.retention import Retention

from .models import Explainer, Video
from .quota import Quota
from .repository import VideoRepository


@dataclass(frozen=True, kw_only=True)
class PipelineLimits:
    """Times and sizes the operator set."""

    deadline_s: float
    review_due_s: float
    keep_s: float
    reference_wait_s: float
    max_download_bytes: int
    max_reference_bytes: int


@dataclass(frozen=True, kw_only=True)
class PipelineContext:
    database: Database
    store: VideoRepository
    blobs: BlobStore
    stages: Stages
    sealer: Sealer
    registry: Registry
    delivery: DeliveryStage
    quota: Quota
    explain: Explainer
    generators: Mapping[str, Generator]
    terms: PipelineLimits
    #: Directory for unfinished files; cleaned at start.
    scratch: Path
    #: Renderings, scans and sealings at the same time in this process.
    heavy_slots: threading.BoundedSemaphore
    #: Set when the process is asked to stop: long waits end.
    shutdown_event: threading.Event = field(default_factory=threading.Event)
    #: Called between the parts of a step, with a name; the chaos tests die there.
    fault_hook: Callable[[str], None] = lambda _name: None

    @contextmanager
    def work_dir(self, video_id: str) -> Iterator[Path]:
        """An empty directory for one step of one video, gone afterwards."""
        place = self.scratch / f"{video_id}-{threading.get_ident()}-{time.monotonic_ns()}"
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def store_file(
        self, video: Video, path: Path, *, kind: str, media_type: str, retention: Retention
    ) -> str:
        """Store a file as this video's; its sha256. The row comes first, see `VideoStore.add_file`."""
        sha256 = sha256_file(path)
        with self.database.transaction(tenant=video.tenant) as tx:
            self.store.add_file(
                tx,
                video.id,
                kind=kind,
                sha256=sha256,
                size=path.stat().st_size,
                media_type=media_type,
                retention=retention,
            )
        self.blobs.put_file(path, tenant=video.tenant, kind=kind, retention=retention)
        return sha256

    def progress_callback(self, tenant: str, video_id: str, first: int, last: int) -> Callable[[int], None]:
        """A callback that maps 0..100 to `first`..`last` and writes at most twice a second."""
        written = [first, 0.0]

        def report(percent: int) -> None:
            value = first + (last - first) * max(0, min(100, percent)) // 100
            now = time.monotonic()
            if value > written[0] and now - written[1] >= 0.5:
                written[0], written[1] = value, now
                self.store.report_progress(tenant, video_id, value)

        return report
