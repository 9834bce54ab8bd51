"""Face detector: CenterFace and BlazeFace, in reference pictures that are also turned, and in sampled frames.

A face that both models see in the same place is one finding with the `voice` `both`; any other has the name
of its model. Every face counts as a real face, because no model here distinguishes drawn faces from
photographed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from safelight.core.arrays import Pixels
from safelight.detectors.models.catalogue import (
    BLAZEFACE,
    CENTERFACE,
    find_model,
    not_installed,
    read_pinned_file,
    store_of,
)
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Basis, Category, Finding, ImageBox, Modality

from .blazeface import BlazeFace
from .centerface import STRIDE, CenterFace
from .face_boxes import ScoredFace, is_same_face, remove_duplicates, turn_back
from .region_cache import CachedRegions, Window, WindowSizes, crop, enclosing_window, expand_box
from .scaling import scale_picture

NAME, VERSION = "faces", "centerface-blazeface-2"
#: The voice of a face that both models see.
BOTH = "both"

#: The scores of both models, uncalibrated. The policy `starter` holds on CenterFace alone from 0.7.
MIN_SCORE = 0.5
_FRAME_SIDE_PX, _PICTURE_SIDE_PX = 640, 960
#: A reference is also inspected after one, two and three quarter turns: no model finds every turned face.
_QUARTER_TURNS = range(4)
#: If only a part of the frame changed, CenterFace inspects only that part. After ten frames, it inspects the
#: whole frame again.
_WINDOWS = WindowSizes(stride=STRIDE, margin=48, max_share=0.5, max_age_frames=10)

CAPABILITIES: tuple[Capability, ...] = (
    # For frames, the cell is left out: this detector cannot tell whose face it is.
    Capability(
        category=Category.LIKENESS.value,
        modality=Modality.IMAGE,
        measured="finds faces, not whose they are: in 720p pictures, found 27 of 27 adult faces 56 pixels "
        "high or more; 5 of 292 harmless windows of photographs have a false one, benchmarks/pictures.md",
    ),
)


class FaceDetector:
    """A `FrameDetector` for faces."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = _FRAME_SIDE_PX
    picture_side = _PICTURE_SIDE_PX
    every_frame = False
    costly = True

    def __init__(self, center: CenterFace, blaze: BlazeFace) -> None:
        self._center, self._blaze = center, blaze
        self._cache = CachedRegions(_WINDOWS, inspect=self._inspect_window, locate=_window)

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        if frame.is_reference:
            pixels = _resize(frame.pixels, _PICTURE_SIDE_PX)
            center = _find_turned(self._center.find_faces, pixels)
            blaze = _find_turned(self._blaze.find_faces, pixels)
        else:
            pixels = _resize(frame.pixels, _FRAME_SIDE_PX)
            center = self._cache.detect(frame.index, pixels)
            blaze = remove_duplicates(self._blaze.find_faces(pixels))
        return [_finding(face, voice) for voice, face in join_faces(center, blaze)]

    def _inspect_window(self, pixels: Pixels, window: Window) -> list[ScoredFace]:
        height, width = pixels.shape[:2]
        return [
            face._replace(box=expand_box(face.box, window, width, height))
            for face in remove_duplicates(self._center.find_faces(crop(pixels, window)))
        ]


def _find_turned(find_faces: Callable[[Pixels], list[ScoredFace]], pixels: Pixels) -> list[ScoredFace]:
    return remove_duplicates(
        turn_back(face, turns) for turns in _QUARTER_TURNS for face in find_faces(np.rot90(pixels, turns))
    )


def join_faces(center: Iterable[ScoredFace], blaze: Iterable[ScoredFace]) -> Iterator[tuple[str, ScoredFace]]:
    """Each face with its voice. One that both models see has CenterFace's box and score."""
    left = list(blaze)
    for face in center:
        same = [other for other in left if is_same_face(face, other)]
        left = [other for other in left if other not in same]
        yield BOTH if same else CENTERFACE, face
    for face in left:
        yield BLAZEFACE, face


def _finding(face: ScoredFace, voice: str) -> Finding:
    x, y, w, h = (round(part, 4) for part in face.box)
    return Finding(
        category=Category.LIKENESS.value,
        score=round(face.score, 4),
        modality=Modality.FRAMES,
        detector=NAME,
        version=VERSION,
        basis=Basis.LEARNED,
        reason="A face is visible.",
        evidence=(ImageBox(x=x, y=y, w=w, h=h),),
        attributes={"kind": "face", "area": round(w * h, 5), "voice": voice},
    )


def _resize(pixels: Pixels, longest_side: int) -> Pixels:
    """The picture with this longest side; a smaller one is enlarged."""
    return scale_picture(pixels, longest_side / max(pixels.shape[:2]))


def _window(face: ScoredFace, width: int, height: int) -> Window:
    return enclosing_window(face.box, width, height)


def _missing(options: PluginOptions) -> str | None:
    for name in (CENTERFACE, BLAZEFACE):
        if find_model(name, store_of(options)) is None:
            return not_installed(name)
    return None


def _load(options: PluginOptions) -> FaceDetector:
    store, min_score = store_of(options), float(options.get("min_score", MIN_SCORE))
    return FaceDetector(
        CenterFace(read_pinned_file(CENTERFACE, store), min_score=min_score),
        BlazeFace(read_pinned_file(BLAZEFACE, store), min_score=min_score),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    capabilities=CAPABILITIES,
    load=_load,
    missing=_missing,
)
