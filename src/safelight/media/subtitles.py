"""Reads the text subtitles of a clip. Runs only inside a sandboxed child."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.probe import VideoLimits, is_text_subtitle, open_container

#: A film of three hours in ten languages has about 20,000 lines and 500,000 characters.
MAX_LINES, MAX_LINE_CHARS, MAX_CHARS = 50_000, 2_000, 500_000
#: FFmpeg converts every text subtitle to ASS: eight fields before the text, and style codes in braces.
_ASS_FIELDS = 8
#: Longer names come first, because no shorter one is tried after a match.
_STYLE_NAME = (
    r"alpha|an?|[1-4][ac]|blur|bord|be|b|i?clip|c|fade?|fa[xy]|fr[xyz]?|fsc[xy]?|fsp?|i|k[fo]?|K|move|org|pos|pbo"
    r"|p|q|r|shad|s|t|u|[xy](?:bord|shad)"
)
#: An escaped character, or a block of style codes. Many players show any other text in braces.
_ASS_CODE = re.compile(
    r"\\(?P<escaped>[{}\\])|\\[Nnh]"
    rf"|\{{(?:\\(?:fn[\w .-]{{0,32}}|(?:{_STYLE_NAME})[-+\d.,()&A-FH]*+))*+\}}",
    re.ASCII,
)


class SubtitleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of subtitles, with the time for which it is shown."""

    text: str
    start_s: float
    end_s: float


class Subtitles(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of all text subtitles of a clip. `unread_tracks`: tracks that were not read to their end."""

    lines: tuple[SubtitleLine, ...] = ()
    unread_tracks: int = 0


def read_subtitles(path: Path, limits: VideoLimits, *, expired: Callable[[], bool]) -> Subtitles:
    """Read all text subtitles in one pass, until `expired`. Damaged and long lines are left out."""
    with open_container(path, limits) as container:
        streams = [stream for stream in container.streams if is_text_subtitle(stream)]
        lines: dict[int, list[SubtitleLine]] = {stream.index: [] for stream in streams}
        unread = _read_lines(container, lines, expired)
    return Subtitles(
        lines=tuple(line for of_track in lines.values() for line in of_track), unread_tracks=len(unread)
    )


def _read_lines(
    container: Any, lines: dict[int, list[SubtitleLine]], expired: Callable[[], bool]
) -> frozenset[int]:
    """Append the lines of each track to `lines`. Returns the tracks of which some text was not read."""
    import av

    unread: set[int] = set()
    count = chars = 0
    try:
        # All streams are demuxed, because the time between two subtitles may be long.
        for packet in container.demux():
            if expired():
                return frozenset(lines)
            track = packet.stream.index
            if track not in lines:
                continue
            try:
                sources = [_ass_text(one) for one in packet.decode()]
            except (av.FFmpegError, ValueError, OverflowError):
                unread.add(track)
                continue
            for source in sources:
                count, chars = count + 1, chars + len(source)
                if count > MAX_LINES or chars > MAX_CHARS:
                    return frozenset(lines)
                if len(source) > MAX_LINE_CHARS:
                    unread.add(track)
                elif text := _plain_text(source):
                    lines[track].append(_line(packet, text))
    except (av.FFmpegError, ValueError, OverflowError):
        return frozenset(lines)
    return frozenset(unread)


def _line(packet: Any, text: str) -> SubtitleLine:
    unit_s = float(packet.time_base or 0)
    start_s = max((packet.pts or 0) * unit_s, 0.0)
    end_s = start_s + (packet.duration or 0) * unit_s
    return SubtitleLine(text=text, start_s=round(start_s, 3), end_s=round(end_s, 3))


def _ass_text(decoded: Any) -> str:
    """The text of a subtitle with its style codes."""
    source = bytes(getattr(decoded, "ass", b"")).decode("utf-8", "replace")
    return source.split(",", _ASS_FIELDS)[-1]


def _plain_text(source: str) -> str:
    """The text as players show it."""
    return " ".join(_ASS_CODE.sub(_replace_code, source).split())


def _replace_code(code: re.Match[str]) -> str:
    return code["escaped"] or (" " if code[0].startswith("\\") else "")
