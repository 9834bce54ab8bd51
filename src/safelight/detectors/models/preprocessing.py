"""Converts images into model inputs, as the model's own configuration files define."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

Tensor = npt.NDArray[np.float32]


class ImagePreprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of a model's image preprocessing, from `preprocessor_config.json`."""

    width: int
    height: int
    #: Scale the shortest side to this length, then crop the centre. 0: scale to `width` and `height` without
    #: cropping.
    shortest: int = 0
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    bicubic: bool = False


def read_preprocessing(folder: Path) -> ImagePreprocessing:
    """Read the image preprocessing of a model. Raises `ValueError` if the file is missing or not
    supported.
    """
    config = _read_json(folder / "preprocessor_config.json")
    size, crop = config.get("size", 224), config.get("crop_size", {})
    shortest = size.get("shortest_edge", 0) if isinstance(size, dict) else size
    crops = config.get("do_center_crop", False)
    target = crop if crops and crop else size
    if isinstance(target, int):
        target = {"width": target, "height": target}
    side = target.get("shortest_edge", shortest)
    width, height = int(target.get("width", side)), int(target.get("height", side))
    if not (0 < width <= 2048 and 0 < height <= 2048):
        raise ValueError(f"the model needs pictures of {width} x {height}, which is not supported")
    return ImagePreprocessing(
        width=width,
        height=height,
        shortest=int(shortest) if crops else 0,
        mean=tuple(config.get("image_mean", (0.5,) * 3)),
        deviation=tuple(config.get("image_std", (0.5,) * 3)),
        bicubic=config.get("resample", 3) == 3,
    )


def preprocess(pictures: list[Pixels], rules: ImagePreprocessing) -> Tensor:
    """Model input of shape (pictures, 3, height, width), scaled and normalised as for the training of the
    model.
    """
    return np.stack([_preprocess_one(pixels, rules) for pixels in pictures])


def _preprocess_one(pixels: Pixels, rules: ImagePreprocessing) -> Tensor:
    from PIL import Image

    picture = Image.fromarray(pixels)
    resampling = Image.Resampling.BICUBIC if rules.bicubic else Image.Resampling.BILINEAR
    if rules.shortest:
        scale = rules.shortest / min(picture.size)
        scaled_size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        picture = picture.resize(scaled_size, resampling)
        left, top = (picture.width - rules.width) // 2, (picture.height - rules.height) // 2
        picture = picture.crop((left, top, left + rules.width, top + rules.height))
    else:
        picture = picture.resize((rules.width, rules.height), resampling)
    values = np.asarray(picture, np.float32) / 255.0
    scaled = (values - np.asarray(rules.mean, np.float32)) / np.asarray(rules.deviation, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def read_labels(folder: Path) -> list[str]:
    """A classifier's labels in the order of its outputs."""
    named = _read_json(folder / "config.json").get("id2label", {})
    return [str(named[key]) for key in sorted(named, key=int)]


def is_multi_label(folder: Path) -> bool:
    """Whether several labels of a classifier can apply at the same time."""
    return _read_json(folder / "config.json").get("problem_type") == "multi_label_classification"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} is not a JSON object")
    return document
