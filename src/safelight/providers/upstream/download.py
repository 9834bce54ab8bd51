"""Downloads a finished file. What came of an interrupted download is kept, and the next one continues it.

The file must be complete, within the size limit, and start with the first bytes of a video file.
"""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpcore
import httpx
import msgspec

from safelight.core.errors import UpstreamInvalidResponse, UpstreamUnavailable
from safelight.core.fileio import write_atomic
from safelight.providers.protocol import ClipMissing

_TYPES = (
    "video/",
    "application/mp4",
    "application/octet-stream",
    "application/binary",
    "binary/octet-stream",
)
#: The first bytes of WebM and Matroska.
_EBML = b"\x1a\x45\xdf\xa3"
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the server stated about the file of which a part is stored."""

    #: A strong ETag, or else the time of the last change; empty if the server states neither.
    validator: str
    total: int | None


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file that is received in one or more answers.

    In its folder are `NAME.part`, the bytes so far, and `NAME.facts`, what they are a part of. `into` appears
    only when it is complete.
    """

    into: Path
    max_bytes: int
    within_s: float
    clock: Callable[[], float] = time.monotonic

    @property
    def part(self) -> Path:
        return self.into.with_name(f"{self.into.name}.part")

    @property
    def _facts_file(self) -> Path:
        return self.into.with_name(f"{self.into.name}.facts")

    def headers(self) -> dict[str, str]:
        """The request headers: for the rest of the file if a part of it is stored."""
        headers = {"accept": "video/mp4, application/binary", "accept-encoding": "identity"}
        size, facts = self._size(), self._facts()
        if not size or facts is None:
            return headers
        condition = {"if-range": facts.validator} if facts.validator else {}
        return {**headers, "range": f"bytes={size}-", **condition}

    def receive(self, status: int, headers: Mapping[str, str], chunks: Iterable[bytes]) -> None:
        """Append the answer to the part, or begin anew with it, and complete the file.

        `UpstreamUnavailable`: the download has to be continued. `UpstreamInvalidResponse`: the answer is not
        the file; `ClipMissing`: there is none. Of a file that is not a video nothing is kept; of one that is
        too large, what fits, because the limit may be raised.
        """
        if status not in (200, 206, 416):
            raise ClipMissing(
                f"The generator reports the video as finished but does not have it (status {status})."
            )
        deadline = self.clock() + self.within_s
        if status != 416:
            self._check_headers(headers)
        with self._locked() as part:
            if part is None:
                return
            total = self._begin(status, headers, part)
            try:
                for chunk in _until_cut(chunks, part):
                    if part.tell() + len(chunk) > self.max_bytes:
                        raise too_large(self.max_bytes)
                    part.write(chunk)
                    if self.clock() > deadline:
                        raise UpstreamUnavailable("The download of the finished video took too long.")
                self._check(part, total)
            except UpstreamInvalidResponse as error:
                if error.remedy is None:
                    self.discard()
                raise
            self.part.replace(self.into)
            self._facts_file.unlink(missing_ok=True)

    def discard(self) -> None:
        """Delete what came so far."""
        self.part.unlink(missing_ok=True)
        self._facts_file.unlink(missing_ok=True)

    def _begin(self, status: int, headers: Mapping[str, str], part: BinaryIO) -> int | None:
        """Go to the position at which the answer continues. Returns the size of the whole file, if known."""
        stored, length = part.seek(0, 2), _declared_length(headers)
        if status == 200:
            part.truncate(0)
            self._write_facts(_Facts(validator=_validator(headers), total=length))
            if length is not None and length > self.max_bytes:
                self.discard()
                raise too_large(self.max_bytes)
            return length
        found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
        size = int(found[2]) if found and found[2] != "*" else None
        if status == 416 and stored and size == stored:
            # The length that an earlier answer announced was wrong: all bytes are here.
            return size
        before, validator = self._facts(), _validator(headers)
        if (
            status == 206
            and found
            and found[1] == str(stored)
            and before is not None
            and (not validator or before.validator in ("", validator))
            and (size is None or before.total in (None, size))
        ):
            if size is not None and size > self.max_bytes:
                raise too_large(self.max_bytes)
            return size if size is not None or length is None else stored + length
        self.discard()
        raise UpstreamUnavailable("The finished video has changed, so its download begins anew.")

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        """Raise `UpstreamInvalidResponse` if the headers do not fit a video."""
        declared = _declared_type(headers)
        if not is_video(headers):
            raise UpstreamInvalidResponse(
                f"The generator returned {declared[:60]} instead of the finished video."
            )
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise UpstreamInvalidResponse(
                "The generator compressed the finished video although it was asked not to."
            )

    def _check(self, file: BinaryIO, total: int | None) -> None:
        """Raise if the file is incomplete or does not start like MP4, WebM or AVI. Does not decode it."""
        size = file.tell()
        if total is not None and size < total:
            raise UpstreamUnavailable(f"The finished video is incomplete: {size} of {total} bytes.")
        if size == 0:
            raise UpstreamInvalidResponse("The generator's finished video is empty.")
        file.seek(0)
        start = file.read(12)
        if size >= 16 and (start.startswith(_EBML) or start[8:] == b"AVI "):
            # These say nowhere how long they are; a file that is cut off is found when it is decoded.
            file.flush()
            return
        if size < 16 or start[4:8] != b"ftyp":
            raise UpstreamInvalidResponse("The generator's finished video is not a video file.")
        if (needed := _end_of_boxes(file, size)) > size:
            # The announced length was too short, or none was announced.
            self._write_facts(
                _Facts(validator=facts.validator if (facts := self._facts()) else "", total=None)
            )
            raise UpstreamUnavailable(f"The finished video is incomplete: {size} of {needed} bytes.")
        file.flush()

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO | None]:
        """The part, which no other run writes meanwhile; None if the file is complete already.

        A run that another one has overtaken may still receive the file.
        """
        with self.part.open("a+b") as part:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UpstreamUnavailable("Another run downloads the finished video.") from None
            if self.into.exists():
                self.part.unlink(missing_ok=True)
                yield None
                return
            yield part

    def _write_facts(self, facts: _Facts) -> None:
        write_atomic(self._facts_file, msgspec.json.encode(facts))

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _facts(self) -> _Facts | None:
        try:
            return msgspec.json.decode(self._facts_file.read_bytes(), type=_Facts)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None


def too_large(max_bytes: int) -> UpstreamInvalidResponse:
    return UpstreamInvalidResponse(
        f"The finished video exceeds the limit of {max_bytes} bytes.",
        remedy="The operator can raise `generation.max_download_mb`.",
    )


def is_video(headers: Mapping[str, str]) -> bool:
    """Whether the declared type of an answer can be that of a video."""
    declared = _declared_type(headers)
    return not declared or declared.startswith(_TYPES)


def _declared_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


def _until_cut(chunks: Iterable[bytes], part: BinaryIO) -> Iterator[bytes]:
    """The chunks. Raises `UpstreamUnavailable` if the connection ends before the answer."""
    try:
        yield from chunks
    except (httpx.NetworkError, httpx.ProtocolError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise UpstreamUnavailable(
            f"The server cut off the finished video after {part.tell():,} bytes."
        ) from error


def _declared_length(headers: Mapping[str, str]) -> int | None:
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _validator(headers: Mapping[str, str]) -> str:
    """What identifies this version of the file. A weak ETag does not: `If-Range` must not have one."""
    etag = headers.get("etag", "")
    return etag if etag.startswith('"') else headers.get("last-modified", "")


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Where the last box of an MP4 ends. It is after the end of the file if the file is cut off."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8:
            # The last box, which reaches to the end, or none at all.
            break
        end += length
    return end
