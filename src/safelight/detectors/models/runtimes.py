"""Inference runtimes: ONNX Runtime, OpenVINO or torch. Only a model process loads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .preprocessing import Pixels, is_multi_label, preprocess, read_labels, read_preprocessing, tokenize
from .specs import ModelKind, ModelSpec, Runtime

Rows = npt.NDArray[np.float32]


class LoadedModel(Protocol):
    """A loaded model. Zero-shot models use `embed_images` and `embed_texts`, classifiers use `classify`."""

    #: The labels of a classifier, in the order of its outputs; empty for zero-shot models.
    labels: Sequence[str]

    def embed_images(self, pictures: list[Pixels]) -> Rows:
        """Image embeddings, (pictures, width), rows of length one."""

    def embed_texts(self, texts: list[str]) -> Rows:
        """Text embeddings, (texts, width), rows of length one."""

    def classify(self, pictures: list[Pixels]) -> Rows:
        """Probabilities, (pictures, labels). A video classifier returns a single row."""


def load_runtime(folder: Path, spec: ModelSpec) -> LoadedModel:
    """Load the model in a folder. Raises the exceptions of the runtime."""
    if spec.runtime is Runtime.TORCH:
        return TorchModel(folder, spec)
    return GraphModel(folder, spec)


class GraphModel:
    """A model as ONNX graphs: `vision_model.onnx` and `text_model.onnx`, or `model.onnx` for a classifier."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        self._folder, self._preprocessing = folder, read_preprocessing(folder)
        open_ = _openvino if spec.runtime is Runtime.OPENVINO else _onnxruntime
        name = "vision_model.onnx" if spec.kind is ModelKind.ZERO_SHOT else "model.onnx"
        self._vision_graph = open_(_find_graph(folder, name), spec.device)
        self._text_graph = (
            open_(_find_graph(folder, "text_model.onnx"), spec.device)
            if spec.kind is ModelKind.ZERO_SHOT
            else None
        )
        self.labels: Sequence[str] = () if spec.kind is ModelKind.ZERO_SHOT else read_labels(folder)
        self._multi_label = spec.kind is not ModelKind.ZERO_SHOT and is_multi_label(folder)

    def embed_images(self, pictures: list[Pixels]) -> Rows:
        return _unit_rows(self._vision_graph.run({"pixel_values": preprocess(pictures, self._preprocessing)}))

    def embed_texts(self, texts: list[str]) -> Rows:
        if self._text_graph is None:
            raise ValueError("this model does not embed sentences")
        return _unit_rows(self._text_graph.run(tokenize(self._folder, texts, self._text_graph.inputs)))

    def classify(self, pictures: list[Pixels]) -> Rows:
        logits = self._vision_graph.run({"pixel_values": preprocess(pictures, self._preprocessing)})
        return _probabilities(logits, self._multi_label)


class Graph(Protocol):
    inputs: set[str]

    def run(self, values: dict[str, Any]) -> Rows: ...


class _OnnxGraph:
    def __init__(self, path: Path, device: str) -> None:
        import onnxruntime

        available = set(onnxruntime.get_available_providers())
        providers = ["CPUExecutionProvider"]
        if device != "cpu" and "CUDAExecutionProvider" in available:
            providers.insert(0, "CUDAExecutionProvider")
        elif device not in ("cpu", "auto"):
            raise ValueError(
                f"this onnxruntime does not support {device}; it supports {', '.join(sorted(available))}"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=providers)
        self.inputs = {one.name for one in self._session.get_inputs()}

    def run(self, values: dict[str, Any]) -> Rows:
        return _first_matrix(self._session.run(None, values))


class _OpenvinoGraph:
    def __init__(self, path: Path, device: str) -> None:
        import openvino

        device_name = {"auto": "AUTO", "cpu": "CPU"}.get(device, device.upper())
        # Some processors use half precision by default, which would give other scores than on other machines.
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        self._model = openvino.Core().compile_model(str(path), device_name, exact)
        self.inputs = {port.get_any_name() for port in self._model.inputs}

    def run(self, values: dict[str, Any]) -> Rows:
        answer = self._model(values)
        return _first_matrix([answer[port] for port in self._model.outputs])


def _onnxruntime(path: Path, device: str) -> Graph:
    return _OnnxGraph(path, device)


def _openvino(path: Path, device: str) -> Graph:
    return _OpenvinoGraph(path, device)


class TorchModel:
    """A transformers model from a folder. Loads only safetensors, no code of the model, and nothing from
    the network.
    """

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        import torch
        import transformers

        self._torch = torch
        self._device = (
            spec.device if spec.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        )
        kinds = {
            ModelKind.ZERO_SHOT: transformers.AutoModel,
            ModelKind.IMAGE: transformers.AutoModelForImageClassification,
            ModelKind.VIDEO: transformers.AutoModelForVideoClassification,
        }
        given = {"local_files_only": True, "trust_remote_code": False}
        self._model = kinds[spec.kind].from_pretrained(folder, use_safetensors=True, **given)
        self._model.eval().to(self._device)
        self._image_processor = transformers.AutoImageProcessor.from_pretrained(folder, **given)
        self._tokenizer = (
            transformers.AutoTokenizer.from_pretrained(folder, **given)
            if spec.kind is ModelKind.ZERO_SHOT
            else None
        )
        self._kind, self._folder = spec.kind, folder
        named = getattr(self._model.config, "id2label", {})
        self.labels: Sequence[str] = (
            () if spec.kind is ModelKind.ZERO_SHOT else [str(named[key]) for key in sorted(named)]
        )
        self._multi_label = spec.kind is not ModelKind.ZERO_SHOT and is_multi_label(folder)

    def embed_images(self, pictures: list[Pixels]) -> Rows:
        return _unit_rows(
            self._features("get_image_features", self._image_processor(images=pictures, return_tensors="pt"))
        )

    def embed_texts(self, texts: list[str]) -> Rows:
        if self._tokenizer is None:
            raise ValueError("this model does not embed sentences")
        length = getattr(self._model.config.text_config, "max_position_embeddings", 64)
        words = self._tokenizer(
            texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        return _unit_rows(self._features("get_text_features", words))

    def classify(self, pictures: list[Pixels]) -> Rows:
        if self._kind is ModelKind.VIDEO:
            frames = int(getattr(self._model.config, "num_frames", 16))
            places = np.linspace(0, len(pictures) - 1, frames).round().astype(int).tolist()
            inputs = self._image_processor([pictures[place] for place in places], return_tensors="pt")
        else:
            inputs = self._image_processor(images=pictures, return_tensors="pt")
        with self._torch.inference_mode():
            logits = self._model(**inputs.to(self._device)).logits
        return _probabilities(logits.float().cpu().numpy(), self._multi_label)

    def _features(self, name: str, inputs: Any) -> Rows:
        with self._torch.inference_mode():
            found = getattr(self._model, name)(**inputs.to(self._device))
        # Some versions of transformers return the tensor, others an output object that contains it.
        tensor = found if hasattr(found, "float") else found.pooler_output
        rows: Rows = tensor.float().cpu().numpy()
        return rows


def _find_graph(folder: Path, name: str) -> Path:
    for path in (folder / "onnx" / name, folder / name):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is not in {folder.name}")


def _first_matrix(answers: Sequence[Any]) -> Rows:
    """The first output that has one row per picture or sentence."""
    for answer in answers:
        if np.ndim(answer) == 2:
            return np.asarray(answer, np.float32)
    raise ValueError("no output of the graph has one row for each input")


def _unit_rows(rows: Rows) -> Rows:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(rows).all() or (lengths == 0).any():
        raise ValueError("the model returned values that are not finite")
    return np.asarray(rows / lengths, np.float32)


def _probabilities(logits: npt.NDArray[Any], multi_label: bool) -> Rows:
    values = np.asarray(logits, np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the model returned values that are not finite")
    if multi_label:
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)
    grown = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True), np.float32)
