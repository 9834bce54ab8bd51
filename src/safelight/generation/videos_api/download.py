"""Receiving a finished file: whole, a video by its first bytes, within the limit, or not at all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import httpx

from safelight.errors import UpstreamLied, UpstreamUnavailable

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
        raise UpstreamLied(f"The generator gave {declared[:60]} instead of the finished video.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamLied("The generator compressed the finished video although asked not to.")
    length = headers.get("content-length", "")
    if not length.isdigit():
        return None
    if int(length) > max_bytes:
        raise UpstreamLied(f"The finished video is larger than the {max_bytes} bytes that are accepted.")
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
    part: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=into.parent, prefix=".result-", delete=False) as file:
            part = Path(file.name)
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise UpstreamLied(f"The finished video is larger than {max_bytes} bytes.")
                if clock() > deadline:
                    raise UpstreamUnavailable("Fetching the finished video took too long.")
                file.write(chunk)
        check_file(part, size, promised)
        part.replace(into)
    finally:
        if part is not None:
            with suppress(FileNotFoundError):
                part.unlink()


def check_file(path: Path, size: int, promised: int | None) -> None:
    """`UpstreamLied` where the file is short or does not begin as an MP4 does. Nothing is decoded."""
    if promised is not None and size != promised:
        raise UpstreamLied(f"The finished video was cut off: {size} of {promised} bytes.")
    with path.open("rb") as file:
        start = file.read(12)
    if size < 16 or start[4:8] != b"ftyp":
        raise UpstreamLied("What the generator gave as the finished video is not an MP4 file.")
