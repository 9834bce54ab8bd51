"""Computes face templates of a picture or clip of one person. Only a sandboxed process opens the files."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from safelight.core.arrays import Pixels
from safelight.core.errors import InvalidMedia
from safelight.detectors.likeness.dlib_faces import VERSION
from safelight.detectors.likeness.faces import FaceEmbedder
from safelight.detectors.likeness.matching import distance
from safelight.detectors.protocol import Keyframe
from safelight.screening.scanning.service import Scanner
from safelight.screening.scanning.tasks import OutputDirs

from .store import TemplateVector

_COLUMNS = 3
_MAX_FRAMES = 9
#: Wide enough to read a phrase that is held before the camera.
_FRAME_WIDTH = 480
#: Frames of a clip that must show the face. One frame could be a picture held before the camera.
_MIN_FACE_FRAMES = 2
#: More templates of one face make a comparison slower and hardly better.
_MAX_TEMPLATES = 6
#: Mean difference from the first frame, of 255. Encoding alone changes a still picture by up to 0.2, and a
#: drawn face that sways by one pixel in 320 by 0.9 or more. The noise of a camera hides a still picture.
_MAX_STILL_DIFFERENCE = 0.5


def is_still(frames: Sequence[Pixels]) -> bool:
    """Whether nothing moves in these frames, as in a picture that was made a clip. They have one size."""
    first = frames[0].astype(np.int16)
    return all(np.abs(frame - first).mean() < _MAX_STILL_DIFFERENCE for frame in frames)


def draw_sheet(frames: Sequence[Pixels]) -> bytes:
    """A grid of at most nine frames, spread over the clip, as WebP. The frames have one size."""
    from PIL import Image

    places = np.linspace(0, len(frames) - 1, min(len(frames), _MAX_FRAMES)).round().astype(int)
    chosen = [Image.fromarray(frames[place]) for place in dict.fromkeys(places.tolist())]
    width = min(_FRAME_WIDTH, chosen[0].width)
    height = max(1, round(chosen[0].height * width / chosen[0].width))
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    for number, frame in enumerate(chosen):
        sheet.paste(frame.resize((width, height)), (number % columns * width, number // columns * height))
    written = io.BytesIO()
    sheet.save(written, "WEBP", quality=80)
    return written.getvalue()


@dataclass(frozen=True, kw_only=True)
class FaceEnroller:
    """Computes the face template of a picture that shows one face."""

    #: A scanner without detectors. It only decodes the picture.
    scanner: Scanner
    embedder: FaceEmbedder
    scratch: Callable[[], Path]

    def __call__(self, path: Path) -> TemplateVector:
        """The face template. Raises `InvalidMedia` unless the picture shows exactly one face."""
        with TemporaryDirectory(dir=self.scratch(), prefix="enrol-") as folder:
            report = self.scanner.scan_image(path, keyframes=Path(folder))
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
            tracks = self.embedder.find_tracks(stills, {}, moving=False)
        if len(tracks) != 1:
            raise InvalidMedia(
                f"{path.name} shows {len(tracks) or 'no'} faces.",
                remedy="Use a picture that shows only this person, from the front, in good light.",
            )
        return TemplateVector(model=VERSION, template=tracks[0].templates[0])


@dataclass(frozen=True, kw_only=True)
class EnrolledClip:
    """What a clip of one person leaves behind. The clip itself is not needed any more."""

    vectors: tuple[TemplateVector, ...]
    #: Frames of the clip in one picture, as WebP, for the reviewer.
    sheet: bytes
    is_still: bool = False


@dataclass(frozen=True, kw_only=True)
class ClipEnroller:
    """Computes the face templates of a clip that shows one person."""

    #: A scanner without detectors. It only decodes the clip.
    scanner: Scanner
    embedder: FaceEmbedder
    scratch: Callable[[], Path]
    #: Maximum distance between two faces of the clip. A larger distance means more than one person.
    max_distance: float

    def __call__(self, path: Path) -> EnrolledClip:
        """The templates and the sheet of frames.

        Raises `InvalidMedia` unless every frame that was compared shows the same one face.
        """
        with TemporaryDirectory(dir=self.scratch(), prefix="enrol-") as folder:
            report = self.scanner.scan_video(path, outputs=OutputDirs(keyframes=Path(folder)))
            if report.failure or not report.keyframes:
                raise InvalidMedia(f"The clip cannot be opened: {report.failure or 'it has no frames'}")
            keyframes = [one.opened() for one in report.keyframes]
            tracks = self.embedder.find_tracks(keyframes, {}, moving=True)
            frames = [keyframe.pixels() for keyframe in keyframes]
        seen = [spot.keyframe for track in tracks for spot in track.detections]
        templates = [template for track in tracks for template in track.templates]
        if not templates or len(set(seen)) < min(_MIN_FACE_FRAMES, len(keyframes)):
            raise InvalidMedia(
                "The clip shows no face for long enough.",
                remedy="Record yourself from the front, in good light, for some seconds.",
            )
        farthest = max((distance(*pair) for pair in combinations(templates, 2)), default=0.0)
        if len(set(seen)) < len(seen) or farthest > self.max_distance:
            raise InvalidMedia(
                "The clip shows more than one person.", remedy="Record yourself alone, in one piece."
            )
        vectors = [TemplateVector(model=VERSION, template=each) for each in templates[:_MAX_TEMPLATES]]
        return EnrolledClip(vectors=tuple(vectors), sheet=draw_sheet(frames), is_still=is_still(frames))
