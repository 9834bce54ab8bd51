"""Calibrates a custom model on the operator's labelled images, or on harmless ones alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from safelight.core.errors import InvalidField
from safelight.detectors.models.calibration import Calibration, fit_curve, fit_harmless
from safelight.detectors.models.plugins import make_process, query_process
from safelight.detectors.models.specs import ConfiguredModel
from safelight.detectors.protocol import Keyframe

from .service import Scanner

NONE = "none"
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
_AT_A_TIME = 64


@dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """Image files with their labels. A label is a category or `none`."""

    files: tuple[tuple[Path, str], ...]

    @classmethod
    def read(cls, folder: Path, categories: Sequence[str]) -> LabelledImages:
        """Reads a folder with one subfolder per category (`/` written as `-`) and one named `none`.

        Raises `InvalidField` for any other subfolder.
        """
        labels = {category.replace("/", "-"): category for category in categories} | {NONE: NONE}
        odd = sorted(one.name for one in folder.iterdir() if one.is_dir() and one.name not in labels)
        if odd:
            raise InvalidField(
                f"{folder / odd[0]} is not a category of this model.",
                param="data",
                remedy=f"Folders: {', '.join(sorted(labels))}.",
            )
        files = [
            (path, label)
            for name, label in sorted(labels.items())
            for path in sorted((folder / name).rglob("*"))
            if path.suffix.lower() in _PICTURES
        ]
        return cls(files=tuple(files))


def calibrated(named: ConfiguredModel, data: LabelledImages, scanner: Scanner, *, now: float) -> Calibration:
    """Fits the calibration of a model to these images. Raises `InvalidField`, `InvalidMedia`,
    `ModelFailed`.

    A category without an image is fitted on the harmless images alone.
    """
    process = make_process(named)
    rows: list[dict[str, float]] = []
    weights = ""
    try:
        for start in range(0, len(data.files), _AT_A_TIME):
            part = data.files[start : start + _AT_A_TIME]
            with TemporaryDirectory(prefix="calibrating-") as folder:
                stills = [
                    _still(path, Path(folder), scanner, number) for number, (path, _) in enumerate(part)
                ]
                answer = query_process(process, named, stills)
            rows += answer["rows"]
            weights = answer["weights"]
    finally:
        process.close()
    names = [f"{label}/{path.name}" for path, label in data.files]
    labels = [label for _path, label in data.files]
    harmless = [index for index, label in enumerate(labels) if label == NONE]
    curves = {
        category: fit_curve(
            category, [row[category] for row in rows], [label == category for label in labels], names
        )
        if category in labels
        else fit_harmless(
            category, [rows[index][category] for index in harmless], [names[index] for index in harmless]
        )
        for category in named.spec.categories
    }
    return Calibration(
        model=named.name,
        weights=weights,
        task_digest=named.spec.task_digest,
        created_at=now,
        curves=curves,
    )


def _still(path: Path, folder: Path, scanner: Scanner, number: int) -> Keyframe:
    own = folder / str(number)
    own.mkdir()
    report = scanner.scan_image(path, keyframes=own)
    if not report.keyframes:
        raise InvalidField(
            f"{path} cannot be opened: {report.failure or 'it contains no image'}", param="data"
        )
    look = report.keyframes[0]
    return Keyframe(
        frame=0, start_s=0.0, end_s=0.0, path=Path(look.path), width=look.width, height=look.height
    )
