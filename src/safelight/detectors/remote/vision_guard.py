"""A vision guard as a scene detector. It gets a contact sheet, the request texts, OCR text and transcript."""

from __future__ import annotations

import base64
import hashlib
import io
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import numpy as np

from safelight.detectors.protocol import Capability, Keyframe, PartialInspection, SceneFinding, SceneInput
from safelight.policy.findings import Basis, Finding, Modality

from .endpoint import EndpointOptions, GuardUnavailable, RemoteEndpoint
from .guard_formats import UnparseableResponse
from .vision_formats import POLICY, VisionFormat

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


#: Frames on a sheet, columns of a sheet, and longest side of one frame in pixels.
MAX_SHEET_FRAMES, COLUMNS, MAX_FRAME_SIDE_PX = 16, 4, 384
#: Longer side of a keyframe that is sent alone, and quality of the JPEGs.
_MAX_SIDE_PX, _QUALITY = 768, 80
VERSION = "1"

# Encodes keyframes for a vision guard: several on one contact sheet, or each as a single picture.


def pick_evenly(keyframes: Sequence[Keyframe], limit: int) -> tuple[int, ...]:
    """Indices of at most `limit` keyframes, evenly spaced, including the first and the last. Pure."""
    indices = np.linspace(0, len(keyframes) - 1, min(limit, len(keyframes))).round().astype(int)
    return tuple(dict.fromkeys(indices.tolist()))


def draw_contact_sheet(keyframes: Sequence[Keyframe]) -> bytes:
    """A JPEG contact sheet of 1 to `MAX_SHEET_FRAMES` keyframes, row by row. Raises `ValueError` for other
    counts.
    """
    from PIL import Image

    if not 0 < len(keyframes) <= MAX_SHEET_FRAMES:
        raise ValueError(f"a contact sheet has 1 to {MAX_SHEET_FRAMES} frames")
    columns = min(COLUMNS, len(keyframes))
    small = [_scaled_down(keyframe, MAX_FRAME_SIDE_PX) for keyframe in keyframes]
    width, height = max(one.width for one in small), max(one.height for one in small)
    page = Image.new("RGB", (width * columns, height * -(-len(small) // columns)))
    for place, picture in enumerate(small):
        page.paste(picture, (place % columns * width, place // columns * height))
    return _encode_jpeg(page)


def encode_keyframe(keyframe: Keyframe) -> bytes:
    """One keyframe as a JPEG."""
    return _encode_jpeg(_scaled_down(keyframe, _MAX_SIDE_PX))


def data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _scaled_down(keyframe: Keyframe, side: int) -> Picture:
    from PIL import Image

    picture = Image.fromarray(keyframe.pixels())
    picture.thumbnail((side, side))
    return picture


def _encode_jpeg(picture: Picture) -> bytes:
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=_QUALITY)
    return into.getvalue()


@dataclass(frozen=True, kw_only=True)
class VisionOptions(EndpointOptions):
    """Options of a vision guard, as the operator configured them."""

    model: str
    #: Time limits in seconds: `timeout_s` for one call, `total_timeout_s` for all calls about one file.
    timeout_s: float = 20.0
    total_timeout_s: float = 60.0
    max_cached_answers: int = 512
    #: Most keyframes of a file that are sent to the guard. If the file has more, the inspection is partial.
    #: One call sends a contact sheet of 16, or a single keyframe if the format allows only one per call.
    max_keyframes: int = 96


class VisionGuard:
    """A scene detector that calls a vision guard at one endpoint. Thread-safe. A failed call raises, so
    that coverage shows a gap.
    """

    #: A remote detector is called after every local one, and never for content that is vaulted or
    #: quarantined.
    remote = True

    def __init__(
        self,
        client: httpx.Client,
        vision_format: VisionFormat,
        options: VisionOptions,
        *,
        name: str = "vision-guard",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        digest = hashlib.sha256(repr((options.model, POLICY)).encode()).hexdigest()
        self.version = f"{VERSION}+{vision_format.name}.{digest[:8]}"
        self.capabilities = capabilities(vision_format)
        self.total_timeout_s = options.total_timeout_s
        self._format, self._options, self._clock = vision_format, options, clock
        self._endpoint = RemoteEndpoint(client, options, clock=clock)

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        """One finding per category that the guard reports, for each contact sheet or keyframe.

        Raises `GuardUnavailable` or `PartialInspection`.
        """
        deadline = self._clock() + self._options.total_timeout_s
        shown = pick_evenly(scene.keyframes, self._options.max_keyframes)
        for group in self._groups(shown):
            if self._clock() > deadline:
                raise PartialInspection(
                    f"{self.name} did not finish within its {self._options.total_timeout_s:g} s."
                )
            keyframes = [scene.keyframes[place] for place in group]
            jpeg = (
                encode_keyframe(keyframes[0])
                if self._format.one_keyframe_per_call
                else draw_contact_sheet(keyframes)
            )
            until = None if self._format.one_keyframe_per_call else group[-1]
            scores = self._scores(data_url(jpeg), scene)
            for name, score in sorted(scores.items()):
                yield SceneFinding(finding=self._finding(name, score), keyframe=group[0], last_keyframe=until)
        if len(shown) < len(scene.keyframes):
            raise PartialInspection(f"{self.name} was shown {len(shown)} of {len(scene.keyframes)} stills.")

    def _groups(self, places: Sequence[int]) -> list[Sequence[int]]:
        size = 1 if self._format.one_keyframe_per_call else MAX_SHEET_FRAMES
        return [places[start : start + size] for start in range(0, len(places), size)]

    def _scores(self, picture: str, scene: SceneInput) -> dict[str, float]:
        try:
            body = self._format.body(self._options.model, picture, scene)
        except UnparseableResponse as error:
            raise GuardUnavailable(str(error)) from error
        return self._endpoint.scores(self._format.path, body, self._format.read)

    def _finding(self, category: str, score: float) -> Finding:
        return Finding(
            category=category,
            score=score,
            modality=Modality.FRAMES,
            detector=self.name,
            version=self.version,
            basis=Basis.ASKED,
            reason=f"The guard model {self._options.model} reports this category.",
            attributes={"kind": "guard"},
        )


def capabilities(vision_format: VisionFormat) -> tuple[Capability, ...]:
    """The cells that a guard with this format fills in coverage."""
    return tuple(
        Capability(category=category, modality=modality)
        for category in vision_format.categories
        for modality in (Modality.IMAGE, Modality.FRAMES)
    )
