"""A tiny model that really works: a graph that sees colours, with its configuration files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

_SIDE = 8


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
