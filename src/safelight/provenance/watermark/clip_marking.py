"""Marks clips and reads marks, with decoder and encoder. Runs only inside a sandboxed child.

The child gets the seed of one epoch, never the key.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats
from safelight.core.errors import InvalidMedia
from safelight.media.decode import is_intra_coded
from safelight.media.encode import CopiedSound, Mp4Writer, VideoFormat
from safelight.media.images import ImageLimits, read_image
from safelight.media.probe import (
    ACCEPTED_CLIP_LIMITS,
    MediaInfo,
    decoder_errors_raise,
    open_container,
    probe_container,
    select_tracks,
    strict_decoding,
)
from safelight.media.shown_frames import is_full_range, planes_of
from safelight.provenance.fingerprints.fingerprinter import is_picture

from . import payload
from .detector import WatermarkDetector, search_marks
from .masking import allowed_amplitude
from .pattern import FADE_S, SHORT_SIDE, SLOT_S, SLOTS, TILE, WatermarkPattern
from .residual import ResidualSums

# How visible a change of a picture is, in units of the smallest visible change (Watson 1993).
#
# A. B. Watson, DCT quantization matrices visually optimized for individual images, Proc. SPIE 1913, 1993. The
# thresholds are those for 32 pixels per degree: a picture of 360 rows seen from five times its height.

_Level = TypeVar("_Level", np.uint8, np.float32)

_BLOCK = 8
#: The visibility of a change is this percentile of its blocks: nearly the most visible one.
_PERCENTILE = 99.9
#: Shorter side of a picture in pixels, for the distance that the thresholds are for.
_SHORT_SIDE = 360
#: Smallest visible amplitude of each DCT coefficient of a block of mean grey, in levels of luma.
_THRESHOLDS = np.array(
    [
        [1.40, 1.01, 1.16, 1.66, 2.40, 3.43, 4.79, 6.56],
        [1.01, 1.45, 1.32, 1.52, 2.00, 2.71, 3.67, 4.93],
        [1.16, 1.32, 2.24, 2.59, 2.98, 3.64, 4.60, 5.88],
        [1.66, 1.52, 2.59, 3.77, 4.55, 5.30, 6.28, 7.60],
        [2.40, 2.00, 2.98, 4.55, 6.15, 7.46, 8.71, 10.17],
        [3.43, 2.71, 3.64, 5.30, 7.46, 9.62, 11.58, 13.51],
        [4.79, 3.67, 4.60, 6.28, 8.71, 11.58, 14.50, 17.29],
        [6.56, 4.93, 5.88, 7.60, 10.17, 13.51, 17.29, 21.15],
    ],
    np.float32,
)
#: Exponents of luminance masking, contrast masking, and the sum over the coefficients of a block.
_LUMINANCE, _CONTRAST, _POOLING = 0.649, 0.7, 4.0
_MEAN_GREY = 128.0
#: Luma of black. The model has no threshold for it; a real screen is never darker, because it reflects light.
_BLACK = 16.0
#: Luma PSNR of a marked clip before encoding, in decibels. The limit is 42.5; frames that were not sampled
#: differ.
TARGET_PSNR = 42.7
#: The visibility is measured on every n-th sampled frame, because it takes three times as long as the PSNR.
_VISIBILITY_STEP = 3
#: A second try must be at least this much stronger than the first.
_MIN_GAIN = 1.1
#: Levels of luma from black to white in video range, and in full range.
_VIDEO_LEVELS, _FULL_LEVELS = 219.0, 255.0
#: Constant rate factor of H.264 for marked files: no visible loss.
CRF = 18
#: Strength of x264's adaptive quantization for marked files. Its default, 1, spends many bits on the mark in
#: flat areas. With this, files are 9 to 30 % smaller, and no farther from the original.
AQ_STRENGTH = 0.5
#: Formats of 8 bits with a plane of luma, which the encoder writes as they are.
_MARKED_FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
#: Frames of the whole clip that give the strength: this many, or up to twice as many.
_SAMPLES = 48
#: Decoded frames of a clip that are kept in memory, in bytes: about 7 s of 720p, or 3 s of 1080p. A longer
#: clip is decoded twice.
_MAX_KEPT_BYTES = 256 << 20
#: Luma of black in video range.
_VIDEO_BLACK = 16

# Writes the watermark into the luma of frames.


def visible_change(picture: Floats, change: Floats) -> Floats:
    """The visibility of the change in each block of 8 by 8 pixels; 1 is just visible."""
    coefficients, errors = _transform(picture), _transform(change)
    mean = np.maximum(coefficients[:, :1, :1] / _BLOCK, _BLACK)
    threshold = _THRESHOLDS * (mean / _MEAN_GREY) ** _LUMINANCE
    masked = np.abs(coefficients) ** _CONTRAST * threshold ** (1 - _CONTRAST)
    masked[:, 0, 0] = 0  # the mean of a block masks by its luminance only
    shares = np.abs(errors) / np.maximum(threshold, masked)
    return np.asarray((shares**_POOLING).sum(axis=(1, 2)) ** (1 / _POOLING), np.float32)


def overall_visibility(blocks: Sequence[Floats]) -> float:
    """One value for the blocks of all sampled frames."""
    return float(np.percentile(np.concatenate(blocks), _PERCENTILE))


def at_viewing_size(plane: npt.NDArray[_Level]) -> npt.NDArray[_Level]:
    """A copy at the size that the thresholds are for. A smaller picture keeps its size."""
    height, width = plane.shape
    factor = min(_SHORT_SIDE / min(height, width), 1.0)
    size = (max(round(width * factor), _BLOCK), max(round(height * factor), _BLOCK))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), plane.dtype)


def _transform(plane: Floats) -> Floats:
    height, width = (side - side % _BLOCK for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    rows = cv2.dct(np.eye(_BLOCK, dtype=np.float32), flags=cv2.DCT_ROWS).T
    return np.asarray(rows @ blocks.transpose(0, 2, 1, 3).reshape(-1, _BLOCK, _BLOCK) @ rows.T, np.float32)


Luma = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class StrengthLimits:
    """How strong a mark may be, besides the limit on the PSNR."""

    #: As `overall_visibility` gives it.
    visibility: float
    #: The factor on the perceptual model. It limits the grain of smooth clips, where all blocks look alike.
    factor: float


FIRST_LIMITS = StrengthLimits(visibility=18.0, factor=2.4)
#: For a second try if the mark was not read back.
RETRY_LIMITS = StrengthLimits(visibility=27.0, factor=3.6)


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How strongly a clip is marked."""

    #: The factor on the perceptual model.
    factor: float
    #: Whether higher `StrengthLimits` would give a clearly stronger mark. The PSNR may be the real limit.
    can_be_stronger: bool


def choose_strength(
    pattern: WatermarkPattern,
    content_id: int,
    samples: Iterable[Luma],
    *,
    limits: StrengthLimits = FIRST_LIMITS,
    black: int = 0,
) -> Strength:
    """The highest factor within `limits` that keeps the target PSNR on sampled frames of a clip.

    `black` is the luma of black.
    """
    mark = WatermarkEmbedder(pattern, content_id, factor=1.0, black=black)
    powers: list[float] = []
    block_visibilities: list[Floats] = []
    for number, luma in enumerate(samples):
        powers.append(float(np.mean(np.square(allowed_amplitude(luma, black)))))
        if number % _VISIBILITY_STEP == 0:
            # Each sample in another place of the tile, as over a long clip.
            block_visibilities.append(_visibility(mark, luma, number * SLOT_S))
    if not powers:
        raise ValueError("a clip without frames has no strength")
    visibility, power = overall_visibility(block_visibilities), sum(powers) / len(powers)
    highest = min(limits.factor, limits.visibility / visibility) if visibility else limits.factor
    if not power:
        return Strength(factor=highest, can_be_stronger=False)
    # Rounding to whole levels adds an error of 1/12.
    allowed_power = 255.0**2 / 10 ** (TARGET_PSNR / 10) - 1 / 12
    by_psnr = math.sqrt(allowed_power / power)
    factor = min(highest, by_psnr)
    return Strength(factor=factor, can_be_stronger=by_psnr >= _MIN_GAIN * factor)


def _visibility(mark: WatermarkEmbedder, luma: Luma, time_s: float) -> Floats:
    """The visibility of the mark in each block of a frame, as it is shown."""
    small = at_viewing_size(luma)
    change = mark.change(small, time_s)
    if mark.black == 0:
        return visible_change(small.astype(np.float32), change)
    scale = _FULL_LEVELS / _VIDEO_LEVELS
    shown = np.clip((small.astype(np.float32) - mark.black) * scale, 0, _FULL_LEVELS)
    return visible_change(shown, change * scale)


class WatermarkEmbedder:
    """Marks the frames of one clip with one id."""

    def __init__(self, pattern: WatermarkPattern, content_id: int, *, factor: float, black: int = 0) -> None:
        self._pattern = pattern
        self._codeword = payload.encode(pattern, content_id)
        self._start = pattern.start(content_id)
        self._factor = factor
        self.black = black
        #: The last two slots of one size.
        self._rendered: dict[tuple[int, int, int], Floats] = {}

    def mark(self, luma: Luma, time_s: float) -> Luma:
        """A marked copy of one frame. `time_s` is its time from the start of the clip."""
        return np.asarray(cv2.add(luma, self.change(luma, time_s), dtype=cv2.CV_8U), np.uint8)

    def change(self, luma: Luma, time_s: float) -> Floats:
        """What the mark adds to each pixel of a frame."""
        height, width = luma.shape
        change = cv2.resize(
            allowed_amplitude(luma, self.black), (width, height), interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(cv2.multiply(change, self._pattern_at(time_s, width, height), dst=change))

    def _pattern_at(self, time_s: float, width: int, height: int) -> Floats:
        number, within = divmod(time_s, SLOT_S)
        slot = (self._start[0] + int(number)) % SLOTS
        current = self._rendered_slot(slot, width, height)
        moved = (within - (SLOT_S - FADE_S)) / FADE_S
        if moved <= 0:
            return current
        following = self._rendered_slot((slot + 1) % SLOTS, width, height)
        # The two places are not correlated: these factors keep the power.
        angle = moved * math.pi / 2
        return np.asarray(cv2.addWeighted(current, math.cos(angle), following, math.sin(angle), 0))

    def _rendered_slot(self, slot: int, width: int, height: int) -> Floats:
        key = (slot, width, height)
        if key not in self._rendered:
            if len(self._rendered) == 2:
                del self._rendered[next(iter(self._rendered))]
            self._rendered[key] = self._render(slot, width, height)
        return self._rendered[key]

    def _render(self, slot: int, width: int, height: int) -> Floats:
        scale = min(width, height) / SHORT_SIDE
        oversampling = math.ceil(scale)
        tile = self._pattern.render_tile(self._codeword, oversampling) * self._factor
        across, down = (self._pattern.shifts[slot] + self._start[1:]) % TILE
        tile = np.roll(tile, (down * oversampling, across * oversampling), (0, 1))
        step = oversampling / scale
        return np.asarray(
            cv2.warpAffine(
                tile,
                np.array([[step, 0, 0], [0, step, 0]]),
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_WRAP,
            )
        )


class Obstacle(StrEnum):
    """Why a clip cannot be marked."""

    #: More than 8 bits per sample, interlaced, an odd side, or no plane of luma.
    #: Or one that changes in the middle of the clip, or a rotation that is not by quarter turns.
    FORMAT = "format"
    #: It would take longer than the budget.
    TIME = "time"


class CannotBeMarked(Exception):
    """Ends the marking of a clip, in the child. Not in the error tree: it becomes a `MarkResult`."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


class MarkTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `mark_in_child`."""

    source: str
    into: str
    seed: bytes
    content_id: int
    #: Whether a first mark could not be read back. Then this one may be stronger.
    is_retry: bool
    #: The encoder's preset, such as `medium`.
    preset: str
    #: Seconds for reading, marking and encoding the clip.
    budget_s: float = math.inf


class MarkResult(msgspec.Struct, frozen=True, kw_only=True):
    """How strong the mark is, or why nothing was written."""

    strength: Strength | None = None
    obstacle: Obstacle | None = None


@dataclass(frozen=True, kw_only=True)
class _Frame:
    frame: Any
    #: The plane of luma, turned as it is shown. It shares its memory with the frame.
    luma: Luma
    time_s: float


def mark_in_child(argument: Any, _link: object) -> MarkResult:
    """Entry point: a marked copy of a plain MP4, with its timing, colours and audio."""
    task = msgspec.convert(argument, MarkTask)
    try:
        return MarkResult(strength=_mark(task))
    except CannotBeMarked as error:
        return MarkResult(obstacle=error.obstacle)


class MarkingTime:
    """The time that marking may take. Ends the work as soon as it is clear that the time is not enough.

    The speed is measured on the frames of the clip itself: it depends on their number and size, on the
    preset and on the machine.
    """

    #: This many frames are encoded before the speed is used.
    MEASURED = 48

    def __init__(self, budget_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + budget_s
        #: The time at the first encoded frame.
        self._began: float | None = None

    def check(self) -> None:
        """While the clip is only read."""
        if self._clock() > self._end:
            raise CannotBeMarked(Obstacle.TIME)

    def check_encoding(self, done: int, total: int) -> None:
        """When `done` frames were encoded, from 0 on. `total` is 0 if it is not known."""
        now = self._clock()
        self.check()
        if self._began is None:
            self._began = now
        if done >= self.MEASURED:
            left_s = (now - self._began) / done * max(total - done, 0)
            if now + left_s > self._end:
                raise CannotBeMarked(Obstacle.TIME)


def _mark(task: MarkTask) -> Strength:
    limit = MarkingTime(task.budget_s)
    source = Path(task.source)
    with _open(source) as container:
        info = probe_container(container, source.stat().st_size, ACCEPTED_CLIP_LIMITS)
        if not _can_be_marked(container):
            raise CannotBeMarked(Obstacle.FORMAT)
        black = _black(select_tracks(container)[0].codec_context)
    clip = _Clip(source)
    limits = RETRY_LIMITS if task.is_retry else FIRST_LIMITS
    pattern = WatermarkPattern.from_seed(task.seed)
    samples = _sample(clip, info, limit)
    strength = choose_strength(pattern, task.content_id, samples, limits=limits, black=black)
    marker = WatermarkEmbedder(pattern, task.content_id, factor=strength.factor, black=black)
    _write(task, info, _Marking(clip=clip, marker=marker, limit=limit))
    return strength


class _Clip:
    """The frames of a file, for a first and a second walk. A short clip is decoded only once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: deque[_Frame] = deque()
        self._is_kept = False

    def first_walk(self) -> Iterator[_Frame]:
        left = _MAX_KEPT_BYTES
        for one in _frames(self._path):
            left -= sum(plane.buffer_size for plane in one.frame.planes)
            if left >= 0:
                self._kept.append(one)
            else:
                self._kept.clear()
            yield one
        self._is_kept = left >= 0

    def second_walk(self) -> Iterator[_Frame]:
        if self._is_kept:
            while self._kept:
                yield self._kept.popleft()
        else:
            yield from _frames(self._path)


@dataclass(frozen=True, kw_only=True)
class _Marking:
    """What marks a clip, and until when."""

    clip: _Clip
    marker: WatermarkEmbedder
    limit: MarkingTime


class SearchTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `search_in_child`. The seeds are tried in their order."""

    source: str
    seeds: tuple[bytes, ...]
    #: Processor time for the search, in seconds.
    budget_s: float


class UnreadMark(msgspec.Struct, frozen=True, kw_only=True):
    """Soft bits of a place where a mark may be that is too weak to be read."""

    #: Number of the seed in the task.
    seed: int
    #: 512 numbers of 32 bits, little-endian.
    soft_bits: bytes


class MarkSearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The id that was read, or what could not be read."""

    content_id: int | None = None
    #: Number of the seed in the task with which the id was read.
    seed: int | None = None
    #: Whether the file was read as far as a mark is searched. Without a mark, not all geometries are tried.
    is_complete: bool = True
    unread: tuple[UnreadMark, ...] = ()


def search_in_child(argument: Any, _link: object) -> MarkSearchResult:
    """Entry point: the mark of a clip or a picture that may have been cropped, scaled, turned or mirrored.

    Raises `InvalidMedia` or `TooLarge` if nothing can be decoded.
    """
    task = msgspec.convert(argument, SearchTask)
    end = time.process_time() + task.budget_s
    sums, is_complete = _read_sums(Path(task.source), lambda: time.process_time() > end)
    detectors = [WatermarkDetector(WatermarkPattern.from_seed(seed)) for seed in task.seeds]
    results = search_marks(detectors, sums, lambda: time.process_time() > end)
    unread: list[UnreadMark] = []
    for number, result in enumerate(results):
        if result.found is not None:
            content_id = result.found.content_id
            return MarkSearchResult(content_id=content_id, seed=number, is_complete=is_complete)
        unread += [UnreadMark(seed=number, soft_bits=one.astype("<f4").tobytes()) for one in result.unread]
    return MarkSearchResult(unread=tuple(unread), is_complete=is_complete)


def add_up(path: Path, is_over: Callable[[], bool]) -> ResidualSums:
    """The residuals of the first seconds, or of what was decoded before the time was over.

    A clip that is cut off or damaged is read up to the damage; of an animated picture, the first frame.
    """
    return _read_sums(path, is_over)[0]


def _read_sums(path: Path, is_over: Callable[[], bool]) -> tuple[ResidualSums, bool]:
    """The residuals, and whether the file was read as far as a mark is searched."""
    sums = ResidualSums()
    if is_picture(path):
        info, views = read_image(path, ImageLimits())
        sums.add(np.asarray(cv2.cvtColor(views[0], cv2.COLOR_RGB2GRAY), np.uint8), 0.0)
        return sums, info.frames == 1 and not is_over()
    try:
        _add_up(path, sums, is_over)
    except InvalidMedia:
        if not sums.chunks:
            raise
        return sums, False
    return sums, not is_over()


def read_mark(path: Path, seed: bytes) -> int | None:
    """The id in a file that was neither cropped nor turned; None if no mark is read."""
    sums = ResidualSums()
    _add_up(path, sums)
    found = WatermarkDetector(WatermarkPattern.from_seed(seed)).read(sums)
    return None if found is None else found.content_id


def _add_up(path: Path, sums: ResidualSums, is_over: Callable[[], bool] = lambda: False) -> None:
    """Adds the residuals of the first seconds, or of what was decoded before the time was over."""
    first_s: float | None = None
    for one in _frames(path):
        first_s = one.time_s if first_s is None else first_s
        is_intra = is_intra_coded(one.frame)
        if sums.wants(one.time_s - first_s, is_intra=is_intra):
            sums.add(one.luma, one.time_s - first_s, is_intra=is_intra)
        if sums.is_full or is_over():
            break


def _open(path: Path) -> AbstractContextManager[Any]:
    return open_container(path, ACCEPTED_CLIP_LIMITS, as_played=True)


def _can_be_marked(container: Any) -> bool:
    stream = select_tracks(container)[0]
    codec = stream.codec_context
    return (
        codec.format is not None
        and codec.format.name in _MARKED_FORMATS
        and codec.width % 2 == codec.height % 2 == 0
        and _first_frame_can_be_marked(container, stream)
    )


def _first_frame_can_be_marked(container: Any, stream: Any) -> bool:
    with decoder_errors_raise():
        return all(
            not frame.interlaced_frame and _is_quarter_turn(frame)
            for frame in _first(container.decode(stream))
        )


def _is_quarter_turn(frame: Any) -> bool:
    """Whether the display matrix only turns, by 0, 90, 180 or 270 degrees, and does not mirror."""
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return True
    a, b, _u, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    return bool(a == d and b == -c and (a == 0) != (b == 0))


def _first(frames: Iterator[Any]) -> Iterator[Any]:
    frame = next(frames, None)
    if frame is not None:
        yield frame


def _sample(clip: _Clip, info: MediaInfo, limit: MarkingTime) -> Iterator[Luma]:
    # A fragmented file does not declare how many frames it has.
    frames = info.frames or round(info.duration_s * info.fps)
    step = max(frames // _SAMPLES, 1)
    for number, one in enumerate(clip.first_walk()):
        limit.check()
        if number % step == 0:
            yield one.luma


def _frames(path: Path) -> Iterator[_Frame]:
    with _open(path) as container:
        info = probe_container(container, path.stat().st_size, ACCEPTED_CLIP_LIMITS)
        stream = strict_decoding(select_tracks(container)[0])
        frames = container.decode(stream)
        number = 0
        while True:
            with decoder_errors_raise():
                frame = next(frames, None)
            if frame is None:
                return
            time_s = frame.time if frame.time is not None else number / (info.fps or 25.0)
            yield _Frame(frame=frame, luma=shown_luma(frame, info.rotation), time_s=time_s)
            number += 1


def shown_luma(frame: Any, rotation: int) -> Luma:
    """The plane of luma of a decoded frame, turned as it is shown."""
    # Only the luma is read from another format; such a frame is never encoded.
    grey = frame if frame.format.name in _MARKED_FORMATS else frame.reformat(format="gray")
    return _shown(planes_of(grey)[0], rotation)


def _shown(luma: Luma, rotation: int) -> Luma:
    return np.rot90(luma, rotation // 90 % 4)


def _black(codec: Any) -> int:
    return 0 if is_full_range(codec) else _VIDEO_BLACK


def _write(task: MarkTask, info: MediaInfo, marking: _Marking) -> None:
    source = Path(task.source)
    with _open(source) as original:
        video, audio = select_tracks(original)
        shape = VideoFormat(
            width=video.codec_context.width,
            height=video.codec_context.height,
            fps=info.fps or 25,
            timestamped=True,
            crf=CRF,
            preset=task.preset,
            aq_strength=AQ_STRENGTH,
            pixel_format=video.codec_context.format.name,
        )
        with Mp4Writer(Path(task.into), shape) as writer:
            writer.copy_display(video, rotation=info.rotation)
            sound = CopiedSound(writer, original, audio)
            first_s: float | None = None
            for number, one in enumerate(marking.clip.second_walk()):
                marking.limit.check_encoding(number, info.frames)
                if not writer.accepts(one.frame) or one.frame.interlaced_frame:
                    raise CannotBeMarked(Obstacle.FORMAT)
                first_s = one.time_s if first_s is None else first_s
                sound.copy_until(one.time_s)
                marked = marking.marker.mark(np.ascontiguousarray(one.luma), one.time_s - first_s)
                one.frame.make_writable()
                planes_of(one.frame)[0][:] = _shown(marked, -info.rotation)
                writer.add_picture(one.frame, time_s=one.time_s)
            sound.copy_until(math.inf)
