"""Converts the 4-bit file of multilingual-e5-small into the folder that `E5Encoder` loads.

The file has a header, the pieces of the tokenizer, a table of normalised characters and a directory of
tensors, all little-endian. Only pieces that can occur in a folded text (`normalise`) are kept: with them,
such a text is split into the same tokens as with all 250,002.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.text.minilm import graph

SOURCE_FILE = "e5-small-q4.bin"
#: The files of a converted model.
GRAPH_FILE, VOCABULARY_FILE, TOKENIZER_FILE = "encoder.onnx", "vocabulary.npz", "tokenizer.json"
_MAGIC = b"E5S1"
#: Characters that a folded English or Chinese text can have: no capital letters and no accents.
_FOLDED = re.compile(
    r"[\u2581 -@\[-~\u00a0-\u00bf\u2010-\u2027\u2030-\u205e\u3000-\u303f\u3400-\u9fff\uff00-\uffef]*"
)
#: A quantised block: a float16 scale and 32 weights of four bits.
_BLOCK_BYTES, _BLOCK_WEIGHTS = 18, 32
#: The names of the tensors of a layer in the graph, and their short names in the file.
_DENSE = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "intermediate.dense": "fi",
    "output.dense": "fo",
}
_NORMS = {"attention.output.LayerNorm": "aln", "output.LayerNorm": "oln"}

Array: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The content of the file."""

    tensors: Mapping[str, Array]
    layers: int
    pieces: list[tuple[str, float]]
    #: Numbers of the tokens for the start and the end of a text, and for an unknown character.
    first: int
    last: int
    unknown: int


def convert(downloaded: Path, into: Path) -> None:
    """Write the files of the model into the folder `into`. The downloaded file was checked before."""
    _write(read((downloaded / SOURCE_FILE).read_bytes()), into)


def _write(source: Source, folder: Path) -> None:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    special = (source.first, source.last, source.unknown)
    kept = [
        number
        for number, (piece, _score) in enumerate(source.pieces)
        if number in special or _FOLDED.fullmatch(piece)
    ]
    number_of = {number: index for index, number in enumerate(kept)}
    tokenizer = Tokenizer(
        models.Unigram([source.pieces[number] for number in kept], number_of[source.unknown], False)
    )
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement="\u2581", prepend_scheme="always", split=False
    )
    tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
    levels, scale = graph.quantize_rows(source.tensors["embeddings.word_embeddings.weight"][kept])
    np.savez(
        folder / VOCABULARY_FILE,
        levels=levels,
        scale=scale,
        first=np.array(number_of[source.first]),
        last=np.array(number_of[source.last]),
    )
    (folder / GRAPH_FILE).write_bytes(
        graph.build(source.tensors, layers=source.layers, with_vocabulary=False)
    )


def read(data: bytes) -> Source:
    """The content of the file, whose hash is known: its structure needs no checks."""
    reader = _Reader(data)
    assert reader.take(len(_MAGIC)) == _MAGIC
    _version, width, layers, _heads, inner, *_rest = reader.unpack("<I7i")
    reader.unpack("<fi")
    count, first, last, _padding, unknown = reader.unpack("<5i")
    (size,) = reader.unpack("<Q")
    ends = np.frombuffer(reader.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(reader.take(4 * count), "<f4")
    letters = reader.take(size)
    pieces = [
        (letters[start:end].decode("utf-8", "replace"), float(score))
        for start, end, score in zip(ends[:-1], ends[1:], scores, strict=True)
    ]
    _characters, size = reader.unpack("<iI")
    reader.take(size)
    (tensors,) = reader.unpack("<i")
    places: dict[str, tuple[int, int]] = {}
    for _ in range(tensors):
        (length,) = reader.unpack("<H")
        name = reader.take(length).decode()
        _kind, _count, offset, size = reader.unpack("<BIQQ")
        places[name] = offset, size

    def floats(name: str) -> Array:
        offset, size = places[name]
        return np.frombuffer(data, "<f4", size // 4, offset).astype(np.float32)

    def blocks(name: str, columns: int) -> Array:
        offset, size = places[name]
        rows = np.frombuffer(data, np.uint8, size, offset).reshape(-1, _BLOCK_BYTES)
        scale = rows[:, :2].copy().view("<f2").astype(np.float32)
        fours = np.concatenate([rows[:, 2:] & 15, rows[:, 2:] >> 4], axis=1).astype(np.float32) - 8
        assert fours.shape[1] == _BLOCK_WEIGHTS
        return np.asarray((fours * scale).reshape(-1, columns), dtype=np.float32)

    tensors_read: dict[str, Array] = {
        "embeddings.word_embeddings.weight": blocks("emb.word", width),
        "embeddings.position_embeddings.weight": floats("emb.pos").reshape(-1, width),
        "embeddings.token_type_embeddings.weight": floats("emb.type").reshape(-1, width),
        "embeddings.LayerNorm.weight": floats("emb.ln.w"),
        "embeddings.LayerNorm.bias": floats("emb.ln.b"),
    }
    for layer in range(layers):
        for name, short in _DENSE.items():
            given = f"encoder.layer.{layer}.{name}"
            columns = inner if short == "fo" else width
            tensors_read[f"{given}.weight"] = blocks(f"l{layer}.{short}.w", columns)
            tensors_read[f"{given}.bias"] = floats(f"l{layer}.{short}.b")
        for name, short in _NORMS.items():
            given = f"encoder.layer.{layer}.{name}"
            tensors_read[f"{given}.weight"] = floats(f"l{layer}.{short}.w")
            tensors_read[f"{given}.bias"] = floats(f"l{layer}.{short}.b")
    return Source(
        tensors=tensors_read,
        layers=layers,
        pieces=pieces,
        first=first,
        last=last,
        unknown=unknown,
    )


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))
