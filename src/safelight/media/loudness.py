"""Loudness by ITU-R BS.1770 / EBU R128: integrated loudness, range, true peak, and sudden loud onsets."""

from __future__ import annotations

import contextlib
import math
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

#: Interval between two momentary loudness values, and length of the window that each value covers.
STEP_S, WINDOW_S = 0.1, 0.4
#: Minimum loudness of an onset, and minimum rise above the loudness before it.
LOUD_LUFS, RISE_LU = -16.0, 20.0
#: The loudness before an onset is measured from `_PAST_S` to `_GUARD_S` seconds before it. At least
#: `_MIN_PAST_S` seconds of audio are needed for that.
_PAST_S, _GUARD_S, _MIN_PAST_S = 3.0, 0.5, 0.5
_SILENCE_LUFS = -70.0
_MAX_ONSETS = 50


class Onset(msgspec.Struct, frozen=True, kw_only=True):
    """A sudden loud sound: its time, and the momentary loudness in LUFS before it and at its peak."""

    at_s: float
    before_lufs: float
    after_lufs: float


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """Loudness of the audio. A value is None if the audio is silent or too short to measure it."""

    integrated_lufs: float | None = None
    range_lu: float | None = None
    #: True peak, which includes peaks between two samples.
    true_peak_dbtp: float | None = None
    loudest_lufs: float | None = None
    onsets: tuple[Onset, ...] = ()


class LoudnessMeter:
    """Measures the loudness of the decoded frames of one audio stream.

    `feed` raises `av.FFmpegError` or `ValueError`.
    """

    def __init__(self) -> None:
        self._graph: Any = None
        self._frame_format: tuple[Any, ...] = ()
        self._last_metadata: dict[str, str] = {}
        self._momentary_lufs = array("d")

    def feed(self, frame: Any) -> None:
        """Add the next decoded frame."""
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._graph is None:
            self._graph, self._frame_format = _graph(*shape), shape
        elif shape != self._frame_format:
            raise ValueError("the audio changes its format in the middle of the clip")
        self._graph.push(frame)
        self._read_measurements()

    def result(self) -> Loudness:
        """The loudness of all frames fed until now."""
        if self._graph is not None:
            self._graph.push(None)
            self._read_measurements()
        peak = _number(self._last_metadata.get("lavfi.r128.true_peak"))
        integrated = _number(self._last_metadata.get("lavfi.r128.I"))
        loudest = max(self._momentary_lufs, default=-math.inf)
        silent = loudest <= _SILENCE_LUFS
        return Loudness(
            integrated_lufs=None if silent or integrated is None else round(integrated, 1),
            range_lu=None if silent else _rounded(_number(self._last_metadata.get("lavfi.r128.LRA"))),
            true_peak_dbtp=round(20 * math.log10(peak), 1) if peak else None,
            loudest_lufs=None if silent else round(loudest, 1),
            onsets=find_onsets(self._momentary_lufs),
        )

    def _read_measurements(self) -> None:
        import av

        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                metadata = dict(self._graph.pull().metadata)
                # The last interval is incomplete and has no value.
                if "lavfi.r128.M" not in metadata:
                    continue
                self._last_metadata = metadata
                momentary = _number(metadata["lavfi.r128.M"])
                self._momentary_lufs.append(-math.inf if momentary is None else momentary)


def find_onsets(momentary_lufs: Sequence[float]) -> tuple[Onset, ...]:
    """Finds sudden loud onsets in momentary loudness values, one value per `STEP_S`. Pure."""
    past_steps, guard_steps, min_past_steps = (
        round(seconds / STEP_S) for seconds in (_PAST_S, _GUARD_S, _MIN_PAST_S)
    )
    # The windows of the first values begin before the audio starts, so these values are not used.
    first_full_window = round(WINDOW_S / STEP_S) - 1
    found: list[Onset] = []
    index = first_full_window + guard_steps + min_past_steps
    while index < len(momentary_lufs) and len(found) < _MAX_ONSETS:
        earlier = sorted(
            momentary_lufs[max(index - guard_steps - past_steps, first_full_window) : index - guard_steps]
        )
        background_lufs = max(earlier[len(earlier) // 2], _SILENCE_LUFS)
        if momentary_lufs[index] >= LOUD_LUFS and momentary_lufs[index] - background_lufs >= RISE_LU:
            peak_lufs = max(momentary_lufs[index : index + guard_steps])
            found.append(
                Onset(
                    at_s=round(max((index + 1) * STEP_S - WINDOW_S / 2, 0.0), 2),
                    before_lufs=round(background_lufs, 1),
                    after_lufs=round(peak_lufs, 1),
                )
            )
            index += past_steps
        index += 1
    return tuple(found)


def _graph(rate: int, format_name: str, layout: str) -> Any:
    """An FFmpeg filter graph with the `ebur128` meter."""
    from fractions import Fraction

    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=rate, format=format_name, layout=layout, time_base=Fraction(1, rate)
    )
    meter = graph.add("ebur128", "peak=true:metadata=1")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
