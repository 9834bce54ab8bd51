"""Files that are odd but valid, made with PyAV: what a generator, an editor or a phone may well send.

`odd_clips(folder)` makes 200 of them. None shows anything but a coloured scene.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight_lab.evaluation.scheduling import keep_scheduling

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class OddClip:
    kind: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One clip: what it is made with."""

    kind: str
    ending: str = "mp4"
    codec: str = "libx264"
    layout: str = "yuv420p"
    width: int = 96
    height: int = 64
    #: In seconds, when each frame is shown.
    times: tuple[float, ...] = tuple(number / 20 for number in range(10))
    rate: int = 20
    options: tuple[tuple[str, str], ...] = ()
    container: tuple[tuple[str, str], ...] = ()
    sounds: tuple[tuple[str, str, int, float], ...] = ()  # codec, layout, rate, seconds
    videos: int = 1
    cover: bool = False
    rotation: int = 0
    #: Changes the finished bytes.
    after: Callable[[bytes], bytes] | None = None


def _scene(number: int, width: int, height: int) -> Pixels:
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack(
        [across * 180 // max(width, 2) + 30, down * 180 // max(height, 2) + 30, across * 0 + 90], axis=-1
    ).astype(np.uint8)
    side = max(width // 8, 1)
    left = number * 3 % max(width - side, 1)
    pixels[height // 3 : height // 3 + max(height // 6, 1), left : left + side] = (220, 190, 60)
    return pixels


def make(recipe: Recipe, path: Path) -> Path:
    """Write the clip."""
    import av

    grid = Fraction(1, 12_800)
    with keep_scheduling(), av.open(str(path), "w", container_options=dict(recipe.container)) as made:
        videos = []
        for _ in range(recipe.videos):
            stream: Any = made.add_stream(recipe.codec, rate=recipe.rate, options=dict(recipe.options))
            stream.width, stream.height, stream.pix_fmt = recipe.width, recipe.height, recipe.layout
            stream.codec_context.thread_count = 1
            free = recipe.ending in ("mp4", "mov", "mkv", "webm") and recipe.codec != "mpeg2video"
            stream.codec_context.time_base = grid if free else Fraction(1, recipe.rate)
            videos.append(stream)
        sounds = [made.add_stream(codec, rate=rate, layout=lay) for codec, lay, rate, _ in recipe.sounds]
        cover = made.add_stream("png", rate=1) if recipe.cover else None
        if cover is not None:
            from av.stream import Disposition

            cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
            cover.disposition = Disposition.attached_pic
        for stream in videos:
            base = stream.codec_context.time_base
            for number, moment in enumerate(recipe.times):
                frame = av.VideoFrame.from_ndarray(
                    _scene(number, recipe.width, recipe.height), format="rgb24"
                ).reformat(format=recipe.layout)
                frame.pts, frame.time_base = round(moment / base), base
                made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
        for (_codec, lay, rate, seconds), stream in zip(recipe.sounds, sounds, strict=True):
            _add_sound(made, stream, lay, rate, seconds)
        if cover is not None:
            made.mux(cover.encode(av.VideoFrame.from_ndarray(_scene(0, 32, 32), format="rgb24")))
            made.mux(cover.encode(None))
    if recipe.rotation:
        path.write_bytes(_turned(path.read_bytes(), recipe.rotation))
    if recipe.after is not None:
        path.write_bytes(recipe.after(path.read_bytes()))
    return path


def _add_sound(made: Any, stream: Any, layout: str, rate: int, seconds: float) -> None:
    import av

    channels = len(av.AudioLayout(layout).channels)
    samples = (0.1 * np.sin(np.arange(int(rate * seconds)) * 0.05)).astype(np.float32)
    resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
    fifo = av.AudioFifo()
    rows = np.ascontiguousarray(np.repeat(samples[None, :], channels, axis=0))
    frame = av.AudioFrame.from_ndarray(rows, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    for piece in resampler.resample(frame):
        fifo.write(piece)
    size = stream.codec_context.frame_size or 1024
    while (piece := fifo.read(size, partial=True)) is not None:
        made.mux(stream.encode(piece))
    made.mux(stream.encode(None))


_TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def _turned(data: bytes, degrees: int) -> bytes:
    """The matrix in the track's header, as phones write it."""
    made = bytearray(data)
    place = data.index(b"tkhd") + 4 + (40 if data[data.index(b"tkhd") + 4] == 0 else 52)
    a, b, c, d = _TURNS[degrees]
    struct.pack_into(">9i", made, place, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    return bytes(made)


def _edit_list(data: bytes) -> bytes:
    """Play begins a little later than the film."""
    made = bytearray(data)
    entry = data.index(b"elst") + 12
    duration, start = struct.unpack_from(">Ii", data, entry)
    scale = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)[0]
    struct.pack_into(">Ii", made, entry, max(duration * 3 // 4, 1), start + scale // 8)
    return bytes(made)


#: What keeps x265 from talking.
_QUIET = (("x265-params", "log-level=none"),)


def recipes() -> list[Recipe]:
    """200 recipes, the common oddities several times over in different clothes."""
    found: list[Recipe] = []
    add = found.append
    even = Recipe(kind="").times
    jitter = tuple(number / 20 + (number * 7 % 5) / 200 for number in range(10))
    gaps = (0.0, 0.05, 0.1, 1.5, 1.55, 4.0, 4.05, 4.1)
    late = tuple(3.0 + number / 20 for number in range(8))
    burst = (0.0, 0.001, 0.002, 0.003, 1.0, 2.0)
    early = tuple(-0.4 + number / 20 for number in range(12))
    aac = ("aac", "stereo", 48_000, 0.5)
    for (name, times), ending, sound in product(
        (("irregular", jitter), ("gaps", gaps), ("starts late", late), ("bursts", burst)),
        ("mp4", "mkv", "mov"),
        ((), (aac,)),
    ):
        add(Recipe(kind=f"times: {name}", times=times, ending=ending, sounds=sound))
    for ending in ("mp4", "mkv", "mov"):
        add(Recipe(kind="times: below zero", times=early, ending=ending))
    for degrees, ending, sound in product((90, 180, 270), ("mp4", "mov"), ((), (aac,))):
        add(Recipe(kind=f"turned {degrees}", rotation=degrees, ending=ending, sounds=sound))
    for bframes, sound in product(("0", "3"), ((), (aac,))):
        add(Recipe(kind="edit list", options=(("bf", bframes),), sounds=sound, after=_edit_list))
    for count, ending in product((2, 3), ("mp4", "mkv", "mov")):
        add(Recipe(kind=f"{count} sound tracks", sounds=(aac,) * count, ending=ending))
    for ending, sound in product(("mp4", "mkv"), ((), (aac,))):
        add(Recipe(kind="2 picture tracks", videos=2, ending=ending, sounds=sound))
    for ending in ("mp4", "mov"):
        add(Recipe(kind="a cover picture", cover=True, ending=ending, sounds=(aac,)))
    alpha = (
        ("png", "rgba", "mov"),
        ("qtrle", "argb", "mov"),
        ("ffv1", "yuva420p", "mkv"),
        ("png", "rgba", "avi"),
    )
    for codec, layout, ending in alpha:
        add(Recipe(kind="see-through", codec=codec, layout=layout, ending=ending))
    add(Recipe(kind="see-through", codec="libvpx-vp9", layout="yuva420p", ending="webm"))
    add(Recipe(kind="see-through", codec="prores_ks", layout="yuva444p10le", ending="mov"))
    hdr = (("color_primaries", "bt2020"), ("color_trc", "smpte2084"), ("colorspace", "bt2020nc"), *_QUIET)
    for codec, ending in (("libx265", "mp4"), ("libx265", "mkv"), ("libx264", "mp4"), ("libsvtav1", "mp4")):
        add(Recipe(kind="HDR, 10 bits", codec=codec, layout="yuv420p10le", ending=ending, options=hdr))
    add(Recipe(kind="HDR, 10 bits", codec="libsvtav1", layout="yuv420p10le", ending="mkv"))
    add(Recipe(kind="HDR, 10 bits", codec="libx264", layout="yuv422p10le", ending="mov", options=hdr))
    for flag in ("tff=1", "bff=1"):
        add(Recipe(kind="interlaced", options=(("x264-params", flag),)))
        add(Recipe(kind="interlaced", options=(("x264-params", flag),), ending="mkv", sounds=(aac,)))
    add(
        Recipe(
            kind="interlaced", codec="mpeg2video", options=(("flags", "+ildct+ilme"),), ending="mkv", rate=25
        )
    )
    for size, (codec, layout, ending) in product(
        ((1, 1), (2, 9), (3, 1), (63, 97), (97, 63), (2, 2)),
        (("ffv1", "bgr0", "mkv"), ("png", "rgb24", "mov"), ("mjpeg", "yuvj444p", "avi")),
    ):
        add(
            Recipe(
                kind=f"{size[0]} x {size[1]}",
                width=size[0],
                height=size[1],
                codec=codec,
                layout=layout,
                ending=ending,
            )
        )
    for size in ((63, 97), (97, 63), (33, 33), (17, 64)):
        add(Recipe(kind="odd sides", width=size[0], height=size[1], layout="yuv444p"))
        add(Recipe(kind="odd sides", width=size[0], height=size[1], codec="libvpx-vp9", ending="webm"))
    for size in ((16, 640), (640, 16), (2, 256), (256, 2)):
        add(Recipe(kind="long and thin", width=size[0], height=size[1]))
    for seconds, ending in product((1.5, 4.0), ("mp4", "mkv", "mov")):
        add(
            Recipe(
                kind="sound outlasts the picture", sounds=(("aac", "stereo", 48_000, seconds),), ending=ending
            )
        )
    for seconds in (0.03, 0.2):
        add(Recipe(kind="sound ends early", sounds=(("aac", "mono", 44_100, seconds),)))
    for codec, layout, rate, ending in (
        ("aac", "mono", 8_000, "mp4"),
        ("aac", "mono", 48_000, "mp4"),
        ("aac", "5.1", 48_000, "mp4"),
        ("aac", "5.0", 48_000, "mp4"),
        ("libopus", "stereo", 48_000, "mp4"),
        ("libopus", "mono", 48_000, "webm"),
        ("libmp3lame", "stereo", 44_100, "mp4"),
        ("flac", "stereo", 96_000, "mkv"),
        ("flac", "stereo", 44_100, "mp4"),
        ("ac3", "5.1", 48_000, "mp4"),
        ("ac3", "5.1", 48_000, "mkv"),
        ("pcm_s16le", "stereo", 48_000, "mov"),
        ("pcm_s16le", "mono", 11_025, "avi"),
        ("pcm_s24le", "stereo", 96_000, "mov"),
        ("alac", "stereo", 44_100, "mp4"),
        ("alac", "stereo", 44_100, "mov"),
    ):
        video = "libvpx-vp9" if ending == "webm" else "mjpeg" if ending == "avi" else "libx264"
        shape = "yuvj420p" if video == "mjpeg" else "yuv420p"
        sound_kind = f"sound: {codec} {layout} {rate}"
        add(
            Recipe(
                kind=sound_kind,
                sounds=((codec, layout, rate, 0.5),),
                ending=ending,
                codec=video,
                layout=shape,
            )
        )
    for codec, layout, ending in (
        ("libvpx", "yuv420p", "webm"),
        ("libvpx-vp9", "yuv420p", "webm"),
        ("libvpx-vp9", "yuv420p", "mp4"),
        ("libvpx-vp9", "yuv444p", "webm"),
        ("libsvtav1", "yuv420p", "mp4"),
        ("libsvtav1", "yuv420p", "webm"),
        ("libsvtav1", "yuv420p", "mkv"),
        ("libx265", "yuv420p", "mp4"),
        ("libx265", "yuv420p", "mkv"),
        ("prores_ks", "yuv422p10le", "mov"),
        ("prores_ks", "yuv444p10le", "mov"),
        ("mjpeg", "yuvj420p", "avi"),
        ("mjpeg", "yuvj422p", "mov"),
        ("mjpeg", "yuvj420p", "mp4"),
        ("gif", "rgb8", "gif"),
        ("mpeg4", "yuv420p", "mp4"),
        ("mpeg4", "yuv420p", "avi"),
        ("mpeg2video", "yuv420p", "mkv"),
        ("mpeg2video", "yuv420p", "mp4"),
        ("msmpeg4v3", "yuv420p", "avi"),
        ("wmv2", "yuv420p", "avi"),
        ("huffyuv", "yuv422p", "avi"),
        ("rawvideo", "yuv420p", "avi"),
        ("rawvideo", "uyvy422", "mov"),
        ("ffv1", "yuv420p", "mkv"),
        ("ffv1", "gray", "mkv"),
        ("dnxhd", "yuv422p", "mov"),
        ("png", "gray", "mov"),
        ("libx264", "yuvj420p", "mp4"),
        ("libx264", "gray", "mp4"),
        ("libx264", "yuv422p", "mp4"),
        ("libx264", "yuv444p", "mp4"),
        ("libx264rgb", "rgb24", "mkv"),
    ):
        size = (1920, 1080) if codec == "dnxhd" else (96, 64)
        extra = (("b", "36M"),) if codec == "dnxhd" else _QUIET if codec == "libx265" else ()
        add(
            Recipe(
                kind=f"codec: {codec} {layout}",
                codec=codec,
                layout=layout,
                ending=ending,
                width=size[0],
                height=size[1],
                options=extra,
                rate=25 if codec in ("mpeg2video", "dnxhd", "msmpeg4v3", "wmv2") else 20,
                times=tuple(number / 25 for number in range(3)) if codec == "dnxhd" else even,
            )
        )
    long = tuple(number / 20 for number in range(80))
    for ending in ("mp4", "mkv"):
        add(
            Recipe(
                kind="one key frame",
                options=(("g", "9999"), ("keyint_min", "9999")),
                times=long,
                ending=ending,
            )
        )
    add(Recipe(kind="one key frame", options=(("x264-params", "keyint=infinite:scenecut=0"),), times=long))
    add(Recipe(kind="only key frames", options=(("g", "1"),)))
    for ending, sound in product(("mp4", "mov", "mkv", "webm"), ((), (("libopus", "mono", 48_000, 0.1),))):
        codec = "libvpx-vp9" if ending == "webm" else "libx264"
        if ending != "mov" or not sound:
            add(Recipe(kind="a single frame", times=(0.0,), ending=ending, sounds=sound, codec=codec))
    add(Recipe(kind="a single frame", times=(0.0,), ending="gif", codec="gif", layout="rgb8"))
    for flags in (
        "frag_keyframe+empty_moov",
        "frag_every_frame+empty_moov+default_base_moof",
        "rtphint",
        "faststart",
    ):
        add(Recipe(kind=f"MP4: {flags}", container=(("movflags", flags),), sounds=(aac,)))
    for brand in ("isom", "iso5", "avc1", "M4V ", "dash"):
        add(Recipe(kind=f"MP4: brand {brand}", container=(("brand", brand),)))
    for rate in (1, 5, 12, 60, 120, 240):
        add(Recipe(kind=f"{rate} frames a second", rate=rate, times=tuple(n / rate for n in range(6))))
    for times in (jitter, gaps, late, burst):
        add(Recipe(kind="times: in WebM", times=times, ending="webm", codec="libvpx-vp9"))
    for seconds in (0.5, 2.0):
        track = (("libopus", "stereo", 48_000, seconds),)
        add(Recipe(kind="sound in WebM", sounds=track, ending="webm", codec="libvpx-vp9"))
    for ending in ("mp4", "mov", "mkv"):
        add(Recipe(kind="a silent sound track", sounds=(("aac", "stereo", 48_000, 0.022),), ending=ending))
    for size in ((1280, 720), (720, 1280)):
        add(Recipe(kind="large", width=size[0], height=size[1], times=even[:4]))
    for profile in ("baseline", "main", "high"):
        add(Recipe(kind=f"H.264 {profile}", options=(("profile", profile),)))
    return found


def odd_clips(folder: Path, most: int | None = None) -> Iterator[OddClip]:
    """The clips, made one after the other; `most`: an even choice of so many."""
    every = recipes()
    step = 1.0 if most is None else max(len(every) / most, 1.0)
    chosen = [every[int(number * step)] for number in range(min(most or len(every), len(every)))]
    for number, recipe in enumerate(chosen):
        path = folder / f"{number:03}-{recipe.kind.split(':')[0].replace(' ', '-')}.{recipe.ending}"
        yield OddClip(kind=recipe.kind, path=make(recipe, path))
