"""Downloads a finished file, or leaves no file.

The file must be complete, within the size limit, and start with the first bytes of an MP4.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import httpx

from safelight.errors import UpstreamInvalidResponse, UpstreamUnavailable
from safelight.fileio import atomic_file

_TYPES = (
    "video/",
    "application/mp4",
    "application/octet-stream",
    "application/binary",
    "binary/octet-stream",
)


def check_headers(headers: httpx.Headers, max_bytes: int) -> int | None:
    """The length in the headers, or None. Raises `UpstreamInvalidResponse` if the headers do not fit a
    video.
    """
    declared = headers.get("content-type", "").split(";")[0].strip().lower()
    if declared and not declared.startswith(_TYPES):
        raise UpstreamInvalidResponse(
            f"The generator returned {declared[:60]} instead of the finished video."
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamInvalidResponse(
            "The generator compressed the finished video although it was asked not to."
        )
    length = headers.get("content-length", "")
    if not length.isdigit():
        return None
    if int(length) > max_bytes:
        raise UpstreamInvalidResponse(f"The finished video exceeds the limit of {max_bytes} bytes.")
    return int(length)


def receive(
    chunks: Iterable[bytes],
    into: Path,
    *,
    promised: int | None,
    max_bytes: int,
    within_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Writes the chunks to a temporary file and renames it to `into` at the end. A failure leaves `into`
    unchanged.
    """
    deadline = clock() + within_s
    size = 0
    with atomic_file(into, durable=False) as file:
        for chunk in chunks:
            size += len(chunk)
            if size > max_bytes:
                raise UpstreamInvalidResponse(f"The finished video exceeds the limit of {max_bytes} bytes.")
            if clock() > deadline:
                raise UpstreamUnavailable("The download of the finished video took too long.")
            file.write(chunk)
        file.seek(0)
        check_file(file, size, promised)


def check_file(file: BinaryIO, size: int, promised: int | None) -> None:
    """Raises `UpstreamInvalidResponse` if the file is incomplete or does not start like an MP4.

    Does not decode the file.
    """
    if promised is not None and size != promised:
        raise UpstreamInvalidResponse(f"The finished video is incomplete: {size} of {promised} bytes.")
    if size == 0:
        raise UpstreamInvalidResponse("The generator's finished video is empty.")
    start = file.read(12)
    if size < 16 or start[4:8] != b"ftyp":
        raise UpstreamInvalidResponse("The generator's finished video is not an MP4 file.")
