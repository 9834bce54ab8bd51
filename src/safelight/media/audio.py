"""The whole sound of a clip: decoded once, mixed so that no channel is lost, in windows. Only in a child."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.errors import InvalidMedia, TooLarge
from safelight.media.loudness import Loudness, Meter
from safelight.media.probe import VideoLimits, decoder_errors_raise, open_container

Samples = npt.NDArray[np.float32]

#: Detectors are given so much sound at a time, and this much of the next window too, so that nothing is cut.
WINDOW_S, OVERLAP_S = 600.0, 5.0
#: Time stamps that jump by more are a pause in the sound.
_JUMP_S = 0.1
#: Where channels cancel each other to less than this part of the loudest one, that one is heard instead.
_CANCELLED = 0.3
#: How slowly the choice between mix and channel changes, in seconds.
_SLOW_S = 0.2


def peak(samples: Samples) -> float:
    """The largest size of a sample, without a copy of them all."""
    return max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))


def merged(parts: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches of time in their order, those that meet as one."""
    done: list[tuple[float, float]] = []
    for start, end in sorted(parts):
        if done and start <= done[-1][1]:
            done[-1] = (done[-1][0], max(done[-1][1], end))
        else:
            done.append((start, end))
    return done


class AudioInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was decoded: how much sound, and how loud."""

    rate: int = 0
    channels: int = 0
    #: When it begins, in seconds after the picture does.
    start_s: float = 0.0
    seconds: float = 0.0
    loudness: Loudness = Loudness()
    #: Why the loudness could not be measured; empty where it was.
    unmeasured: str = ""


class AudioWindow:
    """A stretch of the sound, mono, at each rate that was asked for; `start_s` is clip time."""

    def __init__(self, start_s: float, samples: dict[int, Samples], *, last: bool) -> None:
        self.start_s = start_s
        self.samples = samples
        self.last = last


class AudioDecoder:
    """One sound stream. Use once: `windows`, then `facts`.

    `alone`: of a recording, which need have no picture.
    """

    def __init__(self, path: Path, limits: VideoLimits, *, alone: bool = False) -> None:
        self._path = path
        self._limits = limits
        self._alone = alone
        self._meter: Meter | None = Meter()
        self._unmeasured = ""
        self._mixer = Mixer()
        self._rate = self._channels = 0
        self._start_s = self._seconds = 0.0

    @property
    def facts(self) -> AudioInfo:
        return AudioInfo(
            rate=self._rate,
            channels=self._channels,
            start_s=round(self._start_s, 3),
            seconds=round(self._seconds, 3),
            loudness=self._meter.result() if self._meter is not None else Loudness(),
            unmeasured=self._unmeasured,
        )

    def windows(self, rates: set[int]) -> Iterator[AudioWindow]:
        """The sound from its beginning to its end. Raises `InvalidMedia`, `TooLarge`."""
        import av

        resamplers = {rate: av.AudioResampler(format="flt", layout="mono", rate=rate) for rate in rates}
        shelf = _Shelf(rates)
        for piece in self._mono():
            for rate, resampler in resamplers.items():
                shelf.put(rate, _resampled(resampler, piece, self._rate))
            yield from shelf.full(self._start_s)
        for rate, resampler in resamplers.items():
            shelf.put(rate, _resampled(resampler, None, self._rate))
        yield from shelf.full(self._start_s)
        yield shelf.rest(self._start_s)

    def _mono(self) -> Iterator[Samples]:
        """Mono samples at the sound's own rate, pauses included."""
        done = 0
        first: float | None = None
        with open_container(self._path, self._limits, recordings=self._alone) as container:
            if len(container.streams.audio) != 1:
                raise InvalidMedia(f"It has {len(container.streams.audio) or 'no'} sound tracks, not one.")
            stream = container.streams.audio[0]
            frames = container.decode(stream)
            while True:
                with decoder_errors_raise():
                    frame = next(frames, None)
                    planes = None if frame is None else _planes(frame)
                if frame is None or planes is None:
                    break
                if not self._rate:
                    self._rate, self._channels = frame.sample_rate, planes.shape[0]
                elif frame.sample_rate != self._rate:
                    raise InvalidMedia("The sound changes its sample rate on the way.")
                moment = frame.time
                if first is None:
                    first = moment if moment is not None else 0.0
                    self._start_s = _delay(container, first)
                if moment is not None:
                    pause = moment - first - done / self._rate
                    if pause > _JUMP_S:
                        self._check(moment - first)
                        gap = np.zeros(round(pause * self._rate), np.float32)
                        done += gap.size
                        yield gap
                self._measure(frame)
                done += planes.shape[1]
                self._seconds = done / self._rate
                self._check(self._seconds)
                yield self._mixer.downmix(planes, self._rate)

    def _check(self, seconds: float) -> None:
        if self._start_s + seconds > self._limits.duration_s + 1:
            raise TooLarge(f"The sound lasts longer than {self._limits.duration_s:g} s.")

    def _measure(self, frame: Any) -> None:
        import av

        if self._meter is None:
            return
        try:
            self._meter.feed(frame)
        except (av.FFmpegError, ValueError) as error:
            self._meter, self._unmeasured = None, f"The loudness was not measured: {error}"[:200]


class Mixer:
    """Channels into one, so that speech in any of them stays: also where they would cancel each other."""

    def __init__(self) -> None:
        self._power: npt.NDArray[np.float64] | None = None
        self._mix_power = 0.0
        self._share = 0.0

    def downmix(self, planes: Samples, rate: int) -> Samples:
        """(channels, n) samples to (n,), within -1 and 1."""
        if planes.shape[0] == 1:
            only: Samples = planes[0]
            return only
        mix: Samples = (planes.sum(axis=0) / np.sqrt(planes.shape[0])).astype(np.float32)
        keep = min(planes.shape[1] / (rate * _SLOW_S), 1.0)
        power = np.square(planes, dtype=np.float64).mean(axis=1)
        mix_power = float(np.square(mix, dtype=np.float64).mean())
        if self._power is None or self._power.size != power.size:
            self._power, self._mix_power = power, mix_power
        else:
            self._power = self._power + keep * (power - self._power)
            self._mix_power += keep * (mix_power - self._mix_power)
        loudest = int(self._power.argmax())
        cancelled = self._mix_power < _CANCELLED**2 * float(self._power[loudest])
        share = min(max(self._share + (keep if cancelled else -keep), 0.0), 1.0)
        ramp = np.linspace(self._share, share, planes.shape[1], dtype=np.float32)
        self._share = share
        out: Samples = mix * (1 - ramp) + planes[loudest] * ramp
        peak = float(np.abs(out).max(initial=0.0))
        quieter: Samples = out / np.float32(max(peak, 1.0))
        return quieter


class _Shelf:
    """Resampled pieces, put together into windows."""

    def __init__(self, rates: set[int]) -> None:
        self._pieces: dict[int, list[Samples]] = {rate: [] for rate in rates}
        self._have = dict.fromkeys(rates, 0)
        self._begun_s = 0.0

    def put(self, rate: int, samples: Samples) -> None:
        self._pieces[rate].append(samples)
        self._have[rate] += samples.size

    def full(self, start_s: float) -> Iterator[AudioWindow]:
        """The windows that are complete."""
        while self._have and all(
            have >= round((WINDOW_S + OVERLAP_S) * rate) + 1 for rate, have in self._have.items()
        ):
            yield self._window(start_s, last=False)

    def rest(self, start_s: float) -> AudioWindow:
        return self._window(start_s, last=True)

    def _window(self, start_s: float, *, last: bool) -> AudioWindow:
        samples: dict[int, Samples] = {}
        for rate, pieces in self._pieces.items():
            whole = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
            # Not both at a time, whatever the window's length.
            pieces.clear()
            end = whole.size if last else round((WINDOW_S + OVERLAP_S) * rate)
            samples[rate] = whole[:end]
            kept = whole[round(WINDOW_S * rate) :].copy() if not last else whole[:0]
            self._pieces[rate], self._have[rate] = [kept], kept.size
        begun = self._begun_s
        self._begun_s += WINDOW_S
        return AudioWindow(start_s + begun, samples, last=last)


def _planes(frame: Any) -> Samples:
    """(channels, n) float samples of a decoded frame. Raises `InvalidMedia` where they are no numbers."""
    samples = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype.kind == "u":
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / float(-int(np.iinfo(samples.dtype).min))
    if not np.isfinite(samples).all():
        raise InvalidMedia("The sound holds samples that are no numbers.")
    return np.ascontiguousarray(samples, dtype=np.float32)


def _resampled(resampler: Any, samples: Samples | None, rate: int) -> Samples:
    import av

    frame = None
    if samples is not None:
        if not samples.size:
            return samples
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = rate
    with decoder_errors_raise():
        pieces = [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    return np.concatenate(pieces).astype(np.float32, copy=False) if pieces else np.zeros(0, np.float32)


def _delay(container: Any, first: float) -> float:
    """How much later than the picture the sound begins; less than a tenth of a second counts as nothing."""
    video = container.streams.video[0] if container.streams.video else None
    begins = (
        float(video.start_time * video.time_base)
        if video is not None and video.start_time is not None and video.time_base
        else 0.0
    )
    late = first - begins
    return late if late > _JUMP_S else 0.0
