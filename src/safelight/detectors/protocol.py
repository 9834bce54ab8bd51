"""What a detector is: content in, findings out. It never decides, and never opens a file or a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from safelight.errors import SafelightError
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
class AudioChunk:
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
class MediaText:
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

    Three attributes are optional. `picture_side`: the size it wants reference pictures at. `costly`: True
    leaves it out of the first, quick look at a picture. `idle`: a sentence where it has nothing to look for
    now, and is not called; empty otherwise.

    One that says `parts = True` is also shown the part of a frame that is new in it, enlarged and cleared of
    what was there before: boxes are in parts of what is shown, and the walk puts them in their place.
    """

    longest_side: int
    every_frame: bool

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]: ...


@runtime_checkable
class OcrReader(Detector, Protocol):
    """Runs in the child and reads text out of a frame; what it reads goes into the text pipeline.

    `parts = True`: as for a `FrameDetector`.
    """

    longest_side: int

    def read_frame(self, frame: Frame) -> Iterable[MediaText]: ...


@runtime_checkable
class StreamDetector(Detector, Protocol):
    """Runs in the child over all frames of a clip in order: what shows only over time, such as flicker.

    `begin` comes before every clip, `watch` with every frame at `longest_side`, `told` after the last one;
    its findings carry `FrameRange` evidence of their own.
    """

    longest_side: int

    def begin(self) -> None: ...

    def add_frame(self, frame: Frame) -> None: ...

    def findings(self) -> Iterable[Finding]: ...


@runtime_checkable
class SoundDetector(Detector, Protocol):
    """Runs in the child on the whole sound of a clip, mono, at `rate` Hz."""

    rate: int

    def inspect_sound(self, sound: AudioChunk) -> Iterable[Finding]: ...


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """A decoded picture that the scan child kept: raw RGB, uint8, `height` rows of `width`, in a file."""

    frame: int
    start_s: float
    end_s: float
    path: Path
    width: int
    height: int

    def pixels(self) -> npt.NDArray[np.uint8]:
        """(height, width, 3). Raises `ValueError` where the file is not what was said of it."""
        wanted = self.width * self.height * 3
        with self.path.open("rb") as file:
            data = file.read(wanted + 1)
        if len(data) != wanted or not wanted:
            raise ValueError("a still is not of the size that the scan named")
        return np.frombuffer(data, np.uint8).reshape(self.height, self.width, 3)


@dataclass(frozen=True, kw_only=True)
class SceneInput:
    """One file as it is known when everything that reads its bytes is done, and what goes with it."""

    modality: Modality
    stills: tuple[Keyframe, ...] = ()
    #: How many frames the schedule chose; more than `stills` where not all could be kept.
    chosen: int = 0
    #: What was asked for, by request field.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Words read off the picture, and words heard, in order; None where nobody could tell.
    on_screen: str | None = None
    transcript: str | None = None


@dataclass(frozen=True, kw_only=True)
class SceneFinding:
    """A finding about one of the stills by its place in the scene, or about all from `still` to `until`.

    None: about the scene as a whole.
    """

    finding: Finding
    still: int | None = None
    until: int | None = None


class PartialInspection(Exception):
    """A text or scene detector inspected only a part; the message is one sentence with the reason.

    Findings that it yielded before count. Not in the error tree: the caller records a gap in coverage.
    """


@runtime_checkable
class SceneDetector(Detector, Protocol):
    """Looks at the stills of a file once the scan child is done: models in a process of their own, servers.

    `remote` ones are asked last of all, and never about what has to be vaulted or quarantined.
    """

    remote: bool

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]: ...


@runtime_checkable
class VoiceActivityDetector(Detector, Protocol):
    """Runs in the child on the whole sound, mono, at `rate` Hz: from when to when somebody speaks.

    Times are seconds from the start of `sound.samples`, in order.
    """

    rate: int

    def find_speech(self, sound: AudioChunk) -> Iterable[tuple[float, float]]: ...


@runtime_checkable
class InProcessTranscriber(Detector, Protocol):
    """Runs in the child on stretches of speech, mono, at `rate` Hz: reads the words for the text pipeline.

    Times are seconds from the start of `sound.samples`.
    """

    rate: int

    def read_speech(self, sound: AudioChunk) -> Iterable[MediaText]: ...


class TranscriptionFailed(SafelightError):
    """Speech was not transcribed, or not all of it; the message is one sentence with the reason."""

    code = "transcription_failed"


@runtime_checkable
class Transcriber(Detector, Protocol):
    """Asked in the gateway's own process about a WAV file that the child wrote; talks to a server.

    Times are seconds from the start of the file. Raises `TranscriptionFailed`: a gap in coverage.
    """

    def transcribe(self, wav: Path) -> Sequence[MediaText]: ...


class RunLocation(StrEnum):
    """Where a detector runs."""

    #: In the gateway's own process: text only.
    GATEWAY = "gateway"
    #: In the sandboxed child: everything that looks at pixels or samples.
    CHILD = "child"
    #: Beside the gateway, after the scan, on the stills it kept.
    SCENE = "scene"
    #: In the gateway's own process, after the scan: asks a server about speech that the child wrote down.
    TRANSCRIBER = "transcriber"


def _nothing_missing(_options: dict[str, Any]) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class DetectorPlugin:
    """What an entry point in the group `safelight.detectors` names: a detector, not loaded."""

    name: str
    version: str
    place: RunLocation
    capabilities: tuple[Capability, ...]
    #: Options from the settings in, the detector out. May be slow; called once per process.
    load: Callable[[dict[str, Any]], Detector]
    #: A cheap look: None, or one sentence on what is missing and how to get it.
    missing: Callable[[dict[str, Any]], str | None] = _nothing_missing
    #: The same for what is installed and has nothing to look for yet, such as marks when none is enrolled.
    #: Asked again whenever coverage is told, for it may change while the gateway runs.
    idle: Callable[[dict[str, Any]], str | None] = _nothing_missing
    #: It makes words of speech: `capabilities` are filled by those who read the words, where somebody does.
    transcribes: bool = False
    #: The cells it fills with these options, where that depends on them; goes before `capabilities`.
    claims: Callable[[dict[str, Any]], tuple[Capability, ...]] | None = None

    def claimed(self, options: dict[str, Any]) -> tuple[Capability, ...]:
        """What it can fill with these options."""
        return self.capabilities if self.claims is None else self.claims(options)
