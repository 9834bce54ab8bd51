"""Voice models small enough to build in a test: real ONNX graphs without third-party weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BANKS, WIDTH = 80, 24
WESPEAKER = {"framework": "wespeaker", "sample_rate": "16000"}


def voice_model(
    path: Path,
    *,
    banks: int = BANKS,
    inputs: int = 1,
    rank: int = 3,
    says: dict[str, str] | None = None,
    broken: bool = False,
) -> Path:
    """A graph that knows a voice by how much each filter bank moves over time, mixed by random numbers.

    `broken`: it returns NaN.
    """
    mixing = np.random.default_rng(3).normal(size=(banks, WIDTH)).astype(np.float32)
    names = ["feats", *(f"more{number}" for number in range(inputs - 1))]
    shape: list[Any] = ["batch", "frames", banks][-rank:]
    nodes = [
        helper.make_node("Mul", ["feats", "feats"], ["squares"]),
        helper.make_node("ReduceMean", ["squares", "axes"], ["power"], keepdims=0),
        helper.make_node("Log", ["power"], ["loud"]),
        helper.make_node("ReduceMean", ["loud", "last"], ["level"], keepdims=1),
        helper.make_node("Sub", ["loud", "level"], ["shape"]),
        helper.make_node("MatMul", ["shape", "mixing"], ["mixed"]),
        helper.make_node("Div" if broken else "Add", ["mixed", "nothing"], ["embs"]),
    ]
    graph = helper.make_graph(
        nodes,
        "voice",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names],
        [helper.make_tensor_value_info("embs", TensorProto.FLOAT, ["batch", WIDTH])],
        [
            numpy_helper.from_array(mixing, "mixing"),
            numpy_helper.from_array(np.array([rank - 2], np.int64), "axes"),
            numpy_helper.from_array(np.array([-1], np.int64), "last"),
            numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    for key, value in (WESPEAKER if says is None else says).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
    return path
