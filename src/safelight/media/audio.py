"""Audio of a clip: decoded once, mixed to mono without losing a channel, resampled, cut into windows.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.loudness import Loudness, LoudnessMeter
from safelight.media.probe import VideoLimits, decoder_errors_raise, open_container, select_audio

Samples = npt.NDArray[np.float32]

#: Length of a window, and its overlap with the next window, so that no sound is cut at the end of a window.
WINDOW_S, OVERLAP_S = 600.0, 5.0
#: If the time stamps jump by more than this, the gap is a pause in the audio and is filled with silence.
_MIN_PAUSE_S = 0.1
#: The mono mix may cancel itself. If its amplitude is less than this fraction of that of the loudest channel,
#: the loudest channel is used instead.
_MIN_MIX_AMPLITUDE = 0.3
#: Time constant, in seconds, of the switch between the mix and the loudest channel.
_MIX_SWITCH_S = 0.2


def peak_amplitude(samples: Samples) -> float:
    """Largest absolute sample value, without copying the samples."""
    return max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))


def merge_spans(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The time spans in order; spans that touch or overlap are merged."""
    combined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if combined and start <= combined[-1][1]:
            combined[-1] = (combined[-1][0], max(combined[-1][1], end))
        else:
            combined.append((start, end))
    return combined


class AudioInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of the decoded audio: duration, format, loudness."""

    rate: int = 0
    channels: int = 0
    #: Seconds by which the audio starts after the picture.
    start_s: float = 0.0
    seconds: float = 0.0
    loudness: Loudness = Loudness()
    #: Why the loudness was not measured; empty if it was.
    unmeasured: str = ""


class AudioWindow:
    """A window of the audio: mono samples at each requested rate. `start_s` is its start in the clip."""

    def __init__(self, start_s: float, samples: dict[int, Samples], *, last: bool) -> None:
        self.start_s = start_s
        self.samples = samples
        self.last = last


class AudioDecoder:
    """Decodes the audio stream of a file that a player plays. Use it once: `windows`, then `info`."""

    def __init__(self, path: Path, limits: VideoLimits) -> None:
        self._path = path
        self._limits = limits
        self._meter: LoudnessMeter | None = LoudnessMeter()
        self._unmeasured_reason = ""
        self._mixer = Mixer()
        self._rate = self._channels = 0
        self._start_s = self._seconds = 0.0

    @property
    def info(self) -> AudioInfo:
        return AudioInfo(
            rate=self._rate,
            channels=self._channels,
            start_s=round(self._start_s, 3),
            seconds=round(self._seconds, 3),
            loudness=self._meter.result() if self._meter is not None else Loudness(),
            unmeasured=self._unmeasured_reason,
        )

    def windows(self, rates: set[int]) -> Iterator[AudioWindow]:
        """Decode the whole audio in windows. Raises `InvalidMedia`, `TooLarge`."""
        import av

        resamplers = {rate: av.AudioResampler(format="flt", layout="mono", rate=rate) for rate in rates}
        buffer = _WindowBuffer(rates)
        for samples in self._mono():
            for rate, resampler in resamplers.items():
                buffer.add(rate, _resample(resampler, samples, self._rate))
            yield from buffer.complete_windows(self._start_s)
        for rate, resampler in resamplers.items():
            buffer.add(rate, _resample(resampler, None, self._rate))
        yield from buffer.complete_windows(self._start_s)
        yield buffer.last_window(self._start_s)

    def _mono(self) -> Iterator[Samples]:
        """Mono samples at the sample rate of the file; pauses become silence."""
        sample_count = 0
        first_s: float | None = None
        with open_container(self._path, self._limits) as container:
            if not container.streams.audio:
                raise InvalidMedia("The file has no audio track.")
            stream = select_audio(container)
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
                    raise InvalidMedia("The audio changes its sample rate in the middle of the clip.")
                time_s = frame.time
                if first_s is None:
                    first_s = time_s if time_s is not None else 0.0
                    self._start_s = _start_delay(container, first_s)
                if time_s is not None:
                    pause_s = time_s - first_s - sample_count / self._rate
                    if pause_s > _MIN_PAUSE_S:
                        self._check_duration(time_s - first_s)
                        silence = np.zeros(round(pause_s * self._rate), np.float32)
                        sample_count += silence.size
                        yield silence
                self._measure(frame)
                sample_count += planes.shape[1]
                self._seconds = sample_count / self._rate
                self._check_duration(self._seconds)
                yield self._mixer.downmix(planes, self._rate)

    def _check_duration(self, seconds: float) -> None:
        if self._start_s + seconds > self._limits.duration_s + 1:
            raise TooLarge(f"The audio is longer than {self._limits.duration_s:g} s.")

    def _measure(self, frame: Any) -> None:
        import av

        if self._meter is None:
            return
        try:
            self._meter.feed(frame)
        except (av.FFmpegError, ValueError) as error:
            self._meter, self._unmeasured_reason = None, f"The loudness was not measured: {error}"[:200]


class Mixer:
    """Mixes the channels to mono, so that speech is still audible if the channels cancel each other."""

    def __init__(self) -> None:
        self._channel_power: npt.NDArray[np.float64] | None = None
        self._mix_power = 0.0
        self._loudest_share = 0.0

    def downmix(self, planes: Samples, rate: int) -> Samples:
        """Mix samples of shape (channels, n) to shape (n,), with values from -1 to 1."""
        if planes.shape[0] == 1:
            only: Samples = planes[0]
            return only
        mix: Samples = (planes.sum(axis=0) / np.sqrt(planes.shape[0])).astype(np.float32)
        rate_of_change = min(planes.shape[1] / (rate * _MIX_SWITCH_S), 1.0)
        channel_power = np.square(planes, dtype=np.float64).mean(axis=1)
        mix_power = float(np.square(mix, dtype=np.float64).mean())
        if self._channel_power is None or self._channel_power.size != channel_power.size:
            self._channel_power, self._mix_power = channel_power, mix_power
        else:
            self._channel_power = self._channel_power + rate_of_change * (channel_power - self._channel_power)
            self._mix_power += rate_of_change * (mix_power - self._mix_power)
        loudest = int(self._channel_power.argmax())
        cancelled = self._mix_power < _MIN_MIX_AMPLITUDE**2 * float(self._channel_power[loudest])
        loudest_share = min(
            max(self._loudest_share + (rate_of_change if cancelled else -rate_of_change), 0.0), 1.0
        )
        ramp = np.linspace(self._loudest_share, loudest_share, planes.shape[1], dtype=np.float32)
        self._loudest_share = loudest_share
        mixed: Samples = mix * (1 - ramp) + planes[loudest] * ramp
        peak_value = float(np.abs(mixed).max(initial=0.0))
        limited: Samples = mixed / np.float32(max(peak_value, 1.0))
        return limited


class _WindowBuffer:
    """Collects resampled pieces of audio and cuts them into windows."""

    def __init__(self, rates: set[int]) -> None:
        self._pieces: dict[int, list[Samples]] = {rate: [] for rate in rates}
        self._sample_counts = dict.fromkeys(rates, 0)
        self._window_start_s = 0.0

    def add(self, rate: int, samples: Samples) -> None:
        self._pieces[rate].append(samples)
        self._sample_counts[rate] += samples.size

    def complete_windows(self, start_s: float) -> Iterator[AudioWindow]:
        """The next windows whose samples are complete."""
        while self._sample_counts and all(
            count >= round((WINDOW_S + OVERLAP_S) * rate) + 1 for rate, count in self._sample_counts.items()
        ):
            yield self._window(start_s, last=False)

    def last_window(self, start_s: float) -> AudioWindow:
        """The window with the remaining samples, at the end of the audio."""
        return self._window(start_s, last=True)

    def _window(self, start_s: float, *, last: bool) -> AudioWindow:
        samples: dict[int, Samples] = {}
        for rate, pieces in self._pieces.items():
            whole = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
            # Release the collected pieces before the window is cut: keeping both would double the memory.
            pieces.clear()
            end = whole.size if last else round((WINDOW_S + OVERLAP_S) * rate)
            samples[rate] = whole[:end]
            overlap = whole[round(WINDOW_S * rate) :].copy() if not last else whole[:0]
            self._pieces[rate], self._sample_counts[rate] = [overlap], overlap.size
        window_start_s = self._window_start_s
        self._window_start_s += WINDOW_S
        return AudioWindow(start_s + window_start_s, samples, last=last)


def _planes(frame: Any) -> Samples:
    """Float samples of shape (channels, n) of a decoded frame.

    Raises `InvalidMedia` if a sample is not finite.
    """
    samples = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype.kind == "u":
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / float(-int(np.iinfo(samples.dtype).min))
    if not np.isfinite(samples).all():
        raise InvalidMedia("The audio has samples that are not finite numbers.")
    return np.ascontiguousarray(samples, dtype=np.float32)


def _resample(resampler: Any, samples: Samples | None, rate: int) -> Samples:
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


def _start_delay(container: Any, first_s: float) -> float:
    """Seconds by which the audio starts after the picture; less than a tenth of a second counts as 0."""
    video = container.streams.video[0] if container.streams.video else None
    video_start_s = (
        float(video.start_time * video.time_base)
        if video is not None and video.start_time is not None and video.time_base
        else 0.0
    )
    delay_s = first_s - video_start_s
    return delay_s if delay_s > _MIN_PAUSE_S else 0.0
