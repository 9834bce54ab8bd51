"""Shows reviewers pictures of unreleased content, small and grey unless they ask for more, and plays its
sound. Before each view, an entry is written to the audit log.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, or_, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.withheld_videos import has_readable_prompt
from safelight.core.errors import InvalidMedia, NotFound
from safelight.core.ids import new_id
from safelight.media.sandbox.child_main import ChildChannel
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.store.retention import Retention
from safelight.store.tables import assets, videos
from safelight.videos.case_rows import Case, CaseFile, CaseState
from safelight.videos.generation_stage import STOPPED_PREVIEW
from safelight.videos.staff_reads import StaffRead

from .sound_excerpt import SoundPart, write_sound_excerpt

if TYPE_CHECKING:
    from safelight.store.blobs import BlobStore
    from safelight.store.database import Database, Row
    from safelight.videos.repository import VideoRepository

#: The longest side of a frame that is shown small, and large; of a large single frame, and of large others.
_SMALL_PX, _LARGE_FRAME_PX, _LARGE_PX = 160, 640, 320
_LIMITS = Limits(wall_s=60.0, cpu_s=120, memory_bytes=2 << 30, file_bytes=64 << 20, open_files=64)
#: How much of a prompt a list reads: more than it shows.
LISTED_CHARACTERS = 200
#: Kinds of files of the video itself, in order of preference. The first that exists is shown. The last is a
#: picture.
_VIDEO_KINDS = ("generated", "sealed", STOPPED_PREVIEW)
#: Files from which the video was made: uploads, and files of other videos and characters.
_REFERENCE_KINDS = ("reference", "source")


class Shot(StrEnum):
    """How much of a clip is shown at once, least first."""

    FRAME = "frame"
    #: The frame with those around it.
    AROUND = "around"
    #: Four seconds as a film.
    CLIP = "clip"
    #: Frames at even distances over the whole clip.
    WHOLE = "whole"


#: The number of frames of a shot, how many of a second of the clip, and how many are in a row.
_SHEETS = {
    Shot.FRAME: (1, 1.0, 1),
    Shot.AROUND: (9, 4.0, 3),
    Shot.CLIP: (32, 8.0, 8),
    Shot.WHOLE: (9, 1.0, 3),
}


@dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """What a reviewer asks to see. Covered, small and grey is the least."""

    #: 0 for the video, 1 for its first reference.
    file: int
    shot: Shot
    #: The number of the frame of the clip; not used by `Shot.WHOLE`.
    frame: int = 0
    in_colour: bool = False
    large: bool = False

    @property
    def longest_side(self) -> int:
        return (_LARGE_FRAME_PX if self.shot is Shot.FRAME else _LARGE_PX) if self.large else _SMALL_PX


@dataclass(frozen=True, kw_only=True)
class PictureSheet:
    """Pictures on one page as WebP, and how they follow each other."""

    image: bytes
    #: The numbers of the frames, in reading order.
    frames: tuple[int, ...]
    columns: int
    #: Frames per second of the clip, and of the page.
    fps: float
    per_s: float


def draw_pictures(argument: dict[str, Any], _link: ChildChannel) -> dict[str, Any]:
    """Entry point in the sandbox: draw frames of the clip, or the image, `source` into the file `into`."""
    from safelight.media.thumbnails import write_review_sheet

    shot = Shot(argument["shot"])
    count, per_s, columns = _SHEETS[shot]
    return write_review_sheet(
        Path(argument["source"]),
        Path(argument["into"]),
        is_clip=argument["media_type"].startswith("video/"),
        around=None if shot is Shot.WHOLE else argument["frame"],
        count=count,
        per_s=per_s,
        columns=columns,
        longest_side=argument["longest_side"],
        grey=argument["grey"],
    )


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

    def list_prompts(self, principal: Principal, cases: Iterable[Case]) -> Mapping[str, str]:
        """The starts of the prompts of these cases, by the id of the video. Not recorded: it is work."""
        if not principal.has_scope(KeyScope.VIDEOS_READ):
            return {}
        with self.database.read_transaction(principal.tenant) as tx:
            of_cases = (videos.c.id.in_({case.video_id for case in cases}), *has_readable_prompt(principal))
            start = func.substr(videos.c.prompt, 1, LISTED_CHARACTERS).label("prompt")
            rows = tx.select(videos, *of_cases, columns=[videos.c.id, start])
        return {row.id: row.prompt for row in rows}

    def _list_files(self, principal: Principal, of: Row) -> CaseFiles:
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

    def show(self, principal: Principal, case_file: CaseFile, asked: PictureRequest) -> PictureSheet:
        """Pictures of a file. Raises `NotFound` if the case is closed, or has no such file."""
        file = self._file(principal, case_file, asked.file)
        of_clip = {"shot": asked.shot.value, "frame": asked.frame} if file.is_clip else {}
        extra = [name for name, chosen in (("colour", asked.in_colour), ("large", asked.large)) if chosen]
        self._record(
            principal,
            case_file,
            file,
            {"shown": "pictures", **of_clip, **({"switched": extra} if extra else {})},
        )
        image, drawn = self._convert(
            principal.tenant,
            file,
            draw_pictures,
            {
                "media_type": file.media_type,
                "shot": asked.shot.value,
                "frame": asked.frame,
                "longest_side": asked.longest_side,
                "grey": not asked.in_colour,
            },
        )
        return PictureSheet(
            image=image,
            frames=tuple(map(int, drawn["frames"])),
            columns=int(drawn["columns"]),
            fps=float(drawn["fps"]),
            per_s=float(drawn["per_s"]),
        )

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
            return self._convert(principal.tenant, file, write_sound_excerpt, times)[0]
        except InvalidMedia as error:
            # No sound in this part, or a file that cannot be read: the error says which.
            raise NotFound(f"This part cannot be played. {error}") from error

    def _file(self, principal: Principal, case_file: CaseFile, number: int) -> MediaFile:
        case = case_file.case
        video = self.store.row(principal.tenant, case.video_id)
        # A case that was opened before the quarantine is an ordinary one.
        principal.require(KeyScope.VAULT if case.quarantined or video.quarantined else KeyScope.REVIEW)
        if case.state is not CaseState.OPEN:
            raise NotFound("This case is closed. Pictures and sound are only for open cases.")
        for file in self._list_files(principal, video).shown:
            if file.number == number:
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
        case = case_file.case
        with self.database.transaction(principal.tenant) as tx:
            # A reader who does not have the case reads without one.
            is_work = case.holder(tx.now()) == principal.id
            tx.append_audit(
                "case.revealed" if is_work else StaffRead.MEDIA.value,
                subject=case.video_id,
                actor=principal.id,
                content={"case": case.id, "sha256": file.sha256, **shown},
            )

    def _convert(
        self,
        tenant: str,
        file: MediaFile,
        entry: Callable[[dict[str, Any], ChildChannel], Any],
        options: Mapping[str, Any],
    ) -> tuple[bytes, Any]:
        """The file that an entry point of the sandbox makes from another one, and its result."""
        with self._work_dir() as work_dir:
            source, into = work_dir / "source", work_dir / "converted"
            self.blobs.copy_to(tenant, file.sha256, source)
            result = self.sandbox.run(
                EntryPoint.of(entry),
                {"source": str(source), "into": str(into), **options},
                reads=[source],
                writes=[into],
                limits=_LIMITS,
            )
            return into.read_bytes(), result

    @contextmanager
    def _work_dir(self) -> Iterator[Path]:
        work_dir = self.scratch / new_id("req")
        work_dir.mkdir(parents=True)
        try:
            yield work_dir
        finally:
            shutil.rmtree(work_dir, ignore_errors=True)
