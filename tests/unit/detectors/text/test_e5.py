from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest

from safelight.detectors.models.weights import MANIFEST, Manifest, WeightsChanged, hash_files
from safelight.detectors.text.acts import TopLayers
from safelight.detectors.text.e5 import conversion
from safelight.detectors.text.e5.encoder import E5Encoder, join
from safelight.detectors.text.minilm.graph import build_top, layer_output, with_layers

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "\u2581",
    "\u2581query",
    ":",
    "\u2581a",
    "\u2581dog",
    "\u2581Dog",
    "é",
    "狗",
]
WIDTH, INNER = 384, 1536


def weights_file(path: Path) -> Path:
    """A file in the format of the real one, with two layers and a few pieces."""
    random = np.random.default_rng(0)
    tensors: dict[str, bytes] = {}

    def blocks(name: str, rows: int, columns: int) -> None:
        packed = random.integers(0, 256, (rows * columns // 32, 18), dtype=np.uint8)
        packed[:, :2] = np.array([0.01], "<f2").view(np.uint8)
        tensors[name] = packed.tobytes()

    def floats(name: str, values: np.ndarray) -> None:
        tensors[name] = values.astype("<f4").tobytes()

    blocks("emb.word", len(PIECES), WIDTH)
    floats("emb.pos", random.normal(0, 0.02, (64, WIDTH)))
    floats("emb.type", np.zeros((1, WIDTH)))
    for name in ("emb.ln", "l0.aln", "l0.oln", "l1.aln", "l1.oln"):
        floats(f"{name}.w", np.ones(WIDTH))
        floats(f"{name}.b", np.zeros(WIDTH))
    for layer in ("l0", "l1"):
        for short, rows, columns in (
            *((one, WIDTH, WIDTH) for one in ("q", "k", "v", "ao")),
            ("fi", INNER, WIDTH),
            ("fo", WIDTH, INNER),
        ):
            blocks(f"{layer}.{short}.w", rows, columns)
            floats(f"{layer}.{short}.b", np.zeros(rows))
    letters = [one.encode() for one in PIECES]
    ends = np.cumsum([0, *map(len, letters)]).astype("<u4")
    head = (
        b"E5S1"
        + struct.pack("<I7i", 1, WIDTH, 2, 12, INNER, len(PIECES), 64, 1)
        + struct.pack("<fi", 1e-12, 0)
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1]))
    head += ends.tobytes() + np.linspace(-1, -5, len(PIECES)).astype("<f4").tobytes() + b"".join(letters)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(tensors))
    size = len(head) + sum(2 + len(name) + 1 + 4 + 16 for name in tensors)
    directory, data = b"", b""
    for name, values in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, 0, size + len(data), len(values))
        data += values
    path.write_bytes(head + directory + data)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights_file(tmp_path / conversion.SOURCE_FILE)
    into = tmp_path / "e5-small"
    into.mkdir()
    conversion.convert(tmp_path, into)
    manifest = Manifest(repo="", licence="mit", source="test", pulled_at=0.0, files=hash_files(into))
    (into / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return into


def test_a_converted_model_embeds_a_text(folder: Path) -> None:
    encoder = E5Encoder(folder, layers=(0, 1), shared_layer=0)
    [window] = encoder.windows("a dog")
    [reading] = encoder.read([window])
    row = reading.embedding
    maxima, means = row.reshape(2, 2, WIDTH)
    assert np.allclose(np.linalg.norm(means, axis=1), 1, atol=1e-4)
    assert not np.allclose(means[0], means[1], atol=0.01)
    assert (maxima.mean(axis=1) > means.mean(axis=1)).all()
    assert np.allclose(encoder.read_text("a dog").embedding, row, atol=1e-5)
    assert not encoder.read_text("").embedding.any()
    # The first layer is also the shared one.
    [tokens] = reading.tokens
    assert np.allclose(tokens.max(axis=0), maxima[0])


def test_windows_together_have_the_maxima_of_all_and_a_mean_of_unit_length(folder: Path) -> None:
    encoder = E5Encoder(folder, layers=(0,), shared_layer=0)
    readings = [encoder.read_text(text) for text in ("a dog", "dog")]
    joined = join(readings, [2, 1])
    maxima = np.stack([one.embedding[:WIDTH] for one in readings]).max(axis=0)
    assert np.array_equal(joined.embedding[:WIDTH], maxima)
    assert np.isclose(np.linalg.norm(joined.embedding[WIDTH:]), 1, atol=1e-4)
    assert len(joined.tokens) == 2


def test_the_last_layer_is_the_embedding_of_the_graph(folder: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        with_layers((folder / conversion.GRAPH_FILE).read_bytes(), [1]), providers=["CPUExecutionProvider"]
    )
    feed = {
        "rows": np.random.default_rng(1).normal(0, 1, (1, 3, WIDTH)).astype(np.float32),
        "attention_mask": np.ones((1, 3), dtype=np.int64),
        "positions": np.arange(3, dtype=np.int64),
    }
    words, layer = session.run(["words", layer_output(1)], feed)
    assert np.array_equal(words, layer)


def test_top_layers_go_on_after_the_shared_layer(folder: Path, tmp_path: Path) -> None:
    source = conversion.read((tmp_path / conversion.SOURCE_FILE).read_bytes())
    head = np.random.default_rng(2).normal(0, 1, (2 * WIDTH, 3)).astype(np.float32)
    top = TopLayers(build_top(source.tensors, [1]), head, np.zeros(3, np.float32))
    encoder = E5Encoder(folder, layers=(1,), shared_layer=0)
    dog, other = encoder.read_text("a dog"), encoder.read_text("dog a")
    both, first, none = top.log_shares([dog.tokens + other.tokens, dog.tokens, ()])
    outputs = dog.embedding @ head
    assert np.allclose(first, outputs - np.log(np.exp(outputs).sum()), atol=1e-4)
    assert np.allclose(none, np.log(1 / 3))
    assert not np.allclose(both, first, atol=1e-3)


def test_pieces_that_a_folded_text_cannot_have_are_left_out(folder: Path) -> None:
    encoder = E5Encoder(folder, layers=(0,), shared_layer=0)
    [known] = encoder.windows("a dog")
    assert known.offsets[-1][1] == len("a dog")
    with np.load(folder / conversion.VOCABULARY_FILE) as found:
        assert len(found["levels"]) == len(PIECES) - 2


def test_a_cut_off_file_of_the_model_is_not_loaded(folder: Path) -> None:
    graph = folder / conversion.GRAPH_FILE
    graph.write_bytes(graph.read_bytes()[:-100])
    with pytest.raises(WeightsChanged, match=conversion.GRAPH_FILE):
        E5Encoder(folder)
