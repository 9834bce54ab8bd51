"""Looking at the views of one picture, inside a sandboxed child."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import Frame, FrameDetector, MediaText, OcrReader
from safelight.media.decode import fit_size
from safelight.policy.findings import Finding, ImageBox, Modality
from safelight.scanning.detector_runner import DetectorRunner
from safelight.scanning.ocr_merge import merge_texts

Pixels = npt.NDArray[np.uint8]


def scan_views(
    views: Sequence[Pixels] | None, turns: Iterable[DetectorRunner], *, field: str
) -> tuple[list[Finding], list[MediaText]]:
    """Findings and texts of all views, alike ones once. `None`: a grey picture, to warm the models up."""
    findings: dict[tuple[str, str, tuple[object, ...]], Finding] = {}
    texts: list[list[MediaText]] = []
    for index, view in enumerate([np.full((720, 1280, 3), 128, np.uint8)] if views is None else views):
        read: list[MediaText] = []
        for turn in turns:
            detector = turn.detector
            if isinstance(detector, FrameDetector):
                side = int(getattr(detector, "picture_side", detector.longest_side))
                frame = _frame(view, index, side)
                for finding in turn.findings(partial(detector.inspect_frame, frame)):
                    placed = _placed(finding, field)
                    key = (placed.detector, placed.category, _roughly(placed))
                    if key not in findings or findings[key].score < placed.score:
                        findings[key] = placed
            elif isinstance(detector, OcrReader):
                frame = _frame(view, index, detector.longest_side)
                read += turn.texts(partial(detector.read_frame, frame))
        texts.append([replace(text, frame=None, start_s=0.0, end_s=0.0) for text in read])
    return list(findings.values()), merge_texts(texts)


def downscale(view: Pixels, longest_side: int) -> Pixels:
    """The view no larger than that; 0: as it is."""
    import cv2

    height, width = view.shape[:2]
    size = fit_size(width, height, longest_side)
    if size == (width, height):
        return view
    return cv2.resize(view, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _frame(view: Pixels, index: int, longest_side: int) -> Frame:
    height, width = view.shape[:2]
    return Frame(index=index, time_s=0.0, pixels=downscale(view, longest_side), width=width, height=height)


def _placed(finding: Finding, field: str) -> Finding:
    """The finding as one about a picture in this field."""
    evidence = tuple(
        msgspec.structs.replace(one, field=field) if isinstance(one, ImageBox) else one
        for one in finding.evidence
    )
    return msgspec.structs.replace(finding, modality=Modality.IMAGE, evidence=evidence)


def _roughly(finding: Finding) -> tuple[object, ...]:
    """What makes two findings in two views the same one: kind, and place to a tenth of the picture."""
    box = next((one for one in finding.evidence if isinstance(one, ImageBox)), None)
    place = None if box is None else tuple(round(side, 1) for side in box.sides)
    return (finding.attributes.get("kind"), place)
