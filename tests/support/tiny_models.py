"""Tiny models that really work: graphs that see colours, in the files that hubs have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

#: What the sentences of the zero-shot model can speak of, and the colour each is.
WORDS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0), "grey": (0.6, 0.6, 0.6)}
_SIDE, _LENGTH = 8, 4


def zero_shot(folder: Path) -> Path:
    """A CLIP of two graphs: a picture's mean colour against the colours that a sentence names."""
    import onnx
    from onnx import TensorProto, helper

    (folder / "onnx").mkdir(parents=True)
    mean = helper.make_node("ReduceMean", ["pixel_values"], ["image_embeds"], axes=[2, 3], keepdims=0)
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, _SIDE, _SIDE])
    embeds = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["n", 3])
    _save(folder / "onnx" / "vision_model.onnx", helper.make_graph([mean], "vision", [pixels], [embeds]))
    table = np.asarray([(0.0, 0.0, 0.0), (1e-3, 1e-3, 1e-3), *WORDS.values()], np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceMean", ["words"], ["text_embeds"], axes=[1], keepdims=0),
    ]
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", _LENGTH])
    read = helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["n", 3])
    initial = helper.make_tensor("table", TensorProto.FLOAT, table.shape, table.ravel().tolist())
    _save(folder / "onnx" / "text_model.onnx", helper.make_graph(nodes, "text", [ids], [read], [initial]))
    _tokenizer(folder)
    _write(folder / "config.json", {"text_config": {"max_position_embeddings": _LENGTH}})
    _pictures(folder)
    assert onnx.__version__
    return folder


def classifier(folder: Path) -> Path:
    """A classifier with the labels `plain` and `hot`: how much more red a picture is than anything else."""
    from onnx import TensorProto, helper

    folder.mkdir(parents=True)
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["logits"]),
    ]
    weights = np.asarray([[-8.0, 8.0], [4.0, -4.0], [4.0, -4.0]], np.float32)
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, _SIDE, _SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])
    initial = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel().tolist())
    _save(folder / "model.onnx", helper.make_graph(nodes, "classifier", [pixels], [logits], [initial]))
    _write(folder / "config.json", {"id2label": {"0": "plain", "1": "hot"}})
    _pictures(folder)
    return folder


def _save(path: Path, graph: Any) -> None:
    import onnx
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))


def _tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    vocabulary = {"<pad>": 0, "<unk>": 1} | {word: 2 + place for place, word in enumerate(WORDS)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", {"pad_token": "<pad>"})


def _pictures(folder: Path) -> None:
    _write(
        folder / "preprocessor_config.json",
        {
            "size": {"height": _SIDE, "width": _SIDE},
            "image_mean": [0.0, 0.0, 0.0],
            "image_std": [1.0, 1.0, 1.0],
            "resample": 2,
        },
    )


def _write(path: Path, said: dict[str, object]) -> None:
    path.write_text(json.dumps(said), encoding="utf-8")
