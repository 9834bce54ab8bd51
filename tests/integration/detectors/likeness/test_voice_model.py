"""Voice models with the real runtime in a real model process, on graphs made here; unsuitable ones are
refused.
"""

from __future__ import annotations

import os
import signal
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from safelight.detectors.likeness.voice_embedder import OnnxVoiceEmbedder
from safelight.detectors.likeness.voice_model import RATE, FeatureRecipe, compute_features
from safelight.detectors.likeness.voices import SpeechPiece
from safelight.detectors.models.process import ModelFailed
from support.rows import each_row
from support.tiny_voice import WIDTH, voice_model


def sound(seconds: float, pitch: float = 140.0) -> npt.NDArray[np.float32]:
    """A sound with overtones that changes slowly."""
    moments = np.arange(round(seconds * RATE)) / RATE
    parts = [np.sin(2 * np.pi * pitch * n * moments + n) / n for n in range(1, 12)]
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * 3 * moments)
    noise = np.random.default_rng(5).normal(size=moments.size) * 0.01
    found: npt.NDArray[np.float32] = (0.3 * swell * np.sum(parts, axis=0) + noise).astype(np.float32)
    return found


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech-0.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.concatenate([sound(3), sound(3, 310)]) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def made(tmp_path: Path) -> Iterator[OnnxVoiceEmbedder]:
    describer = OnnxVoiceEmbedder(voice_model(tmp_path / "voice.onnx"), timeout_s=20.0)
    yield describer
    describer.close()


def piece(path: Path, start: float, end: float) -> SpeechPiece:
    return SpeechPiece(path=path, parts=((start, end),), start_s=start, end_s=end)


def by_the_book(samples: npt.NDArray[np.float32], recipe: FeatureRecipe) -> npt.NDArray[np.float64]:
    """Kaldi's filter banks as defined in its papers, in plain numpy."""
    long, step, size = 400, 160, 512
    scale, window = (
        (32768.0, np.hamming(long)) if recipe is FeatureRecipe.WESPEAKER else (1.0, np.hanning(long) ** 0.85)
    )
    count = 1 + (samples.size - long) // step
    frames = np.stack([samples[n * step : n * step + long] for n in range(count)]).astype(np.float64) * scale
    frames -= frames.mean(axis=1, keepdims=True)
    frames -= 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    power = np.abs(np.fft.rfft(frames * window, size)) ** 2

    def mel(hertz: Any) -> Any:
        return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(20.0), mel(RATE / 2), 82)
    places = mel(np.arange(size // 2) * RATE / size)
    up = (places - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - places) / (edges[2:] - edges[1:-1])[:, None]
    banks = np.log(
        np.maximum(power[:, : size // 2] @ np.maximum(np.minimum(up, down), 0).T, np.finfo(np.float32).eps)
    )
    centred: npt.NDArray[np.float64] = banks - banks.mean(axis=0)
    return centred


@pytest.mark.parametrize("recipe", list(FeatureRecipe))
def test_features_are_computed_as_in_training(recipe: FeatureRecipe) -> None:
    samples = sound(1.5)
    found, wanted = compute_features(samples, recipe), by_the_book(samples, recipe)
    assert found.shape == wanted.shape == (148, 80)
    assert np.abs(found - wanted).max() < 0.01


def test_a_voice_template_has_unit_length_and_is_deterministic(made: OnnxVoiceEmbedder, speech: Path) -> None:
    one, other, again = made.embed([piece(speech, 0, 3), piece(speech, 3, 6), piece(speech, 0, 3)])
    assert one.shape == (WIDTH,)
    assert float(np.linalg.norm(one)) == pytest.approx(1)
    assert np.array_equal(one, again)
    assert float(np.linalg.norm(one - other)) > 0.1
    assert made.embed([]) == ()
    assert made.version.startswith("voice:wespeaker:")


@each_row
def test_an_unsuitable_model_is_refused_with_the_reason(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    describer = OnnxVoiceEmbedder(voice_model(tmp_path / "voice.onnx", **wrong))
    with pytest.raises(ModelFailed, match=said):
        _version = describer.version
    describer.close()


def test_an_invalid_file_or_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "voice.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelFailed, match="not an ONNX model"):
        _version = OnnxVoiceEmbedder(tmp_path / "voice.onnx").version
    whole = voice_model(tmp_path / "voice.onnx").read_bytes()
    with pytest.raises(ModelFailed, match="does not have the configured sha256"):
        _version = OnnxVoiceEmbedder(tmp_path / "voice.onnx", sha256="0" * 64).version
    (tmp_path / "voice.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFailed, match="not an ONNX model"):
        _version = OnnxVoiceEmbedder(tmp_path / "voice.onnx").version


def test_the_framework_can_be_set_and_changes_the_version(tmp_path: Path) -> None:
    model = voice_model(tmp_path / "voice.onnx", says={})
    one, other = (OnnxVoiceEmbedder(model, framework=name) for name in ("wespeaker", "3d-speaker"))
    assert one.version != other.version
    one.close()
    other.close()


def test_a_non_finite_template_is_a_failure(tmp_path: Path, speech: Path) -> None:
    describer = OnnxVoiceEmbedder(voice_model(tmp_path / "voice.onnx", broken=True))
    with pytest.raises(ModelFailed, match="invalid template"):
        describer.embed([piece(speech, 0, 3)])
    describer.close()


def test_a_piece_without_sound_is_a_failure(made: OnnxVoiceEmbedder, speech: Path) -> None:
    with pytest.raises(ModelFailed, match="too short"):
        made.embed([piece(speech, 5.999, 6.1)])
    assert len(made.embed([piece(speech, 0, 3)])) == 1


def test_a_model_that_hangs_is_ended_and_the_next_call_starts_another(
    made: OnnxVoiceEmbedder, speech: Path
) -> None:
    _version = made.version
    made._timeout_s = 0.2
    child = made._process._child
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(ModelFailed, match="did not answer"):
        made.embed([piece(speech, 0, 1)])
    assert child.poll() is not None
    made._timeout_s = 20.0
    assert len(made.embed([piece(speech, 0, 3)])) == 1


def test_a_model_file_that_is_replaced_during_use_is_noticed(
    made: OnnxVoiceEmbedder, speech: Path, tmp_path: Path
) -> None:
    _version = made.version
    voice_model(tmp_path / "voice.onnx", says={"framework": "wespeaker", "comment": "another"})
    assert len(made.embed([piece(speech, 0, 3)])) == 1
    made.close()
    with pytest.raises(ModelFailed, match="was replaced"):
        made.embed([piece(speech, 0, 3)])
