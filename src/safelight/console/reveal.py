"""Shows a reviewer a small greyscale preview of unreleased content. Before each view, an entry is written
to the audit log.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.errors import NotFound
from safelight.ids import new_id
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Limits, Sandbox
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import CaseFile, CaseState

from .greyscale_preview import draw_greyscale_preview

if TYPE_CHECKING:
    from sqlalchemy import Row

    from safelight.jobs.repository import VideoRepository
    from safelight.store.blobs import BlobStore
    from safelight.store.database import Database

_LIMITS = Limits(wall_s=60.0, cpu_s=120, memory_bytes=2 << 30, file_bytes=64 << 20, open_files=64)
#: Kinds of files of a held or reported video, in order of preference. The first that exists is shown.
_FILE_KINDS = ("generated", "sealed", "reference")


@dataclass(frozen=True, kw_only=True)
class RevealPictures:
    database: Database
    store: VideoRepository
    blobs: BlobStore
    sandbox: Sandbox
    scratch: Path

    def __call__(self, principal: Principal, case_file: CaseFile) -> bytes:
        """Make a greyscale contact sheet as WebP. Raises `NotFound` if the case has no images or is
        closed.
        """
        case = case_file.case
        video = self.store.row(principal.tenant, case.video_id)
        # A video stays quarantined after its release, and later cases about it may not be.
        is_quarantined = case.quarantined or video.quarantined
        principal.require(KeyScope.VAULT if is_quarantined else KeyScope.REVIEW)
        if case.state is not CaseState.OPEN:
            raise NotFound("This case is closed. Images are shown only for open cases.")
        stored = None if video.vaulted else self._stored(principal, case_file)
        if stored is None:
            raise NotFound("This case has no images. Decide on the text.")
        with self.database.transaction(principal.tenant) as tx:
            tx.append_audit(
                "case.revealed",
                subject=case.video_id,
                actor=principal.id,
                content={"case": case.id, "sha256": stored.sha256},
            )
        return self._draw_preview(principal.tenant, stored.sha256, stored.media_type)

    def exist(self, principal: Principal, case_file: CaseFile) -> bool:
        return self._stored(principal, case_file) is not None

    def _stored(self, principal: Principal, case_file: CaseFile) -> Row[Any] | None:
        files = self.store.files(principal.tenant, case_file.case.video_id)
        return next((row for kind in _FILE_KINDS for row in files if row.kind == kind), None)

    def _draw_preview(self, tenant: str, sha256: str, media_type: str) -> bytes:
        work_dir = self.scratch / new_id("req")
        work_dir.mkdir(parents=True)
        try:
            source, sheet = work_dir / "source", work_dir / "sheet.webp"
            self.blobs.copy_to(tenant, sha256, source)
            self.sandbox.run(
                EntryPoint.of(draw_greyscale_preview),
                {"source": str(source), "into": str(sheet), "media_type": media_type},
                reads=[source],
                writes=[sheet],
                limits=_LIMITS,
            )
            return sheet.read_bytes()
        finally:
            shutil.rmtree(work_dir, ignore_errors=True)
