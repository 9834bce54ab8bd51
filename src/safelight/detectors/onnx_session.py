"""Inference sessions of ONNX models that detectors run on one frame, sound or text at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(model: Path | bytes) -> Any:
    """A session of `onnxruntime` on the CPU. It uses one thread, because scans run side by side."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # A memory arena would keep the memory that the largest input needed.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )
    # The session would keep the bytes of the model, to load them again with another provider.
    session._model_bytes = None  # noqa: SLF001
    return session
