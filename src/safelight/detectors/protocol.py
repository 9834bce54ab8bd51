"""What a detector is: content in, findings out. It never decides, and never opens a file or a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
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


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Mono samples in [-1, 1], float32, at `rate` Hz, starting at `start_s` of the clip."""

    samples: npt.NDArray[np.float32]
    rate: int
    start_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SpokenWord:
    """One word of a line and when it is said, in seconds of the clip."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class ReadText:
    """Text a reader found in media, for the text pipeline; `frame`/`time_s`/`box` say where.

    A spoken line has no frame; `words` are its words, where the transcriber timed them.
    """

    text: str
    confidence: float
    frame: int | None = None
    start_s: float = 0.0
    end_s: float = 0.0
    box: tuple[float, float, float, float] | None = None
    words: tuple[SpokenWord, ...] = ()


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
    """

    longest_side: int
    every_frame: bool

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]: ...


@runtime_checkable
class FrameReader(Detector, Protocol):
    """Runs in the child and reads text out of a frame; what it reads goes into the text pipeline."""

    longest_side: int

    def read_frame(self, frame: Frame) -> Iterable[ReadText]: ...


@runtime_checkable
class SoundDetector(Detector, Protocol):
    """Runs in the child on the whole sound of a clip, mono, at `rate` Hz."""

    rate: int

    def inspect_sound(self, sound: Sound) -> Iterable[Finding]: ...


@runtime_checkable
class SpeechFinder(Detector, Protocol):
    """Runs in the child on the whole sound, mono, at `rate` Hz: from when to when somebody speaks.

    Times are seconds from the start of `sound.samples`, in order.
    """

    rate: int

    def find_speech(self, sound: Sound) -> Iterable[tuple[float, float]]: ...


@runtime_checkable
class SpeechReader(Detector, Protocol):
    """Runs in the child on stretches of speech, mono, at `rate` Hz: reads the words for the text pipeline.

    Times are seconds from the start of `sound.samples`.
    """

    rate: int

    def read_speech(self, sound: Sound) -> Iterable[ReadText]: ...


class Untranscribed(Exception):
    """Speech could not be transcribed, or not all of it: one sentence why."""


@runtime_checkable
class Transcriber(Detector, Protocol):
    """Asked in the gateway's own process about a WAV file that the child wrote; talks to a server.

    Times are seconds from the start of the file. Raises `Untranscribed`: then there is a hole.
    """

    def transcribe(self, wav: Path) -> Sequence[ReadText]: ...


class Place(StrEnum):
    """Where a detector runs."""

    #: In the gateway's own process: text only.
    GATEWAY = "gateway"
    #: In the sandboxed child: everything that looks at pixels or samples.
    CHILD = "child"
    #: In the gateway's own process, after the scan: asks a server about speech that the child wrote down.
    TRANSCRIBER = "transcriber"


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
    #: It makes words of speech: `capabilities` are filled by those who read the words, where somebody does.
    transcribes: bool = False
