"""A picture of one person to the template of the face, a recording to that of the voice.

Both are opened in a sandboxed child only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from safelight.detectors.likeness.dlib_faces import VERSION
from safelight.detectors.likeness.faces import FaceEmbedder
from safelight.detectors.likeness.matching import distance
from safelight.detectors.likeness.voices import VoiceDescriber
from safelight.detectors.protocol import Keyframe
from safelight.errors import InvalidMedia, SandboxFailed
from safelight.scanning.service import Scanner
from safelight.scanning.voice_segments import voice_segments

from .store import TemplateVector


@dataclass(frozen=True, kw_only=True)
class Enroller:
    #: One without detectors: it decodes, and looks for nothing.
    scanner: Scanner
    describer: FaceEmbedder
    scratch: Callable[[], Path]

    def __call__(self, path: Path) -> TemplateVector:
        """The template. Raises `InvalidMedia` where the file shows no face, or more than one."""
        with TemporaryDirectory(dir=self.scratch(), prefix="enrol-") as folder:
            report = self.scanner.scan_image(path, looks=Path(folder))
            if report.failure:
                raise InvalidMedia(f"{path.name} cannot be opened: {report.failure}")
            stills = [
                Keyframe(
                    frame=look.frame,
                    start_s=0.0,
                    end_s=0.0,
                    path=Path(look.path),
                    width=look.width,
                    height=look.height,
                )
                for look in report.keyframes[:1]
            ]
            tracks = self.describer.tracks(stills, {}, moving=False)
        if len(tracks) != 1:
            raise InvalidMedia(
                f"{path.name} shows {len(tracks) or 'no'} faces.",
                remedy="Take a picture that shows the person alone, from the front, well lit.",
            )
        return TemplateVector(model=VERSION, template=tracks[0].templates[0])


@dataclass(frozen=True, kw_only=True)
class VoiceEnroller:
    #: One with the detector of speech alone.
    scanner: Scanner
    describer: VoiceDescriber
    scratch: Callable[[], Path]
    #: Seconds of speech that are needed, and those of a piece that can be compared.
    needed_s: float
    least_s: float
    #: No two pieces of the recording may be farther from each other.
    within: float

    def __call__(self, path: Path) -> TemplateVector:
        """The template: the middle of all pieces. Raises `InvalidMedia` where the file holds too little
        speech, or more than one voice as far as the model can tell."""
        with TemporaryDirectory(dir=self.scratch(), prefix="enrol-") as folder:
            try:
                sound = self.scanner.scan_recording(path, speech=Path(folder))
            except (SandboxFailed, InvalidMedia) as error:
                raise InvalidMedia(
                    f"{path.name} cannot be opened: {error.message}", remedy=error.remedy
                ) from None
            if sound.speech_s is None:
                raise InvalidMedia(
                    f"Whether anybody speaks in {path.name} is not known: {sound.no_vad_reason}"
                )
            pieces = voice_segments(sound, least_s=self.least_s).pieces
            if sound.speech_s < self.needed_s or not pieces:
                raise InvalidMedia(
                    f"{path.name} holds {sound.speech_s:.1f} s of speech; {self.needed_s:g} s are needed.",
                    remedy="Take a recording in which the person speaks for longer, alone.",
                )
            templates = self.describer.voices(pieces)
        farthest = max((distance(*pair) for pair in combinations(templates, 2)), default=0.0)
        if farthest > self.within:
            raise InvalidMedia(
                f"In {path.name} more than one voice seems to speak: two pieces are {farthest:.2f} apart, and"
                f" {self.within:g} is the most.",
                remedy="Take a recording of the person alone, without music or noise.",
            )
        middle = np.mean(templates, axis=0)
        return TemplateVector(model=self.describer.version, template=middle / np.linalg.norm(middle))
