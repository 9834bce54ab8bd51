"""The real libraries on tiny random weights: torch and transformers, and OpenVINO against ONNX Runtime.

`pip install torch transformers openvino onnx` first; CI has none of them, because torch without CUDA cannot
be had from a hashed lock. Weights are random, so this shows that the way works, and nothing about accuracy.

    python -m bench.models
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.detectors.models.plugins import make_process
from safelight.detectors.models.runtimes import GraphModel
from safelight.detectors.models.specs import ModelSpec, read_models
from safelight.detectors.protocol import Keyframe

PROMPTS = {"violence": ["a fight", "a gun"]}
AGAINST = ["a lake", "a street"]


def tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<unk>": 1, "<eos>": 2}
    for text in (*PROMPTS["violence"], *AGAINST):
        for word in text.split():
            words.setdefault(word, len(words))
    own = Tokenizer(WordLevel(words, unk_token="<unk>"))
    own.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", unk_token="<unk>", eos_token="<eos>"
    ).save_pretrained(folder)


def clip(folder: Path) -> dict[str, Any]:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    text = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 8, "eos_token_id": 2, "pad_token_id": 0}
    seen = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    seen |= {"image_size": 32, "patch_size": 8}
    CLIPModel(CLIPConfig(text_config=text, vision_config=seen, projection_dim=16)).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder
    )
    tokenizer(folder)
    return {"kind": "zero-shot", "prompts": PROMPTS, "negative_prompts": AGAINST}


def siglip(folder: Path) -> dict[str, Any]:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    text = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 8, "projection_size": 16}
    seen = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    seen |= {"image_size": 32, "patch_size": 8}
    # SigLIP 2 with a fixed size (`siglip2-base-patch16-224`) is this very class.
    SiglipModel(SiglipConfig(text_config=text, vision_config=seen)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    tokenizer(folder)
    return {"kind": "zero-shot", "prompts": PROMPTS, "negative_prompts": AGAINST}


def vit(folder: Path) -> dict[str, Any]:
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32
    )
    config.id2label, config.label2id = {0: "normal", 1: "nsfw"}, {"normal": 0, "nsfw": 1}
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return {"kind": "image-classifier", "labels": {"nsfw": "sexual"}, "min_score": 0.0}


def videomae(folder: Path) -> dict[str, Any]:
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEImageProcessor

    config = VideoMAEConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        num_frames=4,
    )
    config.id2label, config.label2id = {0: "calm", 1: "fight"}, {"calm": 0, "fight": 1}
    VideoMAEForVideoClassification(config).save_pretrained(folder)
    VideoMAEImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder
    )
    return {"kind": "video-classifier", "labels": {"fight": "violence"}, "min_score": 0.0}


MODELS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "clip": clip,
    "siglip": siglip,
    "vit": vit,
    "videomae": videomae,
}


def torch_models(folder: Path, device: str) -> dict[str, Any]:
    """Every kind through its own model process, twice: loading, and one call of 24 stills."""
    import torch

    stills = [_still(folder, number) for number in range(24)]
    told: dict[str, Any] = {}
    for name, make in MODELS.items():
        torch.manual_seed(7)
        table = {**make(folder / name), "folder": str(folder / name), "device": device, "batch": 8}
        (named,) = read_models({"store": str(folder), "models": {name: table}})
        process = make_process(named)
        try:
            times = []
            for _ in range(2):
                began = time.perf_counter()
                answer = process.call({"keyframes": [_plain(still) for still in stills]}, timeout_s=300)
                times.append(round(time.perf_counter() - began, 3))
        finally:
            process.close()
        told[name] = {
            "rows": len(answer["rows"]),
            "first": {key: round(value, 3) for key, value in answer["rows"][0].items()},
            "with_loading_s": times[0],
            "warm_s": times[1],
        }
    return told


def graphs(folder: Path) -> dict[str, Any]:
    """The same graphs in both runtimes."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from support.tiny_models import WORDS, classifier, zero_shot

    chance = np.random.default_rng(7)
    pictures = [chance.integers(0, 255, (36, 64, 3), np.uint8) for _ in range(8)]
    asked: dict[str, Any] = {
        "kind": "zero-shot",
        "prompts": {"violence": ["red"]},
        "negative_prompts": ["grey"],
    }
    labelled: dict[str, Any] = {"kind": "image-classifier", "labels": {"hot": "violence"}}
    places = {"zero": (zero_shot(folder / "zero"), asked), "class": (classifier(folder / "class"), labelled)}
    worst = 0.0
    for place, table in places.values():
        first, second = (
            GraphModel(place, msgspec.convert({**table, "runtime": runtime}, ModelSpec))
            for runtime in ("onnx", "openvino")
        )
        if table is asked:
            pairs = [(first.embed_texts(list(WORDS)), second.embed_texts(list(WORDS)))]
            pairs.append((first.embed_images(pictures), second.embed_images(pictures)))
        else:
            pairs = [(first.classify(pictures), second.classify(pictures))]
        worst = max(worst, *(float(np.abs(one - other).max()) for one, other in pairs))
    return {"largest_difference": worst}


def _still(folder: Path, number: int) -> Keyframe:
    pixels = np.random.default_rng(number).integers(0, 255, (180, 320, 3), np.uint8)
    path = folder / f"{number}.rgb"
    path.write_bytes(pixels.tobytes())
    return Keyframe(frame=number, start_s=number, end_s=number + 1, path=path, width=320, height=180)


def _plain(still: Keyframe) -> dict[str, Any]:
    return {
        "frame": still.frame,
        "start_s": still.start_s,
        "end_s": still.end_s,
        "path": str(still.path),
        "width": still.width,
        "height": still.height,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = {"torch": torch_models(Path(folder), arguments.device), "graphs": graphs(Path(folder))}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
