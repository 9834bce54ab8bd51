from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special

from safelight.detectors.models.weights import WeightsChanged
from safelight.detectors.protocol import TextContent
from safelight.detectors.text import plugins
from safelight.detectors.text.minilm.encoder import WINDOW_TOKENS, Encoder
from safelight.detectors.text.minilm.package import NOT_INSTALLED, Weights, find_weights, read_tensors
from safelight.detectors.text.normalise import views
from safelight.policy.findings import TextSpan
from support.rows import each_row

WEIGHTS = find_weights()
pytestmark = pytest.mark.skipif(WEIGHTS is None, reason="the MiniLM weights are not installed")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    assert WEIGHTS is not None
    return Encoder(WEIGHTS, tmp_path_factory.mktemp("cache"))


def reference(tensors: dict[str, npt.NDArray[np.float32]], ids: list[int]) -> npt.NDArray[np.float32]:
    """BERT in float32, from the paper; the int8 graph must come close to it."""

    def norm(x: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def dense(x: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    n = len(ids)
    words, places, kinds = (
        tensors[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
    )
    x = norm(words[ids] + places[:n] + kinds[0], "embeddings.LayerNorm")
    for number in range(6):
        name = f"encoder.layer.{number}"
        query, key, value = (
            dense(x, f"{name}.attention.self.{part}").reshape(n, 12, 32).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        shares = scipy.special.softmax(query @ key.transpose(0, 2, 1) / np.sqrt(32), axis=-1)
        mixed = (shares @ value).transpose(1, 0, 2).reshape(n, 384)
        x = norm(x + dense(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = dense(x, f"{name}.intermediate.dense")
        inner = inner * 0.5 * (1 + scipy.special.erf(inner / np.sqrt(2)))
        x = norm(x + dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


@each_row
def test_the_int8_graph_is_close_to_float32(encoder: Encoder, text: str) -> None:
    window = encoder.windows(text)[0]
    (row,) = encoder.embed([window])
    assert abs(float(np.linalg.norm(row)) - 1) < 1e-4
    expected = reference(read_tensors(WEIGHTS.tensors), [101, *window.ids, 102])
    assert float(row @ expected) >= 0.98


def test_a_long_text_is_read_in_windows_that_cover_it(encoder: Encoder) -> None:
    text = "the lighthouse stands in a storm and nobody is there " * 60
    windows = encoder.windows(text)
    assert len(windows) > 3
    assert windows[0].start == 0
    assert windows[-1].end == len(text.rstrip())
    assert all(len(window.ids) <= WINDOW_TOKENS for window in windows)
    assert all(after.start < before.end for before, after in itertools.pairwise(windows))


def test_each_sentence_of_a_longer_text_has_a_window_and_short_ones_share_one(encoder: Encoder) -> None:
    long = "A tired keeper climbs the winding stairs of an old lighthouse while the storm grows outside. "
    text = long + "The lamp fails. Rain. He waits for the boat that should have come before the evening fell."
    cut = [text[window.start : window.end] for window in encoder.windows(text)]
    assert len(cut) == 2
    assert cut[0].startswith(long.strip())
    assert cut[1].startswith("He waits")
    assert encoder.windows("One. Two. Three.") == encoder.windows("One. Two. Three.")[:1]


def test_text_without_words_has_no_windows(encoder: Encoder) -> None:
    assert encoder.windows("") == []
    assert encoder.embed([]).shape == (0, 384)


def test_a_damaged_cache_is_built_again_and_gives_the_same_graph(encoder: Encoder, tmp_path: Path) -> None:
    assert WEIGHTS is not None
    first = Encoder(WEIGHTS, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-100])
    assert Encoder(WEIGHTS, tmp_path).sha256 == first.sha256 == encoder.sha256


def test_other_weights_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "model.safetensors"
    other.write_bytes(WEIGHTS.tensors.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(WeightsChanged, match="sha256"):
        Encoder(Weights(tensors=other, tokenizer=WEIGHTS.tokenizer), tmp_path / "cache")


def test_the_detector_finds_an_unlisted_paraphrase_and_allows_harmless_scenes(tmp_path: Path) -> None:
    detector = plugins.MINILM.load({"cache_dir": str(tmp_path)})

    def found(text: str) -> dict[str, str]:
        content = TextContent(field="prompt", text=text, views=views(text))
        return {
            one.category: one.point.voice
            for one in detector.inspect_text(content)
            if one.point and one.score >= one.point.score
        }

    assert found("the enraged man keeps stabbing the helpless stranger, blood and flesh everywhere")
    assert set(found("一絲不掛的女人在床上張開雙腿，露出陰部").values()) == {"zh-glosses"}
    for text in (
        "a dancer falls gracefully",
        "alone on a rooftop at night",
        "waterfall in autumn",
        "厨师在切胡萝卜",
        "我的女兒",
    ):
        assert found(text) == {}


def test_the_evidence_of_a_gloss_is_in_the_chinese_text(tmp_path: Path) -> None:
    detector = plugins.MINILM.load({"cache_dir": str(tmp_path)})
    text = "湖面，一絲不掛的女人在床上張開雙腿，露出陰部"
    content = TextContent(field="prompt", text=text, views=views(text))
    (finding,) = [one for one in detector.inspect_text(content) if one.category == "sexual"]
    spans = [text[span.start : span.end] for span in finding.evidence if isinstance(span, TextSpan)]
    assert spans
    assert all(span and "湖" not in span for span in spans)


def test_the_plugin_reports_how_to_get_the_weights() -> None:
    assert plugins.MINILM.missing({}) is None
    assert "safelight models pull minilm" in NOT_INSTALLED
