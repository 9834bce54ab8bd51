"""Shows reviewers small greyscale pictures of unreleased content and plays its sound. Before each view, an
entry is written to the audit log.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, exists, or_, select

from safelight.errors import InvalidMedia, NotFound
from safelight.ids import new_id
from safelight.sandbox.child_main import ChildChannel
from safelight.sandbox.confinement import Limits
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Sandbox
from safelight.store.retention import Retention
from safelight.store.tables import assets, videos
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import CaseFile, CaseState

from .sound_excerpt import SoundPart, write_sound_excerpt

if TYPE_CHECKING:
    from safelight.jobs.repository import VideoRepository
    from safelight.store.blobs import BlobStore
    from safelight.store.database import Database


# Draws a small greyscale contact sheet in the sandbox. Reviewers get no larger image and no colours.

MAX_FRAMES = 9
MAX_SIDE_PX = 160
COLUMNS = 3


def draw_greyscale_preview(argument: dict[str, str], _link: ChildChannel) -> None:
    """Entry point in the sandbox: draw the clip or image `source` as greyscale frames into the file
    `into`.
    """
    import numpy as np

    from safelight.media.thumbnails import write_contact_sheet

    source = Path(argument["source"])
    frames = _read_clip(source) if argument["media_type"].startswith("video/") else [_read_image(source)]
    grey = [np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) for pixels in frames]
    write_contact_sheet(
        grey, Path(argument["into"]), columns=min(COLUMNS, len(grey)), longest_side=MAX_SIDE_PX
    )


def _read_clip(source: Path) -> list[Any]:
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS
    from safelight.media.thumbnails import pick_frame_indices

    walk = VideoDecoder(source, ACCEPTED_CLIP_LIMITS)
    _total, wanted = pick_frame_indices(walk.info, MAX_FRAMES)
    found = [
        frame.resized(MAX_SIDE_PX) for frame in walk.frames() if frame.index in wanted or frame.index == 0
    ]
    return found[1:] or found


def _read_image(source: Path) -> Any:
    from safelight.media.images import ImageLimits, read_image

    return read_image(source, ImageLimits(longest_side=MAX_SIDE_PX))[1][0]


_LIMITS = Limits(wall_s=60.0, cpu_s=120, memory_bytes=2 << 30, file_bytes=64 << 20, open_files=64)
#: Kinds of files of the video itself, in order of preference. The first that exists is shown.
_VIDEO_KINDS = ("generated", "sealed")
#: Files from which the video was made: uploads, and files of other videos and characters.
_REFERENCE_KINDS = ("reference", "source")


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """A stored file of a case."""

    sha256: str
    media_type: str
    #: 0 for the video, 1 for its first reference, and so on.
    number: int

    @property
    def is_clip(self) -> bool:
        return self.media_type.startswith("video/")


@dataclass(frozen=True, kw_only=True)
class CaseFiles:
    """The files of a case that the reviewer may be shown: the video, then its references."""

    shown: tuple[MediaFile, ...] = ()
    #: The number of those that are not, because they are in the vault or quarantined.
    withheld: int = 0


@dataclass(frozen=True, kw_only=True)
class CaseMedia:
    database: Database
    store: VideoRepository
    blobs: BlobStore
    sandbox: Sandbox
    scratch: Path

    def list_files(self, principal: Principal, case_file: CaseFile) -> CaseFiles:
        """The stored files of a case. Not recorded, because nothing is shown."""
        return self._list_files(principal, self.store.row(principal.tenant, case_file.case.video_id))

    def _list_files(self, principal: Principal, of: Row[Any]) -> CaseFiles:
        rows = self.store.files(principal.tenant, of.id)
        video = next((row for kind in _VIDEO_KINDS for row in rows if row.kind == kind), None)
        references = [row for row in rows if row.kind in _REFERENCE_KINDS]
        found = ([] if video is None else [(0, video)]) + list(enumerate(references, start=1))
        if of.vaulted:
            return CaseFiles(withheld=len(found))
        restricted = self._restricted_hashes(principal, [row.sha256 for row in rows])
        shown = tuple(
            MediaFile(sha256=row.sha256, media_type=row.media_type, number=number)
            for number, row in found
            if row.sha256 not in restricted
        )
        return CaseFiles(shown=shown, withheld=len(found) - len(shown))

    def show(self, principal: Principal, case_file: CaseFile, number: int | None) -> bytes:
        """A greyscale contact sheet of a file as WebP; without a number, of the first file.

        Raises `NotFound` if the case is closed, or has no such file.
        """
        file = self._file(principal, case_file, number)
        self._record(principal, case_file, file, {"shown": "pictures"})
        return self._convert(principal.tenant, file, draw_greyscale_preview, {"media_type": file.media_type})

    def play(self, principal: Principal, case_file: CaseFile, number: int, part: SoundPart) -> bytes:
        """A part of the sound of a clip as WAV. Raises `NotFound` also if there is none."""
        file = self._file(principal, case_file, number)
        if not file.is_clip:
            raise NotFound("This file is a picture. It has no sound.")
        self._record(
            principal, case_file, file, {"shown": "sound", "start_s": part.start_s, "end_s": part.end_s}
        )
        try:
            times = {"start_s": part.start_s, "end_s": part.end_s}
            return self._convert(principal.tenant, file, write_sound_excerpt, times)
        except InvalidMedia as error:
            # No sound in this part, or a file that cannot be read: the error says which.
            raise NotFound(f"This part cannot be played. {error}") from error

    def _file(self, principal: Principal, case_file: CaseFile, number: int | None) -> MediaFile:
        case = case_file.case
        video = self.store.row(principal.tenant, case.video_id)
        # A case that was opened before the quarantine is an ordinary one.
        principal.require(KeyScope.VAULT if case.quarantined or video.quarantined else KeyScope.REVIEW)
        if case.state is not CaseState.OPEN:
            raise NotFound("This case is closed. Pictures and sound are only for open cases.")
        for file in self._list_files(principal, video).shown:
            if number is None or file.number == number:
                return file
        raise NotFound("This case has no such file. Decide on the text.")

    def _restricted_hashes(self, principal: Principal, hashes: list[str]) -> set[str]:
        """Those of the files that belong to a vaulted or, without the scope `vault`, a quarantined video too.

        A reference can be a file of another video.
        """
        # One query that sends no ids, because any number of videos can use the same file.
        with self.database.read_transaction(principal.tenant) as tx:
            own = tx.tenant_condition(assets)
            restricted = assets.c.retention == Retention.VAULT.value
            if not principal.has_scope(KeyScope.VAULT):
                # The scope check wants the tenant of both tables in the inner query too.
                owner = (*own, *tx.tenant_condition(videos), videos.c.id == assets.c.video_id)
                restricted = or_(restricted, exists().where(*owner, videos.c.quarantined))
            uses = (*own, assets.c.sha256.in_(hashes), assets.c.deleted_at.is_(None), restricted)
            return set(tx.execute(select(assets.c.sha256).where(*uses).distinct()).scalars())

    def _record(
        self, principal: Principal, case_file: CaseFile, file: MediaFile, shown: Mapping[str, Any]
    ) -> None:
        with self.database.transaction(principal.tenant) as tx:
            tx.append_audit(
                "case.revealed",
                subject=case_file.case.video_id,
                actor=principal.id,
                content={"case": case_file.case.id, "sha256": file.sha256, **shown},
            )

    def _convert(
        self,
        tenant: str,
        file: MediaFile,
        entry: Callable[[dict[str, Any], ChildChannel], None],
        options: Mapping[str, Any],
    ) -> bytes:
        """Run an entry point of the sandbox that makes one file from another."""
        with self._work_dir() as work_dir:
            source, into = work_dir / "source", work_dir / "converted"
            self.blobs.copy_to(tenant, file.sha256, source)
            self.sandbox.run(
                EntryPoint.of(entry),
                {"source": str(source), "into": str(into), **options},
                reads=[source],
                writes=[into],
                limits=_LIMITS,
            )
            return into.read_bytes()

    @contextmanager
    def _work_dir(self) -> Iterator[Path]:
        work_dir = self.scratch / new_id("req")
        work_dir.mkdir(parents=True)
        try:
            yield work_dir
        finally:
            shutil.rmtree(work_dir, ignore_errors=True)
