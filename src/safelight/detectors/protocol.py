"""What a detector is: content in, findings out. It never decides, and never opens a file or a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from safelight.policy.findings import Finding, Modality


@dataclass(frozen=True, kw_only=True)
class Capability:
    """A cell of the coverage table that a detector can fill."""

    category: str
    modality: Modality
    #: The measured figure and where it stands in docs/benchmarks/, or None: "unmeasured".
    measured: str | None = None


@dataclass(frozen=True, kw_only=True)
class TextView:
    """One reading of a text (normalised, de-leeted, decoded ...), with the way back to what was typed."""

    #: How it was made: `plain`, `folded`, `deleet`, `joined`, `base64` ...
    kind: str
    text: str
    #: For each character of `text`, the index in the original it came from; one more entry for the end.
    offsets: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's characters behind `text[start:end]`."""
        if end <= start:
            return self.offsets[start], self.offsets[start]
        return self.offsets[start], max(self.offsets[end - 1] + 1, self.offsets[end])


@dataclass(frozen=True, kw_only=True)
class TextContent:
    """A text and where it came from."""

    #: The request field, or `on_screen` / `transcript` for text read from media.
    field: str
    text: str
    views: tuple[TextView, ...]
    #: Read as negation: what the maker does *not* want (`negative_prompt`).
    negated: bool = False


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A decoded picture. `pixels` is RGB, uint8, (height, width, 3), at the size the detector asked for."""

    index: int
    time_s: float
    pixels: npt.NDArray[np.uint8]
    #: Size of the source in pixels, before any scaling.
    width: int
    height: int
    #: Set where only a part of the source is shown: x, y, width and height in parts of it.
    part: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Mono samples in [-1, 1], float32, at `rate` Hz, starting at `start_s` of the clip."""

    samples: npt.NDArray[np.float32]
    rate: int
    start_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ReadText:
    """Text a reader found in media, for the text pipeline; `frame`/`time_s`/`box` say where."""

    text: str
    confidence: float
    frame: int | None = None
    start_s: float = 0.0
    end_s: float = 0.0
    box: tuple[float, float, float, float] | None = None


@runtime_checkable
class Detector(Protocol):
    """What every detector says of itself. A crash, a time-out or silence leaves a hole in coverage."""

    name: str
    version: str
    capabilities: tuple[Capability, ...]


@runtime_checkable
class TextDetector(Detector, Protocol):
    """Runs in the gateway's own process on every text; must be quick and must not block."""

    def inspect_text(self, content: TextContent) -> Iterable[Finding]: ...


@runtime_checkable
class FrameDetector(Detector, Protocol):
    """Runs in the sandboxed child on frames and pictures, one at a time.

    `longest_side` is the size it wants (0: the source's own). `every_frame` detectors see all frames;
    the others are called by the schedule. Per-frame findings carry an `ImageBox` or nothing; the walk
    joins them into `FrameRange` segments.

    One that says `parts = True` is also shown the part of a frame that is new in it, enlarged and cleared of
    what was there before: boxes are in parts of what is shown, and the walk puts them in their place.
    """

    longest_side: int
    every_frame: bool

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]: ...


@runtime_checkable
class FrameReader(Detector, Protocol):
    """Runs in the child and reads text out of a frame; what it reads goes into the text pipeline.

    `parts = True`: as for a `FrameDetector`.
    """

    longest_side: int

    def read_frame(self, frame: Frame) -> Iterable[ReadText]: ...


@runtime_checkable
class FilmDetector(Detector, Protocol):
    """Runs in the child over all frames of a clip in order: what shows only over time, such as flicker.

    `begin` comes before every clip, `watch` with every frame at `longest_side`, `told` after the last one;
    its findings carry `FrameRange` evidence of their own.
    """

    longest_side: int

    def begin(self) -> None: ...

    def watch(self, frame: Frame) -> None: ...

    def told(self) -> Iterable[Finding]: ...


@runtime_checkable
class SoundDetector(Detector, Protocol):
    """Runs in the child on the whole sound of a clip, mono, at `rate` Hz."""

    rate: int

    def inspect_sound(self, sound: Sound) -> Iterable[Finding]: ...


class Place(StrEnum):
    """Where a detector runs."""

    #: In the gateway's own process: text only.
    GATEWAY = "gateway"
    #: In the sandboxed child: everything that looks at pixels or samples.
    CHILD = "child"


def _nothing_missing(_options: dict[str, Any]) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class DetectorPlugin:
    """What an entry point in the group `safelight.detectors` names: a detector, not loaded."""

    name: str
    version: str
    place: Place
    capabilities: tuple[Capability, ...]
    #: Options from the settings in, the detector out. May be slow; called once per process.
    load: Callable[[dict[str, Any]], Detector]
    #: A cheap look: None, or one sentence on what is missing and how to get it.
    missing: Callable[[dict[str, Any]], str | None] = _nothing_missing
