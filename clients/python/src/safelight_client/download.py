"""Downloads a file, resumes after an interruption, and keeps it only if its hash is right."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import ClientError, ConnectionFailed, DownloadFailed, HashMismatch
from .explanation import Explanation
from .responses import api_error, failure, of_video
from .session import Session
from .steps import Answer, Call, Fetch, Pause
from .video import Video

_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
#: How files begin: MP4 (at the fifth byte), WebM.
_MP4, _WEBM = b"ftyp", b"\x1aE\xdf\xa3"


@dataclass(frozen=True, kw_only=True)
class Download:
    """A complete file. `is_verified`: its hash is the one that the server announced."""

    path: Path
    size: int
    sha256: str
    is_verified: bool


class _PartMismatch(Exception):
    """The response does not continue the bytes so far."""


class PartFile:
    """The bytes so far of one download. `etag`: that of the file to which they belong."""

    def __init__(self, file: BinaryIO, etag_file: Path, etag: str) -> None:
        self._file, self._etag_file, self._etag = file, etag_file, etag
        self.write = file.write

    def begin(self, answer: Answer) -> None:
        """Starts again unless the response continues exactly at the end of the file."""
        etag = answer.headers.get("etag", "")
        if answer.status == 206:
            if _range(answer)[0] != self._file.tell():
                raise _PartMismatch("The server sent another part of the file than was requested.")
            if self._file.tell():
                if etag and etag.removeprefix("W/") != self._etag:
                    raise _PartMismatch("The file on the server has changed since the download began.")
                return
        self._file.truncate(0)
        if etag.startswith('"'):
            self._etag_file.write_text(etag, "ascii", "replace")
        else:
            self._etag_file.unlink(missing_ok=True)


def _range(answer: Answer) -> tuple[int | None, int | None]:
    """Where the part in a response with status 206 begins, and the size of the whole file."""
    found = re.match(r"bytes (\d{1,18})-\d+/(?:(\d{1,18})\b)?", answer.headers.get("content-range", ""))
    return (int(found[1]), int(found[2]) if found[2] else None) if found else (None, None)


def download(session: Session, video: Video, path: Path, variant: str) -> Call[Download]:
    """Stores the file of a delivered video under `path`, atomically.

    The bytes so far are in `PATH.part`, and their ETag in `PATH.part.etag`; a later call resumes there.
    Raises `VideoFailed`, `ApiError`, `DownloadFailed` or `HashMismatch`.
    """
    if video.status == "failed":
        raise failure(video)
    part, etag_file = path.with_name(path.name + ".part"), path.with_name(path.name + ".part.etag")
    try:
        answer = yield from _fetch_all(session, video, variant, part, etag_file)
        found = _hash(part)
        wanted = _announced_hash(video, answer, variant)
        if wanted and found != wanted:
            part.unlink()
            etag_file.unlink(missing_ok=True)
            message = f"The downloaded bytes have the hash {found}, the server announced {wanted}."
            raise HashMismatch(message, explanation=_explanation(message, "Download it again."), video=video)
        etag_file.unlink(missing_ok=True)
        if not wanted:
            _check_kind(part, video, variant)
        os.replace(part, path)  # noqa: PTH105
    except OSError as error:
        message = f"The file could not be written: {error}."
        step = "Free space or choose another folder, then download it again; it continues where it stopped."
        raise DownloadFailed(message, explanation=_explanation(message, step), video=video) from error
    return Download(path=path, size=path.stat().st_size, sha256=found, is_verified=bool(wanted))


def _fetch_all(session: Session, video: Video, variant: str, part: Path, etag_file: Path) -> Call[Answer]:
    failures, furthest = 0, part.stat().st_size if part.exists() else 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            answer = yield from _fetch_rest(video, variant, part, etag_file)
        except ConnectionFailed as error:
            step = "Download it again; it continues where it stopped."
            problem: ClientError = DownloadFailed(
                error.message, explanation=_explanation(error.message, step), video=video
            )
            again = True
        except _PartMismatch as error:
            os.truncate(part, 0)
            step = "Download it again; it starts from the beginning."
            problem = DownloadFailed(str(error), explanation=_explanation(str(error), step), video=video)
            again = True
        else:
            size, total = part.stat().st_size, _range(answer)[1]
            if answer.is_ok and (answer.status != 206 or total is None or size >= total):
                return answer
            if answer.is_ok and size > before:
                continue  # The server sends less at once than was asked for.
            if answer.is_ok:
                message = f"The server sent {size} bytes of {total}."
                step = "Download it again; it continues where it stopped."
                problem = DownloadFailed(message, explanation=_explanation(message, step), video=video)
                again = True
            else:
                problem = of_video(api_error(answer))
                again = answer.status in (408, 416, 425, 429) or answer.status >= 500
        size = part.stat().st_size
        if size > furthest:
            # Tries are counted from the last progress on.
            failures, furthest = 0, size
        if size == 0 or not again or problem.status == 416:
            part.unlink()
            etag_file.unlink(missing_ok=True)
        failures += 1
        delay = session.retries.delay_s(failures, problem.after_s)
        if not again or failures >= session.retries.attempts or delay > session.retries.max_retry_after_s:
            raise problem
        yield Pause(seconds=delay)


def _fetch_rest(video: Video, variant: str, part: Path, etag_file: Path) -> Call[Answer]:
    """One request for what is missing of the file."""
    etag = etag_file.read_text("ascii", "replace") if etag_file.exists() and part.exists() else ""
    with part.open("ab" if etag else "wb") as file:
        offset = file.seek(0, os.SEEK_END)
        answer: Answer = yield Fetch(
            path=f"/videos/{video.id}/content",
            query={"variant": variant} if variant != "video" else {},
            headers={"range": f"bytes={offset}-", "if-range": etag} if etag and offset else {},
            sink=PartFile(file, etag_file, etag),
        )
    return answer


def _announced_hash(video: Video, answer: Answer, variant: str) -> str:
    """The hash that the server announced: in the video object, or as the ETag of a file of our gateway."""
    if variant == "video" and video.sha256:
        return video.sha256
    # The ETag of another server may look like a SHA-256 and be something else.
    is_of_gateway = isinstance(video.raw.get("safelight"), Mapping)
    found = _SHA256.fullmatch(answer.headers.get("etag", "")) if is_of_gateway else None
    return found[1] if found else ""


def _check_kind(part: Path, video: Video, variant: str) -> None:
    """Raises `DownloadFailed` if the bytes are not a video at all. They are kept under another name."""
    with part.open("rb") as file:
        head = file.read(12)
    if head and (variant != "video" or head[4:8] == _MP4 or head.startswith(_WEBM)):
        return
    message = "The server reports the video as completed, but its content is not a video."
    if head:
        kept = part.with_suffix(".unknown")
        os.replace(part, kept)  # noqa: PTH105
        message += f" It is kept in {kept}."
    else:
        part.unlink()
    step = "Ask the operator of the server. Do not create the video again before you know its charge."
    raise DownloadFailed(message, explanation=_explanation(message, step), video=video)


def _hash(path: Path) -> str:
    import hashlib  # Slow to import.

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _explanation(message: str, next_step: str) -> Explanation:
    return Explanation(
        kind="transient",
        stage="delivery",
        charged="unknown",
        retry="same",
        next_step=next_step,
        message=message,
        code="download_failed",
    )
