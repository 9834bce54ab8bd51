"""Dependencies that all steps of the video pipeline share."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight.accounts.gates import Gates
from safelight.accounts.policies import PolicyLoader
from safelight.accounts.standing import Standings
from safelight.core.background.clock_watch import ClockWatch
from safelight.core.fileio import sha256_file
from safelight.core.progress import ProgressSink
from safelight.core.tracing import child_span
from safelight.provenance.recovery.recovery import Recovery
from safelight.provenance.sealing import Sealer
from safelight.providers.protocol import Generator, ProviderRefusal
from safelight.screening.delivery import DeliveryStage
from safelight.screening.pipeline import Stages
from safelight.store import tables
from safelight.store.blobs import BlobStore
from safelight.store.database import Database, Transaction
from safelight.store.retention import Retention

from .attempt_store import AttemptStore
from .fair_order import SlotRequest
from .files import FileRow, add_file
from .local_slots import LocalSlots
from .models import Explainer, RetryResult, Video, VideoSnapshot
from .quota import Quota
from .refusal_budget import RefusalBudget
from .registry import Registry
from .repository import VideoRepository
from .transitions import StaleRevision, write_progress
from .upstream_gate import UpstreamGate

_log = logging.getLogger(__name__)
#: Pauses between two writes. Each pause is twice the last, because clients poll an older video less often.
_FIRST_PAUSE_S, _MAX_PAUSE_S = 2.0, 15.0
#: A smaller change is not written.
_MIN_STEP_PERCENT = 5
#: The last generations of each upstream, of which the shortest tells whether a deadline can be kept.
_GENERATIONS_KEPT = 20


@contextmanager
def recorded_progress(database: Database, video: Video, first: int, last: int) -> Iterator[ProgressSink]:
    """A progress sink for one part of a step.

    The sink takes 0 to 100 % of this part, which are stored as `first` to `last` percent of the whole video.
    Writing stops at the end of the `with` block. If a write fails, a warning is logged and the write is
    skipped.
    """
    sink, ended = ProgressSink(), threading.Event()

    def write_until_ended() -> None:
        written, pause_s = max(first, video.progress), _FIRST_PAUSE_S
        while not ended.wait(pause_s):
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
            percent = first + (last - first) * sink.percent // 100
            if percent < written + _MIN_STEP_PERCENT:
                continue
            try:
                with database.transaction(tenant=video.tenant) as tx:
                    write_progress(tx, video.id, percent)
            except Exception as error:
                _log.warning("The progress of %s was not written: %s", video.id, error)
            else:
                written = percent

    writer = threading.Thread(target=write_until_ended, name=f"progress-{video.id}", daemon=True)
    writer.start()
    try:
        yield sink
    finally:
        ended.set()
        writer.join()


@dataclass(kw_only=True)
class DownloadTries:
    """The downloads of one clip in a row that brought nothing new.

    A server that sends the file from its beginning every time brings something new only if more bytes come
    than ever before.
    """

    in_a_row: int = 0
    most_bytes: int = 0

    def see(self, stored_bytes: int) -> bool:
        """Note what is stored. Returns whether it is more than before."""
        is_more = stored_bytes > self.most_bytes
        self.most_bytes = max(self.most_bytes, stored_bytes)
        return is_more

    def fail(self, stored_bytes: int) -> None:
        """A download has failed, after which so much is stored."""
        self.in_a_row = 1 if self.see(stored_bytes) else self.in_a_row + 1


@dataclass(frozen=True, kw_only=True)
class PipelineLimits:
    """Time and size limits from the settings."""

    deadline_s: float
    review_due_s: float
    keep_s: float
    max_download_bytes: int
    max_reference_bytes: int
    #: First outputs of a new tenant, and of a new end user, that are held for a reviewer.
    first_outputs: int = 0
    first_outputs_of_end_user: int = 0


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file on disk that is about to be stored for a video."""

    path: Path
    kind: str
    media_type: str


@dataclass(frozen=True, kw_only=True)
class PipelineContext:
    """Services, stores and limits that all steps share. There is one instance per process."""

    database: Database
    videos: VideoRepository
    attempts: AttemptStore
    policies: PolicyLoader
    blobs: BlobStore
    stages: Stages
    sealer: Sealer
    registry: Registry
    #: Finds our own videos among references.
    recovery: Recovery
    delivery: DeliveryStage
    quota: Quota
    standings: Standings
    explain: Explainer
    generators: Mapping[str, Generator]
    limits: PipelineLimits
    #: The rollout steps; None if the settings do not enable them.
    gates: Gates | None = None
    #: Directory for unfinished files. It is emptied when the process starts.
    scratch: Path
    local_slots: LocalSlots
    clock_watch: ClockWatch
    #: By the name of the generator.
    upstreams: Mapping[str, UpstreamGate]
    refusals: RefusalBudget
    #: Waits until this process holds its worker lease. Raises `ShutdownRequested` if the process shuts down
    #: before. Called before every request to an upstream and before the result of a step is committed.
    wait_for_lease: Callable[[], None] = lambda: None
    #: Seconds of the last generations at upstreams in this process, by the name of the generator.
    generation_times: defaultdict[str, deque[float]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_GENERATIONS_KEPT))
    )
    #: By the id of the attempt, while its clip is downloaded.
    downloads: dict[str, DownloadTries] = field(default_factory=dict)
    #: Submits the retry of a video that its provider blocked, if the client asked for one.
    retry: Callable[[VideoSnapshot, ProviderRefusal, Path], RetryResult] = lambda *_: RetryResult()
    #: What this process does of the work on videos.
    roles: Collection[str] = ("work", "scan")
    #: Set when the process shuts down, so that long waits end.
    shutdown_event: threading.Event = field(default_factory=threading.Event)
    #: Called with the name of a point between two parts of a step. Tests crash the process at these points.
    fault_hook: Callable[[str], None] = lambda _name: None

    @contextmanager
    def local_slot(self, video: Video, part: str) -> Iterator[None]:
        """A slot for one part of the work. Raises `ShutdownRequested`; see `LocalSlots`."""
        with self.local_slots.hold(slot_request(video)), child_span(part):
            yield

    @contextmanager
    def commit_step(
        self, snapshot: VideoSnapshot, *, first: Callable[[Transaction], None] | None = None
    ) -> Iterator[Transaction]:
        """A transaction that commits the result of a step. Raises `StaleRevision` if a newer run has it, or
        the video is in another state.

        While the worker lease is lost, another process may run the same step, so the lease must be held.
        `first` is called at its beginning with a transaction across tenants that ends with this one.
        """
        self.wait_for_lease()
        video = snapshot.video
        opening = (
            self.database.transaction(video.tenant)
            if first is None
            else self.database.across_tenants("a submission")
        )
        with opening as tx:
            if first is not None:
                first(tx)
                tx = tx.of_tenant(video.tenant)
            row = tx.one(tables.videos, video.id, lock=True)
            if row is None or (row.enqueue_count, row.state) != (snapshot.run, video.state.value):
                raise StaleRevision(video.id)
            yield tx

    @contextmanager
    def work_dir(self, video_id: str) -> Iterator[Path]:
        """Create an empty directory for one step of a video. It is deleted at the end of the `with` block."""
        place = self.scratch / f"{video_id}-{threading.get_ident()}-{time.monotonic_ns()}"
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def store_files(self, video: Video, files: Sequence[NewFile], *, retention: Retention) -> tuple[str, ...]:
        """Store files of this video. Returns their hashes.

        All rows are written before any bytes are stored; `add_file` explains why.
        """
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
        """A progress sink for one part of a step, which writes into the row of the video."""
        return recorded_progress(self.database, video, first, last)


def slot_request(video: Video) -> SlotRequest:
    """The request of a video for a slot here, or at its upstream."""
    return SlotRequest(tenant=video.tenant, key=video.principal_id, since=video.created_at, video_id=video.id)
