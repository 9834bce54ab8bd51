"""Loudness after ITU-R BS.1770 / EBU R128: integrated, its range, the true peak, and sudden loud onsets."""

from __future__ import annotations

import contextlib
import math
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

#: Momentary loudness comes so often, and looks back over so much sound.
STEP_S, WINDOW_S = 0.1, 0.4
#: An onset is at least this loud, and this much louder than what was before it.
LOUD_LUFS, RISE_LU = -16.0, 20.0
#: What was before: from so long ago to so long ago. A shorter past is none.
_PAST_S, _GUARD_S, _LEAST_PAST_S = 3.0, 0.5, 0.5
_SILENCE_LUFS = -70.0
_MOST_ONSETS = 50


class Onset(msgspec.Struct, frozen=True, kw_only=True):
    """A sudden loud sound: when, and the momentary loudness before and at its height, in LUFS."""

    at_s: float
    before_lufs: float
    after_lufs: float


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """None where the sound is silent, or too short to say."""

    integrated_lufs: float | None = None
    range_lu: float | None = None
    #: Decibels over full scale, between samples too.
    true_peak_dbtp: float | None = None
    loudest_lufs: float | None = None
    onsets: tuple[Onset, ...] = ()


class Meter:
    """Fed with decoded frames of one sound. `feed` raises `av.FFmpegError` or `ValueError`."""

    def __init__(self) -> None:
        self._graph: Any = None
        self._shape: tuple[Any, ...] = ()
        self._last: dict[str, str] = {}
        self._moments = array("d")

    def feed(self, frame: Any) -> None:
        """The next frame, as it was decoded."""
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._graph is None:
            self._graph, self._shape = _graph(*shape), shape
        elif shape != self._shape:
            raise ValueError("the sound changes its format on the way")
        self._graph.push(frame)
        self._pull()

    def result(self) -> Loudness:
        """What was measured over everything fed."""
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
        peak = _number(self._last.get("lavfi.r128.true_peak"))
        integrated = _number(self._last.get("lavfi.r128.I"))
        loudest = max(self._moments, default=-math.inf)
        silent = loudest <= _SILENCE_LUFS
        return Loudness(
            integrated_lufs=None if silent or integrated is None else round(integrated, 1),
            range_lu=None if silent else _rounded(_number(self._last.get("lavfi.r128.LRA"))),
            true_peak_dbtp=round(20 * math.log10(peak), 1) if peak else None,
            loudest_lufs=None if silent else round(loudest, 1),
            onsets=onsets(self._moments),
        )

    def _pull(self) -> None:
        import av

        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                told = dict(self._graph.pull().metadata)
                # The last, short piece says nothing.
                if "lavfi.r128.M" not in told:
                    continue
                self._last = told
                momentary = _number(told["lavfi.r128.M"])
                self._moments.append(-math.inf if momentary is None else momentary)


def onsets(moments: Sequence[float]) -> tuple[Onset, ...]:
    """The sudden loud onsets in momentary loudness, one value every `STEP_S`. Pure."""
    past, guard, least = (round(seconds / STEP_S) for seconds in (_PAST_S, _GUARD_S, _LEAST_PAST_S))
    # The first values look back to before the sound begins.
    full = round(WINDOW_S / STEP_S) - 1
    found: list[Onset] = []
    index = full + guard + least
    while index < len(moments) and len(found) < _MOST_ONSETS:
        before = sorted(moments[max(index - guard - past, full) : index - guard])
        usual = max(before[len(before) // 2], _SILENCE_LUFS)
        if moments[index] >= LOUD_LUFS and moments[index] - usual >= RISE_LU:
            height = max(moments[index : index + guard])
            found.append(
                Onset(
                    at_s=round(max((index + 1) * STEP_S - WINDOW_S / 2, 0.0), 2),
                    before_lufs=round(usual, 1),
                    after_lufs=round(height, 1),
                )
            )
            index += past
        index += 1
    return tuple(found)


def _graph(rate: int, format_name: str, layout: str) -> Any:
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
