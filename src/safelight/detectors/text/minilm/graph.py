"""Builds the BERT layers of MiniLM or of E5, including pooling, as an int8 ONNX graph.

Weights are quantised once, per output channel, to seven bits, because eight bits saturate in the int16 sums
of CPUs without VNNI. Activations are quantised at run time, per tensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.onnx_writer import (
    FLOAT,
    INT64,
    Attribute,
    OnnxGraph,
    add_outputs,
    model,
    node,
    tensor,
    value,
)

#: Increase this number whenever the bytes of the built graph change.
BUILDER = 2
LAYERS, HEADS, WIDTH = 6, 12, 384
HEAD_WIDTH = WIDTH // HEADS
#: Length of the longest sequence for which there are position embeddings.
MAX_TOKENS = 512
_EPSILON = 1e-12
_QUANTIZATION_LEVELS = 63
#: How `_Writer` numbers the nodes and constants of a graph without vocabulary; a test compares this.
_FIRST_LAYER_OUTPUT, _NODES_OF_A_LAYER = 85, 72

Array: TypeAlias = npt.NDArray[np.float32]


def build(tensors: Mapping[str, Array], *, layers: int = LAYERS, with_vocabulary: bool = True) -> bytes:
    """The ONNX model as bytes. Inputs, all int64: `input_ids` and `attention_mask` (batch, tokens),
    `positions` (tokens). Without the vocabulary, the caller looks the tokens up, and the first input is
    `rows`, float32 (batch, tokens, 384).

    Outputs, float32: `embedding` (batch, 384), of unit length, and `words` (batch, tokens, 384). Raises
    `KeyError` if a tensor is missing.
    """
    return _Writer(tensors, range(layers), with_vocabulary=with_vocabulary).model()


def build_top(tensors: Mapping[str, Array], layers: Sequence[int]) -> bytes:
    """The ONNX model of these layers alone. Inputs: `rows`, the tokens after the layer before them, float32
    (batch, tokens, 384), and `attention_mask` as in `build`. Outputs as in `build`.
    """
    return _Writer(tensors, layers, with_vocabulary=False).model(top=True)


def with_layers(built: bytes, layers: Sequence[int]) -> bytes:
    """A model that `build` made without vocabulary, with one more output for each of these layers: the tokens
    after it, named by `layer_output`.
    """
    outputs = [value(layer_output(layer), FLOAT, ("batch", "tokens", WIDTH)) for layer in layers]
    return add_outputs(built, outputs)


def layer_output(layer: int) -> str:
    """The name of the tokens after a layer, in a graph without vocabulary. The first layer is 0."""
    return f"n{_FIRST_LAYER_OUTPUT + _NODES_OF_A_LAYER * layer}"


def quantize_rows(words: Array) -> tuple[npt.NDArray[np.int8], Array]:
    """The rows of a vocabulary as int8 levels, and the scale of each row."""
    scale = np.maximum(np.abs(words).max(axis=1), 1e-9) / 127
    levels = np.clip(np.round(words / scale[:, None]), -127, 127).astype(np.int8)
    return levels, scale.astype(np.float32)


class _Writer:
    def __init__(self, tensors: Mapping[str, Array], layers: Sequence[int], *, with_vocabulary: bool) -> None:
        self._given = tensors
        self._layers = layers
        self._with_vocabulary = with_vocabulary
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []
        self._count = 0

    def model(self, *, top: bool = False) -> bytes:
        hidden = "rows" if top else self._embedded()
        bias = self._mask_bias()
        for layer in self._layers:
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}")
        self._pooled(hidden)
        parts = OnnxGraph(
            name="minilm-int8",
            nodes=self._nodes,
            tensors=self._tensors,
            inputs=[
                value("input_ids", INT64, ("batch", "tokens"))
                if self._with_vocabulary
                else value("rows", FLOAT, ("batch", "tokens", WIDTH)),
                value("attention_mask", INT64, ("batch", "tokens")),
                *(() if top else [value("positions", INT64, ("tokens",))]),
            ],
            outputs=[
                value("embedding", FLOAT, ("batch", WIDTH)),
                value("words", FLOAT, ("batch", "tokens", WIDTH)),
            ],
        )
        return model(parts, opset=20, ir_version=9)

    # -- parts --------------------------------------------------------------------------------------

    def _embedded(self) -> str:
        looked_up = self._looked_up() if self._with_vocabulary else None
        # BERT adds a type embedding for the first or second sentence. All tokens are in the first, so this
        # embedding is added to the positions.
        places = (
            self._given["embeddings.position_embeddings.weight"]
            + self._given["embeddings.token_type_embeddings.weight"][0]
        )
        at = self._op("Gather", self._constant(places), "positions")
        rows = "rows" if looked_up is None else self._op("Mul", *looked_up)
        return self._norm(self._op("Add", rows, at), "embeddings.LayerNorm")

    def _looked_up(self) -> tuple[str, str]:
        """The levels of the tokens' rows, and their scales."""
        levels, scale = quantize_rows(self._given["embeddings.word_embeddings.weight"])
        rows = self._op("Cast", self._op("Gather", self._constant(levels), "input_ids"), to=FLOAT)
        return rows, self._op("Gather", self._constant(scale[:, None]), "input_ids")

    def _mask_bias(self) -> str:
        mask = self._op("Cast", "attention_mask", to=FLOAT)
        wide = self._op("Unsqueeze", mask, self._constant(np.array([1, 2], dtype=np.int64)))
        off = self._op("Sub", self._constant(np.array(1, dtype=np.float32)), wide)
        return self._op("Mul", off, self._constant(np.array(-1e9, dtype=np.float32)))

    def _layer(self, hidden: str, bias: str, name: str) -> str:
        parts = [f"{name}.attention.self.{one}" for one in ("query", "key", "value")]
        weight = np.concatenate([self._given[f"{part}.weight"] for part in parts])
        offset = np.concatenate([self._given[f"{part}.bias"] for part in parts])
        # The factor that scales the attention scores is multiplied into the query weights.
        scaling = np.ones((3 * WIDTH, 1), dtype=np.float32)
        scaling[:WIDTH] = HEAD_WIDTH**-0.5
        both = self._linear(hidden, weight * scaling, offset * scaling[:, 0])
        query, key, value = (self._fresh() for _ in range(3))
        self._nodes.append(node("Split", [both], [query, key, value], axis=-1, num_outputs=3))
        scores = self._op("MatMul", self._heads(query, (0, 2, 1, 3)), self._heads(key, (0, 2, 3, 1)))
        shares = self._op("Softmax", self._op("Add", scores, bias), axis=-1)
        mixed = self._op("MatMul", shares, self._heads(value, (0, 2, 1, 3)))
        joined = self._op(
            "Reshape",
            self._op("Transpose", mixed, perm=(0, 2, 1, 3)),
            self._constant(np.array([0, 0, WIDTH], dtype=np.int64)),
        )
        attended = self._norm(
            self._op("Add", hidden, self._dense(joined, f"{name}.attention.output.dense")),
            f"{name}.attention.output.LayerNorm",
        )
        inner = self._op("Gelu", self._dense(attended, f"{name}.intermediate.dense"))
        return self._norm(
            self._op("Add", attended, self._dense(inner, f"{name}.output.dense")), f"{name}.output.LayerNorm"
        )

    def _pooled(self, hidden: str) -> None:
        axis = self._constant(np.array([1], dtype=np.int64))
        mask = self._op(
            "Unsqueeze",
            self._op("Cast", "attention_mask", to=FLOAT),
            self._constant(np.array([2], dtype=np.int64)),
        )
        self._nodes.append(node("Mul", [hidden, mask], ["words"]))
        total = self._op("ReduceSum", "words", axis, keepdims=0)
        mean = self._op("Div", total, self._op("ReduceSum", mask, axis, keepdims=0))
        self._nodes.append(node("LpNormalization", [mean], ["embedding"], axis=-1, p=2))

    def _heads(self, name: str, order: tuple[int, ...]) -> str:
        shape = self._constant(np.array([0, 0, HEADS, HEAD_WIDTH], dtype=np.int64))
        return self._op("Transpose", self._op("Reshape", name, shape), perm=order)

    def _dense(self, name: str, layer: str) -> str:
        return self._linear(name, self._given[f"{layer}.weight"], self._given[f"{layer}.bias"])

    def _linear(self, name: str, weight: Array, bias: Array) -> str:
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-9) / _QUANTIZATION_LEVELS
        levels = np.round(weight / scale[:, None]).astype(np.int8).T
        quantised, step, zero = (self._fresh() for _ in range(3))
        self._nodes.append(node("DynamicQuantizeLinear", [name], [quantised, step, zero]))
        whole = self._op("MatMulInteger", quantised, self._constant(levels), zero)
        back = self._op("Mul", step, self._constant(scale.astype(np.float32)))
        product = self._op("Mul", self._op("Cast", whole, to=FLOAT), back)
        return self._op("Add", product, self._constant(bias.astype(np.float32)))

    def _norm(self, name: str, layer: str) -> str:
        weight, bias = self._given[f"{layer}.weight"], self._given[f"{layer}.bias"]
        return self._op(
            "LayerNormalization",
            name,
            self._constant(weight),
            self._constant(bias),
            axis=-1,
            epsilon=_EPSILON,
        )

    # -- writing ------------------------------------------------------------------------------------

    def _op(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        output = self._fresh()
        self._nodes.append(node(kind, inputs, [output], **attributes))
        return output

    def _constant(self, array: npt.NDArray[np.generic]) -> str:
        name = self._fresh()
        self._tensors.append(tensor(name, array))
        return name

    def _fresh(self) -> str:
        self._count += 1
        return f"n{self._count}"
