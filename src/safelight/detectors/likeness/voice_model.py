"""Speaker embedding model in a separate model process, run by ONNX Runtime.

Its input is Kaldi filter banks; its output is one embedding.
"""

from __future__ import annotations

import hashlib
import importlib.util
import wave
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.installation import install_command

#: Sample rate in Hz and number of mel filter banks that all supported models need.
RATE, MEL_BINS = 16_000, 80
#: Use the feature recipe that the metadata of the model file names.
AUTO = "auto"
#: Accepted sizes of an embedding, in values.
_WIDTHS = range(8, 4097)
Features = npt.NDArray[np.float32]


class FeatureRecipe(StrEnum):
    """How a family of models computes its features. The values are those of `framework` in the metadata of
    model files.
    """

    #: These models need samples scaled to 16-bit integers, and a Hamming window.
    WESPEAKER = "wespeaker"
    #: These models need samples from -1 to 1, and a Povey window.
    THREE_D_SPEAKER = "3d-speaker"


def missing_package() -> str | None:
    """One sentence that names the missing package; None if it is installed."""
    if importlib.util.find_spec("kaldi_native_fbank") is None:
        return (
            f"kaldi-native-fbank, which voice templates need, is not installed: {install_command('voice')}."
        )
    return None


def load(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the function that answers a request `{"pieces": [{"path", "parts"}]}` with templates.

    Raises `ValueError` with one sentence if the file is not a speaker embedding model.
    """
    model = VoiceModel(Path(options["model"]), recipe=options["recipe"], sha256=options["sha256"])

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        templates = [
            model.compute_template(read_samples(Path(one["path"]), one["parts"])) for one in request["pieces"]
        ]
        return {"version": model.version, "width": model.width, "templates": [t.tolist() for t in templates]}

    return answer


class VoiceModel:
    """A loaded model. `version` identifies the model file and its recipe; `width` is the number of values
    in an embedding.
    """

    def __init__(self, path: Path, *, recipe: str = AUTO, sha256: str = "") -> None:
        import onnxruntime

        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if sha256 and digest != sha256.lower():
            raise ValueError(f"{path.name} does not have the configured sha256: its sha256 is {digest}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ValueError(f"{path.name} is not an ONNX model: {error}"[:200]) from None
        self._input = _check_interface(self._session, path.name)
        self.recipe = _choose_recipe(recipe, self._session.get_modelmeta().custom_metadata_map, path.name)
        self.width = self._measure_width(path.name)
        self.version = f"voice:{self.recipe.value}:{digest[:16]}"

    def compute_template(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Unit-length embedding of the voice in these samples; NaN if the model returns a zero vector."""
        (answer,) = self._session.run(None, {self._input: compute_features(samples, self.recipe)[None]})
        found = np.asarray(answer[0], np.float64)
        with np.errstate(all="ignore"):
            unit: npt.NDArray[np.float64] = found / np.linalg.norm(found)
        return unit

    def _measure_width(self, name: str) -> int:
        banks = np.random.default_rng(7).normal(size=(1, 200, MEL_BINS)).astype(np.float32)
        try:
            (answer,) = self._session.run(None, {self._input: banks})
        except Exception as error:
            raise ValueError(f"{name} cannot be run on filter banks: {error}"[:200]) from None
        if answer.ndim != 2 or answer.shape[0] != 1 or answer.shape[1] not in _WIDTHS:
            raise ValueError(f"{name} returned the shape {list(answer.shape)}, not one embedding")
        return int(answer.shape[1])


def compute_features(samples: npt.NDArray[np.float32], recipe: FeatureRecipe) -> Features:
    """Compute Kaldi filter banks, (frames, 80), from samples between -1 and 1. Their mean over time is
    removed.
    """
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming" if recipe is FeatureRecipe.WESPEAKER else "povey"
    options.mel_opts.num_bins = MEL_BINS
    banks = kaldi_native_fbank.OnlineFbank(options)
    scale = 32768.0 if recipe is FeatureRecipe.WESPEAKER else 1.0
    banks.accept_waveform(RATE, (samples * np.float32(scale)).tolist())
    banks.input_finished()
    if not banks.num_frames_ready:
        raise ValueError("a piece of speech is too short")
    found = np.stack([banks.get_frame(index) for index in range(banks.num_frames_ready)]).astype(np.float32)
    centred: Features = found - found.mean(axis=0)
    return centred


def read_samples(path: Path, parts: list[list[float]]) -> npt.NDArray[np.float32]:
    """Read these parts of a WAV file and join them. The samples are between -1 and 1."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise ValueError("the speech file is not mono, 16 bits, 16 kHz")
        whole = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    chosen = [whole[round(start * RATE) : round(end * RATE)] for start, end in parts]
    return np.concatenate(chosen).astype(np.float32) / np.float32(32768)


def _check_interface(session: Any, name: str) -> str:
    """The name of the model's only input. Raises `ValueError` if its inputs or outputs are not as
    expected.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    expected = f"one input of [batch, frames, {MEL_BINS}] numbers and one embedding out"
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"{name} has {len(inputs)} inputs and {len(outputs)} outputs; expected {expected}")
    shape = list(inputs[0].shape)
    banks = shape[-1] if shape else None
    if inputs[0].type != "tensor(float)" or len(shape) != 3 or (isinstance(banks, int) and banks != MEL_BINS):
        raise ValueError(f"{name} takes {inputs[0].type} of the shape {shape}; expected {expected}")
    return str(inputs[0].name)


def _choose_recipe(configured: str, metadata: Mapping[str, str], name: str) -> FeatureRecipe:
    rate = metadata.get("sample_rate", str(RATE))
    if rate != str(RATE):
        raise ValueError(f"{name} is for sound of {rate} Hz; expected {RATE} Hz")
    framework = metadata.get("framework", "").strip().lower() if configured == AUTO else configured
    known = " or ".join(one.value for one in FeatureRecipe)
    if not framework:
        raise ValueError(
            f"{name} does not name its training framework: set likeness.voice.framework to {known}"
        )
    try:
        return FeatureRecipe(framework)
    except ValueError:
        raise ValueError(f"{name} is for features of {framework!r}; expected {known}") from None
