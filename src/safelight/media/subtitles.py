"""Reads the text subtitles of a clip. Runs only inside a sandboxed child."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.probe import VideoLimits, open_container
from safelight.media.tracks import is_text_subtitle

#: A film of three hours in ten languages has about 20,000 lines.
MAX_LINES, MAX_LINE_CHARS = 50_000, 2_000
#: FFmpeg converts every text subtitle to ASS: eight fields before the text, and style codes in braces.
_ASS_FIELDS = 8
_ASS_STYLE = re.compile(r"\{[^}]*\}")


class SubtitleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of subtitles, with the time for which it is shown."""

    text: str
    start_s: float
    end_s: float


class Subtitles(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of all text subtitles of a clip. `unread_tracks`: tracks that were not read to their end."""

    lines: tuple[SubtitleLine, ...] = ()
    unread_tracks: int = 0


def read_subtitles(path: Path, limits: VideoLimits) -> Subtitles:
    """Read all text subtitles. A track that is damaged or too long is read until there."""
    lines: list[SubtitleLine] = []
    unread_tracks = 0
    with open_container(path, limits) as container:
        numbers = [stream.index for stream in container.streams if is_text_subtitle(stream)]
    for number in numbers:
        with open_container(path, limits) as container:
            unread_tracks += not _read_track(container, container.streams[number], lines)
    return Subtitles(lines=tuple(lines), unread_tracks=unread_tracks)


def _read_track(container: Any, stream: Any, lines: list[SubtitleLine]) -> bool:
    """Append the lines of a track; False if it was not read to its end."""
    import av

    try:
        for packet in container.demux(stream):
            unit_s = float(packet.time_base or 0)
            start_s = max((packet.pts or 0) * unit_s, 0.0)
            end_s = start_s + (packet.duration or 0) * unit_s
            for text in _texts(packet.decode()):
                if len(lines) >= MAX_LINES or len(text) > MAX_LINE_CHARS:
                    return False
                lines.append(SubtitleLine(text=text, start_s=round(start_s, 3), end_s=round(end_s, 3)))
    except (av.FFmpegError, ValueError, OverflowError):
        return False
    return True


def _texts(decoded: Any) -> Iterator[str]:
    for one in decoded:
        source = bytes(getattr(one, "ass", b"")).decode("utf-8", "replace")
        text = _ASS_STYLE.sub("", source.split(",", _ASS_FIELDS)[-1]).replace("\\N", " ").replace("\\n", " ")
        if text.strip():
            yield " ".join(text.split())
