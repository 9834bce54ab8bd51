"""Files that were good once: flipped, cut, lied about, spliced; the same for the same seed.

`mutated(bases, count, seed)` makes them; `python -m bench.bad_input` scans and delivers them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"moof", b"traf")


@dataclass(frozen=True, kw_only=True)
class Mutation:
    name: str
    kind: str
    #: The file it was made from; that alone is what it may decode to and be delivered.
    base: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Box:
    kind: bytes
    start: int
    end: int
    header: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of an MP4, those inside others after the one they are in."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and start + 16 <= end:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        size = end - start if size == 0 else size
        if size < header or start + size > end:
            return
        yield Box(kind=kind, start=start, end=start + size, header=header)
        if kind in _CONTAINERS:
            yield from boxes(data, start + header, start + size)
        start += size


def bases(folder: Path) -> list[Path]:
    """Small good clips of our own: four kinds of MP4, WebM, Matroska and AVI."""
    import av

    width, height, frames, rate = 96, 64, 10, 16_000
    pictures = [_scene(number, width, height) for number in range(frames)]
    sound = (0.1 * np.sin(np.arange(rate // 2) * 0.1)).astype(np.float32)

    def own(name: str, *, audio: bool, crf: int) -> Path:
        path = folder / name
        with Mp4Writer(
            path,
            VideoFormat(width=width, height=height, fps=20, crf=crf),
            AudioFormat(rate=rate) if audio else None,
        ) as made:
            for pixels in pictures:
                made.add_frame(pixels)
            if audio:
                made.add_audio(sound)
        return path

    def other(name: str, codec: str, layout: str, **options: str) -> Path:
        path = folder / name
        with av.open(str(path), "w", container_options={"fflags": "+bitexact", **options}) as made:
            stream = made.add_stream(codec, rate=20)
            stream.width, stream.height, stream.pix_fmt = width, height, layout
            stream.codec_context.thread_count = 1
            for pixels in pictures:
                made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            made.mux(stream.encode(None))
        return path

    return [
        own("sound.mp4", audio=True, crf=23),
        own("silent.mp4", audio=False, crf=23),
        own("fine.mp4", audio=True, crf=10),
        other("fragments.mp4", "libx264", "yuv420p", movflags="frag_keyframe+empty_moov"),
        other("film.webm", "libvpx-vp9", "yuv420p"),
        other("film.mkv", "libx264", "yuv420p"),
        other("film.avi", "mjpeg", "yuvj420p"),
    ]


def _scene(number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([across * 2 + number, down * 2, across * 0 + 120], axis=-1).astype(np.uint8)
    pixels[20:32, number * 6 : number * 6 + 12] = (220, 190, 60)
    return pixels


Change = Callable[[random.Random, bytes, bytes], bytes]


def _flip(count: int) -> Change:
    def change(chance: random.Random, data: bytes, _other: bytes) -> bytes:
        made = bytearray(data)
        for _ in range(count):
            made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
        return bytes(made)

    return change


def _flip_index(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    """Only in what describes the film; in other containers in the first quarter."""
    moov = next((box for box in boxes(data) if box.kind == b"moov"), None)
    first, last = (moov.start + 8, moov.end) if moov else (0, max(len(data) // 4, 1))
    made = bytearray(data)
    for _ in range(chance.choice((1, 2, 4))):
        made[chance.randrange(first, last)] = chance.randrange(256)
    return bytes(made)


def _cut_at_box(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    ends = [box.start for box in boxes(data)] + [box.end for box in boxes(data)]
    ends = ends or [chance.randrange(len(data))]
    return data[: max(chance.choice(ends) + chance.choice((0, 0, 0, -1, 1, 7)), 0)]


def _cut(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _size_lie(chance: random.Random, data: bytes, other: bytes) -> bytes:
    known = list(boxes(data))
    if not known:
        return _flip(4)(chance, data, other)
    box = chance.choice(known)
    real = box.end - box.start
    lie = chance.choice((0, 1, 7, 8, 0xFFFFFFFF, 0x7FFFFFFF, real - 1, real + 1, real * 2, real // 2))
    made = bytearray(data)
    struct.pack_into(">I", made, box.start, lie)
    return bytes(made)


def _table_lie(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """A table that claims more or fewer rows than it has."""
    tables = [
        box for box in boxes(data) if box.kind in (b"stts", b"stsz", b"stco", b"stsc", b"ctts", b"stss")
    ]
    if not tables:
        return _flip_index(chance, data, other)
    box = chance.choice(tables)
    place = box.start + (16 if box.kind == b"stsz" else 12)
    made = bytearray(data)
    struct.pack_into(">I", made, place, chance.choice((0, 1, 2, 1000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)))
    return bytes(made)


def _twice(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    known = list(boxes(data))
    if not known:
        return data + data
    box = chance.choice(known)
    return data[: box.end] + data[box.start : box.end] + data[box.end :]


def _without(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    known = [box for box in boxes(data) if box.kind != b"mdat"]
    if not known:
        return data[len(data) // 3 :]
    box = chance.choice(known)
    return data[: box.start] + data[box.end :]


def _renamed(chance: random.Random, data: bytes, other: bytes) -> bytes:
    known = list(boxes(data))
    if not known:
        return _flip(1)(chance, data, other)
    one, two = chance.choice(known), chance.choice(known)
    made = bytearray(data)
    made[one.start + 4 : one.start + 8], made[two.start + 4 : two.start + 8] = two.kind, one.kind
    return bytes(made)


def _other_head(chance: random.Random, data: bytes, other: bytes) -> bytes:
    size = chance.choice((16, 64, 256, 1024))
    return other[:size] + data[size:]


def _garbage(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    """Noise in place of what holds the pictures."""
    mdat = next((box for box in boxes(data) if box.kind == b"mdat"), None)
    first, last = (mdat.start + 8, mdat.end) if mdat else (len(data) // 3, len(data))
    size = max(int((last - first) * chance.choice((0.02, 0.1, 0.5, 1.0))), 1)
    start = chance.randrange(first, max(last - size, first) + 1)
    return data[:start] + chance.randbytes(size) + data[start + size :]


def _spliced(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def _zeros(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    size = chance.choice((4, 64, 512))
    start = chance.randrange(max(len(data) - size, 1))
    return data[:start] + bytes(min(size, len(data) - start)) + data[start + size :]


def _longer(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    return data + chance.choice((bytes(1000), chance.randbytes(1000), data[:300]))


CHANGES: dict[str, Change] = {
    "one bit flipped": _flip(1),
    "8 bits flipped": _flip(8),
    "64 bits flipped": _flip(64),
    "index bytes changed": _flip_index,
    "cut at a box": _cut_at_box,
    "cut anywhere": _cut,
    "a box lies about its size": _size_lie,
    "a table lies about its rows": _table_lie,
    "a box twice": _twice,
    "a box left out": _without,
    "two boxes swap names": _renamed,
    "another file's head": _other_head,
    "noise for pictures": _garbage,
    "two files spliced": _spliced,
    "zeros": _zeros,
    "bytes added at the end": _longer,
}


def mutated(files: Sequence[Path], count: int, seed: int) -> Iterator[Mutation]:
    """So many files, every kind of change in turn over every base."""
    kept = {path.name: path.read_bytes() for path in files}
    names, kinds = list(kept), list(CHANGES)
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        kind = kinds[number % len(kinds)]
        # MP4 is what nearly everybody sends, and has boxes to lie about: two thirds of them.
        base = chance.choice(names[:4] if chance.random() < 0.67 else names[4:])
        other = kept[chance.choice([name for name in names if name != base])]
        yield Mutation(
            name=f"{number:04}-{Path(base).suffix[1:]}",
            kind=kind,
            base=base,
            data=CHANGES[kind](chance, kept[base], other),
        )


def bombs(base: bytes) -> dict[str, bytes]:
    """Small MP4s that claim, or unfold to, far more than they are. `base` has one picture track first."""

    def patched(kind: bytes, offset: int, layout: str, *values: int) -> bytes:
        made = bytearray(base)
        struct.pack_into(layout, made, base.index(kind) + offset, *values)
        return bytes(made)

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    def table(kind: bytes, body: bytes) -> bytes:
        """The base with another table in place of its first, the sizes around it mended."""
        found = next(one for one in boxes(base) if one.kind == kind)
        grown = len(body) + 8 - (found.end - found.start)
        made = bytearray(base[: found.start] + box(kind, body) + base[found.end :])
        for around in boxes(base):
            if around.start < found.start and around.end >= found.end:
                struct.pack_into(">I", made, around.start, around.end - around.start + grown)
        return bytes(made)

    nested = b""
    for _ in range(20_000):
        nested = box(b"moov", nested)
        if len(nested) > 300_000:
            break
    million = struct.pack(">II", 0, 1_000_000) + struct.pack(">II", 1, 1) * 1_000_000
    return {
        "65,535 x 65,535 pixels": patched(b"avc1", 4 + 24, ">HH", 65535, 65535),
        "a table of a million rows": table(b"stts", million),
        "a billion frames in one row": table(b"stts", struct.pack(">IIII", 0, 1, 1_000_000_000, 1)),
        "a billion samples claimed": table(b"stsz", struct.pack(">III", 0, 1, 1_000_000_000)),
        "boxes nested thousands deep": base[: base.index(b"moov") - 4] + nested,
        "lasts for centuries": table(b"stts", struct.pack(">IIII", 0, 1, 10, 0x7FFFFFFF)),
        "a sample entry that goes on for ever": patched(b"stsd", -4, ">I", 0x7FFFFFFF),
    }
