from __future__ import annotations

import numpy as np
import onnx

from safelight.detectors import onnx_writer as protobuf


def test_a_written_model_is_valid_onnx() -> None:
    graph = protobuf.OnnxGraph(
        name="tiny",
        nodes=[
            protobuf.node("Mul", ["x", "w"], ["y"]),
            protobuf.node("LayerNormalization", ["y", "w"], ["z"], axis=-1, epsilon=1e-5),
            protobuf.node("Transpose", ["z"], ["out"], perm=(1, 0)),
        ],
        tensors=[protobuf.tensor("w", np.array([1.5, -2.0], dtype=np.float32))],
        inputs=[protobuf.value("x", protobuf.FLOAT, ("rows", 2))],
        outputs=[protobuf.value("out", protobuf.FLOAT, (2, "rows"))],
    )
    data = protobuf.model(graph, opset=20, ir_version=9)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Mul", "LayerNormalization", "Transpose"]
    assert onnx.numpy_helper.to_array(model.graph.initializer[0]).tolist() == [1.5, -2.0]
    assert model.graph.node[1].attribute[0].i == -1
