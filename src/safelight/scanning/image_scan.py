"""Scans all views of one image. Runs only inside a sandboxed child."""

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
    views: Sequence[Pixels] | None, runners: Iterable[DetectorRunner], *, field: str
) -> tuple[list[Finding], list[MediaText]]:
    """Findings and texts of all views of an image, without duplicates.

    `None`: scan a grey image to warm up the models.
    """
    findings: dict[tuple[str, str, tuple[object, ...]], Finding] = {}
    texts: list[list[MediaText]] = []
    for index, view in enumerate([np.full((720, 1280, 3), 128, np.uint8)] if views is None else views):
        view_texts: list[MediaText] = []
        for runner in runners:
            detector = runner.detector
            if isinstance(detector, FrameDetector):
                input_side = int(getattr(detector, "picture_side", detector.longest_side))
                frame = _frame_input(view, index, input_side)
                for finding in runner.findings(partial(detector.inspect_frame, frame)):
                    image_finding = _as_image_finding(finding, field)
                    key = (image_finding.detector, image_finding.category, _place_key(image_finding))
                    if key not in findings or findings[key].score < image_finding.score:
                        findings[key] = image_finding
            elif isinstance(detector, OcrReader):
                frame = _frame_input(view, index, detector.longest_side)
                view_texts += runner.texts(partial(detector.read_frame, frame))
        texts.append([replace(text, frame=None, start_s=0.0, end_s=0.0) for text in view_texts])
    return list(findings.values()), merge_texts(texts)


def downscale(view: Pixels, longest_side: int) -> Pixels:
    """The view, resized so that its longest side is at most `longest_side`; 0: unchanged."""
    import cv2

    height, width = view.shape[:2]
    size = fit_size(width, height, longest_side)
    if size == (width, height):
        return view
    return cv2.resize(view, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _frame_input(view: Pixels, index: int, longest_side: int) -> Frame:
    height, width = view.shape[:2]
    return Frame(index=index, time_s=0.0, pixels=downscale(view, longest_side), width=width, height=height)


def _as_image_finding(finding: Finding, field: str) -> Finding:
    """A copy of the finding with the modality and the request field of the image."""
    evidence = tuple(
        msgspec.structs.replace(part, field=field) if isinstance(part, ImageBox) else part
        for part in finding.evidence
    )
    return msgspec.structs.replace(finding, modality=Modality.IMAGE, evidence=evidence)


def _place_key(finding: Finding) -> tuple[object, ...]:
    """Duplicates have the same key: the kind, and the box rounded to a tenth of the image."""
    box = next((part for part in finding.evidence if isinstance(part, ImageBox)), None)
    place = None if box is None else tuple(round(side, 1) for side in box.sides)
    return (finding.attributes.get("kind"), place)
