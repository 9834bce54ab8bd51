from __future__ import annotations

import io
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from safelight.detectors.image.objects import conversion
from safelight.detectors.image.objects.detector import PLUGIN, THINGS, ObjectDetector
from safelight.detectors.models.catalogue import OBJECTS, find_model
from safelight.detectors.protocol import Frame

#: Repeats, kernel and stride of the stages of EfficientNet-Lite0, and channels of the small network.
STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))
CHANNELS = (4, 6, 6, 8, 8, 10, 10)
SIDE = 64


def small_network() -> dict[str, npt.NDArray[Any]]:
    """Weights of a network with few channels, by the names that the published files have."""
    rng = np.random.default_rng(3)
    tensors: dict[str, npt.NDArray[Any]] = {}

    def convolution(name: str, norm: str, shape: tuple[int, ...]) -> None:
        tensors[f"{name}.weight"] = rng.normal(0, 0.4, shape).astype(np.float32)
        for part, low in (("weight", 0.5), ("bias", -0.2), ("running_mean", -0.2), ("running_var", 0.5)):
            tensors[f"{norm}.{part}"] = rng.uniform(low, low + 1, shape[0]).astype(np.float32)
        tensors[f"{norm}.num_batches_tracked"] = np.array(5, dtype=np.int64)

    convolution("_conv_stem", "_bn0", (4, 3, 3, 3))
    number, width = 0, 4
    for (repeats, kernel, _), channels in zip(STAGES, CHANNELS, strict=True):
        for _ in range(repeats):
            name, wide = f"_blocks.{number}", width
            if number:
                wide = 2 * width
                convolution(f"{name}._expand_conv", f"{name}._bn0", (wide, width, 1, 1))
            convolution(f"{name}._depthwise_conv", f"{name}._bn1", (wide, 1, kernel, kernel))
            convolution(f"{name}._project_conv", f"{name}._bn2", (channels, wide, 1, 1))
            number, width = number + 1, channels
    convolution("_conv_head", "_bn1", (12, width, 1, 1))
    tensors["_fc.weight"] = rng.normal(0, 1, (1000, 12)).astype(np.float32)
    tensors["_fc.bias"] = rng.normal(0, 1, 1000).astype(np.float32)
    return tensors


def reference(tensors: dict[str, npt.NDArray[Any]]) -> bytes:
    """The same network with operators for batch norms and for TensorFlow's padding, written by `onnx`."""
    nodes: list[Any] = []

    def convolution(given: str, name: str, norm: str, stride: int = 1, group: int = 1) -> str:
        nodes.append(
            helper.make_node(
                "Conv",
                [given, f"{name}.weight"],
                [name],
                auto_pad="SAME_UPPER",
                strides=[stride] * 2,
                group=group,
            )
        )
        parts = [f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        nodes.append(helper.make_node("BatchNormalization", [name, *parts], [f"{name}.n"], epsilon=1e-3))
        return f"{name}.n"

    def active(given: str) -> str:
        nodes.append(helper.make_node("Clip", [given, "zero", "six"], [f"{given}.a"]))
        return f"{given}.a"

    value, number = active(convolution("pixels", "_conv_stem", "_bn0", 2)), 0
    for repeats, _kernel, stride in STAGES:
        for repeat in range(repeats):
            name, before = f"_blocks.{number}", value
            if number:
                value = active(convolution(value, f"{name}._expand_conv", f"{name}._bn0"))
            group = len(tensors[f"{name}._depthwise_conv.weight"])
            step = 1 if repeat else stride
            value = active(convolution(value, f"{name}._depthwise_conv", f"{name}._bn1", step, group))
            value = convolution(value, f"{name}._project_conv", f"{name}._bn2")
            if repeat:
                nodes.append(helper.make_node("Add", [before, value], [f"{name}.s"]))
                value = f"{name}.s"
            number += 1
    value = active(convolution(value, "_conv_head", "_bn1"))
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pool"]))
    nodes.append(helper.make_node("Flatten", ["pool"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "_fc.weight", "_fc.bias"], ["logits"], transB=1))
    nodes.append(helper.make_node("Softmax", ["logits"], ["out"], axis=1))
    constants = {**tensors, "zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
    graph = helper.make_graph(
        nodes,
        "reference",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 1000])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ).SerializeToString()
    return made


def test_the_built_network_computes_what_the_published_one_does() -> None:
    tensors = small_network()
    built = conversion.build(tensors, side=SIDE, depth=1.0)
    onnx.checker.check_model(onnx.load_from_string(built), full_check=True)
    pixels = np.random.default_rng(1).uniform(-1, 1, (5, 3, SIDE, SIDE)).astype(np.float32)
    ours, theirs = (
        onnxruntime.InferenceSession(one, providers=["CPUExecutionProvider"]).run(None, {"pixels": pixels})[0]
        for one in (built, reference(tensors))
    )
    assert np.abs(ours - theirs).max() < 1e-5
    assert ours.sum(axis=1) == pytest.approx(1, abs=1e-4)


def saved(tensors: dict[str, npt.NDArray[Any]]) -> bytes:
    """A file of weights, written operation by operation, because torch is not installed here."""

    def text(word: str) -> bytes:
        return pickle.BINUNICODE + struct.pack("<I", len(word)) + word.encode()

    def number(value: int) -> bytes:
        return pickle.BININT + struct.pack("<i", value)

    def tuple_of(parts: list[bytes]) -> bytes:
        return pickle.MARK + b"".join(parts) + pickle.TUPLE

    def name(module: str, word: str) -> bytes:
        return pickle.GLOBAL + f"{module}\n{word}\n".encode()

    def head(value: Any) -> bytes:
        return pickle.dumps(value, 2)

    body = pickle.PROTO + b"\x02" + name("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    body += pickle.MARK
    for key, array in tensors.items():
        kind = "LongStorage" if array.dtype == np.int64 else "FloatStorage"
        strides = [step // array.itemsize for step in array.strides]
        storage = tuple_of(
            [text("storage"), name("torch", kind), text(key), text("cpu"), number(array.size), pickle.NONE]
        )
        given = [
            storage + pickle.BINPERSID,
            number(0),
            tuple_of([number(size) for size in array.shape]),
            tuple_of([number(step) for step in strides]),
            pickle.NEWFALSE,
            name("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE,
        ]
        body += text(key) + name("torch._utils", "_rebuild_tensor_v2") + tuple_of(given) + pickle.REDUCE
    body += pickle.SETITEMS + pickle.STOP
    ends = b"".join(struct.pack("<q", array.size) + array.tobytes() for array in tensors.values())
    system = {"protocol_version": 1001, "little_endian": True}
    return head(0x1950A86A20F9469CFC6C) + head(1001) + head(system) + body + head(list(tensors)) + ends


def test_tensors_are_read_as_they_were_saved() -> None:
    tensors = {
        "a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "b.num_batches_tracked": np.array(7, dtype=np.int64),
    }
    read = conversion.read_tensors(io.BufferedReader(io.BytesIO(saved(tensors))))
    assert read.keys() == tensors.keys()
    for name, array in tensors.items():
        assert np.array_equal(read[name], array)


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


@pytest.mark.parametrize(
    "content",
    [pickle.dumps(Evil()), pickle.dumps(5) * 5, pickle.dumps(OrderedDict(a=Evil())), b"not a pickle"],
    ids=["a call", "another magic number", "a call in a dictionary", "no pickle"],
)
def test_a_file_that_names_anything_but_tensors_is_refused(content: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        conversion.read_tensors(io.BufferedReader(io.BytesIO(content)))


def test_a_missing_network_is_said_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.detectors.models.catalogue.shared_folder", lambda: tmp_path)
    assert PLUGIN.missing({"store": str(tmp_path)}) == (
        f"The networks are not installed; run: safelight models pull {OBJECTS}"
    )


installed = pytest.mark.skipif(find_model(OBJECTS, None) is None, reason="EfficientNet-Lite is not installed")


def detector() -> ObjectDetector:
    folder = find_model(OBJECTS, None)
    assert folder is not None
    return ObjectDetector(folder)


def frame(pixels: npt.NDArray[np.uint8]) -> Frame:
    return Frame(index=0, time_s=0.0, pixels=pixels, width=pixels.shape[1], height=pixels.shape[0])


@installed
@pytest.mark.parametrize("shape", [(1, 1, 3), (12, 900, 3), (480, 270, 3), (270, 480, 3)])
def test_pictures_of_every_shape_are_read_and_blank_ones_show_nothing(shape: tuple[int, int, int]) -> None:
    one = detector()
    for level in (0, 255):
        pixels = np.full(shape, level, np.uint8)
        assert set(one.find_things(pixels)) == set(THINGS)
        assert list(one.inspect_frame(frame(pixels))) == []


@installed
def test_harmless_photographs_show_no_thing() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    for name in ("china.jpg", "flower.jpg"):
        pixels = np.ascontiguousarray(datasets.load_sample_image(name), np.uint8)
        assert list(detector().inspect_frame(frame(pixels))) == []
