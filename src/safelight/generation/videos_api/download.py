"""Receiving a finished file: whole, a video by its first bytes, within the limit, or not at all."""

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
    """The promised length, None where none is; `UpstreamLied` where the headers promise no video."""
    declared = headers.get("content-type", "").split(";")[0].strip().lower()
    if declared and not declared.startswith(_TYPES):
        raise UpstreamInvalidResponse(f"The generator gave {declared[:60]} instead of the finished video.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamInvalidResponse("The generator compressed the finished video although asked not to.")
    length = headers.get("content-length", "")
    if not length.isdigit():
        return None
    if int(length) > max_bytes:
        raise UpstreamInvalidResponse(
            f"The finished video is larger than the {max_bytes} bytes that are accepted."
        )
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
    """Write the pieces beside `into` and rename at the end; nothing stays behind on failure."""
    deadline = clock() + within_s
    size = 0
    with atomic_file(into, durable=False) as file:
        for chunk in chunks:
            size += len(chunk)
            if size > max_bytes:
                raise UpstreamInvalidResponse(f"The finished video is larger than {max_bytes} bytes.")
            if clock() > deadline:
                raise UpstreamUnavailable("Fetching the finished video took too long.")
            file.write(chunk)
        file.seek(0)
        check_file(file, size, promised)


def check_file(file: BinaryIO, size: int, promised: int | None) -> None:
    """`UpstreamLied` where the file is short or does not begin as an MP4 does. Nothing is decoded."""
    if promised is not None and size != promised:
        raise UpstreamInvalidResponse(f"The finished video was cut off: {size} of {promised} bytes.")
    start = file.read(12)
    if size < 16 or start[4:8] != b"ftyp":
        raise UpstreamInvalidResponse("What the generator gave as the finished video is not an MP4 file.")
