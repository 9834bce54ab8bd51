"""Interfaces of detectors. A detector only returns findings and does not decide about a request. Those in
`remote` call a server; no other opens a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.core.errors import SafelightError
from safelight.policy.findings import Finding, Modality

#: The options of a detector in the settings.
PluginOptions: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One cell of the coverage table (category and modality) that a detector can fill."""

    category: str
    modality: Modality
    #: The measured figure and its page in docs/benchmarks/. None is shown as "unmeasured".
    measured: str | None = None


@dataclass(frozen=True, kw_only=True)
class TextView:
    """One view of a text (normalised, de-leeted, decoded ...) with the offsets back to the original text."""

    #: How the view was made: `plain`, `folded`, `deleet`, `joined`, `base64` ...
    kind: str
    text: str
    #: For each character of `text`, its index in the original text; one more entry for the end.
    offsets: Sequence[int]
    #: Whether the view is one of several possible readings. Findings in it count; it never counts as checked.
    is_guess: bool = False

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range of characters in the original text from which `text[start:end]` was made."""
        if end <= start:
            return self.offsets[start], self.offsets[start]
        return self.offsets[start], max(self.offsets[end - 1] + 1, self.offsets[end])


@dataclass(frozen=True, kw_only=True)
class TextContent:
    """A text with its views and its source."""

    #: The request field, or `on_screen` / `transcript` for text read from media.
    field: str
    text: str
    views: tuple[TextView, ...]
    #: Whether the text describes what the video must *not* show (`negative_prompt`).
    negated: bool = False


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A decoded picture. `pixels` is RGB, uint8, (height, width, 3), at the size that the detector asked
    for.
    """

    index: int
    time_s: float
    pixels: Pixels
    #: Size of the source in pixels, before any scaling.
    width: int
    height: int
    #: Set if this is a crop of the source: x, y, width and height as fractions of the source.
    part: tuple[float, float, float, float] | None = None
    #: Whether this is a reference picture, and not a frame of a clip.
    is_reference: bool = False


@dataclass(frozen=True, kw_only=True)
class AudioChunk:
    """Mono samples in [-1, 1], float32, at `rate` Hz; the first sample is at `start_s` of the clip."""

    samples: npt.NDArray[np.float32]
    rate: int
    start_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SpokenWord:
    """One word of a transcript line with its start and end, in seconds of the clip."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class MediaText:
    """Text that OCR or a transcriber found in media, for the text pipeline, with its time and place.

    A transcript line has no frame; `words` are its words if the transcriber reported their times.
    """

    text: str
    confidence: float
    frame: int | None = None
    start_s: float = 0.0
    end_s: float = 0.0
    box: tuple[float, float, float, float] | None = None
    #: The first and the last frame in which it was read; None: only `frame`.
    frames: tuple[int, int] | None = None
    words: tuple[SpokenWord, ...] = ()


@runtime_checkable
class Detector(Protocol):
    """Attributes that every detector declares. A detector that crashes, times out or does not answer
    leaves a gap in coverage.
    """

    name: str
    version: str
    capabilities: tuple[Capability, ...]


class DetectorGroup:
    """Text or scene detectors that one plugin provides. A failure affects only the cells of one of them."""

    def __init__(self, name: str, version: str, detectors: Iterable[Detector]) -> None:
        self.name, self.version, self.detectors = name, version, tuple(detectors)
        self.capabilities = tuple(one for detector in self.detectors for one in detector.capabilities)


@runtime_checkable
class TextDetector(Detector, Protocol):
    """A detector that runs in the gateway process on every text. It must be fast and must not block.

    Seven attributes are optional. `costly`: if True, the detector runs after the others. `remote`: if True,
    it sends the text to a server, so it runs after every local detector, beside the other remote ones, and
    gets no texts of reports and appeals. `wants`: called with the findings of the local detectors, returns
    whether a remote detector gets the text. `learned`: if True, a classifier or a guard model judges every
    text; coverage reports it as its depth. `points`: the lowest score of the operating points of each
    category, by category; a policy should not ask for less. `stands_in_for`: the name of another detector by
    language; learned findings in this language count only if the other detector did not judge the text.
    `recorded_from`: findings with a lower score are not recorded; only the gate of help reads them.
    """

    def inspect_text(self, content: TextContent) -> Iterable[Finding]: ...


@runtime_checkable
class FrameDetector(Detector, Protocol):
    """A detector that runs in the sandboxed child on single frames and images.

    `longest_side` is the input size in pixels (0: the size of the source). A detector with `every_frame` gets
    every frame; the others get sampled frames. Findings for a frame carry an `ImageBox` or no evidence; the
    scan joins them into segments with a `FrameRange`.

    Three attributes are optional. `picture_side`: the input size for reference images. `costly`: if True, the
    first, quick pass over an image does not call the detector. `idle`: a sentence with the reason if the
    detector has nothing to search for now and is not called; otherwise empty.

    A detector with `parts = True` also gets enlarged crops of a frame: the area with new content, and the new
    content with its background removed. Its boxes are fractions of the crop; the scan converts them to
    fractions of the frame.
    """

    longest_side: int
    every_frame: bool

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]: ...


@runtime_checkable
class OcrReader(Detector, Protocol):
    """A detector that runs in the child and reads text in a frame. The text pipeline inspects this text.

    `parts = True` has the same meaning as for a `FrameDetector`.
    """

    longest_side: int

    def read_frame(self, frame: Frame) -> Iterable[MediaText]: ...


@runtime_checkable
class StreamDetector(Detector, Protocol):
    """A detector that runs in the child on all frames of a clip in order. It finds content that only
    appears over time, such as flicker.

    The scan calls `begin` before every clip, `add_frame` for every frame at `longest_side`, and `findings`
    after the last frame. These findings carry their own `FrameRange` evidence.
    """

    longest_side: int

    def begin(self) -> None: ...

    def add_frame(self, frame: Frame) -> None: ...

    def findings(self) -> Iterable[Finding]: ...


@runtime_checkable
class SoundDetector(Detector, Protocol):
    """A detector that runs in the child on the whole sound of a clip, mono, at `rate` Hz."""

    rate: int

    def inspect_sound(self, sound: AudioChunk) -> Iterable[Finding]: ...


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """A decoded frame that the scan child stored in a file: raw RGB, uint8, `height` rows of `width`."""

    frame: int
    start_s: float
    end_s: float
    path: Path
    width: int
    height: int

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Keyframe:
        """The keyframe that `as_json` describes."""
        return cls(**{**raw, "path": Path(raw["path"])})

    def as_json(self) -> dict[str, Any]:
        """The fields, for a request to a model process."""
        return {**asdict(self), "path": str(self.path)}

    def pixels(self) -> Pixels:
        """The picture, (height, width, 3). Raises `ValueError` if the file does not have the recorded
        size.
        """
        wanted = self.width * self.height * 3
        with self.path.open("rb") as file:
            data = file.read(wanted + 1)
        if len(data) != wanted or not wanted:
            raise ValueError("a keyframe file does not have the size that the scan recorded")
        return np.frombuffer(data, np.uint8).reshape(self.height, self.width, 3)


@dataclass(frozen=True, kw_only=True)
class SceneInput:
    """One scanned file with everything a scene detector needs: keyframes, request texts, OCR text,
    transcript.
    """

    modality: Modality
    keyframes: tuple[Keyframe, ...] = ()
    #: Number of frames that were sampled. It is larger than the number of `keyframes` if some could not be
    #: stored.
    sampled_count: int = 0
    #: The texts of the request, by field.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Text that OCR found, and the transcript, both in order. None if OCR was incomplete or the sound was not
    #: transcribed.
    on_screen: str | None = None
    transcript: str | None = None
    #: Whether the file has speech, or sound in which no speech detection ran.
    may_speak: bool = False


@dataclass(frozen=True, kw_only=True)
class SceneFinding:
    """A finding of a scene detector, with its place.

    The place is one keyframe (`keyframe`, an index), a range from `keyframe` to `last_keyframe`, or neither.
    With neither, the finding is about the scene as a whole.
    """

    finding: Finding
    keyframe: int | None = None
    last_keyframe: int | None = None


class PartialInspection(Exception):
    """A text or scene detector inspected only a part of the content; the message is one sentence with the
    reason.

    Findings that the detector yielded before still count. Not in the error tree: the caller records a gap in
    coverage.
    """


class Abstained(Exception):
    """A learned text detector has no operating point for the language and length of the text, and did not
    judge it; the message is one sentence with the reason.

    Findings that the detector yielded before still count. Not in the error tree: the text pipeline records
    the depth of the check, and a gap in coverage only if no other detector checked the category.
    """


@runtime_checkable
class SceneDetector(Detector, Protocol):
    """A detector that runs after the scan, on the keyframes of a file. It uses a model in its own process,
    or a remote server.

    Detectors with `remote` run last, beside each other, and never on content that must be vaulted or
    quarantined. They may have an attribute `total_timeout_s`, the seconds within which they finish.
    """

    remote: bool

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]: ...


@runtime_checkable
class VoiceActivityDetector(Detector, Protocol):
    """Voice activity detector: runs in the child on the whole sound, mono, at `rate` Hz.

    It returns (start, end) of each span of speech in order, in seconds from the start of `sound.samples`.
    """

    rate: int

    def find_speech(self, sound: AudioChunk) -> Iterable[tuple[float, float]]: ...


@runtime_checkable
class InProcessTranscriber(Detector, Protocol):
    """A transcriber that runs in the child on speech, mono, at `rate` Hz, up to 29.5 s in one call. The text
    pipeline inspects the transcript.

    Times are seconds from the start of `sound.samples`. A line without text is speech that could not be
    transcribed reliably; it is a gap in coverage.
    """

    rate: int

    def read_speech(self, sound: AudioChunk) -> Iterable[MediaText]: ...


class TranscriptionFailed(SafelightError):
    """Speech was not transcribed, or only in part; the message is one sentence with the reason."""

    code = "transcription_failed"


@runtime_checkable
class Transcriber(Detector, Protocol):
    """A transcriber that runs in the gateway process. It sends a WAV file of speech, which the child
    wrote, to a server.

    Times are seconds from the start of the file. Raises `TranscriptionFailed`, which leaves a gap in
    coverage.
    """

    def transcribe(self, wav: Path) -> Sequence[MediaText]: ...


class RunLocation(StrEnum):
    """Where a detector runs."""

    #: In the gateway process: text only.
    GATEWAY = "gateway"
    #: In the sandboxed child: everything that reads pixels or samples.
    CHILD = "child"
    #: Outside the child, after the scan, on the stored keyframes.
    SCENE = "scene"
    #: In the gateway process, after the scan: sends the speech that the child stored to a server.
    TRANSCRIBER = "transcriber"


def _nothing_missing(_options: PluginOptions) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class DetectorPlugin:
    """A detector that is installed but not loaded yet. Entry points of the group `safelight.detectors`
    name such an object.
    """

    name: str
    version: str
    #: By default in the sandbox.
    location: RunLocation = RunLocation.CHILD
    capabilities: tuple[Capability, ...] = ()
    #: Creates the detector from its options in the settings. May be slow; called once per process.
    load: Callable[[PluginOptions], Detector]
    #: A cheap check: None if nothing is missing, or one sentence on what is missing and how to install it.
    missing: Callable[[PluginOptions], str | None] = _nothing_missing
    #: A check like `missing`, for an installed detector that has nothing to search for yet: for example, no
    #: logo is enrolled. Called each time coverage is reported, because the answer may change while the
    #: gateway runs.
    idle: Callable[[PluginOptions], str | None] = _nothing_missing
    #: Whether the detector produces transcripts. If so, the text detectors that read the transcripts fill its
    #: `capabilities`.
    transcribes: bool = False
    #: Returns the cells that the detector can fill with these options, if they depend on the options.
    #: Overrides `capabilities`.
    configured_capabilities: Callable[[PluginOptions], tuple[Capability, ...]] | None = None

    def resolve_capabilities(self, options: PluginOptions) -> tuple[Capability, ...]:
        """The cells that the detector can fill with these options."""
        return (
            self.capabilities
            if self.configured_capabilities is None
            else self.configured_capabilities(options)
        )
