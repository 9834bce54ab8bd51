"""The one exception to "nothing leaves unchecked": a small grey look for who decides, on the record first."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.errors import NotFound
from safelight.ids import new_id
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Limits, Sandbox
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import CaseFile, CaseState

from .greyscale_preview import draw

if TYPE_CHECKING:
    from safelight.jobs.repository import VideoRepository
    from safelight.store.blobs import BlobStore
    from safelight.store.database import Database

_LIMITS = Limits(wall_s=60.0, cpu_s=120, memory_bytes=2 << 30, file_bytes=64 << 20, open_files=64)
#: What is shown of a held or reported video: the clip that was judged, else what it was to be made from.
_KINDS = ("generated", "sealed", "reference")


@dataclass(frozen=True, kw_only=True)
class Reveal:
    database: Database
    store: VideoRepository
    blobs: BlobStore
    sandbox: Sandbox
    scratch: Path

    def __call__(self, principal: Principal, file: CaseFile) -> bytes:
        """A grey contact sheet as WebP. `NotFound` where there are no pictures, or the case is closed."""
        case = file.case
        principal.require(KeyScope.VAULT if case.quarantined else KeyScope.REVIEW)
        if case.state is not CaseState.OPEN:
            raise NotFound("This case is closed; there is no need to look any more.")
        files = self.store.files(principal.tenant, case.video_id)
        found = next((row for kind in _KINDS for row in files if row.kind == kind), None)
        if found is None:
            raise NotFound("There are no pictures to this case: words alone are to be decided on.")
        with self.database.transaction(principal.tenant) as tx:
            tx.append_audit(
                "case.revealed",
                subject=case.video_id,
                actor=principal.id,
                content={"case": case.id, "sha256": found.sha256},
            )
        return self._draw(principal.tenant, found.sha256, found.media_type)

    def _draw(self, tenant: str, sha256: str, media_type: str) -> bytes:
        bench = self.scratch / new_id("req")
        bench.mkdir(parents=True)
        try:
            source, into = bench / "source", bench / "sheet.webp"
            self.blobs.copy_to(tenant, sha256, source)
            self.sandbox.run(
                EntryPoint.of(draw),
                {"source": str(source), "into": str(into), "media_type": media_type},
                reads=[source],
                writes=[into],
                limits=_LIMITS,
            )
            return into.read_bytes()
        finally:
            shutil.rmtree(bench, ignore_errors=True)
