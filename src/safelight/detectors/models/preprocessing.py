"""Pictures and sentences as the numbers a graph takes, by the model's own configuration files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Tensor = npt.NDArray[np.float32]


class PictureRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a model wants its pictures: `preprocessor_config.json`."""

    width: int
    height: int
    #: First scaled so that the shortest side is this, then cut from the middle; 0: squeezed into the size.
    shortest: int = 0
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    bicubic: bool = False


def picture_rules(folder: Path) -> PictureRules:
    """Raises `ValueError` where the file is missing or says something we do not know."""
    said = _read(folder / "preprocessor_config.json")
    size, crop = said.get("size", 224), said.get("crop_size", {})
    shortest = size.get("shortest_edge", 0) if isinstance(size, dict) else size
    cut = said.get("do_center_crop", False)
    box = crop if cut and crop else size
    if isinstance(box, int):
        box = {"width": box, "height": box}
    side = box.get("shortest_edge", shortest)
    width, height = int(box.get("width", side)), int(box.get("height", side))
    if not (0 < width <= 2048 and 0 < height <= 2048):
        raise ValueError(f"the model wants pictures of {width} x {height}")
    return PictureRules(
        width=width,
        height=height,
        shortest=int(shortest) if cut else 0,
        mean=tuple(said.get("image_mean", (0.5,) * 3)),
        deviation=tuple(said.get("image_std", (0.5,) * 3)),
        bicubic=said.get("resample", 3) == 3,
    )


def preprocess(pictures: list[Pixels], rules: PictureRules) -> Tensor:
    """(pictures, 3, height, width), as the model was trained to see them."""
    return np.stack([_one(pixels, rules) for pixels in pictures])


def _one(pixels: Pixels, rules: PictureRules) -> Tensor:
    from PIL import Image

    picture = Image.fromarray(pixels)
    way = Image.Resampling.BICUBIC if rules.bicubic else Image.Resampling.BILINEAR
    if rules.shortest:
        scale = rules.shortest / min(picture.size)
        grown = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        picture = picture.resize(grown, way)
        left, top = (picture.width - rules.width) // 2, (picture.height - rules.height) // 2
        picture = picture.crop((left, top, left + rules.width, top + rules.height))
    else:
        picture = picture.resize((rules.width, rules.height), way)
    values = np.asarray(picture, np.float32) / 255.0
    scaled = (values - np.asarray(rules.mean, np.float32)) / np.asarray(rules.deviation, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def sentences(folder: Path, texts: list[str], names: set[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Token ids, and the mask where the graph asks for one, all of the model's own length."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = _read(folder / "config.json")
    length = int(config.get("text_config", {}).get("max_position_embeddings", 64))
    pad = str(_read(folder / "tokenizer_config.json", {}).get("pad_token", "<pad>"))
    number = tokenizer.token_to_id(pad)
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=number or 0, pad_token=pad)
    found = tokenizer.encode_batch(texts)
    rows = {
        "input_ids": np.asarray([one.ids for one in found], np.int64),
        "attention_mask": np.asarray([one.attention_mask for one in found], np.int64),
    }
    return {name: row for name, row in rows.items() if name in names}


def labels_of(folder: Path) -> list[str]:
    """A classifier's labels in the order of its output."""
    named = _read(folder / "config.json").get("id2label", {})
    return [str(named[key]) for key in sorted(named, key=int)]


def many_labels(folder: Path) -> bool:
    """Whether several of a classifier's labels may hold at a time."""
    return _read(folder / "config.json").get("problem_type") == "multi_label_classification"


def _read(path: Path, otherwise: dict[str, Any] | None = None) -> dict[str, Any]:
    if otherwise is not None and not path.is_file():
        return otherwise
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise ValueError(f"{path.name} is no object")
    return said
