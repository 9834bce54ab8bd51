"""Clips with more than one picture track and one sound track, made with PyAV from a plain clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

#: Times in milliseconds, and the text.
SubtitleEvent = tuple[int, int, str]

_ASS_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour\nStyle: Default,Arial,16,&Hffffff\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def add_tracks(
    into: Path,
    *sources: Path,
    subtitles: Sequence[Sequence[SubtitleEvent]] = (),
    tags: Mapping[str, str] | None = None,
    chapters: Sequence[str] = (),
    videos: int | None = None,
) -> Path:
    """A file with all tracks of `sources`, tracks with these subtitles, tags, and chapters of 0.5 s.

    `videos`: so many sources with a picture; of the others only the sound. None: all.
    """
    with ExitStack() as stack, av.open(str(into), "w") as target:
        copied: list[tuple[Any, dict[int, Any]]] = []
        for number, source in enumerate(sources):
            opened = stack.enter_context(av.open(str(source)))
            wanted = opened.streams if videos is None or number < videos else opened.streams.audio
            tracks = {one.index: target.add_stream_from_template(one) for one in wanted}
            copied.append((opened, tracks))
        codec = "mov_text" if into.suffix == ".mp4" else "ass"
        texts = []
        for _ in subtitles:
            track: Any = target.add_stream(codec)
            track.codec_context.subtitle_header = _ASS_HEADER
            texts.append(track)
        target.metadata.update(tags or {})
        millisecond = Fraction(1, 1000)
        if chapters:
            target.set_chapters(
                [
                    {
                        "id": number,
                        "start": number * 500,
                        "end": number * 500 + 500,
                        "time_base": millisecond,
                        "metadata": {"title": title},
                    }
                    for number, title in enumerate(chapters)
                ]
            )
        for opened, tracks in copied:
            for packet in opened.demux():
                if packet.size and packet.stream.index in tracks:
                    packet.stream = tracks[packet.stream.index]
                    target.mux(packet)
        for track, events in zip(texts, subtitles, strict=True):
            for start, end, text in events:
                target.mux(_subtitle_packet(track, start, end, text))
    return into


def add_captions(into: Path, source: Path) -> Path:
    """A copy of an H.264 clip with closed captions in every frame."""
    captions = b"\xb5\x00\x31GA94\x03" + bytes([0x41, 0xFF, 0xFC, 0x94, 0x20, 0xFF])
    unit = bytes([6, 4, len(captions)]) + captions + b"\x80"
    unit = len(unit).to_bytes(4, "big") + unit
    with av.open(str(source)) as opened, av.open(str(into), "w") as target:
        track = target.add_stream_from_template(opened.streams.video[0])
        for packet in opened.demux(opened.streams.video[0]):
            if packet.size:
                copied = av.Packet(unit + bytes(packet))
                copied.pts, copied.dts, copied.duration = packet.pts, packet.dts, packet.duration
                copied.time_base, copied.is_keyframe = packet.time_base, packet.is_keyframe
                copied.stream = track
                target.mux(copied)
    return into


def _subtitle_packet(track: Any, start: int, end: int, text: str) -> Any:
    data = text.encode()
    if track.codec_context.name == "mov_text":
        data = len(data).to_bytes(2, "big") + data
    else:
        data = b"0,0,Default,,0,0,0,," + data
    packet = av.Packet(data)
    packet.stream = track
    packet.pts = packet.dts = start
    packet.duration = end - start
    packet.time_base = Fraction(1, 1000)
    return packet
