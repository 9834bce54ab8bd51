"""The files of one row of a batch: its video, and its thumbnail if the server has one."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from safelight_client.errors import ClientError
from safelight_client.video import Video

from .journal import LineRecord

if TYPE_CHECKING:
    from .batch_plan import PlannedRow
    from .runner import BatchRunner

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")


class Stopped(Exception):
    """Ends the work on a row, which goes on in the next run."""


async def download_row(runner: BatchRunner, planned: PlannedRow, video: Video) -> None:
    """Stores the files of a completed video and ends its row. Raises `Stopped` if that failed."""
    number = planned.row.number
    name = re.sub(r"[^\w.-]+", "_", planned.row.name).strip("._")[:60]
    stem = f"{number:05}" + (f"-{name}" if name else "")
    path = runner.folder / "videos" / f"{stem}.mp4"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = await runner.client.download(video, path)
    except (ClientError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            runner.stop("The disk is full. Free space, then run the batch again; it continues.")
        runner.end_row(LineRecord(number=number, state="made", message=str(error)))
        raise Stopped from None
    await _download_thumbnail(runner, video, stem)
    runner.end_row(
        LineRecord(
            number=number,
            state="delivered",
            video_id=video.id,
            path=path.relative_to(runner.folder).as_posix(),
            sha256=stored.sha256,
        )
    )


async def _download_thumbnail(runner: BatchRunner, video: Video, stem: str) -> None:
    """Stores the thumbnail, if the server has one. The first answer without an image decides for all."""
    if not runner.has_thumbnails:
        return
    path = runner.folder / "thumbnails" / f"{stem}.img"
    try:
        path.parent.mkdir(exist_ok=True)
        await runner.client.download(video, path, variant="thumbnail")
        with path.open("rb") as file:
            is_image = file.read(4).startswith(_IMAGES)
    except (ClientError, OSError):
        is_image = False
    if not is_image:
        path.unlink(missing_ok=True)
        runner.has_thumbnails = False
