"""Inference sessions of ONNX models that detectors run on one frame at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(model: Path) -> Any:
    """A session of `onnxruntime` on the CPU. It uses one thread, because scans run side by side."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
